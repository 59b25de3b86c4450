//! [`HttpClient`] on `fetch`.

use futures_util::future::{Either, select};
use worker::{
    AbortController, Fetch, Headers, Method, Request, RequestInit, RequestRedirect,
    js_sys::Uint8Array,
    wasm_bindgen::{JsCast, JsValue},
    web_sys,
};

use crate::{
    ports::{HttpClient, HttpError, HttpRequest, HttpResponse, Limits, Pending},
    runtime::{JsFuture, Sleep},
};

use super::body;

/// The platform's `fetch`.
pub struct FetchClient;

impl HttpClient for FetchClient {
    fn post(&self, request: HttpRequest, limits: Limits) -> Pending<'_, Result<HttpResponse, HttpError>> {
        Box::pin(async move {
            let headers = request.headers.iter().map(|(name, value)| (*name, value.as_str()));
            let init = init(Method::Post, headers, Some(request.body.into())).map_err(error)?;
            send(&request.url, init, limits).await
        })
    }

    fn get<'a>(
        &'a self,
        url: &'a str,
        headers: &'a [(&'static str, &'a str)],
        limits: Limits,
    ) -> Pending<'a, Result<HttpResponse, HttpError>> {
        Box::pin(async move {
            let init = init(Method::Get, headers.iter().copied(), None).map_err(error)?;
            send(url, init, limits).await
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

async fn send(url: &str, init: RequestInit, limits: Limits) -> Result<HttpResponse, HttpError> {
    let controller = AbortController::default();
    let signal = controller.signal();
    let answer = Box::pin(async {
        let request = Request::new_with_init(url, &init)?;
        let response = Fetch::Request(request).send_with_signal(&signal).await?;
        let status = response.status_code();
        let body = read(&response.into(), limits).await?;
        Ok(HttpResponse { status, body })
    });
    match select(answer, Sleep::of(limits.time)).await {
        Either::Left((answer, _)) => answer.map_err(error),
        Either::Right(_) => {
            controller.abort();
            Err(HttpError(format!("no answer within {} s", limits.time.as_secs())))
        }
    }
}

/// Reads a body, and stops when it is too large.
async fn read(response: &web_sys::Response, limits: Limits) -> worker::Result<String> {
    let Some(stream) = response.body() else { return Ok(String::new()) };
    let bytes = JsFuture::new(&body::read(&stream, limits.bytes + 1, limits.time.as_millis() as u32)).await?;
    let bytes = bytes.dyn_into::<Uint8Array>().map_err(|_| "the body is late")?;
    if bytes.length() as usize > limits.bytes {
        return Err(format!("the body has more than {} bytes", limits.bytes).into());
    }
    Ok(String::from_utf8_lossy(&bytes.to_vec()).into_owned())
}

fn error(error: worker::Error) -> HttpError {
    HttpError(format!("fetch: {error}"))
}
