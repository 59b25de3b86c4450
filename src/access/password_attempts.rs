//! Whose attempts at a password are counted together.

use crate::{
    app::App,
    domain::throttle::{PASSWORD_BY_ACCOUNT, PASSWORD_BY_ADDRESS, PASSWORD_BY_KNOWN_ADDRESS},
    store::throttles::{Counter, PasswordCounters},
};

/// The counters of attempts at the password of `email`.
pub fn counters(app: &App, email: &str) -> PasswordCounters {
    let key = &app.keys().throttle;
    let address = app.address.as_str();
    PasswordCounters {
        account: Counter::new(key, PASSWORD_BY_ACCOUNT, &[email]),
        known_address: Counter::new(key, PASSWORD_BY_KNOWN_ADDRESS, &[email, address]),
        address: Counter::new(key, PASSWORD_BY_ADDRESS, &[address]),
    }
}
