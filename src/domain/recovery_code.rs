//! Recovery codes: what replaces a second factor that is lost. Each works once.

use super::text;
use crate::{error::Fault, language::Phrase};

/// The number of codes in a set.
pub const COUNT: usize = 10;
/// The number of characters of a code, without the hyphen.
pub const LENGTH: usize = 10;
/// The characters of a code, of 5 bits each: Crockford's base32, without `i`, `l`, `o` and `u`.
pub const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A recovery code in its canonical form: lower case, without the hyphen.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCode(String);

impl RecoveryCode {
    /// Parses a code as a user types or pastes it. Case, spaces, hyphens and invisible characters do not matter, and letters that look
    /// like a digit of the alphabet count as that digit.
    ///
    /// # Errors
    /// If nothing is left.
    pub fn parse(text: &str) -> Result<RecoveryCode, Fault> {
        let code = canonical(text);
        if code.is_empty() {
            return Err((Phrase::Empty, "string_too_short"));
        }
        Ok(RecoveryCode(code))
    }

    /// Returns the canonical form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns a code as users see it: `xxxxx-xxxxx`.
pub fn display(canonical: &str) -> String {
    match canonical.split_at_checked(LENGTH / 2) {
        Some((first, second)) => format!("{first}-{second}"),
        None => canonical.to_owned(),
    }
}

fn canonical(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_whitespace() && !text::is_invisible(*character) && !text::is_dash(*character))
        .map(|character| {
            let digit = text::decimal_digit(character).and_then(|value| char::from_digit(value, 10));
            match digit.unwrap_or(character).to_ascii_lowercase() {
                'o' => '0',
                'i' | 'l' => '1',
                other => other,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_50_bits_in_distinct_characters() {
        assert_eq!(ALPHABET.len().pow(LENGTH as u32), 1 << 50);
        for (at, character) in ALPHABET.iter().enumerate() {
            assert!(!ALPHABET[..at].contains(character));
            let character = char::from(*character).to_string();
            assert_eq!(canonical(&character), character);
        }
    }

    #[test]
    fn separators_case_and_letters_that_look_like_digits_do_not_matter() {
        assert_eq!(display("01abc23xyz"), "01abc-23xyz");
        for text in [
            "01abc-23xyz",
            "01abc23xyz",
            " 01ABC 23XYZ\r\n",
            "01abc\u{2013}23xyz",
            "\u{feff}0\u{200b}1abc\u{a0}-\u{a0}23xyz\u{2060}",
            "OiAbC-23XyZ",
            "olabc-23xyz",
            "\u{ff10}\u{ff11}abc-\u{662}\u{663}xyz",
        ] {
            assert_eq!(RecoveryCode::parse(text).unwrap().as_str(), "01abc23xyz", "{text:?}");
        }
        for text in ["01abc.23xyz", "01abc-23xy", "01abc-23xyzz", "01abc-23xy\u{17e}"] {
            assert_ne!(RecoveryCode::parse(text).unwrap().as_str(), "01abc23xyz", "{text:?}");
        }
        for text in ["", " - ", "\u{200b}"] {
            assert!(RecoveryCode::parse(text).is_err(), "{text:?}");
        }
    }
}
