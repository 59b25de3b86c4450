//! A wait for a time. Unlike that of the runtime's crate it wakes last of all, as [`super::task`] needs it.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use worker::{
    js_sys::{Function, Promise},
    wasm_bindgen::{JsValue, prelude::wasm_bindgen},
};

use super::promise::Settled;
use crate::ports::{Pending, Timer};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Function, milliseconds: f64) -> f64;

    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(id: f64);
}

/// Ends when its time is over.
pub struct Sleep {
    over: Settled,
    id: f64,
}

impl Sleep {
    /// Begins at once.
    pub fn of(duration: Duration) -> Self {
        let mut id = 0.0;
        let over = Promise::new(&mut |resolve: Function, _| id = set_timeout(&resolve, duration.as_millis() as f64));
        Sleep { over: Settled::of(&over), id }
    }
}

/// [`Timer`] on `setTimeout`.
pub struct Timeouts;

impl Timer for Timeouts {
    fn sleep(&self, duration: Duration) -> Pending<'static, ()> {
        Box::pin(Sleep::of(duration))
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.over).poll(context).map(|_: Result<JsValue, JsValue>| ())
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        clear_timeout(self.id);
    }
}
