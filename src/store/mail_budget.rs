//! Counters of mails in the table `throttles`: a number per window, which starts with the first mail. `domain::mail_budget` has the
//! rules.

use serde::Deserialize;

use super::{Store, run_all};
use crate::{
    domain::{Timestamp, mail_budget::Budget},
    ports::{Statement, StoreError},
};

#[derive(Deserialize)]
struct Window {
    expires_at: Timestamp,
}

/// Counts a mail with the counter `key`. If the counter has reached the limit of `budget`, returns when the window ends instead.
///
/// # Errors
/// [`StoreError`].
pub async fn take(store: &Store, key: &str, budget: Budget, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    let count = Statement::new(
        "INSERT INTO throttles (key, attempts, blocked_until, expires_at) VALUES (?1, 1, 0, ?2 + ?4)
         ON CONFLICT (key) DO UPDATE SET
           attempts = CASE WHEN throttles.expires_at <= ?2 THEN 1 ELSE throttles.attempts + 1 END,
           expires_at = CASE WHEN throttles.expires_at <= ?2 THEN excluded.expires_at ELSE throttles.expires_at END
         WHERE throttles.expires_at <= ?2 OR throttles.attempts < ?3
         RETURNING key",
    )
    .bind(key)
    .bind(now)
    .bind(budget.limit)
    .bind(budget.window);
    let window = Statement::new("SELECT expires_at FROM throttles WHERE key = ?1").bind(key);
    let [counted, window] = run_all(store, [count, window]).await?;
    if counted.any() {
        return Ok(None);
    }
    Ok(Some(window.first::<Window>()?.map_or(now, |window| window.expires_at)))
}
