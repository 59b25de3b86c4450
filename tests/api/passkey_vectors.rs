//! Holds the service to the test vectors of Web Authentication Level 3, section 16.

use base64ct::{Base64UrlUnpadded, Encoding};
use postern::{
    access::passkey::{self, Expected, NewPasskey},
    crypto::{cose::PublicKey, sha256},
    domain::webauthn::Refusal,
    ports::Signatures,
};

use crate::support::Postern;

/// A registration and an authentication.
#[derive(Clone)]
struct Vector {
    section: String,
    is_accepted: bool,
    challenge: String,
    client_data: Vec<u8>,
    attestation_object: Vec<u8>,
    next_challenge: String,
    next_client_data: Vec<u8>,
    authenticator_data: Vec<u8>,
    signature: Vec<u8>,
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn vectors() -> Vec<Vector> {
    let text = include_str!("../vectors/webauthn.tsv");
    let read = |line: &str| {
        let columns: Vec<&str> = line.split('\t').collect();
        let [section, result, challenge, client_data, attestation_object, rest @ ..] = &columns[..] else { panic!() };
        let [next_challenge, next_client_data, authenticator_data, signature] = rest else { panic!() };
        Vector {
            section: (*section).to_owned(),
            is_accepted: *result == "accepted",
            challenge: Base64UrlUnpadded::encode_string(&bytes(challenge)),
            client_data: bytes(client_data),
            attestation_object: bytes(attestation_object),
            next_challenge: Base64UrlUnpadded::encode_string(&bytes(next_challenge)),
            next_client_data: bytes(next_client_data),
            authenticator_data: bytes(authenticator_data),
            signature: bytes(signature),
        }
    };
    text.lines().filter(|line| !line.starts_with('#')).map(read).collect()
}

fn expected(challenge: &str) -> Expected<'_> {
    Expected { challenge, rp_id: "example.org", is_own_origin: &|origin| origin == "https://example.org" }
}

impl Vector {
    fn registration(&self) -> Result<NewPasskey, Refusal> {
        passkey::registration(&expected(&self.challenge), &self.client_data, &self.attestation_object)
    }

    /// Whether the authentication is by the passkey.
    fn authentication(&self, passkey: &NewPasskey, signatures: &dyn Signatures) -> Result<(), Refusal> {
        let expected = expected(&self.next_challenge);
        let assertion = passkey::assertion(&expected, &self.next_client_data, &self.authenticator_data)?;
        let is_signed = passkey::is_signed(signatures, &passkey.public_key, &assertion.message, &self.signature);
        if pollster::block_on(is_signed).unwrap() { Ok(()) } else { Err(Refusal::Signature) }
    }

    /// The same vector as if the authenticator had verified the user. The flags are signed, so the signature does not fit anymore.
    fn with_user_verification(&self) -> Vector {
        let mut vector = self.clone();
        vector.authenticator_data[32] |= 4;
        let place = place_of_flags(&vector.attestation_object);
        vector.attestation_object[place] |= 4;
        vector
    }
}

/// Where the flags are in an attestation object: after the hash of the RP ID.
fn place_of_flags(attestation_object: &[u8]) -> usize {
    let hash = sha256::hash(b"example.org");
    attestation_object.windows(32).position(|window| window == hash).unwrap() + 32
}

#[test]
fn the_vectors_with_our_algorithms_outside_of_frames_are_accepted_if_the_user_was_verified() {
    let signatures = Postern::new().services().signatures;
    let (mut accepted, mut unverified) = (Vec::new(), Vec::new());
    for vector in vectors().into_iter().filter(|vector| vector.is_accepted) {
        let registration = vector.registration();
        let is_verified = vector.attestation_object[place_of_flags(&vector.attestation_object)] & 4 != 0;
        if !is_verified {
            assert_eq!(registration.unwrap_err(), Refusal::UserNotVerified, "{}", vector.section);
        }
        // The signature of an attestation is ignored, so a changed flag has no other effect.
        let passkey = vector.with_user_verification().registration().unwrap();
        let outcome = vector.authentication(&passkey, &*signatures);
        if vector.authenticator_data[32] & 4 != 0 {
            assert_eq!(outcome, Ok(()), "{}", vector.section);
            accepted.push(vector.section);
        } else {
            assert_eq!(outcome, Err(Refusal::UserNotVerified), "{}", vector.section);
            // Everything else is right.
            let message = [&vector.authenticator_data[..], &sha256::hash(&vector.next_client_data)];
            let message = message.concat();
            let is_signed = passkey::is_signed(&*signatures, &passkey.public_key, &message, &vector.signature);
            assert!(pollster::block_on(is_signed).unwrap(), "{}", vector.section);
            unverified.push(vector.section);
        }
    }
    assert_eq!((accepted.len(), unverified.len()), (3, 7), "{accepted:?} {unverified:?}");
}

#[test]
fn the_vectors_in_frames_and_with_other_algorithms_are_refused() {
    let refused: Vec<(String, Refusal)> = vectors()
        .into_iter()
        .filter(|vector| !vector.is_accepted)
        .map(|vector| (vector.section.clone(), vector.with_user_verification().registration().unwrap_err()))
        .collect();
    let section = |name: &str| format!("sctn-test-vectors-{name}");
    assert_eq!(
        refused,
        [
            (section("none-es256-crossOrigin"), Refusal::CrossOrigin),
            (section("none-es256-topOrigin"), Refusal::CrossOrigin),
            (section("packed-es384"), Refusal::PublicKey),
            (section("packed-es512"), Refusal::PublicKey),
            (section("packed-ed448"), Refusal::PublicKey),
        ]
    );
    for vector in vectors().into_iter().filter(|vector| vector.section.contains("Origin")) {
        let expected = expected(&vector.next_challenge);
        let refused = passkey::assertion(&expected, &vector.next_client_data, &vector.authenticator_data);
        assert_eq!(refused.unwrap_err(), Refusal::CrossOrigin);
    }
}

#[test]
fn a_changed_byte_of_an_authentication_is_refused() {
    let signatures = Postern::new().services().signatures;
    for vector in vectors().into_iter().filter(|vector| vector.is_accepted) {
        let passkey = vector.with_user_verification().registration().unwrap();
        let flipped = |change: fn(&mut Vector) -> &mut Vec<u8>, length: usize| {
            for at in 0..length {
                let mut vector = vector.clone();
                change(&mut vector)[at] ^= 1;
                assert!(vector.authentication(&passkey, &*signatures).is_err(), "{} {at}", vector.section);
            }
        };
        flipped(|vector| &mut vector.next_client_data, vector.next_client_data.len());
        flipped(|vector| &mut vector.authenticator_data, vector.authenticator_data.len());
        flipped(|vector| &mut vector.signature, vector.signature.len());
    }
}

#[test]
fn a_registration_with_a_byte_too_many_or_too_few_is_refused() {
    for vector in vectors().into_iter().filter(|vector| vector.is_accepted) {
        let mut vector = vector.with_user_verification();
        vector.attestation_object.push(0);
        assert_eq!(vector.registration().unwrap_err(), Refusal::AuthenticatorData);
        for length in 0..vector.attestation_object.len() - 1 {
            vector.attestation_object.truncate(length);
            assert_eq!(vector.registration().unwrap_err(), Refusal::AuthenticatorData);
        }
    }
}

#[test]
fn a_registration_for_another_challenge_origin_or_rp_id_is_refused() {
    let vector = &vectors()[0].with_user_verification();
    let registration =
        |expected: Expected<'_>| passkey::registration(&expected, &vector.client_data, &vector.attestation_object);
    let good = || expected(&vector.challenge);
    assert!(registration(good()).is_ok());
    let refused = |expected: Expected<'_>| registration(expected).unwrap_err();
    assert_eq!(refused(Expected { challenge: &vector.next_challenge, ..good() }), Refusal::Challenge);
    assert_eq!(refused(Expected { rp_id: "example.com", ..good() }), Refusal::RelyingParty);
    assert_eq!(refused(Expected { is_own_origin: &|_| false, ..good() }), Refusal::Origin);
}

#[test]
fn a_registration_is_no_authentication() {
    let vector = &vectors()[0];
    let refused = passkey::assertion(&expected(&vector.challenge), &vector.client_data, &vector.authenticator_data);
    assert_eq!(refused.unwrap_err(), Refusal::Ceremony);
}

#[test]
fn the_longest_credential_id_of_the_vectors_is_kept() {
    let vector = vectors().into_iter().find(|vector| vector.section.ends_with("long-credential-id")).unwrap();
    let passkey = vector.with_user_verification().registration().unwrap();
    assert_eq!(Base64UrlUnpadded::decode_vec(&passkey.credential_id).unwrap().len(), 1_023);
}

#[test]
fn a_point_that_is_not_on_the_curve_signs_nothing() {
    let signatures = Postern::new().services().signatures;
    let vector = &vectors()[0];
    let mut passkey = vector.with_user_verification().registration().unwrap();
    let PublicKey::Es256(point) = &mut passkey.public_key else { panic!() };
    point[64] ^= 1;
    let message = b"any message";
    let is_signed = passkey::is_signed(&*signatures, &passkey.public_key, message, &vector.signature);
    assert!(!pollster::block_on(is_signed).unwrap());
}
