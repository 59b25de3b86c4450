//! Deletes expired rows in bounded steps.
//!
//! Sessions, counters and used one-time tokens are written far more often than they expire, and an index by expiry would be one more
//! row to write each time. D1 bills a row written like a thousand rows read. So each run scans a part of these tables from a random
//! place, and all runs together cover them.

use super::{Store, run_all, sign_ups};
use crate::{
    domain::Timestamp,
    ports::{Rows, Statement, StoreError},
};

/// The number of deleted rows.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    /// Sessions, user tokens, throttles, used one-time tokens, requests to sign up, changes of emails and events.
    pub rows: usize,
    /// Mails that could not be sent before they expired.
    pub mails: usize,
}

/// Where a run starts to scan a table, as a key of that table. It is random, so that all runs together cover the table.
#[derive(Debug, Default)]
pub struct Places {
    /// A session id.
    pub session: String,
    /// A key of `throttles`.
    pub throttle: String,
    /// The id of a used one-time token.
    pub spent: String,
}

/// Deletes rows that had expired at `now`, and events from before `oldest_event`. Deletes at most `limit` rows per table, and scans
/// at most as many sessions, counters and used one-time tokens. Live rows are never touched.
///
/// # Errors
/// [`StoreError`].
pub async fn delete(
    store: &Store,
    now: Timestamp,
    oldest_event: Timestamp,
    limit: i64,
    places: Places,
) -> Result<Deleted, StoreError> {
    let statements = [
        "DELETE FROM user_tokens WHERE lookup IN (SELECT lookup FROM user_tokens WHERE expires_at <= ?1 LIMIT ?2)
         RETURNING lookup",
        "DELETE FROM mails WHERE id IN (SELECT id FROM mails WHERE expires_at <= ?1 LIMIT ?2) RETURNING id",
        "DELETE FROM email_changes
         WHERE user_id IN (SELECT user_id FROM email_changes WHERE expires_at <= ?1 LIMIT ?2) RETURNING user_id",
        "DELETE FROM undoable_email_changes
         WHERE number IN (SELECT number FROM undoable_email_changes WHERE expires_at <= ?1 LIMIT ?2) RETURNING number",
    ];
    let sign_ups = Statement::new(
        "DELETE FROM sign_ups WHERE id IN (
           SELECT id FROM sign_ups WHERE requested_at <= ?1 ORDER BY requested_at LIMIT ?2) RETURNING id",
    )
    .bind(now - sign_ups::LIFETIME)
    .bind(limit);
    let [tokens, mails, email_changes, undoable] =
        statements.map(|statement| Statement::new(statement).bind(now).bind(limit));
    // From the place to the end, then from the beginning. SQLite reads the parts of UNION ALL one after the other, each by the
    // primary key, and stops at the limit.
    let parts = [
        "DELETE FROM sessions WHERE expires_at <= ?1 AND id IN (
           SELECT id FROM sessions WHERE id >= ?3 UNION ALL SELECT id FROM sessions WHERE id < ?3 LIMIT ?2
         ) RETURNING id",
        "DELETE FROM throttles WHERE expires_at <= ?1 AND key IN (
           SELECT key FROM throttles WHERE key >= ?3 UNION ALL SELECT key FROM throttles WHERE key < ?3 LIMIT ?2
         ) RETURNING key",
        "DELETE FROM spent WHERE expires_at <= ?1 AND key IN (
           SELECT key FROM spent WHERE key >= ?3 UNION ALL SELECT key FROM spent WHERE key < ?3 LIMIT ?2
         ) RETURNING key",
    ];
    let [sessions, throttles, spent] = parts.map(Statement::new).map(|statement| statement.bind(now).bind(limit));
    let Places { session, throttle, spent: used } = places;
    let (sessions, throttles, spent) = (sessions.bind(session), throttles.bind(throttle), spent.bind(used));
    // The oldest events have the smallest ids, so this needs no index by time.
    let events = Statement::new(
        "DELETE FROM events WHERE id IN (SELECT id FROM events ORDER BY id LIMIT ?2) AND at < ?1 RETURNING id",
    )
    .bind(oldest_event)
    .bind(limit);
    let answers =
        run_all(store, [mails, sessions, tokens, throttles, spent, sign_ups, events, email_changes, undoable]).await?;
    let [mails, others @ ..] = answers.each_ref().map(|rows: &Rows| rows.0.len());
    Ok(Deleted { rows: others.iter().sum(), mails })
}
