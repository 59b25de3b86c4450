//! `GET /api/auth/jwks`

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::{Signature, VerifyingKey};
use p256::{
    ecdsa::signature::{Signer, Verifier},
    pkcs8::DecodePrivateKey,
};
use postern::crypto::keys::Keys;
use serde_json::{Value, json};

use crate::support::{DAY, Fault, Postern, SECRET};

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

/// Verifies the token with the key, using third-party libraries.
fn verifies(key: &Value, token: &str) -> bool {
    let decode = |text: &str| Base64UrlUnpadded::decode_vec(text).unwrap();
    let member = |name: &str| decode(key[name].as_str().unwrap());
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (message, signature) = (message.as_bytes(), decode(signature));
    if key["alg"] == "EdDSA" {
        let key = VerifyingKey::from_bytes(&member("x").try_into().unwrap()).unwrap();
        key.verify_strict(message, &Signature::from_slice(&signature).unwrap()).is_ok()
    } else {
        let point = [vec![4], member("x"), member("y")].concat();
        let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&point).unwrap();
        key.verify(message, &p256::ecdsa::Signature::from_slice(&signature).unwrap()).is_ok()
    }
}

/// The settings of each algorithm.
const ALGORITHMS: [(&str, (&str, &str)); 2] =
    [("EdDSA", ("SESSION_TOKEN_ALGORITHM", "EdDSA")), ("ES256", ("SESSION_TOKEN_ALGORITHM", "ES256"))];

/// Returns the token with other members in its header.
fn with_header(token: &str, members: Value) -> String {
    let (_, rest) = token.split_once('.').unwrap();
    let mut header = header(token);
    header.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    format!("{}.{rest}", Base64UrlUnpadded::encode_string(header.to_string().as_bytes()))
}

#[test]
fn it_returns_a_key_of_each_algorithm_with_only_public_members() {
    let keys = keys(&Postern::new());
    assert_eq!(keys.len(), 2);
    for key in &keys {
        for member in ["x", "y", "kid"] {
            let length = key[member].as_str().map(str::len);
            assert_eq!(length, (member != "y" || key["kty"] == "EC").then_some(43), "{keys:?}");
        }
    }
    let (x, kid) = (&keys[0]["x"], &keys[0]["kid"]);
    let expected = json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "use": "sig", "alg": "EdDSA" });
    assert_eq!(keys[0], expected);
    let (x, y, kid) = (&keys[1]["x"], &keys[1]["y"], &keys[1]["kid"]);
    let expected = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": kid, "use": "sig", "alg": "ES256" });
    assert_eq!(keys[1], expected);
}

#[test]
fn other_services_can_verify_session_tokens_with_the_first_key() {
    for (algorithm, setting) in ALGORITHMS {
        let postern = Postern::with_settings(&[setting]);
        let token = postern.admin_token();
        let keys = keys(&postern);
        assert_eq!(header(&token), json!({ "alg": algorithm, "kid": keys[0]["kid"], "typ": "JWT" }));
        assert_eq!(keys[0]["alg"], algorithm);
        assert!(verifies(&keys[0], &token) && !verifies(&keys[1], &token));
        assert_eq!(postern.me(&token), 200);
    }
}

#[test]
fn a_reset_token_does_not_verify() {
    for (_, setting) in ALGORITHMS {
        let postern = Postern::with_settings(&[setting]);
        postern.sign_up("ada@example.com");
        let token = postern.reset_token("ada@example.com");
        for key in keys(&postern) {
            assert_ne!(header(&token)["kid"], key["kid"]);
            assert!(!verifies(&key, &token));
        }
    }
}

#[test]
fn a_password_change_token_does_not_verify() {
    for (_, setting) in ALGORITHMS {
        let postern = Postern::with_settings(&[("DEFAULT_ADMIN", "restricted"), setting]);
        let token = postern.admin_token();
        postern.redeploy(&[
            ("DEFAULT_ADMIN", "restricted"),
            ("AUTH_SECRET", NEXT_SECRET),
            ("AUTH_SECRET_PREVIOUS", SECRET),
            setting,
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
}

#[test]
fn during_a_rotation_all_keys_are_published_and_old_and_new_sessions_work() {
    for (_, setting) in ALGORITHMS {
        let postern = Postern::with_settings(&[setting]);
        let old_token = postern.admin_token();
        let old = keys(&postern);
        postern.redeploy(&[("AUTH_SECRET", NEXT_SECRET), ("AUTH_SECRET_PREVIOUS", SECRET), setting]);
        let new_token = postern.admin_token();
        let all = keys(&postern);
        // Those of the algorithm of new tokens come first, because some libraries try the keys in their order.
        assert_eq!((all.len(), &all[1], &all[3]), (4, &old[0], &old[1]));
        assert!([&all[0], &all[2]].iter().all(|key| old.iter().all(|old| old["kid"] != key["kid"])));
        assert_eq!([verifies(&all[0], &new_token), verifies(&all[1], &old_token)], [true, true]);
        assert_eq!([postern.me(&new_token), postern.me(&old_token)], [200, 200]);

        // A refresh moves a session to the new key.
        postern.wait(4 * DAY);
        let answer = postern.get("/api/auth/me").bearer(&old_token).send();
        let fresh = answer.header("x-refresh-token").unwrap();
        assert!(verifies(&all[0], fresh));

        postern.redeploy(&[("AUTH_SECRET", NEXT_SECRET), setting]);
        assert_eq!(keys(&postern), [all[0].clone(), all[2].clone()]);
        assert_eq!([postern.me(&new_token), postern.me(fresh), postern.me(&old_token)], [200, 200, 401]);
    }
}

#[test]
fn a_change_of_the_algorithm_ends_no_session_even_during_a_rotation() {
    for ((from, before), (to, after)) in [(ALGORITHMS[0], ALGORITHMS[1]), (ALGORITHMS[1], ALGORITHMS[0])] {
        let postern = Postern::with_settings(&[before]);
        let old_token = postern.admin_token();
        assert_eq!(header(&old_token)["alg"], from);
        let published_before = keys(&postern);

        postern.redeploy(&[after]);
        let new_token = postern.admin_token();
        assert_eq!(header(&new_token)["alg"], to);
        let published = keys(&postern);
        assert_eq!([&published[1], &published[0]], [&published_before[0], &published_before[1]]);
        assert_eq!([postern.me(&old_token), postern.me(&new_token)], [200, 200]);

        postern.redeploy(&[after, ("AUTH_SECRET", NEXT_SECRET), ("AUTH_SECRET_PREVIOUS", SECRET)]);
        assert_eq!([postern.me(&old_token), postern.me(&new_token)], [200, 200]);
        for token in [&old_token, &new_token] {
            let key = keys(&postern).into_iter().find(|key| key["kid"] == header(token)["kid"]).unwrap();
            assert!(verifies(&key, token));
        }

        // A refresh moves a session to the new algorithm.
        postern.wait(4 * DAY);
        let answer = postern.get("/api/auth/me").bearer(&old_token).send();
        let fresh = answer.header("x-refresh-token").unwrap();
        assert_eq!((&header(fresh)["alg"], postern.me(fresh)), (&json!(to), 200));

        postern.redeploy(&[after, ("AUTH_SECRET", NEXT_SECRET)]);
        assert_eq!([&old_token, &new_token, &fresh.to_owned()].map(|token| postern.me(token)), [401, 401, 200]);
    }
}

#[test]
fn the_key_id_decides_on_the_algorithm() {
    let postern = Postern::new();
    let eddsa = postern.admin_token();
    postern.redeploy(&[ALGORITHMS[1].1]);
    let es256 = postern.admin_token();
    let kid = |token: &str| header(token)["kid"].clone();
    for (token, other) in [(&eddsa, &es256), (&es256, &eddsa)] {
        for members in [
            json!({ "alg": header(other)["alg"] }),
            json!({ "kid": kid(other) }),
            json!({ "alg": header(other)["alg"], "kid": kid(other) }),
            json!({ "alg": "none" }),
            json!({ "alg": "HS256" }),
            json!({ "alg": "es256" }),
            json!({ "alg": "ES256K" }),
            json!({ "alg": "ES384" }),
            json!({ "alg": "Ed25519" }),
            json!({ "alg": "ESP256" }),
        ] {
            postern.get("/api/auth/me").bearer(&with_header(token, members)).send().refused(401, "invalid_token");
        }
        assert_eq!(postern.me(token), 200);
    }
}

#[test]
fn a_header_that_is_signed_but_names_another_algorithm_is_refused() {
    let keys = Keys::derive(SECRET, None);
    let postern = Postern::with_settings(&[ALGORITHMS[1].1]);
    let es256 = postern.admin_token();
    let Some(key) = &keys.session_es256[0] else { panic!() };
    let signing = p256::ecdsa::SigningKey::from_pkcs8_der(&key.pkcs8).unwrap();
    let claims = es256.split('.').nth(1).unwrap();
    let sign = |header: Value| {
        let message = format!("{}.{claims}", Base64UrlUnpadded::encode_string(header.to_string().as_bytes()));
        let signature: p256::ecdsa::Signature = signing.sign(message.as_bytes());
        (format!("{message}.{}", Base64UrlUnpadded::encode_string(&signature.to_bytes())), message, signature)
    };
    let eddsa_kid = keys.session.public().next().unwrap().0;
    assert_eq!(postern.me(&sign(json!({ "alg": "ES256", "kid": key.id })).0), 200);
    for header in [
        json!({ "alg": "EdDSA", "kid": key.id }),
        json!({ "alg": "ES256", "kid": eddsa_kid }),
        json!({ "alg": "EdDSA", "kid": eddsa_kid }),
        json!({ "alg": "none", "kid": key.id }),
        json!({ "kid": key.id }),
        json!({ "alg": "ES256" }),
        json!({ "alg": "ES256", "kid": key.id, "crit": ["exp"] }),
        json!({ "alg": "ES256", "kid": key.id, "jku": "https://evil.example/jwks" }),
        json!({ "alg": "ES256", "kid": key.id, "jwk": { "kty": "EC" } }),
        json!({ "alg": "ES256", "kid": key.id, "typ": "at+jwt" }),
    ] {
        assert_eq!(postern.me(&sign(header.clone()).0), 401, "{header}");
    }

    // The other encoding (DER), the values exchanged, zeros, and values from the order on.
    let (_, message, signature) = sign(json!({ "alg": "ES256", "kid": key.id }));
    let raw = signature.to_bytes();
    let (r, s) = raw.split_at(32);
    for forged in [
        signature.to_der().as_bytes().to_vec(),
        [s, r].concat(),
        vec![0; 64],
        [r, &[0; 32]].concat(),
        [&[0; 32], s].concat(),
        vec![0xff; 64],
        [r, s, &[0]].concat(),
        raw[..63].to_vec(),
        Vec::new(),
    ] {
        let token = format!("{message}.{}", Base64UrlUnpadded::encode_string(&forged));
        assert_eq!(postern.me(&token), 401, "{forged:02x?}");
    }
}

#[test]
fn the_second_signature_of_es256_names_the_same_session() {
    let postern = Postern::with_settings(&[ALGORITHMS[1].1]);
    let token = postern.admin_token();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let signature = p256::ecdsa::Signature::from_slice(&Base64UrlUnpadded::decode_vec(signature).unwrap()).unwrap();
    let (r, s) = signature.split_scalars();
    let other = p256::ecdsa::Signature::from_scalars(r, -*s).unwrap();
    let other = format!("{message}.{}", Base64UrlUnpadded::encode_string(&other.to_bytes()));
    assert_ne!(other, token);
    assert_eq!([postern.me(&token), postern.me(&other)], [200, 200]);
    postern.post("/api/auth/logout").bearer(&other).send().expect(200);
    assert_eq!([postern.me(&token), postern.me(&other)], [401, 401]);
}

#[test]
fn when_the_runtime_cannot_sign_or_verify_the_caller_gets_503_and_can_retry() {
    let postern = Postern::with_settings(&[ALGORITHMS[1].1]);
    let token = postern.admin_token();
    let fail_at_last_call = |ask: &dyn Fn() -> u16| {
        let fault = (1..).find(|nth| {
            postern.redeploy(&[ALGORITHMS[1].1]);
            postern.outside.fault.set(Some((*nth, Fault::Before)));
            ask() == 200
        });
        postern.outside.fault.set(None);
        fault.unwrap() - 1
    };
    // The point, the signature, the session.
    assert_eq!(fail_at_last_call(&|| postern.me(&token)), 3);
    assert!(fail_at_last_call(&|| postern.login("admin", "admin").status) > 2);
    assert_eq!(fail_at_last_call(&|| postern.get("/api/auth/jwks").send().status), 1);
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
