//! HMAC-SHA-256 (RFC 2104): a hash that cannot be computed or guessed without the key.

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
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
        authenticate(&self.0, &length_prefixed)
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

/// Returns HMAC-SHA-256 of the parts, one after the other, with a key of any length: for the signatures of others. Our own hashes are those
/// of [`HashKey`].
pub fn hmac_sha256(key: &[u8], parts: &[&str]) -> [u8; 32] {
    let mut block = [0; KEY_LENGTH];
    // A longer key counts as its hash (RFC 2104, section 2).
    let hash = (key.len() > KEY_LENGTH).then(|| Sha256::digest(key));
    let key = hash.as_deref().unwrap_or(key);
    block.iter_mut().zip(key).for_each(|(byte, key)| *byte = *key);
    authenticate(&block, parts.concat())
}

fn authenticate(key: &[u8; KEY_LENGTH], message: impl AsRef<[u8]>) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new(&(*key).into());
    mac.update(message.as_ref());
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test cases 2 and 6.
    #[test]
    fn the_hash_is_hmac_sha_256_with_a_key_of_any_length() {
        let hex = |hash: [u8; 32]| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let hash = hmac_sha256(b"Jefe", &["what do ya want ", "for nothing?"]);
        assert_eq!(hex(hash), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        let hash = hmac_sha256(&[0xaa; 131], &["Test Using Larger Than Block-Size Key - Hash Key First"]);
        assert_eq!(hex(hash), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    }

    #[test]
    fn the_border_between_parts_counts() {
        let key = HashKey([7; KEY_LENGTH]);
        assert_ne!(key.hash(&["ab", "c"]), key.hash(&["a", "bc"]));
        assert!(key.matches(&["ab", "c"], &key.hash(&["ab", "c"])));
        assert!(!key.matches(&["ab", "c"], &HashKey([8; KEY_LENGTH]).hash(&["ab", "c"])));
    }
}
