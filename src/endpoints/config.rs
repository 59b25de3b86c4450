//! `GET /api/auth/config`

use postern_macros::operation;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{app::App, error::Error, web::Response};

/// What the pages must know of the settings before anybody has signed in.
#[derive(Serialize, ToSchema)]
pub struct Config<'a> {
    /// What the service is called.
    #[schema(example = "Postern")]
    service_name: &'a str,
    /// What its pages are coloured with: `#` and six hexadecimal digits.
    #[schema(pattern = "^#[0-9a-f]{6}$", example = "#0f6e75")]
    brand_color: &'a str,
    /// Where the pages are that mailed links lead to, without a slash at its end.
    #[schema(format = "uri", example = "https://app.example.com")]
    app_url: &'a str,
    /// The fewest characters of a password.
    password_min_length: usize,
    /// How many days a user token lives where a request names no other number.
    user_token_lifetime_days: i64,
}

/// Get the public settings.
#[operation(responses((status = 200, body = Config)))]
pub async fn get(app: &App) -> Result<Response, Error> {
    let settings = app.settings();
    Ok(Response::json(&Config {
        service_name: &settings.service_name,
        brand_color: &settings.brand_color,
        app_url: &settings.app_url,
        password_min_length: settings.password_min_length,
        user_token_lifetime_days: settings.user_token_lifetime_days,
    }))
}
