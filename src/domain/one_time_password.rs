//! The one-time password (OTP) that verifies an email: how often it is sent and how many guesses it allows.

use super::{Timestamp, text};
use crate::{error::Fault, language::Phrase};

/// The maximum number of guesses for one code, right or wrong.
pub const MAX_GUESSES: i64 = 5;
/// The minimum time between two sends, in milliseconds.
pub const SEND_PAUSE: i64 = 30_000;
/// The maximum number of sends in one [`SEND_WINDOW`].
pub const MAX_SENDS: i64 = 5;
/// The window in which sends are counted, in milliseconds.
pub const SEND_WINDOW: i64 = 3_600_000;

/// Returns the time when a user who has reached a limit can request the next code.
pub fn next_send(sent_at: Timestamp, window_started_at: Timestamp, sends: i64) -> Timestamp {
    let pause_over = sent_at + SEND_PAUSE;
    if sends >= MAX_SENDS { pause_over.max(window_started_at + SEND_WINDOW) } else { pause_over }
}

/// A code as a user types it, in its canonical form.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(String);

impl Code {
    /// Removes the spaces, dashes and invisible characters that users and mail programs add, and converts the digits of every script
    /// to ASCII digits.
    ///
    /// # Errors
    /// If nothing is left.
    pub fn parse(text: &str) -> Result<Code, Fault> {
        not_empty(canonical(text)).map(Code)
    }

    /// Returns the canonical form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The OTP session token, which a client sends together with the code.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken(String);

impl SessionToken {
    /// Trims the text.
    ///
    /// # Errors
    /// If nothing is left.
    pub fn parse(text: &str) -> Result<SessionToken, Fault> {
        not_empty(text.trim().to_owned()).map(SessionToken)
    }

    /// Returns the token.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn not_empty(text: String) -> Result<String, Fault> {
    if text.is_empty() { Err((Phrase::Empty, "string_too_short")) } else { Ok(text) }
}

fn canonical(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_whitespace() && !text::is_invisible(*character) && !text::is_dash(*character))
        .map(|character| {
            let digit = text::decimal_digit(character).and_then(|value| char::from_digit(value, 10));
            digit.unwrap_or(character)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixth_code_can_be_requested_after_the_hour() {
        assert_eq!(next_send(1_000, 0, 4), 31_000);
        assert_eq!(next_send(1_000, 0, 5), SEND_WINDOW);
        assert_eq!(next_send(SEND_WINDOW - 1, 0, 5), SEND_WINDOW - 1 + SEND_PAUSE);
    }

    #[test]
    fn separators_and_invisible_characters_in_a_code_are_ignored() {
        for text in [
            " 123 456\n",
            "123-456",
            "123\u{2010}456",
            "1\u{2013}2\u{2014}3\u{2212}456",
            "\u{feff}123\u{200b}\u{ad}456\u{2060}",
            "123\u{a0}456",
            "\u{202d}123456\u{202c}",
            "\u{ff11}\u{ff12}\u{ff13}\u{ff0d}\u{ff14}\u{ff15}\u{ff16}",
            "\u{661}\u{662}\u{663}\u{664}\u{665}\u{666}",
        ] {
            assert_eq!(canonical(text), "123456", "{text:?}");
        }
        for text in ["123.456", "123456a", "\u{2460}23456"] {
            assert_ne!(canonical(text), "123456", "{text:?}");
        }
    }
}
