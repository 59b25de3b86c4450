//! Names of users.

use super::text;
use crate::{error::Fault, language::Phrase};

/// The maximum length of a name, in characters (Unicode code points).
pub const MAX_LENGTH: usize = 100;

/// The name of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// Parses a name: 1 to 100 characters after trimming, at least one of them visible, and none that breaks the line or changes
    /// the direction of the text around it. Other users see it, for example in invitation mails.
    ///
    /// # Errors
    /// Why the name is invalid.
    pub fn parse(text: &str) -> Result<Name, Fault> {
        let name = text.trim();
        if name.chars().all(text::is_blank) {
            return Err((Phrase::Empty, "string_too_short"));
        }
        if name.chars().count() > MAX_LENGTH {
            return Err((Phrase::TooLong { max: MAX_LENGTH }, "string_too_long"));
        }
        if name.chars().any(|character| character.is_control() || text::breaks_line(character) || reorders(character)) {
            return Err((Phrase::ControlCharacters, "string_characters"));
        }
        Ok(Name(name.to_owned()))
    }

    /// Returns the trimmed name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns whether a character changes the direction of the text after the name (Unicode Standard Annex 9, sections 2.1 to 2.5).
fn reorders(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_1_to_100_characters_counted_as_code_points() {
        assert_eq!(Name::parse("  Ada  ").unwrap().as_str(), "Ada");
        assert!(Name::parse(&"\u{1f511}".repeat(100)).is_ok());
        for text in ["", "  \t ", &"a".repeat(101), "a\nb", "a\0b"] {
            assert!(Name::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_name_of_only_blank_characters_is_empty() {
        for text in
            ["\u{3164}", "\u{2800}\u{2800}", "\u{115f} \u{ffa0}", "\u{e0020}\u{fe0f}", "\u{180e}\u{34f}", "\u{13441}"]
        {
            assert_eq!(Name::parse(text).unwrap_err().1, "string_too_short", "{text:?}");
        }
        assert_eq!(Name::parse("Ada\u{3164}").as_ref().map(Name::as_str), Ok("Ada\u{3164}"));
    }

    #[test]
    fn a_name_is_visible_and_does_not_change_the_direction_of_the_text_around_it() {
        for text in [
            "\u{200b}",
            "\u{feff}\u{2060}\u{ad}",
            "\u{202e}adA",
            "Ada\u{2066}",
            "A\u{202a}da\u{202c}",
            "Ada\u{2028}Eve",
        ] {
            assert!(Name::parse(text).is_err(), "{text:?}");
        }
        // Joiners and marks that scripts and emoji need.
        for text in
            ["\u{1f469}\u{200d}\u{1f52c}", "\u{645}\u{6cc}\u{200c}\u{62e}", "\u{5d3}\u{5d5}\u{5d3}\u{200f}", "e\u{301}"]
        {
            assert_eq!(Name::parse(text).as_ref().map(Name::as_str), Ok(text));
        }
    }
}
