//! Public keys in COSE (RFC 9052, section 7; RFC 9053) as WebAuthn uses them: ES256, EdDSA with Ed25519, and RS256 (RFC 8812).
//!
//! A key is kept as its point or modulus, which is also what WebCrypto and ed25519-dalek take. Whether a point is on its curve is
//! found out when a signature is verified.

use base64ct::{Base64UrlUnpadded, Encoding};

use super::cbor::Item;

/// The public exponent of every RSA key: F4, in COSE. Authenticators generate no other.
const RSA_EXPONENT: [u8; 3] = [1, 0, 1];
/// The length of an RSA modulus in bytes: 2048 to 4096 bits.
const RSA_LENGTHS: std::ops::RangeInclusive<usize> = 256..=512;

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKey {
    /// ECDSA on P-256 with SHA-256: the uncompressed point (SEC 1, section 2.3.3).
    Es256([u8; 65]),
    /// Ed25519 (RFC 8032): the encoded point.
    EdDsa([u8; 32]),
    /// RSASSA-PKCS1-v1_5 with SHA-256: the modulus. The exponent is 65537.
    Rs256(Vec<u8>),
}

/// The COSE algorithms, best first.
pub const ALGORITHMS: [i64; 3] = [EDDSA, ES256, RS256];

const EDDSA: i64 = -8;
const ES256: i64 = -7;
const RS256: i64 = -257;

impl PublicKey {
    /// Reads a COSE key. Returns `None` for other algorithms, curves and lengths, and for keys with a member that is missing or has
    /// the wrong type.
    pub fn from_cose(key: &Item<'_>) -> Option<PublicKey> {
        // RFC 9053, section 7; RFC 8230, section 4.
        let (kind, algorithm, bytes) = (key.at(1)?, key.at(3)?, |label: i64| key.at(label).and_then(Item::bytes));
        match (kind, algorithm) {
            (Item::Integer(2), Item::Integer(ES256)) if key.at(-1) == Some(&Item::Integer(1)) => {
                let (x, y): (&[u8; 32], &[u8; 32]) = (bytes(-2)?.try_into().ok()?, bytes(-3)?.try_into().ok()?);
                [&[4], x.as_slice(), y].concat().try_into().ok().map(PublicKey::Es256)
            }
            (Item::Integer(1), Item::Integer(EDDSA)) if key.at(-1) == Some(&Item::Integer(6)) => {
                bytes(-2)?.try_into().ok().map(PublicKey::EdDsa)
            }
            (Item::Integer(3), Item::Integer(RS256)) if bytes(-2)? == RSA_EXPONENT => {
                PublicKey::restore(RS256, bytes(-1)?)
            }
            _ => None,
        }
    }

    /// Returns the key of a COSE algorithm from its point or modulus.
    fn restore(algorithm: i64, bytes: &[u8]) -> Option<PublicKey> {
        match algorithm {
            ES256 => bytes.try_into().ok().filter(|point: &[u8; 65]| point.first() == Some(&4)).map(PublicKey::Es256),
            EDDSA => bytes.try_into().ok().map(PublicKey::EdDsa),
            // The highest bit is set, so the length is that of the key.
            RS256 if RSA_LENGTHS.contains(&bytes.len()) && bytes.first().is_some_and(|first| *first != 0) => {
                Some(PublicKey::Rs256(bytes.to_vec()))
            }
            _ => None,
        }
    }

    /// Returns a key from its parts in the database.
    pub fn from_stored(algorithm: i64, key: &str) -> Option<PublicKey> {
        PublicKey::restore(algorithm, &Base64UrlUnpadded::decode_vec(key).ok()?)
    }

    /// Returns the COSE algorithm.
    pub fn algorithm(&self) -> i64 {
        match self {
            PublicKey::Es256(_) => ES256,
            PublicKey::EdDsa(_) => EDDSA,
            PublicKey::Rs256(_) => RS256,
        }
    }

    /// Returns the point or modulus in base64url.
    pub fn to_stored(&self) -> String {
        Base64UrlUnpadded::encode_string(match self {
            PublicKey::Es256(point) => point,
            PublicKey::EdDsa(point) => point,
            PublicKey::Rs256(modulus) => modulus,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: Vec<(i64, Item<'_>)>) -> Item<'_> {
        Item::Map(entries.into_iter().map(|(label, value)| (Item::Integer(label), value)).collect())
    }

    fn es256(x: &[u8]) -> Vec<(i64, Item<'_>)> {
        vec![
            (1, Item::Integer(2)),
            (3, Item::Integer(-7)),
            (-1, Item::Integer(1)),
            (-2, Item::Bytes(x)),
            (-3, Item::Bytes(&[2; 32])),
        ]
    }

    fn ed25519() -> Vec<(i64, Item<'static>)> {
        vec![(1, Item::Integer(1)), (3, Item::Integer(-8)), (-1, Item::Integer(6)), (-2, Item::Bytes(&[3; 32]))]
    }

    fn rs256(modulus: &[u8]) -> Vec<(i64, Item<'_>)> {
        vec![
            (1, Item::Integer(3)),
            (3, Item::Integer(-257)),
            (-1, Item::Bytes(modulus)),
            (-2, Item::Bytes(&RSA_EXPONENT)),
        ]
    }

    #[test]
    fn a_key_is_kept_as_its_point_or_modulus() {
        let point: [u8; 65] = [&[4], [1; 32].as_slice(), &[2; 32]].concat().try_into().unwrap();
        for (cose, key) in [
            (es256(&[1; 32]), PublicKey::Es256(point)),
            (ed25519(), PublicKey::EdDsa([3; 32])),
            (rs256(&[0xff; 256]), PublicKey::Rs256(vec![0xff; 256])),
            (rs256(&[1; 512]), PublicKey::Rs256(vec![1; 512])),
        ] {
            assert_eq!(PublicKey::from_cose(&map(cose)).as_ref(), Some(&key));
            assert!(ALGORITHMS.contains(&key.algorithm()));
            assert_eq!(PublicKey::from_stored(key.algorithm(), &key.to_stored()), Some(key));
        }
    }

    #[test]
    fn other_keys_are_rejected() {
        let changed = |mut key: Vec<(i64, Item<'static>)>, label: i64, value: Item<'static>| {
            key.iter_mut().find(|(known, _)| *known == label).unwrap().1 = value;
            map(key)
        };
        let es256 = || es256(&[1; 32]);
        let rs256 = || rs256(&[0xff; 256]);
        for key in [
            // Another type, algorithm or curve.
            changed(es256(), 1, Item::Integer(1)),
            changed(es256(), 3, Item::Integer(-35)),
            changed(es256(), 3, Item::Integer(-8)),
            changed(es256(), -1, Item::Integer(2)),
            changed(ed25519(), 1, Item::Integer(2)),
            changed(ed25519(), -1, Item::Integer(7)),
            changed(rs256(), 3, Item::Integer(-37)),
            changed(rs256(), 3, Item::Integer(-65_535)),
            // Another length, or a compressed point.
            changed(es256(), -2, Item::Bytes(&[1; 31])),
            changed(es256(), -3, Item::Bytes(&[1; 33])),
            changed(es256(), -3, Item::Simple(21)),
            changed(ed25519(), -2, Item::Bytes(&[1; 57])),
            changed(rs256(), -1, Item::Bytes(&[0xff; 255])),
            changed(rs256(), -1, Item::Bytes(&[0xff; 513])),
            changed(rs256(), -1, Item::Bytes(&[0; 256])),
            // Another exponent.
            changed(rs256(), -2, Item::Bytes(&[3])),
            changed(rs256(), -2, Item::Bytes(&[0, 1, 0, 1])),
            // No map.
            Item::Array(vec![]),
        ] {
            assert_eq!(PublicKey::from_cose(&key), None, "{key:?}");
        }
        for key in [es256(), ed25519(), rs256()] {
            for missing in 0..key.len() {
                let mut key = key.clone();
                key.remove(missing);
                assert_eq!(PublicKey::from_cose(&map(key)), None, "{missing}");
            }
        }
        for (algorithm, key) in [(ES256, "BA"), (EDDSA, "!"), (-6, ""), (RS256, "AQ")] {
            assert_eq!(PublicKey::from_stored(algorithm, key), None);
        }
    }
}
