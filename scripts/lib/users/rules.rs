//! The Worker's rules for emails, names, password hashes and second factors, compiled for `npm run users` (`rules.mjs`), so that an import
//! accepts and normalizes the same values as the endpoints.

use postern::{
    crypto::{cose::PublicKey, keys::Keys, password_hash},
    domain::{
        email::{Email, LoginName},
        name::Name,
    },
    error::Error,
    language::Language,
};
use wasm_bindgen::prelude::wasm_bindgen;

/// The login name of the default account, which has no mailbox.
const DEFAULT_ACCOUNT: &str = "admin";

/// Returns an email in its stored form.
///
/// # Errors
/// A sentence that says what is wrong with the value.
#[wasm_bindgen]
pub fn read_email(text: &str) -> Result<String, String> {
    if LoginName::new(text).as_str() == DEFAULT_ACCOUNT {
        return Ok(DEFAULT_ACCOUNT.to_owned());
    }
    Email::parse(text).map(|email| email.as_str().to_owned()).map_err(|(phrase, _)| phrase.text(Language::English))
}

/// Returns the part of a stored email before the `@`.
#[wasm_bindgen]
pub fn local_part(email: &str) -> String {
    Email::from_store(email.to_owned()).local_part().to_owned()
}

/// Returns a name in its stored form.
///
/// # Errors
/// A sentence that says what is wrong with the value.
#[wasm_bindgen]
pub fn read_name(text: &str) -> Result<String, String> {
    Name::parse(text).map(|name| name.as_str().to_owned()).map_err(|(phrase, _)| phrase.text(Language::English))
}

/// Checks that a login can verify a password against `hash`.
///
/// # Errors
/// A sentence that says why it cannot be verified, without the hash.
#[wasm_bindgen]
pub fn check_hash(hash: &str) -> Result<(), String> {
    password_hash::check_stored(hash).map_err(|error| match error {
        Error::Internal(problem) => format!("cannot be verified at login ({problem})"),
        other => format!("cannot be verified at login ({other:?})"),
    })
}

/// Returns the id of the key that is derived from `AUTH_SECRET` and encrypts second factors.
#[wasm_bindgen]
pub fn second_factor_key_id(auth_secret: &str) -> Option<String> {
    Keys::derive(auth_secret, None).second_factor.into_iter().next().map(|key| key.id)
}

/// Returns whether signatures of a passkey can be verified with this key.
#[wasm_bindgen]
pub fn is_public_key(algorithm: i32, key: &str) -> bool {
    PublicKey::from_stored(algorithm.into(), key).is_some()
}

/// Returns whether a login with `password` would succeed against `hash`.
#[wasm_bindgen]
pub fn matches(password: &str, hash: &str) -> bool {
    password_hash::verify(password, hash).unwrap_or(false)
}
