//! Passwords that users type: counting the attempts, and checking them against the stored hash.

use crate::{
    app::App,
    crypto::password_hash,
    domain::{
        password::Password,
        throttle::{PASSWORD_BY_ACCOUNT, PASSWORD_BY_ADDRESS, PASSWORD_BY_KNOWN_ADDRESS, PASSWORD_CHANGE_BY_USER},
    },
    store::throttles::{Counter, PasswordCounters},
};

/// Returns the counters of attempts at the password of `email` from the caller's address.
pub fn counters(app: &App, email: &str) -> PasswordCounters {
    let key = &app.keys().throttle;
    let address = app.address.as_str();
    PasswordCounters {
        account: Counter::new(key, PASSWORD_BY_ACCOUNT, &[email]).of_password(email),
        known_address: Counter::new(key, PASSWORD_BY_KNOWN_ADDRESS, &[email, address]).of_password(email),
        address: Counter::new(key, PASSWORD_BY_ADDRESS, &[address]),
    }
}

/// Returns the counter of password changes by a user.
pub fn changes(app: &App, user_id: &str) -> Counter {
    Counter::new(&app.keys().throttle, PASSWORD_CHANGE_BY_USER, &[user_id])
}

/// Returns from which user id on to take the hash whose time an unknown email takes. It is the same for the same email, so that
/// repeating reveals nothing more.
pub fn sample(app: &App, email: &str) -> String {
    app.keys().throttle.hex(&["sample", email])
}

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The password is wrong, or the hash cannot be verified.
    Wrong,
    /// The password is right.
    Right {
        /// Whether to replace the hash: it has other parameters than the settings require, or it is of the password as typed
        /// instead of its canonical form.
        is_outdated: bool,
    },
}

/// Verifies the password of a user. Older and imported hashes can be of the password as typed, so that spelling is also tried if it
/// differs.
///
/// A hash that cannot be verified (malformed, or too expensive for an isolate) is a wrong password for the caller and a line in the
/// log. The user can still reset the password.
///
/// An account without a password has an empty hash, with which every password is wrong in the usual time.
pub fn verify(app: &App, user_id: &str, password: &Password, stored: &str) -> Verdict {
    if stored.is_empty() {
        spend(app, password, None);
        return Verdict::Wrong;
    }
    for (spelling, is_canonical) in password.spellings() {
        match password_hash::verify(spelling, stored) {
            Ok(false) => {}
            Ok(true) => {
                let is_outdated = !is_canonical || password_hash::differs(stored, app.settings().password_cost);
                return Verdict::Right { is_outdated };
            }
            Err(error) => {
                let (request, cause) = (&app.request_id, error.cause().unwrap_or_default());
                (app.log)(&format!("request {request}: the password of user {user_id} cannot be verified: {cause}"));
                spend(app, password, None);
                return Verdict::Wrong;
            }
        }
    }
    Verdict::Wrong
}

/// Takes the time of a wrong password, for an email without an account.
///
/// `sample` is the hash of some user, chosen by the email (`store::users::attempt_password`). So the times of unknown emails are
/// distributed like those of users, even while many have imported hashes. The result is discarded.
pub fn spend(app: &App, password: &Password, sample: Option<&str>) {
    for (spelling, _) in password.spellings() {
        let is_spent = sample.is_some_and(|sample| password_hash::verify(spelling, sample).is_ok());
        if !is_spent && let Ok(decoy) = password_hash::decoy(app.settings().password_cost) {
            let _ = password_hash::verify(spelling, &decoy);
        }
    }
}
