//! What a passkey's authenticator and the browser say (Web Authentication Level 3), without their signature and encodings, which
//! `crypto/` reads.

use serde::Deserialize;

/// The maximum length of a credential id, in bytes (section 7.1, step 25).
pub const MAX_CREDENTIAL_ID_LENGTH: usize = 1023;

/// Why a response of an authenticator is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The client data is not JSON of the expected shape.
    ClientData,
    /// The response belongs to the other ceremony.
    Ceremony,
    /// The response is to another challenge.
    Challenge,
    /// The page has another origin.
    Origin,
    /// The page is inside a page of another origin.
    CrossOrigin,
    /// The authenticator data or the attestation object is malformed.
    AuthenticatorData,
    /// The passkey belongs to another RP ID.
    RelyingParty,
    /// The user did not touch the authenticator.
    UserNotPresent,
    /// The authenticator did not verify the user by PIN or biometrics.
    UserNotVerified,
    /// The flags about backups contradict each other or the registration.
    Backup,
    /// The public key has an algorithm that we do not accept, or is malformed.
    PublicKey,
    /// The signature is not by the passkey.
    Signature,
}

/// What a response is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ceremony {
    /// A passkey is created.
    Registration,
    /// A passkey is used.
    Authentication,
}

impl Ceremony {
    fn name(self) -> &'static str {
        match self {
            Ceremony::Registration => "webauthn.create",
            Ceremony::Authentication => "webauthn.get",
        }
    }
}

/// The client data (section 5.8.1). More members may come. A member that is there twice is an error.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
    cross_origin: Option<bool>,
    top_origin: Option<String>,
}

/// Checks the client data (section 7.1, steps 6 to 12; section 7.2, steps 8 to 14). `challenge` is in base64url. We are never in a
/// frame of another origin.
///
/// # Errors
/// The first check that fails.
pub fn check_client_data(
    json: &[u8],
    ceremony: Ceremony,
    challenge: &str,
    is_own_origin: impl FnOnce(&str) -> bool,
) -> Result<(), Refusal> {
    let data: ClientData = serde_json::from_slice(json).map_err(|_| Refusal::ClientData)?;
    if data.r#type != ceremony.name() {
        return Err(Refusal::Ceremony);
    }
    if data.challenge != challenge {
        return Err(Refusal::Challenge);
    }
    if !is_own_origin(&data.origin) {
        return Err(Refusal::Origin);
    }
    if data.cross_origin == Some(true) || data.top_origin.is_some() {
        return Err(Refusal::CrossOrigin);
    }
    Ok(())
}

/// The authenticator data (section 6.1).
#[derive(Debug, PartialEq, Eq)]
pub struct AuthenticatorData<'a> {
    /// The SHA-256 of the RP ID.
    rp_id_hash: &'a [u8; 32],
    flags: u8,
    /// The signature counter.
    pub sign_count: u32,
    /// The new passkey, if this is a registration.
    pub credential: Option<Credential<'a>>,
    /// What follows in CBOR: the public key of the new passkey, and the results of extensions.
    pub rest: &'a [u8],
}

/// A new passkey (section 6.5.1), without its public key.
#[derive(Debug, PartialEq, Eq)]
pub struct Credential<'a> {
    /// The model of the authenticator.
    pub aaguid: &'a [u8; 16],
    /// The id of the passkey.
    pub id: &'a [u8],
}

const USER_PRESENT: u8 = 1 << 0;
const USER_VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const HAS_CREDENTIAL: u8 = 1 << 6;
const HAS_EXTENSIONS: u8 = 1 << 7;

impl<'a> AuthenticatorData<'a> {
    /// Reads authenticator data.
    ///
    /// # Errors
    /// [`Refusal::AuthenticatorData`].
    pub fn read(bytes: &'a [u8]) -> Result<AuthenticatorData<'a>, Refusal> {
        Self::read_parts(bytes).ok_or(Refusal::AuthenticatorData)
    }

    fn read_parts(bytes: &'a [u8]) -> Option<AuthenticatorData<'a>> {
        let (rp_id_hash, bytes) = bytes.split_first_chunk()?;
        let (flags, bytes) = bytes.split_first()?;
        let (sign_count, mut rest) = bytes.split_first_chunk()?;
        let mut credential = None;
        if flags & HAS_CREDENTIAL != 0 {
            let (aaguid, bytes) = rest.split_first_chunk()?;
            let (length, bytes) = bytes.split_first_chunk()?;
            let (id, bytes) = bytes.split_at_checked(u16::from_be_bytes(*length).into())?;
            if id.is_empty() || id.len() > MAX_CREDENTIAL_ID_LENGTH {
                return None;
            }
            credential = Some(Credential { aaguid, id });
            rest = bytes;
        }
        let sign_count = u32::from_be_bytes(*sign_count);
        Some(AuthenticatorData { rp_id_hash, flags: *flags, sign_count, credential, rest })
    }

    /// Checks everything but the signature, the public key and the extensions (section 7.1, steps 14 to 18; section 7.2, steps 15
    /// to 18).
    ///
    /// # Errors
    /// The first check that fails.
    pub fn check(&self, ceremony: Ceremony, rp_id_hash: &[u8; 32]) -> Result<(), Refusal> {
        if self.credential.is_some() != (ceremony == Ceremony::Registration) {
            return Err(Refusal::AuthenticatorData);
        }
        if self.rp_id_hash != rp_id_hash {
            return Err(Refusal::RelyingParty);
        }
        if !self.has(USER_PRESENT) {
            return Err(Refusal::UserNotPresent);
        }
        if !self.has(USER_VERIFIED) {
            return Err(Refusal::UserNotVerified);
        }
        if self.is_backed_up() && !self.is_backup_eligible() {
            return Err(Refusal::Backup);
        }
        Ok(())
    }

    /// Returns whether the passkey can be synced to other devices.
    pub fn is_backup_eligible(&self) -> bool {
        self.has(BACKUP_ELIGIBLE)
    }

    /// Returns whether the passkey is synced to other devices.
    pub fn is_backed_up(&self) -> bool {
        self.has(BACKED_UP)
    }

    /// Returns whether the results of extensions follow.
    pub fn has_extensions(&self) -> bool {
        self.has(HAS_EXTENSIONS)
    }

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// Returns whether a signature counter shows that the passkey was not cloned (section 6.1.1; section 7.2, step 22). `stored` is that
/// of the last use. Authenticators that do not count send 0.
pub fn counter_advances(stored: u32, received: u32) -> bool {
    received > stored || (received == 0 && stored == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: [u8; 32] = [7; 32];
    const GOOD: u8 = USER_PRESENT | USER_VERIFIED;

    fn check(json: &str) -> Result<(), Refusal> {
        check_client_data(json.as_bytes(), Ceremony::Authentication, "Y2hhbGxlbmdl", |origin| {
            origin == "https://example.com"
        })
    }

    #[test]
    fn client_data_names_the_ceremony_the_challenge_and_our_origin() {
        let good = r#"{"type":"webauthn.get","challenge":"Y2hhbGxlbmdl","origin":"https://example.com"}"#;
        assert_eq!(check(good), Ok(()));
        for more in [r#","crossOrigin":false"#, r#","crossOrigin":null"#, r#","other":{"type":"webauthn.create"}"#] {
            assert_eq!(check(&good.replace('}', &format!("{more}}}")).replace("}}}", "}}")), Ok(()), "{more}");
        }
        for (from, to, refusal) in [
            ("webauthn.get", "webauthn.create", Refusal::Ceremony),
            ("webauthn.get", "payment.get", Refusal::Ceremony),
            ("webauthn.get", "WebAuthn.get", Refusal::Ceremony),
            ("Y2hhbGxlbmdl", "Y2hhbGxlbmdm", Refusal::Challenge),
            ("Y2hhbGxlbmdl", "Y2hhbGxlbmdl=", Refusal::Challenge),
            ("Y2hhbGxlbmdl", "", Refusal::Challenge),
            ("https://example.com", "https://example.com.evil.example", Refusal::Origin),
            ("https://example.com", "http://example.com", Refusal::Origin),
            ("https://example.com", "", Refusal::Origin),
            ("}", r#","crossOrigin":true}"#, Refusal::CrossOrigin),
            ("}", r#","topOrigin":"https://example.com"}"#, Refusal::CrossOrigin),
            ("}", r#","crossOrigin":false,"topOrigin":""}"#, Refusal::CrossOrigin),
            ("}", r#","crossOrigin":"false"}"#, Refusal::ClientData),
            ("}", r#","origin":"https://example.com"}"#, Refusal::ClientData),
            ("}", r#","crossOrigin":false,"crossOrigin":false}"#, Refusal::ClientData),
            ("}", "}}", Refusal::ClientData),
            ("}", "", Refusal::ClientData),
            (r#""type":"webauthn.get","#, "", Refusal::ClientData),
            (r#","origin":"https://example.com""#, "", Refusal::ClientData),
        ] {
            assert_eq!(check(&good.replacen(from, to, 1)), Err(refusal), "{from} -> {to}");
        }
        assert_eq!(check(&format!("\u{feff}{good}")), Err(Refusal::ClientData));
        assert_eq!(check("[]"), Err(Refusal::ClientData));
    }

    /// Authenticator data with these flags, a counter of 258, and `rest`.
    fn data(flags: u8, rest: &[u8]) -> Vec<u8> {
        [HASH.as_slice(), &[flags, 0, 0, 1, 2], rest].concat()
    }

    fn credential(length: u16) -> Vec<u8> {
        [[9; 16].as_slice(), &length.to_be_bytes(), &vec![5; length.into()]].concat()
    }

    #[test]
    fn authenticator_data_is_read() {
        let bytes = data(GOOD | BACKUP_ELIGIBLE, b"rest");
        let read = AuthenticatorData::read(&bytes).unwrap();
        assert_eq!((read.sign_count, read.credential.is_none(), read.rest), (258, true, b"rest".as_slice()));
        assert!(read.is_backup_eligible() && !read.is_backed_up() && !read.has_extensions());

        let bytes = data(GOOD | HAS_CREDENTIAL | HAS_EXTENSIONS, &[credential(3).as_slice(), b"key"].concat());
        let read = AuthenticatorData::read(&bytes).unwrap();
        assert_eq!(read.credential, Some(Credential { aaguid: &[9; 16], id: &[5; 3] }));
        assert!(read.has_extensions() && read.rest == b"key");
    }

    #[test]
    fn authenticator_data_that_ends_early_is_refused() {
        for (bytes, whole) in [(data(GOOD, b""), 37), (data(GOOD | HAS_CREDENTIAL, &credential(3)), 58)] {
            assert_eq!(bytes.len(), whole);
            assert!(AuthenticatorData::read(&bytes).is_ok());
            for length in 0..whole {
                assert_eq!(AuthenticatorData::read(&bytes[..length]), Err(Refusal::AuthenticatorData), "{length}");
            }
        }
    }

    #[test]
    fn a_credential_id_has_1_to_1023_bytes() {
        for (length, is_good) in [(0, false), (1, true), (1_023, true), (1_024, false)] {
            let bytes = data(GOOD | HAS_CREDENTIAL, &credential(length));
            assert_eq!(AuthenticatorData::read(&bytes).is_ok(), is_good, "{length}");
        }
    }

    #[test]
    fn the_user_must_be_present_and_verified_at_our_rp_id() {
        let check = |flags: u8, ceremony: Ceremony| {
            let bytes = data(flags, &credential(3));
            AuthenticatorData::read(&bytes).unwrap().check(ceremony, &HASH)
        };
        use Ceremony::{Authentication, Registration};
        assert_eq!(check(GOOD, Authentication), Ok(()));
        assert_eq!(check(GOOD | HAS_CREDENTIAL, Registration), Ok(()));
        assert_eq!(check(GOOD | BACKUP_ELIGIBLE | BACKED_UP, Authentication), Ok(()));
        // The other flags are reserved.
        assert_eq!(check(GOOD | 1 << 1 | 1 << 5, Authentication), Ok(()));
        for (flags, ceremony, refusal) in [
            (GOOD, Registration, Refusal::AuthenticatorData),
            (GOOD | HAS_CREDENTIAL, Authentication, Refusal::AuthenticatorData),
            (USER_VERIFIED, Authentication, Refusal::UserNotPresent),
            (USER_PRESENT, Authentication, Refusal::UserNotVerified),
            (USER_PRESENT | HAS_CREDENTIAL, Registration, Refusal::UserNotVerified),
            (GOOD | BACKED_UP, Authentication, Refusal::Backup),
        ] {
            assert_eq!(check(flags, ceremony), Err(refusal), "{flags:08b}");
        }
        let bytes = data(GOOD, b"");
        let other = AuthenticatorData::read(&bytes).unwrap().check(Authentication, &[8; 32]);
        assert_eq!(other, Err(Refusal::RelyingParty));
    }

    #[test]
    fn a_counter_that_does_not_advance_tells_of_a_clone() {
        for (stored, received, is_good) in
            [(0, 0, true), (0, 1, true), (1, 2, true), (1, u32::MAX, true), (1, 1, false), (2, 1, false), (1, 0, false)]
        {
            assert_eq!(counter_advances(stored, received), is_good, "{stored} {received}");
        }
    }
}
