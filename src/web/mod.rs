//! HTTP as this service speaks it: requests, responses, and how bodies and queries are parsed.

pub mod acting_as;
mod body;
pub mod content_policy;
pub mod cors;
mod field_types;
mod fields;
pub mod page;
pub mod path;
mod provider_callback;
pub mod schema;
pub mod session_cookie;
pub mod version;

pub use fields::{Field, Fields, FromFields, Input, Integer, Nullable, Patch, Reader};
pub use provider_callback::ProviderCallback;

use std::{borrow::Cow, rc::Rc};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde::Serialize;
use serde_json::json;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

use crate::{error::Error, language::Language};

/// The maximum size of a body, in bytes.
pub const MAX_BODY: usize = 16 * 1024;
/// The maximum size of the body of a webhook call, in bytes: a mail provider sends many events at once.
pub const MAX_WEBHOOK_BODY: usize = 256 * 1024;

/// The response header with the request id, which is also in the log.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The header with the number of items of a list that is cut off at a maximum.
pub const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// The headers of a request, which are read only when needed, because reading a header from the runtime is expensive.
pub trait Headers {
    /// Returns the value of a header. Several values are joined by commas (the Fetch standard, section 2.2.2, "get").
    fn get(&self, name: &HeaderName) -> Option<String>;
}

impl Headers for HeaderMap {
    fn get(&self, name: &HeaderName) -> Option<String> {
        let values: Vec<_> =
            self.get_all(name).iter().map(HeaderValue::as_bytes).map(String::from_utf8_lossy).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }
}

/// A request. `routes` adds the body when it has arrived.
pub struct Request {
    /// The method.
    pub method: Method,
    /// The scheme, host and port of the URL, such as `https://auth.example.com`. The client chooses the host, so do not trust it.
    pub origin: String,
    /// The path, not decoded.
    pub path: String,
    /// The query without `?`, not decoded. Empty if there is none.
    pub query: String,
    /// The headers.
    pub headers: Rc<dyn Headers>,
    /// The body. A body that is too large is cut off one byte after [`Request::max_body`].
    pub body: Vec<u8>,
}

impl Request {
    /// Returns the value of a header, if it is visible ASCII.
    pub fn header(&self, name: &HeaderName) -> Option<String> {
        self.headers.get(name).filter(|value| is_visible_ascii(value))
    }

    /// Returns the language that the request asks for, if the service speaks it.
    pub fn language(&self) -> Option<Language> {
        Language::accepted(&self.headers.get(&header::ACCEPT_LANGUAGE)?)
    }

    /// Returns whether the method is GET or HEAD, which change nothing (RFC 9110, section 9.2.1).
    pub fn only_reads(&self) -> bool {
        self.method == Method::GET || self.method == Method::HEAD
    }

    /// Returns the maximum size of the body, in bytes.
    pub fn max_body(&self) -> usize {
        if self.path.starts_with("/webhooks/") { MAX_WEBHOOK_BODY } else { MAX_BODY }
    }

    /// Returns whether the request came over plain http.
    pub fn is_plain_http(&self) -> bool {
        !self.origin.starts_with("https://")
    }
}

/// Returns the `Content-Length`, if there is a valid one.
pub fn declared_length(headers: &dyn Headers) -> Option<usize> {
    headers.get(&header::CONTENT_LENGTH)?.parse().ok()
}

/// Returns whether the value of a header is visible ASCII. Other bytes have no defined meaning (RFC 9110, section 5.5).
fn is_visible_ascii(value: &str) -> bool {
    value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
}

/// A header of a response.
pub type Header = (HeaderName, HeaderText);

/// The value of a response header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderText {
    /// Text of the source. `platform/http.rs` creates such headers once per isolate.
    Constant(&'static str),
    /// Text of this response.
    Computed(String),
}

impl HeaderText {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        match self {
            HeaderText::Constant(text) => text,
            HeaderText::Computed(text) => text,
        }
    }
}

impl From<&'static str> for HeaderText {
    fn from(text: &'static str) -> Self {
        HeaderText::Constant(text)
    }
}

impl From<String> for HeaderText {
    fn from(text: String) -> Self {
        HeaderText::Computed(text)
    }
}

impl From<Cow<'static, str>> for HeaderText {
    fn from(text: Cow<'static, str>) -> Self {
        match text {
            Cow::Borrowed(text) => HeaderText::Constant(text),
            Cow::Owned(text) => HeaderText::Computed(text),
        }
    }
}

/// A response.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers. A name can occur more than once.
    pub headers: Vec<Header>,
    /// The body. Empty if there is none.
    pub body: Cow<'static, str>,
    /// `success`, or the code of the error, for the log.
    pub outcome: &'static str,
}

impl Response {
    /// Returns 200 with a JSON body.
    pub fn json<T: Serialize>(body: &T) -> Self {
        // Fails only for maps with keys that are not strings and for `Serialize` implementations that fail. We have neither.
        Self::with_body("application/json", serde_json::to_string(body).unwrap_or_default())
    }

    /// Returns 200 with JSON text.
    pub fn json_text(body: String) -> Self {
        Self::with_body("application/json", body)
    }

    /// Returns 200 with the JSON literal `true` as the whole body.
    pub fn ok() -> Self {
        Self::json(&true)
    }

    /// Returns 202 with a JSON body: something else must happen before the request has its effect.
    pub fn accepted<T: Serialize>(body: &T) -> Self {
        Response { status: StatusCode::ACCEPTED, ..Self::json(body) }
    }

    /// Returns 204, which has no body.
    pub fn no_content() -> Self {
        Response { status: StatusCode::NO_CONTENT, headers: Vec::new(), body: Cow::Borrowed(""), outcome: "success" }
    }

    /// Returns 308, a permanent redirect to another URL.
    pub fn permanent_redirect(location: String) -> Self {
        let status = StatusCode::PERMANENT_REDIRECT;
        Response { status, headers: Vec::new(), body: Cow::Borrowed(""), outcome: "redirect" }
            .header(header::LOCATION, location)
    }

    /// Returns 302, a temporary redirect to another URL.
    pub fn found(location: String) -> Self {
        Response { status: StatusCode::FOUND, ..Self::permanent_redirect(location) }
    }

    /// Returns 303: the browser loads another URL with GET, whatever the method of this request was.
    pub fn see_other(location: String) -> Self {
        Response { status: StatusCode::SEE_OTHER, ..Self::permanent_redirect(location) }
    }

    /// Returns 200 with an HTML page.
    pub fn html(page: String) -> Self {
        Self::with_body("text/html; charset=utf-8", page)
    }

    /// Returns 200 with one of the static pages, with the headers that all pages have.
    pub fn page(page: String) -> Self {
        Self::html(page).headers([
            (header::CONTENT_SECURITY_POLICY, content_policy::PAGES.into()),
            (header::REFERRER_POLICY, "no-referrer".into()),
            (HeaderName::from_static("cross-origin-opener-policy"), "same-origin".into()),
        ])
    }

    /// Returns 200 with plain text.
    pub fn plain_text(text: String) -> Self {
        Self::with_body("text/plain; charset=utf-8", text)
    }

    /// Returns the response for an error.
    pub fn refusal(error: &Error, request_id: &str, language: Language) -> Self {
        let mut response = Self::json(&error.body(request_id, language));
        response.status = error.status();
        response.outcome = error.code();
        response.headers.extend(error.header().map(|(name, value)| (name, value.into())));
        response
    }

    fn with_body(content_type: &'static str, body: impl Into<Cow<'static, str>>) -> Self {
        Response {
            status: StatusCode::OK,
            headers: vec![(header::CONTENT_TYPE, content_type.into())],
            body: body.into(),
            outcome: "success",
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: impl Into<HeaderText>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds headers.
    #[must_use]
    pub fn headers(mut self, headers: impl IntoIterator<Item = Header>) -> Self {
        self.headers.extend(headers);
        self
    }
}

/// The body of [`Response::ok`] in the API description.
pub struct True;

impl PartialSchema for True {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([json!(true)])).into()
    }
}

impl ToSchema for True {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_is_not_visible_ascii_is_present_but_has_no_value() {
        let asked = |value: &[u8]| {
            let headers = HeaderMap::from_iter([(header::USER_AGENT, HeaderValue::from_bytes(value).unwrap())]);
            let (method, origin, path, query) = (Method::GET, String::new(), String::new(), String::new());
            let request = Request { method, origin, path, query, headers: Rc::new(headers), body: Vec::new() };
            (request.headers.get(&header::USER_AGENT).is_some(), request.header(&header::USER_AGENT))
        };
        assert_eq!(asked(b"Browser\t1.0 ~"), (true, Some("Browser\t1.0 ~".to_owned())));
        assert_eq!(asked("Bröwser".as_bytes()), (true, None));
        assert_eq!(asked(b"Br\xf6wser"), (true, None));
    }
}
