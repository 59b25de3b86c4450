//! The budget of each recipient. Mail is only sent by `queue` and `send_now`, and both count here first. Notices are limited by
//! `store::mails::Notice` instead.

use crate::{
    app::App,
    domain::{email::Email, mail_budget::Budget, throttle::Blocked},
    error::Error,
    store::mail_budget,
};

/// Counts a requested mail. It is counted before anything else happens, so a refusal leaves nothing half done.
///
/// # Errors
/// 429 if the recipient got too many mails; 503.
pub async fn take(app: &App, to: &Email, budget: Budget) -> Result<(), Error> {
    // Only a keyed hash of the address is stored.
    let key = app.keys().throttle.hash(&[budget.name, to.as_str()]);
    match mail_budget::take(&app.store, &key, budget, app.now).await? {
        None => Ok(()),
        Some(until) => Err(Blocked::until(until, app.now).into()),
    }
}
