//! `GET /health`

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    error::Error,
    store::{records, schema},
    web::Response,
};

/// What is running, while it is well.
#[derive(Serialize, ToSchema)]
pub struct Health<'a> {
    /// `ok`; anything else is a refusal.
    #[schema(example = "ok")]
    status: &'static str,
    /// Of the code.
    version: &'static str,
    /// Which deployed version of the Worker; null where nobody knows.
    #[schema(required)]
    deployment: Option<&'a str>,
    /// What wrangler has applied, oldest first; null where nobody knows.
    #[schema(required)]
    migrations: Option<Vec<String>>,
}

/// Tells that D1 and KV answer, which version of the code and which deployed version of the Worker this is, and which
/// migrations wrangler has applied; `null` where nobody knows.
///
/// # Errors
/// 503 when one of them does not answer.
#[utoipa::path(get, path = "/health", tag = "Service", responses((status = 200, body = Health)))]
pub async fn get(app: &App) -> Result<Response, Error> {
    let migrations = schema::check(app.sql.as_ref()).await?;
    records::ping(app).await?;
    let deployment = app.deployment.as_deref();
    Ok(Response::json(&Health { status: "ok", version: env!("CARGO_PKG_VERSION"), deployment, migrations }))
}
