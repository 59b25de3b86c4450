//! [`Net`] on `fetch`.

use std::time::Duration;

use futures_util::future::{Either, select};
use worker::{AbortController, Delay, Fetch, Headers, Method, Request, RequestInit, RequestRedirect};

use crate::ports::{Incoming, Net, Outage, Outgoing, Pending};

/// How long a foreign server may take for its whole answer.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// The platform's `fetch`.
pub struct FetchNet;

impl Net for FetchNet {
    fn post(&self, request: Outgoing) -> Pending<'_, Result<Incoming, Outage>> {
        Box::pin(async move {
            let controller = AbortController::default();
            let signal = controller.signal();
            let answer = Box::pin(async { send(request, &signal).await.map_err(outage) });
            match select(answer, Delay::from(TIMEOUT)).await {
                Either::Left((answer, _)) => answer,
                Either::Right(_) => {
                    controller.abort();
                    Err(Outage(format!("no answer within {} s", TIMEOUT.as_secs())))
                }
            }
        })
    }
}

async fn send(request: Outgoing, signal: &worker::AbortSignal) -> worker::Result<Incoming> {
    let headers = Headers::new();
    for (name, value) in &request.headers {
        headers.set(name, value)?;
    }
    let init = RequestInit {
        body: Some(request.body.into()),
        headers,
        method: Method::Post,
        redirect: RequestRedirect::Manual,
        ..RequestInit::default()
    };
    let request = Request::new_with_init(&request.url, &init)?;
    let mut response = Fetch::Request(request).send_with_signal(signal).await?;
    Ok(Incoming { status: response.status_code(), body: response.text().await? })
}

fn outage(error: worker::Error) -> Outage {
    Outage(format!("fetch: {error}"))
}
