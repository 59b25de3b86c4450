//! [`WaitUntil`] on `waitUntil`.

use std::time::Duration;

use worker::{Context, ScheduleContext};

use crate::{
    ports::{Pending, WaitUntil},
    runtime::Sleep,
};

/// `waitUntil` alone lets the work begin before the answer has left, whose time would then tell how much work there is.
const HEAD_START: Duration = Duration::from_millis(10);

/// The context of one request or one run of the cron trigger.
pub enum RequestContext {
    /// A request's.
    Request(Context),
    /// A run's.
    Schedule(ScheduleContext),
}

impl WaitUntil for RequestContext {
    fn run(&self, work: Pending<'static, ()>) {
        let work = async {
            Sleep::of(HEAD_START).await;
            work.await;
        };
        match self {
            RequestContext::Request(context) => context.wait_until(work),
            RequestContext::Schedule(context) => context.wait_until(work),
        }
    }
}
