//! Cleaning up: what has expired means nothing any more, and is deleted in bounded steps.

use super::run_all;
use crate::{
    domain::Timestamp,
    ports::{Outage, Rows, Sql, Statement},
};

/// How many rows were deleted.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    /// Sessions, user tokens, throttles and events.
    pub rows: usize,
    /// Mails that could not be sent while they were of use.
    pub mails: usize,
}

/// Deletes what had expired at `now`, and the events from before `oldest_event`, at most `limit` rows of each table. A live
/// row is never touched.
///
/// # Errors
/// [`Outage`].
pub async fn delete(sql: &dyn Sql, now: Timestamp, oldest_event: Timestamp, limit: i64) -> Result<Deleted, Outage> {
    let statements = [
        "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at <= ?1 LIMIT ?2) RETURNING id",
        "DELETE FROM user_tokens WHERE lookup IN (SELECT lookup FROM user_tokens WHERE expires_at <= ?1 LIMIT ?2)
         RETURNING lookup",
        "DELETE FROM throttles WHERE key IN (SELECT key FROM throttles WHERE expires_at <= ?1 LIMIT ?2) RETURNING key",
        "DELETE FROM mails WHERE id IN (SELECT id FROM mails WHERE expires_at <= ?1 LIMIT ?2) RETURNING id",
    ];
    let [sessions, tokens, throttles, mails] =
        statements.map(|statement| Statement::new(statement).bind(now).bind(limit));
    // The oldest have the smallest ids, so no index by time is needed.
    let events = Statement::new(
        "DELETE FROM events WHERE id IN (SELECT id FROM events ORDER BY id LIMIT ?2) AND at < ?1 RETURNING id",
    )
    .bind(oldest_event)
    .bind(limit);
    let [sessions, tokens, throttles, mails, events] =
        run_all(sql, [sessions, tokens, throttles, mails, events]).await?;
    let count = |rows: &Rows| rows.0.len();
    Ok(Deleted { rows: count(&sessions) + count(&tokens) + count(&throttles) + count(&events), mails: count(&mails) })
}
