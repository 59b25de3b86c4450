//! Runs futures on the event loop of an isolate.
//!
//! This replaces `wasm-bindgen-futures`, which the `worker` crate uses by default. That crate queues every step of a future with
//! `queueMicrotask`, which in workerd is native code that wraps a function and enters a scope for each call. It also creates two
//! closures per promise, which the engine tracks until they are collected.
//!
//! | Piece | What it does instead | Gain |
//! |---|---|---|
//! | [`spawn`] (`task.rs`) | polls at once, and again where the promise settles | 7 % of the CPU time of a session check, together with header names that are created once |
//! | [`JsFuture`] (`promise.rs`, `promise.js`) | one closure per isolate for all promises | part of 5 % (one connection) and 3 % (16 connections) |
//! | `slab.rs` | keeps waiting tasks in a list instead of a tree | part of 7 µs of 830 µs |
//!
//! [`Sleep`] gains nothing by itself: it is needed because the `Delay` of the `worker` crate wakes its task before it is done, which
//! breaks the second invariant below. The figures are from docs/performance.md.
//!
//! # Invariants
//!
//! - There is one thread. A task is polled from JavaScript, never while another one is polled, except if it wakes that one.
//! - What a task waits for must do nothing after it has woken the task, because the task runs inside `wake`.
//! - A number in a slab is never reused, so a promise that settles late finds nothing.
//! - At most [`task::MAX_WAITING`] tasks wait. The runtime drops requests without a word when their client leaves, and their tasks
//!   would stay in memory forever.
//!
//! # How to go without
//!
//! The cargo feature `wasm-bindgen-futures` builds the Worker with that crate instead: `POSTERN_FEATURES=wasm-bindgen-futures npm run build`.
//! `npm run test:workerd` passes with it under the same variable. `npm run lint` checks that it compiles. If the platform changes in a way that
//! breaks this module, make the feature the default and delete everything here except `fallback.rs` and `sleep.rs`.

#[cfg(feature = "wasm-bindgen-futures")]
mod fallback;
#[cfg(not(feature = "wasm-bindgen-futures"))]
mod promise;
#[cfg(not(feature = "wasm-bindgen-futures"))]
mod slab;
mod sleep;
#[cfg(not(feature = "wasm-bindgen-futures"))]
pub mod task;

#[cfg(feature = "wasm-bindgen-futures")]
pub use fallback::{JsFuture, spawn};
#[cfg(not(feature = "wasm-bindgen-futures"))]
pub use {promise::JsFuture, task::spawn};

pub use sleep::{Sleep, Timeouts};
