//! The rules for passwords: OWASP ASVS 5.0 section 6.2, NIST SP 800-63B-4 section 3.1.1.

use std::{borrow::Cow, fmt};

use icu_normalizer::ComposingNormalizerBorrowed;

use super::{common_password, email::Email, return_to::Origins, text};
use crate::{error::Fault, language::Phrase};

/// The lowest minimum length of passwords that a deployment can set, in characters.
pub const MIN_LENGTH: usize = 8;
/// The maximum length of a password, in characters (Unicode code points): enough for a sentence, and cheap to hash.
pub const MAX_LENGTH: usize = 128;

/// What fields are checked against that depend on the settings: new passwords and addresses to return to.
#[derive(Debug, Clone, Copy)]
pub struct Policy<'a> {
    /// The minimum length, in characters.
    pub min_length: usize,
    /// The name of the service.
    pub service_name: &'a str,
    /// The email of the user, if it is known.
    pub email: Option<&'a Email>,
    /// The origins that a user can be sent to.
    pub origins: Origins<'a>,
}

impl<'a> Policy<'a> {
    /// Returns the policy for the password of the user with this email.
    #[must_use]
    pub fn owned_by<'b>(self, email: Option<&'b Email>) -> Policy<'b>
    where
        'a: 'b,
    {
        Policy { email, ..self }
    }
}

/// A password as a user typed it to log in.
#[derive(Clone)]
pub struct Password {
    typed: String,
    /// The canonical form, if it differs.
    canonical: Option<String>,
}

impl Password {
    /// Accepts any text.
    pub fn new(typed: &str) -> Password {
        let canonical = match canonical(typed) {
            Cow::Borrowed(_) => None,
            Cow::Owned(canonical) => Some(canonical).filter(|canonical| canonical != typed),
        };
        Password { typed: typed.to_owned(), canonical }
    }

    /// Returns the canonical form.
    pub fn canonical(&self) -> &str {
        self.canonical.as_deref().unwrap_or(&self.typed)
    }

    /// Returns the spellings to verify against a stored hash, each with whether it is the canonical form: first that form, then, if it
    /// differs, the password as typed.
    pub fn spellings(&self) -> impl Iterator<Item = (&str, bool)> {
        let as_typed = self.canonical.is_some().then_some((self.typed.as_str(), false));
        std::iter::once((self.canonical(), true)).chain(as_typed)
    }
}

/// Returns the canonical form of a password: every space becomes U+0020, and the text is composed (OpaqueString, RFC 8265, section
/// 4.2.1). Keyboards that encode the same text differently produce the same password. Compatibility forms stay different. Control
/// characters are kept, because existing passwords can contain them.
fn canonical(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let spaced: String =
        text.chars().map(|character| if text::is_space(character) { ' ' } else { character }).collect();
    Cow::Owned(ComposingNormalizerBorrowed::new_nfc().normalize(&spaced).into_owned())
}

/// A new password that meets the policy, in its canonical form. Its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct NewPassword(String);

impl NewPassword {
    /// Checks a new password. It is never trimmed or truncated, and there are no composition rules. Characters are counted in the
    /// canonical form. Case makes no difference to what is too easy to guess.
    ///
    /// # Errors
    /// Why the password is refused: its length, that it is common, or that it is the name of the service, the email or its local
    /// part.
    pub fn parse(text: &str, policy: &Policy<'_>) -> Result<NewPassword, Fault> {
        let text = canonical(text);
        let length = text.chars().count();
        if length < policy.min_length {
            return Err((Phrase::TooShort { min: policy.min_length }, "string_too_short"));
        }
        if length > MAX_LENGTH {
            return Err((Phrase::TooLong { max: MAX_LENGTH }, "string_too_long"));
        }
        let folded = text.to_lowercase();
        if folded == policy.service_name.to_lowercase() {
            return Err((Phrase::NameOfService, "password_guessable"));
        }
        if policy.email.is_some_and(|email| folded == email.as_str() || folded == email.local_part()) {
            return Err((Phrase::OwnEmail, "password_guessable"));
        }
        if common_password::is_common(&folded) {
            return Err((Phrase::Common, "password_common"));
        }
        Ok(NewPassword(text.into_owned()))
    }

    /// Returns the canonical form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for NewPassword {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("NewPassword(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_accepted(text: &str) -> bool {
        let email = Email::parse("ada.lovelace@example.com").unwrap();
        NewPassword::parse(
            text,
            &Policy { min_length: 8, service_name: "Difference Engine", email: Some(&email), origins: Origins::NONE },
        )
        .is_ok()
    }

    #[test]
    fn a_password_has_8_to_128_characters_of_any_kind() {
        for text in [
            "29163047",
            "       .",
            "\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f512}",
            &"\u{e9}\u{e8}".repeat(64),
        ] {
            assert!(is_accepted(text), "{text:?}");
        }
        for text in ["", "1234567", "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}", &"a".repeat(129)] {
            assert!(!is_accepted(text), "{text:?}");
        }
    }

    #[test]
    fn the_name_of_the_service_and_the_email_of_the_user_are_refused() {
        for text in ["difference engine", "ADA.LOVELACE", "ada.lovelace@example.com"] {
            assert!(!is_accepted(text), "{text:?}");
        }
        assert!(is_accepted("ada.lovelace1"));
    }

    #[test]
    fn a_common_password_is_refused_in_upper_and_lower_case_with_a_message() {
        let policy = Policy { min_length: 8, service_name: "Postern", email: None, origins: Origins::NONE };
        for text in ["password1", "PassWord1", "QWERTYUIOP", "AAAAAAAA"] {
            assert_eq!(NewPassword::parse(text, &policy).err(), Some((Phrase::Common, "password_common")));
        }
        assert!(NewPassword::parse("Password1 and more", &policy).is_ok());
    }
}
