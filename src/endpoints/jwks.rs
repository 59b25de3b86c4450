//! `GET /api/auth/jwks`

use postern_macros::operation;

use crate::{app::App, crypto::jwt::KeySet, error::Error, web::Response};

/// The public keys of session tokens (RFC 7517), so that others can verify them without the secret.
#[operation(responses((status = 200, body = KeySet)))]
pub async fn get(app: &App) -> Result<Response, Error> {
    Ok(Response::json(&app.keys().session.public()))
}
