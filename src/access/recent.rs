//! Recent authentication: what a session that was left open, or a stolen token, cannot do.

use super::bearer::{Restriction, Session};
use crate::{
    app::App,
    domain::proof::Method,
    error::{Error, Reauthentication},
    store::second_factors::{self, Ways},
};

/// How long a proof counts as recent, in milliseconds.
const RECENT: i64 = 15 * 60_000;

/// When a call needs recent authentication. The row of each route says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecentAuthentication {
    /// Never.
    Never,
    /// If the user requires a second factor. For calls that existed before there were second factors.
    WithSecondFactor,
    /// Always.
    Always,
}

/// Refuses a session in which the user has not proven recently who they are, if `when` says so. Pages of apps are refused in any case:
/// a script injected into an app must not be able to add a way to sign in or to delete the account.
///
/// A session that must set up a second factor was started with a password alone. If the user has a passkey, it must be used: a thief
/// of the password must not be able to add another factor.
///
/// # Errors
/// 403 with the methods that the user can choose from, or for a page of an app; 503.
pub async fn require(app: &App, session: &Session, when: RecentAuthentication) -> Result<(), Error> {
    if when != RecentAuthentication::Never && session.carrier.is_cookie_of_app() {
        return Err(Error::ForeignOrigin);
    }
    let applies = match when {
        RecentAuthentication::Never => false,
        RecentAuthentication::WithSecondFactor => session.requires_second_factor,
        RecentAuthentication::Always => true,
    };
    let is_recent = app.now - session.authenticated_at <= RECENT;
    let is_weak = session.restriction == Some(Restriction::SecondFactorSetup);
    if !applies || is_recent && !is_weak {
        return Ok(());
    }
    let mut ways = second_factors::find(&app.store, &session.user.id).await?.ok_or(Error::Unauthorized)?;
    if is_weak && ways.passkeys > 0 {
        ways.has_password = false;
        ways.is_verified = false;
    } else if is_recent {
        return Ok(());
    }
    Err(required(methods(app, &ways)))
}

/// Returns the refusal of a session in which the user must first prove who they are by one of these methods.
pub fn required(methods: Vec<&'static str>) -> Error {
    Error::ReauthenticationRequired(Reauthentication { methods, max_age: RECENT / 1_000 })
}

/// Returns the methods by which a user can prove again who they are. If the user requires a second factor, the password and the mailbox
/// are not enough.
pub fn methods(app: &App, ways: &Ways) -> Vec<&'static str> {
    let of = |is_there: bool, method: Method| is_there.then_some(method.as_str());
    [
        of(ways.has_password && !ways.requires_second_factor, Method::Password),
        of(ways.passkeys > 0, Method::Passkey),
        of(ways.totp_confirmed_at.is_some() && ways.requires_second_factor, Method::Totp),
        of(app.settings().email_sign_in && ways.is_verified && !ways.requires_second_factor, Method::EmailCode),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Returns the methods by which a user can take the second step of a sign-in.
pub fn second_steps(ways: &Ways) -> Vec<&'static str> {
    let of = |is_there: bool, method: Method| is_there.then_some(method.as_str());
    [
        of(ways.totp_confirmed_at.is_some(), Method::Totp),
        of(ways.passkeys > 0, Method::Passkey),
        of(ways.recovery_codes > 0, Method::RecoveryCode),
    ]
    .into_iter()
    .flatten()
    .collect()
}
