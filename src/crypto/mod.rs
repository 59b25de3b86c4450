//! Primitives, one per file, each tested with published vectors. None knows what it is used for, except [`keys`], which derives a
//! key for every purpose.

pub mod argon2;
mod base32;
mod bcrypt;
pub mod cbor;
pub mod constant_time;
pub mod cose;
pub mod ecdsa;
pub mod ed25519;
pub mod fingerprint;
mod firebase_scrypt;
pub mod jwt;
pub mod keyed_hash;
pub mod keys;
mod p256;
pub mod password_hash;
pub mod random;
mod scrypt;
pub mod seal;
pub mod sha1;
pub mod sha256;
pub mod token_cache;
pub mod totp;
