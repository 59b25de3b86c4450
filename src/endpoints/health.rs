//! `GET /health`

use serde_json::json;

use crate::{
    app::App,
    error::Error,
    store::{self, records},
    web::Response,
};

/// Tells that D1 and KV answer.
///
/// # Errors
/// 503 when one of them does not.
pub async fn get(app: &App) -> Result<Response, Error> {
    store::ping(app.sql.as_ref()).await?;
    records::ping(app).await?;
    Ok(Response::json(&json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") })))
}
