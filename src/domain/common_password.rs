//! Which passwords everybody tries first: NIST SP 800-63B-4 section 3.1.1.2, OWASP ASVS 5.0 section 6.2.4.

/// One password a line, in lower case, of at least 8 characters: the 5,000 most frequent (ASVS asks for 3,000).
/// Where they are from and their licence: `common_passwords.LICENSE` beside this file.
const LIST: &str = include_str!("common_passwords.txt");

/// What a hand walks over without lifting, either way.
const ROWS: [&str; 7] = [
    "01234567890123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiop[]",
    "qwertzuiop",
    "azertyuiop",
    "asdfghjkl;'",
    "zxcvbnm,./",
];

/// Whether the whole of `folded`, a password in lower case, is common: in the list, one character again and again, or
/// a piece of a row. A common word as a part of it is none of its business.
pub fn is_common(folded: &str) -> bool {
    // From start to end: 50 KB are looked through in a fraction of the time that hashing takes, and need no memory.
    is_repetition(folded) || is_walk(folded) || LIST.lines().any(|common| common == folded)
}

fn is_repetition(text: &str) -> bool {
    let mut characters = text.chars();
    let first = characters.next();
    characters.all(|character| Some(character) == first)
}

fn is_walk(text: &str) -> bool {
    let backwards: String = text.chars().rev().collect();
    ROWS.iter().any(|row| row.contains(text) || row.contains(&backwards))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_holds_what_can_be_asked_of_it() {
        let lines: Vec<&str> = LIST.lines().collect();
        assert!(lines.len() >= 3_000, "{}", lines.len());
        assert!(lines.is_sorted_by(|before, after| before < after), "sorted, none twice: so that a change is readable");
        for line in lines {
            assert!(line.chars().count() >= 8 && line == line.to_lowercase() && line == line.trim(), "{line:?}");
        }
    }

    #[test]
    fn the_most_frequent_passwords_are_common() {
        for text in ["password", "123456789", "qwerty123", "iloveyou", "password1", "1q2w3e4r", "trustno1", "passw0rd"]
        {
            assert!(is_common(text), "{text}");
        }
        // The first and the last line.
        assert!(LIST.lines().next().is_some_and(is_common) && LIST.lines().last().is_some_and(is_common));
    }

    #[test]
    fn repetitions_and_walks_over_a_row_are_common() {
        for text in
            ["        ", "zzzzzzzzzzz", "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}", "34567890", "defghijklm"]
        {
            assert!(is_common(text), "{text}");
        }
        for text in ["98765432", "ponmlkjih", "sdfghjkl", "/.,mnbvcxz", "poiuytrewq"] {
            assert!(is_common(text), "{text}");
        }
    }

    #[test]
    fn a_password_that_merely_contains_a_common_one_is_not_common() {
        for text in
            ["password of the miller", "zzzzzzzy", "0123456789abcdef", "correct horse battery staple", "3141592653"]
        {
            assert!(!is_common(text), "{text}");
        }
    }
}
