//! `GET /api/auth/me`

use http::HeaderName;
use postern_macros::operation;

use crate::{
    access::bearer::{self, Bearer, Carrier, Session, TokenContent},
    app::App,
    error::Error,
    responses::User,
    store::sessions,
    web::{Header, Response},
};

/// The header with a new session token, which replaces the old one.
const REFRESH_TOKEN: HeaderName = HeaderName::from_static("x-refresh-token");

/// Get the current user.
///
/// A session also gets a new token after half of the lifetime of its old one, or when the user's role or tier has changed or
/// they have proven again who they are: in
/// `X-Refresh-Token`, or in a new cookie if the request came with the session cookie.
#[operation(
    responses((
        status = 200,
        body = User,
        headers(("X-Refresh-Token" = String, description = "A new session token, which replaces the old one."))
    ))
)]
pub async fn get(app: &App, bearer: &Bearer) -> Result<Response, Error> {
    match bearer {
        Bearer::PasswordReset(reset) => Ok(Response::json(&User::from(&reset.user))),
        Bearer::Session(session) => {
            let response = Response::json(&User::from(&session.user));
            Ok(response.headers(refresh(app, session).await?))
        }
    }
}

/// Returns the headers with a new token, if the session needs one. Writes only if the session expires later than before.
async fn refresh(app: &App, session: &Session) -> Result<Vec<Header>, Error> {
    let expires_at = match session.later_end(app) {
        Some(later) => {
            if !sessions::extend(&app.store, &session.id, later, app.now).await? {
                return Err(Error::Unauthorized);
            }
            later
        }
        None if session.token_is_outdated => session.token_expires_at,
        None => return Ok(Vec::new()),
    };
    let token = bearer::session_token(
        app,
        &TokenContent {
            user: &session.user,
            session_id: &session.id,
            restriction: session.restriction,
            authenticated_at: session.authenticated_at,
            proof: &session.proof,
            expires_at,
        },
    )
    .await?;
    Ok(match session.carrier {
        Carrier::Header => vec![(REFRESH_TOKEN, token.into())],
        Carrier::Cookie { kind, .. } => bearer::cookies(app, kind, &token, expires_at),
    })
}
