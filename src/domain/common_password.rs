//! Common passwords, which attackers try first: NIST SP 800-63B-4 section 3.1.1.2, OWASP ASVS 5.0 section 6.2.4.

/// The 5,000 most frequent passwords (ASVS requires 3,000), one per line, in lower case, with at least 8 characters. Their source and
/// license are in `common_passwords.LICENSE`.
const LIST: &str = include_str!("common_passwords.txt");

/// Rows of a keyboard and other sequences. Parts of them are common passwords, forwards and backwards.
const ROWS: [&str; 7] = [
    "01234567890123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiop[]",
    "qwertzuiop",
    "azertyuiop",
    "asdfghjkl;'",
    "zxcvbnm,./",
];

/// Returns whether a password, in lower case, is common: it is in the list, repeats one character, or is a part of a row. A password
/// that only contains a common word is not common.
pub fn is_common(folded: &str) -> bool {
    // A linear search: it takes a fraction of the time of hashing, and needs no memory.
    is_repetition(folded) || is_part_of_row(folded) || LIST.lines().any(|common| common == folded)
}

fn is_repetition(text: &str) -> bool {
    let mut characters = text.chars();
    let first = characters.next();
    characters.all(|character| Some(character) == first)
}

fn is_part_of_row(text: &str) -> bool {
    let backwards: String = text.chars().rev().collect();
    ROWS.iter().any(|row| row.contains(text) || row.contains(&backwards))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_contains_only_passwords_that_can_be_set() {
        let lines: Vec<&str> = LIST.lines().collect();
        assert!(lines.len() >= 3_000, "{}", lines.len());
        assert!(
            lines.is_sorted_by(|before, after| before < after),
            "sorted, without duplicates, so that changes are readable"
        );
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
    fn repetitions_and_parts_of_rows_are_common() {
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
    fn a_password_that_only_contains_a_common_one_is_not_common() {
        for text in
            ["password of the miller", "zzzzzzzy", "0123456789abcdef", "correct horse battery staple", "3141592653"]
        {
            assert!(!is_common(text), "{text}");
        }
    }
}
