//! The name by which a user wants to be called.

use crate::error::Fault;

/// The most characters (Unicode code points) of a name.
const MAX_LENGTH: usize = 100;

/// Reads a name: 1 to 100 characters once trimmed, none of them a control character.
///
/// # Errors
/// A fault for anything else.
pub fn parse(text: &str) -> Result<String, Fault> {
    let name = text.trim();
    if name.is_empty() {
        return Err(("must not be empty".to_owned(), "string_too_short"));
    }
    if name.chars().count() > MAX_LENGTH {
        return Err((format!("must have at most {MAX_LENGTH} characters"), "string_too_long"));
    }
    if name.chars().any(char::is_control) {
        return Err(("must not contain control characters".to_owned(), "string_characters"));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_1_to_100_characters_counted_as_code_points() {
        assert_eq!(parse("  Ada  ").unwrap(), "Ada");
        assert!(parse(&"\u{1f511}".repeat(100)).is_ok());
        for text in ["", "  \t ", &"a".repeat(101), "a\nb", "a\0b"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
