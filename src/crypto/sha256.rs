//! SHA-256 (FIPS 180-4).

use sha2::{Digest, Sha256};

/// Returns the hash of `bytes`.
pub fn hash(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_fips_180() {
        // FIPS 180-2, appendix B.1.
        assert_eq!(hash(b"abc")[..8], [0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea]);
    }
}
