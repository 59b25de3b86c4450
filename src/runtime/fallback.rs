//! The same interface on `wasm-bindgen-futures`.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use worker::{js_sys::Promise, wasm_bindgen::JsValue};

/// Runs a future to its end.
pub fn spawn(future: impl Future<Output = ()> + 'static) {
    wasm_bindgen_futures::spawn_local(future);
}

/// The outcome of a promise: its value, or the reason of its rejection.
pub struct JsFuture(wasm_bindgen_futures::JsFuture);

impl JsFuture {
    /// Waits for a promise.
    pub fn new(promise: &Promise) -> Self {
        JsFuture(promise.clone().into())
    }
}

impl Future for JsFuture {
    type Output = Result<JsValue, JsValue>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}
