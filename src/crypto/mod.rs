//! Primitives, one a file, each held by published vectors. Nothing here knows what it is used for, but [`keys`],
//! which gives every purpose a key of its own.

pub mod argon2;
mod bcrypt;
pub mod fingerprint;
mod firebase_scrypt;
pub mod jwt;
pub mod keyed_hash;
pub mod keys;
pub mod password_hash;
pub mod random;
mod scrypt;
pub mod seal;
pub mod sha1;
pub mod token_cache;
