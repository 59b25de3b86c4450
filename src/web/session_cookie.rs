//! The session cookie, which keeps the session token of the service's own pages where no script can read it (RFC 6265bis).
//!
//! Because of the prefix `__Host-`, a browser accepts it only from this exact host, over TLS, and for every path. In local
//! development over plain http it has neither the prefix nor `Secure`, because Safari would drop it.
//!
//! Servers on other hosts can get the token in a second cookie, `__Secure-session`, if the settings name its domain. Any host below
//! the domain can set or overwrite this cookie, so this service never reads it: a session that another host has planted there does
//! nothing here. Both cookies are set and removed together.
//!
//! An error response does not remove the cookie. When a late 401 arrives, the browser can already have a newer cookie, and a response
//! can only name the cookie, not its value.

use http::{HeaderName, header};
use utoipa::IntoParams;

use super::{Header, Request};

/// The name of the cookie for servers on other hosts. Its prefix makes browsers require `Secure`.
const SHARED: &str = "__Secure-session";

/// The header with which a page requests the cookie. Forms cannot send it, and pages of other origins need a preflight.
pub const WANTED: HeaderName = HeaderName::from_static("x-session-cookie");

/// The header [`WANTED`] in the API description.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct Wanted {
    /// `set` requests the session cookie. It works only for pages of the service's own origin and of `app_origins` in `GET /config`.
    #[param(rename = "X-Session-Cookie", example = "set")]
    pub session_cookie: Option<String>,
}

/// The two kinds of session cookies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `__Host-session`.
    Secure,
    /// The cookie for local development over plain http.
    PlainHttp,
}

impl Kind {
    /// Returns the kind for this request. Outside local development it is always the secure one.
    pub fn of(request: &Request, is_local: bool) -> Kind {
        if is_local && request.origin.starts_with("http://") { Kind::PlainHttp } else { Kind::Secure }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Secure => "__Host-session",
            Kind::PlainHttp => "local-session",
        }
    }

    fn attributes(self) -> &'static str {
        match self {
            Kind::Secure => "Path=/; Secure; HttpOnly; SameSite=Strict",
            Kind::PlainHttp => "Path=/; HttpOnly; SameSite=Strict",
        }
    }

    /// Returns the headers that store `token` for this many seconds: in this cookie, and in that of `domain`. Over plain http there is
    /// only this one.
    pub fn set(self, domain: Option<&str>, token: &str, seconds: i64) -> Vec<Header> {
        let own = format!("{}={token}; {}; Max-Age={seconds}", self.name(), self.attributes());
        let shared = domain.filter(|_| self == Kind::Secure).map(|domain| {
            format!("{SHARED}={token}; Domain={domain}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={seconds}")
        });
        [Some(own), shared].into_iter().flatten().map(|cookie| (header::SET_COOKIE, cookie.into())).collect()
    }

    /// Returns the headers that remove the cookies.
    pub fn clear(self, domain: Option<&str>) -> Vec<Header> {
        self.set(domain, "", 0)
    }
}

/// Returns whether the request asks for the cookie. Only pages of this service and of listed apps get it; `access` checks that.
pub fn is_wanted(request: &Request) -> bool {
    request.header(&WANTED).is_some_and(|value| value == "set")
}

/// Returns the token in the cookie. Two such cookies count as none, because a browser sends only one.
///
/// The other cookies can have any characters, because a neighboring host can set them. Only spaces and tabs are trimmed: to a browser, any
/// other white space is part of the name, and such a name is not protected by the prefix `__Host-`.
pub fn token(request: &Request, kind: Kind) -> Option<String> {
    let header = request.headers.get(&header::COOKIE)?;
    let cookies = header.split(';').map(|cookie| cookie.trim_matches([' ', '\t']));
    let mut tokens = cookies.filter_map(|cookie| cookie.strip_prefix(kind.name())?.strip_prefix('='));
    let token = tokens.next()?;
    // Several headers are joined by commas. A comma does not separate cookies, because cookies of other names can contain anything:
    // a neighboring host can set them.
    (tokens.next().is_none() && !token.contains(',')).then(|| token.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderValue, Method};
    use std::rc::Rc;

    #[test]
    fn the_token_is_found_among_other_cookies_if_it_is_there_exactly_once() {
        let found = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::COOKIE, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
            let (method, origin, path, query) = (Method::GET, String::new(), String::new(), String::new());
            let request = Request { method, origin, path, query, headers: Rc::new(headers), body: Vec::new() };
            token(&request, Kind::Secure)
        };
        for values in [
            &["__Host-session=abc"][..],
            &["a=b; __Host-session=abc; c=d"],
            &["a=b;__Host-session=abc;"],
            &["session=x; __Host-session2=y; x__Host-session=z; __Host-session=abc"],
            &["city=Z\u{fc}rich; __Host-session=abc; \u{2003}__Host-session=planted"],
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
            // White space that is part of the name.
            &["\u{85}__Host-session=abc"],
            &["\u{a0}__Host-session=abc"],
            &["a=b;\u{2003}__Host-session=abc"],
            &["a=b; \u{3000}__Host-session=abc"],
            &["a=b; \u{feff}__Host-session=abc"],
        ] {
            assert_eq!(found(values), None, "{values:?}");
        }
    }

    #[test]
    fn only_local_development_over_plain_http_uses_a_cookie_without_secure() {
        let kind = |origin: &str, is_local| {
            let (origin, headers) = (origin.to_owned(), Rc::new(HeaderMap::new()));
            let (path, query, body) = (String::new(), String::new(), Vec::new());
            Kind::of(&Request { method: Method::GET, origin, path, query, headers, body }, is_local)
        };
        assert_eq!(kind("http://localhost:8787", true), Kind::PlainHttp);
        for (origin, is_local) in [
            ("https://localhost:8787", true),
            ("http://localhost:8787", false),
            ("http://auth.example.com", false),
            ("https://auth.example.com", false),
            ("", true),
        ] {
            assert_eq!(kind(origin, is_local), Kind::Secure, "{origin} {is_local}");
        }
    }
}
