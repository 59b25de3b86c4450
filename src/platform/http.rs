//! Requests and answers, as the runtime has them and as this service speaks of them.

use std::{borrow::Cow, cell::RefCell, collections::BTreeMap};

use futures_util::StreamExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use worker::{
    js_sys::JsString,
    wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen},
    web_sys,
};

use crate::web::{Header, MAX_BODY, Request, Response, session_cookie};

#[wasm_bindgen]
extern "C" {
    /// `Headers`, as it is in the runtime, asked by names that are strings of JavaScript already.
    #[wasm_bindgen(js_name = Headers)]
    type Fields;

    #[wasm_bindgen(constructor, js_class = "Headers")]
    fn new() -> Fields;

    #[wasm_bindgen(method)]
    fn get(this: &Fields, name: &JsString) -> Option<String>;

    #[wasm_bindgen(method, catch)]
    fn append(this: &Fields, name: &JsString, value: &str) -> Result<(), JsValue>;
}

/// Where the platform says that a request comes from.
pub const CONNECTING_IP: HeaderName = HeaderName::from_static("cf-connecting-ip");

/// The headers that anything here reads, whatever the method.
const READ: [HeaderName; 5] = [CONNECTING_IP, header::AUTHORIZATION, header::COOKIE, header::ORIGIN, header::ACCEPT];
/// Those that are read beside them where the method does more than read.
const READ_TO_ACT: [HeaderName; 4] =
    [header::CONTENT_TYPE, header::USER_AGENT, header::ACCESS_CONTROL_REQUEST_METHOD, session_cookie::WANTED];

thread_local! {
    /// The names of headers, each as it came to JavaScript when it was first needed. All of them are ours.
    static NAMES: RefCell<BTreeMap<Box<str>, JsString>> = const { RefCell::new(BTreeMap::new()) };
    static INITS: RefCell<Vec<Init>> = const { RefCell::new(Vec::new()) };
}

/// What answers have in common: a status, and headers that are always the same. There are as many as the source has.
struct Init {
    status: u16,
    headers: Vec<Header>,
    made: web_sys::ResponseInit,
}

fn with_init<T>(
    status: u16,
    headers: &[&Header],
    work: impl FnOnce(&web_sys::ResponseInit) -> T,
) -> Result<T, JsValue> {
    INITS.with_borrow_mut(|inits| {
        let known = inits.iter().find(|init| init.status == status && init.headers.iter().eq(headers.iter().copied()));
        if let Some(init) = known {
            return Ok(work(&init.made));
        }
        let fields = Fields::new();
        for (name, value) in headers {
            with_name(name, |name| fields.append(name, value))?;
        }
        let made = web_sys::ResponseInit::new();
        made.set_status(status);
        made.set_headers(&fields);
        let done = work(&made);
        inits.push(Init { status, headers: headers.iter().map(|header| (*header).clone()).collect(), made });
        Ok(done)
    })
}

fn with_name<T>(name: &HeaderName, work: impl FnOnce(&JsString) -> T) -> T {
    NAMES.with_borrow_mut(|names| match names.get(name.as_str()) {
        Some(known) => work(known),
        None => work(names.entry(name.as_str().into()).or_insert_with(|| name.as_str().into())),
    })
}

/// What stands before the body: the request with none.
pub fn head(request: &web_sys::Request) -> Request {
    let method = Method::from_bytes(request.method().as_bytes()).unwrap_or(Method::OPTIONS);
    let url = request.url();
    let url = url.split('#').next().unwrap_or_default();
    let (place, query) = url.split_once('?').unwrap_or((url, ""));
    // The third slash is the first of the path: the scheme and the host are before it.
    let path_at = place.match_indices('/').nth(2).map_or(place.len(), |(at, _)| at);
    let (origin, path) = place.split_at(path_at);
    let sent = fields(request.headers());
    let only_reads = method == Method::GET || method == Method::HEAD;
    let read = READ.into_iter().chain(READ_TO_ACT.into_iter().filter(|_| !only_reads));
    // What is no header value cannot be a good one either: it counts as missing.
    let headers: HeaderMap =
        read.filter_map(|name| HeaderValue::try_from(value(&sent, &name)?).ok().map(|value| (name, value))).collect();
    let (origin, path, query) = (origin.to_owned(), path.to_owned(), query.to_owned());
    Request { method, origin, path, query, headers, body: Vec::new() }
}

/// The body of a request, but never more of it than one byte over the limit. Nothing if it breaks off, which is the client's
/// fault: a refusal, and nothing for the log.
pub async fn body(request: web_sys::Request) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    if request.body().is_none() {
        return Some(body);
    }
    let mut stream = worker::Request::from(request).stream().ok()?;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.ok()?;
        let room = MAX_BODY + 1 - body.len();
        body.extend(chunk.iter().take(room));
        if chunk.len() >= room {
            break;
        }
    }
    Some(body)
}

/// The answer, as the runtime sends it.
///
/// # Errors
/// When the runtime refuses a status or a header, of which none is like that here.
pub fn answer(response: &Response) -> Result<JsValue, JsValue> {
    let (constant, own): (Vec<&Header>, Vec<&Header>) =
        response.headers.iter().partition(|(_, value)| matches!(value, Cow::Borrowed(_)));
    // The runtime refuses a body, even an empty one, where the status allows none.
    let body = (!response.body.is_empty()).then_some(response.body.as_ref());
    let answer = with_init(response.status.as_u16(), &constant, |init| {
        web_sys::Response::new_with_opt_str_and_init(body, init)
    })??;
    let headers = fields(answer.headers());
    for (name, value) in own {
        with_name(name, |name| headers.append(name, value))?;
    }
    Ok(answer.into())
}

fn fields(headers: web_sys::Headers) -> Fields {
    headers.unchecked_into()
}

fn value(fields: &Fields, name: &HeaderName) -> Option<String> {
    with_name(name, |name| fields.get(name))
}
