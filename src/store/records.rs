//! KV: short-lived records. Each contains its own expiry, because KV may keep it longer.
//!
//! KV can be a minute behind and has no compare-and-swap, so a record grants nothing by itself: D1 decides.

use std::marker::PhantomData;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::Store;
use crate::{crypto::keyed_hash::HashKey, domain::Timestamp, ports::StoreError};

/// The record of a one-time password.
#[derive(Debug, Serialize, Deserialize)]
pub struct OneTimePassword {
    /// The user whose email it verifies.
    pub user_id: String,
    /// The generation that must be the live one in D1.
    pub generation: String,
    /// A keyed hash of the generation and the code.
    pub code_hash: String,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// The record of a password reset token.
#[derive(Debug, Serialize, Deserialize)]
pub struct PasswordReset {
    /// The user whose password it resets.
    pub user_id: String,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// A record that expires.
pub trait Record {
    /// Returns when it expires.
    fn expires_at(&self) -> Timestamp;
}

impl Record for OneTimePassword {
    fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

impl Record for PasswordReset {
    fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

/// The key of a record in KV.
pub struct Key<T>(String, PhantomData<T>);

impl Key<OneTimePassword> {
    /// Returns the key for an OTP session token. The token cannot be derived from it.
    pub fn one_time_password(key: &HashKey, token: &str) -> Self {
        Key(format!("otp:{}", key.hash(&["record", token])), PhantomData)
    }
}

impl Key<PasswordReset> {
    /// Returns the key for the id of a reset token. The id alone is not a token, which needs our signature.
    pub fn password_reset(reset_id: &str) -> Self {
        Key(format!("reset:{reset_id}"), PhantomData)
    }
}

/// Stores a record until it expires.
///
/// # Errors
/// [`StoreError`].
pub async fn put<T: Serialize + Record>(
    store: &Store,
    key: &Key<T>,
    record: &T,
    now: Timestamp,
) -> Result<(), StoreError> {
    let value = serde_json::to_string(record).map_err(|error| StoreError(format!("a record for KV: {error}")))?;
    let seconds = (record.expires_at() - now + 999) / 1_000;
    store.kv.put(&key.0, value, seconds).await
}

/// Returns a record, unless it has expired.
///
/// # Errors
/// [`StoreError`].
pub async fn find<T: DeserializeOwned + Record>(
    store: &Store,
    key: &Key<T>,
    now: Timestamp,
) -> Result<Option<T>, StoreError> {
    let Some(value) = store.kv.get(&key.0).await? else { return Ok(None) };
    let record: T = serde_json::from_str(&value).map_err(|error| StoreError(format!("a record in KV: {error}")))?;
    Ok((record.expires_at() > now).then_some(record))
}

/// Deletes a record.
///
/// # Errors
/// [`StoreError`].
pub async fn delete<T>(store: &Store, key: &Key<T>) -> Result<(), StoreError> {
    store.kv.delete(&key.0).await
}

/// Checks that KV responds.
///
/// # Errors
/// [`StoreError`].
pub async fn ping(store: &Store) -> Result<(), StoreError> {
    store.kv.get("health").await.map(drop)
}
