//! JSON Web Tokens (RFC 7519) signed with Ed25519 (RFC 8037), and the parts of those that are signed with ES256 elsewhere. A key has
//! one algorithm and is selected by its `kid`. The header contains nothing else.
//!
//! jwt-compact parses tokens, headers, claims and base64, and checks their structure. The signatures are those of ed25519-dalek,
//! because jwt-compact's own support is for an older version. Times are compared here: RFC 7519 (section 4.1.4) rejects a token at
//! its expiry, and jwt-compact only after it.

use base64ct::{Base64UrlUnpadded, Encoding};
use chrono::DateTime;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use jwt_compact::{Claims, UntrustedToken};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::error::Error;

const EDDSA: &str = "EdDSA";

/// A verified token.
#[derive(Debug)]
pub struct Verified<T> {
    /// `iat`, in milliseconds since 1970.
    pub issued_at: i64,
    /// `exp`, in milliseconds since 1970.
    pub expires_at: i64,
    /// All other claims.
    pub claims: T,
}

/// The keys of a purpose. The first one signs, all of them verify.
pub struct JwtKeys {
    signing: SigningKey,
    key_id: String,
    verifying: Vec<(String, VerifyingKey)>,
}

impl JwtKeys {
    /// Creates the keys from their seeds: the current one, and the previous one if it is still accepted.
    pub(super) fn new(current: &[u8; 32], previous: Option<&[u8; 32]>) -> JwtKeys {
        let signing = SigningKey::from_bytes(current);
        let verifying: Vec<_> = [Some(current), previous]
            .into_iter()
            .flatten()
            .map(|seed| SigningKey::from_bytes(seed).verifying_key())
            .map(|key| (thumbprint(&key), key))
            .collect();
        JwtKeys { key_id: thumbprint(&signing.verifying_key()), signing, verifying }
    }

    /// Signs `claims`. The times are in milliseconds since 1970; the token has whole seconds.
    ///
    /// # Errors
    /// As [`message`].
    pub fn sign<T: Serialize>(&self, claims: T, issued_at: i64, expires_at: i64) -> Result<String, Error> {
        let message = message(EDDSA, &self.key_id, claims, issued_at, expires_at)?;
        let signature = self.signing.sign(message.as_bytes());
        Ok(with_signature(message, &signature.to_bytes()))
    }

    /// Returns the claims of `token`, if one of these keys has signed it and it has not expired at `now` (milliseconds).
    pub fn verify<T: DeserializeOwned>(&self, token: &str, now: i64) -> Option<Verified<T>> {
        self.claims(&Unverified::read(token)?, now)
    }

    /// As [`JwtKeys::verify`].
    pub fn claims<T: DeserializeOwned>(&self, token: &Unverified<'_>, now: i64) -> Option<Verified<T>> {
        let (_, key) = self.verifying.iter().find(|(known, _)| known == token.key_id())?;
        let is_signed = token.algorithm() == EDDSA && is_signed(key, token.message, token.signature());
        is_signed.then(|| token.claims(now))?
    }

    /// Returns the public keys, each with its id, which is its thumbprint (RFC 7638). The first one signs; all of them verify.
    pub fn public(&self) -> impl Iterator<Item = (&str, [u8; 32])> {
        self.verifying.iter().map(|(id, key)| (id.as_str(), key.to_bytes()))
    }
}

/// A token whose signature has not been verified.
pub struct Unverified<'a> {
    message: &'a [u8],
    token: UntrustedToken<'a, Map<String, Value>>,
    key_id: String,
}

impl<'a> Unverified<'a> {
    /// Reads a token. Its header only selects one of our keys: one with another key (`jwk`, `jku`, `x5u`, …) or extensions (`crit`) is
    /// rejected (RFC 8725, sections 3.1 and 3.10).
    pub fn read(text: &'a str) -> Option<Self> {
        let token: UntrustedToken<'a, Map<String, Value>> = text.try_into().ok()?;
        let header = token.header();
        let names_a_key = header.key_set_url.is_some()
            || header.certificate_url.is_some()
            || header.certificate_sha1_thumbprint.is_some()
            || header.certificate_thumbprint.is_some();
        if names_a_key
            || !header.other_fields.is_empty()
            || header.token_type.as_deref().is_some_and(|kind| kind != "JWT")
        {
            return None;
        }
        let key_id = header.key_id.clone()?;
        let (message, _) = text.rsplit_once('.')?;
        Some(Unverified { message: message.as_bytes(), token, key_id })
    }

    /// Returns the id of the key that the token names. The algorithm is that of the key.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Returns the algorithm that the token names. It must be that of the key.
    pub fn algorithm(&self) -> &str {
        self.token.algorithm()
    }

    /// Returns what is signed.
    pub fn message(&self) -> &[u8] {
        self.message
    }

    /// Returns the signature.
    pub fn signature(&self) -> &[u8] {
        self.token.signature_bytes()
    }

    /// Returns the claims, if the token has not expired at `now` (milliseconds). Only for tokens whose signature has been verified.
    pub fn claims<T: DeserializeOwned>(&self, now: i64) -> Option<Verified<T>> {
        let claims: Claims<T> = self.token.deserialize_claims_unchecked().ok()?;
        let expires_at = claims.expiration?.timestamp_millis();
        let issued_at = claims.issued_at?.timestamp_millis();
        let mature = claims.not_before.is_none_or(|moment| moment.timestamp_millis() <= now);
        (mature && now < expires_at).then_some(Verified { issued_at, expires_at, claims: claims.custom })
    }
}

/// Returns what is signed of a token: its header and its claims. The times are in milliseconds since 1970; the token has whole seconds.
///
/// # Errors
/// 500 if the claims are not a JSON object or a time is out of range.
pub fn message<T: Serialize>(
    algorithm: &str,
    key_id: &str,
    claims: T,
    issued_at: i64,
    expires_at: i64,
) -> Result<String, Error> {
    let moment = |milliseconds: i64| {
        DateTime::from_timestamp(milliseconds.div_euclid(1_000), 0)
            .ok_or_else(|| Error::Internal("a time beyond the calendar".to_owned()))
    };
    let mut claims = Claims::new(claims);
    claims.issued_at = Some(moment(issued_at)?);
    claims.expiration = Some(moment(expires_at)?);
    let claims = serde_json::to_string(&claims)
        .map_err(|error| Error::Internal(format!("the claims of a token are no JSON object: {error}")))?;
    // Neither value needs an escape: a key id is in base64url.
    let header = format!(r#"{{"alg":"{algorithm}","kid":"{key_id}","typ":"JWT"}}"#);
    let [header, claims] = [header, claims].map(|part| Base64UrlUnpadded::encode_string(part.as_bytes()));
    Ok(format!("{header}.{claims}"))
}

/// Returns the token of a message from [`message`] and its signature.
pub fn with_signature(mut message: String, signature: &[u8]) -> String {
    message.push('.');
    message.push_str(&Base64UrlUnpadded::encode_string(signature));
    message
}

fn is_signed(key: &VerifyingKey, message: &[u8], signature: &[u8]) -> bool {
    Signature::from_slice(signature).is_ok_and(|signature| key.verify_strict(message, &signature).is_ok())
}

fn x(key: &VerifyingKey) -> String {
    Base64UrlUnpadded::encode_string(key.as_bytes())
}

/// Returns the JWK thumbprint of a key (RFC 7638; RFC 8037, appendix A.3), in base64url.
fn thumbprint(key: &VerifyingKey) -> String {
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, x(key));
    Base64UrlUnpadded::encode_string(&Sha256::digest(members))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmac::{Hmac, KeyInit, Mac};
    use serde_json::json;

    /// RFC 8037, appendix A.1: `d`.
    const SEED: [u8; 32] = [
        0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49,
        0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
    ];
    const NOW: i64 = 1_700_000_000_000;

    fn keys() -> JwtKeys {
        JwtKeys::new(&SEED, None)
    }

    fn encode(text: &str) -> String {
        Base64UrlUnpadded::encode_string(text.as_bytes())
    }

    /// Returns a token with any header and claims, signed with the right key.
    fn signed(header: &str, claims: &str) -> String {
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = SigningKey::from_bytes(&SEED).sign(message.as_bytes());
        format!("{message}.{}", Base64UrlUnpadded::encode_string(&signature.to_bytes()))
    }

    fn is_accepted(token: &str) -> bool {
        keys().verify::<Map<String, Value>>(token, NOW).is_some()
    }

    const KID: &str = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
    const CLAIMS: &str = r#"{"sub":"1","iat":1699999999,"exp":1700000001}"#;

    #[test]
    fn keys_and_signatures_are_those_of_rfc_8037() {
        let key = SigningKey::from_bytes(&SEED).verifying_key();
        assert_eq!(x(&key), "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(thumbprint(&key), KID);
        // Appendix A.4. Its payload is not JSON, so only the signature is compared.
        let message = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let signature = SigningKey::from_bytes(&SEED).sign(message.as_bytes()).to_bytes();
        assert_eq!(
            Base64UrlUnpadded::encode_string(&signature),
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        );
    }

    #[test]
    fn what_was_signed_is_read_back_until_it_expires() {
        let token = keys().sign(json!({ "sub": "1" }), NOW, NOW + 60_000).unwrap();
        let verified = keys().verify::<Map<String, Value>>(&token, NOW + 59_999).unwrap();
        assert_eq!((verified.issued_at, verified.expires_at), (NOW, NOW + 60_000));
        assert_eq!(verified.claims["sub"], "1");
        assert!(keys().verify::<Map<String, Value>>(&token, NOW + 60_000).is_none());
    }

    #[test]
    fn a_header_that_says_more_than_which_of_our_keys_is_refused() {
        assert!(is_accepted(&signed(&format!(r#"{{"alg":"EdDSA","kid":"{KID}"}}"#), CLAIMS)));
        for header in [
            r#"{"alg":"EdDSA"}"#.to_owned(),
            r#"{"alg":"EdDSA","kid":"unknown"}"#.to_owned(),
            format!(r#"{{"alg":"none","kid":"{KID}"}}"#),
            format!(r#"{{"alg":"HS256","kid":"{KID}"}}"#),
            format!(r#"{{"alg":"Ed25519","kid":"{KID}"}}"#),
            format!(r#"{{"alg":"EdDSA","alg":"EdDSA","kid":"{KID}"}}"#),
            format!(r#"{{"alg":"EdDSA","kid":"{KID}","kid":"{KID}"}}"#),
            format!(r#"{{"alg":"EdDSA","kid":"{KID}","typ":"at+jwt"}}"#),
            format!(r#"{{"alg":"EdDSA","kid":"{KID}","crit":["exp"]}}"#),
            format!(r#"{{"alg":"EdDSA","kid":"{KID}","b64":false}}"#),
            format!(r#"{{"alg":"EdDSA","kid":"{KID}","jku":"https://example.com/jwks"}}"#),
            format!(r#"{{"alg":"EdDSA","kid":"{KID}","x5u":"https://example.com/x5u"}}"#),
            format!(r#"{{"alg":"EdDSA","kid":"{KID}","jwk":{{"kty":"OKP"}}}}"#),
            format!(r#"{{"kid":"{KID}"}}"#),
            "[]".to_owned(),
            "not json".to_owned(),
        ] {
            assert!(!is_accepted(&signed(&header, CLAIMS)), "{header}");
        }
    }

    #[test]
    fn times_must_be_numbers_and_there() {
        let header = format!(r#"{{"alg":"EdDSA","kid":"{KID}"}}"#);
        for claims in [
            r#"{"iat":1699999999}"#,
            r#"{"exp":1700000001}"#,
            r#"{"iat":1699999999,"exp":"1700000001"}"#,
            r#"{"iat":1699999999,"exp":null}"#,
            r#"{"iat":1699999999,"exp":1700000000}"#,
            r#"{"iat":1699999999,"exp":1700000001,"exp":1800000000}"#,
            r#"{"iat":1699999999,"exp":1700000002,"nbf":1700000001}"#,
            r#"{"iat":1699999999,"exp":99999999999999999999}"#,
            "[]",
            "",
        ] {
            assert!(!is_accepted(&signed(&header, claims)), "{claims}");
        }
    }

    #[test]
    fn a_token_that_was_touched_is_refused() {
        let token = signed(&format!(r#"{{"alg":"EdDSA","kid":"{KID}"}}"#), CLAIMS);
        assert!(is_accepted(&token));
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            assert!(!is_accepted(&String::from_utf8(bytes).unwrap()), "byte {at}");
            assert!(!is_accepted(&token[..at]), "cut at {at}");
        }
        for touched in [
            format!("{token}="),
            format!("{token}."),
            format!(" {token}"),
            format!("{token}AAAA"),
            String::new(),
            "..".into(),
        ] {
            assert!(!is_accepted(&touched), "{touched:?}");
        }
    }

    /// Decodes hexadecimal digits.
    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn signatures_are_judged_as_project_wycheproof_does() {
        let vectors = include_str!("../../tests/vectors/wycheproof_ed25519.tsv");
        let mut judged = (0, 0);
        for line in vectors.lines().filter(|line| !line.starts_with('#')) {
            let columns: Vec<&str> = line.split('\t').collect();
            let key = VerifyingKey::from_bytes(&bytes(columns[2]).try_into().unwrap()).unwrap();
            let is_valid = is_signed(&key, &bytes(columns[3]), &bytes(columns[4]));
            assert_eq!(is_valid, columns[1] == "valid", "{line}");
            if is_valid {
                judged.0 += 1;
            } else {
                judged.1 += 1;
            }
        }
        assert_eq!(judged, (88, 63));
    }

    #[test]
    fn nobody_else_can_sign() {
        let claims = encode(CLAIMS);
        let key = SigningKey::from_bytes(&SEED).verifying_key();
        // RFC 8725, section 2.1: the public key used as an HMAC secret.
        let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, x(&key));
        for secret in [key.as_bytes().as_slice(), x(&key).as_bytes(), jwk.as_bytes(), KID.as_bytes(), b""] {
            for algorithm in ["HS256", "EdDSA"] {
                let message = format!("{}.{claims}", encode(&format!(r#"{{"alg":"{algorithm}","kid":"{KID}"}}"#)));
                let mut hmac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret).unwrap();
                hmac.update(message.as_bytes());
                let tag = Base64UrlUnpadded::encode_string(&hmac.finalize().into_bytes());
                assert!(!is_accepted(&format!("{message}.{tag}")), "{algorithm}");
            }
        }
        // RFC 7515, appendix A.5, in every spelling: no signature.
        for algorithm in ["none", "None", "NONE", "nOnE", "", "EdDSA"] {
            let header = encode(&format!(r#"{{"alg":"{algorithm}","kid":"{KID}"}}"#));
            assert!(!is_accepted(&format!("{header}.{claims}.")), "{algorithm}");
            assert!(!is_accepted(&format!("{header}.{claims}")), "{algorithm}");
        }
        // The key is in the token, or belongs to another service.
        let stranger = SigningKey::from_bytes(&[7; 32]);
        let own_key = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, x(&stranger.verifying_key()));
        for header in [
            format!(r#"{{"alg":"EdDSA","kid":"{KID}"}}"#),
            format!(r#"{{"alg":"EdDSA","kid":"{}"}}"#, thumbprint(&stranger.verifying_key())),
            format!(r#"{{"alg":"EdDSA","kid":"{KID}","jwk":{own_key}}}"#),
        ] {
            let message = format!("{}.{claims}", encode(&header));
            let signature = Base64UrlUnpadded::encode_string(&stranger.sign(message.as_bytes()).to_bytes());
            assert!(!is_accepted(&format!("{message}.{signature}")), "{header}");
        }
    }

    #[test]
    fn a_signature_covers_the_header_and_the_claims_of_its_own_token() {
        let header = format!(r#"{{"alg":"EdDSA","kid":"{KID}"}}"#);
        let mine = signed(&header, CLAIMS);
        let yours = signed(&format!(r#"{{"alg":"EdDSA","kid":"{KID}","typ":"JWT"}}"#), &CLAIMS.replace('1', "2"));
        assert!(is_accepted(&mine) && is_accepted(&yours));
        let (mine, yours): (Vec<_>, Vec<_>) = (mine.split('.').collect(), yours.split('.').collect());
        for mixed in 1..7 {
            let part = |at: usize| if (mixed >> at) & 1 == 1 { yours[at] } else { mine[at] };
            assert!(!is_accepted(&format!("{}.{}.{}", part(0), part(1), part(2))), "{mixed:03b}");
        }
    }

    #[test]
    fn there_is_one_way_to_write_a_token() {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let token = signed(&format!(r#"{{"alg":"EdDSA","kid":"{KID}"}}"#), CLAIMS);
        assert!(is_accepted(&token));
        // RFC 4648, section 3.5: the last letter of 64 bytes has four bits to spare.
        let (rest, last) = token.split_at(token.len() - 1);
        for letter in ALPHABET.iter().map(|letter| char::from(*letter)).filter(|letter| !last.contains(*letter)) {
            assert!(!is_accepted(&format!("{rest}{letter}")), "{letter} for {last}");
        }
        let parts: Vec<&str> = token.split('.').collect();
        let (header, claims, signature) = (parts[0], parts[1], parts[2]);
        for rewritten in [
            format!("{header}==.{claims}.{signature}"),
            format!("{header}.{claims}=.{signature}"),
            format!("{header}.{claims}.{signature}=="),
            format!("{header}.{claims}.{}", signature.replace('-', "+").replace('_', "/")),
            format!("{header}.{claims}.{signature}\n"),
            format!("{header}.\r\n{claims}.{signature}"),
            format!("{header}.{claims}.{signature}.{signature}"),
            format!("{header}..{claims}.{signature}"),
            format!(".{header}.{claims}.{signature}"),
            format!("{header}.{claims}.{claims}.{claims}.{signature}"),
            format!("{header}%2E{claims}%2E{signature}"),
            format!("\u{feff}{token}"),
            format!("\"{token}\""),
            // RFC 7515, section 7.2: the JSON serialisations.
            format!(r#"{{"protected":"{header}","payload":"{claims}","signature":"{signature}"}}"#),
            format!(r#"{{"payload":"{claims}","signatures":[{{"protected":"{header}","signature":"{signature}"}}]}}"#),
        ] {
            // A signature without either letter is the same in both alphabets.
            assert!(rewritten == token || !is_accepted(&rewritten), "{rewritten}");
        }
    }

    #[test]
    fn a_header_or_claims_that_two_readers_could_read_differently_are_refused() {
        for header in [
            format!(r#"{{"alg":"EdDSA","\u0061lg":"none","kid":"{KID}"}}"#),
            format!(r#"{{"alg":"EdDSA","kid":"{KID}","\u006bid":"unknown"}}"#),
            format!(r#"{{"alg":"EdDSA","kid":"{KID}"}}{{}}"#),
            format!(r#"{{"alg":"EdDSA","kid":"{KID}",}}"#),
            format!(r#"{{'alg':'EdDSA','kid':'{KID}'}}"#),
            format!("\u{feff}{{\"alg\":\"EdDSA\",\"kid\":\"{KID}\"}}"),
            format!(r#"[{{"alg":"EdDSA","kid":"{KID}"}}]"#),
            format!(r#"{{"alg":["EdDSA"],"kid":"{KID}"}}"#),
            format!(r#"{{"alg":"eddsa","kid":"{KID}"}}"#),
            format!(r#"{{"alg":"EdDSA ","kid":"{KID}"}}"#),
            format!(r#"{{"alg":"EdDSA","kid":["{KID}"]}}"#),
            format!(r#"{{"alg":"EdDSA","kid":"{KID}\u0000"}}"#),
            r#"{"alg":"EdDSA","kid":null}"#.to_owned(),
            r#"{"alg":"EdDSA","kid":0}"#.to_owned(),
            format!(r#"{{"alg":"EdDSA","kid":"{KID}","cty":"JWT"}}"#),
            format!(r#"{{"alg":"EdDSA","kid":"{KID}","zip":"DEF"}}"#),
            format!(r#"{{"alg":"EdDSA","kid":"{KID}","enc":"A256GCM"}}"#),
            format!(r#"{{"alg":"EdDSA","kid":"{KID}","x5c":["MIIB"]}}"#),
            format!(r#"{{"alg":"EdDSA","kid":"{KID}","x5t":"AAAAAAAAAAAAAAAAAAAAAAAAAAA"}}"#),
            format!(r#"{{"alg":"EdDSA","kid":"{KID}","crit":[]}}"#),
        ] {
            assert!(!is_accepted(&signed(&header, CLAIMS)), "{header}");
        }
        #[derive(Debug, serde::Deserialize)]
        struct Who {
            sub: String,
        }
        let header = format!(r#"{{"alg":"EdDSA","kid":"{KID}"}}"#);
        let who =
            |claims: &str| keys().verify::<Who>(&signed(&header, claims), NOW).map(|verified| verified.claims.sub);
        assert_eq!(who(CLAIMS).as_deref(), Some("1"));
        for claims in [
            r#"{"sub":"1","sub":"2","iat":1699999999,"exp":1700000001}"#,
            r#"{"sub":"1","\u0073ub":"2","iat":1699999999,"exp":1700000001}"#,
            r#"{"sub":"1","iat":1699999999,"iat":1699999998,"exp":1700000001}"#,
            r#"{"sub":1,"iat":1699999999,"exp":1700000001}"#,
            r#"{"sub":["1"],"iat":1699999999,"exp":1700000001}"#,
            r#"{"iat":1699999999,"exp":1700000001}"#,
            r#"{"sub":"1","iat":1699999999,"exp":1700000001} {}"#,
            r#"{"sub":"1","iat":1699999999,"exp":[1700000001]}"#,
            r#"{"sub":"1","iat":1699999999,"exp":true}"#,
            r#"{"sub":"1","iat":1699999999,"exp":1e400}"#,
            r#"{"sub":"1","iat":1699999999,"exp":-1}"#,
            r#"{"sub":"1","iat":1699999999,"exp":9223372036854775807}"#,
            r#"{"sub":"1","iat":1699999999,"exp":"1700000001"}"#,
            r#"{"sub":"1","iat":"1699999999","exp":1700000001}"#,
            r#"{"sub":"1","iat":1699999999,"exp":1700000001,"nbf":"0"}"#,
        ] {
            assert_eq!(who(claims), None, "{claims}");
        }
    }

    #[test]
    fn the_previous_key_is_accepted_while_it_is_rotated_out_and_never_signs() {
        let old = JwtKeys::new(&[1; 32], None);
        let rotating = JwtKeys::new(&[2; 32], Some(&[1; 32]));
        let rotated = JwtKeys::new(&[2; 32], None);
        let before = old.sign(json!({}), NOW, NOW + 60_000).unwrap();
        let after = rotating.sign(json!({}), NOW, NOW + 60_000).unwrap();
        let accepts = |keys: &JwtKeys, token: &str| keys.verify::<Map<String, Value>>(token, NOW).is_some();
        assert!(accepts(&rotating, &before) && accepts(&rotating, &after));
        assert!(!accepts(&rotated, &before) && accepts(&rotated, &after) && !accepts(&old, &after));
        assert_eq!(rotating.public().count(), 2);
    }
}
