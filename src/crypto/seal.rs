//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03): authenticated encryption. Its nonces are long enough to be random.

use base64ct::{Base64UrlUnpadded, Encoding};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305,
    aead::{Aead, Payload},
};

use super::random;
use crate::error::Error;

const NONCE: usize = 24;

/// A key for one purpose.
#[derive(Clone)]
pub struct SealKey(pub(super) [u8; 32]);

impl SealKey {
    /// Encrypts `text`. `context` is not stored, but the same context is needed to decrypt it.
    ///
    /// # Errors
    /// 500 if there is no randomness.
    pub fn seal(&self, text: &str, context: &str) -> Result<String, Error> {
        let nonce = random::bytes::<NONCE>()?;
        let payload = Payload { msg: text.as_bytes(), aad: context.as_bytes() };
        let sealed = XChaCha20Poly1305::new(&self.0.into())
            .encrypt(&nonce.into(), payload)
            .map_err(|_| Error::Internal("cannot seal".to_owned()))?;
        Ok(Base64UrlUnpadded::encode_string(&[nonce.as_slice(), &sealed].concat()))
    }

    /// Decrypts a text that was encrypted with this key in this context. Returns `None` for anything else.
    pub fn open(&self, sealed: &str, context: &str) -> Option<String> {
        let bytes = Base64UrlUnpadded::decode_vec(sealed).ok()?;
        let (nonce, ciphertext) = bytes.split_first_chunk::<NONCE>()?;
        let payload = Payload { msg: ciphertext, aad: context.as_bytes() };
        let text = XChaCha20Poly1305::new(&self.0.into()).decrypt(&(*nonce).into(), payload).ok()?;
        String::from_utf8(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    /// The draft's appendix A.3.1.
    #[test]
    fn what_another_implementation_sealed_opens() {
        let key: [u8; 32] = std::array::from_fn(|at| 0x80 + at as u8);
        let nonce = bytes("404142434445464748494a4b4c4d4e4f5051525354555657");
        let additional = bytes("50515253c0c1c2c3c4c5c6c7");
        let ciphertext = bytes(
            "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216\
             cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13\
             b52ec0875924c1c7987947deafd8780acf49",
        );
        let payload = Payload { msg: &ciphertext, aad: &additional };
        let nonce: [u8; NONCE] = nonce.try_into().unwrap();
        let text = XChaCha20Poly1305::new(&key.into()).decrypt(&nonce.into(), payload).unwrap();
        assert!(String::from_utf8(text).unwrap().starts_with("Ladies and Gentlemen of the class of '99"));
    }

    #[test]
    fn a_sealed_text_opens_with_its_key_in_its_context_and_unchanged_alone() {
        let key = SealKey([1; 32]);
        let sealed = key.seal("a token", "user 1").unwrap();
        assert_eq!(key.open(&sealed, "user 1").as_deref(), Some("a token"));
        assert_eq!(key.open(&sealed, "user 2"), None);
        assert_eq!(SealKey([2; 32]).open(&sealed, "user 1"), None);
        let mut changed = sealed.into_bytes();
        changed[40] = if changed[40] == b'A' { b'B' } else { b'A' };
        assert_eq!(key.open(&String::from_utf8(changed).unwrap(), "user 1"), None);
        assert_eq!(key.open("", "user 1"), None);
    }

    #[test]
    fn the_same_text_is_sealed_differently_each_time() {
        let key = SealKey([1; 32]);
        assert_ne!(key.seal("a", "b").unwrap(), key.seal("a", "b").unwrap());
    }
}
