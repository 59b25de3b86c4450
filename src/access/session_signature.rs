//! The signatures of session tokens: with Ed25519, or with ES256 if the settings say so. WebCrypto makes and verifies those with ES256.
//!
//! Tokens of both algorithms are accepted, so a change of the setting ends no session. The `kid` of a token selects the key, and a key
//! has one algorithm, so the `alg` of a token decides nothing.
//!
//! For each signature of ES256 (r, s), the signature (r, n - s) is valid as well. Both are accepted, as every library does: a user can
//! write their token in two ways, and both name the same session. So nothing may identify a token by its text. The token cache only
//! uses a second entry.

use crate::{
    app::App,
    crypto::{
        jwt::{self, Unverified, Verified},
        keys::Es256Key,
    },
    domain::{Timestamp, claims::Claims},
    error::Error,
    ports::{Algorithm, StoreError},
    settings::SessionTokenAlgorithm,
};

const ES256: &str = "ES256";

/// A public key of session tokens.
pub enum PublicKey<'a> {
    /// For EdDSA.
    Ed25519 {
        /// The id, which is the thumbprint (RFC 7638).
        id: &'a str,
        /// The key.
        x: [u8; 32],
    },
    /// For ES256: a point.
    P256 {
        /// The id.
        id: &'a str,
        /// The first coordinate.
        x: Vec<u8>,
        /// The second coordinate.
        y: Vec<u8>,
    },
}

/// Signs a session token.
///
/// # Errors
/// 500 if a time is out of range; 503 if WebCrypto fails.
pub async fn sign(app: &App, claims: Claims, expires_at: Timestamp) -> Result<String, Error> {
    let keys = app.keys();
    match (app.settings().session_token_algorithm, &keys.session_es256) {
        (SessionTokenAlgorithm::Es256, [Some(key), _]) => {
            let message = jwt::message(ES256, &key.id, claims, app.now, expires_at)?;
            let signature = app.signatures.sign_es256(&key.pkcs8, message.as_bytes()).await?;
            Ok(jwt::with_signature(message, &signature))
        }
        _ => keys.session.sign(claims, app.now, expires_at),
    }
}

/// Returns the claims of a token, if a key of session tokens has signed it and it has not expired.
///
/// # Errors
/// [`StoreError`] if WebCrypto fails.
pub async fn claims(app: &App, token: &Unverified<'_>) -> Result<Option<Verified<Claims>>, StoreError> {
    let keys = app.keys();
    let Some(key) = keys.session_es256.iter().flatten().find(|key| key.id == token.key_id()) else {
        return Ok(keys.session.claims(token, app.now));
    };
    if token.algorithm() != ES256 {
        return Ok(None);
    }
    let point = point(app, key).await?;
    let is_signed = app.signatures.verify(Algorithm::Es256, &point, token.message(), token.signature()).await?;
    Ok(if is_signed { token.claims(app.now) } else { None })
}

/// Returns the public keys. Those of the algorithm of new tokens are the first ones, and of these the first one signs new tokens.
///
/// # Errors
/// [`StoreError`] if WebCrypto fails.
pub async fn public_keys(app: &App) -> Result<Vec<PublicKey<'_>>, StoreError> {
    let keys = app.keys();
    let mut p256 = Vec::new();
    for key in keys.session_es256.iter().flatten() {
        // The first byte of a point says that it is not compressed.
        let [_, coordinates @ ..] = point(app, key).await?;
        let (x, y) = coordinates.split_at(32);
        p256.push(PublicKey::P256 { id: &key.id, x: x.to_vec(), y: y.to_vec() });
    }
    let ed25519 = keys.session.public().map(|(id, x)| PublicKey::Ed25519 { id, x });
    Ok(match app.settings().session_token_algorithm {
        SessionTokenAlgorithm::EdDsa => ed25519.chain(p256).collect(),
        SessionTokenAlgorithm::Es256 => p256.into_iter().chain(ed25519).collect(),
    })
}

/// Returns the public key. An isolate asks WebCrypto once.
async fn point(app: &App, key: &Es256Key) -> Result<[u8; 65], StoreError> {
    if let Some(point) = key.point.get() {
        return Ok(*point);
    }
    let point = app.signatures.p256_point(&key.pkcs8).await?;
    Ok(*key.point.get_or_init(|| point))
}
