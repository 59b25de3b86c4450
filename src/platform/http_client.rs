//! [`HttpClient`] on `fetch`.

use std::time::Duration;

use futures_util::future::{Either, select};
use worker::{AbortController, Fetch, Headers, Method, Request, RequestInit, RequestRedirect, wasm_bindgen::JsValue};

use crate::{
    ports::{HttpClient, HttpError, HttpRequest, HttpResponse, Pending},
    runtime::Sleep,
};

/// The platform's `fetch`.
pub struct FetchClient;

impl HttpClient for FetchClient {
    fn post(&self, request: HttpRequest, limit: Duration) -> Pending<'_, Result<HttpResponse, HttpError>> {
        Box::pin(async move {
            let headers = request.headers.iter().map(|(name, value)| (*name, value.as_str()));
            let init = init(Method::Post, headers, Some(request.body.into())).map_err(error)?;
            send(&request.url, init, limit).await
        })
    }

    fn get<'a>(
        &'a self,
        url: &'a str,
        headers: &'a [(&'static str, &'static str)],
        limit: Duration,
    ) -> Pending<'a, Result<HttpResponse, HttpError>> {
        Box::pin(async move {
            let init = init(Method::Get, headers.iter().copied(), None).map_err(error)?;
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

async fn send(url: &str, init: RequestInit, limit: Duration) -> Result<HttpResponse, HttpError> {
    let controller = AbortController::default();
    let signal = controller.signal();
    let answer = Box::pin(async {
        let request = Request::new_with_init(url, &init)?;
        let mut response = Fetch::Request(request).send_with_signal(&signal).await?;
        Ok(HttpResponse { status: response.status_code(), body: response.text().await? })
    });
    match select(answer, Sleep::of(limit)).await {
        Either::Left((answer, _)) => answer.map_err(error),
        Either::Right(_) => {
            controller.abort();
            Err(HttpError(format!("no answer within {} s", limit.as_secs())))
        }
    }
}

fn error(error: worker::Error) -> HttpError {
    HttpError(format!("fetch: {error}"))
}
