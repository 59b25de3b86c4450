//! The languages of the service: which one a request asks for, and the texts in each of them.
//!
//! To add a language, add its catalogue `<tag>.properties`, its countries `countries/<tag>.txt` and its row below. The tests list the
//! texts that it lacks.

mod phrase;
pub mod quality;
pub mod stored;

pub use phrase::Phrase;

/// Builds [`Language`] from one row per language: `Variant: "tag", is right to left, plural rule;`
macro_rules! languages {
    ($($(#[$doc:meta])* $variant:ident: $tag:literal, $is_rtl:literal, $plural:expr;)*) => {
        /// A language that the service speaks.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub enum Language {
            $($(#[$doc])* $variant,)*
        }

        impl Language {
            /// All languages. The first one is the default.
            pub const ALL: &[Language] = &[$(Language::$variant),*];

            /// Returns the tag (RFC 5646).
            pub fn tag(self) -> &'static str {
                match self {
                    $(Language::$variant => $tag,)*
                }
            }

            /// Returns whether it is written from right to left.
            pub fn is_rtl(self) -> bool {
                match self {
                    $(Language::$variant => $is_rtl,)*
                }
            }

            /// Returns the plural category of a number that is not negative (Unicode CLDR).
            fn category(self, number: i64) -> &'static str {
                match self {
                    $(Language::$variant => $plural(number),)*
                }
            }

            /// Returns the catalogue: lines of `key = text`.
            fn catalogue(self) -> &'static str {
                match self {
                    $(Language::$variant => include_str!(concat!($tag, ".properties")),)*
                }
            }

            /// Returns the names of countries (Unicode CLDR 48), one line each: the code (ISO 3166-1 alpha-2, and `XK` for Kosovo), a
            /// space, and the name.
            fn countries(self) -> &'static str {
                match self {
                    $(Language::$variant => include_str!(concat!("countries/", $tag, ".txt")),)*
                }
            }
        }
    };
}

languages! {
    /// English.
    #[default]
    English: "en", false, one_or_other;
    /// German.
    German: "de", false, one_or_other;
    /// Arabic.
    Arabic: "ar", true, arabic;
}

fn one_or_other(number: i64) -> &'static str {
    if number == 1 { "one" } else { "other" }
}

fn arabic(number: i64) -> &'static str {
    match (number, number % 100) {
        (0, _) => "zero",
        (1, _) => "one",
        (2, _) => "two",
        (_, 3..=10) => "few",
        (_, 11..=99) => "many",
        _ => "other",
    }
}

/// The values for the placeholders of a text.
pub type Values<'a> = &'a [(&'static str, String)];

impl Language {
    /// Returns the value of the attribute `dir` in HTML.
    pub fn direction(self) -> &'static str {
        if self.is_rtl() { "rtl" } else { "ltr" }
    }

    /// Returns the language with this tag. Case does not matter.
    pub fn parse(tag: &str) -> Option<Language> {
        Language::ALL.iter().copied().find(|language| language.tag().eq_ignore_ascii_case(tag))
    }

    /// Returns the language that an `Accept-Language` header prefers, or `None` if it names none of ours (RFC 9110, section
    /// 12.5.4). A range such as `de-CH` means German. `*` accepts any language, so it decides nothing.
    pub fn accepted(header: &str) -> Option<Language> {
        let mut best = None;
        for (range, quality) in quality::ranges(header) {
            let primary = range.split('-').next().unwrap_or_default();
            let Some(language) = Language::parse(primary) else { continue };
            // Of equal ones, the first counts.
            if quality > best.map_or(0, |(_, quality)| quality) {
                best = Some((language, quality));
            }
        }
        best.map(|(language, _)| language)
    }

    /// Returns the text with this key, with its placeholders. English, if the catalogue lacks it, which a test rules out.
    pub fn template(self, key: &str) -> &'static str {
        let find = |language: Language| lines(language).find(|(known, _)| *known == key).map(|(_, text)| text);
        find(self).or_else(|| find(Language::English)).unwrap_or_default()
    }

    /// Returns the text with this key. Values are inserted as they are.
    pub fn text(self, key: &str, values: Values<'_>) -> String {
        fill(self.template(key), |name| {
            values.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
        })
    }

    /// Returns an amount, such as "3 days". `unit` is `second`, `minute`, `hour` or `day`.
    pub fn amount(self, unit: &str, number: i64) -> String {
        self.text(&self.plural(unit, number), &[("n", number.to_string())])
    }

    /// Returns the key of the text for this number, which is not negative.
    pub fn plural(self, key: &str, number: i64) -> String {
        format!("{key}.{}", self.category(number))
    }

    /// Returns the name of a country, or the code of one that is not in the list.
    pub fn country(self, code: &str) -> &str {
        let lines = self.countries().lines().filter_map(|line| line.split_once(' '));
        lines.into_iter().find(|(known, _)| *known == code).map_or(code, |(_, name)| name)
    }
}

/// Returns the keys and texts of a catalogue.
pub(crate) fn lines(language: Language) -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = language.catalogue().lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(" = "))
}

/// A part of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Text that stays as it is.
    Literal(&'a str),
    /// The name of a value.
    Placeholder(&'a str),
}

/// Returns the parts of a template.
pub fn pieces(template: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut parts = template.split('{');
    let first = parts.next().map(Piece::Literal);
    first.into_iter().chain(parts.flat_map(|part| {
        let (name, literal) = part.split_once('}').unwrap_or((part, ""));
        [Piece::Placeholder(name), Piece::Literal(literal)]
    }))
}

/// Replaces `{name}` by its value.
fn fill<'a>(template: &'a str, value: impl Fn(&str) -> Option<&'a str>) -> String {
    let piece = |piece| match piece {
        Piece::Literal(text) => text,
        Piece::Placeholder(name) => value(name).unwrap_or_default(),
    };
    pieces(template).map(piece).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::error::Error;

    fn catalogue(language: Language) -> BTreeMap<&'static str, &'static str> {
        let all: BTreeMap<_, _> = lines(language).collect();
        assert_eq!(all.len(), lines(language).count(), "{}.properties has a key twice", language.tag());
        all
    }

    /// Returns the names of the placeholders of a template, whose braces must be closed.
    pub(super) fn placeholders(template: &str) -> BTreeSet<&str> {
        template.split('{').skip(1).map(|rest| rest.split_once('}').expect("a closing brace").0).collect()
    }

    /// What is counted. These keys end with the plural categories of the language.
    const COUNTED: [&str; 5] = ["second", "minute", "hour", "day", "mail.codes_left"];

    fn is_amount(key: &str) -> bool {
        key.rsplit_once('.').is_some_and(|(counted, _)| COUNTED.contains(&counted))
    }

    #[test]
    fn every_error_has_a_sentence_in_english() {
        let english = catalogue(Language::English);
        for error in Error::examples() {
            let key = format!("error.{}", error.code());
            assert!(
                english.contains_key(key.as_str()),
                "add the sentence `{key} = …` to src/language/*.properties, in every language"
            );
        }
    }

    #[test]
    fn all_catalogues_have_the_same_keys_and_placeholders() {
        let english = catalogue(Language::English);
        for language in Language::ALL {
            let file = format!("src/language/{}.properties", language.tag());
            let own = catalogue(*language);
            for (key, text) in english.iter().filter(|(key, _)| !is_amount(key)) {
                let translation = own.get(key).unwrap_or_else(|| panic!("add `{key} = …` to {file}: {text}"));
                assert_eq!(placeholders(translation), placeholders(text), "{file}: the placeholders of {key}");
            }
            for key in own.keys().filter(|key| !is_amount(key)) {
                assert!(english.contains_key(key), "remove `{key}` from {file}: English does not have it");
            }
            for counted in COUNTED {
                for number in 0..300 {
                    let key = language.plural(counted, number);
                    let text = own.get(key.as_str()).unwrap_or_else(|| panic!("add `{key} = …` to {file}"));
                    assert!(placeholders(text).is_subset(&["n"].into()), "{file}: the placeholders of {key}");
                }
            }
        }
    }

    #[test]
    fn every_line_of_a_catalogue_is_a_comment_or_a_text() {
        for language in Language::ALL {
            for line in language.catalogue().lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
                let (key, text) = line.split_once(" = ").unwrap_or_else(|| panic!("{line}"));
                assert!(!key.contains(' ') && !text.is_empty() && text.trim() == text, "{line}");
            }
        }
    }

    #[test]
    fn no_sentence_is_left_untranslated() {
        let english = catalogue(Language::English);
        for language in Language::ALL.iter().filter(|language| **language != Language::English) {
            for (key, text) in catalogue(*language) {
                let is_only_values = !fill(text, |_| None).contains(char::is_alphabetic);
                // Some months have the same name in English and in German.
                let may_be_equal = key.starts_with("sentence.field") || key.starts_with("month.");
                assert!(is_only_values || may_be_equal || english.get(key) != Some(&text), "{key}");
                let is_arabic = text.chars().any(|character| ('\u{600}'..'\u{700}').contains(&character));
                assert!(
                    is_only_values || is_arabic == language.is_rtl(),
                    "{key} is not in the language of its catalogue"
                );
            }
        }
    }

    #[test]
    fn every_language_names_the_same_countries() {
        let codes = |language: Language| -> Vec<&str> {
            let lines: Vec<_> = language.countries().lines().map(|line| line.split_once(' ').expect(line)).collect();
            assert!(lines.iter().all(|(code, name)| code.len() == 2 && !name.is_empty() && name.trim() == *name));
            lines.into_iter().map(|(code, _)| code).collect()
        };
        let english = codes(Language::English);
        assert!(english.len() == 250 && english.is_sorted());
        for language in Language::ALL {
            assert_eq!(codes(*language), english, "{}", language.tag());
        }
        let names =
            |code| [Language::English, Language::German, Language::Arabic].map(|language| language.country(code));
        assert_eq!(names("CI"), ["C\u{f4}te d\u{2019}Ivoire", "C\u{f4}te d\u{2019}Ivoire", "ساحل العاج"]);
        assert_eq!(names("DE"), ["Germany", "Deutschland", "ألمانيا"]);
        assert_eq!(names("ZZ"), ["ZZ"; 3]);
    }

    #[test]
    fn the_header_chooses_the_language() {
        for (header, expected) in [
            ("de", Some("de")),
            ("DE-ch", Some("de")),
            ("de-CH-1996,de;q=0.9,en;q=0.8", Some("de")),
            ("fr-FR,fr;q=0.9,ar;q=0.3,de;q=0.2", Some("ar")),
            ("en;q=0.5, ar;q=0.5", Some("en")),
            ("de;q=0, ar;q=0.001", Some("ar")),
            ("fr, *;q=0.5", None),
            ("*", None),
            ("", None),
            ("de;q=0", None),
            ("de;q=NaN", None),
            ("de;q=2", None),
            ("deutsch, d, de_DE", None),
        ] {
            assert_eq!(Language::accepted(header).map(Language::tag), expected, "{header}");
        }
    }

    #[test]
    fn hostile_headers_are_read_in_bounded_time() {
        for part in [",", ";", "q", "de;q=0,", "xx;q=0.9,", "*-*-", "de;q=1;", "\u{0}"] {
            let header = part.repeat(65_536 / part.len());
            assert!(matches!(Language::accepted(&header), None | Some(Language::German)));
        }
        let late = format!("{}de", "fr,".repeat(5_000));
        assert_eq!(Language::accepted(&late), None);
    }

    #[test]
    fn amounts_have_the_plural_forms_of_the_language() {
        let amounts = |language: Language| [0, 1, 2, 3, 11, 100].map(|number| language.amount("day", number));
        assert_eq!(amounts(Language::English), ["0 days", "1 day", "2 days", "3 days", "11 days", "100 days"]);
        assert_eq!(amounts(Language::German), ["0 Tage", "1 Tag", "2 Tage", "3 Tage", "11 Tage", "100 Tage"]);
        assert_eq!(amounts(Language::Arabic), ["0 يوم", "يوم واحد", "يومين", "3 أيام", "11 يومًا", "100 يوم"]);
    }

    #[test]
    fn a_value_is_not_taken_for_a_placeholder() {
        let values = [("limit", "{limit}{methods}".to_owned())];
        assert_eq!(
            Language::English.text("error.body_too_large", &values),
            "The body is larger than {limit}{methods} bytes."
        );
    }
}
