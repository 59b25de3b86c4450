//! What is in KV: short-lived records, each with its end inside, because KV may keep one longer than asked.
//!
//! KV can be a minute late and cannot compare and swap, so a record opens nothing by itself: D1 has the last word.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{app::App, domain::Timestamp, error::Error, ports::StoreError};

/// The record of a one-time password.
#[derive(Debug, Serialize, Deserialize)]
pub struct OneTimePassword {
    /// Whose email it proves.
    pub user_id: String,
    /// What D1 must have as the live generation.
    pub generation: String,
    /// A keyed hash of the generation and the code.
    pub code_hash: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// The record of a password reset token.
#[derive(Debug, Serialize, Deserialize)]
pub struct PasswordReset {
    /// Whose password it resets.
    pub user_id: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

trait Record {
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

/// The key of the record of an OTP session token; the token itself is not to be had from it.
fn one_time_password_key(app: &App, token: &str) -> String {
    format!("otp:{}", app.keys().one_time_password.hash(&["record", token]))
}

/// The key of the record of a reset token. Its id alone is no token: that takes our signature.
fn password_reset_key(reset_id: &str) -> String {
    format!("reset:{reset_id}")
}

/// Stores the record of an OTP session token.
///
/// # Errors
/// 503.
pub async fn put_one_time_password(app: &App, token: &str, record: &OneTimePassword) -> Result<(), Error> {
    put(app, &one_time_password_key(app, token), record).await
}

/// The record of an OTP session token, if it has not expired.
///
/// # Errors
/// [`StoreError`].
pub async fn one_time_password(app: &App, token: &str) -> Result<Option<OneTimePassword>, StoreError> {
    get(app, &one_time_password_key(app, token)).await
}

/// Removes the record of an OTP session token.
///
/// # Errors
/// [`StoreError`].
pub async fn delete_one_time_password(app: &App, token: &str) -> Result<(), StoreError> {
    app.kv.delete(&one_time_password_key(app, token)).await
}

/// Stores the record of a reset token.
///
/// # Errors
/// 503.
pub async fn put_password_reset(app: &App, reset_id: &str, record: &PasswordReset) -> Result<(), Error> {
    put(app, &password_reset_key(reset_id), record).await
}

/// The record of a reset token, if it has not expired.
///
/// # Errors
/// [`StoreError`].
pub async fn password_reset(app: &App, reset_id: &str) -> Result<Option<PasswordReset>, StoreError> {
    get(app, &password_reset_key(reset_id)).await
}

/// Removes the record of a reset token.
///
/// # Errors
/// [`StoreError`].
pub async fn delete_password_reset(app: &App, reset_id: &str) -> Result<(), StoreError> {
    app.kv.delete(&password_reset_key(reset_id)).await
}

/// Whether KV answers.
///
/// # Errors
/// [`StoreError`] otherwise.
pub async fn ping(app: &App) -> Result<(), StoreError> {
    app.kv.get("health").await.map(drop)
}

async fn put<T: Serialize + Record>(app: &App, key: &str, record: &T) -> Result<(), Error> {
    let value = serde_json::to_string(record).map_err(|error| Error::Internal(format!("a record: {error}")))?;
    let seconds = (record.expires_at() - app.now + 999) / 1_000;
    Ok(app.kv.put(key, value, seconds).await?)
}

async fn get<T: DeserializeOwned + Record>(app: &App, key: &str) -> Result<Option<T>, StoreError> {
    let Some(value) = app.kv.get(key).await? else { return Ok(None) };
    let record: T = serde_json::from_str(&value).map_err(|error| StoreError(format!("a record in KV: {error}")))?;
    Ok((record.expires_at() > app.now).then_some(record))
}
