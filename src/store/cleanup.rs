//! Cleaning up: what has expired means nothing any more, and is deleted in bounded steps.
//!
//! Sessions and counters are written far more often than they end, so they have no index by their end, which would be a row
//! more to write each time: D1 bills a row written as a thousand rows read. Each run looks through a part of them instead,
//! from a place that is chosen by chance, and so comes by everywhere.

use super::{Store, run_all};
use crate::{
    domain::Timestamp,
    ports::{Rows, Statement, StoreError},
};

/// How many rows were deleted.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    /// Sessions, user tokens, throttles and events.
    pub rows: usize,
    /// Mails that could not be sent while they were of use.
    pub mails: usize,
}

/// Where a run starts to look through a table, as a key of that table. Random, so that all runs together cover it.
#[derive(Debug, Default)]
pub struct Places {
    /// A session id.
    pub session: String,
    /// A key of `throttles`.
    pub throttle: String,
}

/// Deletes what had expired at `now`, and the events from before `oldest_event`. Of each table it deletes at most `limit` rows,
/// of sessions and counters it looks at no more. A live row is never touched.
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
    ];
    let [tokens, mails] = statements.map(|statement| Statement::new(statement).bind(now).bind(limit));
    // From a place on to the end, and on from the beginning: SQLite takes the parts of UNION ALL one after the other, each by
    // the primary key, and reads no more than are wanted.
    let parts = [
        "DELETE FROM sessions WHERE expires_at <= ?1 AND id IN (
           SELECT id FROM sessions WHERE id >= ?3 UNION ALL SELECT id FROM sessions WHERE id < ?3 LIMIT ?2
         ) RETURNING id",
        "DELETE FROM throttles WHERE expires_at <= ?1 AND key IN (
           SELECT key FROM throttles WHERE key >= ?3 UNION ALL SELECT key FROM throttles WHERE key < ?3 LIMIT ?2
         ) RETURNING key",
    ];
    let [sessions, throttles] = parts.map(Statement::new).map(|statement| statement.bind(now).bind(limit));
    let Places { session, throttle } = places;
    let (sessions, throttles) = (sessions.bind(session), throttles.bind(throttle));
    // The oldest have the smallest ids, so no index by time is needed.
    let events = Statement::new(
        "DELETE FROM events WHERE id IN (SELECT id FROM events ORDER BY id LIMIT ?2) AND at < ?1 RETURNING id",
    )
    .bind(oldest_event)
    .bind(limit);
    let [sessions, tokens, throttles, mails, events] =
        run_all(store, [sessions, tokens, throttles, mails, events]).await?;
    let count = |rows: &Rows| rows.0.len();
    Ok(Deleted { rows: count(&sessions) + count(&tokens) + count(&throttles) + count(&events), mails: count(&mails) })
}
