//! HMAC-SHA-256 (RFC 2104): a hash that cannot be computed or guessed without the key.

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The length of a key, in bytes: a block of SHA-256, which HMAC uses unchanged.
const KEY_LENGTH: usize = 64;

/// A key for one purpose.
#[derive(Clone)]
pub struct HashKey(pub(super) [u8; KEY_LENGTH]);

impl HashKey {
    /// Returns the hash of `parts` in base64url. The length of each part is included, so that ("ab", "c") differs from ("a", "bc").
    pub fn hash(&self, parts: &[&str]) -> String {
        Base64UrlUnpadded::encode_string(&self.bytes(parts))
    }

    fn bytes(&self, parts: &[&str]) -> [u8; 32] {
        let mut length_prefixed = Vec::new();
        for part in parts {
            length_prefixed.extend_from_slice(&(part.len() as u64).to_be_bytes());
            length_prefixed.extend_from_slice(part.as_bytes());
        }
        hmac_sha256(&self.0, &length_prefixed)
    }

    /// Returns the first half of the hash of `parts`, in hexadecimal digits.
    pub fn hex(&self, parts: &[&str]) -> String {
        self.bytes(parts).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Returns whether `hash` is the hash of `parts`, in constant time.
    pub fn matches(&self, parts: &[&str], hash: &str) -> bool {
        self.hash(parts).as_bytes().ct_eq(hash.as_bytes()).into()
    }
}

fn hmac_sha256(key: &[u8; KEY_LENGTH], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new(&(*key).into());
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2, whose key is padded with zeros to the length of ours, as HMAC itself would.
    #[test]
    fn the_hash_is_hmac_sha_256() {
        let mut key = [0; KEY_LENGTH];
        key[..4].copy_from_slice(b"Jefe");
        let hash = hmac_sha256(&key, b"what do ya want for nothing?");
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn the_border_between_parts_counts() {
        let key = HashKey([7; KEY_LENGTH]);
        assert_ne!(key.hash(&["ab", "c"]), key.hash(&["a", "bc"]));
        assert!(key.matches(&["ab", "c"], &key.hash(&["ab", "c"])));
        assert!(!key.matches(&["ab", "c"], &HashKey([8; KEY_LENGTH]).hash(&["ab", "c"])));
    }
}
