//! Fuzzes what reads the responses of authenticators: CBOR, COSE keys, authenticator data, client data, and signatures in DER.

#![no_main]

use libfuzzer_sys::fuzz_target;
use postern::{
    access::passkey::{Expected, assertion, registration},
    crypto::{cose::PublicKey, ecdsa},
    domain::webauthn::{Ceremony, check_client_data},
};

/// That of the seeds.
const RP_ID: &str = "example.org";
const CHALLENGE: &str = "Y2hhbGxlbmdl";
const CREATE: &[u8] = br#"{"type":"webauthn.create","challenge":"Y2hhbGxlbmdl","origin":"https://example.org"}"#;
const GET: &[u8] = br#"{"type":"webauthn.get","challenge":"Y2hhbGxlbmdl","origin":"https://example.org"}"#;

fuzz_target!(|data: &[u8]| {
    let expected = Expected { challenge: CHALLENGE, rp_id: RP_ID, is_own_origin: &|_| true };
    if let Ok(passkey) = registration(&expected, CREATE, data) {
        let stored = PublicKey::from_stored(passkey.public_key.algorithm(), &passkey.public_key.to_stored());
        assert_eq!(stored.map(|key| key.to_stored()), Some(passkey.public_key.to_stored()));
        assert!(passkey.is_backup_eligible || !passkey.is_synced);
    }
    if let Ok(assertion) = assertion(&expected, GET, data) {
        assert!(assertion.message.starts_with(data));
    }
    let _ = check_client_data(data, Ceremony::Authentication, CHALLENGE, |_| true);
    let _ = ecdsa::raw_from_der(data);
});
