//! `GET /api/auth/me`

use http::HeaderName;

use crate::{
    access::bearer::{self, Bearer, Carrier, Session},
    app::App,
    domain::user::User,
    error::Error,
    store::sessions,
    web::{Header, Request, Response},
};

/// Clients adopt its value as their new session token.
const REFRESH_TOKEN: HeaderName = HeaderName::from_static("x-refresh-token");

/// Answers the user whose bearer this is. To a session's own bearer it gives a fresh token once half of the old one's
/// life has passed; in a fresh cookie to whoever came by cookie.
///
/// # Errors
/// 401; 403 inactive; 503.
#[utoipa::path(
    get,
    path = "/api/auth/me",
    tag = "My account",
    security(("session" = []), ("password_reset" = [])),
    responses((
        status = 200,
        body = User,
        headers(("X-Refresh-Token" = String, description = "A session token to use from now on; only sometimes there."))
    )),
    extensions(("x-open-before-password-change" = json!(true)))
)]
pub async fn get(app: &App, request: &Request) -> Result<Response, Error> {
    match bearer::session_or_password_reset(app, request).await? {
        Bearer::PasswordReset(reset) => Ok(Response::json(&reset.user)),
        Bearer::Session(session) => {
            let response = Response::json(&session.user);
            Ok(response.headers(refresh(app, &session).await?))
        }
    }
}

/// The header with the fresh token, if it is time for one.
async fn refresh(app: &App, session: &Session) -> Result<Option<Header>, Error> {
    let expires_at = app.settings().session.refreshed_expiry(
        session.token_issued_at,
        session.token_expires_at,
        session.created_at,
        app.now,
    );
    let Some(expires_at) = expires_at else { return Ok(None) };
    if !sessions::extend(app.sql.as_ref(), &session.id, expires_at, app.now).await? {
        return Err(Error::Unauthorized);
    }
    let token = bearer::session_token(app, &session.user, &session.id, expires_at)?;
    Ok(Some(match session.carrier {
        Carrier::Header => (REFRESH_TOKEN, token.into()),
        Carrier::Cookie(kind) => bearer::cookie(app, kind, &token, expires_at),
    }))
}
