//! Reads and checks the responses of authenticators: the encodings by `crypto`, the rules by `domain::webauthn`, the signature by
//! [`Signatures`].
//!
//! The statement of an attestation is ignored, because we ask for none (WebAuthn Level 3, section 5.4.7): it would say which model
//! the authenticator is, and we accept all.

use std::borrow::Cow;

use base64ct::{Base64UrlUnpadded, Encoding};
use uuid::Uuid;

use super::{
    audit,
    one_time::{self, Opened, PasskeyChallenge},
};
use crate::{
    app::App,
    crypto::{cbor::Item, cose::PublicKey, ecdsa, ed25519, random, sha256},
    domain::{
        event::Action,
        passkey::{AuthenticationResponse, MAX_USER_HANDLE_LENGTH, RegistrationResponse},
        webauthn::{self, AuthenticatorData, Ceremony, Refusal},
    },
    error::Error,
    ports::{Algorithm, Signatures},
    responses::PasskeyRequest,
    store::passkeys::{self, Found, Listed, Token, Use},
    web::Request,
};

/// A challenge to send to a browser.
pub struct Issued {
    /// The token that the browser sends back.
    pub token: String,
    /// The challenge, in base64url.
    pub challenge: String,
}

impl Issued {
    /// Returns the response that lets a browser use one of `passkeys`, or any passkey if there are none.
    pub fn request(self, app: &App, passkeys: Vec<Listed>) -> PasskeyRequest {
        PasskeyRequest::new(self.token, self.challenge, &app.settings().passkey_rp_id, passkeys)
    }
}

/// Returns a new challenge. Nothing is stored.
///
/// # Errors
/// 500 if there is no randomness.
pub fn issue(app: &App, ceremony: one_time::Ceremony) -> Result<Issued, Error> {
    let challenge = random::token()?;
    let token = one_time::seal(app, &PasskeyChallenge { challenge: challenge.clone(), ceremony })?;
    Ok(Issued { token, challenge })
}

/// A challenge that came back.
pub struct Challenge(Opened<PasskeyChallenge>);

impl Challenge {
    /// Returns what uses it up.
    pub fn token(&self) -> Token<'_> {
        Token { id: &self.0.id, expires_at: self.0.expires_at }
    }
}

/// Returns the challenge of a token that was issued for `ceremony` and has not expired. Whether it was used is asked of D1, in the batch
/// that uses it.
pub fn open(app: &App, token: &str, ceremony: &one_time::Ceremony) -> Option<Challenge> {
    let opened: Opened<PasskeyChallenge> = one_time::open(app, token)?;
    (opened.content.ceremony == *ceremony).then_some(Challenge(opened))
}

/// Returns the user handle: what an authenticator stores of a user, and returns when they sign in. It is the id, or the hash of an
/// imported id that is too long.
fn user_handle(user_id: &str) -> Cow<'_, [u8]> {
    let id = user_id.as_bytes();
    if id.len() > MAX_USER_HANDLE_LENGTH { Cow::Owned(sha256::hash(id).to_vec()) } else { Cow::Borrowed(id) }
}

/// Returns the user handle in base64url.
pub fn user_handle_text(user_id: &str) -> String {
    Base64UrlUnpadded::encode_string(&user_handle(user_id))
}

/// Reads and checks a response with `read`, as one to this challenge at this service.
fn check<T>(
    app: &App,
    request: &Request,
    challenge: &Challenge,
    read: impl FnOnce(&Expected<'_>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let settings = app.settings();
    let is_own_origin = |origin: &str| {
        let mut listed = settings.cors_origins.iter().chain(&settings.app_origins);
        settings.own_origin.is(origin, &request.origin) || listed.any(|listed| listed == origin)
    };
    read(&Expected {
        challenge: &challenge.0.content.challenge,
        rp_id: &settings.passkey_rp_id,
        is_own_origin: &is_own_origin,
    })
}

/// Returns the passkey that a response to `challenge` registers.
///
/// # Errors
/// The first check that fails.
pub fn register(
    app: &App,
    request: &Request,
    challenge: &Challenge,
    response: &RegistrationResponse,
) -> Result<NewPasskey, Refusal> {
    let read = |expected: &Expected<'_>| registration(expected, &response.client_data, &response.attestation_object);
    let new = check(app, request, challenge, read)?;
    if new.credential_id == response.credential_id { Ok(new) } else { Err(Refusal::AuthenticatorData) }
}

/// A well-formed response of a passkey to one of our challenges.
pub struct Authentication<'a> {
    /// The passkey, if it is known, with its owner.
    pub found: Option<Found>,
    /// Whether the passkey has signed, and nothing about it has changed that must not.
    pub is_right: bool,
    response: &'a AuthenticationResponse,
    assertion: Assertion,
    challenge: Challenge,
}

impl Authentication<'_> {
    /// Returns the use to store, of a passkey that is right.
    pub fn used<'a>(&'a self, user_id: &'a str) -> Use<'a> {
        let Assertion { sign_count, is_synced, .. } = self.assertion;
        let credential_id = &self.response.credential_id;
        Use { credential_id, user_id, sign_count, is_synced, token: self.challenge.token() }
    }
}

/// Checks a response to the challenge of `token`, which must have been issued for `ceremony`. Returns `None` if the token or what the
/// browser and the authenticator say is wrong. Whether the challenge was used is asked of D1, in the batch that uses it.
///
/// # Errors
/// 503.
pub async fn authenticate<'a>(
    app: &App,
    request: &Request,
    token: &str,
    ceremony: &one_time::Ceremony,
    response: &'a AuthenticationResponse,
) -> Result<Option<Authentication<'a>>, Error> {
    let Some(challenge) = open(app, token, ceremony) else { return Ok(None) };
    let read = |expected: &Expected<'_>| assertion(expected, &response.client_data, &response.authenticator_data);
    let Ok(assertion) = check(app, request, &challenge, read) else { return Ok(None) };
    let found = passkeys::find(&app.store, &response.credential_id).await?;
    let is_right = verify(app, found.as_ref(), &assertion, response).await?;
    Ok(Some(Authentication { found, is_right, response, assertion, challenge }))
}

/// Checks who owns a passkey, its signature, and what must not change (section 7.2, steps 6 and 19 to 22). An unknown passkey takes
/// as long as one that is known.
///
/// A counter that goes back leaves an event: there may be a copy of the passkey.
///
/// # Errors
/// 503 if the runtime cannot verify signatures.
async fn verify(
    app: &App,
    found: Option<&Found>,
    assertion: &Assertion,
    response: &AuthenticationResponse,
) -> Result<bool, Error> {
    let stored = found.and_then(|found| PublicKey::from_stored(found.passkey.algorithm, &found.passkey.public_key));
    let key = stored.unwrap_or(DECOY);
    let is_signed = is_signed(&*app.signatures, &key, &assertion.message, &response.signature).await?;
    let Some(Found { account, passkey }) = found else { return Ok(false) };
    let handle = response.user_handle.as_deref();
    let is_owned = handle.is_none_or(|handle| handle == &*user_handle(&account.user.id));
    if !is_signed || !is_owned || passkey.is_backup_eligible != assertion.is_backup_eligible {
        return Ok(false);
    }
    if !webauthn::counter_advances(passkey.sign_count, assertion.sign_count) {
        // An equal counter is also that of a request that was sent twice.
        if assertion.sign_count < passkey.sign_count {
            audit::later(app, audit::without_session(app, Action::PasskeyCloned, &account.user.id));
        }
        return Ok(false);
    }
    Ok(true)
}

/// A key whose signatures are checked if there is no passkey: the base point of P-256 (FIPS 186-4, appendix D.1.2.3).
const DECOY: PublicKey = PublicKey::Es256([
    0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03,
    0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe,
    0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce,
    0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
]);

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
