//! Reads CBOR (RFC 8949), as far as WebAuthn needs it: integers, byte strings, text, arrays, maps, and the values false, true and
//! null. Indefinite lengths, tags, floating-point numbers and repeated keys are rejected (CTAP 2.1, section 8).

/// The maximum depth of arrays and maps. A compound attestation has five levels (WebAuthn Level 3, section 8.9).
const MAX_DEPTH: u8 = 8;
/// The maximum number of entries of a map, because every key is compared with every other one.
const MAX_ENTRIES: u64 = 64;

/// A data item.
#[derive(Debug, Clone, PartialEq)]
pub enum Item<'a> {
    /// An integer. Those that 64 bits with a sign cannot hold are rejected.
    Integer(i64),
    /// A byte string.
    Bytes(&'a [u8]),
    /// A text in UTF-8.
    Text(&'a str),
    /// An array.
    Array(Vec<Item<'a>>),
    /// A map. No key is there twice.
    Map(Vec<(Item<'a>, Item<'a>)>),
    /// False, true or null.
    Simple(u8),
}

impl<'a> Item<'a> {
    /// Reads an item at the beginning of `bytes`. Returns it with the bytes after it.
    pub fn first(bytes: &'a [u8]) -> Option<(Item<'a>, &'a [u8])> {
        let mut reader = Reader { rest: bytes };
        let item = reader.item(MAX_DEPTH)?;
        Some((item, reader.rest))
    }

    /// Reads `bytes`, which must be one item.
    pub fn only(bytes: &'a [u8]) -> Option<Item<'a>> {
        let (item, rest) = Item::first(bytes)?;
        rest.is_empty().then_some(item)
    }

    /// Returns the value of an integer as the key of a map.
    pub fn at(&self, key: i64) -> Option<&Item<'a>> {
        self.value(&Item::Integer(key))
    }

    /// Returns the value of a text as the key of a map.
    pub fn member(&self, key: &str) -> Option<&Item<'a>> {
        self.value(&Item::Text(key))
    }

    /// Returns the bytes of a byte string.
    pub fn bytes(&self) -> Option<&'a [u8]> {
        if let Item::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    fn value(&self, key: &Item<'_>) -> Option<&Item<'a>> {
        let Item::Map(entries) = self else { return None };
        entries.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(length).ok()?)?;
        self.rest = rest;
        Some(taken)
    }

    fn item(&mut self, depth: u8) -> Option<Item<'a>> {
        let [head] = *self.take(1)? else { return None };
        let argument = match head & 0x1f {
            small @ 0..24 => u64::from(small),
            // The number of bytes that follow: 1, 2, 4 or 8.
            length @ 24..28 => {
                let bytes = self.take(1 << (length - 24))?;
                bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
            }
            _ => return None,
        };
        match head >> 5 {
            0 => i64::try_from(argument).ok().map(Item::Integer),
            1 => i64::try_from(argument).ok().map(|argument| Item::Integer(-1 - argument)),
            2 => self.take(argument).map(Item::Bytes),
            3 => std::str::from_utf8(self.take(argument)?).ok().map(Item::Text),
            4 => {
                let depth = depth.checked_sub(1)?;
                // Every item takes at least one byte, so a length that is too large ends with the bytes.
                (0..argument).map(|_| self.item(depth)).collect::<Option<_>>().map(Item::Array)
            }
            5 if argument <= MAX_ENTRIES => {
                let depth = depth.checked_sub(1)?;
                let mut entries: Vec<(Item<'a>, Item<'a>)> = Vec::new();
                for _ in 0..argument {
                    let key = self.item(depth)?;
                    if entries.iter().any(|(known, _)| *known == key) {
                        return None;
                    }
                    entries.push((key, self.item(depth)?));
                }
                Some(Item::Map(entries))
            }
            7 if matches!(head, 0xf4..=0xf6) => Some(Item::Simple(head & 0x1f)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn items_are_read_as_in_rfc_8949() {
        use Item::{Array, Bytes, Integer, Map, Simple, Text};
        // Appendix A.
        for (hex, item) in [
            ("00", Integer(0)),
            ("17", Integer(23)),
            ("1818", Integer(24)),
            ("1903e8", Integer(1_000)),
            ("1a000f4240", Integer(1_000_000)),
            ("1b000000e8d4a51000", Integer(1_000_000_000_000)),
            ("20", Integer(-1)),
            ("3863", Integer(-100)),
            ("3903e7", Integer(-1_000)),
            ("f4", Simple(20)),
            ("f5", Simple(21)),
            ("f6", Simple(22)),
            ("40", Bytes(&[])),
            ("4401020304", Bytes(&[1, 2, 3, 4])),
            ("60", Text("")),
            ("6449455446", Text("IETF")),
            ("62c3bc", Text("\u{fc}")),
            ("80", Array(vec![])),
            (
                "8301820203820405",
                Array(vec![Integer(1), Array(vec![Integer(2), Integer(3)]), Array(vec![Integer(4), Integer(5)])]),
            ),
            ("a201020304", Map(vec![(Integer(1), Integer(2)), (Integer(3), Integer(4))])),
            (
                "a26161016162820203",
                Map(vec![(Text("a"), Integer(1)), (Text("b"), Array(vec![Integer(2), Integer(3)]))]),
            ),
        ] {
            assert_eq!(Item::only(&bytes(hex)), Some(item), "{hex}");
        }
    }

    #[test]
    fn what_webauthn_does_not_need_is_rejected() {
        for hex in [
            "",
            // Indefinite lengths.
            "5f42010243030405ff",
            "9fff",
            "bf6161019fff",
            "ff",
            // Tags, floating-point numbers, and other simple values.
            "c11a514b67b0",
            "f93c00",
            "fb3ff199999999999a",
            "f7",
            "f0",
            "f8ff",
            // Reserved lengths.
            "1c",
            "3e",
            // Integers beyond 64 bits with a sign.
            "1bffffffffffffffff",
            "3bffffffffffffffff",
            // Not UTF-8.
            "62c328",
            // A repeated key.
            "a201020103",
            "a2616101616102",
        ] {
            assert_eq!(Item::only(&bytes(hex)), None, "{hex}");
        }
    }

    #[test]
    fn an_item_ends_where_its_bytes_end() {
        let good = bytes("a26161016162820203");
        for length in 0..good.len() {
            assert_eq!(Item::first(&good[..length]), None, "{length}");
        }
        assert_eq!(Item::only(&[good.as_slice(), &[0]].concat()), None);
        assert_eq!(Item::first(&[1, 2]), Some((Item::Integer(1), [2].as_slice())));
        // Lengths far beyond the bytes.
        for hex in ["5bffffffffffffffff00", "9bffffffffffffffff00", "bbffffffffffffffff0000", "7affffffff"] {
            assert_eq!(Item::only(&bytes(hex)), None, "{hex}");
        }
    }

    #[test]
    fn depth_is_limited() {
        let nested = |depth: usize| [vec![0x81; depth], vec![0]].concat();
        assert!(Item::only(&nested(8)).is_some());
        assert_eq!(Item::only(&nested(9)), None);
        assert_eq!(Item::only(&nested(10_000)), None);
    }

    #[test]
    fn the_number_of_entries_of_a_map_is_limited() {
        let map = |entries: u8| {
            let entries_in_cbor = (0..entries).flat_map(|key| [0x18, 100 + key, 0]);
            [0xb8, entries].into_iter().chain(entries_in_cbor).collect::<Vec<u8>>()
        };
        assert!(Item::only(&map(64)).is_some());
        assert_eq!(Item::only(&map(65)), None);
    }

    #[test]
    fn values_of_maps_are_found_by_key() {
        let good = bytes("a2616101204107");
        let map = Item::only(&good).unwrap();
        assert_eq!(map.member("a"), Some(&Item::Integer(1)));
        assert_eq!(map.at(-1).and_then(Item::bytes), Some([7].as_slice()));
        assert_eq!((map.at(1), map.member("b"), Item::Integer(1).at(1)), (None, None, None));
    }
}
