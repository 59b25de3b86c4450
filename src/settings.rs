//! The settings: read once per isolate, every problem named at once, never a silent default for a secret.

use std::fmt;

use crate::crypto::password_hash::Cost;
use crate::domain::{email::Email, session};

/// Seconds in a day.
const DAY: i64 = 86_400;
/// The shortest secret that is accepted, in bytes: 256 bits, were they random.
const MIN_SECRET: usize = 32;

/// What this deployment is told, checked.
#[derive(Debug)]
pub struct Settings {
    /// `APP_URL`: origin (and path, without a slash at its end) of the pages that mailed links lead to; also the `iss` and `aud` of tokens.
    pub app_url: String,
    /// `SERVICE_NAME`: what mails call the service; refused as a password.
    pub service_name: String,
    /// `AUTH_SECRET` and, while it is rotated out, `AUTH_SECRET_PREVIOUS`: every key is derived from them.
    pub secrets: Secrets,
    /// `MAIL_PROVIDER` and what it needs.
    pub mail: Mail,
    /// `DEFAULT_ADMIN`: whether the default admin may do everything before its password is changed.
    pub default_admin_open: bool,
    /// `ADMIN_EMAIL` and `ADMIN_PASSWORD`: the first account, instead of `admin` / `admin`.
    pub first_admin: Option<FirstAdmin>,
    /// `PASSWORD_MIN_LENGTH`, in characters.
    pub password_min_length: usize,
    /// `ARGON2_MEMORY_KIB`, `ARGON2_ITERATIONS`, `ARGON2_PARALLELISM`.
    pub password_cost: Cost,
    /// `OTP_LIFETIME_SECONDS`.
    pub otp_lifetime: i64,
    /// `RESET_TOKEN_LIFETIME_SECONDS`.
    pub reset_token_lifetime: i64,
    /// `SESSION_LIFETIME_SECONDS` and `SESSION_MAXIMUM_LIFETIME_SECONDS`.
    pub session: session::Lifetime,
    /// `USER_TOKEN_LIFETIME_DAYS`, where a request names no other.
    pub user_token_lifetime_days: i64,
}

/// The master secrets. They have no `Debug` that tells them.
pub struct Secrets {
    /// The one that makes new tokens.
    pub current: String,
    /// One that is still accepted.
    pub previous: Option<String>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secrets(..)")
    }
}

/// The account that is made when there is none.
pub struct FirstAdmin {
    /// Its address.
    pub email: Email,
    /// Its password, in clear.
    pub password: String,
}

impl fmt::Debug for FirstAdmin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("FirstAdmin(..)")
    }
}

/// How mail leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mail {
    /// Into a table that `/dev/outbox` shows; for local development alone.
    Outbox,
    /// Through Resend.
    Resend {
        /// `RESEND_API_KEY`.
        api_key: ApiKey,
        /// `MAIL_FROM`: `Name <address>` or an address, at a domain that the provider knows.
        from: String,
    },
}

/// A provider's key. It has no `Debug` that tells it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(pub String);

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKey(..)")
    }
}

impl Settings {
    /// Reads the settings by name from `lookup`; a setting that is empty counts as missing.
    ///
    /// # Errors
    /// A sentence for each problem, none of which quotes a secret.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Settings, Vec<String>> {
        let mut reader = Reader { lookup, problems: Vec::new() };
        let local = reader.choice("ENVIRONMENT", &["production", "staging", "local"], "production") == "local";
        let settings = Settings {
            app_url: reader.app_url(local),
            service_name: reader.text("SERVICE_NAME").unwrap_or_else(|| "Postern".to_owned()),
            secrets: reader.secrets(),
            mail: reader.mail(local),
            default_admin_open: reader.default_admin_open(local),
            first_admin: reader.first_admin(),
            password_min_length: reader.number("PASSWORD_MIN_LENGTH", 8, 8..=64) as usize,
            password_cost: Cost {
                memory_kib: reader.number("ARGON2_MEMORY_KIB", 19_456, 19_456..=65_536) as u32,
                iterations: reader.number("ARGON2_ITERATIONS", 2, 2..=16) as u32,
                parallelism: reader.number("ARGON2_PARALLELISM", 1, 1..=4) as u32,
            },
            // The floor of 60 s is KV's: it stores nothing for less.
            otp_lifetime: reader.number("OTP_LIFETIME_SECONDS", 600, 60..=3_600),
            reset_token_lifetime: reader.number("RESET_TOKEN_LIFETIME_SECONDS", 900, 60..=DAY),
            session: session::Lifetime {
                seconds: reader.number("SESSION_LIFETIME_SECONDS", 7 * DAY, 60..=365 * DAY),
                maximum_seconds: reader.number("SESSION_MAXIMUM_LIFETIME_SECONDS", 30 * DAY, 60..=365 * DAY),
            },
            user_token_lifetime_days: reader.number("USER_TOKEN_LIFETIME_DAYS", 90, 1..=365),
        };
        if settings.session.maximum_seconds < settings.session.seconds {
            reader.problem("SESSION_MAXIMUM_LIFETIME_SECONDS is shorter than SESSION_LIFETIME_SECONDS");
        }
        if reader.problems.is_empty() { Ok(settings) } else { Err(reader.problems) }
    }
}

struct Reader<F> {
    lookup: F,
    problems: Vec<String>,
}

impl<F: Fn(&str) -> Option<String>> Reader<F> {
    fn problem(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
    }

    fn text(&self, name: &str) -> Option<String> {
        (self.lookup)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// A setting without which the service cannot run; names the problem if it is missing.
    fn needed(&mut self, name: &str, why: &str) -> String {
        self.text(name).unwrap_or_else(|| {
            self.problem(format!("{name} is missing: {why}"));
            String::new()
        })
    }

    fn choice(&mut self, name: &str, choices: &[&'static str], default: &'static str) -> &'static str {
        let Some(text) = self.text(name) else { return default };
        choices.iter().copied().find(|choice| *choice == text).unwrap_or_else(|| {
            self.problem(format!("{name} must be one of {}", choices.join(", ")));
            default
        })
    }

    fn number(&mut self, name: &str, default: i64, range: std::ops::RangeInclusive<i64>) -> i64 {
        let Some(text) = self.text(name) else { return default };
        match text.parse() {
            Ok(number) if range.contains(&number) => number,
            _ => {
                self.problem(format!("{name} must be a whole number from {} to {}", range.start(), range.end()));
                default
            }
        }
    }

    fn app_url(&mut self, local: bool) -> String {
        let url = match self.text("APP_URL") {
            Some(url) => url,
            None if local => "http://localhost:8787".to_owned(),
            None => self.needed("APP_URL", "mailed links and the issuer of tokens are made from it"),
        };
        let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://").filter(|_| local));
        let plain =
            |text: &str| !text.contains(|c: char| c.is_whitespace() || c.is_control() || "?#\\\"'<>@".contains(c));
        if !url.is_empty() && !host.is_some_and(|host| !host.is_empty() && !host.starts_with(['/', ':']) && plain(host))
        {
            self.problem(
                "APP_URL must be an https address without a query or fragment (http only where ENVIRONMENT is local)",
            );
        }
        url.trim_end_matches('/').to_owned()
    }

    fn secrets(&mut self) -> Secrets {
        let current = self.needed("AUTH_SECRET", "make one with `openssl rand -base64 32` and set it as a secret");
        let previous = self.text("AUTH_SECRET_PREVIOUS");
        for (name, secret) in [("AUTH_SECRET", Some(&current)), ("AUTH_SECRET_PREVIOUS", previous.as_ref())] {
            if secret.is_some_and(|secret| !secret.is_empty() && secret.len() < MIN_SECRET) {
                self.problem(format!("{name} must have at least {MIN_SECRET} characters"));
            }
        }
        if previous.as_ref() == Some(&current) {
            self.problem("AUTH_SECRET_PREVIOUS is the same as AUTH_SECRET");
        }
        Secrets { current, previous }
    }

    fn mail(&mut self, local: bool) -> Mail {
        let default = if local { "outbox" } else { "resend" };
        match self.choice("MAIL_PROVIDER", &["outbox", "resend"], default) {
            "outbox" => {
                if !local {
                    self.problem("MAIL_PROVIDER is outbox, which shows every mail to everybody: ENVIRONMENT must be local for it");
                }
                Mail::Outbox
            }
            _ => {
                let from = self.needed("MAIL_FROM", "the sender of every mail");
                if !from.is_empty() && (!from.contains('@') || from.contains(char::is_control)) {
                    self.problem("MAIL_FROM must be an address, or `Name <address>`");
                }
                Mail::Resend {
                    api_key: ApiKey(self.needed("RESEND_API_KEY", "the key of the mail provider resend")),
                    from,
                }
            }
        }
    }

    fn default_admin_open(&mut self, local: bool) -> bool {
        let default = if local { "open" } else { "restricted" };
        let open = self.choice("DEFAULT_ADMIN", &["open", "restricted"], default) == "open";
        if open && !local {
            self.problem("DEFAULT_ADMIN is open, which lets everybody in as admin: ENVIRONMENT must be local for it");
        }
        open
    }

    fn first_admin(&mut self) -> Option<FirstAdmin> {
        // Not trimmed: a password may begin or end with a space.
        let password = (self.lookup)("ADMIN_PASSWORD").filter(|password| !password.is_empty());
        match (self.text("ADMIN_EMAIL"), password) {
            (None, None) => None,
            (Some(email), Some(password)) => match Email::parse(&email) {
                Ok(email) => Some(FirstAdmin { email, password }),
                Err((fault, _)) => {
                    self.problem(format!("ADMIN_EMAIL {fault}"));
                    None
                }
            },
            (Some(_), None) => {
                self.problem("ADMIN_PASSWORD is missing: ADMIN_EMAIL is set");
                None
            }
            (None, Some(_)) => {
                self.problem("ADMIN_EMAIL is missing: ADMIN_PASSWORD is set");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
        Settings::read(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn local_development_needs_no_setting_but_the_secret() {
        let settings = read(&[("ENVIRONMENT", "local"), ("AUTH_SECRET", SECRET)]).unwrap();
        assert_eq!((settings.app_url.as_str(), settings.mail), ("http://localhost:8787", Mail::Outbox));
        assert!(settings.default_admin_open);
    }

    #[test]
    fn a_deployed_environment_is_told_every_problem_at_once() {
        let problems = read(&[
            ("MAIL_PROVIDER", "outbox"),
            ("DEFAULT_ADMIN", "open"),
            ("APP_URL", "http://example.com"),
            ("SESSION_LIFETIME_SECONDS", "soon"),
            ("ADMIN_EMAIL", "nobody"),
        ])
        .unwrap_err();
        for name in
            ["MAIL_PROVIDER", "DEFAULT_ADMIN", "APP_URL", "SESSION_LIFETIME_SECONDS", "ADMIN_PASSWORD", "AUTH_SECRET"]
        {
            assert!(problems.iter().any(|problem| problem.starts_with(name)), "{name} is not in {problems:?}");
        }
    }

    #[test]
    fn a_secret_has_no_default_and_no_problem_quotes_it() {
        let problems = read(&[("ENVIRONMENT", "local"), ("AUTH_SECRET", "short-and-secret")]).unwrap_err();
        assert_eq!(problems, ["AUTH_SECRET must have at least 32 characters"]);
        assert!(read(&[("ENVIRONMENT", "local")]).is_err());
    }

    #[test]
    fn a_deployed_environment_with_everything_it_needs_is_accepted() {
        let settings = read(&[
            ("AUTH_SECRET", SECRET),
            ("APP_URL", "https://example.com/"),
            ("MAIL_FROM", "Example <noreply@example.com>"),
            ("RESEND_API_KEY", "re_1"),
        ])
        .unwrap();
        assert_eq!(settings.app_url, "https://example.com");
        assert!(!settings.default_admin_open);
        assert!(!format!("{settings:?}").contains("re_1"), "a key is told by Debug");
    }

    #[test]
    fn the_password_cost_cannot_be_set_below_its_floor() {
        let problems = read(&[
            ("ENVIRONMENT", "local"),
            ("AUTH_SECRET", SECRET),
            ("ARGON2_MEMORY_KIB", "1024"),
            ("ARGON2_ITERATIONS", "1"),
        ])
        .unwrap_err();
        assert_eq!(problems.len(), 2, "{problems:?}");
    }
}
