//! [`Later`] on `waitUntil`.

use worker::{Context, ScheduleContext};

use crate::ports::{Later, Pending};

/// The context of one request or one run of the cron trigger.
pub enum WaitUntil {
    /// A request's.
    Request(Context),
    /// A run's.
    Schedule(ScheduleContext),
}

impl Later for WaitUntil {
    fn run(&self, work: Pending<'static, ()>) {
        match self {
            WaitUntil::Request(context) => context.wait_until(work),
            WaitUntil::Schedule(context) => context.wait_until(work),
        }
    }
}
