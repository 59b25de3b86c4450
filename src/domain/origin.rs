//! Web origins: the scheme, the host and the port of a page.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::email::is_label;

/// Returns whether the text is an origin as browsers write it in the header `Origin` (RFC 6454, section 6.2): `https`, host and port
/// in lower case, without the default port, a path or anything else. `with_http` also allows `http`.
pub fn is_origin(text: &str, with_http: bool) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else { return false };
    let default_port = match scheme {
        "https" => 443,
        "http" if with_http => 80,
        _ => return false,
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let is_port = |text: &str| {
        // Without a sign or a leading zero.
        text.parse::<u16>().is_ok_and(|port| port != default_port && port.to_string() == text)
    };
    is_host(host) && port.is_none_or(is_port)
}

/// The origin of the pages of this service.
#[derive(Debug)]
pub struct OwnOrigin {
    origin: String,
    with_loopback: bool,
}

impl OwnOrigin {
    /// Takes the origin from a URL. `with_loopback`, for local development, adds the loopback addresses.
    pub fn new(url: &str, with_loopback: bool) -> Self {
        let authority_at = url.find("://").map_or(0, |at| at + 3);
        let (scheme, rest) = url.split_at(authority_at);
        let authority = rest.split('/').next().unwrap_or_default().to_ascii_lowercase();
        let default_port = if scheme == "http://" { ":80" } else { ":443" };
        let authority = authority.strip_suffix(default_port).unwrap_or(&authority);
        OwnOrigin { origin: format!("{scheme}{authority}"), with_loopback }
    }

    /// Returns the origin, as browsers write it.
    pub fn as_str(&self) -> &str {
        &self.origin
    }

    /// Returns whether `origin` is that of a page of this service. `target` is the origin of the request's URL, whose port must be the
    /// same for loopback addresses.
    pub fn is(&self, origin: &str, target: &str) -> bool {
        origin == self.origin || self.with_loopback && is_loopback(origin) && port(origin) == port(target)
    }
}

/// Returns the host of a URL in lower case.
pub fn host(url: &str) -> String {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next().unwrap_or_default();
    let has_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let host = authority.rsplit_once(':').filter(|(_, port)| has_port(port)).map_or(authority, |(host, _)| host);
    host.to_ascii_lowercase()
}

/// Returns whether passkeys of pages on `host` can belong to `rp_id` (Web Authentication Level 3, section 5.1.3, step 8): it is the
/// same host, or a parent domain with at least two labels. Browsers also refuse public suffixes such as `co.uk`.
pub fn is_rp_id(rp_id: &str, host: &str) -> bool {
    rp_id == host || is_parent_domain(rp_id, host)
}

/// Returns whether `domain` has at least two labels and `host` is below it.
pub fn is_parent_domain(domain: &str, host: &str) -> bool {
    let is_parent = || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    !is_address(host) && domain.contains('.') && domain.split('.').all(is_label) && is_parent()
}

/// Returns whether two hosts can belong to the same site: they are the same, or share at least two labels at the end. Only the list
/// of public suffixes, which is not here, could confirm it.
pub fn can_be_same_site(one: &str, other: &str) -> bool {
    let site = |host: &str| host.rmatch_indices('.').nth(1).map_or(0, |(at, _)| at + 1);
    one == other
        || !is_address(one)
            && !is_address(other)
            && one.contains('.')
            && one.get(site(one)..) == other.get(site(other)..)
}

/// Returns whether a host is an IP address.
pub fn is_address(host: &str) -> bool {
    host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok()
}

/// Returns whether the host of an origin is a loopback address.
pub fn is_loopback(origin: &str) -> bool {
    let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")).unwrap_or_default();
    let mut names = ["localhost", "127.0.0.1", "[::1]"].into_iter().filter_map(|name| host.strip_prefix(name));
    names.any(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// Returns the port of an origin. `None` for the default port.
fn port(origin: &str) -> Option<u16> {
    origin.rsplit_once(':')?.1.parse().ok()
}

fn is_host(text: &str) -> bool {
    match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok_and(|parsed| parsed.to_string() == address),
        None => text.split('.').all(is_label) && !text.contains(|character: char| character.is_ascii_uppercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_origin_has_the_form_that_browsers_send() {
        for (url, origin) in [
            ("https://example.com", "https://example.com"),
            ("https://Example.COM:443/app", "https://example.com"),
            ("https://example.com:8443/app/auth", "https://example.com:8443"),
            ("http://localhost:80", "http://localhost"),
        ] {
            assert!(OwnOrigin::new(url, false).is(origin, ""), "{url}");
        }
    }

    #[test]
    fn only_local_development_accepts_loopback_addresses_and_only_with_the_port_of_the_request() {
        let local = OwnOrigin::new("http://localhost:8787", true);
        for origin in ["http://localhost:9000", "http://127.0.0.1:9000", "http://[::1]:9000", "https://localhost:9000"]
        {
            assert!(local.is(origin, "http://evil.example:9000"), "{origin}");
            assert!(!local.is(origin, "http://localhost:9001"), "{origin}");
            assert!(!OwnOrigin::new("https://example.com", false).is(origin, origin), "{origin}");
        }
        assert!(local.is("http://localhost:8787", "http://127.0.0.1:9000"));
        for origin in
            ["http://evil.example:9000", "http://localhost.evil.example:9000", "http://127.0.0.10:9000", "null"]
        {
            assert!(!local.is(origin, origin), "{origin}");
        }
    }

    #[test]
    fn only_what_browsers_send_is_an_origin() {
        for origin in [
            "https://example.com",
            "https://example.com:8443",
            "https://xn--bcher-kva.example",
            "https://192.0.2.1",
            "https://[2001:db8::1]",
            "https://[2001:db8::1]:444",
            "https://intranet",
        ] {
            assert!(is_origin(origin, false), "{origin}");
        }
        for text in [
            "",
            "*",
            "null",
            "example.com",
            "https://",
            "https://example.com/",
            "https://example.com/app",
            "https://example.com?",
            "https://example.com#",
            "https://EXAMPLE.com",
            "HTTPS://example.com",
            "https://*.example.com",
            "https://example.com:443",
            "https://example.com:0443",
            "https://example.com:+444",
            "https://example.com:65536",
            "https://example.com:",
            "https://user@example.com",
            "https://b\u{fc}cher.example",
            "https://example..com",
            "https://[2001:DB8::1]",
            "https://[2001:db8:0::1]",
            "https://[::1",
            "https:// example.com",
            "ftp://example.com",
            "http://example.com",
        ] {
            assert!(!is_origin(text, false), "{text}");
        }
        assert!(is_origin("http://localhost:5173", true) && is_origin("http://localhost", true));
        assert!(!is_origin("http://localhost:80", true));
    }
}
