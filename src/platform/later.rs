//! [`Later`] on `waitUntil`.

use worker::Context;

use crate::ports::{Later, Pending};

/// The context of one request.
pub struct WaitUntil(pub Context);

impl Later for WaitUntil {
    fn run(&self, work: Pending<'static, ()>) {
        self.0.wait_until(work);
    }
}
