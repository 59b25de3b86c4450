//! A language that is stored as its tag, or null if it is not known: `#[serde(with = "language::stored")]`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Language;

/// Writes the tag.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(language: &Option<Language>, serializer: S) -> Result<S::Ok, S::Error> {
    language.map(Language::tag).serialize(serializer)
}

/// Reads a tag. One that a newer version has stored counts as none.
///
/// # Errors
/// If it is neither text nor null.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Language>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.and_then(|tag| Language::parse(&tag)))
}
