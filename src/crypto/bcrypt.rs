//! bcrypt, in the strings of crypt(3): `$2a$`, `$2b$` and `$2y$`. For verifying what others have made.
//!
//! It reads no more than the first 72 bytes of a password. Whoever logs in with a longer one has it hashed whole by the
//! hash that takes this one's place.

use crate::error::Error;

/// The highest cost (the logarithm of the rounds) that a stored hash may ask for: about a second of CPU.
const MAX_COST: u32 = 14;
/// The highest cost that an import accepts: about half a second. What is stored already may cost twice that.
const MAX_COST_TO_IMPORT: u32 = 13;
/// The lowest cost that bcrypt knows.
const MIN_COST: u32 = 4;
/// Characters of `$2b$`.
const PREFIX_LENGTH: usize = 4;

/// Whether `stored` has the form of such a string. `$2x$` marks hashes of an implementation with a flaw, and is none.
pub(super) fn is_form_of(stored: &str) -> bool {
    ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| stored.starts_with(prefix))
}

/// Whether `stored` is a hash of `password`.
///
/// # Errors
/// 500 when `stored` is malformed, or costs more than an isolate can give.
pub(super) fn verify(password: &str, stored: &str) -> Result<bool, Error> {
    check_cost(stored)?;
    bcrypt::verify(password, stored).map_err(defect)
}

/// Checks that [`verify`] can verify a password against `stored`, by verifying one at the lowest cost.
///
/// # Errors
/// 500 when it cannot.
pub(super) fn check(stored: &str) -> Result<(), Error> {
    if check_cost(stored)? > MAX_COST_TO_IMPORT {
        return Err(Error::Internal(format!("a bcrypt hash costs more than {MAX_COST_TO_IMPORT}")));
    }
    let (prefix, rest) = stored.split_at_checked(PREFIX_LENGTH).unwrap_or_default();
    let salt_and_hash = rest.trim_start_matches(|character: char| character != '$');
    bcrypt::verify("", &format!("{prefix}04{salt_and_hash}")).map(drop).map_err(defect)
}

fn check_cost(stored: &str) -> Result<u32, Error> {
    let parts: bcrypt::HashParts = stored.parse().map_err(defect)?;
    if !(MIN_COST..=MAX_COST).contains(&parts.get_cost()) {
        return Err(Error::Internal(
            "a stored bcrypt hash costs more than an isolate can give, or less than bcrypt permits".to_owned(),
        ));
    }
    Ok(parts.get_cost())
}

fn defect(error: bcrypt::BcryptError) -> Error {
    Error::Internal(format!("a bcrypt hash: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_of_other_implementations_verify() {
        for (password, stored) in [
            // crypt_blowfish by Openwall, wrapper.c.
            ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
            ("U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
            (
                "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored",
                "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui",
            ),
            // bcrypt 4.3.0 (Python).
            ("", "$2b$04$SO6x4rZ/SJaM45Thj/KQ9OLmpMwU4SqwQ6VNmxI436mE/cXuPfo9i"),
            ("correct horse battery", "$2b$10$WS4YZ7Sa52htaqSztA8rSebZoIzt0AnpQbY27JqwS4B6//BZzHUN."),
            // passlib 1.7.4 (Python).
            (
                "pässwörd 🔑 with every kind of character",
                "$2y$10$0yAd9nhiFEgnzQVu8eu3suH/BQZsZT0Vfi0pvHaLLe8N7YUNqB6MW",
            ),
        ] {
            assert!(is_form_of(stored) && verify(password, stored).unwrap(), "{stored}");
            assert!(!verify(&format!("x{password}"), stored).unwrap(), "{stored}");
        }
    }

    #[test]
    fn what_is_malformed_or_too_dear_is_refused() {
        for stored in [
            "$2b$15$8gsjvHphGtOyC2T2adtlq.pPIMs2lZsvJTjIOTYByq9Rps.ONTgJK",
            "$2b$10$WS4YZ7Sa52htaqSztA8rSebZoIzt0AnpQbY27JqwS4B6//BZzHUN",
            "$2b$1x$WS4YZ7Sa52htaqSztA8rSebZoIzt0AnpQbY27JqwS4B6//BZzHUN.",
            "$2b$",
        ] {
            assert!(verify("password", stored).is_err(), "{stored}");
        }
        assert!(!is_form_of("$2x$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e"));
    }
}
