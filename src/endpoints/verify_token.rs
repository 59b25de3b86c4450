//! `GET` and `POST /api/auth/verify-token`

use postern_macros::{FromFields, operation};

use crate::{
    app::App,
    domain::user_token::is_well_formed,
    error::Error,
    store::{ReadFrom, user_tokens},
    web::{Request, Response},
};

/// The user token to verify.
#[derive(FromFields)]
pub struct InvitationToken {
    /// The user token.
    #[field(example = "aZ09aZ09aZ")]
    pub token: String,
}

/// Check a user token.
///
/// Returns whether someone can sign up with the token: it is active, has not been used as often as it can be, and its owner's account
/// is active. `POST` does the same and keeps the token out of URLs.
#[operation(
    params(InvitationToken),
    responses((status = 200, body = bool, content_type = "application/json"), (status = "4XX", description = "invalid_fields"))
)]
pub async fn get(app: &App, request: &Request) -> Result<Response, Error> {
    let InvitationToken { token } = request.query(app)?;
    answer(app, &token).await
}

/// Check a user token in the body.
///
/// Returns whether someone can sign up with the token, as `GET` does.
#[operation(
    request_body = InvitationToken,
    responses((status = 200, body = bool, content_type = "application/json"))
)]
pub async fn post(app: &App, request: &Request) -> Result<Response, Error> {
    let InvitationToken { token } = request.json(app)?;
    answer(app, &token).await
}

async fn answer(app: &App, token: &str) -> Result<Response, Error> {
    let is_live = is_well_formed(token)
        && user_tokens::is_live(&app.store, ReadFrom::Nearest, &app.keys().user_token, token, app.now).await?;
    Ok(Response::json(&is_live))
}
