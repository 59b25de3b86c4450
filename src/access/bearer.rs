//! Who is calling: the two kinds of bearer and the one door of each.
//!
//! A bearer comes in the header `Authorization`; a session token also in the session cookie, where that header is not
//! there at all. A browser adds the cookie by itself, so whatever does more than read must then come from a page of the
//! service's own.
//!
//! A page that shows a user states whose account it acts for (`web::acting_as`). A session of another user is then refused,
//! so that a tab that has become stale acts for nobody.
//!
//! A session token opens every protected endpoint except `reset-password-with-token`; a reset token opens that one and
//! `GET /me`. Keys, claims and the record behind differ by kind, so neither can pass for the other.
//!
//! A session whose user must change the default password first gets a token of a kind of its own. Its key is not
//! published, and it claims the least role and tier, so that no relying party takes it for a session. Here, both kinds
//! name a session, and the database decides on each request what the session opens.

use std::{ops::Deref, rc::Rc};

use http::header;

use crate::{
    app::App,
    crypto::jwt::Verified,
    domain::{
        Timestamp,
        claims::{Claims, Purpose},
        user::{Role, User},
    },
    error::Error,
    store::{
        ReadFrom,
        records::{self, Key},
        sessions, users,
    },
    web::{Header, Request, acting_as, session_cookie},
};

/// The period of the limiter `USER_WRITES` in `wrangler.toml`, in seconds. After it, the caller may try again.
const USER_WRITES_PERIOD: i64 = 60;

/// How a session token came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// In the header `Authorization`.
    Header,
    /// In the session cookie.
    Cookie(session_cookie::Kind),
}

/// A live session of an active user.
pub struct Session {
    /// Its id.
    pub id: String,
    /// How its token came.
    pub carrier: Carrier,
    /// Whose it is.
    pub user: User,
    /// Whether the default password is still in force.
    pub must_change_password: bool,
    /// When it began.
    pub created_at: Timestamp,
    /// When its token was made.
    pub token_issued_at: Timestamp,
    /// When its token ends.
    pub token_expires_at: Timestamp,
    /// Whether its token says something else than a new one would: another role, tier or purpose.
    pub token_is_outdated: bool,
}

impl Session {
    /// The later end that the session may be given now, if it is time for one.
    pub fn later_end(&self, app: &App) -> Option<Timestamp> {
        let lifetime = app.settings().session;
        lifetime.refreshed_expiry(self.token_issued_at, self.token_expires_at, self.created_at, app.now)
    }
}

/// The session of an admin. Only [`admin`] makes one, so a function that takes it cannot run for anyone else.
pub struct Admin(Session);

impl Deref for Admin {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.0
    }
}

/// A live reset token of an active user.
pub struct PasswordReset {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub user: User,
}

/// What opens `GET /me`.
pub enum Bearer {
    /// A session token.
    Session(Box<Session>),
    /// A reset token.
    PasswordReset(PasswordReset),
}

/// The token of a session. With `must_change_password` it is one that opens nothing but that change, unless the settings
/// leave the default admin unrestricted.
///
/// # Errors
/// 500 when it cannot be signed.
pub fn session_token(
    app: &App,
    user: &User,
    must_change_password: bool,
    session_id: &str,
    expires_at: Timestamp,
) -> Result<String, Error> {
    let sid = session_id.to_owned();
    let is_restricted = is_restricted(app, must_change_password);
    let (keys, purpose) = match is_restricted {
        true => (&app.keys().password_change, Purpose::PasswordChange { sid }),
        false => (&app.keys().session, Purpose::Session { sid }),
    };
    let claims = Claims { scopes: session_scopes(user, is_restricted), ..claims(app, user, purpose) };
    keys.sign(claims, app.now, expires_at)
}

/// Whether a session opens nothing but the change of the default password.
fn is_restricted(app: &App, must_change_password: bool) -> bool {
    must_change_password && !app.settings().default_admin_open
}

/// The role and tier that the token of a session claims: never more than the session opens here.
fn session_scopes(user: &User, is_restricted: bool) -> (Role, u8) {
    if is_restricted { (Role::User, 0) } else { (user.role, user.tier) }
}

/// Which session cookie a request is about.
pub fn cookie_kind(app: &App, request: &Request) -> session_cookie::Kind {
    session_cookie::Kind::of(request, app.settings().is_local)
}

/// The header that keeps a session token in the session cookie until it expires.
pub fn cookie(app: &App, kind: session_cookie::Kind, token: &str, expires_at: Timestamp) -> Header {
    kind.set(token, (expires_at - app.now) / 1_000)
}

/// The token of a password reset.
///
/// # Errors
/// 500 when it cannot be signed.
pub fn password_reset_token(
    app: &App,
    user: &User,
    reset_id: &str,
    issued_at: Timestamp,
    expires_at: Timestamp,
) -> Result<String, Error> {
    app.keys().password_reset.sign(
        claims(app, user, Purpose::PasswordReset { jti: reset_id.to_owned() }),
        issued_at,
        expires_at,
    )
}

fn claims(app: &App, user: &User, purpose: Purpose) -> Claims {
    let app_url = &app.settings().app_url;
    Claims { iss: app_url.clone(), aud: app_url.clone(), sub: user.id.clone(), scopes: (user.role, user.tier), purpose }
}

/// Whether a page of this service sent the request. The header `Origin` tells, because no browser lets a page write another
/// origin there. The host in the request's own URL decides nothing: the client chooses it.
pub fn is_from_own_page(app: &App, request: &Request) -> bool {
    let origin = request.header(&header::ORIGIN);
    origin.is_some_and(|origin| app.settings().own_origin.is(&origin, &request.origin))
}

/// The session that the bearer or the cookie names.
///
/// # Errors
/// 401 when it names none that is alive; 403 when the cookie comes with a request of a foreign page, when its user is
/// inactive, or must change the default password before
/// anything else (then [`session_before_password_change`] alone lets in); 409 when the page acts for another user; 429 when a
/// write is over the budget of its user; 503.
pub async fn session(app: &App, request: &Request) -> Result<Session, Error> {
    let session = session_before_password_change(app, request).await?;
    if is_restricted(app, session.must_change_password) {
        return Err(Error::PasswordChangeRequired);
    }
    Ok(session)
}

/// The session of an admin. The role is that of the account as it is now, whatever the token tells.
///
/// # Errors
/// As [`session`]; 403 when the user is no admin.
pub async fn admin(app: &App, request: &Request) -> Result<Admin, Error> {
    let session = session(app, request).await?;
    if session.user.role != Role::Admin {
        return Err(Error::AdminRequired);
    }
    Ok(Admin(session))
}

/// Why a write of a user did nothing: because the session or the account was closed while the request was under way, or for
/// the other reason.
pub async fn refusal_of_session(app: &App, session: &Session, otherwise: Error) -> Error {
    match sessions::find_live(&app.store, ReadFrom::Primary, &session.id, app.now).await {
        Ok(Some(live)) if live.user.is_active => otherwise,
        Ok(Some(_)) => Error::Inactive,
        Ok(None) => Error::Unauthorized,
        Err(error) => error.into(),
    }
}

/// Returns why a write of an admin did nothing: the caller is no longer an active admin, or else the given reason.
pub async fn refusal_of_admin(app: &App, admin: &Admin, otherwise: Error) -> Error {
    match users::is_active_admin(&app.store, &admin.user.id).await {
        Ok(true) => otherwise,
        Ok(false) => Error::AdminRequired,
        Err(error) => error.into(),
    }
}

/// As [`session`], for the doors that are open before the default password is changed.
///
/// # Errors
/// 401; 403 when the cookie comes with a request of a foreign page, or its user is inactive; 409 when the page acts for
/// another user; 503.
pub async fn session_before_password_change(app: &App, request: &Request) -> Result<Session, Error> {
    let (token, carrier) = session_bearer(app, request)?;
    let verified = verified_session(app, &token).ok_or(Error::Unauthorized)?;
    live_session(app, request, ReadFrom::Primary, &verified, carrier).await
}

/// The reset that the bearer names.
///
/// # Errors
/// 401 when it names none that is alive; 503.
pub async fn password_reset(app: &App, request: &Request) -> Result<PasswordReset, Error> {
    let authorization = request.header(&header::AUTHORIZATION).ok_or(Error::Unauthorized)?;
    let token = bearer_token(&authorization).ok_or(Error::Unauthorized)?;
    let verified = app.keys().password_reset.verify(token, app.now).ok_or(Error::Unauthorized)?;
    live_password_reset(app, verified).await
}

/// The session or the reset that the bearer names, or the session that the cookie does, for reading alone: a replica may
/// tell that the session is alive, unless a new token is due.
///
/// # Errors
/// As [`session_before_password_change`] and [`password_reset`].
pub async fn session_or_password_reset(app: &App, request: &Request) -> Result<Bearer, Error> {
    let (token, carrier) = session_bearer(app, request)?;
    if let Some(verified) = verified_session(app, &token) {
        let live_in = |read_from| live_session(app, request, read_from, &verified, carrier);
        let read_from = if is_password_change(&verified) { ReadFrom::Primary } else { ReadFrom::Nearest };
        let mut live = live_in(read_from).await?;
        // A token that is made now must not tell what a replica has not heard of yet.
        if read_from == ReadFrom::Nearest
            && app.store.replica.is_some()
            && (live.token_is_outdated || live.later_end(app).is_some())
        {
            live = live_in(ReadFrom::Primary).await?;
        }
        return Ok(Bearer::Session(Box::new(live)));
    }
    if carrier != Carrier::Header {
        return Err(Error::Unauthorized);
    }
    let verified = app.keys().password_reset.verify(&token, app.now).ok_or(Error::Unauthorized)?;
    Ok(Bearer::PasswordReset(live_password_reset(app, verified).await?))
}

/// A session token comes with each request of its session: one whose signature was found good is read once. Whether its
/// time has come is asked each time, and whether its session lives is asked of D1.
fn verified_session(app: &App, token: &str) -> Option<Rc<Verified<Claims>>> {
    app.isolate
        .session_tokens
        .get_or_find(token, || {
            let keys = app.keys();
            let of_session = || Some(keys.session.verify(token, app.now)?).filter(is_session);
            let of_password_change = || Some(keys.password_change.verify(token, app.now)?).filter(is_password_change);
            of_session().or_else(of_password_change)
        })
        .filter(|verified| app.now < verified.expires_at)
}

fn is_session(verified: &Verified<Claims>) -> bool {
    matches!(verified.claims.purpose, Purpose::Session { .. })
}

fn is_password_change(verified: &Verified<Claims>) -> bool {
    matches!(verified.claims.purpose, Purpose::PasswordChange { .. })
}

/// The session of a verified token. Every request that does more than read counts against the budget of its user, here and
/// nowhere else. A reset link does not, so nobody who floods in the name of a user keeps that user from a new password.
async fn live_session(
    app: &App,
    request: &Request,
    read_from: ReadFrom,
    verified: &Verified<Claims>,
    carrier: Carrier,
) -> Result<Session, Error> {
    let claims = &verified.claims;
    let (Purpose::Session { sid } | Purpose::PasswordChange { sid }) = &claims.purpose else {
        return Err(Error::Unauthorized);
    };
    if !is_of_this_deployment(app, claims) {
        return Err(Error::Unauthorized);
    }
    let live = sessions::find_live(&app.store, read_from, sid, app.now).await?;
    let live = live.filter(|live| live.user.id == claims.sub).ok_or(Error::Unauthorized)?;
    if acting_as::is_for_another(request, &live.user.id) {
        return Err(Error::AccountChanged);
    }
    if !live.user.is_active {
        return Err(Error::Inactive);
    }
    if !request.only_reads() && !app.user_writes.allow(&live.user.id).await? {
        return Err(Error::TooManyRequests(USER_WRITES_PERIOD));
    }
    let is_restricted = is_restricted(app, live.must_change_password);
    let token_is_outdated =
        claims.scopes != session_scopes(&live.user, is_restricted) || is_password_change(verified) != is_restricted;
    Ok(Session {
        id: sid.clone(),
        carrier,
        user: live.user,
        must_change_password: live.must_change_password,
        created_at: live.session_created_at,
        token_issued_at: verified.issued_at,
        token_expires_at: verified.expires_at,
        token_is_outdated,
    })
}

async fn live_password_reset(app: &App, verified: Verified<Claims>) -> Result<PasswordReset, Error> {
    let claims = &verified.claims;
    let Purpose::PasswordReset { jti } = &claims.purpose else { return Err(Error::Unauthorized) };
    if !is_of_this_deployment(app, claims) {
        return Err(Error::Unauthorized);
    }
    let record = records::find(&app.store, &Key::password_reset(jti), app.now).await?.ok_or(Error::Unauthorized)?;
    if record.user_id != claims.sub {
        return Err(Error::Unauthorized);
    }
    let user = users::find_by_password_reset(&app.store, &claims.sub, jti).await?.ok_or(Error::Unauthorized)?;
    Ok(PasswordReset { id: jti.clone(), user })
}

/// Made by this deployment, for this deployment.
fn is_of_this_deployment(app: &App, claims: &Claims) -> bool {
    let app_url = &app.settings().app_url;
    claims.iss == *app_url && claims.aud == *app_url
}

/// What may be a session token, and how it came. Whoever sends an `Authorization` header means it: beside one, even a
/// malformed one, the cookie does not count.
fn session_bearer(app: &App, request: &Request) -> Result<(String, Carrier), Error> {
    if let Some(value) = request.headers.get(&header::AUTHORIZATION) {
        return bearer_token(&value).map(|token| (token.to_owned(), Carrier::Header)).ok_or(Error::Unauthorized);
    }
    let kind = cookie_kind(app, request);
    let token = session_cookie::token(request, kind).ok_or(Error::Unauthorized)?;
    if request.only_reads() || is_from_own_page(app, request) {
        Ok((token, Carrier::Cookie(kind)))
    } else {
        Err(Error::ForeignOrigin)
    }
}

/// The token of `Authorization: Bearer …` (RFC 6750, section 2.1), if the header is well-formed. Of two headers the values are
/// one with a comma in it, which is no token of ours.
fn bearer_token(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim_start_matches(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_well_formed_authorization_header_is_a_bearer() {
        assert_eq!(bearer_token("Bearer abc"), Some("abc"));
        assert_eq!(bearer_token("bearer  abc"), Some("abc"));
        for value in ["", "abc", "Bearer", "Basic abc", "Bearerabc"] {
            assert_eq!(bearer_token(value), None, "{value}");
        }
    }
}
