//! Passkeys of users, and how browsers write the responses of authenticators.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::Deserialize;
use serde_json::Value;

use super::webauthn::MAX_CREDENTIAL_ID_LENGTH;
use crate::{error::Fault, language::Phrase};

/// The maximum number of passkeys of a user.
pub const MAX: i64 = 20;
/// The name of a passkey to which the user gives none.
pub const DEFAULT_NAME: &str = "Passkey";
/// How long a browser waits for the user, in milliseconds (Web Authentication Level 3, section 15.1).
pub const TIMEOUT: i64 = 300_000;
/// The ways to reach an authenticator (section 5.8.4). Others are not stored.
const TRANSPORTS: [&str; 6] = ["ble", "hybrid", "internal", "nfc", "smart-card", "usb"];
/// The maximum length of a user handle, in bytes (section 5.4.3).
pub const MAX_USER_HANDLE_LENGTH: usize = 64;

/// The `RegistrationResponseJSON` of a browser (section 5.1), decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationResponse {
    /// The id of the passkey, in base64url.
    pub credential_id: String,
    /// What the browser says, in JSON.
    pub client_data: Vec<u8>,
    /// What the authenticator says, in CBOR.
    pub attestation_object: Vec<u8>,
    /// How the browser can reach the authenticator.
    pub transports: Vec<&'static str>,
}

/// The `AuthenticationResponseJSON` of a browser (section 5.1), decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthenticationResponse {
    /// The id of the passkey, in base64url.
    pub credential_id: String,
    /// What the browser says, in JSON.
    pub client_data: Vec<u8>,
    /// What the authenticator says.
    pub authenticator_data: Vec<u8>,
    /// The signature of both.
    pub signature: Vec<u8>,
    /// The user handle that the authenticator has stored.
    pub user_handle: Option<Vec<u8>>,
}

/// The members of both responses that are read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credential<T> {
    id: String,
    raw_id: String,
    r#type: String,
    response: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attestation {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    attestation_object: String,
    #[serde(default)]
    transports: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Assertion {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    authenticator_data: String,
    signature: String,
    user_handle: Option<String>,
}

fn fault() -> Fault {
    (Phrase::Credential, "credential")
}

fn decode(text: &str) -> Result<Vec<u8>, Fault> {
    Base64UrlUnpadded::decode_vec(text).map_err(|_| fault())
}

/// Reads what both responses have in common. Returns the id and the rest.
fn credential<'a, T: Deserialize<'a>>(value: &'a Value) -> Result<(String, T), Fault> {
    let Credential { id, raw_id, r#type, response } = Credential::deserialize(value).map_err(|_| fault())?;
    let length = decode(&id)?.len();
    let is_good = id == raw_id && r#type == "public-key" && (1..=MAX_CREDENTIAL_ID_LENGTH).contains(&length);
    if is_good { Ok((id, response)) } else { Err(fault()) }
}

impl RegistrationResponse {
    /// Reads the response.
    ///
    /// # Errors
    /// If it is not one.
    pub fn parse(value: &Value) -> Result<RegistrationResponse, Fault> {
        let (credential_id, response) = credential::<Attestation>(value)?;
        let is_listed = |transport: &&str| response.transports.iter().any(|listed| listed == transport);
        Ok(RegistrationResponse {
            credential_id,
            client_data: decode(&response.client_data)?,
            attestation_object: decode(&response.attestation_object)?,
            transports: TRANSPORTS.into_iter().filter(is_listed).collect(),
        })
    }
}

impl AuthenticationResponse {
    /// Reads the response.
    ///
    /// # Errors
    /// If it is not one.
    pub fn parse(value: &Value) -> Result<AuthenticationResponse, Fault> {
        let (credential_id, response) = credential::<Assertion>(value)?;
        Ok(AuthenticationResponse {
            credential_id,
            client_data: decode(&response.client_data)?,
            authenticator_data: decode(&response.authenticator_data)?,
            signature: decode(&response.signature)?,
            user_handle: response.user_handle.as_deref().map(decode).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn registration() -> Value {
        json!({
            "id": "AQI", "rawId": "AQI", "type": "public-key", "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": "e30", "attestationObject": "oA", "transports": ["usb", "x", "internal", "usb"],
                "publicKey": "AA", "publicKeyAlgorithm": -7, "authenticatorData": "AA",
            },
        })
    }

    fn authentication() -> Value {
        json!({
            "id": "AQI", "rawId": "AQI", "type": "public-key", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": "e30", "authenticatorData": "AA", "signature": "AAE", "userHandle": "YWRh",
            },
        })
    }

    #[test]
    fn the_responses_of_browsers_are_read() {
        let read = RegistrationResponse::parse(&registration()).unwrap();
        assert_eq!(read.transports, ["internal", "usb"]);
        assert_eq!(
            (read.credential_id.as_str(), read.client_data, read.attestation_object),
            ("AQI", b"{}".to_vec(), vec![0xa0])
        );
        let read = AuthenticationResponse::parse(&authentication()).unwrap();
        assert_eq!((read.signature, read.user_handle), (vec![0, 1], Some(b"ada".to_vec())));
        let mut without = authentication();
        without["response"]["userHandle"] = Value::Null;
        assert_eq!(AuthenticationResponse::parse(&without).unwrap().user_handle, None);
        without["response"].as_object_mut().unwrap().remove("userHandle");
        assert_eq!(AuthenticationResponse::parse(&without).unwrap().user_handle, None);
    }

    #[test]
    fn other_values_are_refused() {
        let changes = [
            ("/id", json!("AQM")),
            ("/rawId", json!("AQM")),
            ("/type", json!("password")),
            ("/response", json!(null)),
            ("/response/clientDataJSON", json!("e30=")),
            ("/response/clientDataJSON", json!("e3/")),
            ("/response/clientDataJSON", json!(1)),
        ];
        for (place, value) in changes {
            let (mut registration, mut authentication) = (registration(), authentication());
            *registration.pointer_mut(place).unwrap() = value.clone();
            *authentication.pointer_mut(place).unwrap() = value;
            assert_eq!(RegistrationResponse::parse(&registration), Err(fault()), "{place}");
            assert_eq!(AuthenticationResponse::parse(&authentication), Err(fault()), "{place}");
        }
        assert_eq!(RegistrationResponse::parse(&authentication()), Err(fault()));
        assert_eq!(AuthenticationResponse::parse(&registration()), Err(fault()));
        for value in [json!(null), json!("AQI"), json!([]), json!({})] {
            assert_eq!(AuthenticationResponse::parse(&value), Err(fault()), "{value}");
        }
        for (length, is_good) in [(0, false), (1_023, true), (1_024, false)] {
            let id = Base64UrlUnpadded::encode_string(&vec![0; length]);
            let mut authentication = authentication();
            authentication["id"] = json!(id);
            authentication["rawId"] = json!(id);
            assert_eq!(AuthenticationResponse::parse(&authentication).is_ok(), is_good, "{length}");
        }
    }
}
