//! The codes and tokens of a change of the email address.

use serde::{Deserialize, Serialize};

use super::one_time::Content;
use crate::{
    app::App,
    crypto::{random, sha256},
    domain::{
        email::Email,
        throttle::{
            EMAIL_CHANGE_BY_EMAIL, EMAIL_CHANGE_BY_USER, EMAIL_CHANGE_CODE_BY_EMAIL, EMAIL_CHANGE_CODE_BY_USER,
        },
    },
    error::Error,
    store::throttles::Counter,
};

/// A change that waits for its codes. The browser that asked for it keeps the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingEmailChange {
    /// The id of the change.
    pub id: String,
    /// The new address.
    pub email: String,
    /// Whether a code from the old address is needed too.
    pub confirms_old: bool,
}

impl Content for PendingEmailChange {
    const PURPOSE: &'static str = "email change";
}

/// The mailbox that a code was mailed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mailbox {
    /// The new address.
    New,
    /// The old address.
    Old,
}

/// Draws a code, and returns it with the form in which it is stored.
///
/// # Errors
/// 500 if there is no randomness.
pub fn draw_code(app: &App, id: &str, mailbox: Mailbox) -> Result<(String, String), Error> {
    let code = random::code()?;
    let hash = app.keys().one_time_password.hash(&parts(id, mailbox, &code));
    Ok((code, hash))
}

/// Returns whether this is the code that was mailed.
pub fn is_code(app: &App, id: &str, mailbox: Mailbox, code: &str, hash: &str) -> bool {
    app.keys().one_time_password.matches(&parts(id, mailbox, code), hash)
}

fn parts<'a>(id: &'a str, mailbox: Mailbox, code: &'a str) -> [&'a str; 4] {
    let mailbox = match mailbox {
        Mailbox::New => "new",
        Mailbox::Old => "old",
    };
    ["email change", mailbox, id, code]
}

/// Returns the token of the link with which the owner of the old address stops or undoes a change. It is the same in the mail about the
/// request and in the one about the change, so both links work until the change can no longer be undone.
pub fn undo_token(app: &App, id: &str) -> String {
    app.keys().one_time_password.hash(&["undo email change", id])
}

/// Returns the form in which the token of an undo link is stored.
pub fn undo_hash(token: &str) -> String {
    sha256::base64url(token.as_bytes())
}

/// Returns the counters of requests: by the user, and to the new address.
pub fn requests(app: &App, user_id: &str, email: &Email) -> (Counter, Counter) {
    let key = &app.keys().throttle;
    (Counter::new(key, EMAIL_CHANGE_BY_USER, &[user_id]), Counter::new(key, EMAIL_CHANGE_BY_EMAIL, &[email.as_str()]))
}

/// Returns the counters of guesses: by the user, and at codes for this new address.
pub fn guesses(app: &App, user_id: &str, email: &str) -> (Counter, Counter) {
    let key = &app.keys().throttle;
    (Counter::new(key, EMAIL_CHANGE_CODE_BY_USER, &[user_id]), Counter::new(key, EMAIL_CHANGE_CODE_BY_EMAIL, &[email]))
}
