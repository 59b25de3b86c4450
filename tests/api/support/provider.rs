//! An OpenID Provider on the net of the tests.
//!
//! `Provider::start(&postern)` publishes a discovery document and keys, and `issues` decides which ID token comes for the next code. A
//! test changes the claims, the header or the keys.

use base64ct::{Base64UrlUnpadded, Encoding};
use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use rsa::signature::SignatureEncoding;
use serde_json::{Value, json};

use super::{Answer, Postern};

pub const ISSUER: &str = "https://op.example/tenant";
pub const SETTINGS: [(&str, &str); 5] = [
    ("IDENTITY_PROVIDERS", "github,acme"),
    ("OIDC_ACME_ISSUER", ISSUER),
    ("OIDC_ACME_CLIENT_ID", "client"),
    ("OIDC_ACME_CLIENT_SECRET", "s:cret"),
    ("OIDC_ACME_VERIFIED_EMAILS", "trusted"),
];
pub const DISCOVERY: &str = "https://op.example/tenant/.well-known/openid-configuration";
pub const KEYS: &str = "https://op.example/keys";
pub const TOKEN: &str = "https://op.example/token";
pub const USERINFO: &str = "https://op.example/userinfo";
const LOGIN: &str = "/api/auth/login/acme";

/// A visit that has begun.
pub struct Visit {
    pub body: Value,
    pub nonce: String,
    pub url: String,
}

/// The key that signs with ES256.
fn es256_key() -> SigningKey {
    SigningKey::from_slice(&[7; 32]).unwrap()
}

/// Its public part, as a JWK.
pub fn es256_jwk(kid: &str) -> Value {
    let point = es256_key().verifying_key().to_sec1_point(false);
    let (x, y) = (encoded(&point.as_bytes()[1..33]), encoded(&point.as_bytes()[33..]));
    json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid, "x": x, "y": y })
}

/// The key of RFC 7515, appendix A.2, which signs with RS256.
const N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
const D: &str = "Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ";
const P: &str = "4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc";
const Q: &str = "uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_YwD66t62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc";

/// Its public part, as a JWK.
pub fn rs256_jwk(kid: &str) -> Value {
    json!({ "kty": "RSA", "alg": "RS256", "kid": kid, "n": N, "e": "AQAB" })
}

pub fn encoded(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// Returns a token with this header and these claims. The header decides who signs.
pub fn signed(header: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", encoded(header.to_string().as_bytes()), encoded(claims.to_string().as_bytes()));
    let signature = match header["alg"].as_str() {
        Some("RS256") => {
            let number = |text| rsa::BoxedUint::from_be_slice_vartime(&Base64UrlUnpadded::decode_vec(text).unwrap());
            let e = rsa::BoxedUint::from_be_slice_vartime(&[1, 0, 1]);
            let key = rsa::PrivateKey::from_components(number(N), e, number(D), vec![number(P), number(Q)]).unwrap();
            rsa::pkcs1v15::SigningKey::<sha2::Sha256>::new(key).sign(message.as_bytes()).to_vec()
        }
        Some("none") => Vec::new(),
        Some("HS256") => {
            use hkdf::hmac::{Hmac, KeyInit, Mac};
            // With the published key as the secret.
            let mut mac = Hmac::<sha2::Sha256>::new_from_slice(es256_jwk("es").to_string().as_bytes()).unwrap();
            mac.update(message.as_bytes());
            mac.finalize().into_bytes().to_vec()
        }
        _ => {
            let signature: Signature = es256_key().sign(message.as_bytes());
            signature.to_bytes().to_vec()
        }
    };
    format!("{message}.{}", encoded(&signature))
}

/// Publishes the provider.
pub fn start(postern: &Postern) {
    postern.net_answers(DISCOVERY, 200, &discovery().to_string());
    postern.net_answers(KEYS, 200, &json!({ "keys": [es256_jwk("es"), rs256_jwk("rs")] }).to_string());
}

pub fn discovery() -> Value {
    json!({
        "issuer": ISSUER,
        "authorization_endpoint": "https://op.example/authorize?theme=dark",
        "token_endpoint": TOKEN,
        "jwks_uri": KEYS,
        "userinfo_endpoint": USERINFO,
    })
}

/// Begins a visit.
pub fn begin(postern: &Postern) -> Visit {
    let begun = postern.post(LOGIN).json(json!({})).send().expect(200);
    let url = begun["url"].as_str().unwrap().to_owned();
    let (_, query) = url.split_once('?').unwrap();
    let nonce = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "nonce").unwrap().1.into_owned();
    Visit { body: json!({ "token": begun["token"], "state": begun["id"], "code": "a code" }), nonce, url }
}

/// The claims of a good ID token for a visit.
pub fn claims(postern: &Postern, visit: &Visit) -> Value {
    let now = postern.now.get() / 1_000;
    json!({
        "iss": ISSUER, "sub": "248289761001", "aud": "client", "nonce": visit.nonce, "iat": now, "exp": now + 300,
        "email": "grace@example.com", "email_verified": true, "name": "Grace Hopper",
    })
}

/// Decides which ID token comes for the next code.
pub fn issues(postern: &Postern, id_token: &str) {
    let body =
        json!({ "access_token": "SlAV32hkKG", "token_type": "Bearer", "expires_in": 3600, "id_token": id_token });
    postern.net_answers(TOKEN, 200, &body.to_string());
}

/// Comes back from the provider.
pub fn come_back(postern: &Postern, visit: &Visit) -> Answer {
    postern.post(&format!("{LOGIN}/callback")).json(visit.body.clone()).send()
}
