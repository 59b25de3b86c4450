//! The table `totp`: the authenticator app of a user. A row without `confirmed_at` is no factor yet.

use serde::Deserialize;

use super::{
    Store, events, mails,
    recovery_codes::{self, NewSet},
    retry, run,
    sessions::{self, Condition, is_live_session},
    throttles::{self, Counter},
};
use crate::{
    domain::{Timestamp, event::Event, proof::Proof},
    ports::{Statement, StoreError},
};

/// A new app, in the form in which it is stored.
pub struct New {
    /// The user.
    pub user_id: String,
    /// The id of the key.
    pub key_id: String,
    /// The encrypted secret.
    pub sealed: String,
}

/// An app as stored.
#[derive(Debug, Deserialize)]
pub struct Stored {
    /// The id of the key.
    pub key_id: String,
    /// The encrypted secret.
    pub sealed: String,
    /// When the user began to add it. Another app of the same user has another time.
    pub created_at: Timestamp,
    /// When its first code was right. `None` while it is no factor.
    pub confirmed_at: Option<Timestamp>,
}

/// A code that was compared with the app of a user.
#[derive(Debug, Clone, Copy)]
pub struct RightCode {
    /// The time step of the code.
    pub step: i64,
    /// [`Stored::created_at`] of the app.
    pub app_created_at: Timestamp,
}

/// Stores the app of an active user that has none, instead of one that was not confirmed, if the session is live. Returns whether it did.
///
/// # Errors
/// [`StoreError`].
pub async fn begin(store: &Store, new: &New, session_id: &str, now: Timestamp) -> Result<bool, StoreError> {
    let insert = Statement::new(concat!(
        "INSERT INTO totp (user_id, key_id, sealed, created_at)
         SELECT id, ?2, ?3, ?4 FROM users WHERE id = ?1 AND is_active = 1 AND ",
        is_live_session!("?5", "?1", "?4"),
        " ON CONFLICT (user_id) DO UPDATE SET
           key_id = excluded.key_id, sealed = excluded.sealed, created_at = excluded.created_at, last_step = 0
         WHERE totp.confirmed_at IS NULL
         RETURNING user_id",
    ))
    .bind(new.user_id.as_str())
    .bind(new.key_id.as_str())
    .bind(new.sealed.as_str())
    .bind(now)
    .bind(session_id);
    Ok(run(store, insert).await?.any())
}

/// Returns the statement that reads the app of a user.
pub(super) fn select(user_id: &str) -> Statement {
    Statement::new("SELECT key_id, sealed, created_at, confirmed_at FROM totp WHERE user_id = ?1").bind(user_id)
}

/// Uses up a right code of a confirmed app, unless it or a later one was used (RFC 6238, section 5.2). So one of several concurrent
/// requests with the same code has an effect.
pub(super) fn accept(user_id: &str, code: RightCode, now: Timestamp) -> Statement {
    accept_for_sign_in(user_id, code, now, None)
}

/// Like [`accept`], if the one-time token of the sign-in is unused, the password is still that of its epoch, and the user is active.
pub(super) fn accept_for_sign_in(
    user_id: &str,
    code: RightCode,
    now: Timestamp,
    token: Option<(&str, i64)>,
) -> Statement {
    Statement::new(
        "UPDATE totp SET last_step = ?2, last_used_at = ?3
         WHERE user_id = ?1 AND confirmed_at IS NOT NULL AND created_at = ?4 AND last_step < ?2
           AND (?5 IS NULL OR NOT EXISTS (SELECT 1 FROM spent WHERE key = ?5)
             AND EXISTS (SELECT 1 FROM users WHERE id = ?1 AND is_active = 1 AND password_epoch = ?6))
         RETURNING user_id",
    )
    .bind(user_id)
    .bind(code.step)
    .bind(now)
    .bind(code.app_created_at)
    .bind(token.map(|(id, _)| id))
    .bind(token.map(|(_, epoch)| epoch))
}

/// What became of the confirmation of an app.
pub enum Confirmation {
    /// The app is a factor now.
    Done {
        /// Whether the new recovery codes are in force, or the user had some.
        has_new_codes: bool,
    },
    /// The app was confirmed or replaced in the meantime, or the session or the account was closed.
    Refused,
}

/// Makes a factor of the app whose first code was right. From then on, every session of the user needs two factors. The session of the
/// request has two now, so it stays; the other ones that have one end. Stores the recovery codes if the user has none.
///
/// # Errors
/// [`StoreError`].
pub async fn confirm(
    store: &Store,
    code: RightCode,
    session: (&str, &Proof),
    codes: &NewSet,
    guesses: &Counter,
    notice: Option<&mails::Notice>,
    event: &Event,
) -> Result<Confirmation, StoreError> {
    let (user_id, now) = (codes.user_id.as_str(), event.at);
    let (session_id, proof) = session;
    let confirm = Statement::new(
        "UPDATE totp SET confirmed_at = ?3, last_step = ?2
         WHERE user_id = ?1 AND confirmed_at IS NULL AND created_at = ?4
           AND EXISTS (SELECT 1 FROM sessions WHERE id = ?5 AND user_id = ?1 AND expires_at > ?3)
           AND EXISTS (SELECT 1 FROM users WHERE id = ?1 AND is_active = 1)
         RETURNING user_id",
    )
    .bind(user_id)
    .bind(code.step)
    .bind(now)
    .bind(code.app_created_at)
    .bind(session_id);
    // The order matters: a trigger ends the sessions that have one factor when the requirement begins.
    let require = Statement::new(
        "UPDATE users SET second_factor = 1
         WHERE id = ?1 AND second_factor = 0 AND EXISTS (SELECT 1 FROM totp WHERE user_id = ?1 AND confirmed_at IS NOT NULL)",
    );
    let mut statements = vec![confirm, sessions::strengthen(session_id, proof, Condition::ProofSpent, now)];
    statements.extend(mails::event_and_notice(event, notice));
    statements.extend([require.bind(user_id), recovery_codes::insert_with_totp(codes, now)]);
    statements.extend(throttles::take_back_guess(guesses, session_id, now));
    statements.push(recovery_codes::select_one_of(codes));
    let answers = retry::batch(store, &statements).await?;
    Ok(match answers.first().is_some_and(|confirmed| confirmed.any()) {
        true => Confirmation::Done { has_new_codes: answers.last().is_some_and(|codes| codes.any()) },
        false => Confirmation::Refused,
    })
}

/// Uses up a right code and stores in the session that the user has proven again who they are. Returns whether the code was unused and
/// the session is live.
///
/// # Errors
/// [`StoreError`].
pub async fn reauthenticate(
    store: &Store,
    user_id: &str,
    code: RightCode,
    session: (&str, &Proof),
    guesses: &Counter,
    event: &Event,
) -> Result<bool, StoreError> {
    let now = event.at;
    let (session_id, proof) = session;
    let mut statements = vec![
        accept(user_id, code, now),
        sessions::strengthen(session_id, proof, Condition::ProofSpent, now),
        events::insert_if_changed(event),
    ];
    statements.extend(throttles::take_back_guess(guesses, session_id, now));
    Ok(retry::batch(store, &statements).await?.get(1).is_some_and(|strengthened| strengthened.any()))
}

/// Removes the app of a user. If it is the last second factor, the requirement and the recovery codes end with it. With
/// `needs_passkey`, that is refused. Returns whether an app was removed.
///
/// # Errors
/// [`StoreError`].
pub async fn delete(
    store: &Store,
    user_id: &str,
    needs_passkey: bool,
    notice: Option<&mails::Notice>,
    event: &Event,
) -> Result<bool, StoreError> {
    let delete = Statement::new(
        "DELETE FROM totp
         WHERE user_id = ?1 AND confirmed_at IS NOT NULL
           AND (?2 = 0 OR EXISTS (SELECT 1 FROM passkeys WHERE user_id = ?1))
           AND EXISTS (SELECT 1 FROM users WHERE id = ?1 AND is_active = 1)
         RETURNING user_id",
    )
    .bind(user_id)
    .bind(needs_passkey);
    let mut statements = vec![delete];
    statements.extend(mails::event_and_notice(event, notice));
    Ok(retry::batch(store, &statements).await?.first().is_some_and(|deleted| deleted.any()))
}
