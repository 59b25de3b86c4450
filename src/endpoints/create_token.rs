//! `POST /api/auth/me/create-token`

use postern_macros::{FromFields, operation};
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
        name::Name,
        user_token::{MAX_LIFETIME_DAYS, MAX_LIVE, MAX_USES, expiry},
    },
    error::Error,
    store::user_tokens::{self, Terms},
    web::{Integer, Request, Response},
};

/// The options of a new user token.
#[derive(FromFields)]
pub struct TokenOptions {
    /// A name for your own use.
    pub name: Option<Name>,
    /// The lifetime in days. The default is a setting.
    pub expires_in_days: Option<Integer<1, MAX_LIFETIME_DAYS>>,
    /// How many people can sign up with it. By default, there is no limit.
    pub max_uses: Option<Integer<1, MAX_USES>>,
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
    let TokenOptions { name, expires_in_days, max_uses } = request.optional_json(app)?;
    let days = expires_in_days.map_or(app.settings().user_token_lifetime_days, Integer::get);
    let (token, new) = access::user_token::draw(app, &session.user.id, None)?;
    let event = audit::own(app, Action::TokenCreated, session);
    let terms = Terms {
        name: name.as_ref().map(Name::as_str),
        note: None,
        expires_at: expiry(app.now, days),
        max_uses: max_uses.map(Integer::get),
    };
    if !user_tokens::insert(&app.store, &new, terms, None, &event).await? {
        return Err(bearer::refusal_of_session(app, session, Error::TooManyTokens(MAX_LIVE)).await);
    }
    Ok(Response::json(&CreatedToken { token }))
}
