//! The table `spent`: one-time tokens that were used. `access::one_time` issues them.

use super::{Store, run};
use crate::{
    domain::Timestamp,
    ports::{Statement, StoreError},
};

/// Uses up a one-time token, for the beginning of a batch. The next statement of the batch must ask `changes() > 0`: 0 rows mean that
/// the token was used before. So one of several concurrent requests with the same token has an effect.
pub(super) fn spend(id: &str, expires_at: Timestamp) -> Statement {
    Statement::new("INSERT INTO spent (key, expires_at) VALUES (?1, ?2) ON CONFLICT (key) DO NOTHING RETURNING key")
        .bind(id)
        .bind(expires_at)
}

/// Uses up a one-time token if the previous statement of the batch has changed a row. If that statement takes a code, it must require that
/// the token is not used yet (`NOT EXISTS` in `spent`), so that a code that turns out to be used leaves the token for the next code.
pub(super) fn spend_if_changed(id: &str, expires_at: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO spent (key, expires_at) SELECT ?1, ?2 WHERE changes() > 0 ON CONFLICT (key) DO NOTHING RETURNING key",
    )
    .bind(id)
    .bind(expires_at)
}

/// Returns whether a one-time token was used.
///
/// # Errors
/// [`StoreError`].
pub(super) async fn is_spent(store: &Store, id: &str) -> Result<bool, StoreError> {
    Ok(run(store, Statement::new("SELECT 1 FROM spent WHERE key = ?1").bind(id)).await?.any())
}
