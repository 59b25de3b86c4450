//! CORS: which pages of other origins can read responses (the Fetch standard, section 3.3, "CORS protocol").
//!
//! The settings list their exact origins. Pages of the origins of apps can use the session cookie. For all others, credentials that a
//! browser adds by itself, such as cookies, are not allowed: they use a bearer token.

use http::{Method, header};

use super::{Header, Request, Response};
use crate::error::list;

/// The request headers that pages can send, besides those that are always allowed.
const REQUEST_HEADERS: &str = "Authorization, Content-Type, If-Match, X-Acting-As";
/// The same for pages of apps, which can also request the session cookie.
const APP_REQUEST_HEADERS: &str = "Authorization, Content-Type, If-Match, X-Acting-As, X-Session-Cookie";
/// The response headers that pages can read, besides those that are always allowed.
const EXPOSED_HEADERS: &str = "X-Refresh-Token, X-Request-Id, Retry-After, ETag, X-Total-Count";
/// How long browsers can cache a preflight, in seconds: the maximum of Chromium.
const MAX_AGE: &str = "7200";

/// The origins whose pages can read responses.
#[derive(Clone, Copy)]
pub struct Origins<'a> {
    /// Those that use bearer tokens: `CORS_ORIGINS`.
    pub plain: &'a [String],
    /// Those that can also use the session cookie: `APP_ORIGINS`.
    pub apps: &'a [String],
}

/// A page whose origin is listed.
struct Page {
    origin: String,
    is_of_app: bool,
}

impl Origins<'_> {
    /// Returns the page that has sent the request, if its origin is listed.
    fn page(self, request: &Request) -> Option<Page> {
        let origin = request.header(&header::ORIGIN)?;
        let is_of_app = self.apps.contains(&origin);
        (is_of_app || self.plain.contains(&origin)).then_some(Page { origin, is_of_app })
    }
}

/// Returns the response to a preflight of a listed page. `None` for any other request.
pub fn preflight(request: &Request, origins: Origins<'_>, methods: &[Method]) -> Option<Response> {
    let is_preflight =
        request.method == Method::OPTIONS && request.headers.get(&header::ACCESS_CONTROL_REQUEST_METHOD).is_some();
    let page = origins.page(request).filter(|_| is_preflight)?;
    let request_headers = if page.is_of_app { APP_REQUEST_HEADERS } else { REQUEST_HEADERS };
    let response = Response::no_content()
        .header(header::ACCESS_CONTROL_ALLOW_METHODS, list(methods))
        .header(header::ACCESS_CONTROL_ALLOW_HEADERS, request_headers)
        .header(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    Some(response)
}

/// Returns the CORS headers of a response, which do not depend on its status.
pub fn headers(request: &Request, origins: Origins<'_>) -> Vec<Header> {
    if origins.plain.is_empty() && origins.apps.is_empty() {
        return Vec::new();
    }
    let mut headers = vec![(header::VARY, "Origin".into())];
    if let Some(Page { origin, is_of_app }) = origins.page(request) {
        headers.push((header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.into()));
        if is_of_app {
            headers.push((header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true".into()));
        }
        headers.push((header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS.into()));
    }
    headers
}
