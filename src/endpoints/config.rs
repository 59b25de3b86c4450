//! `GET /api/auth/config`

use postern_macros::operation;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{app::App, error::Error, web::Response};

/// An identity provider that users can sign in with.
#[derive(Serialize, ToSchema)]
pub struct ConfiguredProvider<'a> {
    /// The name in `POST /api/auth/login/{provider}`.
    #[schema(example = "google")]
    id: &'a str,
    /// The name to show.
    #[schema(example = "Google")]
    name: &'a str,
}

/// The settings that the web pages need before login.
#[derive(Serialize, ToSchema)]
pub struct Config<'a> {
    /// The name of the service.
    #[schema(example = "Postern")]
    service_name: &'a str,
    /// The color of the web pages: `#` and six hexadecimal digits.
    #[schema(pattern = "^#[0-9a-f]{6}$", example = "#0f6e75")]
    brand_color: &'a str,
    /// The origins of apps that use the sessions of this service, and to which users can return after signing in.
    #[schema(example = json!(["https://app.example.com"]))]
    app_origins: &'a [String],
    /// The URL of the web pages that links in emails lead to, without a trailing slash.
    #[schema(format = "uri", example = "https://app.example.com")]
    app_url: &'a str,
    /// Who can sign up. `invitation`: invited users only. `open`: everyone. `domains`: everyone with an email at certain domains.
    /// `approval`: everyone whom an admin approves. `closed`: nobody; admins create the accounts. Invitations work in every mode but
    /// `closed`.
    #[schema(pattern = "^(invitation|open|domains|approval|closed)$", example = "invitation")]
    sign_up: &'a str,
    /// Whether users can sign in with a code that they get by email.
    email_sign_in: bool,
    /// The identity providers, in the order of their buttons.
    identity_providers: Vec<ConfiguredProvider<'a>>,
    /// The minimum length of a password, in characters.
    password_min_length: usize,
    /// The default lifetime of a user token, in days.
    user_token_lifetime_days: i64,
    /// The site key of the Turnstile widget whose token some forms need as `captcha`. Null if none needs one.
    #[schema(required, example = "0x4AAAAAAAB1cD2eF3gH4iJ5")]
    turnstile_site_key: Option<&'a str>,
}

/// Get the public settings.
#[operation(responses((status = 200, body = Config)))]
pub async fn get(app: &App) -> Result<Response, Error> {
    let settings = app.settings();
    let providers = settings.identity_providers.all();
    Ok(Response::json(&Config {
        service_name: &settings.service_name,
        brand_color: &settings.brand_color,
        app_origins: &settings.app_origins,
        app_url: &settings.app_url,
        sign_up: settings.sign_up.name(),
        email_sign_in: settings.email_sign_in,
        identity_providers: providers
            .map(|provider| ConfiguredProvider { id: &provider.id, name: &provider.name })
            .collect(),
        password_min_length: settings.password_min_length,
        user_token_lifetime_days: settings.user_token_lifetime_days,
        turnstile_site_key: settings.turnstile.as_ref().map(|turnstile| turnstile.site_key.as_str()),
    }))
}
