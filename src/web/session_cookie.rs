//! The cookie in which a page of the service's own keeps a session token where no script can read it (RFC 6265bis).
//!
//! The prefix `__Host-` lets a browser take it only from this very host, over TLS, and for every path.

use http::{HeaderName, header};
use utoipa::IntoParams;

use super::{Header, Request};

/// By this header a page asks for the cookie. A form cannot send it, nor a page of another origin that no preflight allows it to.
pub const WANTED: HeaderName = HeaderName::from_static("x-session-cookie");

/// The header [`WANTED`], as clients are told of it.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct Wanted {
    /// `set`, from a page of the service's own origin, asks for the session cookie beside the answer.
    #[param(rename = "X-Session-Cookie", example = "set")]
    pub session_cookie: Option<String>,
}

const NAME: &str = "__Host-session";
const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Strict";

/// Whether a page of this very origin asks for the cookie.
pub fn is_wanted(request: &Request) -> bool {
    request.header(&WANTED).is_some_and(|value| value == "set") && request.is_from_own_origin()
}

/// The token in the cookie. Of two such cookies neither counts: a browser has one.
pub fn token(request: &Request) -> Option<String> {
    let header = request.header(&header::COOKIE)?;
    let mut tokens = header.split(';').filter_map(|cookie| cookie.trim().strip_prefix(NAME)?.strip_prefix('='));
    let token = tokens.next()?;
    // A comma is in no token: it stands between two headers. Nor may it part cookies, because in those of other names, which a
    // neighbouring host can set, there may be whatever it likes.
    (tokens.next().is_none() && !token.contains(',')).then(|| token.to_owned())
}

/// The header that keeps `token` for so many seconds.
pub fn set(token: &str, seconds: i64) -> Header {
    (header::SET_COOKIE, format!("{NAME}={token}; {ATTRIBUTES}; Max-Age={seconds}").into())
}

/// The header that takes the cookie away.
pub fn clear() -> Header {
    set("", 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, Method};
    use std::rc::Rc;

    #[test]
    fn the_token_is_found_among_other_cookies_if_it_is_there_once() {
        let found = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::COOKIE, value.parse().unwrap());
            }
            let (method, origin, path, query) = (Method::GET, String::new(), String::new(), String::new());
            token(&Request { method, origin, path, query, headers: Rc::new(headers), body: Vec::new() })
        };
        for values in [
            &["__Host-session=abc"][..],
            &["a=b; __Host-session=abc; c=d"],
            &["a=b;__Host-session=abc;"],
            &["session=x; __Host-session2=y; x__Host-session=z; __Host-session=abc"],
        ] {
            assert_eq!(found(values).as_deref(), Some("abc"), "{values:?}");
        }
        for values in [
            &[][..],
            &[""],
            &["__Host-session"],
            &["__host-session=abc"],
            &["__Host-session =abc"],
            &["__Host-session=abc; __Host-session=abc"],
            &["__Host-session=abc", "__Host-session=abc"],
            &["__Host-session=abc", "a=b"],
            &["a=b,__Host-session=abc"],
            &["a=b", "__Host-session=abc"],
        ] {
            assert_eq!(found(values), None, "{values:?}");
        }
    }
}
