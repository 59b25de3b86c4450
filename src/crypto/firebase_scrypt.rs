//! Firebase's variant of scrypt (<https://github.com/firebase/scrypt>): scrypt derives a key, with which AES-256 in counter mode
//! encrypts the project's signer key. Verifies imported hashes.
//!
//! The format is that of Supabase's auth server, with padded base64: `$fbscrypt$v=1,n=<mem_cost>,r=<rounds>,p=1,ss=<salt
//! separator>,sk=<signer key>$<salt>$<hash>`.

use aes::Aes256;
use base64ct::{Base64, Encoding};
use ctr::{
    Ctr128BE,
    cipher::{KeyIvInit, StreamCipher},
};
use subtle::ConstantTimeEq;

use super::scrypt::{self, Cost};
use crate::error::Error;

const PREFIX: &str = "$fbscrypt$";
/// The length of a key and a block of AES-256, in bytes.
const KEY_LENGTH: usize = 32;
const BLOCK_LENGTH: usize = 16;

/// Returns whether `stored` has this format.
pub(super) fn is_form_of(stored: &str) -> bool {
    stored.starts_with(PREFIX)
}

/// Returns whether `stored` is a hash of `password`.
///
/// # Errors
/// 500 if `stored` is malformed or too expensive for an isolate.
pub(super) fn verify(password: &str, stored: &str) -> Result<bool, Error> {
    let Stored { cost, salt, signer_key, hash } = Stored::parse(stored).ok_or_else(defect)?;
    let key = scrypt::derive(password.as_bytes(), &salt, cost, KEY_LENGTH)?;
    let mut computed = signer_key;
    Ctr128BE::<Aes256>::new_from_slices(&key, &[0; BLOCK_LENGTH]).map_err(|_| defect())?.apply_keystream(&mut computed);
    Ok(computed.ct_eq(&hash).into())
}

/// Checks that [`verify`] can verify a password against `stored`.
///
/// # Errors
/// 500 if it cannot.
pub(super) fn check(stored: &str) -> Result<(), Error> {
    scrypt::params(Stored::parse(stored).ok_or_else(defect)?.cost).map(drop)
}

struct Stored {
    cost: Cost,
    /// The salt of the user, followed by the separator of the project.
    salt: Vec<u8>,
    signer_key: Vec<u8>,
    hash: Vec<u8>,
}

impl Stored {
    fn parse(stored: &str) -> Option<Stored> {
        let mut parts = stored.strip_prefix(PREFIX)?.split('$');
        let (parameters, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
        let parameter = |name: &str| {
            let mut values = parameters.split(',').filter_map(|parameter| parameter.split_once('='));
            values.find(|(found, _)| *found == name).map(|(_, value)| value)
        };
        let decode = |text: &str| Base64::decode_vec(text).ok();
        if parts.next().is_some() || parameter("v")? != "1" {
            return None;
        }
        let stored = Stored {
            cost: Cost {
                log_n: parameter("n")?.parse().ok()?,
                block_size: parameter("r")?.parse().ok()?,
                parallelization: parameter("p")?.parse().ok()?,
            },
            salt: [decode(salt)?, decode(parameter("ss")?)?].concat(),
            signer_key: decode(parameter("sk")?)?,
            hash: decode(hash)?,
        };
        // With an empty key every password would be right.
        (!stored.signer_key.is_empty()).then_some(stored)
    }
}

fn defect() -> Error {
    Error::Internal("a stored hash of Firebase is malformed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNER_KEY: &str = "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==";

    fn string(cost: &str, salt: &str, hash: &str) -> String {
        format!("$fbscrypt$v=1,{cost},p=1,ss=Bw==,sk={SIGNER_KEY}${salt}${hash}")
    }

    #[test]
    fn hashes_of_firebase_verify() {
        for (password, salt, hash) in [
            // The example in the README of firebase/scrypt.
            (
                "user1password",
                "42xEC+ixf3L2lw==",
                "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==",
            ),
            // firebase-scrypt 2.2.0 (npm).
            (
                "correct horse battery",
                "c2FsdGVkIQ==",
                "f2W9nITy467b/wWspQgVy2AwpyXi6mhKtn4eD7VZllTLdTIsSqB2KWG3dghZsE7MmqVASdA8elGk6P+a5lK3bw==",
            ),
        ] {
            let stored = string("n=14,r=8", salt, hash);
            assert!(is_form_of(&stored) && verify(password, &stored).unwrap(), "{stored}");
            assert!(!verify(&format!("{password} "), &stored).unwrap(), "{stored}");
        }
    }

    #[test]
    fn malformed_and_too_expensive_hashes_are_rejected() {
        let hash = "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==";
        for stored in [
            string("n=18,r=8", "42xEC+ixf3L2lw==", hash),
            string("n=14", "42xEC+ixf3L2lw==", hash),
            string("n=14,r=8", "42xEC_ixf3L2lw==", hash),
            string("n=14,r=8", "42xEC+ixf3L2lw==", "*"),
            string("n=14,r=8", "42xEC+ixf3L2lw==", &format!("{hash}$")),
            string("n=14,r=8", "42xEC+ixf3L2lw==", hash).replace("v=1", "v=2"),
            string("n=14,r=8", "42xEC+ixf3L2lw==", "").replace(SIGNER_KEY, ""),
        ] {
            assert!(verify("user1password", &stored).is_err(), "{stored}");
        }
    }
}
