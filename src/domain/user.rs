//! Users.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use strum::{EnumString, IntoStaticStr, VariantArray};

use super::Timestamp;
use crate::{
    error::Fault,
    language::{Language, Phrase},
};

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The user's own account.
    User,
    /// All accounts.
    Admin,
}

impl Role {
    /// All roles.
    pub const ALL: [Role; 2] = [Role::User, Role::Admin];

    /// Parses a name.
    ///
    /// # Errors
    /// If there is no such role.
    pub fn parse(text: &str) -> Result<Role, Fault> {
        Role::ALL.into_iter().find(|role| role.as_str() == text).ok_or((Phrase::Role, "choice"))
    }

    /// Returns the name.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::User => "user",
            Role::Admin => "admin",
        }
    }
}

/// The highest tier. The lowest is 0. The applications that use this service decide what a tier means.
pub const MAX_TIER: i64 = 2;

/// A user, without the password hash.
#[derive(Debug, Clone)]
pub struct User {
    /// An opaque id.
    pub id: String,
    /// The email, trimmed and in lower case. `admin` for the default account.
    pub email: String,
    /// The name.
    pub name: Option<String>,
    /// The role.
    pub role: Role,
    /// The tier, from 0 to [`MAX_TIER`].
    pub tier: u8,
    /// Whether the account is active.
    pub is_active: bool,
    /// Whether the email is verified.
    pub is_verified: bool,
    /// The id of the user who invited this user.
    pub referrer_id: Option<String>,
    /// A JSON object for applications.
    pub extra: Value,
    /// The language, if it is known.
    pub locale: Option<Language>,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The time of the last change.
    pub updated_at: Timestamp,
}

impl User {
    /// Returns a user that does not exist, for work that must take the same time whether or not an account exists.
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
            locale: None,
            created_at: 0,
            updated_at: 0,
        }
    }
}

/// The order of a list of users. Users without a name come last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, EnumString, IntoStaticStr, VariantArray)]
pub enum UserOrder {
    /// Newest first.
    #[default]
    #[strum(serialize = "-created_at")]
    Newest,
    /// Oldest first.
    #[strum(serialize = "created_at")]
    Oldest,
    /// By email.
    #[strum(serialize = "email")]
    Email,
    /// By email, in the reverse order.
    #[strum(serialize = "-email")]
    EmailReversed,
    /// By name.
    #[strum(serialize = "name")]
    Name,
    /// By name, in the reverse order.
    #[strum(serialize = "-name")]
    NameReversed,
}

impl UserOrder {
    /// Returns all names.
    pub fn names() -> Vec<&'static str> {
        UserOrder::VARIANTS.iter().map(|order| (*order).into()).collect()
    }

    /// Parses a name.
    ///
    /// # Errors
    /// If there is no such order.
    pub fn parse(text: &str) -> Result<UserOrder, Fault> {
        text.parse().map_err(|_| (Phrase::Choice { choices: UserOrder::names().join(", ") }, "choice"))
    }
}
