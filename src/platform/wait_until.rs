//! [`WaitUntil`] on `waitUntil`.

use std::time::Duration;

use worker::{Context, ScheduleContext};

use crate::{
    ports::{Pending, WaitUntil},
    runtime::Sleep,
};

/// With `waitUntil` alone, the work could start before the response is sent, and the response time would reveal how much work there
/// is.
const HEAD_START: Duration = Duration::from_millis(10);

/// The context of a request or of a run of the cron trigger.
pub enum RequestContext {
    /// Of a request.
    Request(Context),
    /// Of a run.
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
