//! Decodes values that SQLite has no types for.

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error},
};
use serde_json::Value;

use crate::{
    domain::{
        Timestamp,
        event::Rights,
        user::{Role, User},
    },
    language::{self, Language},
};

/// Decodes a boolean, which is stored as 0 or 1.
pub fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(i64::deserialize(deserializer)? != 0)
}

/// Decodes the rights in an event, which are stored as JSON text.
pub fn rights<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Rights>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Decodes a value that is stored as JSON text.
pub fn json<'de, T: DeserializeOwned, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    serde_json::from_str(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

impl<'de> Deserialize<'de> for User {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        UserRow::deserialize(deserializer)
    }
}

/// The columns of a user. The compiler checks that they are the fields of [`User`].
#[derive(Deserialize)]
#[serde(remote = "User")]
struct UserRow {
    id: String,
    email: String,
    name: Option<String>,
    role: Role,
    tier: u8,
    #[serde(deserialize_with = "flag")]
    is_active: bool,
    #[serde(deserialize_with = "flag")]
    is_verified: bool,
    referrer_id: Option<String>,
    #[serde(deserialize_with = "json")]
    extra: Value,
    #[serde(default, with = "language::stored")]
    locale: Option<Language>,
    created_at: Timestamp,
    updated_at: Timestamp,
}
