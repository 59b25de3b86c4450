//! CORS: which pages of other origins can read responses (the Fetch standard, section 3.3, "CORS protocol").
//!
//! The settings list their exact origins. Credentials that a browser adds by itself, such as cookies, are not allowed: a page of
//! another origin uses a bearer token.

use http::{Method, header};

use super::{Header, Request, Response};
use crate::error::list;

/// The request headers that pages can send, besides those that are always allowed.
const REQUEST_HEADERS: &str = "Authorization, Content-Type, If-Match, X-Acting-As";
/// The response headers that pages can read, besides those that are always allowed.
const EXPOSED_HEADERS: &str = "X-Refresh-Token, X-Request-Id, Retry-After, ETag, X-Total-Count";
/// How long browsers can cache a preflight, in seconds: the maximum of Chromium.
const MAX_AGE: &str = "7200";

/// Returns the origin of the page, if it is in the list.
fn listed(request: &Request, origins: &[String]) -> Option<String> {
    request.header(&header::ORIGIN).filter(|origin| origins.iter().any(|listed| listed == origin))
}

/// Returns the response to a preflight of a listed page. `None` for any other request.
pub fn preflight(request: &Request, origins: &[String], methods: &[Method]) -> Option<Response> {
    let is_preflight =
        request.method == Method::OPTIONS && request.headers.get(&header::ACCESS_CONTROL_REQUEST_METHOD).is_some();
    (is_preflight && listed(request, origins).is_some()).then(|| {
        Response::no_content()
            .header(header::ACCESS_CONTROL_ALLOW_METHODS, list(methods))
            .header(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS)
            .header(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE)
    })
}

/// Returns the CORS headers of a response, which do not depend on its status.
pub fn headers(request: &Request, origins: &[String]) -> Vec<Header> {
    if origins.is_empty() {
        return Vec::new();
    }
    let mut headers = vec![(header::VARY, "Origin".into())];
    if let Some(origin) = listed(request, origins) {
        headers.push((header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.into()));
        headers.push((header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS.into()));
    }
    headers
}
