//! Waits for a duration. Unlike the `Delay` of the `worker` crate, it does nothing after it has woken its task.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use worker::{
    js_sys::{Function, Promise},
    wasm_bindgen::{JsValue, prelude::wasm_bindgen},
};

use super::JsFuture;
use crate::ports::{Pending, Timer};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Function, milliseconds: f64) -> f64;

    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(id: f64);
}

/// Completes after a duration.
pub struct Sleep {
    over: JsFuture,
    id: f64,
}

impl Sleep {
    /// Starts the timer.
    pub fn of(duration: Duration) -> Self {
        let mut id = 0.0;
        let over = Promise::new(&mut |resolve: Function, _| id = set_timeout(&resolve, duration.as_millis() as f64));
        Sleep { over: JsFuture::new(&over), id }
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
