//! The origins of the pages and of other sites, the domain of passkeys, and the color of the pages.

use super::{
    reader::Reader,
    table::{APP_URL, BRAND_COLOR, CORS_ORIGINS, PASSKEY_RP_ID},
};
use crate::domain::origin::{host, is_origin, is_rp_id};

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

/// Reads `CORS_ORIGINS`, each once.
pub(super) fn cors_origins(reader: &mut Reader<'_>) -> Vec<String> {
    let Some(text) = reader.text(CORS_ORIGINS) else { return Vec::new() };
    let mut origins: Vec<String> = Vec::new();
    for (index, origin) in text.split(',').map(str::trim).enumerate() {
        let number = index + 1;
        if !is_origin(origin, reader.is_local) {
            let message = format!(
                "must be origins as browsers send them, such as https://example.com or https://example.com:8443 (http \
                 requires ENVIRONMENT=local), with commas between them: this does not hold for number {number}"
            );
            reader.invalid(CORS_ORIGINS.name, &message);
        } else if origins.iter().any(|before| before == origin) {
            reader.invalid(CORS_ORIGINS.name, &format!("names an origin twice: number {number}"));
        } else {
            origins.push(origin.to_owned());
        }
    }
    origins
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
