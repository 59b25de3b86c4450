//! Runs the future that answers a request.
//!
//! The runtime's crate has every step of a future queued by `queueMicrotask`, which in workerd is native code: each call
//! wraps a function for it and enters a scope around it. Here the first step is taken at once, and each further one where
//! the promise that the future waits for is settled.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    sync::Arc,
    task::{Context, Wake, Waker},
};

use crate::ports::Pending;

/// A future that was begun and has not ended.
enum State {
    Waits(Pending<'static, ()>),
    Steps,
    /// It was woken while it took a step, and takes another one.
    StepsAgain,
}

thread_local! {
    static TASKS: RefCell<BTreeMap<u32, State>> = const { RefCell::new(BTreeMap::new()) };
    static LAST: Cell<u32> = const { Cell::new(0) };
}

/// Runs `future` to its end. Whatever it waits for must do nothing more after it has woken it.
pub fn run(future: impl Future<Output = ()> + 'static) {
    let number = LAST.get().wrapping_add(1);
    LAST.set(number);
    TASKS.with_borrow_mut(|tasks| tasks.insert(number, State::Waits(Box::pin(future))));
    step(number);
}

fn step(number: u32) {
    let taken = TASKS.with_borrow_mut(|tasks| {
        let state = tasks.get_mut(&number)?;
        match std::mem::replace(state, State::Steps) {
            State::Waits(future) => Some(future),
            State::Steps | State::StepsAgain => {
                *state = State::StepsAgain;
                None
            }
        }
    });
    let Some(mut future) = taken else { return };
    let waker = Waker::from(Arc::new(Task(number)));
    while future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
        let waits = TASKS.with_borrow_mut(|tasks| match tasks.get_mut(&number) {
            Some(state @ State::StepsAgain) => {
                *state = State::Steps;
                Err(future)
            }
            _ => Ok(tasks.insert(number, State::Waits(future))),
        });
        match waits {
            Ok(_) => return,
            Err(again) => future = again,
        }
    }
    TASKS.with_borrow_mut(|tasks| tasks.remove(&number));
}

/// What wakes a future.
struct Task(u32);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        step(self.0);
    }
}
