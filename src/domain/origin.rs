//! Web origins: the scheme, the host and the port of a page.

use std::net::Ipv6Addr;

use super::email::is_label;

/// Whether `text` is an origin just as a browser writes it into the header `Origin` (RFC 6454, section 6.2): an `https`
/// address in lower case without the default port, a path or anything else. `http` is one only where `with_http`.
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
        // Written in the one way that there is: without a sign or a leading zero.
        text.parse::<u16>().is_ok_and(|port| port != default_port && port.to_string() == text)
    };
    is_host(host) && port.is_none_or(is_port)
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
    fn an_origin_is_what_a_browser_sends_and_nothing_else() {
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
