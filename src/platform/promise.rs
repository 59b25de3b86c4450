//! Waits for promises of JavaScript.
//!
//! `JsFuture` makes two closures for each promise, which the runtime keeps a list of in case they are forgotten. Here one
//! closure of the isolate's serves all promises.

use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use worker::{
    js_sys::Promise,
    wasm_bindgen::{JsValue, closure::Closure, prelude::wasm_bindgen},
};

use super::slab::Slab;

#[wasm_bindgen(module = "/src/platform/promise.js")]
extern "C" {
    fn watch(promise: &Promise, number: u32, settled: &Closure<dyn Fn(u32, JsValue, bool)>);
}

/// A promise that somebody waits for.
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
        // Who waited may be gone.
        let wait = waits.get_mut(number)?;
        wait.outcome = Some(if is_good { Ok(value) } else { Err(value) });
        wait.waker.take()
    });
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// What a promise comes to: its value, or what it is rejected with.
pub struct Settled(u32);

impl Settled {
    /// Waits for this promise.
    pub fn of(promise: &Promise) -> Self {
        let number = WAITS.with_borrow_mut(|waits| waits.add(Wait::default()));
        SETTLED.with(|settled| watch(promise, number, settled));
        Settled(number)
    }
}

impl Future for Settled {
    type Output = Result<JsValue, JsValue>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        WAITS.with_borrow_mut(|waits| {
            // It is there as long as this is.
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

impl Drop for Settled {
    fn drop(&mut self) {
        WAITS.with_borrow_mut(|waits| waits.remove(self.0));
    }
}
