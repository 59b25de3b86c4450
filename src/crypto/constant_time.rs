//! Comparisons whose time does not depend on the texts, except for their length.

use subtle::ConstantTimeEq;

/// Returns the item whose text is equal to `wanted`, if there is one. Compares all of them.
pub fn find<T>(items: impl IntoIterator<Item = (impl AsRef<str>, T)>, wanted: &str) -> Option<T> {
    let mut found = None;
    for (text, item) in items {
        let is_equal = text.as_ref().as_bytes().ct_eq(wanted.as_bytes());
        if bool::from(is_equal) {
            found = Some(item);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_equal_text_is_found_at_every_place() {
        let items = [("one", 1), ("two", 2), ("six", 6)];
        for (text, number) in items {
            assert_eq!(find(items, text), Some(number));
        }
        for text in ["", "on", "onee", "ONE", "ten"] {
            assert_eq!(find(items, text), None);
        }
    }
}
