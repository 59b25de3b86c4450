//! Waits for JavaScript promises, with one closure for all of them.

use std::{
    cell::RefCell,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use worker::{
    js_sys::Promise,
    wasm_bindgen::{JsValue, closure::Closure, prelude::wasm_bindgen},
};

use super::slab::Slab;

#[wasm_bindgen(module = "/src/runtime/promise.js")]
extern "C" {
    fn watch(promise: &Promise, number: u32, settled: &Closure<dyn Fn(u32, JsValue, bool)>);
}

/// A promise that a task waits for.
#[derive(Default)]
struct Wait {
    outcome: Option<Result<JsValue, JsValue>>,
    waker: Option<Waker>,
}

thread_local! {
    static WAITS: RefCell<Slab<Wait>> = const { RefCell::new(Slab::new()) };
    static SETTLED: Closure<dyn Fn(u32, JsValue, bool)> = Closure::new(settled);
}

fn settled(number: u32, value: JsValue, is_good: bool) {
    let waker = WAITS.with_borrow_mut(|waits| {
        // The task may be gone.
        let wait = waits.get_mut(number)?;
        wait.outcome = Some(if is_good { Ok(value) } else { Err(value) });
        wait.waker.take()
    });
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// The outcome of a promise: its value, or the reason of its rejection.
pub struct JsFuture(u32);

impl JsFuture {
    /// Waits for a promise.
    pub fn new(promise: &Promise) -> Self {
        let number = WAITS.with_borrow_mut(|waits| waits.add(Wait::default()));
        SETTLED.with(|settled| watch(promise, number, settled));
        JsFuture(number)
    }
}

impl Future for JsFuture {
    type Output = Result<JsValue, JsValue>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        WAITS.with_borrow_mut(|waits| {
            // The entry exists as long as this future.
            let Some(wait) = waits.get_mut(self.0) else { return Poll::Pending };
            match wait.outcome.take() {
                Some(outcome) => Poll::Ready(outcome),
                None => {
                    wait.waker = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
    }
}

impl Drop for JsFuture {
    fn drop(&mut self) {
        WAITS.with_borrow_mut(|waits| waits.remove(self.0));
    }
}
