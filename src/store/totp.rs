//! The table `totp`: the authenticator app of a user. A row without `confirmed_at` is no factor yet.

use serde::Deserialize;

use super::{Store, run};
use crate::{
    domain::Timestamp,
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
    /// When its first code was right. `None` while it is no factor.
    pub confirmed_at: Option<Timestamp>,
}

/// Stores the app of an active user that has none, in place of one that was not confirmed. Returns whether it did.
///
/// # Errors
/// [`StoreError`].
pub async fn begin(store: &Store, new: &New, now: Timestamp) -> Result<bool, StoreError> {
    let insert = Statement::new(
        "INSERT INTO totp (user_id, key_id, sealed, created_at) SELECT id, ?2, ?3, ?4 FROM users WHERE id = ?1 AND is_active = 1
         ON CONFLICT (user_id) DO UPDATE SET
           key_id = excluded.key_id, sealed = excluded.sealed, created_at = excluded.created_at, last_step = 0
         WHERE totp.confirmed_at IS NULL
         RETURNING user_id",
    )
    .bind(new.user_id.as_str())
    .bind(new.key_id.as_str())
    .bind(new.sealed.as_str())
    .bind(now);
    Ok(run(store, insert).await?.any())
}

/// Returns the statement that reads the app of a user.
pub(super) fn select(user_id: &str) -> Statement {
    Statement::new("SELECT key_id, sealed, confirmed_at FROM totp WHERE user_id = ?1").bind(user_id)
}
