//! ID tokens (OpenID Connect Core 1.0, sections 2 and 3.1.3.7), verified with the published keys of the provider.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::Value;

use super::{Attempt, fetch, refused, text};
use crate::{
    app::App,
    crypto::{constant_time, ed25519},
    error::Error,
    ports::Algorithm,
    settings::IdentityProvider,
};

/// How far the clock of a provider may be off, in seconds.
const SKEW: i64 = 60;
/// How often keys are fetched again because a token names an unknown one, in milliseconds.
const REFETCH: i64 = 60_000;
/// The lengths of an RSA modulus in bytes: 2048 to 4096 bits.
const RSA_LENGTHS: std::ops::RangeInclusive<usize> = 256..=512;

/// Returns the claims of an ID token, if the provider has issued it to this service for this visit. The caller compares the issuer.
///
/// # Errors
/// 401 `provider_refused` if the token cannot be trusted; 503 `provider_unavailable` without the keys of the provider.
pub(super) async fn verified(
    app: &App,
    provider: &IdentityProvider,
    keys_url: &str,
    token: &str,
    attempt: &Attempt,
) -> Result<Value, Error> {
    let refuse = |why| refused(app, provider, why);
    let token = Token::parse(token).ok_or_else(|| refuse("the ID token is malformed"))?;
    let keys = fetch::document(app, provider, keys_url, fetch::HOUR, |keys| all(keys).map(drop)).await?;
    let key = match token.key(&keys) {
        Ok(Some(key)) => key,
        // The provider may have begun to use another key.
        Ok(None) => {
            let keys = fetch::document(app, provider, keys_url, REFETCH, |keys| all(keys).map(drop)).await?;
            token.key(&keys).map_err(refuse)?.ok_or_else(|| refuse("the key of the ID token is unknown"))?
        }
        Err(why) => return Err(refuse(why)),
    };
    let (message, signature) = (token.message.as_bytes(), token.signature.as_slice());
    let is_valid = match &key {
        Key::Rs256(modulus) => app.signatures.verify(Algorithm::Rs256, modulus, message, signature).await,
        Key::Es256(point) => app.signatures.verify(Algorithm::Es256, point, message, signature).await,
        Key::EdDsa(key) => Ok(ed25519::verify(key, message, signature)),
    };
    if !is_valid? {
        return Err(refuse("the signature of the ID token is wrong"));
    }
    check(&token.claims, &provider.client_id, &attempt.nonce, app.now.div_euclid(1_000)).map_err(refuse)?;
    Ok(token.claims)
}

/// A JWS in the compact serialization (RFC 7515, section 7.1).
struct Token<'a> {
    header: Value,
    claims: Value,
    message: &'a str,
    signature: Vec<u8>,
}

/// A key that can verify a token.
#[derive(Debug, PartialEq, Eq)]
enum Key {
    Rs256(Vec<u8>),
    Es256(Vec<u8>),
    EdDsa([u8; 32]),
}

impl<'a> Token<'a> {
    fn parse(token: &'a str) -> Option<Token<'a>> {
        let (message, signature) = token.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        let object = |part: &str| {
            let value: Value = serde_json::from_slice(&Base64UrlUnpadded::decode_vec(part).ok()?).ok()?;
            value.is_object().then_some(value)
        };
        let signature = Base64UrlUnpadded::decode_vec(signature).ok()?;
        Some(Token { header: object(header)?, claims: object(claims)?, message, signature })
    }

    /// Returns the key that the header names. `None` if it is not among these. The algorithm is that of the key (RFC 8725, section 3.1), and
    /// symmetric algorithms and `none` have no key here.
    fn key(&self, keys: &Value) -> Result<Option<Key>, &'static str> {
        if self.header.get("crit").is_some() {
            return Err("the ID token has critical extensions");
        }
        let algorithm = text(&self.header, "alg");
        let (kind, curve) = match algorithm {
            "RS256" => ("RSA", ""),
            "ES256" => ("EC", "P-256"),
            "EdDSA" => ("OKP", "Ed25519"),
            _ => return Err("the algorithm of the ID token is not accepted"),
        };
        let fits = |key: &&Value| {
            let is = |name: &str, wanted: &str| key.get(name).is_none_or(|value| value == wanted);
            text(key, "kty") == kind && text(key, "crv") == curve && is("alg", algorithm) && is("use", "sig")
        };
        let mut fitting = all(keys)?.iter().filter(fits);
        let key = match self.header.get("kid").map(Value::as_str) {
            Some(Some(id)) => fitting.find(|key| text(key, "kid") == id),
            Some(None) => return Err("the key id of the ID token is not a text"),
            None => match (fitting.next(), fitting.next()) {
                (Some(key), None) => Some(key),
                (Some(_), Some(_)) => return Err("the ID token does not say which key it is signed with"),
                (None, _) => None,
            },
        };
        let Some(key) = key else { return Ok(None) };
        read(key, algorithm).map(Some).ok_or("the key of the provider is malformed")
    }
}

/// Returns the keys in a set (RFC 7517, section 5).
fn all(keys: &Value) -> Result<&Vec<Value>, &'static str> {
    keys.get("keys").and_then(Value::as_array).ok_or("its keys are malformed")
}

/// Reads a public key (RFC 7518, section 6; RFC 8037, section 2).
fn read(key: &Value, algorithm: &str) -> Option<Key> {
    let bytes = |name: &str| Base64UrlUnpadded::decode_vec(text(key, name)).ok();
    Some(match algorithm {
        "RS256" => {
            let modulus = bytes("n")?;
            let is_long_enough =
                RSA_LENGTHS.contains(&modulus.len()) && modulus.first().is_some_and(|first| *first != 0);
            // The exponent 65537, which is the only one in use.
            (is_long_enough && bytes("e")? == [1, 0, 1]).then_some(Key::Rs256(modulus))?
        }
        "ES256" => {
            let (x, y): ([u8; 32], [u8; 32]) = (bytes("x")?.try_into().ok()?, bytes("y")?.try_into().ok()?);
            Key::Es256([&[4], x.as_slice(), &y].concat())
        }
        _ => Key::EdDsa(bytes("x")?.try_into().ok()?),
    })
}

/// Checks the claims (section 3.1.3.7) except for the issuer. `now` is in seconds.
fn check(claims: &Value, client_id: &str, nonce: &str, now: i64) -> Result<(), &'static str> {
    let (is_for_us, is_for_others) = match &claims["aud"] {
        Value::String(audience) => (audience == client_id, false),
        Value::Array(audiences) => (audiences.iter().any(|audience| audience == client_id), audiences.len() > 1),
        _ => (false, false),
    };
    let authorized = claims.get("azp");
    let is_authorized = match authorized {
        Some(party) => party == client_id,
        None => !is_for_others,
    };
    if !is_for_us || !is_authorized {
        return Err("the ID token is for someone else");
    }
    let time =
        |name: &str| claims.get(name).and_then(|time| time.as_i64().or_else(|| time.as_f64().map(|time| time as i64)));
    let (Some(expires_at), Some(issued_at)) = (time("exp"), time("iat")) else {
        return Err("the ID token lacks a time");
    };
    let not_before =
        if claims.get("nbf").is_some() { time("nbf").ok_or("the ID token has a malformed time")? } else { 0 };
    if now >= expires_at.saturating_add(SKEW) {
        return Err("the ID token has expired");
    }
    if issued_at.max(not_before) > now + SKEW {
        return Err("the ID token is from the future");
    }
    constant_time::find([(text(claims, "nonce"), ())], nonce).ok_or("the ID token is of another visit")
}
