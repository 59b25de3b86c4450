//! The counters of attempts at a password.

use crate::{
    app::App,
    domain::throttle::{PASSWORD_BY_ACCOUNT, PASSWORD_BY_ADDRESS, PASSWORD_BY_KNOWN_ADDRESS, PASSWORD_CHANGE_BY_USER},
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
