//! Reads and checks the responses of authenticators: the encodings by `crypto`, the rules by `domain::webauthn`, the signature by
//! [`Signatures`].
//!
//! The statement of an attestation is ignored, because we ask for none (WebAuthn Level 3, section 5.4.7): it would say which model
//! the authenticator is, and we accept all.

use base64ct::{Base64UrlUnpadded, Encoding};
use uuid::Uuid;

use crate::{
    crypto::{cbor::Item, cose::PublicKey, ecdsa, ed25519, sha256},
    domain::webauthn::{self, AuthenticatorData, Ceremony, Refusal},
    error::Error,
    ports::{Algorithm, Signatures},
};

/// What a response must be for.
pub struct Expected<'a> {
    /// The challenge, in base64url.
    pub challenge: &'a str,
    /// The domain that passkeys belong to.
    pub rp_id: &'a str,
    /// Whether a page of this origin can use passkeys here.
    pub is_own_origin: &'a dyn Fn(&str) -> bool,
}

/// A new passkey.
#[derive(Debug)]
pub struct NewPasskey {
    /// The id of the passkey, in base64url.
    pub credential_id: String,
    /// The public key.
    pub public_key: PublicKey,
    /// The signature counter.
    pub sign_count: u32,
    /// Whether the passkey can be synced to other devices.
    pub is_backup_eligible: bool,
    /// Whether the passkey is synced to other devices.
    pub is_synced: bool,
    /// The model of the authenticator, a UUID. All zeros if the authenticator does not say.
    pub aaguid: String,
}

/// The use of a passkey. Its signature has not been verified.
#[derive(Debug)]
pub struct Assertion {
    /// What the passkey has signed.
    pub message: Vec<u8>,
    /// The signature counter.
    pub sign_count: u32,
    /// Whether the passkey can be synced to other devices. It must not have changed since the registration.
    pub is_backup_eligible: bool,
    /// Whether the passkey is synced to other devices.
    pub is_synced: bool,
}

/// Returns the passkey that a response registers (WebAuthn Level 3, section 7.1).
///
/// # Errors
/// The first check that fails.
pub fn registration(
    expected: &Expected<'_>,
    client_data: &[u8],
    attestation_object: &[u8],
) -> Result<NewPasskey, Refusal> {
    webauthn::check_client_data(client_data, Ceremony::Registration, expected.challenge, expected.is_own_origin)?;
    let attestation = Item::only(attestation_object).ok_or(Refusal::AuthenticatorData)?;
    let (Some(Item::Text(_)), Some(_), Some(Item::Bytes(data))) =
        (attestation.member("fmt"), attestation.member("attStmt"), attestation.member("authData"))
    else {
        return Err(Refusal::AuthenticatorData);
    };
    let data = AuthenticatorData::read(data)?;
    data.check(Ceremony::Registration, &sha256::hash(expected.rp_id.as_bytes()))?;
    let credential = data.credential.as_ref().ok_or(Refusal::AuthenticatorData)?;
    let (key, extensions) = Item::first(data.rest).ok_or(Refusal::AuthenticatorData)?;
    check_extensions(&data, extensions)?;
    Ok(NewPasskey {
        credential_id: Base64UrlUnpadded::encode_string(credential.id),
        public_key: PublicKey::from_cose(&key).ok_or(Refusal::PublicKey)?,
        sign_count: data.sign_count,
        is_backup_eligible: data.is_backup_eligible(),
        is_synced: data.is_backed_up(),
        aaguid: Uuid::from_bytes(*credential.aaguid).to_string(),
    })
}

/// Returns the use of a passkey (WebAuthn Level 3, section 7.2), without a check of who owns it, of the signature and of the counter.
///
/// # Errors
/// The first check that fails.
pub fn assertion(expected: &Expected<'_>, client_data: &[u8], authenticator_data: &[u8]) -> Result<Assertion, Refusal> {
    webauthn::check_client_data(client_data, Ceremony::Authentication, expected.challenge, expected.is_own_origin)?;
    let data = AuthenticatorData::read(authenticator_data)?;
    data.check(Ceremony::Authentication, &sha256::hash(expected.rp_id.as_bytes()))?;
    check_extensions(&data, data.rest)?;
    Ok(Assertion {
        message: [authenticator_data, &sha256::hash(client_data)].concat(),
        sign_count: data.sign_count,
        is_backup_eligible: data.is_backup_eligible(),
        is_synced: data.is_backed_up(),
    })
}

/// Returns whether `signature` is that of `message` by this key.
///
/// # Errors
/// 503 if the runtime cannot verify signatures.
pub async fn is_signed(
    signatures: &dyn Signatures,
    key: &PublicKey,
    message: &[u8],
    signature: &[u8],
) -> Result<bool, Error> {
    Ok(match key {
        PublicKey::Es256(point) => match ecdsa::raw_from_der(signature) {
            Some(raw) => signatures.verify(Algorithm::Es256, point, message, &raw).await?,
            None => false,
        },
        PublicKey::EdDsa(point) => ed25519::verify(point, message, signature),
        PublicKey::Rs256(modulus) => signatures.verify(Algorithm::Rs256, modulus, message, signature).await?,
    })
}

/// The results of extensions are one map, or nothing. We ask for no extension, so nothing in them counts.
fn check_extensions(data: &AuthenticatorData<'_>, extensions: &[u8]) -> Result<(), Refusal> {
    let is_good = match Item::only(extensions) {
        Some(Item::Map(_)) => data.has_extensions(),
        _ => extensions.is_empty() && !data.has_extensions(),
    };
    if is_good { Ok(()) } else { Err(Refusal::AuthenticatorData) }
}
