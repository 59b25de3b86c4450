//! `GET /api/auth/openapi.json`

use postern_macros::operation;

use crate::{error::Error, web::Response};

/// Get this API description.
#[operation(responses((status = 200, body = serde_json::Value)))]
pub async fn get() -> Result<Response, Error> {
    Ok(Response::json_text(include_str!("openapi.json")))
}
