//! bcrypt, in the format of crypt(3): `$2a$`, `$2b$` and `$2y$`. Verifies imported hashes.
//!
//! It only uses the first 72 bytes of a password. The hash that replaces it at the login covers the whole password.

use crate::error::Error;

/// The maximum cost (the logarithm of the rounds) of a stored hash: about a second of CPU time.
const MAX_COST: u32 = 14;
/// The maximum cost that an import accepts: about half a second. Hashes that are already stored can cost twice that.
const MAX_COST_TO_IMPORT: u32 = 13;
/// The minimum cost of bcrypt.
const MIN_COST: u32 = 4;
/// The length of `$2b$` hashes, in characters.
const PREFIX_LENGTH: usize = 4;

/// Returns whether `stored` has this format. `$2x$` marks hashes of a flawed implementation and is not accepted.
pub(super) fn is_form_of(stored: &str) -> bool {
    ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| stored.starts_with(prefix))
}

/// Returns whether `stored` is a hash of `password`.
///
/// # Errors
/// 500 if `stored` is malformed or too expensive for an isolate.
pub(super) fn verify(password: &str, stored: &str) -> Result<bool, Error> {
    check_cost(stored)?;
    bcrypt::verify(password, stored).map_err(defect)
}

/// Checks that [`verify`] can verify a password against `stored`, by verifying one at the lowest cost.
///
/// # Errors
/// 500 if it cannot.
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
    fn malformed_and_too_expensive_hashes_are_rejected() {
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
