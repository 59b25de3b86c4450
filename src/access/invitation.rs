//! The invitation with which a user signs up.

use crate::{
    app::App,
    domain::{
        email::Email,
        throttle::SIGN_UP_BY_ADDRESS,
        user_token::{Referrer, is_well_formed},
    },
    error::Error,
    store::{
        throttles::Counter,
        user_tokens::{self, Invitation},
    },
};

/// Returns the counter of sign-ups from the address of the caller.
pub fn sign_ups(app: &App) -> Counter {
    Counter::new(&app.keys().throttle, SIGN_UP_BY_ADDRESS, &[app.address.as_str()])
}

/// Counts a sign-up and finds its invitation.
///
/// # Errors
/// 403 if the invitation is unknown, expired or used up, or its owner is deactivated; 429; 503.
pub async fn attempt(app: &App, referrer: &Referrer, email: Option<&Email>) -> Result<Invitation, Error> {
    let (counter, token) = (sign_ups(app), referrer.as_str());
    let attempt = user_tokens::attempt_sign_up(&app.store, &counter, &app.keys().user_token, token, email, app.now);
    attempt.await??.filter(|_| is_well_formed(token)).ok_or(Error::ReferrerRefused)
}
