//! The origins of the pages and of other sites, the domains of passkeys and of the session cookie, and the color of the pages.

use super::{
    reader::Reader,
    table::{
        APP_ORIGINS, APP_URL, BRAND_COLOR, CORS_ORIGINS, PASSKEY_RP_ID, SECURITY_CONTACT, SESSION_COOKIE_DOMAIN, Text,
    },
};
use crate::domain::{
    email::Email,
    origin::{can_be_same_site, host, is_address, is_loopback, is_origin, is_parent_domain, is_rp_id},
};

/// Reads `APP_URL`, without a slash at the end.
pub(super) fn app_url(reader: &mut Reader<'_>) -> String {
    let url = reader.required(APP_URL, "the address of the pages that links in mails lead to");
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://").filter(|_| reader.is_local));
    let is_plain =
        |text: &str| !text.contains(|c: char| c.is_whitespace() || c.is_control() || "?#\\\"'<>@".contains(c));
    let is_valid = host.is_some_and(|host| !host.is_empty() && !host.starts_with(['/', ':']) && is_plain(host));
    if !url.is_empty() && !is_valid {
        reader
            .invalid(APP_URL.name, "must be an https URL without query or fragment (http requires ENVIRONMENT=local)");
    }
    url.trim_end_matches('/').to_owned()
}

/// Reads `PASSKEY_RP_ID`.
pub(super) fn passkey_rp_id(reader: &mut Reader<'_>, app_url: &str) -> String {
    let own = host(app_url);
    let Some(rp_id) = reader.text(PASSKEY_RP_ID) else { return own };
    if !is_rp_id(&rp_id, &own) {
        reader.invalid(
            PASSKEY_RP_ID.name,
            "must be the host of APP_URL, or a parent domain of it with at least two labels, such as example.com",
        );
    }
    rp_id
}

/// Reads `SECURITY_CONTACT`, as URIs (RFC 9116, section 2.5.3).
pub(super) fn security_contacts(reader: &mut Reader<'_>) -> Vec<String> {
    let Some(text) = reader.text(SECURITY_CONTACT) else { return Vec::new() };
    let contacts: Option<Vec<String>> = text.split(',').map(|contact| security_contact(contact.trim())).collect();
    contacts.unwrap_or_else(|| {
        reader.invalid(SECURITY_CONTACT.name, "must be email addresses or https URLs, with commas between them");
        Vec::new()
    })
}

fn security_contact(text: &str) -> Option<String> {
    let is_visible = text.bytes().all(|byte| matches!(byte, b'!'..=b'~'));
    if let Some(rest) = text.strip_prefix("https://") {
        return (is_visible && !rest.is_empty() && !rest.starts_with('/')).then(|| text.to_owned());
    }
    let address = text.strip_prefix("mailto:").unwrap_or(text);
    let address = Email::parse(address).ok()?;
    // Other characters would have to be encoded in a URI.
    let is_plain = address.local_part().bytes().all(|byte| byte.is_ascii_alphanumeric() || b".+-_".contains(&byte));
    is_plain.then(|| format!("mailto:{}", address.as_str()))
}

/// Reads `CORS_ORIGINS`, each once.
pub(super) fn cors_origins(reader: &mut Reader<'_>) -> Vec<String> {
    let with_http = if reader.is_local { |_: &str| true } else { |_: &str| false };
    origins(reader, CORS_ORIGINS, with_http)
}

/// Reads `APP_ORIGINS`, each once. They must be on the same site as `APP_URL`, because browsers send the session cookie only with
/// requests of the same site. Public suffixes such as `co.uk` are not known here.
pub(super) fn app_origins(reader: &mut Reader<'_>, app_url: &str) -> Vec<String> {
    let with_http = if reader.is_local { is_loopback } else { |_: &str| false };
    let origins = origins(reader, APP_ORIGINS, with_http);
    let own = host(app_url);
    for (index, origin) in origins.iter().enumerate() {
        let is_local = reader.is_local && is_loopback(origin);
        if !is_local && !can_be_same_site(&host(origin), &own) {
            let message = format!(
                "must be on the same site as APP_URL, like app.example.com and auth.example.com: this does not hold for number {} \
                 (list origins of other sites in CORS_ORIGINS; their pages use bearer tokens)",
                index + 1
            );
            reader.invalid(APP_ORIGINS.name, &message);
        }
    }
    origins
}

/// Reads a list of origins, each once. `may_be_http` tells whether an origin of plain http is accepted.
fn origins(reader: &mut Reader<'_>, setting: Text, may_be_http: fn(&str) -> bool) -> Vec<String> {
    let Some(text) = reader.text(setting) else { return Vec::new() };
    let mut origins: Vec<String> = Vec::new();
    for (index, origin) in text.split(',').map(str::trim).enumerate() {
        let number = index + 1;
        if !is_origin(origin, may_be_http(origin)) {
            let message = format!(
                "must be origins as browsers send them, such as https://example.com or https://example.com:8443 (http \
                 requires ENVIRONMENT=local), with commas between them: this does not hold for number {number}"
            );
            reader.invalid(setting.name, &message);
        } else if origins.iter().any(|before| before == origin) {
            reader.invalid(setting.name, &format!("names an origin twice: number {number}"));
        } else {
            origins.push(origin.to_owned());
        }
    }
    origins
}

/// Reads `SESSION_COOKIE_DOMAIN`. Browsers also refuse public suffixes such as `co.uk`.
pub(super) fn session_cookie_domain(reader: &mut Reader<'_>, app_url: &str, app_origins: &[String]) -> Option<String> {
    let domain = reader.text(SESSION_COOKIE_DOMAIN)?;
    let own = host(app_url);
    let has_host = |host: &str| host == domain || is_parent_domain(&domain, host);
    if !domain.contains('.') || !has_host(&own) || is_address(&domain) {
        reader.invalid(
            SESSION_COOKIE_DOMAIN.name,
            "must be the host of APP_URL, or a parent domain of it with at least two labels, such as example.com",
        );
    }
    for (index, origin) in app_origins.iter().enumerate() {
        let is_local = reader.is_local && is_loopback(origin);
        if !is_local && !has_host(&host(origin)) {
            let message = format!(
                "must be the host or a parent domain of every origin in APP_ORIGINS, also number {}",
                index + 1
            );
            reader.invalid(SESSION_COOKIE_DOMAIN.name, &message);
        }
    }
    Some(domain)
}

/// Reads `BRAND_COLOR`, as `#` and six lower-case hexadecimal digits.
pub(super) fn brand_color(reader: &mut Reader<'_>) -> String {
    let text = reader.text(BRAND_COLOR).unwrap_or_default();
    // The `#` is optional because it begins a comment in `.dev.vars`.
    let digits = text.strip_prefix('#').unwrap_or(&text);
    if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        reader.invalid(BRAND_COLOR.name, "must be six hexadecimal digits, such as 0f6e75");
    }
    format!("#{}", digits.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use crate::settings::tests::{SECRET, read};

    #[test]
    fn cors_origins_are_exact_and_unique() {
        let read = |environment: &str, list: &str| {
            read(&[
                ("ENVIRONMENT", environment),
                ("AUTH_SECRET", SECRET),
                ("APP_URL", "https://example.com"),
                ("CORS_ORIGINS", list),
                ("MAIL_FROM", "a@example.com"),
                ("RESEND_API_KEY", "re_1"),
            ])
            .map(|settings| settings.cors_origins)
        };
        assert_eq!(read("production", "").unwrap(), [""; 0]);
        assert_eq!(
            read("production", "https://a.example, https://b.example:8443").unwrap(),
            ["https://a.example", "https://b.example:8443"]
        );
        assert_eq!(read("local", "http://localhost:5173").unwrap(), ["http://localhost:5173"]);
        let problems =
            read("production", "*,https://a.example/,https://a.example,http://localhost:5173,https://a.example,")
                .unwrap_err();
        let ends: Vec<&str> =
            problems.iter().filter_map(|problem| problem.rsplit_once("number ")).map(|(_, end)| end).collect();
        assert_eq!(ends, ["1", "2", "4", "5", "6"], "{problems:?}");
        assert!(problems.iter().all(|problem| problem.starts_with("CORS_ORIGINS ")), "{problems:?}");
    }

    fn deployed(pairs: &[(&str, &str)]) -> Result<crate::settings::Settings, Vec<String>> {
        let base = [
            ("AUTH_SECRET", SECRET),
            ("APP_URL", "https://auth.example.com"),
            ("MAIL_FROM", "a@example.com"),
            ("RESEND_API_KEY", "re_1"),
        ];
        read(&[&base[..], pairs].concat())
    }

    #[test]
    fn origins_of_apps_are_exact_and_on_the_same_site() {
        let of = |list: &str| deployed(&[("APP_ORIGINS", list)]).map(|settings| settings.app_origins);
        assert_eq!(of("").unwrap(), [""; 0]);
        let list = [
            "https://app.example.com",
            "https://example.com:8443",
            "https://a.b.example.com",
            "https://auth.example.com",
        ];
        assert_eq!(of(&list.join(" , ")).unwrap(), list);
        for (origin, reason) in [
            ("*", "must be origins"),
            ("https://*.example.com", "must be origins"),
            ("https://app.example.com/", "must be origins"),
            ("https://APP.example.com", "must be origins"),
            ("https://app.example.com:443", "must be origins"),
            ("http://app.example.com", "must be origins"),
            ("http://localhost:5173", "must be origins"),
            ("https://app.example.com,https://app.example.com", "names an origin twice"),
            ("https://app.example.org", "must be on the same site"),
            ("https://example.com.evil.example", "must be on the same site"),
            ("https://evilexample.com", "must be on the same site"),
            ("https://com", "must be on the same site"),
            ("https://192.0.2.1", "must be on the same site"),
        ] {
            let problems = of(origin).unwrap_err();
            assert!(
                problems.len() == 1 && problems[0].starts_with(&format!("APP_ORIGINS {reason}")),
                "{origin} {problems:?}"
            );
        }
        let local = |list: &str| {
            read(&[("ENVIRONMENT", "local"), ("AUTH_SECRET", SECRET), ("APP_ORIGINS", list)])
                .map(|settings| settings.app_origins)
        };
        assert_eq!(local("http://localhost:5173, http://127.0.0.1:5173").unwrap().len(), 2);
        assert!(local("http://app.example.com").is_err());
    }

    #[test]
    fn the_domain_of_the_session_cookie_has_the_host_of_the_pages_and_all_apps_below_it() {
        let of = |domain: &str, apps: &str| {
            deployed(&[("SESSION_COOKIE_DOMAIN", domain), ("APP_ORIGINS", apps)])
                .map(|settings| settings.session_cookie_domain)
        };
        assert_eq!(of("", "").unwrap(), None);
        for domain in ["example.com", "auth.example.com"] {
            assert_eq!(of(domain, "").unwrap().as_deref(), Some(domain));
        }
        assert!(of("example.com", "https://app.example.com, https://example.com").is_ok());
        for domain in [
            "com",
            ".example.com",
            "example.com.",
            "Example.com",
            "example.org",
            "app.example.com",
            "h.example.com",
            "https://example.com",
            "example.com; Secure",
            "example.com:443",
        ] {
            let problems = of(domain, "").unwrap_err();
            assert!(
                problems[0].starts_with("SESSION_COOKIE_DOMAIN must be the host of APP_URL"),
                "{domain}: {problems:?}"
            );
        }
        let problems = of("auth.example.com", "https://auth.example.com:8443, https://app.example.com").unwrap_err();
        assert_eq!(problems.len(), 1);
        assert!(problems[0].starts_with("SESSION_COOKIE_DOMAIN") && problems[0].ends_with("number 2"), "{problems:?}");
        let of_address = read(&[
            ("ENVIRONMENT", "local"),
            ("AUTH_SECRET", SECRET),
            ("APP_URL", "http://127.0.0.1:8787"),
            ("SESSION_COOKIE_DOMAIN", "127.0.0.1"),
        ]);
        assert!(of_address.is_err());
    }

    #[test]
    fn passkeys_belong_to_the_host_of_the_pages_or_a_parent_domain() {
        let rp_id = |app_url, rp_id| {
            read(&[("ENVIRONMENT", "local"), ("AUTH_SECRET", SECRET), ("APP_URL", app_url), ("PASSKEY_RP_ID", rp_id)])
                .map(|settings| settings.passkey_rp_id)
        };
        for (app_url, set, expected) in [
            ("", "", "localhost"),
            ("", "localhost", "localhost"),
            ("http://localhost:8787/app", "", "localhost"),
            ("https://Login.Example.com:8443/app", "", "login.example.com"),
            ("https://login.example.com", "login.example.com", "login.example.com"),
            ("https://login.example.com", "example.com", "example.com"),
            ("https://a.b.example.com", "example.com", "example.com"),
            ("https://intranet", "", "intranet"),
        ] {
            assert_eq!(rp_id(app_url, set).as_deref(), Ok(expected), "{app_url} {set}");
        }
        for set in [
            "com",
            "ogin.example.com",
            "app.example.com",
            ".example.com",
            "example.com.",
            "Example.com",
            "https://example.com",
        ] {
            let problems = rp_id("https://login.example.com", set).unwrap_err();
            assert!(problems[0].starts_with("PASSKEY_RP_ID must be the host of APP_URL"), "{set}");
        }
        assert!(rp_id("http://127.0.0.1:8787", "0.1").is_err());
    }

    #[test]
    fn security_contacts_are_emails_or_https_urls() {
        let contacts = |text| {
            read(&[("ENVIRONMENT", "local"), ("AUTH_SECRET", SECRET), ("SECURITY_CONTACT", text)])
                .map(|settings| settings.security_contacts)
        };
        assert_eq!(contacts("").unwrap(), Vec::<String>::new());
        assert_eq!(
            contacts("security@example.com, https://example.com/security,mailto:b@example.com").unwrap(),
            ["mailto:security@example.com", "https://example.com/security", "mailto:b@example.com"]
        );
        for text in
            ["nobody", "http://example.com", "https://", "https://a b", "a@example.com,,", "https://a\nExpires: b"]
        {
            let problems = contacts(text).unwrap_err();
            assert_eq!(problems, ["SECURITY_CONTACT must be email addresses or https URLs, with commas between them"]);
        }
    }

    #[test]
    fn the_brand_color_is_six_hexadecimal_digits_with_or_without_a_hash_sign() {
        let color = |text| {
            read(&[("ENVIRONMENT", "local"), ("AUTH_SECRET", SECRET), ("BRAND_COLOR", text)])
                .map(|settings| settings.brand_color)
        };
        assert_eq!(color("").unwrap(), "#0f6e75");
        for text in ["#C0FFEE", "c0ffee", " #c0ffee "] {
            assert_eq!(color(text).unwrap(), "#c0ffee");
        }
        for text in ["#fff", "##c0ffe", "c0ffeé", "#c0ffee00", "teal", "rgb(0,0,0)"] {
            assert_eq!(color(text).unwrap_err(), ["BRAND_COLOR must be six hexadecimal digits, such as 0f6e75"]);
        }
    }
}
