//! The table `one_time_passwords`: a user's live code, the guesses at it, the wrong codes in total, and when the next code can be
//! sent.

use serde::Deserialize;

use super::{Store, email_problems, events, run, run_all};
use crate::{
    domain::Timestamp,
    domain::email_problem::EmailProblem,
    domain::event::Event,
    domain::one_time_password::{MAX_GUESSES, MAX_SENDS, SEND_PAUSE, SEND_WINDOW, next_send},
    domain::throttle::{Blocked, CODE_BY_USER, Policy},
    ports::{Statement, StoreError},
};

/// A user's row.
#[derive(Debug, Deserialize)]
pub struct Row {
    generation: Option<String>,
    guesses: i64,
    sent_at: Timestamp,
    sends: i64,
    window_started_at: Timestamp,
}

/// What became of a send.
#[derive(Debug, PartialEq, Eq)]
pub enum BegunSend {
    /// Its generation is the live one.
    Begun,
    /// A code was sent too recently or too often.
    TooSoon(Blocked),
    /// The account was closed in the meantime.
    AccountClosed,
}

/// Returns the state of the user's code, for [`begin_send`] and [`undo_send`], and the problem of their address, if there is one.
///
/// # Errors
/// [`StoreError`].
pub async fn find(store: &Store, user_id: &str) -> Result<(Option<Row>, Option<EmailProblem>), StoreError> {
    let [row, problem] = run_all(store, [select(user_id), email_problems::select(user_id)]).await?;
    Ok((row.first()?, email_problems::Columns::of(&problem)?))
}

fn select(user_id: &str) -> Statement {
    Statement::new(
        "SELECT generation, guesses, sent_at, sends, window_started_at FROM one_time_passwords WHERE user_id = ?1",
    )
    .bind(user_id)
}

/// Makes `generation` the live one, which ends the previous one, unless a code was sent too recently or too often. The row must
/// still be as in `before`, because [`undo_send`] restores that.
///
/// # Errors
/// [`StoreError`]: the send may have begun anyway.
pub async fn begin_send(
    store: &Store,
    user_id: &str,
    generation: &str,
    before: Option<&Row>,
    now: Timestamp,
) -> Result<BegunSend, StoreError> {
    let begin = Statement::new(
        "INSERT INTO one_time_passwords (user_id, generation, guesses, sent_at, sends, window_started_at)
         SELECT id, ?2, 0, ?3, 1, ?3 FROM users WHERE id = ?1 AND is_active = 1
         ON CONFLICT (user_id) DO UPDATE SET
           generation = excluded.generation, guesses = 0, sent_at = excluded.sent_at,
           sends = CASE WHEN window_started_at + ?5 <= ?3 THEN 1 ELSE sends + 1 END,
           window_started_at = CASE WHEN window_started_at + ?5 <= ?3 THEN ?3 ELSE window_started_at END
         WHERE one_time_passwords.sent_at + ?4 <= ?3
           AND (one_time_passwords.window_started_at + ?5 <= ?3 OR one_time_passwords.sends < ?6)
           AND one_time_passwords.generation IS ?7 AND one_time_passwords.guesses = ?8
         RETURNING user_id",
    )
    .bind(user_id)
    .bind(generation)
    .bind(now)
    .bind(SEND_PAUSE)
    .bind(SEND_WINDOW)
    .bind(MAX_SENDS)
    .bind(before.and_then(|row| row.generation.as_deref()))
    .bind(before.map(|row| row.guesses));
    let [begun, current] = run_all(store, [begin, select(user_id)]).await?;
    if begun.any() {
        return Ok(BegunSend::Begun);
    }
    // Without a row, the only reason is that the account was closed.
    let current: Option<Row> = current.first()?;
    Ok(current.map_or(BegunSend::AccountClosed, |row| {
        BegunSend::TooSoon(Blocked::until(next_send(row.sent_at, row.window_started_at, row.sends), now))
    }))
}

/// Restores the row from before `generation`, because its mail could not be sent. Does nothing if `generation` is not the live one.
///
/// # Errors
/// [`StoreError`].
pub async fn undo_send(store: &Store, user_id: &str, generation: &str, before: Option<Row>) -> Result<(), StoreError> {
    let statement = match before {
        Some(row) => Statement::new(
            "UPDATE one_time_passwords
             SET generation = ?3, guesses = ?4, sent_at = ?5, sends = ?6, window_started_at = ?7
             WHERE user_id = ?1 AND generation = ?2",
        )
        .bind(user_id)
        .bind(generation)
        .bind(row.generation)
        .bind(row.guesses)
        .bind(row.sent_at)
        .bind(row.sends)
        .bind(row.window_started_at),
        None => Statement::new("DELETE FROM one_time_passwords WHERE user_id = ?1 AND generation = ?2")
            .bind(user_id)
            .bind(generation),
    };
    run(store, statement).await.map(drop)
}

/// What became of a guess.
#[derive(Debug, PartialEq, Eq)]
pub enum CountedGuess {
    /// It counts and can be checked.
    Counted,
    /// The user has guessed wrong too often.
    Blocked(Blocked),
    /// The code is not live, or was guessed too often.
    Dead,
}

#[derive(Deserialize)]
struct Wait {
    guess_blocked_until: Timestamp,
}

/// Counts a guess before it is checked: for the code, and for its user until a code is right. Both are in one row, so that a guess
/// costs one write.
///
/// # Errors
/// [`StoreError`].
pub async fn count_guess(
    store: &Store,
    user_id: &str,
    generation: &str,
    now: Timestamp,
) -> Result<CountedGuess, StoreError> {
    let Policy { free, delay, max_delay, forget, .. } = CODE_BY_USER;
    // `now` can be older than the last guess. A block starts at the last guess, and counters are not reset earlier.
    let count = Statement::new(
        "UPDATE one_time_passwords SET
           guesses = guesses + 1,
           wrong_codes = CASE WHEN wrong_codes_expire_at <= ?4 THEN 1 ELSE wrong_codes + 1 END,
           guess_blocked_until = CASE
             WHEN wrong_codes_expire_at <= ?4 OR wrong_codes + 1 < ?5 THEN 0
             ELSE max(?4, wrong_codes_expire_at - ?8) + min(?7, ?6 << min(wrong_codes + 1 - ?5, 30)) END,
           wrong_codes_expire_at = max(wrong_codes_expire_at, ?4 + ?8)
         WHERE user_id = ?1 AND generation = ?2 AND guesses < ?3 AND guess_blocked_until <= ?4
         RETURNING guesses",
    )
    .bind(user_id)
    .bind(generation)
    .bind(MAX_GUESSES)
    .bind(now)
    .bind(free)
    .bind(delay)
    .bind(max_delay)
    .bind(forget);
    if run(store, count).await?.any() {
        return Ok(CountedGuess::Counted);
    }
    let why = Statement::new(
        "SELECT guess_blocked_until FROM one_time_passwords
         WHERE user_id = ?1 AND generation = ?2 AND guesses < ?3 AND guess_blocked_until > ?4",
    );
    let why = why.bind(user_id).bind(generation).bind(MAX_GUESSES).bind(now);
    Ok(match run(store, why).await?.first::<Wait>()? {
        Some(wait) => CountedGuess::Blocked(Blocked::until(wait.guess_blocked_until, now)),
        None => CountedGuess::Dead,
    })
}

/// Uses up the live generation, verifies the email of its user if active, and resets the wrong guesses. One of several concurrent
/// calls succeeds. Returns whether this one did.
///
/// # Errors
/// [`StoreError`].
pub async fn complete(store: &Store, user_id: &str, generation: &str, event: &Event) -> Result<bool, StoreError> {
    let verify = Statement::new(
        "UPDATE users SET is_verified = 1, updated_at = max(?3, updated_at + 1)
         WHERE id = ?1 AND is_active = 1
           AND EXISTS (SELECT 1 FROM one_time_passwords WHERE user_id = ?1 AND generation = ?2)
         RETURNING id",
    )
    .bind(user_id)
    .bind(generation)
    .bind(event.at);
    let use_up = Statement::new(
        "UPDATE one_time_passwords SET generation = NULL, wrong_codes = 0, guess_blocked_until = 0
             WHERE user_id = ?1 AND generation = ?2",
    )
    .bind(user_id)
    .bind(generation);
    let [verified, _, _] = run_all(store, [verify, events::insert_if_changed(event), use_up]).await?;
    Ok(verified.any())
}
