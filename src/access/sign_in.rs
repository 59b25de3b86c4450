//! The start of a session, by a login or a sign-up, and its end.

use http::header;

use super::bearer::{self, Carrier, Session};
use crate::{
    app::App,
    crypto::random,
    domain::user::User,
    error::Error,
    responses::{self, SignedIn},
    store::sessions,
    web::{Request, Response, session_cookie},
};

/// The length of the `User-Agent` that is stored, in characters.
const USER_AGENT_LENGTH: usize = 200;

/// Returns the response to a login or a sign-up. `must_change_password` is only in the response for the default account. A page of
/// this service that requests the session cookie gets it in addition.
///
/// # Errors
/// 500 if the token cannot be signed.
pub fn answer(
    app: &App,
    request: &Request,
    user: User,
    must_change_password: bool,
    session: &sessions::New,
) -> Result<Response, Error> {
    let token = bearer::session_token(app, &user, must_change_password, &session.id, session.expires_at)?;
    let cookie = (session_cookie::is_wanted(request) && bearer::is_from_own_page(app, request))
        .then(|| bearer::cookie(app, bearer::cookie_kind(app, request), &token, session.expires_at));
    let body = SignedIn { token: &token, user: responses::User::from(&user), must_change_password };
    Ok(Response::json(&body).headers(cookie))
}

/// Returns a new session for this request.
///
/// # Errors
/// 500 if there is no randomness.
pub fn new_session(app: &App, request: &Request) -> Result<sessions::New, Error> {
    let user_agent =
        request.header(&header::USER_AGENT).map(|text| text.get(..USER_AGENT_LENGTH).unwrap_or(&text).to_owned());
    let expires_at = app.settings().session.expiry(app.now);
    Ok(sessions::New { id: random::id()?, user_agent, now: app.now, expires_at })
}

/// Returns the response after `session` has ended. It removes the cookie if the request came with one.
pub fn signed_out(session: &Session) -> Response {
    Response::ok().headers(match session.carrier {
        Carrier::Header => None,
        Carrier::Cookie(kind) => Some(kind.clear()),
    })
}
