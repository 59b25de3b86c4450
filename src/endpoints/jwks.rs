//! `GET /api/auth/jwks`

use crate::{app::App, web::Response};

/// The public keys of session tokens (RFC 7517), so that others can verify them without the secret.
pub fn get(app: &App) -> Response {
    Response::json(&app.keys().session.public())
}
