//! Authenticator apps and recovery codes: what a user and the service both know, so it is encrypted in the database.

use crate::{
    app::App,
    crypto::{constant_time, keys::SecondFactorKey, random, totp::Secret},
    domain::{
        recovery_code::{self, ALPHABET, COUNT, LENGTH, RecoveryCode},
        throttle::SECOND_FACTOR_BY_USER,
    },
    error::Error,
    store::{
        recovery_codes,
        resealing::{self, Resealed, Rows, Sealed},
        throttles::Counter,
        totp::{self, RightCode},
    },
};

/// Returns the counter of a user's guesses, for all endpoints that take a code.
pub fn guesses(app: &App, user_id: &str) -> Counter {
    Counter::new(&app.keys().throttle, SECOND_FACTOR_BY_USER, &[user_id])
}

fn totp_context(user_id: &str) -> String {
    format!("totp secret of {user_id}")
}

fn recovery_code_context(user_id: &str) -> String {
    format!("recovery code of {user_id}")
}

fn current_key(app: &App) -> Result<&SecondFactorKey, Error> {
    app.keys().second_factor.first().ok_or_else(|| Error::Internal("there is no key for second factors".to_owned()))
}

/// Decrypts what is sealed with one of the accepted keys.
fn open(app: &App, key_id: &str, sealed: &str, context: &str) -> Option<String> {
    app.keys().second_factor.iter().find(|key| key.id == key_id)?.seal.open(sealed, context)
}

/// Logs that a secret was replaced without being accepted as the previous one, because to the user every code is just wrong.
fn log_unreadable(app: &App, context: &str) {
    (app.log)(&format!(
        "request {}: the {context} was encrypted with an AUTH_SECRET that is not accepted",
        app.request_id
    ));
}

/// Draws the secret of an authenticator app, and returns it with the form in which it is stored.
///
/// # Errors
/// 500 if there is no randomness.
pub fn draw_totp(app: &App, user_id: &str) -> Result<(Secret, totp::New), Error> {
    let key = current_key(app)?;
    let secret = Secret::draw()?;
    let sealed = key.seal.seal(&secret.to_base32(), &totp_context(user_id))?;
    Ok((secret, totp::New { user_id: user_id.to_owned(), key_id: key.id.clone(), sealed }))
}

/// Returns the code of the user's authenticator app, if it is the current one or next to it. The store decides whether it was used
/// before. An app that is not confirmed has no right codes.
pub fn right_code(app: &App, user_id: &str, stored: &totp::Stored, code: &str) -> Option<RightCode> {
    stored.confirmed_at?;
    first_code(app, user_id, stored, code)
}

/// Like [`right_code`], also for an app that is not confirmed.
pub fn first_code(app: &App, user_id: &str, stored: &totp::Stored, code: &str) -> Option<RightCode> {
    let context = totp_context(user_id);
    let Some(secret) = open(app, &stored.key_id, &stored.sealed, &context) else {
        log_unreadable(app, &context);
        return None;
    };
    let step = Secret::from_base32(&secret)?.matching_step(code, app.now)?;
    Some(RightCode { step, app_created_at: stored.created_at })
}

/// Draws a set of recovery codes, and returns them as the user sees them with the form in which they are stored.
///
/// # Errors
/// 500 if there is no randomness.
pub fn draw_recovery_codes(app: &App, user_id: &str) -> Result<(Vec<String>, recovery_codes::NewSet), Error> {
    let key = current_key(app)?;
    let context = recovery_code_context(user_id);
    let mut shown = Vec::with_capacity(COUNT);
    let mut codes = Vec::with_capacity(COUNT);
    for _ in 0..COUNT {
        let code = random::text(ALPHABET, LENGTH)?;
        codes.push(recovery_codes::New { id: random::id()?, sealed: key.seal.seal(&code, &context)? });
        shown.push(recovery_code::display(&code));
    }
    Ok((shown, recovery_codes::NewSet { user_id: user_id.to_owned(), key_id: key.id.clone(), codes }))
}

/// Returns the id of the stored recovery code that the user has typed. All of them are compared in constant time.
pub fn matching_code<'a>(
    app: &App,
    user_id: &str,
    stored: &'a [recovery_codes::Stored],
    typed: &RecoveryCode,
) -> Option<&'a str> {
    let context = recovery_code_context(user_id);
    let opened: Vec<(String, &str)> = stored
        .iter()
        .filter_map(|code| Some((open(app, &code.key_id, &code.sealed, &context)?, code.id.as_str())))
        .collect();
    if opened.len() < stored.len() {
        log_unreadable(app, &context);
    }
    constant_time::find(opened, typed.as_str())
}

/// The maximum number of rows of a table that one run of the cron trigger reads, and that it encrypts again.
const SCANNED_A_RUN: i64 = 5_000;
const RESEALED_A_RUN: i64 = 500;

/// Encrypts a part of what is encrypted with the previous secret with the current one, so that nobody loses a second factor when the
/// previous secret is removed.
///
/// # Errors
/// 500 if there is no randomness; 503.
pub async fn reseal(app: &App) -> Result<(), Error> {
    let [current, previous] = app.keys().second_factor.as_slice() else { return Ok(()) };
    let place = random::id()?;
    let old = resealing::find(&app.store, &previous.id, &place, SCANNED_A_RUN, RESEALED_A_RUN).await?;
    let reseal = |rows: Vec<Sealed>, context: fn(&str) -> String| -> Result<Vec<Resealed>, Error> {
        let mut resealed = Vec::with_capacity(rows.len());
        for Sealed { id, user_id, sealed: old } in rows {
            let context = context(&user_id);
            if let Some(text) = previous.seal.open(&old, &context) {
                resealed.push(Resealed { id, new: current.seal.seal(&text, &context)?, old });
            }
        }
        Ok(resealed)
    };
    let rows = Rows {
        totp: reseal(old.totp, totp_context)?,
        recovery_codes: reseal(old.recovery_codes, recovery_code_context)?,
    };
    if rows.is_empty() {
        return Ok(());
    }
    Ok(resealing::replace(&app.store, &current.id, &rows).await?)
}
