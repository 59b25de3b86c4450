//! Cloudflare Turnstile, which tells people from programs.

use super::{
    mail::ApiKey,
    reader::Reader,
    table::{TURNSTILE_SECRET_KEY, TURNSTILE_SITE_KEY},
};

/// The keys of a Turnstile widget.
#[derive(Debug)]
pub struct Turnstile {
    /// `TURNSTILE_SITE_KEY`, which is public.
    pub site_key: String,
    /// `TURNSTILE_SECRET_KEY`.
    pub secret_key: ApiKey,
    /// Whether these are Cloudflare's test keys, which work on every page with every action.
    pub is_test: bool,
}

impl Turnstile {
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Turnstile> {
        let (site_key, secret_key) = match (reader.text(TURNSTILE_SITE_KEY), reader.text(TURNSTILE_SECRET_KEY)) {
            (Some(site_key), Some(secret_key)) => (site_key, secret_key),
            (None, None) => return None,
            (Some(_), None) => {
                reader.missing(TURNSTILE_SECRET_KEY.name, "TURNSTILE_SITE_KEY needs it");
                return None;
            }
            (None, Some(_)) => {
                reader.missing(TURNSTILE_SITE_KEY.name, "TURNSTILE_SECRET_KEY needs it");
                return None;
            }
        };
        let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
        if !site_key.chars().all(is_plain) {
            reader.invalid(TURNSTILE_SITE_KEY.name, "must have only letters, digits, hyphens and underscores");
        }
        let is_test = is_test_key(&secret_key);
        if is_test != is_test_key(&site_key) {
            reader.invalid(TURNSTILE_SECRET_KEY.name, "and TURNSTILE_SITE_KEY must both be test keys, or neither");
        }
        if is_test && !reader.is_local {
            let message = "is one of Cloudflare's test keys, which everybody passes: this requires ENVIRONMENT=local";
            reader.invalid(TURNSTILE_SECRET_KEY.name, message);
        }
        Some(Turnstile { site_key, secret_key: ApiKey(secret_key), is_test })
    }
}

/// Returns whether this is one of the keys of <https://developers.cloudflare.com/turnstile/troubleshooting/testing/>: `1x`, `2x` or
/// `3x` with zeros. Other keys start with `0x`.
fn is_test_key(key: &str) -> bool {
    ["1x", "2x", "3x"].iter().any(|start| key.strip_prefix(start).is_some_and(|rest| rest.starts_with("0000000000")))
}

#[cfg(test)]
mod tests {
    use crate::settings::tests::{SECRET, read};

    const TEST_SITE_KEY: &str = "1x00000000000000000000AA";
    const TEST_SECRET_KEY: &str = "1x0000000000000000000000000000000AA";

    fn problems(environment: &str, site_key: &str, secret_key: &str) -> Vec<String> {
        let read = read(&[
            ("ENVIRONMENT", environment),
            ("AUTH_SECRET", SECRET),
            ("APP_URL", "https://example.com"),
            ("MAIL_FROM", "a@example.com"),
            ("RESEND_API_KEY", "re_1"),
            ("TURNSTILE_SITE_KEY", site_key),
            ("TURNSTILE_SECRET_KEY", secret_key),
        ]);
        let Err(problems) = read else { return Vec::new() };
        problems.into_iter().map(|problem| problem.split(' ').next().unwrap().to_owned()).collect()
    }

    #[test]
    fn turnstile_has_both_keys_or_none() {
        assert_eq!(problems("production", "0x4AAAAAAA-b_c", "0x4AAAAAAAsecret"), [""; 0]);
        assert_eq!(problems("production", "", ""), [""; 0]);
        assert_eq!(problems("production", "0x4AAAAAAA", ""), ["TURNSTILE_SECRET_KEY"]);
        assert_eq!(problems("production", "", "0x4AAAAAAAsecret"), ["TURNSTILE_SITE_KEY"]);
        assert_eq!(problems("production", "0x4\"><script>", "0x4AAAAAAAsecret"), ["TURNSTILE_SITE_KEY"]);
    }

    #[test]
    fn test_keys_work_only_in_local_development_and_only_together() {
        assert_eq!(problems("local", TEST_SITE_KEY, TEST_SECRET_KEY), [""; 0]);
        assert_eq!(problems("local", TEST_SITE_KEY, "3x0000000000000000000000000000000AA"), [""; 0]);
        assert_eq!(problems("production", TEST_SITE_KEY, TEST_SECRET_KEY), ["TURNSTILE_SECRET_KEY"]);
        assert_eq!(problems("staging", TEST_SITE_KEY, TEST_SECRET_KEY), ["TURNSTILE_SECRET_KEY"]);
        assert_eq!(problems("local", "0x4AAAAAAA", TEST_SECRET_KEY), ["TURNSTILE_SECRET_KEY"]);
        assert_eq!(problems("local", TEST_SITE_KEY, "0x4AAAAAAAsecret"), ["TURNSTILE_SECRET_KEY"]);
    }
}
