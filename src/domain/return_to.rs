//! Where a user can be sent after signing in. Any other address would be an open redirect.
//!
//! An address is not parsed, because a parser that differs from the one of browsers (the URL Standard) is a hole. It is compared
//! with what is allowed, character by character, and has no character that browsers remove or convert: no space, no control
//! character, no backslash, and only ASCII. `pages/parts/destination.ts` has the same rule.

use crate::{error::Fault, language::Phrase};

/// The pages of this service that a user can be sent to. A query and a fragment may follow.
pub const OWN_PAGES: &[&str] = &["/account", "/admin"];
/// The maximum length of an address, in characters.
pub const MAX_LENGTH: usize = 2_048;

/// The origins of the pages that a user can be sent to.
#[derive(Debug, Clone, Copy)]
pub struct Origins<'a> {
    /// The origin of this service, of which [`OWN_PAGES`] are allowed.
    pub own: &'a str,
    /// The origins in `APP_ORIGINS`, of which every page is allowed.
    pub apps: &'a [String],
}

impl Origins<'_> {
    /// No origin.
    pub const NONE: Origins<'static> = Origins { own: "", apps: &[] };
}

/// An address that a user can be sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnTo(String);

impl ReturnTo {
    /// Accepts an own page as a path, such as `/account#sessions`, or a URL of one of the origins.
    ///
    /// # Errors
    /// If the address is not allowed.
    pub fn parse(text: &str, origins: Origins<'_>) -> Result<ReturnTo, Fault> {
        if is_allowed(text, origins) {
            Ok(ReturnTo(text.to_owned()))
        } else {
            Err((Phrase::ReturnTo { pages: OWN_PAGES.join(", "), max: MAX_LENGTH }, "return_to"))
        }
    }

    /// Returns the address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the address.
    pub fn into_string(self) -> String {
        self.0
    }
}

/// Returns whether a user can be sent to an address.
pub fn is_allowed(address: &str, origins: Origins<'_>) -> bool {
    if address.len() > MAX_LENGTH || !address.bytes().all(is_plain) {
        return false;
    }
    if let Some(path) = address.strip_prefix('/') {
        return !path.starts_with('/') && (is_own_page(address) || origins.apps.iter().any(|app| app == origins.own));
    }
    is_own_page(rest_after(address, origins.own).unwrap_or_default())
        || origins.apps.iter().any(|origin| rest_after(address, origin).is_some())
}

/// Returns whether browsers keep a character of a URL as it is, at every place in it where it does not separate parts.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\\\"<>`".contains(&byte)
}

fn is_own_page(path: &str) -> bool {
    let page = path.split(['?', '#']).next().unwrap_or_default();
    OWN_PAGES.contains(&page)
}

/// Returns what follows the origin of a URL. `None` for another origin, because an origin ends at one of these characters or at the
/// end of the URL.
fn rest_after<'a>(url: &'a str, origin: &str) -> Option<&'a str> {
    let rest = url.strip_prefix(origin).filter(|_| !origin.is_empty())?;
    (rest.is_empty() || rest.starts_with(['/', '?', '#'])).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "https://auth.example.com";

    fn allows(address: &str, apps: &[&str]) -> bool {
        let apps: Vec<String> = apps.iter().map(|origin| (*origin).to_owned()).collect();
        is_allowed(address, Origins { own: OWN, apps: &apps })
    }

    #[test]
    fn a_user_can_be_sent_to_own_pages_and_to_every_page_of_the_listed_origins() {
        for address in [
            "/account",
            "/account#sessions",
            "/account?a=b#c",
            "/admin",
            "/admin#user-1",
            "https://auth.example.com/account#sessions",
            "https://app.example.com",
            "https://app.example.com/",
            "https://app.example.com/a/b?next=https://evil.example/#//evil.example",
            "https://app.example.com?a=%2f%2fevil.example",
            "https://app.example.com#@evil.example",
            "https://app.example.com//evil.example",
            "https://app.example.com/@evil.example",
            "https://shop.example.com:8443/x",
        ] {
            assert!(allows(address, &["https://app.example.com", "https://shop.example.com:8443"]), "{address}");
        }
        assert!(allows(&format!("/account#{}", "a".repeat(MAX_LENGTH - 9)), &[]));
    }

    #[test]
    fn every_page_of_the_own_origin_is_allowed_if_the_settings_list_it() {
        for address in ["/", "/dashboard?a#b", "https://auth.example.com/dashboard"] {
            assert!(allows(address, &[OWN]), "{address}");
            assert!(!allows(address, &["https://app.example.com"]), "{address}");
        }
        for address in ["//evil.example", "///evil.example", "/\\evil.example", "/\t/evil.example", "dashboard", ""] {
            assert!(!allows(address, &[OWN]), "{address:?}");
        }
    }

    /// Addresses that lead elsewhere, or that a browser may read differently.
    const OPEN_REDIRECTS: &[&str] = &[
        "",
        " ",
        "account",
        "./account",
        "/",
        "/accounts",
        "/account/",
        "/account/../evil",
        "/Account",
        "/%61ccount",
        "/signin",
        "/api/auth/logout",
        "//evil.example",
        "///evil.example",
        "////evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "\\/evil.example",
        "/account\\@evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "\t//evil.example",
        "/account\n",
        " /account",
        "/account ",
        "/account#\u{0}",
        "/account#\u{e9}",
        "/%2fevil.example",
        "%2f%2fevil.example",
        "/%5cevil.example",
        "https:evil.example",
        "https:/evil.example",
        "https:///evil.example",
        "https:\\\\evil.example",
        "https://evil.example",
        "https://evil.example/https://app.example.com",
        "https://evil.example?https://app.example.com/",
        "https://evil.example#https://app.example.com/",
        "https://app.example.com@evil.example",
        "https://app.example.com:443@evil.example",
        "https://app.example.com%40evil.example",
        "https://app.example.com%2f@evil.example",
        "https://user@app.example.com/",
        "https://user:password@app.example.com/",
        "https://app.example.com.evil.example",
        "https://app.example.com.",
        "https://app.example.com./",
        "https://app.example.comevil.example",
        "https://app.example.com-evil.example",
        "https://evilapp.example.com",
        "https://evil.app.example.com",
        "https://app.example.com:443",
        "https://app.example.com:8443",
        "https://app.example.com:",
        "https://app.example.com\\@evil.example",
        "https://app.example.com\\.evil.example",
        "https://app.example.com\t.evil.example",
        "https://app.example.com\r\n/",
        "https://app.example.com/\t",
        "https://app.example.com;evil.example",
        "https://app.example.com,evil.example",
        "https://App.Example.com/",
        "HTTPS://app.example.com/",
        "http://app.example.com/",
        "https://\u{430}pp.example.com/",
        "https://app\u{3002}example\u{3002}com/",
        "https://app.example.com\u{ff0f}evil.example",
        "https://xn--pp-8cd.example.com/",
        "https://auth.example.com",
        "https://auth.example.com/signin",
        "https://auth.example.com//evil.example",
        "https://auth.example.com@evil.example/account",
        "javascript:alert(1)",
        "javascript://app.example.com/%0aalert(1)",
        "JavaScript:alert(1)",
        "java\tscript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "blob:https://app.example.com/1",
        "view-source:https://app.example.com/",
        "about:blank",
        "ftp://app.example.com/",
        "wss://app.example.com/",
        "null",
        "*",
    ];

    #[test]
    fn no_other_address_is_allowed() {
        for address in OPEN_REDIRECTS {
            assert!(!allows(address, &["https://app.example.com", "https://shop.example.com:8443"]), "{address:?}");
        }
        let long = format!("/account#{}", "a".repeat(MAX_LENGTH));
        assert!(!allows(&long, &[]) && !allows("https://app.example.com", &[]));
    }

    #[test]
    fn nothing_is_allowed_without_origins_but_own_pages_as_a_path() {
        assert!(is_allowed("/account", Origins::NONE));
        for address in ["", "/", "/x", "https://evil.example", "//evil.example", "#", "?"] {
            assert!(!is_allowed(address, Origins::NONE), "{address}");
        }
    }
}
