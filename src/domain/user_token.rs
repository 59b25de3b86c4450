//! The user token: what a user hands to an invitee as referrer. Never a credential.

use utoipa::openapi::{Object, ObjectBuilder, Type, schema::SchemaType};

use super::Timestamp;

/// Characters of a token.
pub const LENGTH: usize = 10;
/// 62 characters: ten of them are 59 bits, looked up online alone and only by those who pass the burst guard.
pub const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Live tokens that one user may have. A client makes one at each visit of its profile page.
pub const MAX_LIVE: i64 = 200;
/// The longest life, in days.
pub const MAX_LIFETIME_DAYS: i64 = 365;

/// The name of a token that was mailed to somebody.
pub const INVITATION: &str = "Invitation";

/// Whether `text` has the form of a token; nothing else is worth a look into the database.
pub fn is_well_formed(text: &str) -> bool {
    text.len() == LENGTH && text.bytes().all(|byte| ALPHABET.contains(&byte))
}

/// When a token made at `now` ends.
pub fn expiry(now: Timestamp, days: i64) -> Timestamp {
    now + days * 86_400_000
}

/// What clients are told of a life that they ask for, in days.
pub fn lifetime_schema() -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::Array(vec![Type::Integer, Type::Null]))
        .description(Some("Days until it ends; left out or null, what the settings say."))
        .minimum(Some(1))
        .maximum(Some(MAX_LIFETIME_DAYS))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ten_letters_and_digits_are_a_token() {
        assert!(is_well_formed("aZ09aZ09aZ"));
        for text in ["", "short", "elevenchars", "ten chars!", "0123456\u{e9}8", "0123456789 "] {
            assert!(!is_well_formed(text), "{text:?}");
        }
    }
}
