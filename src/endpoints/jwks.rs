//! `GET /api/auth/jwks`

use postern_macros::operation;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{app::App, error::Error, web::Response};

/// A JSON Web Key Set (RFC 7517, section 5).
#[derive(Serialize, ToSchema)]
pub struct KeySet<'a> {
    /// The keys. The first one signs new tokens; all of them are valid.
    keys: Vec<PublicKey<'a>>,
}

/// A public key (RFC 8037, section 2).
#[derive(Serialize, ToSchema)]
pub struct PublicKey<'a> {
    /// The key type.
    #[schema(example = "OKP")]
    kty: &'static str,
    /// The curve.
    #[schema(example = "Ed25519")]
    crv: &'static str,
    /// The key, in base64url.
    x: String,
    /// The key id, which is its thumbprint (RFC 7638).
    kid: &'a str,
    /// The use of the key: signatures.
    #[serde(rename = "use")]
    #[schema(example = "sig")]
    key_use: &'static str,
    /// The algorithm.
    #[schema(example = "EdDSA")]
    alg: &'static str,
}

/// Get the public keys of session tokens.
///
/// The response is a JSON Web Key Set (RFC 7517). Other services use it to verify session tokens.
#[operation(responses((status = 200, body = KeySet)))]
pub async fn get(app: &App) -> Result<Response, Error> {
    let keys = app.keys().session.public().map(|key| PublicKey {
        kty: "OKP",
        crv: "Ed25519",
        x: key.x,
        kid: key.id,
        key_use: "sig",
        alg: "EdDSA",
    });
    Ok(Response::json(&KeySet { keys: keys.collect() }))
}
