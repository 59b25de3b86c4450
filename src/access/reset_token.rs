//! The tokens in links that set a password: JWTs with claims that clients can read, or opaque tokens, which make the link short. The setting
//! `PASSWORD_RESET_TOKEN` decides for new links. Both kinds are accepted, and both need the same record in KV and the same row in D1.
//!
//! An opaque token is 256 random bits and a check. The id of its reset is a keyed hash of it, so neither store contains the token. Without
//! the right check, a token is rejected before a store is read, like a JWT without a valid signature.

use super::bearer;
use crate::{
    app::App,
    crypto::{constant_time, keyed_hash::HashKey, random},
    domain::{
        Timestamp,
        claims::{Claims, Purpose},
        mail_job::NewReset,
        user::User,
    },
    error::Error,
    settings::PasswordResetToken,
};

/// The characters of the 256 random bits.
const RANDOM_LENGTH: usize = 43;
/// The characters of the check: 30 bits.
const CHECK_LENGTH: usize = 5;

/// The reset that a token names.
pub struct Named {
    /// The id of the reset.
    pub id: String,
    /// The user that the token names, if it is a JWT.
    pub user_id: Option<String>,
}

/// Returns a new reset, for a link of the kind that the settings require.
///
/// # Errors
/// 500 without randomness.
pub fn new(app: &App) -> Result<NewReset, Error> {
    match (app.settings().password_reset_token, app.keys().password_reset_opaque.first()) {
        (PasswordResetToken::Opaque, Some(key)) => {
            let random = random::token()?;
            let token = format!("{random}{}", check(app, key, &random));
            Ok(NewReset { id: id(key, &token), token: Some(token) })
        }
        _ => Ok(NewReset { id: random::id()?, token: None }),
    }
}

/// Returns the token of a reset. A JWT is created only now.
///
/// # Errors
/// 500 if it cannot be signed.
pub fn of(
    app: &App,
    user: &User,
    reset: NewReset,
    issued_at: Timestamp,
    expires_at: Timestamp,
) -> Result<String, Error> {
    if let Some(token) = reset.token {
        return Ok(token);
    }
    let claims = bearer::claims(app, user, Purpose::PasswordReset { jti: reset.id });
    app.keys().password_reset.sign(claims, issued_at, expires_at)
}

/// Returns the reset that a token names, if this deployment has issued the token. The stores decide whether the reset is live.
pub fn read(app: &App, token: &str) -> Option<Named> {
    if let Some(key) = app.keys().password_reset_opaque.iter().find(|key| is_checked(app, key, token)) {
        return Some(Named { id: id(key, token), user_id: None });
    }
    let claims = app.keys().password_reset.verify::<Claims>(token, app.now)?.claims;
    let is_ours = bearer::is_of_this_deployment(app, &claims);
    match claims.purpose {
        Purpose::PasswordReset { jti } if is_ours => Some(Named { id: jti, user_id: Some(claims.sub) }),
        _ => None,
    }
}

fn is_checked(app: &App, key: &HashKey, token: &str) -> bool {
    let Some((random, found)) = token.split_at_checked(RANDOM_LENGTH) else { return false };
    constant_time::find([(check(app, key, random), ())], found).is_some()
}

/// Returns the check. It depends on `APP_URL`, so that no deployment accepts the tokens of another one that has the same secret.
fn check(app: &App, key: &HashKey, random: &str) -> String {
    key.hash(&["check", &app.settings().app_url, random]).chars().take(CHECK_LENGTH).collect()
}

fn id(key: &HashKey, token: &str) -> String {
    key.hash(&["id", token])
}
