//! [`Later`] on `waitUntil`.

use std::time::Duration;

use worker::{Context, ScheduleContext};

use super::pause::Pause;
use crate::ports::{Later, Pending};

/// `waitUntil` alone lets the work begin before the answer has left, whose time would then tell how much work there is.
const HEAD_START: Duration = Duration::from_millis(10);

/// The context of one request or one run of the cron trigger.
pub enum WaitUntil {
    /// A request's.
    Request(Context),
    /// A run's.
    Schedule(ScheduleContext),
}

impl Later for WaitUntil {
    fn run(&self, work: Pending<'static, ()>) {
        let work = async {
            Pause::of(HEAD_START).await;
            work.await;
        };
        match self {
            WaitUntil::Request(context) => context.wait_until(work),
            WaitUntil::Schedule(context) => context.wait_until(work),
        }
    }
}
