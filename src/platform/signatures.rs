//! [`Signatures`] on WebCrypto, which takes a tenth of the time that a crate takes in WebAssembly, and none of its size.

use base64ct::{Base64UrlUnpadded, Encoding};
use worker::{
    js_sys::{Promise, Uint8Array},
    wasm_bindgen::prelude::wasm_bindgen,
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
            let outcome = JsFuture::new(&promise).await;
            let is_valid = outcome.map_err(|error| StoreError(format!("WebCrypto: {}", worker::Error::from(error))))?;
            Ok(is_valid.is_truthy())
        })
    }
}
