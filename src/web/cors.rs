//! Which pages of other origins may read an answer (the Fetch standard, section 3.3, "CORS protocol").
//!
//! They are those of an exact list. They never come with credentials that a browser adds by itself: a page of another
//! origin has a bearer of its own or none.

use http::{Method, header};

use super::{Header, Request, Response};
use crate::error::list;

/// What a page may send beside the headers that need no permission.
const REQUEST_HEADERS: &str = "Authorization, Content-Type, If-Match, X-Acting-As";
/// What a page may read beside the headers that need no permission.
const EXPOSED_HEADERS: &str = "X-Refresh-Token, X-Request-Id, Retry-After, ETag, X-Total-Count";
/// For how many seconds a browser may remember a preflight: the most that Chromium does.
const MAX_AGE: &str = "7200";

/// The origin of the page that asks, if it is one of those listed.
fn listed(request: &Request, origins: &[String]) -> Option<String> {
    request.header(&header::ORIGIN).filter(|origin| origins.iter().any(|listed| listed == origin))
}

/// The answer to a listed page's question whether it may use one of `methods`; nothing if that is not what is asked.
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

/// What every answer says of it, whatever its status.
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
