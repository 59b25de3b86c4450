//! Requests and answers, as the runtime has them and as this service speaks of them.

use std::{borrow::Cow, cell::RefCell, collections::BTreeMap, rc::Rc};

use futures_util::StreamExt;
use http::{HeaderName, Method};
use worker::{
    js_sys::JsString,
    wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen},
    web_sys,
};

use crate::web::{Header, Headers, MAX_BODY, REQUEST_ID, Request, Response};

#[wasm_bindgen]
extern "C" {
    /// `Headers`, as it is in the runtime, asked by names that are strings of JavaScript already.
    #[wasm_bindgen(js_name = Headers)]
    type Fields;

    #[wasm_bindgen(constructor, js_class = "Headers")]
    fn new() -> Fields;

    #[wasm_bindgen(method, js_name = get)]
    fn value(this: &Fields, name: &JsString) -> Option<String>;

    #[wasm_bindgen(method, catch)]
    fn set(this: &Fields, name: &JsString, value: &str) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch)]
    fn append(this: &Fields, name: &JsString, value: &str) -> Result<(), JsValue>;
}

/// Where the platform says that a request comes from.
pub const CONNECTING_IP: HeaderName = HeaderName::from_static("cf-connecting-ip");

thread_local! {
    /// The names of headers, each as it came to JavaScript when it was first needed. All of them are ours.
    static NAMES: RefCell<BTreeMap<Box<str>, JsString>> = const { RefCell::new(BTreeMap::new()) };
    static INITS: RefCell<Vec<Init>> = const { RefCell::new(Vec::new()) };
}

/// What answers have in common: a status, and headers that are always the same. There are as many as the source has.
struct Init {
    status: u16,
    headers: Vec<Header>,
    /// An answer with nothing else, of which another one takes them. From a plain object the runtime would read each field.
    made: web_sys::Response,
    /// Its headers.
    fields: Fields,
}

fn with_init<T>(status: u16, headers: &[&Header], work: impl FnOnce(&Init) -> T) -> Result<T, JsValue> {
    INITS.with_borrow_mut(|inits| {
        let known = inits.iter().find(|init| init.status == status && init.headers.iter().eq(headers.iter().copied()));
        if let Some(init) = known {
            return Ok(work(init));
        }
        let common = Fields::new();
        for (name, value) in headers {
            with_name(name, |name| common.append(name, value))?;
        }
        let init = web_sys::ResponseInit::new();
        init.set_status(status);
        init.set_headers(&common);
        let made = web_sys::Response::new_with_opt_str_and_init(None, &init)?;
        let headers = headers.iter().map(|header| (*header).clone()).collect();
        let init = Init { status, headers, fields: fields(made.headers()), made };
        let done = work(&init);
        inits.push(init);
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
    let (origin, path, query) = (origin.to_owned(), path.to_owned(), query.to_owned());
    Request { method, origin, path, query, headers: Rc::new(fields(request.headers())), body: Vec::new() }
}

impl Headers for Fields {
    fn get(&self, name: &HeaderName) -> Option<String> {
        with_name(name, |name| self.value(name))
    }
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
    let (constant, varying): (Vec<&Header>, Vec<&Header>) =
        response.headers.iter().partition(|(_, value)| matches!(value, Cow::Borrowed(_)));
    let (ids, own): (Vec<&Header>, Vec<&Header>) = varying.into_iter().partition(|(name, _)| *name == REQUEST_ID);
    // The runtime refuses a body, even an empty one, where the status allows none.
    let body = (!response.body.is_empty()).then_some(response.body.as_ref());
    let answer = with_init(response.status.as_u16(), &constant, |init| {
        // Every answer has one, so that of the answer before is never sent again. What only some have must not be set here.
        for (name, value) in ids {
            with_name(name, |name| init.fields.set(name, value))?;
        }
        web_sys::Response::new_with_opt_str_and_init(body, init.made.unchecked_ref())
    })??;
    for (name, value) in own {
        with_name(name, |name| fields(answer.headers()).append(name, value))?;
    }
    Ok(answer.into())
}

fn fields(headers: web_sys::Headers) -> Fields {
    headers.unchecked_into()
}
