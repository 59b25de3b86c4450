//! Passkeys, and the options with which browsers create and use them (Web Authentication Level 3, section 5.1).

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    domain::{Timestamp, passkey::TIMEOUT},
    store::passkeys::Listed,
};

/// A passkey.
#[derive(Debug, Serialize, ToSchema)]
pub struct Passkey {
    /// The id.
    pub id: String,
    /// The id that browsers know it by, in base64url.
    pub credential_id: String,
    /// The name.
    #[schema(example = "Phone")]
    pub name: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last used, or null if it never was.
    #[schema(required)]
    pub last_used_at: Option<Timestamp>,
    /// Whether it is synced to other devices.
    pub is_synced: bool,
    /// The model of the authenticator. All zeros if it does not say.
    #[schema(format = "uuid")]
    pub aaguid: String,
}

impl From<Listed> for Passkey {
    fn from(passkey: Listed) -> Self {
        let Listed { id, credential_id, name, created_at, last_used_at, is_synced, aaguid, .. } = passkey;
        Passkey { id, credential_id, name, created_at, last_used_at, is_synced, aaguid }
    }
}

/// A passkey, for a browser.
#[derive(Debug, Serialize, ToSchema)]
pub struct CredentialDescriptor {
    /// Always `public-key`.
    pub r#type: &'static str,
    /// The id, in base64url.
    pub id: String,
    /// How the browser can reach the authenticator.
    pub transports: Vec<String>,
}

impl From<Listed> for CredentialDescriptor {
    fn from(passkey: Listed) -> Self {
        CredentialDescriptor { r#type: "public-key", id: passkey.credential_id, transports: passkey.transports }
    }
}

/// How to use a passkey.
#[derive(Debug, Serialize, ToSchema)]
pub struct PasskeyRequest {
    /// The token to send back together with the credential. It is valid for 10 minutes and works once.
    token: String,
    /// For `PublicKeyCredential.parseRequestOptionsFromJSON`.
    #[serde(rename = "publicKey")]
    public_key: RequestOptions,
}

/// `PublicKeyCredentialRequestOptionsJSON`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestOptions {
    /// The challenge, in base64url.
    challenge: String,
    /// How long to wait for the user, in milliseconds.
    timeout: i64,
    /// The domain that passkeys belong to.
    #[schema(example = "app.example.com")]
    rp_id: String,
    /// The passkeys that can be used. Empty if the user has not been identified: any passkey of this domain.
    allow_credentials: Vec<CredentialDescriptor>,
    /// The authenticator must verify the user, by PIN or biometrics.
    user_verification: &'static str,
}

impl PasskeyRequest {
    /// Returns how to use one of `passkeys`, or any passkey if there are none.
    pub fn new(token: String, challenge: String, rp_id: &str, passkeys: Vec<Listed>) -> Self {
        let allow_credentials = passkeys.into_iter().map(CredentialDescriptor::from).collect();
        let rp_id = rp_id.to_owned();
        PasskeyRequest {
            token,
            public_key: RequestOptions {
                challenge,
                timeout: TIMEOUT,
                rp_id,
                allow_credentials,
                user_verification: "required",
            },
        }
    }
}
