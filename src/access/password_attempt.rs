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

/// The counters of attempts at the password of `email` from the caller's address.
pub fn counters(app: &App, email: &str) -> PasswordCounters {
    let key = &app.keys().throttle;
    let address = app.address.as_str();
    PasswordCounters {
        account: Counter::new(key, PASSWORD_BY_ACCOUNT, &[email]).of_password(email),
        known_address: Counter::new(key, PASSWORD_BY_KNOWN_ADDRESS, &[email, address]).of_password(email),
        address: Counter::new(key, PASSWORD_BY_ADDRESS, &[address]),
    }
}

/// The counter of password changes by a user.
pub fn changes(app: &App, user_id: &str) -> Counter {
    Counter::new(&app.keys().throttle, PASSWORD_CHANGE_BY_USER, &[user_id])
}

/// Where among the ids of users to take the hash whose time an unknown email takes. The same for the same email, so that asking
/// again tells no more.
pub fn sample(app: &App, email: &str) -> String {
    app.keys().throttle.hex(&["sample", email])
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is not the password, or the hash cannot be verified.
    Wrong,
    /// It is the password.
    Right {
        /// Whether the hash should be replaced: it has other parameters than the settings ask for, or it is of the password as it
        /// was typed and not of its canonical form.
        is_outdated: bool,
    },
}

/// Verifies the password of a user. Hashes that were made before, or elsewhere, may be of the password as it was typed, so that
/// spelling is tried as well if it differs.
///
/// A hash that cannot be verified (malformed, or too expensive for an isolate) is a wrong password to the caller and a line in
/// the log: the user can still reset the password.
pub fn verify(app: &App, user_id: &str, password: &Password, stored: &str) -> Verdict {
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
/// `sample` is the hash of some user, chosen by the email (`store::users::attempt_password`). What an unknown email costs is then
/// distributed as it is among the users, also while many have hashes from elsewhere. The result is thrown away.
pub fn spend(app: &App, password: &Password, sample: Option<&str>) {
    for (spelling, _) in password.spellings() {
        let is_spent = sample.is_some_and(|sample| password_hash::verify(spelling, sample).is_ok());
        if !is_spent && let Ok(decoy) = password_hash::decoy(app.settings().password_cost) {
            let _ = password_hash::verify(spelling, &decoy);
        }
    }
}
