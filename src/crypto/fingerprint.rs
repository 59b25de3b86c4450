//! A fingerprint of a text that may be published, such as the id of a deployed version.

use sha2::{Digest, Sha256};

/// Returns the first 16 hexadecimal digits of the text's SHA-256. The text must not be guessable, because a
/// guess can be checked against it.
pub fn of(text: &str) -> String {
    Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_beginning_of_sha_256() {
        // FIPS 180-2, appendix B.1.
        assert_eq!(of("abc"), "ba7816bf8f01cfea");
    }
}
