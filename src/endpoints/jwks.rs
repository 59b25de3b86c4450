//! `GET /api/auth/jwks`

use base64ct::{Base64UrlUnpadded, Encoding};
use postern_macros::operation;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    access::session_signature::{self, PublicKey},
    app::App,
    error::Error,
    web::Response,
};

/// A JSON Web Key Set (RFC 7517, section 5).
#[derive(Serialize, ToSchema)]
pub struct KeySet<'a> {
    /// The keys. The first one signs new tokens; all of them are valid.
    keys: Vec<Jwk<'a>>,
}

/// A public key (RFC 8037, section 2; RFC 7518, section 6.2).
#[derive(Serialize, ToSchema)]
#[schema(as = PublicKey)]
pub struct Jwk<'a> {
    /// The key type: `OKP` or `EC`.
    #[schema(example = "OKP")]
    kty: &'static str,
    /// The curve: `Ed25519` or `P-256`.
    #[schema(example = "Ed25519")]
    crv: &'static str,
    /// The key, or the first coordinate of a point on P-256, in base64url.
    x: String,
    /// The second coordinate of a point on P-256, in base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    /// The key id.
    kid: &'a str,
    /// The use of the key: signatures.
    #[serde(rename = "use")]
    #[schema(example = "sig")]
    key_use: &'static str,
    /// The algorithm: `EdDSA` or `ES256`.
    #[schema(example = "EdDSA")]
    alg: &'static str,
}

impl<'a> From<PublicKey<'a>> for Jwk<'a> {
    fn from(key: PublicKey<'a>) -> Self {
        let key_use = "sig";
        match key {
            PublicKey::Ed25519 { id: kid, x } => {
                Jwk { kty: "OKP", crv: "Ed25519", x: encode(&x), y: None, kid, key_use, alg: "EdDSA" }
            }
            PublicKey::P256 { id: kid, x, y } => {
                Jwk { kty: "EC", crv: "P-256", x: encode(&x), y: Some(encode(&y)), kid, key_use, alg: "ES256" }
            }
        }
    }
}

fn encode(coordinate: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(coordinate)
}

/// Get the public keys of session tokens.
///
/// The response is a JSON Web Key Set (RFC 7517). Other services use it to verify session tokens. It has keys of both algorithms,
/// because a token stays valid when `SESSION_TOKEN_ALGORITHM` changes.
#[operation(responses((status = 200, body = KeySet)))]
pub async fn get(app: &App) -> Result<Response, Error> {
    let keys = session_signature::public_keys(app).await?;
    Ok(Response::json(&KeySet { keys: keys.into_iter().map(Jwk::from).collect() }))
}
