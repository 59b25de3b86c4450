//! Kinds of characters, by their Unicode properties.

use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{Dash, DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup, WhiteSpace},
};

/// Characters that are blank although no Unicode property says so: the Braille pattern without dots, the null note head, and the blank
/// Egyptian hieroglyphs.
const BLANK: [char; 4] = ['\u{2800}', '\u{1d159}', '\u{13441}', '\u{13442}'];

/// Returns whether a character is not visible: spaces, controls, format characters, fillers, variation selectors, and unassigned code
/// points.
pub fn is_blank(character: char) -> bool {
    const UNSEEN: GeneralCategoryGroup = GeneralCategoryGroup::Separator.union(GeneralCategoryGroup::Other);
    UNSEEN.contains(category(character))
        || CodePointSetData::new::<WhiteSpace>().contains(character)
        || is_ignorable(character)
        || BLANK.contains(&character)
}

/// Returns whether a character has no width, and no meaning in a token, a code or an address.
pub fn is_invisible(character: char) -> bool {
    category(character) == GeneralCategory::Format || is_ignorable(character)
}

/// Returns whether a character separates lines or paragraphs.
pub fn breaks_line(character: char) -> bool {
    matches!(category(character), GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator)
}

/// Returns whether a character is a space of any width (general category Zs).
pub fn is_space(character: char) -> bool {
    category(character) == GeneralCategory::SpaceSeparator
}

/// Returns whether a character is a hyphen, a dash or a minus sign.
pub fn is_dash(character: char) -> bool {
    CodePointSetData::new::<Dash>().contains(character)
}

/// Removes white space and invisible characters from both ends.
pub fn trim(text: &str) -> &str {
    text.trim_matches(|character: char| character.is_whitespace() || is_invisible(character))
}

/// Returns the value of a decimal digit of any script.
pub fn decimal_digit(character: char) -> Option<u32> {
    let is_digit =
        |code| char::from_u32(code).is_some_and(|character| category(character) == GeneralCategory::DecimalNumber);
    if !is_digit(character.into()) {
        return None;
    }
    // Unicode guarantees that the ten digits of a script are consecutive and in order, so the value is the number of digits before this
    // one. Where the digits of several styles are consecutive, each style has ten.
    let before = (0..u32::from(character)).rev().take_while(|code| is_digit(*code)).count();
    u32::try_from(before % 10).ok()
}

fn category(character: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(character)
}

fn is_ignorable(character: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invisible_character_is_blank() {
        for character in [
            ' ',
            '\t',
            '\0',
            '\u{a0}',
            '\u{ad}',
            '\u{34f}',
            '\u{115f}',
            '\u{1160}',
            '\u{17b4}',
            '\u{180e}',
            '\u{2003}',
            '\u{200b}',
            '\u{2028}',
            '\u{202e}',
            '\u{2060}',
            '\u{2800}',
            '\u{3000}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff9}',
            '\u{13441}',
            '\u{1d159}',
            '\u{e0001}',
            '\u{e0020}',
            '\u{e0100}',
            '\u{10ffff}',
        ] {
            assert!(is_blank(character), "{character:?}");
        }
        for character in ['a', '.', '\u{301}', '\u{4e00}', '\u{ac00}', '\u{1f511}', '\u{2801}', '\u{3131}', '\u{640}'] {
            assert!(!is_blank(character), "{character:?}");
        }
    }

    #[test]
    fn digits_of_every_script_have_the_right_value() {
        for zero in ['0', '\u{660}', '\u{6f0}', '\u{966}', '\u{e50}', '\u{ff10}', '\u{1d7ce}', '\u{1d7f6}'] {
            for value in 0..10 {
                assert_eq!(decimal_digit(char::from_u32(u32::from(zero) + value).unwrap()), Some(value));
            }
        }
        for character in ['a', '\u{b2}', '\u{2460}', '\u{2162}', '\u{4e00}'] {
            assert_eq!(decimal_digit(character), None, "{character:?}");
        }
        let digits = ('\0'..=char::MAX).filter_map(decimal_digit);
        let mut counts = [0; 10];
        digits.for_each(|value| counts[value as usize] += 1);
        assert!(counts.iter().all(|count| *count == counts[0]), "{counts:?}");
    }

    #[test]
    fn white_space_and_invisible_characters_are_removed_from_the_ends_only() {
        assert_eq!(trim("\u{feff} \u{200b}a \u{200b}b\u{2060}\n"), "a \u{200b}b");
    }
}
