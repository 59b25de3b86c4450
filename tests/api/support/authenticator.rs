//! An authenticator with one passkey, and the browser in front of it. Tests can make it do everything that it must not do.

use base64ct::{Base64UrlUnpadded, Encoding};
use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use postern::crypto::sha256;
use serde_json::{Value, json};

use super::ORIGIN;

pub const USER_PRESENT: u8 = 1;
pub const USER_VERIFIED: u8 = 4;
pub const BACKUP_ELIGIBLE: u8 = 8;
pub const BACKED_UP: u8 = 16;

#[derive(Clone)]
pub struct Authenticator {
    key: SigningKey,
    pub credential_id: Vec<u8>,
    /// The user handle that it has stored.
    pub user_handle: Option<Vec<u8>>,
    /// The flags of its data, without those that tell what follows.
    pub flags: u8,
    pub counter: u32,
    /// The origin of the page.
    pub origin: String,
    /// What the browser adds to its data.
    pub client_data: Value,
}

impl Authenticator {
    /// Another passkey for each number.
    pub fn new(number: u8) -> Authenticator {
        Authenticator {
            key: SigningKey::from_slice(&[number; 32]).unwrap(),
            credential_id: vec![number; 16],
            user_handle: None,
            flags: USER_PRESENT | USER_VERIFIED | BACKUP_ELIGIBLE | BACKED_UP,
            counter: 0,
            origin: ORIGIN.to_owned(),
            client_data: json!({ "crossOrigin": false }),
        }
    }

    pub fn credential_id(&self) -> String {
        encode(&self.credential_id)
    }

    /// The uncompressed point.
    pub fn public_key(&self) -> Vec<u8> {
        self.key.verifying_key().to_sec1_point(false).as_bytes().to_vec()
    }

    /// What `navigator.credentials.create` returns for these options.
    pub fn create(&mut self, options: &Value) -> Value {
        self.user_handle = Some(decode(&options["user"]["id"]));
        let point = self.public_key();
        let key = [&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32], &point[1..33], &[0x22, 0x58, 32], &point[33..]];
        let length = (self.credential_id.len() as u16).to_be_bytes();
        let attested = [[0; 16].as_slice(), &length, &self.credential_id, &key.concat()].concat();
        let data = self.data(&options["rp"]["id"], 0x40, &attested);
        let object = [
            // {"fmt": "none", "attStmt": {}, "authData": …}
            b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59".as_slice(),
            &(data.len() as u16).to_be_bytes(),
            &data,
        ];
        self.credential(json!({
            "clientDataJSON": encode(&self.client_data("webauthn.create", &options["challenge"])),
            "attestationObject": encode(&object.concat()),
            "transports": ["internal", "hybrid"],
        }))
    }

    /// What `navigator.credentials.get` returns for these options.
    pub fn get(&self, options: &Value) -> Value {
        let data = self.data(&options["rpId"], 0, &[]);
        let client_data = self.client_data("webauthn.get", &options["challenge"]);
        let signature: Signature = self.key.sign(&[data.as_slice(), &sha256::hash(&client_data)].concat());
        self.credential(json!({
            "clientDataJSON": encode(&client_data),
            "authenticatorData": encode(&data),
            "signature": encode(signature.to_der().as_bytes()),
            "userHandle": self.user_handle.as_deref().map(encode),
        }))
    }

    fn credential(&self, response: Value) -> Value {
        let id = self.credential_id();
        json!({ "id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {}, "response": response })
    }

    fn data(&self, rp_id: &Value, flags: u8, rest: &[u8]) -> Vec<u8> {
        let hash = sha256::hash(rp_id.as_str().unwrap().as_bytes());
        [hash.as_slice(), &[self.flags | flags], &self.counter.to_be_bytes(), rest].concat()
    }

    fn client_data(&self, kind: &str, challenge: &Value) -> Vec<u8> {
        let mut data = json!({ "type": kind, "challenge": challenge, "origin": self.origin });
        data.as_object_mut().unwrap().extend(self.client_data.as_object().unwrap().clone());
        data.to_string().into_bytes()
    }
}

fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

fn decode(text: &Value) -> Vec<u8> {
    Base64UrlUnpadded::decode_vec(text.as_str().unwrap()).unwrap()
}
