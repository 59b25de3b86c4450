//! Who is calling: session tokens and reset tokens, and the one way in for each.
//!
//! A token is in the `Authorization` header. If there is no such header, a session token can be in the session cookie. Browsers add
//! cookies by themselves, so a request that uses the cookie and does more than read must come from a page of this service, or of an
//! app that the settings list. Pages of apps are refused where they could do lasting harm: at the endpoints for admins, and where
//! recent authentication is required.
//!
//! A page states which account it acts for (`web::acting_as`). A session of another user is then rejected, so that a stale tab
//! cannot act for the wrong account.
//!
//! A session token works at every protected endpoint except `reset-password-with-token`; a reset token works there and at `GET
//! /me`. The kinds have different keys, claims and records, so neither works as the other.
//!
//! A session is restricted if its user must change the default password or set up a second factor. It has a separate kind of token,
//! whose key is not published and which claims the lowest role and tier, so no relying party accepts it. Here, both kinds name a
//! session, and the database decides on each request what the session can do.

use std::{ops::Deref, rc::Rc};

use http::header;

use super::{
    reset_token::{self, Named},
    session_signature,
};
use crate::{
    app::App,
    crypto::jwt::{Unverified, Verified},
    domain::{
        Timestamp,
        claims::{Authentication, Claims, Purpose},
        proof::{Level, Proof},
        session::SEEN_STEP,
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

/// The period of the rate limiter `USER_WRITES` in `wrangler.toml`, in seconds. After it, the caller can try again.
const USER_WRITES_PERIOD: i64 = 60;

/// How a session token was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// In the `Authorization` header.
    Header,
    /// In the session cookie.
    Cookie {
        /// Which one.
        kind: session_cookie::Kind,
        /// The page that has sent the request, if it is known.
        page: Option<Page>,
    },
}

impl Carrier {
    /// Returns whether a page of an app has sent the session cookie.
    pub fn is_cookie_of_app(self) -> bool {
        matches!(self, Carrier::Cookie { page: Some(Page::App), .. })
    }
}

/// A page that can use the session cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// A page of this service.
    Own,
    /// A page of an origin in `APP_ORIGINS`.
    App,
}

/// Why a session can do little.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restriction {
    /// The default password must be changed first.
    PasswordChange,
    /// The settings require a second factor, and the session was started without one.
    SecondFactorSetup,
}

impl Restriction {
    /// Returns the restriction of a session of this user. `must_change_password` tells that the default password is in force, `level`
    /// is that of the session.
    pub fn of(app: &App, user: &User, must_change_password: bool, level: Level) -> Option<Restriction> {
        if must_change_password && !app.settings().default_admin_open {
            Some(Restriction::PasswordChange)
        } else if level < Level::Two && app.settings().second_factor.is_required_of(user.role) {
            Some(Restriction::SecondFactorSetup)
        } else {
            None
        }
    }
}

/// A live session of an active user.
pub struct Session {
    /// Its id.
    pub id: String,
    /// How its token was sent.
    pub carrier: Carrier,
    /// The user.
    pub user: User,
    /// Why it can do little, if it is restricted.
    pub restriction: Option<Restriction>,
    /// Whether every session of the user needs two factors.
    pub requires_second_factor: bool,
    /// When it started.
    pub created_at: Timestamp,
    /// When the user last proved who they are.
    pub authenticated_at: Timestamp,
    /// How.
    pub proof: Proof,
    /// When it was last used, to the hour. `None` if that is not known yet.
    pub last_seen_at: Option<Timestamp>,
    /// When its token was issued.
    pub token_issued_at: Timestamp,
    /// When its token expires.
    pub token_expires_at: Timestamp,
    /// Whether its token differs from one that would be issued now: in role, tier, purpose or the proof of the user.
    pub token_is_outdated: bool,
}

impl Session {
    /// Returns the later expiry that the session can get now, if a refresh is due.
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

/// The tokens that work at `GET /me`.
pub enum Bearer {
    /// A session token.
    Session(Box<Session>),
    /// A reset token.
    PasswordReset(PasswordReset),
}

/// What the token of a session says.
pub struct TokenContent<'a> {
    /// The user.
    pub user: &'a User,
    /// The id of the session.
    pub session_id: &'a str,
    /// Why the session can do little, if it is restricted.
    pub restriction: Option<Restriction>,
    /// When the user last proved who they are.
    pub authenticated_at: Timestamp,
    /// How.
    pub proof: &'a Proof,
    /// When the token expires.
    pub expires_at: Timestamp,
}

/// Returns the token of a session. That of a restricted session works only here.
///
/// # Errors
/// 500 if it cannot be signed; 503.
pub async fn session_token(app: &App, content: &TokenContent<'_>) -> Result<String, Error> {
    let TokenContent { user, session_id, restriction, authenticated_at, proof, expires_at } = *content;
    let (sid, is_restricted) = (session_id.to_owned(), restriction.is_some());
    let purpose = if is_restricted { Purpose::Restricted { sid } } else { Purpose::Session { sid } };
    let claims = Claims {
        scopes: session_scopes(user, is_restricted),
        authentication: Some(Authentication::of(authenticated_at, proof)),
        ..claims(app, user, purpose)
    };
    if is_restricted {
        app.keys().restricted.sign(claims, app.now, expires_at)
    } else {
        session_signature::sign(app, claims, expires_at).await
    }
}

/// Returns the role and tier that the token of a session claims: never more than the session can do here.
fn session_scopes(user: &User, is_restricted: bool) -> (Role, u8) {
    if is_restricted { (Role::User, 0) } else { (user.role, user.tier) }
}

/// Returns which session cookie a request uses.
pub fn cookie_kind(app: &App, request: &Request) -> session_cookie::Kind {
    session_cookie::Kind::of(request, app.settings().is_local)
}

/// Returns the headers that store a session token in the session cookie until it expires.
pub fn cookies(app: &App, kind: session_cookie::Kind, token: &str, expires_at: Timestamp) -> Vec<Header> {
    kind.set(app.settings().session_cookie_domain.as_deref(), token, (expires_at - app.now) / 1_000)
}

/// Returns the claims of a token for this user.
pub(super) fn claims(app: &App, user: &User, purpose: Purpose) -> Claims {
    let app_url = &app.settings().app_url;
    Claims {
        iss: app_url.clone(),
        aud: app_url.clone(),
        sub: user.id.clone(),
        scopes: (user.role, user.tier),
        authentication: None,
        purpose,
    }
}

/// Returns the page that has sent the request, if it can use the session cookie. `Origin` shows it, because no browser lets a page set
/// another origin there. The host in the request's own URL is chosen by the client and proves nothing.
pub fn page(app: &App, request: &Request) -> Option<Page> {
    let settings = app.settings();
    let origin = request.header(&header::ORIGIN)?;
    if settings.own_origin.is(&origin, &request.origin) {
        return Some(Page::Own);
    }
    settings.app_origins.contains(&origin).then_some(Page::App)
}

/// Returns the session of the token or the cookie.
///
/// # Errors
/// 401 if there is no live session; 403 if the cookie comes from a page of another origin, the user is inactive, must change the
/// default password first (only [`session_before_password_change`] accepts that), or must set up a second factor first
/// ([`session_during_setup`] accepts that as well); 409 if the page acts for another user; 429 if a write exceeds the user's
/// budget; 503.
pub async fn session(app: &App, request: &Request) -> Result<Session, Error> {
    let session = session_during_setup(app, request).await?;
    if session.restriction == Some(Restriction::SecondFactorSetup) {
        return Err(Error::SecondFactorSetupRequired);
    }
    Ok(session)
}

/// Like [`session`], for endpoints by which a user sets up a second factor.
///
/// # Errors
/// As [`session`], except for users who must set up a second factor.
pub async fn session_during_setup(app: &App, request: &Request) -> Result<Session, Error> {
    let session = session_before_password_change(app, request).await?;
    if session.restriction == Some(Restriction::PasswordChange) {
        return Err(Error::PasswordChangeRequired);
    }
    Ok(session)
}

/// Returns the session of an admin. The role is read from the account, not from the token.
///
/// # Errors
/// As [`session`]; 403 if the user is not an admin, or the cookie comes from a page of an app.
pub async fn admin(app: &App, request: &Request) -> Result<Admin, Error> {
    let session = session(app, request).await?;
    if session.carrier.is_cookie_of_app() {
        return Err(Error::ForeignOrigin);
    }
    if session.user.role != Role::Admin {
        return Err(Error::AdminRequired);
    }
    Ok(Admin(session))
}

/// Stores after the response that the session is in use, at most once an hour. Of parallel requests, one writes.
pub fn see(app: &App, session: &Session) {
    if session.last_seen_at.is_none_or(|last| last <= app.now - SEEN_STEP) {
        let (id, problem) = (session.id.clone(), "the last use of a session was not stored");
        app.after_response(problem, |app| async move { sessions::see(&app.store, &id, app.now).await });
    }
}

/// Returns why a write of a user had no effect: the session or the account was closed during the request, or else the given reason.
pub async fn refusal_of_session(app: &App, session: &Session, otherwise: Error) -> Error {
    match sessions::find_live(&app.store, ReadFrom::Primary, &session.id, app.now).await {
        Ok(Some(live)) if live.user.is_active => otherwise,
        Ok(Some(_)) => Error::Inactive,
        Ok(None) => Error::Unauthorized,
        Err(error) => error.into(),
    }
}

/// Returns why a write of an admin had no effect: the caller is no longer an active admin, or else the given reason.
pub async fn refusal_of_admin(app: &App, admin: &Admin, otherwise: Error) -> Error {
    match users::is_active_admin(&app.store, &admin.user.id).await {
        Ok(true) => otherwise,
        Ok(false) => Error::AdminRequired,
        Err(error) => error.into(),
    }
}

/// Like [`session`], for endpoints that work before the default password is changed.
///
/// # Errors
/// 401; 403 if the cookie comes from a page of another origin or the user is inactive; 409 if the page acts for another user; 503.
pub async fn session_before_password_change(app: &App, request: &Request) -> Result<Session, Error> {
    let (token, carrier) = session_bearer(app, request)?;
    let verified = verified_session(app, &token).await?.ok_or(Error::Unauthorized)?;
    live_session(app, request, ReadFrom::Primary, &verified, carrier).await
}

/// Returns the reset of the token.
///
/// # Errors
/// 401 if there is no live reset; 503.
pub async fn password_reset(app: &App, request: &Request) -> Result<PasswordReset, Error> {
    let authorization = request.header(&header::AUTHORIZATION).ok_or(Error::Unauthorized)?;
    let token = bearer_token(&authorization).ok_or(Error::Unauthorized)?;
    live_password_reset(app, token).await
}

/// Returns the session or the reset of the token, or the session of the cookie, for reads. A replica can confirm that the session
/// is live, unless a new token is due.
///
/// # Errors
/// As [`session_before_password_change`] and [`password_reset`].
pub async fn session_or_password_reset(app: &App, request: &Request) -> Result<Bearer, Error> {
    let (token, carrier) = session_bearer(app, request)?;
    if let Some(verified) = verified_session(app, &token).await? {
        let live_in = |read_from| live_session(app, request, read_from, &verified, carrier);
        let read_from = if is_restricted(&verified) { ReadFrom::Primary } else { ReadFrom::Nearest };
        let mut live = live_in(read_from).await?;
        // A new token must not contain the data of a replica that is behind.
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
    Ok(Bearer::PasswordReset(live_password_reset(app, &token).await?))
}

/// Returns the verified session token. Tokens come with every request of a session, so one with a valid signature is decoded once.
/// Expiry is checked each time, and D1 is asked whether the session is live.
///
/// # Errors
/// 503 if WebCrypto fails.
async fn verified_session(app: &App, token: &str) -> Result<Option<Rc<Verified<Claims>>>, Error> {
    let cache = &app.isolate.session_tokens;
    if let Some(verified) = cache.get(token) {
        return Ok(Some(verified).filter(|verified| app.now < verified.expires_at));
    }
    let Some(unverified) = Unverified::read(token) else { return Ok(None) };
    let of_session = session_signature::claims(app, &unverified).await?.filter(is_session);
    let restricted = || app.keys().restricted.claims(&unverified, app.now).filter(is_restricted);
    Ok(of_session.or_else(restricted).map(|verified| cache.insert(token, verified)))
}

fn is_session(verified: &Verified<Claims>) -> bool {
    matches!(verified.claims.purpose, Purpose::Session { .. })
}

fn is_restricted(verified: &Verified<Claims>) -> bool {
    matches!(verified.claims.purpose, Purpose::Restricted { .. })
}

/// Returns the session of a verified token. Every request that does more than read counts against the budget of its user, only
/// here. Reset links do not count, so a flood in the name of a user does not keep that user from setting a new password.
async fn live_session(
    app: &App,
    request: &Request,
    read_from: ReadFrom,
    verified: &Verified<Claims>,
    carrier: Carrier,
) -> Result<Session, Error> {
    let claims = &verified.claims;
    let (Purpose::Session { sid } | Purpose::Restricted { sid }) = &claims.purpose else {
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
    let restriction = Restriction::of(app, &live.user, live.must_change_password, live.proof.level());
    let token_is_outdated = claims.scopes != session_scopes(&live.user, restriction.is_some())
        || is_restricted(verified) != restriction.is_some()
        || is_proof_outdated(claims, &live);
    Ok(Session {
        id: sid.clone(),
        carrier,
        user: live.user,
        restriction,
        requires_second_factor: live.requires_second_factor,
        created_at: live.session_created_at,
        authenticated_at: live.authenticated_at,
        proof: live.proof,
        last_seen_at: live.last_seen_at,
        token_issued_at: verified.issued_at,
        token_expires_at: verified.expires_at,
        token_is_outdated,
    })
}

/// Returns whether the user has proven again who they are since the token was issued. The methods only change together with the time.
/// A token without these claims is from before there were second factors; it stays as it is until then.
fn is_proof_outdated(claims: &Claims, live: &sessions::Live) -> bool {
    let auth_time = claims.authentication.as_ref().map(|authentication| authentication.auth_time);
    auth_time.map_or(live.authenticated_at > live.session_created_at, |auth_time| {
        auth_time != live.authenticated_at.div_euclid(1_000)
    })
}

async fn live_password_reset(app: &App, token: &str) -> Result<PasswordReset, Error> {
    let Named { id, user_id } = reset_token::read(app, token).ok_or(Error::Unauthorized)?;
    let record = records::find(&app.store, &Key::password_reset(&id), app.now).await?.ok_or(Error::Unauthorized)?;
    if user_id.is_some_and(|user_id| user_id != record.user_id) {
        return Err(Error::Unauthorized);
    }
    let user = users::find_by_password_reset(&app.store, &record.user_id, &id).await?.ok_or(Error::Unauthorized)?;
    Ok(PasswordReset { id, user })
}

/// Returns whether this deployment issued the token for itself.
pub(super) fn is_of_this_deployment(app: &App, claims: &Claims) -> bool {
    let app_url = &app.settings().app_url;
    claims.iss == *app_url && claims.aud == *app_url
}

/// Returns what may be a session token, and how it was sent. With an `Authorization` header, even a malformed one, the cookie is
/// ignored.
fn session_bearer(app: &App, request: &Request) -> Result<(String, Carrier), Error> {
    if let Some(value) = request.headers.get(&header::AUTHORIZATION) {
        return bearer_token(&value).map(|token| (token.to_owned(), Carrier::Header)).ok_or(Error::Unauthorized);
    }
    let kind = cookie_kind(app, request);
    let token = session_cookie::token(request, kind).ok_or(Error::Unauthorized)?;
    let page = page(app, request);
    if request.only_reads() || page.is_some() {
        Ok((token, Carrier::Cookie { kind, page }))
    } else {
        Err(Error::ForeignOrigin)
    }
}

/// Returns the token of `Authorization: Bearer …` (RFC 6750, section 2.1), if the header is well-formed. Two headers are joined
/// with a comma, which is in none of our tokens.
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
