//! `POST /api/auth/me/create-token`

use serde_json::json;

use crate::{
    access::{audit, bearer},
    app::App,
    domain::{
        event::Action,
        name,
        user_token::{MAX_LIFETIME_DAYS, MAX_LIVE, expiry},
    },
    error::Error,
    store::user_tokens,
    web::{self, Request, Response},
};

/// Makes a user token.
///
/// # Errors
/// 401, 403; 415, 400, 413, 422; 409 when the user has as many live tokens as one may have; 503.
pub async fn post(app: &App, request: &Request) -> Result<Response, Error> {
    let user = bearer::session(app, request).await?.account.user;
    let mut fields = web::optional_json(request)?;
    let name = fields.optional("name", name::parse);
    let days = fields.optional_integer("expires_in_days", 1..=MAX_LIFETIME_DAYS);
    let (name, days) = (fields.take(name)?, fields.take(days)?);

    let expires_at = expiry(app.now, days.unwrap_or(app.settings().user_token_lifetime_days));
    let made = user_tokens::make(app, &user.id)?;
    let event = audit::own(app, Action::TokenCreated, &user.id);
    if !user_tokens::insert(app.sql.as_ref(), &made, name.as_deref(), expires_at, None, &event).await? {
        return Err(Error::TooManyTokens(MAX_LIVE));
    }
    Ok(Response::json(&json!({ "token": made.token })))
}
