//! Finds and replaces what is encrypted with the previous secret: the secrets of authenticator apps, and recovery codes.

use serde::{Deserialize, Serialize};

use super::{Store, run_all};
use crate::ports::{Statement, StoreError};

/// A row that is encrypted with an older key.
#[derive(Debug, Deserialize)]
pub struct Sealed {
    /// The id of the row.
    pub id: String,
    /// Its user.
    pub user_id: String,
    /// The encrypted text.
    pub sealed: String,
}

/// The new text of a row.
#[derive(Debug, Serialize)]
pub struct Resealed {
    /// The id of the row.
    pub id: String,
    /// The text that was found. If the row has another one by now, it stays.
    pub old: String,
    /// The same, encrypted with the current key.
    pub new: String,
}

/// Rows of both tables.
#[derive(Debug, Default)]
pub struct Rows<T> {
    /// Rows of `totp`.
    pub totp: Vec<T>,
    /// Rows of `recovery_codes`.
    pub recovery_codes: Vec<T>,
}

impl<T> Rows<T> {
    /// Returns whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.totp.is_empty() && self.recovery_codes.is_empty()
    }
}

/// Returns rows with this key, at most `limit` of each table. Reads at most `scanned` rows of each, from `place` on and then from the
/// beginning. A random place in each run covers the tables without an index, as in `cleanup`.
///
/// # Errors
/// [`StoreError`].
pub async fn find(
    store: &Store,
    key_id: &str,
    place: &str,
    scanned: i64,
    limit: i64,
) -> Result<Rows<Sealed>, StoreError> {
    let statements = [
        "SELECT user_id AS id, user_id, sealed FROM totp WHERE key_id = ?1 AND user_id IN (
           SELECT user_id FROM totp WHERE user_id >= ?2 UNION ALL SELECT user_id FROM totp WHERE user_id < ?2 LIMIT ?3
         ) LIMIT ?4",
        "SELECT id, user_id, sealed FROM recovery_codes WHERE key_id = ?1 AND id IN (
           SELECT id FROM recovery_codes WHERE id >= ?2 UNION ALL SELECT id FROM recovery_codes WHERE id < ?2 LIMIT ?3
         ) LIMIT ?4",
    ];
    let bind = |sql| Statement::new(sql).bind(key_id).bind(place).bind(scanned).bind(limit);
    let [totp, recovery_codes] = run_all(store, statements.map(bind)).await?;
    Ok(Rows { totp: totp.all()?, recovery_codes: recovery_codes.all()? })
}

/// Replaces the texts of rows with those that are encrypted with the key `key_id`.
///
/// # Errors
/// [`StoreError`].
pub async fn replace(store: &Store, key_id: &str, rows: &Rows<Resealed>) -> Result<(), StoreError> {
    let json = |rows: &[Resealed]| {
        serde_json::to_string(rows).map_err(|error| StoreError(format!("rows to encrypt again: {error}")))
    };
    let totp = Statement::new(
        "UPDATE totp SET key_id = ?1, sealed = json_extract(row.value, '$.new') FROM json_each(?2) AS row
         WHERE totp.user_id = json_extract(row.value, '$.id') AND totp.sealed = json_extract(row.value, '$.old')",
    );
    let recovery_codes = Statement::new(
        "UPDATE recovery_codes SET key_id = ?1, sealed = json_extract(row.value, '$.new') FROM json_each(?2) AS row
         WHERE recovery_codes.id = json_extract(row.value, '$.id')
           AND recovery_codes.sealed = json_extract(row.value, '$.old')",
    );
    let statements =
        [totp.bind(key_id).bind(json(&rows.totp)?), recovery_codes.bind(key_id).bind(json(&rows.recovery_codes)?)];
    run_all(store, statements).await.map(drop)
}
