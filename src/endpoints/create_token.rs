//! `POST /api/auth/me/create-token`

use postern_macros::operation;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    access::{
        self, audit,
        bearer::{self, Session},
    },
    app::App,
    domain::{
        event::Action,
        name,
        user_token::{self, MAX_LIFETIME_DAYS, MAX_LIVE, expiry},
    },
    error::Error,
    store::user_tokens,
    web::{self, Request, Response},
};

/// The options of a new user token.
#[derive(ToSchema)]
pub struct TokenOptions {
    /// A name for your own use.
    #[schema(schema_with = name::optional_schema)]
    pub name: Option<String>,
    /// The lifetime in days. The default is a setting.
    #[schema(schema_with = user_token::lifetime_schema)]
    pub expires_in_days: Option<i64>,
}

/// A new user token.
#[derive(Serialize, ToSchema)]
pub struct CreatedToken {
    /// Ten letters and digits, with which the invited person signs up.
    #[schema(example = "aZ09aZ09aZ")]
    token: String,
}

/// Create a user token.
#[operation(
    request_body = Option<TokenOptions>,
    responses((status = 200, body = CreatedToken), (status = "4XX", description = "too_many_tokens"))
)]
pub async fn post(app: &App, request: &Request, session: &Session) -> Result<Response, Error> {
    let mut fields = web::optional_json(request)?;
    let name = fields.optional("name", name::parse);
    let days = fields.optional_integer("expires_in_days", 1..=MAX_LIFETIME_DAYS);
    let (name, days) = (fields.take(name)?, fields.take(days)?);

    let expires_at = expiry(app.now, days.unwrap_or(app.settings().user_token_lifetime_days));
    let (token, new) = access::user_token::draw(app, &session.user.id, None)?;
    let event = audit::own(app, Action::TokenCreated, session);
    if !user_tokens::insert(&app.store, &new, name.as_deref(), expires_at, None, &event).await? {
        return Err(bearer::refusal_of_session(app, session, Error::TooManyTokens(MAX_LIVE)).await);
    }
    Ok(Response::json(&CreatedToken { token }))
}
