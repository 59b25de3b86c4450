//! Who is calling: the two kinds of bearer and the one door of each.
//!
//! A session token opens every protected door but `reset-password-with-token`; a reset token opens that one and
//! `GET /me`. Keys, claims and the record behind differ by kind, so neither can pass for the other.

use http::header;
use serde::{Deserialize, Serialize};

use crate::{
    app::App,
    crypto::jwt::Verified,
    domain::Timestamp,
    domain::user::{Role, User},
    error::Error,
    store::{records, sessions, users},
    web::Request,
};

/// The claims beside `iat` and `exp` (RFC 7519, section 4.1).
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    /// `APP_URL`.
    iss: String,
    /// `APP_URL`.
    aud: String,
    /// The user's id.
    sub: String,
    /// The role and the tier, for clients to read.
    scopes: (Role, u8),
    #[serde(flatten)]
    purpose: Purpose,
}

/// What a token is for, told in the token itself (RFC 8725, section 3.12), and the record that must stand behind it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "purpose", rename_all = "snake_case")]
enum Purpose {
    /// `sid`: the session's id. Tokens of one session share it.
    Session { sid: String },
    /// `jti`: the reset's id.
    PasswordReset { jti: String },
}

/// A live session of an active user.
pub struct Session {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub account: users::Account,
    /// When it began.
    pub created_at: Timestamp,
    /// When its token was made.
    pub token_issued_at: Timestamp,
    /// When its token ends.
    pub token_expires_at: Timestamp,
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

/// The token of a session.
///
/// # Errors
/// 500 when it cannot be signed.
pub fn session_token(app: &App, user: &User, session_id: &str, expires_at: Timestamp) -> Result<String, Error> {
    app.keys().session.sign(claims(app, user, Purpose::Session { sid: session_id.to_owned() }), app.now, expires_at)
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

/// The session that the bearer names.
///
/// # Errors
/// 401 when it names none that is alive; 403 when its user is inactive, or must change the default password before
/// anything else (then [`session_before_password_change`] alone lets in); 503.
pub async fn session(app: &App, request: &Request) -> Result<Session, Error> {
    let session = session_before_password_change(app, request).await?;
    if session.account.must_change_password && !app.settings().default_admin_open {
        return Err(Error::PasswordChangeRequired);
    }
    Ok(session)
}

/// As [`session`], for the doors that are open before the default password is changed.
///
/// # Errors
/// 401; 403 when its user is inactive; 503.
pub async fn session_before_password_change(app: &App, request: &Request) -> Result<Session, Error> {
    let token = bearer_token(request).ok_or(Error::Unauthorized)?;
    let verified = app.keys().session.verify(token, app.now).ok_or(Error::Unauthorized)?;
    live_session(app, verified).await
}

/// The reset that the bearer names.
///
/// # Errors
/// 401 when it names none that is alive; 503.
pub async fn password_reset(app: &App, request: &Request) -> Result<PasswordReset, Error> {
    let token = bearer_token(request).ok_or(Error::Unauthorized)?;
    let verified = app.keys().password_reset.verify(token, app.now).ok_or(Error::Unauthorized)?;
    live_password_reset(app, verified).await
}

/// The session or the reset that the bearer names.
///
/// # Errors
/// As [`session_before_password_change`] and [`password_reset`].
pub async fn session_or_password_reset(app: &App, request: &Request) -> Result<Bearer, Error> {
    let token = bearer_token(request).ok_or(Error::Unauthorized)?;
    if let Some(verified) = app.keys().session.verify(token, app.now) {
        return Ok(Bearer::Session(Box::new(live_session(app, verified).await?)));
    }
    let verified = app.keys().password_reset.verify(token, app.now).ok_or(Error::Unauthorized)?;
    Ok(Bearer::PasswordReset(live_password_reset(app, verified).await?))
}

async fn live_session(app: &App, verified: Verified<Claims>) -> Result<Session, Error> {
    let claims = &verified.claims;
    let Purpose::Session { sid } = &claims.purpose else { return Err(Error::Unauthorized) };
    check_parties(app, claims)?;
    let live = sessions::find_live(app.sql.as_ref(), sid, &claims.sub, app.now).await?.ok_or(Error::Unauthorized)?;
    if !live.account.user.is_active {
        return Err(Error::Inactive);
    }
    Ok(Session {
        id: sid.clone(),
        account: live.account,
        created_at: live.session_created_at,
        token_issued_at: verified.issued_at,
        token_expires_at: verified.expires_at,
    })
}

async fn live_password_reset(app: &App, verified: Verified<Claims>) -> Result<PasswordReset, Error> {
    let claims = &verified.claims;
    let Purpose::PasswordReset { jti } = &claims.purpose else { return Err(Error::Unauthorized) };
    check_parties(app, claims)?;
    let record = records::password_reset(app, jti).await?.ok_or(Error::Unauthorized)?;
    if record.user_id != claims.sub {
        return Err(Error::Unauthorized);
    }
    let user = users::find_by_password_reset(app.sql.as_ref(), &claims.sub, jti).await?.ok_or(Error::Unauthorized)?;
    Ok(PasswordReset { id: jti.clone(), user })
}

/// Made by this deployment, for this deployment.
fn check_parties(app: &App, claims: &Claims) -> Result<(), Error> {
    let app_url = &app.settings().app_url;
    if claims.iss == *app_url && claims.aud == *app_url { Ok(()) } else { Err(Error::Unauthorized) }
}

/// The token of `Authorization: Bearer …` (RFC 6750, section 2.1), if the header is there once and well-formed.
fn bearer_token(request: &Request) -> Option<&str> {
    let (scheme, token) = request.header(header::AUTHORIZATION)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim_start_matches(' '))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, Method};

    #[test]
    fn only_one_well_formed_authorization_header_is_a_bearer() {
        let token = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, value.parse().unwrap());
            }
            let request =
                Request { method: Method::GET, path: String::new(), query: String::new(), headers, body: Vec::new() };
            bearer_token(&request).map(str::to_owned)
        };
        assert_eq!(token(&["Bearer abc"]).as_deref(), Some("abc"));
        assert_eq!(token(&["bearer  abc"]).as_deref(), Some("abc"));
        for values in [&[][..], &["abc"], &["Bearer"], &["Basic abc"], &["Bearer abc", "Bearer abc"]] {
            assert_eq!(token(values), None, "{values:?}");
        }
    }
}
