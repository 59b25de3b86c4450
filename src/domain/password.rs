//! What a password must be like: OWASP ASVS 5.0 section 6.2, NIST SP 800-63B-4 section 3.1.1.

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;
use serde_json::json;
use utoipa::openapi::{KnownFormat, Object, ObjectBuilder, SchemaFormat, Type, schema::SchemaType};

use super::{common_password, email::Email, text};
use crate::error::Fault;

/// The fewest characters of a password that a deployment may ask for.
pub const MIN_LENGTH: usize = 8;
/// The most characters (Unicode code points) of a password: enough for a sentence, too few to make hashing dear.
pub const MAX_LENGTH: usize = 128;

/// What the rules know beside the password itself.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The fewest characters.
    pub min_length: usize,
    /// The name of the service.
    pub service_name: &'a str,
    /// Whose password it is to be; none if that could not be read.
    pub email: Option<&'a Email>,
}

/// A password as somebody typed it to sign in.
#[derive(Clone)]
pub struct Password {
    typed: String,
    /// The canonical form, if it differs.
    canonical: Option<String>,
}

impl Password {
    /// Takes any text.
    pub fn new(typed: &str) -> Password {
        let canonical = match canonical(typed) {
            Cow::Borrowed(_) => None,
            Cow::Owned(canonical) => Some(canonical).filter(|canonical| canonical != typed),
        };
        Password { typed: typed.to_owned(), canonical }
    }

    /// The canonical form.
    pub fn canonical(&self) -> &str {
        self.canonical.as_deref().unwrap_or(&self.typed)
    }

    /// The spellings that a stored hash may be of, each with whether it is the canonical form: that one first, then, if it
    /// differs, the password as typed.
    pub fn spellings(&self) -> impl Iterator<Item = (&str, bool)> {
        let as_typed = self.canonical.is_some().then_some((self.typed.as_str(), false));
        std::iter::once((self.canonical(), true)).chain(as_typed)
    }
}

/// The canonical form of a password: every space becomes U+0020 and the text is composed (OpaqueString, RFC 8265, section 4.2.1).
/// Two keyboards that write the same text differently write the same password. Compatibility forms stay different. Control
/// characters stay as they are, because older passwords may have them.
fn canonical(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let spaced: String =
        text.chars().map(|character| if text::is_space(character) { ' ' } else { character }).collect();
    Cow::Owned(ComposingNormalizerBorrowed::new_nfc().normalize(&spaced).into_owned())
}

/// Accepts a new password and returns its canonical form. It is never trimmed or truncated, and there are no composition rules.
/// Characters are counted in the canonical form.
///
/// # Errors
/// A fault that says why it is refused: its length, that it is common, or that it is the service's name, the email or its
/// local part. Case makes no difference to what can be guessed.
pub fn check(text: &str, context: Context<'_>) -> Result<String, Fault> {
    let text = canonical(text);
    let length = text.chars().count();
    if length < context.min_length {
        return Err((format!("must have at least {} characters", context.min_length), "string_too_short"));
    }
    if length > MAX_LENGTH {
        return Err((format!("must have at most {MAX_LENGTH} characters"), "string_too_long"));
    }
    let folded = text.to_lowercase();
    if folded == context.service_name.to_lowercase() {
        return Err(("must not be the name of this service".to_owned(), "password_guessable"));
    }
    if context.email.is_some_and(|email| folded == email.as_str() || folded == email.local_part()) {
        return Err(("must not be your email address or a part of it".to_owned(), "password_guessable"));
    }
    if common_password::is_common(&folded) {
        return Err(("is one of the most common passwords; choose another".to_owned(), "password_common"));
    }
    Ok(text.into_owned())
}

/// What clients are told of a new password that they send.
pub fn schema() -> Object {
    described(SchemaType::Type(Type::String))
}

/// As [`schema`], for a password that may be left out or be null.
pub fn optional_schema() -> Object {
    described(SchemaType::Array(vec![Type::String, Type::Null]))
}

fn described(schema_type: SchemaType) -> Object {
    ObjectBuilder::new()
        .schema_type(schema_type)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Password)))
        .description(Some(
            "Any characters; two Unicode spellings of the same text are the same password. Common passwords, the email and the name of the service are refused; a \
             deployment may ask for more characters.",
        ))
        .min_length(Some(MIN_LENGTH))
        .max_length(Some(MAX_LENGTH))
        .examples([json!("correct horse battery staple")])
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_accepted(text: &str) -> bool {
        let email = Email::parse("ada.lovelace@example.com").unwrap();
        check(text, Context { min_length: 8, service_name: "Difference Engine", email: Some(&email) }).is_ok()
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
    fn the_name_of_the_service_and_the_own_email_are_no_passwords() {
        for text in ["difference engine", "ADA.LOVELACE", "ada.lovelace@example.com"] {
            assert!(!is_accepted(text), "{text:?}");
        }
        assert!(is_accepted("ada.lovelace1"));
    }

    #[test]
    fn a_common_password_is_refused_in_any_case_and_told_why() {
        let context = Context { min_length: 8, service_name: "Postern", email: None };
        for text in ["password1", "PassWord1", "QWERTYUIOP", "AAAAAAAA"] {
            let (why, kind) = check(text, context).unwrap_err();
            assert_eq!(
                (why.as_str(), kind),
                ("is one of the most common passwords; choose another", "password_common")
            );
        }
        assert!(check("Password1 it is not", context).is_ok());
    }
}
