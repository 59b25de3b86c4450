//! Short texts from people without an account to admins.

use super::text;
use crate::{error::Fault, language::Phrase};

/// The maximum length of a note, in characters (Unicode code points).
pub const MAX_LENGTH: usize = 500;

/// What an applicant writes to the admins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note(String);

impl Note {
    /// Parses a note: 1 to 500 characters after trimming, at least one of them visible. It can have several lines.
    ///
    /// # Errors
    /// Why the note is invalid.
    pub fn parse(text: &str) -> Result<Note, Fault> {
        let note = text.trim();
        if note.chars().all(text::is_blank) {
            return Err((Phrase::Empty, "string_too_short"));
        }
        if note.chars().count() > MAX_LENGTH {
            return Err((Phrase::TooLong { max: MAX_LENGTH }, "string_too_long"));
        }
        if note.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\r' | '\t')) {
            return Err((Phrase::ControlCharacters, "string_characters"));
        }
        Ok(Note(note.to_owned()))
    }

    /// Returns the trimmed note.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_has_1_to_500_characters_on_any_number_of_lines() {
        assert_eq!(Note::parse(" I am Ada.\r\nI teach. ").unwrap().as_str(), "I am Ada.\r\nI teach.");
        assert!(Note::parse(&"\u{1f511}".repeat(500)).is_ok());
        for text in ["", " \n ", &"a".repeat(501), "a\0b", "\u{3164}"] {
            assert!(Note::parse(text).is_err(), "{text:?}");
        }
    }
}
