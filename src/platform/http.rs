//! Converts requests and responses between the runtime and `web`.

use std::{cell::RefCell, rc::Rc};

use http::{HeaderName, Method, StatusCode};
use worker::{
    js_sys::{Array, Function, JsString},
    wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen},
    web_sys,
};

use crate::web::{Header, HeaderText, Headers, REQUEST_ID, Request, Response};

#[wasm_bindgen]
extern "C" {
    /// The runtime's `Headers`, queried by names that already are JavaScript strings.
    #[wasm_bindgen(js_name = Headers)]
    type Fields;

    #[wasm_bindgen(method, js_name = get)]
    fn value(this: &Fields, name: &JsString) -> Option<String>;
}

#[wasm_bindgen(module = "/src/platform/http.js")]
extern "C" {
    type Pattern;

    #[wasm_bindgen(constructor, catch)]
    fn new(status: u16, request_id: &str) -> Result<Pattern, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn append(this: &Pattern, name: &str, value: &str) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch)]
    fn send(
        this: &Pattern,
        resolve: &Function,
        text: &str,
        id_length: usize,
        line_length: usize,
        own: Option<Array>,
    ) -> Result<(), JsValue>;
}

/// The header with the client's address.
pub const CONNECTING_IP: HeaderName = HeaderName::from_static("cf-connecting-ip");

thread_local! {
    /// The names of headers as JavaScript strings, created when they are first needed. All of them are ours, so their number is
    /// bounded.
    static NAMES: RefCell<Vec<(HeaderName, JsString)>> = const { RefCell::new(Vec::new()) };
    /// One for each combination of status and constant headers in the source.
    static COMMON: RefCell<Vec<Common>> = const { RefCell::new(Vec::new()) };
}

/// What responses have in common: the status and the constant headers.
struct Common {
    status: StatusCode,
    headers: Vec<Header>,
    pattern: Pattern,
}

impl Common {
    fn of(response: &Response) -> Result<Self, JsValue> {
        let headers: Vec<Header> = response.headers.iter().filter(|header| is_common(header)).cloned().collect();
        let pattern = Pattern::new(response.status.as_u16(), REQUEST_ID.as_str())?;
        for (name, value) in &headers {
            pattern.append(name.as_str(), value.as_str())?;
        }
        Ok(Common { status: response.status, headers, pattern })
    }

    fn is_of(&self, response: &Response) -> bool {
        self.status == response.status
            && self.headers.iter().eq(response.headers.iter().filter(|header| is_common(header)))
    }
}

fn is_common((_, value): &Header) -> bool {
    matches!(value, HeaderText::Constant(_))
}

/// Reads the head of a request, without its body.
pub fn head(request: &web_sys::Request) -> Request {
    let method = Method::from_bytes(request.method().as_bytes()).unwrap_or(Method::OPTIONS);
    let url = request.url();
    let url = url.split('#').next().unwrap_or_default();
    let (place, query) = url.split_once('?').unwrap_or((url, ""));
    // The third slash starts the path, after the scheme and the host.
    let path_at = place.match_indices('/').nth(2).map_or(place.len(), |(at, _)| at);
    let (origin, path) = place.split_at(path_at);
    let (origin, path, query) = (origin.to_owned(), path.to_owned(), query.to_owned());
    let headers: Fields = request.headers().unchecked_into();
    Request { method, origin, path, query, headers: Rc::new(headers), body: Vec::new() }
}

impl Headers for Fields {
    fn get(&self, name: &HeaderName) -> Option<String> {
        NAMES.with_borrow_mut(|names| match names.iter().find(|(known, _)| known == name) {
            Some((_, known)) => self.value(known),
            None => {
                let new: JsString = name.as_str().into();
                let value = self.value(&new);
                names.push((name.clone(), new));
                value
            }
        })
    }
}

/// Sends the response through `resolve`, and writes `line` to the log.
///
/// # Errors
/// If the runtime rejects a status or a header, which should not happen. Then nothing is sent.
pub fn send(resolve: &Function, response: &Response, line: &str) -> Result<(), JsValue> {
    let (mut id, mut own) = ("", None);
    for (name, value) in response.headers.iter().filter(|header| !is_common(header)) {
        if *name == REQUEST_ID {
            id = value.as_str();
        } else {
            let own: &Array = own.get_or_insert_default();
            own.push(&name.as_str().into());
            own.push(&value.as_str().into());
        }
    }
    let text = [id, line, &response.body].concat();
    let send = |common: &Common| common.pattern.send(resolve, &text, utf16(id), utf16(line), own);
    COMMON.with_borrow_mut(|known| {
        if let Some(common) = known.iter().find(|common| common.is_of(response)) {
            return send(common);
        }
        let common = Common::of(response)?;
        let sent = send(&common);
        known.push(common);
        sent
    })
}

/// Returns the length of a text in UTF-16 code units, as JavaScript counts.
fn utf16(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.encode_utf16().count() }
}
