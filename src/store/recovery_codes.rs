//! The table `recovery_codes`. A code is deleted when it is used.

use serde::{Deserialize, Serialize};

use super::{Store, mails, retry};
use crate::{
    domain::{Timestamp, event::Event},
    ports::{Statement, StoreError},
};

/// A new code, in the form in which it is stored.
#[derive(Debug, Serialize)]
pub struct New {
    /// Its id.
    pub id: String,
    /// The encrypted code.
    pub sealed: String,
}

/// The codes that replace those of a user.
#[derive(Debug)]
pub struct NewSet {
    /// The user.
    pub user_id: String,
    /// The id of the key of all codes.
    pub key_id: String,
    /// The codes.
    pub codes: Vec<New>,
}

impl NewSet {
    /// Returns the codes as a JSON array. One statement inserts all of them.
    fn json(&self) -> String {
        serde_json::to_string(&self.codes).unwrap_or_default()
    }
}

/// A code as stored.
#[derive(Debug, Deserialize)]
pub struct Stored {
    /// Its id.
    pub id: String,
    /// The id of the key.
    pub key_id: String,
    /// The encrypted code.
    pub sealed: String,
}

/// Returns the statement that reads the codes of a user.
pub(super) fn select(user_id: &str) -> Statement {
    Statement::new("SELECT id, key_id, sealed FROM recovery_codes WHERE user_id = ?1").bind(user_id)
}

/// Inserts a set, under a condition that can use the user's id, `?1`.
macro_rules! insert_set {
    ($condition:literal) => {
        concat!(
            "INSERT INTO recovery_codes (id, user_id, key_id, sealed, created_at)
             SELECT json_extract(value, '$.id'), ?1, ?2, json_extract(value, '$.sealed'), ?4 FROM json_each(?3) WHERE ",
            $condition
        )
    };
}

fn bind(set: &NewSet, sql: &'static str, now: Timestamp) -> Statement {
    Statement::new(sql).bind(set.user_id.as_str()).bind(set.key_id.as_str()).bind(set.json()).bind(now)
}

/// Inserts the codes if the user has none and the previous statement of the batch has changed a row.
pub(super) fn insert_if_changed(set: &NewSet, now: Timestamp) -> Statement {
    let sql = insert_set!("changes() > 0 AND NOT EXISTS (SELECT 1 FROM recovery_codes WHERE user_id = ?1)");
    bind(set, sql, now)
}

/// Inserts the codes if the user has none and an earlier statement of the batch has confirmed the authenticator app.
pub(super) fn insert_with_totp(set: &NewSet, now: Timestamp) -> Statement {
    let sql = insert_set!(
        "EXISTS (SELECT 1 FROM totp WHERE user_id = ?1 AND confirmed_at = ?4)
         AND NOT EXISTS (SELECT 1 FROM recovery_codes WHERE user_id = ?1)"
    );
    bind(set, sql, now)
}

/// Inserts the codes if the user has none and an earlier statement of the batch has removed the password.
pub(super) fn insert_without_password(set: &NewSet, now: Timestamp) -> Statement {
    let sql = insert_set!(
        "EXISTS (SELECT 1 FROM users WHERE id = ?1 AND password_hash = '' AND updated_at >= ?4)
         AND NOT EXISTS (SELECT 1 FROM recovery_codes WHERE user_id = ?1)"
    );
    bind(set, sql, now)
}

/// Finds out whether the codes of this set are in force.
pub(super) fn select_one_of(set: &NewSet) -> Statement {
    let id = set.codes.first().map(|code| code.id.as_str());
    Statement::new("SELECT id FROM recovery_codes WHERE id = ?1").bind(id)
}

/// Uses up a code, if the one-time token of the sign-in is unused, the password is still that of its epoch, and the user is active. One
/// of several concurrent requests with the same code has an effect.
pub(super) fn use_up(id: &str, user_id: &str, token: (&str, i64)) -> Statement {
    Statement::new(
        "DELETE FROM recovery_codes
         WHERE id = ?1 AND user_id = ?2 AND NOT EXISTS (SELECT 1 FROM spent WHERE key = ?3)
           AND EXISTS (SELECT 1 FROM users WHERE id = ?2 AND is_active = 1 AND password_epoch = ?4)
         RETURNING id",
    )
    .bind(id)
    .bind(user_id)
    .bind(token.0)
    .bind(token.1)
}

/// Replaces the codes of an active user who requires a second factor. Returns whether it did.
///
/// # Errors
/// [`StoreError`].
pub async fn replace(
    store: &Store,
    set: &NewSet,
    notice: Option<&mails::Notice>,
    event: &Event,
) -> Result<bool, StoreError> {
    let delete = Statement::new(
        "DELETE FROM recovery_codes
         WHERE user_id = ?1 AND EXISTS (SELECT 1 FROM users WHERE id = ?1 AND second_factor = 1 AND is_active = 1)",
    )
    .bind(set.user_id.as_str());
    let sql = insert_set!("EXISTS (SELECT 1 FROM users WHERE id = ?1 AND second_factor = 1 AND is_active = 1)");
    let insert = bind(set, sql, event.at);
    let mut statements = vec![delete, insert];
    statements.extend(mails::event_and_notice(event, notice));
    statements.push(select_one_of(set));
    Ok(retry::batch(store, &statements).await?.last().is_some_and(|inserted| inserted.any()))
}
