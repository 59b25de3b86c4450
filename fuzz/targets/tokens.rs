//! Fuzzes the verification of bearer tokens. The input is a token, or a line `signed` followed by the header, a NUL and the
//! claims of a token that the target signs, because a fuzzer cannot find a valid signature.

#![no_main]

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::{Signer, SigningKey};
use hkdf::Hkdf;
use libfuzzer_sys::fuzz_target;
use postern::crypto::{jwt::JwtKeys, keys::Keys};
use serde_json::{Map, Value, json};
use sha2::Sha256;

const SECRET: &str = "a secret for fuzzing, 32 characters";
const NOW: i64 = 1_800_000_000_000;

struct Signed {
    keys: JwtKeys,
    key_id: String,
    signing: SigningKey,
}

thread_local! {
    static SIGNED: Signed = Signed::new();
}

impl Signed {
    fn new() -> Signed {
        let keys = Keys::derive(SECRET, None).session;
        let key_id = keys.public().next().unwrap().0.to_owned();
        let mut seed = [0; 32];
        Hkdf::<Sha256>::new(None, SECRET.as_bytes()).expand(b"postern/1/session token", &mut seed).unwrap();
        let signed = Signed { keys, key_id, signing: SigningKey::from_bytes(&seed) };
        // Otherwise, no input would get past the signature check, unnoticed.
        let header = json!({ "alg": "EdDSA", "kid": signed.key_id }).to_string();
        let token = signed.token(header.as_bytes(), br#"{"iat":1799999999,"exp":1800000001}"#);
        assert!(
            signed.keys.verify::<Map<String, Value>>(&token, NOW).is_some(),
            "the derivation of the keys has changed"
        );
        signed
    }

    fn token(&self, header: &[u8], claims: &[u8]) -> String {
        let message =
            format!("{}.{}", Base64UrlUnpadded::encode_string(header), Base64UrlUnpadded::encode_string(claims));
        let signature = self.signing.sign(message.as_bytes());
        format!("{message}.{}", Base64UrlUnpadded::encode_string(&signature.to_bytes()))
    }
}

fuzz_target!(|data: &[u8]| SIGNED.with(|signed| hold(signed, data)));

fn hold(signed: &Signed, data: &[u8]) {
    let Some(parts) = data.strip_prefix(b"signed\n") else {
        let Ok(token) = std::str::from_utf8(data) else { return };
        assert!(signed.keys.verify::<Map<String, Value>>(token, NOW).is_none(), "accepted an unsigned token: {token}");
        return;
    };
    let end = parts.iter().position(|byte| *byte == 0).unwrap_or(parts.len());
    let (header, claims) = (&parts[..end], parts.get(end + 1..).unwrap_or_default());
    // So that the fuzzer does not have to find the key id.
    let header = String::from_utf8_lossy(header).replace("$kid", &signed.key_id);
    let token = signed.token(header.as_bytes(), claims);
    let Some(verified) = signed.keys.verify::<Map<String, Value>>(&token, NOW) else { return };

    let header: Map<String, Value> = serde_json::from_str(&header).expect("a header is a JSON object");
    for (name, value) in &header {
        let is_known = match name.as_str() {
            "alg" => value == "EdDSA",
            "kid" => *value == *signed.key_id,
            "typ" => value.is_null() || value == "JWT",
            // An empty value has no effect.
            _ => value.is_null(),
        };
        assert!(is_known, "{name}: {value} in {token}");
    }
    assert!(header.contains_key("alg") && header.contains_key("kid"), "{token}");
    let claims: Map<String, Value> = serde_json::from_slice(claims).expect("claims are a JSON object");
    // RFC 7519, section 2: seconds, possibly with a fraction.
    let seconds =
        |name: &str| claims.get(name).and_then(|time| time.as_i64().or(time.as_f64().map(|time| time as i64)));
    assert_eq!(seconds("exp").map(|time| time * 1_000), Some(verified.expires_at), "{token}");
    assert_eq!(seconds("iat").map(|time| time * 1_000), Some(verified.issued_at), "{token}");
    assert!(NOW < verified.expires_at, "{token}");
    assert!(seconds("nbf").is_none_or(|time| time * 1_000 <= NOW), "{token}");
}
