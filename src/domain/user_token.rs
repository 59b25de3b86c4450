//! The user token, with which invited people sign up. It is never a credential.

use std::borrow::Cow;

use super::{Timestamp, text};

/// The length of a token, in characters.
pub const LENGTH: usize = 10;
/// The characters of a token. Ten of them have 59 bits, and guessing is possible only through rate-limited endpoints.
pub const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The maximum number of active tokens per user. Some clients create one at each visit of a profile page.
pub const MAX_LIVE: i64 = 200;
/// The maximum lifetime, in days.
pub const MAX_LIFETIME_DAYS: i64 = 365;
/// The maximum that the number of uses can be limited to. Without a limit, a token can be used any number of times.
pub const MAX_USES: i64 = 1_000;
/// The maximum number of users in the list of who signed up with a token.
pub const MAX_LISTED_USERS: i64 = 100;

/// The name of a token that was sent by mail.
pub const INVITATION: &str = "Invitation";

/// Returns whether the text has the form of a token. Any other text needs no database query.
pub fn is_well_formed(text: &str) -> bool {
    text.len() == LENGTH && text.bytes().all(|byte| ALPHABET.contains(&byte))
}

/// The query parameter with the token in an invitation link: `<APP_URL>/signup?referrer=<token>`.
pub const LINK_PARAMETER: &str = "referrer";

/// The token of the user who invites, as an invitee types or pastes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrer(String);

impl Referrer {
    /// Accepts any text. Removes spaces around the token and invisible characters, and takes the token out of an invitation link.
    /// Only the token of a link counts, so the link may come from any host.
    pub fn new(text: &str) -> Referrer {
        let text = text::trim(text);
        let token = link_parameter(text).unwrap_or(Cow::Borrowed(text));
        Referrer(text::trim(&token).chars().filter(|character| !text::is_invisible(*character)).collect())
    }

    /// Returns the token, which need not be well formed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns the token in an invitation link.
fn link_parameter(text: &str) -> Option<Cow<'_, str>> {
    let (_, rest) = text.split_once('?')?;
    let query = rest.split('#').next()?;
    form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == LINK_PARAMETER).map(|(_, value)| value)
}

/// Returns when a token that is created at `now` expires.
pub fn expiry(now: Timestamp, days: i64) -> Timestamp {
    now + days * 86_400_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_exactly_ten_letters_and_digits() {
        assert!(is_well_formed("aZ09aZ09aZ"));
        for text in ["", "short", "elevenchars", "ten chars!", "0123456\u{e9}8", "0123456789 "] {
            assert!(!is_well_formed(text), "{text:?}");
        }
    }

    #[test]
    fn a_token_is_found_in_pasted_text() {
        for text in [
            "aZ09aZ09aZ",
            " aZ09aZ09aZ\r\n",
            "\u{feff}aZ09a\u{200b}Z09aZ\u{2060}",
            "https://app.example/base/signup?referrer=aZ09aZ09aZ&email=grace%2Btest%40example.com",
            " https://app.example/signup?email=grace%40example.com&referrer=aZ09aZ09aZ#top ",
            "app.example/signup?referrer=aZ09aZ\u{200b}09aZ ",
            "?referrer=%61Z09aZ09aZ%20",
        ] {
            assert_eq!(Referrer::new(text).as_str(), "aZ09aZ09aZ", "{text:?}");
        }
        for text in
            ["", "aZ09a Z09aZ", "https://app.example/signup", "https://app.example/?token=aZ09aZ09aZ", "aZ09aZ09aZ!"]
        {
            assert!(!is_well_formed(Referrer::new(text).as_str()), "{text:?}");
        }
    }
}
