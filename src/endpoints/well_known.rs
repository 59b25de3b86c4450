//! `GET /.well-known/webauthn`

use postern_macros::operation;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{app::App, error::Error, web::Response};

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
