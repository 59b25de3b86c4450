//! `GET /api/auth/openapi.json`

use postern_macros::operation;

use crate::{app::App, error::Error, web::Response};

/// The generated description, among the static files: it is large, and most isolates never serve it.
const PATH: &str = "/assets/openapi.json";

/// Get this API description.
#[operation(responses((status = 200, body = serde_json::Value)))]
pub async fn get(app: &App) -> Result<Response, Error> {
    let description = app.assets.text(PATH).await?;
    description.map(Response::json_text).ok_or_else(|| Error::Internal(format!("there is no asset {PATH}")))
}
