//! Runs futures: polls each one at once, and again where the promise that it waits for settles.

use std::{
    cell::RefCell,
    sync::Arc,
    task::{Context, Wake, Waker},
};

use super::slab::Slab;
use crate::ports::Pending;

/// The maximum number of futures that wait. Beyond it the oldest is dropped.
pub const MAX_WAITING: usize = 4096;

/// The state of a future that has not ended.
enum State {
    /// It waits to be woken.
    Waits(Pending<'static, ()>),
    /// It is being polled.
    Polled,
    /// It was woken while it was polled, and will be polled again.
    WokenWhilePolled,
}

thread_local! {
    static TASKS: RefCell<Slab<State>> = const { RefCell::new(Slab::new()) };
}

/// Runs a future to its end. What it waits for must do nothing after it has woken the future.
pub fn spawn(future: impl Future<Output = ()> + 'static) {
    let (number, oldest) =
        TASKS.with_borrow_mut(|tasks| (tasks.add(State::Waits(Box::pin(future))), tasks.limit(MAX_WAITING)));
    drop(oldest);
    poll(number);
}

fn poll(number: u32) {
    while poll_once(number) {}
}

/// Polls a future once. Returns whether it was woken in the meantime.
fn poll_once(number: u32) -> bool {
    let taken = TASKS.with_borrow_mut(|tasks| {
        let state = tasks.get_mut(number)?;
        match std::mem::replace(state, State::Polled) {
            State::Waits(future) => Some(future),
            State::Polled | State::WokenWhilePolled => {
                *state = State::WokenWhilePolled;
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
        // It was dropped as the oldest. Drop it outside of the borrow, because that may wake another future.
        None => State::Waits(future),
    });
    matches!(before, State::WokenWhilePolled)
}

/// Wakes a future.
struct Task(u32);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        poll(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{cell::Cell, rc::Rc};

    #[test]
    fn beyond_the_maximum_the_oldest_future_is_dropped() {
        let held: Vec<Rc<()>> = (0..MAX_WAITING + 2).map(|_| Rc::new(())).collect();
        for thing in held.iter().cloned() {
            spawn(async move {
                std::future::pending::<()>().await;
                drop(thing);
            });
        }
        let dropped: Vec<usize> = (0..held.len()).filter(|place| Rc::strong_count(&held[*place]) == 1).collect();
        assert_eq!(dropped, [0, 1]);
    }

    #[test]
    fn a_future_that_wakes_itself_runs_to_its_end() {
        let ended = Rc::new(Cell::new(false));
        let seen = ended.clone();
        let mut polls = 0;
        spawn(async move {
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
