//! The user, as everybody outside sees it.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::Timestamp;
use crate::error::Fault;

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// One's own account.
    User,
    /// Everybody's.
    Admin,
}

impl Role {
    /// All roles.
    pub const ALL: [Role; 2] = [Role::User, Role::Admin];

    /// Reads a role by its name.
    ///
    /// # Errors
    /// A fault for anything else.
    pub fn parse(text: &str) -> Result<Role, Fault> {
        Role::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| ("must be user or admin".to_owned(), "choice"))
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::User => "user",
            Role::Admin => "admin",
        }
    }
}

/// The highest tier. The lowest is 0. The applications behind this service decide what a tier means.
pub const MAX_TIER: i64 = 2;

/// A user, without the password hash.
#[derive(Debug, Clone, Deserialize)]
pub struct User {
    /// An opaque id.
    pub id: String,
    /// Trimmed, lower-case; `admin` for the default account.
    pub email: String,
    /// How the user wants to be called.
    pub name: Option<String>,
    /// What the user may do.
    pub role: Role,
    /// 0, 1 or 2: for the applications behind.
    pub tier: u8,
    /// False once deactivated.
    #[serde(deserialize_with = "flag")]
    pub is_active: bool,
    /// Whether the email is known to be the user's.
    #[serde(deserialize_with = "flag")]
    pub is_verified: bool,
    /// Who invited the user.
    pub referrer_id: Option<String>,
    /// For the applications behind: a JSON object.
    #[serde(deserialize_with = "object")]
    pub extra: Value,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl User {
    /// A user who does not exist, for work that must cost the same whether an account exists or not.
    pub fn nobody(email: &str) -> User {
        User {
            id: "00000000-0000-0000-0000-000000000000".to_owned(),
            email: email.to_owned(),
            name: None,
            role: Role::User,
            tier: 0,
            is_active: false,
            is_verified: false,
            referrer_id: None,
            extra: Value::Null,
            created_at: 0,
            updated_at: 0,
        }
    }
}

/// SQLite has no booleans.
pub fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(i64::deserialize(deserializer)? != 0)
}

/// SQLite has no objects.
fn object<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    serde_json::from_str(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}
