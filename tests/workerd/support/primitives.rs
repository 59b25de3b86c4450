//! The Worker's primitives without endpoints, compiled like the Worker to a separate module, for tests and benchmarks that call
//! them thousands of times (`primitives.mjs`).

use std::cell::RefCell;

use argon2::{Argon2, AssociatedData, Block, ParamsBuilder, Version};
use postern::{
    access::passkey,
    crypto::{
        argon2::{Input, MemoryBlock, block_count, hash_into},
        cbor::Item,
        cose::PublicKey,
        jwt::{self, Unverified},
        keys::Keys,
        password_hash::{self, Cost},
        sha256,
        token_cache::TokenCache,
    },
    domain::{claims::Claims, webauthn::AuthenticatorData},
    platform::signatures::WebCrypto,
    ports::{Algorithm, Signatures},
    runtime,
};
use serde::Deserialize;
use serde_json::{Value, json};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use worker::js_sys::{Function, Promise};

/// A hash to compute.
#[derive(Deserialize)]
struct Case {
    algorithm: String,
    version: u32,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    password: Vec<u8>,
    salt: Vec<u8>,
    secret: Vec<u8>,
    data: Vec<u8>,
    length: usize,
}

/// Computes the hashes of `cases`, a JSON array. Returns an array of `{"worker", "crate"}`, each in hexadecimal or an error
/// message.
#[wasm_bindgen]
pub fn argon2_twice(cases: &str) -> String {
    let cases: Vec<Case> = serde_json::from_str(cases).unwrap();
    cases.iter().map(hash_twice).collect::<Value>().to_string()
}

fn hash_twice(case: &Case) -> Value {
    let algorithm = argon2::Algorithm::new(&case.algorithm).unwrap();
    let version = Version::try_from(case.version).unwrap();
    let params = ParamsBuilder::new()
        .m_cost(case.memory_kib)
        .t_cost(case.passes)
        .p_cost(case.lanes)
        .data(AssociatedData::new(&case.data).unwrap())
        .build()
        .unwrap();
    let (password, salt, secret) = (&case.password[..], &case.salt[..], &case.secret[..]);

    let mut memory = vec![MemoryBlock::default(); block_count(&params)];
    let mut ours = vec![0; case.length];
    let input = Input { algorithm, version, params: &params, password, salt, secret };
    let made = hash_into(&input, &mut ours, &mut memory).map(|()| ours);

    let mut theirs = vec![0; case.length];
    let expected = Argon2::new_with_secret(secret, algorithm, version, params.clone())
        .unwrap()
        .hash_password_into(password, salt, &mut theirs)
        .map(|()| theirs);
    let to_text = |hash: argon2::Result<Vec<u8>>| match hash {
        Ok(hash) => hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        Err(error) => error.to_string(),
    };
    json!({ "worker": to_text(made), "crate": to_text(expected) })
}

/// Hashes `count` passwords like a sign-up.
#[wasm_bindgen]
pub fn hash_passwords(count: u32, memory_kib: u32, iterations: u32) {
    for number in 0..count {
        let cost = Cost { memory_kib, iterations, parallelism: 1 };
        password_hash::hash(&format!("password {number}"), cost).unwrap();
    }
}

/// Hashes `count` passwords with the `argon2` crate, in one buffer that is wiped after each hash.
#[wasm_bindgen]
pub fn hash_passwords_with_the_crate(count: u32, memory_kib: u32, iterations: u32) {
    thread_local! {
        static MEMORY: RefCell<Vec<Block>> = const { RefCell::new(Vec::new()) };
    }
    let params = ParamsBuilder::new().m_cost(memory_kib).t_cost(iterations).p_cost(1).build().unwrap();
    let argon2 = Argon2::new(argon2::Algorithm::Argon2id, Version::V0x13, params.clone());
    MEMORY.with_borrow_mut(|memory| {
        memory.resize(params.block_count(), Block::default());
        for number in 0..count {
            let mut hash = [0; 32];
            let password = format!("password {number}");
            argon2.hash_password_into_with_memory(password.as_bytes(), &[0; 16], &mut hash, &mut memory[..]).unwrap();
            memory.fill(Block::default());
        }
    });
}

/// Claims as large as those of a session.
fn claims() -> Value {
    let (party, id) = ("https://app.example.com", "0198c0de-0000-7000-8000-000000000000");
    json!({ "iss": party, "aud": party, "sub": id, "scopes": ["user", 0], "purpose": "session", "sid": id })
}

const NOW: i64 = 1_700_000_000_000;

/// Signs `count` session tokens.
#[wasm_bindgen]
pub fn sign_tokens(count: u32) {
    let keys = Keys::derive("a secret that is known to every reader", None);
    for _ in 0..count {
        keys.session.sign(claims(), NOW, NOW + 60_000).unwrap();
    }
}

/// Verifies a session token `count` times without the token cache.
#[wasm_bindgen]
pub fn verify_tokens(count: u32) {
    let keys = Keys::derive("a secret that is known to every reader", None);
    let token = keys.session.sign(claims(), NOW, NOW + 60_000).unwrap();
    for _ in 0..count {
        keys.session.verify::<Claims>(&token, NOW).unwrap();
    }
}

/// Verifies a session token `count` times with the token cache.
#[wasm_bindgen]
pub fn verify_remembered_tokens(count: u32) {
    let keys = Keys::derive("a secret that is known to every reader", None);
    let token = keys.session.sign(claims(), NOW, NOW + 60_000).unwrap();
    let remembered = TokenCache::default();
    for _ in 0..count {
        if remembered.get(&token).is_none() {
            remembered.insert(&token, keys.session.verify::<Claims>(&token, NOW).unwrap());
        }
    }
}

/// Signs `count` session tokens with ES256, by WebCrypto.
#[wasm_bindgen]
pub fn sign_tokens_with_es256(count: u32) -> Promise {
    promise(async move {
        let keys = Keys::derive("a secret that is known to every reader", None);
        for _ in 0..count {
            es256_token(&keys).await;
        }
    })
}

/// Verifies a session token with ES256 `count` times without the token cache, by WebCrypto.
#[wasm_bindgen]
pub fn verify_tokens_with_es256(count: u32) -> Promise {
    promise(async move {
        let keys = Keys::derive("a secret that is known to every reader", None);
        let token = es256_token(&keys).await;
        let point = WebCrypto.p256_point(&keys.session_es256[0].as_ref().unwrap().pkcs8).await.unwrap();
        for _ in 0..count {
            let unverified = Unverified::read(&token).unwrap();
            let signature = unverified.signature();
            assert!(WebCrypto.verify(Algorithm::Es256, &point, unverified.message(), signature).await.unwrap());
            unverified.claims::<Claims>(NOW).unwrap();
        }
    })
}

async fn es256_token(keys: &Keys) -> String {
    let key = keys.session_es256[0].as_ref().unwrap();
    let message = jwt::message("ES256", &key.id, claims(), NOW, NOW + 60_000).unwrap();
    let signature = WebCrypto.sign_es256(&key.pkcs8, message.as_bytes()).await.unwrap();
    jwt::with_signature(message, &signature)
}

/// Returns a promise of the end of `work`.
fn promise(work: impl Future<Output = ()> + 'static) -> Promise {
    let mut work = Some(work);
    Promise::new(&mut |resolve: Function, _| {
        let work = work.take();
        runtime::spawn(async move {
            if let Some(work) = work {
                work.await;
            }
            let _ = resolve.call0(&JsValue::UNDEFINED);
        });
    })
}

/// A registration and an authentication, in bytes.
#[derive(Deserialize)]
struct PasskeyCase {
    attestation_object: Vec<u8>,
    client_data: Vec<u8>,
    authenticator_data: Vec<u8>,
    signature: Vec<u8>,
}

/// Returns for each of `cases`, a JSON array, whether the passkey of the attestation object has signed the authentication, by
/// WebCrypto. Null if its public key is not accepted, or WebCrypto fails.
#[wasm_bindgen]
pub fn verify_passkeys(cases: &str) -> Promise {
    let mut cases: Vec<PasskeyCase> = serde_json::from_str(cases).unwrap();
    Promise::new(&mut |resolve: Function, _| {
        let cases = std::mem::take(&mut cases);
        runtime::spawn(async move {
            let mut results = Vec::new();
            for case in &cases {
                results.push(verify_passkey(case).await);
            }
            let _ = resolve.call1(&JsValue::UNDEFINED, &json!(results).to_string().into());
        });
    })
}

async fn verify_passkey(case: &PasskeyCase) -> Option<bool> {
    let attestation = Item::only(&case.attestation_object)?;
    let data = AuthenticatorData::read(attestation.member("authData")?.bytes()?).ok()?;
    let key = PublicKey::from_cose(&Item::first(data.rest)?.0)?;
    let message = [case.authenticator_data.as_slice(), &sha256::hash(&case.client_data)].concat();
    passkey::is_signed(&WebCrypto, &key, &message, &case.signature).await.ok()
}
