//! `GET /health`

use serde_json::json;

use crate::{
    app::App,
    error::Error,
    store::{records, schema},
    web::Response,
};

/// Tells that D1 and KV answer, which version of the code and which deployed version of the Worker this is, and which
/// migrations wrangler has applied; `null` where nobody knows.
///
/// # Errors
/// 503 when one of them does not answer.
pub async fn get(app: &App) -> Result<Response, Error> {
    let migrations = schema::check(app.sql.as_ref()).await?;
    records::ping(app).await?;
    Ok(Response::json(&json!({
        "status": "ok",
        "version": env!("CARGO_PKG_VERSION"),
        "deployment": app.deployment.as_deref(),
        "migrations": migrations,
    })))
}
