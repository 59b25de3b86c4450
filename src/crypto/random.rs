//! Randomness from the system's generator.

use std::cell::RefCell;

use base64ct::{Base64UrlUnpadded, Encoding};

use crate::error::Error;

/// Returns `N` random bytes.
///
/// # Errors
/// 500 if the system has no randomness.
pub fn bytes<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Error::Internal(format!("no randomness: {error}")))?;
    Ok(bytes)
}

thread_local! {
    /// Random bytes for the next ids. Every request has an id, and in WebAssembly a call to the system costs the same for one id as
    /// for many.
    static FOR_IDS: RefCell<Vec<[u8; 16]>> = const { RefCell::new(Vec::new()) };
}

/// Returns a random id: a UUID of version 4 (RFC 9562, section 5.4). It is not a secret; knowing it grants nothing.
///
/// # Errors
/// As [`bytes`].
pub fn id() -> Result<String, Error> {
    let drawn = match FOR_IDS.with_borrow_mut(Vec::pop) {
        Some(drawn) => drawn,
        None => {
            let more = bytes::<1024>()?;
            FOR_IDS.with_borrow_mut(|for_ids| for_ids.extend(more.as_chunks().0));
            bytes()?
        }
    };
    Ok(uuid::Builder::from_random_bytes(drawn).into_uuid().to_string())
}

/// Returns 256 random bits in base64url, for an opaque token: 43 characters.
///
/// # Errors
/// As [`bytes`].
pub fn token() -> Result<String, Error> {
    Ok(Base64UrlUnpadded::encode_string(&bytes::<32>()?))
}

/// Returns a code of six digits, which users type from an email.
///
/// # Errors
/// As [`bytes`].
pub fn code() -> Result<String, Error> {
    text(b"0123456789", 6)
}

/// Returns `length` characters of `alphabet`, each equally likely: bytes that would favor its beginning are rejected.
///
/// # Errors
/// As [`bytes`].
pub fn text(alphabet: &[u8], length: usize) -> Result<String, Error> {
    let fair = 256 - 256 % alphabet.len();
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let drawn = bytes::<32>()?;
        let characters = drawn.iter().map(|byte| usize::from(*byte)).filter(|number| *number < fair);
        text.extend(
            characters
                .filter_map(|number| alphabet.get(number % alphabet.len()))
                .map(|byte| char::from(*byte))
                .take(length - text.len()),
        );
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_of_the_alphabet_is_about_as_likely() {
        let mut counts = [0_u32; 10];
        for byte in text(b"0123456789", 100_000).unwrap().bytes() {
            counts[usize::from(byte - b'0')] += 1;
        }
        // 10,000 each are expected, with a standard deviation of 95; without the rejection the first six would have 234 more. Ten
        // standard deviations do not happen by chance.
        assert!(counts.iter().all(|count| count.abs_diff(10_000) < 950), "{counts:?}");
    }

    #[test]
    fn bytes_that_would_favour_the_first_characters_are_thrown_away() {
        // With an alphabet of 200, bytes of 200 and more would make the first 56 characters twice as likely.
        let alphabet: Vec<u8> = (0..100).collect();
        let drawn = text(&alphabet, 100_000).unwrap();
        let first = drawn.bytes().filter(|byte| *byte < 56).count();
        // 56,000 are expected, with a standard deviation of 157; without the rejection it would be 65,600.
        assert!(first.abs_diff(56_000) < 1_570, "{first}");
    }

    #[test]
    fn ids_and_tokens_have_their_form() {
        assert_eq!((id().unwrap().len(), token().unwrap().len()), (36, 43));
        assert_ne!(id().unwrap(), id().unwrap());
    }
}
