//! `GET /api/auth/jwks`

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::{Signature, VerifyingKey};
use serde_json::{Value, json};

use crate::support::{DAY, Postern, SECRET};

const NEXT_SECRET: &str = "the next secret, of 32 characters";

fn keys(postern: &Postern) -> Vec<Value> {
    let body = postern.get("/api/auth/jwks").send().expect(200);
    assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
    body["keys"].as_array().unwrap().clone()
}

fn header(token: &str) -> Value {
    let header = token.split('.').next().unwrap();
    serde_json::from_slice(&Base64UrlUnpadded::decode_vec(header).unwrap()).unwrap()
}

/// Verifies the token with the key, using a third-party library.
fn verifies(key: &Value, token: &str) -> bool {
    let x = Base64UrlUnpadded::decode_vec(key["x"].as_str().unwrap()).unwrap();
    let key = VerifyingKey::from_bytes(&x.try_into().unwrap()).unwrap();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let signature = Signature::from_slice(&Base64UrlUnpadded::decode_vec(signature).unwrap()).unwrap();
    key.verify_strict(message.as_bytes(), &signature).is_ok()
}

#[test]
fn it_returns_one_key_with_only_public_members() {
    let keys = keys(&Postern::new());
    assert_eq!(keys.len(), 1);
    let (x, kid) = (&keys[0]["x"], &keys[0]["kid"]);
    assert!(x.as_str().is_some_and(|x| x.len() == 43) && kid.as_str().is_some_and(|kid| kid.len() == 43), "{keys:?}");
    let expected = json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "use": "sig", "alg": "EdDSA" });
    assert_eq!(keys[0], expected);
}

#[test]
fn other_services_can_verify_session_tokens() {
    let postern = Postern::new();
    let token = postern.admin_token();
    let key = &keys(&postern)[0];
    assert_eq!((&header(&token)["kid"], &header(&token)["alg"]), (&key["kid"], &key["alg"]));
    assert!(verifies(key, &token));
}

#[test]
fn a_reset_token_does_not_verify() {
    let postern = Postern::new();
    postern.sign_up("ada@example.com");
    let token = postern.reset_token("ada@example.com");
    let key = &keys(&postern)[0];
    assert_ne!(header(&token)["kid"], key["kid"]);
    assert!(!verifies(key, &token));
}

#[test]
fn a_password_change_token_does_not_verify() {
    let postern = Postern::with_settings(&[("DEFAULT_ADMIN", "restricted")]);
    let token = postern.admin_token();
    postern.redeploy(&[
        ("DEFAULT_ADMIN", "restricted"),
        ("AUTH_SECRET", NEXT_SECRET),
        ("AUTH_SECRET_PREVIOUS", SECRET),
    ]);
    let newer = postern.admin_token();
    assert_eq!([postern.me(&token), postern.me(&newer)], [200, 200]);
    for key in keys(&postern) {
        for token in [&token, &newer] {
            assert_ne!(header(token)["kid"], key["kid"]);
            assert!(!verifies(&key, token));
        }
    }
}

#[test]
fn during_a_rotation_both_keys_are_published_and_both_kinds_of_sessions_work() {
    let postern = Postern::new();
    let old_token = postern.admin_token();
    let old = keys(&postern).remove(0);
    postern.redeploy(&[("AUTH_SECRET", NEXT_SECRET), ("AUTH_SECRET_PREVIOUS", SECRET)]);
    let new_token = postern.admin_token();
    let both = keys(&postern);
    assert_eq!((both.len(), &both[1]), (2, &old));
    assert_ne!(both[0]["kid"], old["kid"]);
    assert_eq!([verifies(&both[0], &new_token), verifies(&both[1], &old_token)], [true, true]);
    assert_eq!([postern.me(&new_token), postern.me(&old_token)], [200, 200]);

    // A refresh moves a session to the new key.
    postern.wait(4 * DAY);
    let answer = postern.get("/api/auth/me").bearer(&old_token).send();
    let fresh = answer.header("x-refresh-token").unwrap();
    assert!(verifies(&both[0], fresh));

    postern.redeploy(&[("AUTH_SECRET", NEXT_SECRET)]);
    assert_eq!(keys(&postern), [both[0].clone()]);
    assert_eq!([postern.me(&new_token), postern.me(fresh), postern.me(&old_token)], [200, 200, 401]);
}

#[test]
fn the_keys_depend_only_on_the_secret() {
    let postern = Postern::new();
    let first = keys(&postern);
    assert_eq!(keys(&Postern::new()), first);
    postern.redeploy(&[("APP_URL", "https://other.example.com")]);
    assert_eq!(keys(&postern), first);
    postern.redeploy(&[("AUTH_SECRET", NEXT_SECRET)]);
    assert_ne!(keys(&postern), first);
}

#[test]
fn it_is_public_and_uses_no_store() {
    let postern = Postern::new();
    let batches = postern.sql.batches.get();
    postern.kv.is_out.set(true);
    assert_eq!(postern.get("/api/auth/jwks").bearer("x").send().status, 200);
    assert_eq!(postern.sql.batches.get(), batches);
}
