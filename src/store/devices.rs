//! The table `devices`: where users have signed in from.

use serde::Deserialize;

use super::{Store, mails, run, sessions};
use crate::{
    domain::{
        Timestamp,
        device::{Device, KNOWN_FOR, MAX_KNOWN, SIGN_IN_STEP},
    },
    ports::{Statement, StoreError},
};

/// The device of a new session.
#[derive(Debug, Clone)]
pub struct New {
    /// Its key: a keyed hash.
    pub key: String,
    /// The key that it has with the previous secret, if that is still accepted.
    pub previous_key: Option<String>,
    /// The device in words.
    pub device: Device,
    /// The country, as far as it may be stored.
    pub country: Option<String>,
    /// The city, as far as it may be stored.
    pub city: Option<String>,
    /// The mail to the user, if the device is new.
    pub notice: Option<mails::Notice>,
}

/// A device that a user has signed in from.
#[derive(Debug, Deserialize)]
pub struct Listed {
    /// The browser or program.
    pub browser: Option<String>,
    /// The operating system.
    pub system: Option<String>,
    /// The country of the first sign-in.
    pub country: Option<String>,
    /// The city of the first sign-in.
    pub city: Option<String>,
    /// The time of the first sign-in.
    pub first_sign_in_at: Timestamp,
    /// The time of the last sign-in, to the hour.
    pub last_sign_in_at: Timestamp,
}

/// Returns the devices of a user, the last one used first.
///
/// # Errors
/// [`StoreError`].
pub async fn list(store: &Store, user_id: &str) -> Result<Vec<Listed>, StoreError> {
    let statement = Statement::new(
        "SELECT browser, system, country, city, first_sign_in_at, last_sign_in_at FROM devices WHERE user_id = ?1
         ORDER BY last_sign_in_at DESC, key",
    );
    run(store, statement.bind(user_id)).await?.all()
}

/// The condition that this device is new to the user, and not the first one.
macro_rules! is_new_device {
    ($user:literal, $key:literal, $previous_key:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM devices WHERE user_id = ",
            $user,
            ") AND NOT EXISTS (SELECT 1 FROM devices WHERE user_id = ",
            $user,
            " AND key IN (",
            $key,
            ", ",
            $previous_key,
            "))"
        )
    };
}
pub(super) use is_new_device;

/// Returns the statements that queue the mail about a new device and remember the device, if an earlier statement of the batch has started
/// this session. They stand together, and those before must not have written the device.
///
/// If the batch runs twice, the second run finds the session and fails.
pub(super) fn remember(user_id: &str, session: &sessions::New) -> Vec<Statement> {
    let sessions::New { id, now, device, .. } = session;
    let mut statements: Vec<Statement> = Vec::new();
    statements
        .extend(device.notice.iter().flat_map(|notice| mails::insert_new_device_notice(notice, id, user_id, device)));
    statements.push(upsert(id, device, *now));
    statements.push(forget(user_id, *now));
    statements
}

/// Adds the device, or notes the time of the sign-in, at most once an hour.
fn upsert(session_id: &str, device: &New, now: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO devices (user_id, key, browser, system, country, city, first_sign_in_at, last_sign_in_at)
         SELECT user_id, ?2, ?3, ?4, ?5, ?6, ?7, ?7 FROM sessions WHERE id = ?1
         ON CONFLICT (user_id, key) DO UPDATE SET last_sign_in_at = excluded.last_sign_in_at
         WHERE devices.last_sign_in_at <= excluded.last_sign_in_at - ?8",
    )
    .bind(session_id)
    .bind(device.key.as_str())
    .bind(device.device.browser.as_deref())
    .bind(device.device.system.as_deref())
    .bind(device.country.as_deref())
    .bind(device.city.as_deref())
    .bind(now)
    .bind(SIGN_IN_STEP)
}

/// Forgets the devices of the user that are too old or too many, if the previous statement of the batch has changed one.
fn forget(user_id: &str, now: Timestamp) -> Statement {
    Statement::new(
        "DELETE FROM devices
         WHERE user_id = ?1 AND changes() > 0 AND (last_sign_in_at < ?2 OR key IN (
           SELECT key FROM devices WHERE user_id = ?1 ORDER BY last_sign_in_at DESC, key LIMIT -1 OFFSET ?3))",
    )
    .bind(user_id)
    .bind(now - KNOWN_FOR)
    .bind(MAX_KNOWN)
}
