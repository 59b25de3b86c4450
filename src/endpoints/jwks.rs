//! `GET /api/auth/jwks`

use postern_macros::operation;

use crate::{app::App, crypto::jwt::KeySet, error::Error, web::Response};

/// Get the public keys of session tokens.
///
/// The response is a JSON Web Key Set (RFC 7517). Other services use it to verify session tokens.
#[operation(responses((status = 200, body = KeySet)))]
pub async fn get(app: &App) -> Result<Response, Error> {
    Ok(Response::json(&app.keys().session.public()))
}
