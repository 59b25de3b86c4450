//! `GET /api/auth/verify-token?token=`

use crate::{
    app::App,
    domain::user_token::is_well_formed,
    error::{Error, FieldProblem},
    store::user_tokens,
    web::{Request, Response},
};

/// Tells whether a user token lives and its owner is active.
///
/// # Errors
/// 422 when no token is given; 429 by the burst guard; 503.
#[utoipa::path(
    get,
    path = "/api/auth/verify-token",
    tag = "Invitations",
    params(("token" = String, Query, description = "The user token.", example = "aZ09aZ09aZ")),
    responses((status = 200, body = bool, content_type = "application/json"), (status = "4XX", description = "invalid_fields too_many_requests"))
)]
pub async fn get(app: &App, request: &Request) -> Result<Response, Error> {
    let token = request.query_parameter("token").ok_or_else(|| {
        let msg = "is missing from the query".to_owned();
        Error::Invalid(vec![FieldProblem { loc: vec!["query", "token"], msg, kind: "missing" }])
    })?;
    let is_live = is_well_formed(&token)
        && user_tokens::is_live(app.sql.as_ref(), app.replica.as_deref(), &app.keys().user_token, &token, app.now)
            .await?;
    Ok(Response::json(&is_live))
}
