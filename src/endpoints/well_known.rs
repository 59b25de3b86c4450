//! The files of `/.well-known/` (RFC 8615).

use postern_macros::operation;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{app::App, domain::calendar::DateTime, error::Error, web::Response};

/// Related origins (Web Authentication Level 3, section 5.11).
#[derive(Serialize, ToSchema)]
pub struct RelatedOrigins<'a> {
    /// The origins whose pages can use the passkeys of this domain.
    #[schema(example = json!(["https://app.example.com"]))]
    origins: Vec<&'a str>,
}

/// Get the origins that can use passkeys.
///
/// Browsers ask for it when a page of another domain uses passkeys of this one. They are the origins of `APP_URL`, `CORS_ORIGINS` and `APP_ORIGINS`.
#[operation(responses((status = 200, body = RelatedOrigins)))]
pub async fn webauthn(app: &App) -> Result<Response, Error> {
    let settings = app.settings();
    let listed = settings.cors_origins.iter().chain(&settings.app_origins).map(String::as_str);
    let mut origins = vec![settings.own_origin.as_str()];
    for origin in listed {
        if !origins.contains(&origin) {
            origins.push(origin);
        }
    }
    Ok(Response::json(&RelatedOrigins { origins }))
}

/// Go to the page to change the password.
///
/// Browsers and password managers offer it ([A Well-Known URL for Changing Passwords](https://w3c.github.io/webappsec-change-password-url/)).
#[operation(
    responses((status = 302, description = "To the password section of the page `/account`.", headers(("Location" = String, description = "The page."))))
)]
pub async fn change_password(app: &App) -> Result<Response, Error> {
    Ok(Response::found(format!("{}/account#password", app.settings().app_url)))
}

/// After how many milliseconds `security.txt` expires. RFC 9116, section 2.5.5, recommends less than a year.
const SECURITY_TXT_LIFETIME: i64 = 180 * 86_400_000;

/// Get the security contact.
///
/// Returns `security.txt` (RFC 9116) with the setting `SECURITY_CONTACT`, or 404 without it. It expires after 180 days.
#[operation(
    responses(
        (status = 200, content((String = "text/plain; charset=utf-8"))),
        (status = "4XX", description = "not_found"),
    )
)]
pub async fn security(app: &App) -> Result<Response, Error> {
    let contacts = &app.settings().security_contacts;
    if contacts.is_empty() {
        return Err(Error::NotFound);
    }
    let mut lines: Vec<String> = contacts.iter().map(|contact| format!("Contact: {contact}\n")).collect();
    lines.push(format!("Expires: {}\n", DateTime::at(app.now + SECURITY_TXT_LIFETIME).start_of_day()));
    lines.push(format!("Canonical: {}/.well-known/security.txt\n", app.settings().own_origin.as_str()));
    Ok(Response::plain_text(lines.concat()))
}
