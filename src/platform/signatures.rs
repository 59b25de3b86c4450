//! [`Signatures`] on WebCrypto, which takes a tenth of the time that a crate takes in WebAssembly, and none of its size.

use base64ct::{Base64UrlUnpadded, Encoding};
use worker::{
    js_sys::{Promise, Uint8Array},
    wasm_bindgen::{JsValue, prelude::wasm_bindgen},
};

use crate::{
    ports::{Algorithm, Pending, Signatures, StoreError},
    runtime::JsFuture,
};

/// The runtime's `crypto.subtle`.
pub struct WebCrypto;

#[wasm_bindgen(module = "/src/platform/signatures.js")]
extern "C" {
    fn es256(point: Uint8Array, message: Uint8Array, signature: Uint8Array) -> Promise;

    fn rs256(modulus: &str, message: Uint8Array, signature: Uint8Array) -> Promise;

    #[wasm_bindgen(js_name = signEs256)]
    fn sign_es256(key: &[u8], message: &[u8]) -> Promise;

    #[wasm_bindgen(js_name = p256Point)]
    fn p256_point(key: &[u8]) -> Promise;
}

/// Waits for what WebCrypto returns.
async fn outcome(promise: Promise) -> Result<JsValue, StoreError> {
    JsFuture::new(&promise).await.map_err(|error| StoreError(format!("WebCrypto: {}", worker::Error::from(error))))
}

/// As [`outcome`], for bytes.
async fn bytes<const N: usize>(promise: Promise) -> Result<[u8; N], StoreError> {
    let bytes = Uint8Array::new(&outcome(promise).await?).to_vec();
    bytes.try_into().map_err(|_| StoreError(format!("WebCrypto: not {N} bytes")))
}

impl Signatures for WebCrypto {
    fn verify<'a>(
        &'a self,
        algorithm: Algorithm,
        key: &'a [u8],
        message: &'a [u8],
        signature: &'a [u8],
    ) -> Pending<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            // Copies, because the memory of WebAssembly can move while the promise is pending.
            let [message, signature] = [message, signature].map(Uint8Array::from);
            let promise = match algorithm {
                Algorithm::Es256 => es256(key.into(), message, signature),
                Algorithm::Rs256 => rs256(&Base64UrlUnpadded::encode_string(key), message, signature),
            };
            Ok(outcome(promise).await?.is_truthy())
        })
    }

    fn sign_es256<'a>(&'a self, key: &'a [u8], message: &'a [u8]) -> Pending<'a, Result<[u8; 64], StoreError>> {
        Box::pin(bytes(sign_es256(key, message)))
    }

    fn p256_point<'a>(&'a self, key: &'a [u8]) -> Pending<'a, Result<[u8; 65], StoreError>> {
        Box::pin(bytes(p256_point(key)))
    }
}
