//! [`Net`] on `fetch`.

use std::time::Duration;

use futures_util::future::{Either, select};
use worker::{AbortController, Fetch, Headers, Method, Request, RequestInit, RequestRedirect, wasm_bindgen::JsValue};

use super::pause::Pause;
use crate::ports::{Incoming, Net, Outage, Outgoing, Pending};

/// How long a foreign server may take for its whole answer to a POST.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// The platform's `fetch`.
pub struct FetchNet;

impl Net for FetchNet {
    fn post(&self, request: Outgoing) -> Pending<'_, Result<Incoming, Outage>> {
        Box::pin(async move {
            let headers = request.headers.iter().map(|(name, value)| (*name, value.as_str()));
            let init = init(Method::Post, headers, Some(request.body.into())).map_err(outage)?;
            send(&request.url, init, TIMEOUT).await
        })
    }

    fn get<'a>(
        &'a self,
        url: &'a str,
        headers: &'a [(&'static str, &'static str)],
        limit: Duration,
    ) -> Pending<'a, Result<Incoming, Outage>> {
        Box::pin(async move {
            let init = init(Method::Get, headers.iter().copied(), None).map_err(outage)?;
            send(url, init, limit).await
        })
    }
}

fn init<'a>(
    method: Method,
    fields: impl Iterator<Item = (&'a str, &'a str)>,
    body: Option<JsValue>,
) -> worker::Result<RequestInit> {
    let headers = Headers::new();
    for (name, value) in fields {
        headers.set(name, value)?;
    }
    Ok(RequestInit { method, headers, body, redirect: RequestRedirect::Manual, ..RequestInit::default() })
}

async fn send(url: &str, init: RequestInit, limit: Duration) -> Result<Incoming, Outage> {
    let controller = AbortController::default();
    let signal = controller.signal();
    let answer = Box::pin(async {
        let request = Request::new_with_init(url, &init)?;
        let mut response = Fetch::Request(request).send_with_signal(&signal).await?;
        Ok(Incoming { status: response.status_code(), body: response.text().await? })
    });
    match select(answer, Pause::of(limit)).await {
        Either::Left((answer, _)) => answer.map_err(outage),
        Either::Right(_) => {
            controller.abort();
            Err(Outage(format!("no answer within {} s", limit.as_secs())))
        }
    }
}

fn outage(error: worker::Error) -> Outage {
    Outage(format!("fetch: {error}"))
}
