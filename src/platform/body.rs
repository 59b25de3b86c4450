//! Reads the body of a request, within limits of size, time, and memory.

use std::{cell::RefCell, rc::Rc, time::Duration};

use worker::{
    js_sys::{Promise, Uint8Array},
    wasm_bindgen::{JsCast, prelude::wasm_bindgen},
    web_sys,
};

use crate::{
    runtime::JsFuture,
    web::{Headers, declared_length},
};

#[wasm_bindgen(module = "/src/platform/body.js")]
extern "C" {
    pub(super) fn read(body: &web_sys::ReadableStream, size: usize, milliseconds: u32) -> Promise;
}

/// The maximum time for a body to arrive.
const LIMIT: Duration = Duration::from_secs(10);

/// The maximum size of all bodies that an isolate is reading, in bytes.
const MOST_HELD: usize = 4 * 1024 * 1024;

/// The part of it that bodies from one address can use, so that a client with slow connections does not block all others.
const MOST_OF_ONE_ADDRESS: usize = MOST_HELD / 2;

/// The memory that a request uses besides its body, in bytes.
const OVERHEAD: usize = 4 * 1024;

/// The time after which a reservation no longer counts, in milliseconds. The runtime can drop a request silently, and then nothing
/// releases its reservation.
const FORGOTTEN_AFTER: i64 = 30_000;

/// Why there is no body.
pub enum Problem {
    /// The client closed the connection.
    Incomplete,
    /// It did not arrive in time.
    Late,
    /// Too many other bodies are being read.
    Busy,
}

thread_local! {
    static HELD: RefCell<Held> = const { RefCell::new(Held::new()) };
}

/// Reads the body of a request from `address` at `now`, up to one byte beyond `max` bytes.
///
/// # Errors
/// If it does not arrive, or cannot be read now.
pub async fn receive(
    request: web_sys::Request,
    headers: Rc<dyn Headers>,
    max: usize,
    address: impl FnOnce() -> String,
    now: i64,
) -> Result<Vec<u8>, Problem> {
    let Some(body) = request.body() else { return Ok(Vec::new()) };
    let size = declared_length(&*headers).unwrap_or(max).min(max) + 1;
    let _reservation = Reservation::new(size, address(), now).ok_or(Problem::Busy)?;
    let read = JsFuture::new(&read(&body, size, LIMIT.as_millis() as u32)).await;
    match read.map_err(|_| Problem::Incomplete)?.dyn_into::<Uint8Array>() {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(_) => Err(Problem::Late),
    }
}

/// The reservation for a body, released on drop.
struct Reservation(u64);

impl Reservation {
    fn new(bytes: usize, address: String, now: i64) -> Option<Self> {
        HELD.with_borrow_mut(|held| held.reserve(bytes + OVERHEAD, address, now)).map(Reservation)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        HELD.with_borrow_mut(|held| held.release(self.0));
    }
}

/// The reservations of this isolate.
struct Held {
    bodies: Vec<HeldBody>,
    last: u64,
}

/// A reservation: the address, the bytes, and its start.
struct HeldBody {
    id: u64,
    address: String,
    bytes: usize,
    since: i64,
}

impl Held {
    const fn new() -> Self {
        Held { bodies: Vec::new(), last: 0 }
    }

    fn bytes(&self) -> usize {
        self.bodies.iter().map(|body| body.bytes).sum()
    }

    fn has_room(&self, bytes: usize, address: &str) -> bool {
        let of_address =
            self.bodies.iter().filter(|body| body.address == address).map(|body| body.bytes).sum::<usize>();
        self.bytes() + bytes <= MOST_HELD && of_address + bytes <= MOST_OF_ONE_ADDRESS
    }

    fn reserve(&mut self, bytes: usize, address: String, now: i64) -> Option<u64> {
        if !self.has_room(bytes, &address) {
            self.bodies.retain(|body| now - body.since < FORGOTTEN_AFTER);
        }
        if !self.has_room(bytes, &address) {
            return None;
        }
        self.last += 1;
        self.bodies.push(HeldBody { id: self.last, address, bytes, since: now });
        Some(self.last)
    }

    fn release(&mut self, id: u64) {
        self.bodies.retain(|body| body.id != id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: usize) -> String {
        format!("192.0.2.{number}")
    }

    #[test]
    fn what_is_held_never_exceeds_the_cap_and_is_free_again_after_release() {
        let mut held = Held::new();
        let ids: Vec<u64> = (0..4).map(|number| held.reserve(MOST_HELD / 4, address(number), 0).unwrap()).collect();
        assert_eq!(held.reserve(1, address(4), 0), None);
        held.release(ids[1]);
        assert!(held.reserve(MOST_HELD / 4, address(4), 0).is_some());
        assert_eq!(held.reserve(1, address(4), 0), None);
    }

    #[test]
    fn one_address_leaves_room_for_others() {
        let mut held = Held::new();
        while held.reserve(16 * 1024, address(1), 0).is_some() {}
        assert!(held.reserve(16 * 1024, address(2), 0).is_some());
        assert!(held.bytes() <= MOST_OF_ONE_ADDRESS + 16 * 1024);
    }

    #[test]
    fn a_reservation_that_nobody_releases_is_forgotten() {
        let mut held = Held::new();
        held.reserve(MOST_OF_ONE_ADDRESS, address(1), 0).unwrap();
        assert_eq!(held.reserve(1, address(1), FORGOTTEN_AFTER - 1), None);
        assert!(held.reserve(1, address(1), FORGOTTEN_AFTER).is_some());
    }

    #[test]
    fn dropping_a_reservation_releases_it() {
        let reservation = Reservation::new(1, address(1), 0);
        assert!(HELD.with_borrow(Held::bytes) > 0);
        drop(reservation);
        assert_eq!(HELD.with_borrow(Held::bytes), 0);
    }
}
