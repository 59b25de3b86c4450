//! The table `recovery_codes`. A code is deleted when it is used.

use serde::{Deserialize, Serialize};

use crate::ports::Statement;

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
