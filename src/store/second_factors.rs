//! What a user can prove who they are with: the columns and tables that several kinds of proof share.

use serde::Deserialize;

use super::{Store, decode::flag, run};
use crate::{
    domain::Timestamp,
    ports::{Rows, Statement, StoreError},
};

/// The ways in which a user can prove who they are.
#[derive(Debug, Clone, Deserialize)]
pub struct Ways {
    /// Whether there is a password.
    #[serde(deserialize_with = "flag")]
    pub has_password: bool,
    /// Whether every session needs two factors.
    #[serde(rename = "second_factor", deserialize_with = "flag")]
    pub requires_second_factor: bool,
    /// When the authenticator app was confirmed, if there is one.
    pub totp_confirmed_at: Option<Timestamp>,
    /// When a code of it was last accepted.
    pub totp_last_used_at: Option<Timestamp>,
    /// The number of passkeys.
    pub passkeys: i64,
    /// The number of unused recovery codes.
    pub recovery_codes: i64,
}

impl Ways {
    /// Reads the result of [`select`].
    pub(super) fn of(rows: &Rows) -> Result<Option<Ways>, StoreError> {
        rows.first()
    }
}

/// Returns the statement that reads the ways of a user.
pub(super) fn select(user_id: &str) -> Statement {
    Statement::new(
        "SELECT password_hash <> '' AS has_password, second_factor, confirmed_at AS totp_confirmed_at,
           last_used_at AS totp_last_used_at,
           (SELECT count(*) FROM passkeys WHERE user_id = users.id) AS passkeys,
           (SELECT count(*) FROM recovery_codes WHERE user_id = users.id) AS recovery_codes
         FROM users LEFT JOIN totp ON totp.user_id = users.id AND totp.confirmed_at IS NOT NULL
         WHERE users.id = ?1",
    )
    .bind(user_id)
}

/// Returns the ways of a user.
///
/// # Errors
/// [`StoreError`].
pub async fn find(store: &Store, user_id: &str) -> Result<Option<Ways>, StoreError> {
    Ways::of(&run(store, select(user_id)).await?)
}
