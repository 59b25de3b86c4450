//! Runs the future that answers a request.
//!
//! The runtime's crate has every step of a future queued by `queueMicrotask`, which in workerd is native code: each call
//! wraps a function for it and enters a scope around it. Here the first step is taken at once, and each further one where
//! the promise that the future waits for is settled.

use std::{
    cell::RefCell,
    sync::Arc,
    task::{Context, Wake, Waker},
};

use super::slab::Slab;
use crate::ports::Pending;

/// So many futures may wait. When there are more, the oldest is dropped: a runtime that gives a request up, because its client
/// has gone, tells nobody, and what the future of that request holds in the memory of wasm would be there for ever.
const MOST: usize = 4096;

/// A future that was begun and has not ended.
enum State {
    Waits(Pending<'static, ()>),
    Steps,
    /// It was woken while it took a step, and takes another one.
    StepsAgain,
}

thread_local! {
    static TASKS: RefCell<Slab<State>> = const { RefCell::new(Slab::new()) };
}

/// Runs `future` to its end. Whatever it waits for must do nothing more after it has woken it.
pub fn run(future: impl Future<Output = ()> + 'static) {
    let (number, oldest) =
        TASKS.with_borrow_mut(|tasks| (tasks.add(State::Waits(Box::pin(future))), tasks.limit(MOST)));
    drop(oldest);
    step(number);
}

fn step(number: u32) {
    while take_step(number) {}
}

/// Returns whether the future was woken meanwhile.
fn take_step(number: u32) -> bool {
    let taken = TASKS.with_borrow_mut(|tasks| {
        let state = tasks.get_mut(number)?;
        match std::mem::replace(state, State::Steps) {
            State::Waits(future) => Some(future),
            State::Steps | State::StepsAgain => {
                *state = State::StepsAgain;
                None
            }
        }
    });
    let Some(mut future) = taken else { return false };
    let waker = Waker::from(Arc::new(Task(number)));
    if future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
        TASKS.with_borrow_mut(|tasks| tasks.remove(number));
        return false;
    }
    let before = TASKS.with_borrow_mut(|tasks| match tasks.get_mut(number) {
        Some(state) => std::mem::replace(state, State::Waits(future)),
        // Given up for being the oldest. It is dropped out of the list's reach, because that may wake another one.
        None => State::Waits(future),
    });
    matches!(before, State::StepsAgain)
}

/// What wakes a future.
struct Task(u32);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        step(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{cell::Cell, rc::Rc};

    #[test]
    fn of_too_many_futures_that_never_end_the_oldest_is_dropped() {
        let held: Vec<Rc<()>> = (0..MOST + 2).map(|_| Rc::new(())).collect();
        for thing in held.iter().cloned() {
            run(async move {
                std::future::pending::<()>().await;
                drop(thing);
            });
        }
        let dropped: Vec<usize> = (0..held.len()).filter(|place| Rc::strong_count(&held[*place]) == 1).collect();
        assert_eq!(dropped, [0, 1]);
    }

    #[test]
    fn a_future_that_wakes_itself_is_run_to_its_end() {
        let ended = Rc::new(Cell::new(false));
        let seen = ended.clone();
        let mut polls = 0;
        run(async move {
            std::future::poll_fn(|context| {
                polls += 1;
                context.waker().wake_by_ref();
                if polls < 3 { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
            })
            .await;
            seen.set(true);
        });
        assert!(ended.get());
    }
}
