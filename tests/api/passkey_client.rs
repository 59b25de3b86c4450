//! Passkeys with the browser and the authenticator of the crate `passkey`, which read our options and write the responses themselves.

use std::pin::Pin;

use passkey::{
    authenticator::{Authenticator, UiHint, UserCheck, UserValidationMethod},
    client::{Client, DefaultClientData},
    crypto::{iana, rust_crypto::RustCryptoBackend},
    types::{
        Passkey,
        ctap2::{Aaguid, Ctap2Error},
        webauthn::{CredentialCreationOptions, CredentialRequestOptions},
    },
};
use serde_json::{Value, json};
use url::Url;

use crate::support::{Answer, ORIGIN, Postern, SignedUp, world::ADA};

/// A user who touches the authenticator, and enters the PIN or does not.
struct User {
    enters_pin: bool,
}

impl UserValidationMethod for User {
    type PasskeyItem = Passkey;

    fn check_user<'a, 'b, 'c>(
        &'b self,
        hint: UiHint<'a, Passkey>,
        _: bool,
        _: bool,
    ) -> Pin<Box<dyn Future<Output = Result<UserCheck, Ctap2Error>> + Send + 'c>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        let is_excluded = matches!(hint, UiHint::InformExcludedCredentialFound(_));
        let check = UserCheck { presence: true, verification: self.enters_pin };
        Box::pin(async move { if is_excluded { Err(Ctap2Error::CredentialExcluded) } else { Ok(check) } })
    }

    fn is_presence_enabled(&self) -> bool {
        true
    }

    fn is_verification_enabled(&self) -> Option<bool> {
        Some(true)
    }
}

/// An authenticator with at most one passkey.
struct Device {
    passkey: Option<Passkey>,
    algorithm: iana::Algorithm,
    counts: bool,
    enters_pin: bool,
}

impl Device {
    fn new(algorithm: iana::Algorithm, counts: bool) -> Device {
        Device { passkey: None, algorithm, counts, enters_pin: true }
    }

    fn authenticator(&self) -> Authenticator<Option<Passkey>, User, RustCryptoBackend> {
        let user = User { enters_pin: self.enters_pin };
        let mut authenticator = Authenticator::new(Aaguid::new_empty(), self.passkey.clone(), user, RustCryptoBackend);
        authenticator.set_make_credentials_with_signature_counter(self.counts);
        authenticator.set_algorithms(&[self.algorithm]).unwrap();
        authenticator
    }

    /// What `navigator.credentials.create` returns for the response of our endpoint.
    fn create(&mut self, options: &Value) -> Value {
        let options: CredentialCreationOptions =
            serde_json::from_value(json!({ "publicKey": options["publicKey"] })).unwrap();
        let mut browser = Client::new(self.authenticator());
        let origin = Url::parse(ORIGIN).unwrap();
        let created = pollster::block_on(browser.register(&origin, options, DefaultClientData)).unwrap();
        self.passkey = browser.authenticator().store().clone();
        serde_json::to_value(created).unwrap()
    }

    /// What `navigator.credentials.get` returns for the response of our endpoint.
    fn get(&mut self, options: &Value) -> Value {
        let options: CredentialRequestOptions =
            serde_json::from_value(json!({ "publicKey": options["publicKey"] })).unwrap();
        let mut browser = Client::new(self.authenticator());
        let origin = Url::parse(ORIGIN).unwrap();
        let asserted = pollster::block_on(browser.authenticate(&origin, options, DefaultClientData)).unwrap();
        self.passkey = browser.authenticator().store().clone();
        serde_json::to_value(asserted).unwrap()
    }
}

fn enroll(postern: &Postern, session: &str, device: &mut Device, change: fn(&mut Value)) -> Answer {
    let mut options = postern.post("/api/auth/me/passkeys/options").bearer(session).send().expect(200);
    change(&mut options);
    let body = json!({ "token": options["token"], "credential": device.create(&options) });
    postern.post("/api/auth/me/passkeys").bearer(session).json(body).send()
}

fn sign_in(postern: &Postern, device: &mut Device, change: fn(&mut Value)) -> Answer {
    let mut options = postern.post("/api/auth/login/passkey/options").send().expect(200);
    change(&mut options);
    let body = json!({ "token": options["token"], "credential": device.get(&options) });
    postern.post("/api/auth/login/passkey").json(body).send()
}

#[test]
fn a_foreign_authenticator_registers_signs_in_and_confirms_with_each_algorithm() {
    for (algorithm, counts) in [
        (iana::Algorithm::ES256, false),
        (iana::Algorithm::ES256, true),
        (iana::Algorithm::EdDSA, false),
        (iana::Algorithm::EdDSA, true),
    ] {
        let postern = Postern::new();
        let ada: SignedUp = postern.sign_up(ADA);
        let mut device = Device::new(algorithm, counts);
        enroll(&postern, &ada.token, &mut device, |_| ()).expect(200);
        for _ in 0..3 {
            let answer = sign_in(&postern, &mut device, |_| ()).expect(200);
            assert_eq!(answer["user"]["id"], json!(ada.id));
        }
        let rows = postern.sql.query("SELECT algorithm, sign_count FROM passkeys", &[]);
        assert_eq!(rows[0]["sign_count"].as_i64().unwrap() > 0, counts, "{rows:?}");

        let options = postern.post("/api/auth/reauthenticate/passkey/options").bearer(&ada.token).send().expect(200);
        let body = json!({ "token": options["token"], "credential": device.get(&options) });
        postern.post("/api/auth/reauthenticate").bearer(&ada.token).json(body).send().expect(200);
    }
}

#[test]
fn a_foreign_authenticator_that_does_not_verify_the_user_is_refused() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    let mut device = Device::new(iana::Algorithm::ES256, false);
    device.enters_pin = false;
    let discourage = |options: &mut Value| {
        options["publicKey"]["authenticatorSelection"]["userVerification"] = json!("discouraged");
    };
    enroll(&postern, &ada.token, &mut device, discourage).refused(403, "passkey_refused");

    device = Device::new(iana::Algorithm::ES256, false);
    enroll(&postern, &ada.token, &mut device, |_| ()).expect(200);
    device.enters_pin = false;
    let discourage = |options: &mut Value| options["publicKey"]["userVerification"] = json!("discouraged");
    sign_in(&postern, &mut device, discourage).refused(401, "wrong_passkey");
    device.enters_pin = true;
    sign_in(&postern, &mut device, |_| ()).expect(200);
}

#[test]
fn a_copy_of_a_foreign_authenticator_that_counts_is_found_out() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    let mut device = Device::new(iana::Algorithm::ES256, true);
    enroll(&postern, &ada.token, &mut device, |_| ()).expect(200);
    let mut copy = Device { passkey: device.passkey.clone(), ..Device::new(iana::Algorithm::ES256, true) };
    sign_in(&postern, &mut device, |_| ()).expect(200);
    sign_in(&postern, &mut copy, |_| ()).refused(401, "wrong_passkey");
    assert_eq!(postern.sql.query("SELECT id FROM events WHERE action = 'passkey_cloned'", &[]).len(), 1);
}

#[test]
fn a_browser_creates_no_second_passkey_on_the_same_authenticator() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    let mut device = Device::new(iana::Algorithm::ES256, false);
    enroll(&postern, &ada.token, &mut device, |_| ()).expect(200);
    let options = postern.post("/api/auth/me/passkeys/options").bearer(&ada.token).send().expect(200);
    let options: CredentialCreationOptions =
        serde_json::from_value(json!({ "publicKey": options["publicKey"] })).unwrap();
    let mut browser = Client::new(device.authenticator());
    let origin = Url::parse(ORIGIN).unwrap();
    assert!(pollster::block_on(browser.register(&origin, options, DefaultClientData)).is_err());
}
