//! `GET` and `POST /api/auth/me/tokens`, `DELETE /api/auth/me/tokens/{token}`, and `GET /api/auth/me/tokens/{token}/users`

use postern_macros::operation;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    access::{audit, bearer::Session},
    app::App,
    domain::{Timestamp, event::Action},
    error::Error,
    store::user_tokens,
    web::{Response, True},
};

/// An active user token.
#[derive(Serialize, ToSchema)]
struct UserToken {
    /// Ten letters and digits, with which the invited person signs up.
    #[schema(example = "aZ09aZ09aZ")]
    token: String,
    /// The id of its owner.
    user_id: String,
    /// The name that its owner gave it.
    #[schema(required)]
    name: Option<String>,
    /// The time of its creation.
    created_at: Timestamp,
    /// The time when it expires.
    expires_at: Timestamp,
    /// The note that its owner gave it.
    #[schema(required)]
    note: Option<String>,
    /// How many people can sign up with it. Null if there is no limit.
    #[schema(required)]
    max_uses: Option<i64>,
    /// How many people have signed up with it.
    uses: i64,
}

/// A user who signed up with a user token.
#[derive(Serialize, ToSchema)]
struct InvitedUser {
    /// The id.
    id: String,
    /// The name.
    #[schema(required)]
    name: Option<String>,
    /// The time of the sign-up.
    created_at: Timestamp,
}

/// List your user tokens.
///
/// Returns active tokens, the one that expires last first. It leaves out tokens that were created with a secret that is no longer in
/// use, because they no longer work. `GET` and `POST` do the same.
#[operation(responses((status = 200, body = Vec<UserToken>)))]
pub async fn list(app: &App, session: &Session) -> Result<Response, Error> {
    let user = &session.user;
    let keys = &app.keys().user_token;
    let stored = user_tokens::list(&app.store, &user.id, app.now).await?;
    let tokens: Vec<UserToken> = stored
        .into_iter()
        .filter_map(|stored| {
            Some(UserToken {
                token: stored.open(keys, &user.id)?,
                user_id: user.id.clone(),
                name: stored.display_name(keys, &user.id),
                created_at: stored.created_at,
                expires_at: stored.expires_at,
                note: stored.note,
                max_uses: stored.max_uses,
                uses: stored.uses,
            })
        })
        .collect();
    Ok(Response::json(&tokens))
}

/// List the users of a user token.
///
/// Returns users who signed up with one of your active tokens, newest first, at most 100.
#[operation(
    params(("token" = String, Path, description = "The user token.", example = "aZ09aZ09aZ")),
    responses((status = 200, body = Vec<InvitedUser>), (status = "4XX", description = "not_found"))
)]
pub async fn users(app: &App, session: &Session, token: &str) -> Result<Response, Error> {
    let keys = &app.keys().user_token;
    let users = user_tokens::users_of(&app.store, keys, &session.user.id, token, app.now).await?;
    let users: Vec<InvitedUser> = users
        .ok_or(Error::NotFound)?
        .into_iter()
        .map(|user_tokens::Invited { id, name, created_at }| InvitedUser { id, name, created_at })
        .collect();
    Ok(Response::json(&users))
}

/// Delete one of your user tokens.
#[operation(
    params(("token" = String, Path, description = "The user token.", example = "aZ09aZ09aZ")),
    responses((status = 200, body = True), (status = "4XX", description = "not_found"))
)]
pub async fn delete(app: &App, session: &Session, token: &str) -> Result<Response, Error> {
    let event = audit::own(app, Action::TokenDeleted, session);
    if !user_tokens::delete(&app.store, &app.keys().user_token, &session.user.id, token, &event).await? {
        return Err(Error::NotFound);
    }
    Ok(Response::ok())
}
