//! All keys, derived from one secret by HKDF-SHA-256 (RFC 5869) with their purpose as `info`. Keys of different purposes are
//! independent, so a token of one kind does not work as another.

use std::cell::OnceCell;

use base64ct::{Base64UrlUnpadded, Encoding};
use hkdf::Hkdf;
use sha2::Sha256;

use super::{jwt::JwtKeys, keyed_hash::HashKey, p256, seal::SealKey};

/// The keys of this deployment.
pub struct Keys {
    /// Signs session tokens, unless they are signed with ES256. Its public half is at `/api/auth/jwks`.
    pub session: JwtKeys,
    /// Sign session tokens with ES256: the current key, and the previous one if it is still accepted. Their public halves are at
    /// `/api/auth/jwks`.
    pub session_es256: [Option<Es256Key>; 2],
    /// Signs tokens of sessions that can do little until their user has changed the default password or set up a second factor. It
    /// is not published, so that no other service accepts such a token.
    pub restricted: JwtKeys,
    /// Signs password reset tokens that are JWTs.
    pub password_reset: JwtKeys,
    /// Check and hash opaque password reset tokens: the current key, and the previous one if it is still accepted.
    pub password_reset_opaque: Vec<HashKey>,
    /// Hashes the keys of throttles, so that the database contains neither emails nor addresses.
    pub throttle: HashKey,
    /// Hashes the addresses in the audit log.
    pub event: HashKey,
    /// Hash the devices of users: the current key, and the previous one if it is still accepted.
    pub device: Vec<HashKey>,
    /// Look up and encrypt user tokens: the current keys, and the previous ones if they are still accepted.
    pub user_token: Vec<UserTokenKeys>,
    /// Hashes the keys of records in KV, and one-time passwords.
    pub one_time_password: HashKey,
    /// Hashes the idempotency keys of mails.
    pub idempotency: HashKey,
    /// Encrypt queued mails: the current key, and the previous one if it is still accepted.
    pub mail: Vec<SealKey>,
    /// Encrypts one-time tokens. They live for minutes, so those of the previous secret are not accepted: with a leaked one, an attacker
    /// could make the token of a first step.
    pub one_time: SealKey,
    /// Encrypt the secrets of authenticator apps and recovery codes: the current key, and the previous one if it is still accepted.
    pub second_factor: Vec<SecondFactorKey>,
}

/// A private key for ES256. `access::session_signature` uses it, with WebCrypto.
pub struct Es256Key {
    /// Identifies the key. Not its thumbprint (RFC 7638), because the public key is unknown until WebCrypto has derived it.
    pub id: String,
    /// The private key in PKCS #8, in DER.
    pub pkcs8: Vec<u8>,
    /// The public key, as soon as it is known: the uncompressed point.
    pub point: OnceCell<[u8; 65]>,
}

/// The two keys of user tokens from the same secret.
pub struct UserTokenKeys {
    /// Identifies the secret that they are derived from.
    pub id: String,
    /// Hashes a token for the lookup.
    pub lookup: HashKey,
    /// Encrypts the token, because its owner can see it again.
    pub seal: SealKey,
}

/// The key of second factors from one secret.
pub struct SecondFactorKey {
    /// Identifies the secret that it is derived from.
    pub id: String,
    /// Encrypts what a user and the service share.
    pub seal: SealKey,
}

impl Keys {
    /// Derives all keys. One-time passwords and throttles do not survive a rotation, and an address has another hash in the audit
    /// log afterwards.
    pub fn derive(current: &str, previous: Option<&str>) -> Keys {
        let secrets = || std::iter::once(current).chain(previous);
        Keys {
            session: jwt_keys(current, previous, "session token"),
            session_es256: [Some(current), previous].map(|secret| secret.map(es256_key)),
            restricted: jwt_keys(current, previous, "password change token"),
            password_reset: jwt_keys(current, previous, "password reset token"),
            password_reset_opaque: secrets()
                .map(|secret| HashKey(derive(secret, "opaque password reset token")))
                .collect(),
            throttle: HashKey(derive(current, "throttle")),
            event: HashKey(derive(current, "event")),
            device: secrets().map(|secret| HashKey(derive(secret, "device"))).collect(),
            user_token: secrets()
                .map(|secret| UserTokenKeys {
                    id: key_id(secret, "user token key id"),
                    lookup: HashKey(derive(secret, "user token lookup")),
                    seal: SealKey(derive(secret, "user token seal")),
                })
                .collect(),
            mail: secrets().map(|secret| SealKey(derive(secret, "mail"))).collect(),
            one_time: SealKey(derive(current, "one-time token")),
            second_factor: secrets()
                .map(|secret| SecondFactorKey {
                    id: key_id(secret, "second factor key id"),
                    seal: SealKey(derive(secret, "second factor seal")),
                })
                .collect(),
            idempotency: HashKey(derive(current, "mail idempotency key")),
            one_time_password: HashKey(derive(current, "one-time password")),
        }
    }
}

fn jwt_keys(current: &str, previous: Option<&str>, purpose: &str) -> JwtKeys {
    JwtKeys::new(&derive(current, purpose), previous.map(|secret| derive(secret, purpose)).as_ref())
}

fn es256_key(secret: &str) -> Es256Key {
    Es256Key {
        id: Base64UrlUnpadded::encode_string(&derive::<32>(secret, "session token ES256 key id")),
        pkcs8: p256::private_key(|counter| derive(secret, &format!("session token ES256 {counter}"))),
        point: OnceCell::new(),
    }
}

fn key_id(secret: &str, purpose: &str) -> String {
    Base64UrlUnpadded::encode_string(&derive::<6>(secret, purpose))
}

fn derive<const N: usize>(secret: &str, purpose: &str) -> [u8; N] {
    let mut key = [0; N];
    let info = [b"postern/1/", purpose.as_bytes()];
    // The only error is a key longer than 8160 bytes.
    let expanded = Hkdf::<Sha256>::new(None, secret.as_bytes()).expand_multi_info(&info, &mut key);
    debug_assert!(expanded.is_ok());
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5869, test case 3: no salt, no info.
    #[test]
    fn the_derivation_is_hkdf_sha_256() {
        let mut output = [0; 42];
        Hkdf::<Sha256>::new(None, &[0x0b; 22]).expand(&[], &mut output).unwrap();
        let hex: String = output.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
    }

    #[test]
    fn each_purpose_and_each_secret_has_a_key_of_its_own() {
        let keys: [[u8; 32]; 3] = [derive("a", "x"), derive("a", "y"), derive("b", "x")];
        assert!(keys[0] != keys[1] && keys[0] != keys[2] && keys.iter().all(|key| *key != [0; 32]));
    }
}
