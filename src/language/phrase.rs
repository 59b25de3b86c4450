//! What is wrong with a body or one of its fields, in no language yet. The texts are in the catalogues, as `phrase.<key>`.

use super::Language;

/// Builds [`Phrase`] from one row per phrase: `Variant { placeholder: type } = "key";`
macro_rules! phrases {
    ($($(#[$doc:meta])* $variant:ident $({ $($placeholder:ident: $type:ty),+ })? = $key:literal;)*) => {
        /// A phrase of the catalogues with the values of its placeholders.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Phrase {
            $(
                $(#[$doc])*
                $variant $({
                    $(
                        #[doc = concat!("The value of `{", stringify!($placeholder), "}`.")]
                        $placeholder: $type
                    ),+
                })?,
            )*
        }

        impl Phrase {
            /// Returns the phrase in this language.
            pub fn text(&self, language: Language) -> String {
                match self {
                    $(Phrase::$variant $({ $($placeholder),+ })? => language.text(
                        concat!("phrase.", $key),
                        &[$($((stringify!($placeholder), $placeholder.to_string())),+)?],
                    ),)*
                }
            }

            /// The keys and placeholders of all phrases.
            #[cfg(test)]
            pub const ALL: &[(&str, &[&str])] =
                &[$((concat!("phrase.", $key), &[$($(stringify!($placeholder)),+)?])),*];
        }
    };
}

phrases! {
    /// A body that should be a JSON object is empty.
    BodyEmptyJson = "body_empty_json";
    /// A body that should be a form is empty.
    BodyEmptyForm = "body_empty_form";
    /// A body is not well-formed JSON.
    BodyNotJson = "body_not_json";
    /// A body is not a well-formed multipart form.
    BodyNotMultipart = "body_not_multipart";
    /// A body is not UTF-8.
    BodyNotUtf8 = "body_not_utf8";
    /// A body ended before its length.
    BodyIncomplete = "body_incomplete";
    /// The body of a webhook call is not an event of the provider.
    BodyNotEvent = "body_not_event";
    /// A text is no email address.
    Email = "email";
    /// A required field of a body is missing.
    Missing = "missing";
    /// A required parameter of a query is missing.
    MissingFromQuery = "missing_from_query";
    /// A text is empty.
    Empty = "empty";
    /// A text has too few characters.
    TooShort { min: usize } = "too_short";
    /// A text has too many characters.
    TooLong { max: usize } = "too_long";
    /// A text has control characters.
    ControlCharacters = "control_characters";
    /// A password is the name of the service.
    NameOfService = "name_of_service";
    /// A password is the email of its owner, or a part of it.
    OwnEmail = "own_email";
    /// A password is a common one.
    Common = "common";
    /// A password is known from a breach.
    Breached = "breached";
    /// A value is not a string.
    String = "string";
    /// A value is not a boolean.
    Boolean = "boolean";
    /// A value is not an integer.
    Integer = "integer";
    /// An integer is out of range.
    IntegerRange { min: i64, max: i64 } = "integer_range";
    /// A body is JSON, but not an object.
    Object = "object";
    /// A text is no role.
    Role = "role";
    /// A text is none of the choices, which are separated by commas.
    Choice { choices: std::string::String } = "choice";
    /// A body has none or several of these fields. `others` are separated by commas.
    ExactlyOne { others: std::string::String, last: &'static str } = "exactly_one";
    /// A body has none of these fields. `others` are separated by commas.
    AtLeastOne { others: std::string::String, last: &'static str } = "at_least_one";
    /// An object is no credential of a browser.
    Credential = "credential";
    /// A text is no address to return to.
    ReturnTo { pages: std::string::String, max: usize } = "return_to";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{
        super::{lines, tests::placeholders as placeholders_of},
        *,
    };

    #[test]
    fn the_catalogue_has_each_phrase_with_its_placeholders_and_no_other_ones() {
        let phrases: BTreeSet<&str> = Phrase::ALL.iter().map(|(key, _)| *key).collect();
        for (key, placeholders) in Phrase::ALL {
            let text = Language::English.template(key);
            assert!(!text.is_empty(), "add `{key} = …` to src/language/*.properties, in every language");
            assert_eq!(placeholders_of(text), placeholders.iter().copied().collect(), "the placeholders of {key}");
        }
        for (key, _) in lines(Language::English).filter(|(key, _)| key.starts_with("phrase.")) {
            assert!(phrases.contains(key), "remove `{key}` from src/language/*.properties: nothing says it");
        }
    }

    #[test]
    fn a_phrase_has_its_values_in_every_language() {
        let phrase = Phrase::IntegerRange { min: 1, max: 365 };
        assert_eq!(phrase.text(Language::English), "must be a whole number from 1 to 365");
        assert_eq!(phrase.text(Language::German), "muss eine ganze Zahl von 1 bis 365 sein");
        let phrase = Phrase::ExactlyOne { others: "code".to_owned(), last: "secret" };
        assert_eq!(phrase.text(Language::English), "must have exactly one of code and secret");
        assert_eq!(phrase.text(Language::German), "muss genau eines davon haben: code, secret");
    }
}
