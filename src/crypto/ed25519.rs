//! Signatures with Ed25519 (RFC 8032) by keys of others.

use ed25519_dalek::{Signature, VerifyingKey};

/// Returns whether `signature` is that of `message` by this key. Rejects keys and points of small order, with which a signature can
/// be valid for many messages. The Ed25519 of WebCrypto accepts them.
pub fn verify(key: &[u8; 32], message: &[u8], signature: &[u8]) -> bool {
    let (Ok(key), Ok(signature)) = (VerifyingKey::from_bytes(key), Signature::from_slice(signature)) else {
        return false;
    };
    key.verify_strict(message, &signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes hexadecimal digits.
    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn signatures_are_judged_as_project_wycheproof_does() {
        let vectors = include_str!("../../tests/vectors/wycheproof_ed25519.tsv");
        let mut judged = (0, 0);
        for line in vectors.lines().filter(|line| !line.starts_with('#')) {
            let columns: Vec<&str> = line.split('\t').collect();
            let is_valid = verify(&bytes(columns[2]).try_into().unwrap(), &bytes(columns[3]), &bytes(columns[4]));
            assert_eq!(is_valid, columns[1] == "valid", "{line}");
            if is_valid {
                judged.0 += 1;
            } else {
                judged.1 += 1;
            }
        }
        assert_eq!(judged, (88, 63));
    }

    #[test]
    fn a_key_of_small_order_signs_nothing() {
        // The neutral element. With R = [S]B for S = 0, the equation holds for every message.
        let neutral: [u8; 32] = std::array::from_fn(|at| u8::from(at == 0));
        let signature = [neutral, [0; 32]].concat();
        assert!(!verify(&neutral, b"any message", &signature));
    }
}
