//! The settings: read once per isolate, every problem named at once, never a silent default for a secret.

use std::fmt;

use crate::crypto::password_hash::Cost;
use crate::domain::{
    email::{self, Email, Sender},
    origin::{OwnOrigin, is_origin},
    password, session,
};

/// Seconds in a day.
const DAY: i64 = 86_400;
/// The shortest secret that is accepted, in bytes: 256 bits, were they random.
const MIN_SECRET: usize = 32;
/// The fewest different characters of `AUTH_SECRET`. 32 random hexadecimal digits have fewer once in 10,000 times.
const MIN_DISTINCT: usize = 10;
/// A calm teal, on which white text has a contrast of 5.9.
const DEFAULT_BRAND_COLOR: &str = "#0f6e75";

/// What this deployment is told, checked.
#[derive(Debug)]
pub struct Settings {
    /// `ENVIRONMENT`: whether this is local development, in which plain http is served.
    pub is_local: bool,
    /// `APP_URL`: origin (and path, without a slash at its end) of the pages that mailed links lead to; also the `iss` and `aud` of tokens.
    pub app_url: String,
    /// The origin of `APP_URL`, as a browser writes it: the pages that may act with the session cookie.
    pub own_origin: OwnOrigin,
    /// `CORS_ORIGINS`: the other origins whose pages may read answers, as browsers write them.
    pub cors_origins: Vec<String>,
    /// `SERVICE_NAME`: what mails and pages call the service; refused as a password.
    pub service_name: String,
    /// `BRAND_COLOR`: what the pages are coloured with, as `#` and six lower-case hexadecimal digits.
    pub brand_color: String,
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
    /// `BREACHED_PASSWORDS`: whether a new password is looked up among those of known breaches.
    pub looks_up_breaches: bool,
    /// `ARGON2_MEMORY_KIB`, `ARGON2_ITERATIONS`, `ARGON2_PARALLELISM`.
    pub password_cost: Cost,
    /// `READ_REPLICAS`: whether sessions and user tokens are checked on the nearest copy of the database.
    pub reads_replicas: bool,
    /// `OTP_LIFETIME_SECONDS`.
    pub otp_lifetime: i64,
    /// `RESET_TOKEN_LIFETIME_SECONDS`.
    pub reset_token_lifetime: i64,
    /// `SESSION_LIFETIME_SECONDS` and `SESSION_MAXIMUM_LIFETIME_SECONDS`.
    pub session: session::Lifetime,
    /// `USER_TOKEN_LIFETIME_DAYS`, where a request names no other.
    pub user_token_lifetime_days: i64,
    /// `EVENT_RETENTION_DAYS`: for how long the audit log remembers.
    pub event_retention_days: i64,
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
    /// Through the first of these providers that takes it.
    Providers {
        /// `MAIL_FROM`, at a domain that every provider knows.
        from: Sender,
        /// At least one, each once, in the order in which they are tried.
        providers: Vec<Provider>,
    },
}

/// A mail provider, with what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provider {
    /// `resend`.
    Resend {
        /// `RESEND_API_KEY`.
        api_key: ApiKey,
    },
    /// `postmark`.
    Postmark {
        /// `POSTMARK_SERVER_TOKEN`.
        server_token: ApiKey,
    },
    /// `sendgrid`.
    SendGrid {
        /// `SENDGRID_API_KEY`.
        api_key: ApiKey,
    },
    /// `mailgun`.
    Mailgun {
        /// `MAILGUN_API_KEY`.
        api_key: ApiKey,
        /// `MAILGUN_DOMAIN`: letters, digits, hyphens and dots.
        domain: String,
        /// `MAILGUN_REGION`: where the domain is.
        region: MailgunRegion,
    },
    /// `cloudflare`: the platform's own service, behind the binding `EMAIL`. It needs no key.
    Cloudflare,
}

/// Where Mailgun keeps a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailgunRegion {
    /// `us`.
    Us,
    /// `eu`.
    Eu,
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
        let service_name = reader.text("SERVICE_NAME").unwrap_or_else(|| "Postern".to_owned());
        let password_min_length =
            reader.number("PASSWORD_MIN_LENGTH", password::MIN_LENGTH as i64, password::MIN_LENGTH as i64..=64)
                as usize;
        let app_url = reader.app_url(local);
        let settings = Settings {
            own_origin: OwnOrigin::new(&app_url, local),
            is_local: local,
            app_url,
            cors_origins: reader.cors_origins(local),
            brand_color: reader.brand_color(),
            secrets: reader.secrets(),
            mail: reader.mail(local),
            default_admin_open: reader.default_admin_open(local),
            first_admin: reader.first_admin(password_min_length, &service_name),
            service_name,
            password_min_length,
            password_cost: Cost {
                memory_kib: reader.number("ARGON2_MEMORY_KIB", 19_456, 19_456..=65_536) as u32,
                iterations: reader.number("ARGON2_ITERATIONS", 2, 2..=16) as u32,
                parallelism: reader.number("ARGON2_PARALLELISM", 1, 1..=4) as u32,
            },
            looks_up_breaches: reader.choice("BREACHED_PASSWORDS", &["off", "range"], "off") == "range",
            reads_replicas: reader.choice("READ_REPLICAS", &["off", "on"], "off") == "on",
            // The floor of 60 s is KV's: it stores nothing for less.
            otp_lifetime: reader.number("OTP_LIFETIME_SECONDS", 600, 60..=3_600),
            reset_token_lifetime: reader.number("RESET_TOKEN_LIFETIME_SECONDS", 900, 60..=DAY),
            session: session::Lifetime {
                seconds: reader.number("SESSION_LIFETIME_SECONDS", 7 * DAY, 60..=365 * DAY),
                maximum_seconds: reader.number("SESSION_MAXIMUM_LIFETIME_SECONDS", 30 * DAY, 60..=365 * DAY),
            },
            user_token_lifetime_days: reader.number("USER_TOKEN_LIFETIME_DAYS", 90, 1..=365),
            event_retention_days: reader.number("EVENT_RETENTION_DAYS", 90, 1..=3_650),
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

    fn cors_origins(&mut self, local: bool) -> Vec<String> {
        let Some(text) = self.text("CORS_ORIGINS") else { return Vec::new() };
        let mut origins: Vec<String> = Vec::new();
        for (place, origin) in text.split(',').map(str::trim).enumerate() {
            if !is_origin(origin, local) {
                self.problem(format!(
                    "CORS_ORIGINS must name origins as browsers send them, such as https://example.com or \
                     https://example.com:8443 (http only where ENVIRONMENT is local), with commas between them: number {} is none",
                    place + 1
                ));
            } else if origins.iter().any(|before| before == origin) {
                self.problem(format!("CORS_ORIGINS names an origin twice: number {}", place + 1));
            } else {
                origins.push(origin.to_owned());
            }
        }
        origins
    }

    fn brand_color(&mut self) -> String {
        let Some(text) = self.text("BRAND_COLOR") else { return DEFAULT_BRAND_COLOR.to_owned() };
        // The sign is left out at will: in a `.dev.vars` file it begins a comment.
        let digits = text.strip_prefix('#').unwrap_or(&text);
        if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            self.problem("BRAND_COLOR must be six hexadecimal digits, such as 0f6e75");
        }
        format!("#{}", digits.to_ascii_lowercase())
    }

    fn secrets(&mut self) -> Secrets {
        let current = self.needed("AUTH_SECRET", "make one with `openssl rand -base64 32` and set it as a secret");
        let previous = self.text("AUTH_SECRET_PREVIOUS");
        for (name, secret) in [("AUTH_SECRET", Some(&current)), ("AUTH_SECRET_PREVIOUS", previous.as_ref())] {
            if secret.is_some_and(|secret| !secret.is_empty() && secret.len() < MIN_SECRET) {
                self.problem(format!("{name} must have at least {MIN_SECRET} characters"));
            }
        }
        // Not asked of the previous one: a weak secret must be accepted while it is rotated out.
        if current.len() >= MIN_SECRET && is_weak(&current) {
            self.problem(
                "AUTH_SECRET is too easy to guess: make another with `openssl rand -base64 32`, and set the present one as \
                 AUTH_SECRET_PREVIOUS for as long as its sessions should go on",
            );
        }
        if previous.as_ref() == Some(&current) {
            self.problem("AUTH_SECRET_PREVIOUS is the same as AUTH_SECRET");
        }
        Secrets { current, previous }
    }

    fn mail(&mut self, local: bool) -> Mail {
        let text = self.text("MAIL_PROVIDER");
        let text = text.as_deref().unwrap_or(if local { "outbox" } else { "resend" });
        let names: Vec<&str> = text.split(',').map(str::trim).collect();
        if names.contains(&"outbox") {
            if !local {
                self.problem(
                    "MAIL_PROVIDER is outbox, which shows every mail to everybody: ENVIRONMENT must be local for it",
                );
            }
            if names.len() > 1 {
                self.problem("MAIL_PROVIDER names outbox with others: it stands alone, for nothing leaves through it");
            }
            return Mail::Outbox;
        }
        let mut providers = Vec::new();
        for (place, name) in names.iter().enumerate() {
            if names.iter().take(place).any(|before| before == name) {
                self.problem("MAIL_PROVIDER names a provider twice");
            } else if let Some(provider) = self.provider(name) {
                providers.push(provider);
            } else {
                self.problem("MAIL_PROVIDER must be outbox, or of resend, postmark, sendgrid, mailgun and cloudflare those to try, in order, with commas between them");
            }
        }
        match self.sender() {
            Some(from) => Mail::Providers { from, providers },
            // Its problem is named, so these settings are never used.
            None => Mail::Outbox,
        }
    }

    /// A provider by its name, if there is one of that name.
    fn provider(&mut self, name: &str) -> Option<Provider> {
        Some(match name {
            "resend" => Provider::Resend { api_key: self.api_key("RESEND_API_KEY", name) },
            "postmark" => Provider::Postmark { server_token: self.api_key("POSTMARK_SERVER_TOKEN", name) },
            "sendgrid" => Provider::SendGrid { api_key: self.api_key("SENDGRID_API_KEY", name) },
            "mailgun" => {
                let api_key = self.api_key("MAILGUN_API_KEY", name);
                let domain = self.needed("MAILGUN_DOMAIN", "the domain that mailgun sends from");
                // It becomes part of an address that is called.
                if !domain.is_empty() && !email::is_domain(&domain) {
                    self.problem("MAILGUN_DOMAIN must be a domain, such as mg.example.com");
                }
                let region = match self.choice("MAILGUN_REGION", &["us", "eu"], "us") {
                    "eu" => MailgunRegion::Eu,
                    _ => MailgunRegion::Us,
                };
                Provider::Mailgun { api_key, domain, region }
            }
            "cloudflare" => Provider::Cloudflare,
            _ => return None,
        })
    }

    fn api_key(&mut self, name: &str, provider: &str) -> ApiKey {
        let key = self.needed(name, &format!("the key of the mail provider {provider}"));
        // It becomes the value of a header.
        if key.contains(|character: char| !character.is_ascii_graphic()) {
            self.problem(format!("{name} must be of visible ASCII characters without spaces"));
        }
        ApiKey(key)
    }

    fn sender(&mut self) -> Option<Sender> {
        let text = self.needed("MAIL_FROM", "the sender of every mail");
        let sender = Sender::parse(&text);
        if sender.is_none() && !text.is_empty() {
            self.problem("MAIL_FROM must be an address, or `Name <address>`");
        }
        sender
    }

    fn default_admin_open(&mut self, local: bool) -> bool {
        let default = if local { "open" } else { "restricted" };
        let open = self.choice("DEFAULT_ADMIN", &["open", "restricted"], default) == "open";
        if open && !local {
            self.problem("DEFAULT_ADMIN is open, which lets everybody in as admin: ENVIRONMENT must be local for it");
        }
        open
    }

    fn first_admin(&mut self, min_length: usize, service_name: &str) -> Option<FirstAdmin> {
        // Not trimmed: a password may begin or end with a space.
        let typed = (self.lookup)("ADMIN_PASSWORD").filter(|password| !password.is_empty());
        let password = typed.map(|typed| {
            let context = password::Context { min_length, service_name, email: None };
            password::check(&typed, context).unwrap_or_else(|(fault, _)| {
                self.problem(format!("ADMIN_PASSWORD {fault}"));
                typed
            })
        });
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

/// Whether a person has made this secret up: few different characters, or one piece again and again.
fn is_weak(secret: &str) -> bool {
    let distinct = secret.chars().collect::<std::collections::BTreeSet<_>>().len();
    let bytes = secret.as_bytes();
    let repeats =
        (1..=bytes.len() / 3).any(|length| bytes.iter().zip(bytes.iter().skip(length)).all(|(one, next)| one == next));
    distinct < MIN_DISTINCT || repeats
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
    fn a_secret_that_a_person_made_up_is_refused_unless_it_is_rotated_out() {
        let weak = [
            "a".repeat(64),
            "abcabcabd".repeat(5),
            "0123456789".repeat(4),
            "changeme-changeme-changeme-changeme".to_owned(),
        ];
        for secret in &weak {
            let problems = read(&[("ENVIRONMENT", "local"), ("AUTH_SECRET", secret)]).unwrap_err();
            assert!(
                problems[0].starts_with("AUTH_SECRET is too easy to guess") && !problems[0].contains(secret),
                "{problems:?}"
            );
            assert!(
                read(&[("ENVIRONMENT", "local"), ("AUTH_SECRET", SECRET), ("AUTH_SECRET_PREVIOUS", secret)]).is_ok(),
                "{secret}"
            );
        }
        for secret in ["d41d8cd98f00b204e9800998ecf8427e", "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MGFiY2RlZg", SECRET] {
            assert!(read(&[("ENVIRONMENT", "local"), ("AUTH_SECRET", secret)]).is_ok(), "{secret}");
        }
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
    fn the_password_of_the_first_admin_obeys_the_rules_too() {
        let problems = read(&[
            ("ENVIRONMENT", "local"),
            ("AUTH_SECRET", SECRET),
            ("ADMIN_EMAIL", "root@example.com"),
            ("ADMIN_PASSWORD", "admin"),
        ])
        .unwrap_err();
        assert_eq!(problems, ["ADMIN_PASSWORD must have at least 8 characters"]);
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

    #[test]
    fn other_origins_are_named_exactly_or_not_at_all() {
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
        assert_eq!(ends, ["1 is none", "2 is none", "4 is none", "5", "6 is none"], "{problems:?}");
        assert!(problems.iter().all(|problem| problem.starts_with("CORS_ORIGINS ")), "{problems:?}");
    }

    #[test]
    fn the_brand_color_is_six_hexadecimal_digits_with_or_without_their_sign() {
        let color = |text| {
            read(&[("ENVIRONMENT", "local"), ("AUTH_SECRET", SECRET), ("BRAND_COLOR", text)])
                .map(|settings| settings.brand_color)
        };
        assert_eq!(color("").unwrap(), DEFAULT_BRAND_COLOR);
        for text in ["#C0FFEE", "c0ffee", " #c0ffee "] {
            assert_eq!(color(text).unwrap(), "#c0ffee");
        }
        for text in ["#fff", "##c0ffe", "c0ffeé", "#c0ffee00", "teal", "rgb(0,0,0)"] {
            assert_eq!(color(text).unwrap_err(), ["BRAND_COLOR must be six hexadecimal digits, such as 0f6e75"]);
        }
    }

    /// A deployed environment that lacks nothing but what `pairs` must tell of the mail.
    fn read_mail(pairs: &[(&str, &str)]) -> Result<Mail, Vec<String>> {
        let others = [("AUTH_SECRET", SECRET), ("APP_URL", "https://example.com")];
        read(&[&others, pairs].concat()).map(|settings| settings.mail)
    }

    #[test]
    fn providers_are_tried_in_the_order_in_which_they_are_named() {
        let mail = read_mail(&[
            ("MAIL_PROVIDER", " mailgun, cloudflare,postmark ,sendgrid,resend"),
            ("MAIL_FROM", "Example <noreply@example.com>"),
            ("MAILGUN_API_KEY", "mg-key"),
            ("MAILGUN_DOMAIN", "mg.example.com"),
            ("MAILGUN_REGION", "eu"),
            ("POSTMARK_SERVER_TOKEN", "pm-token"),
            ("SENDGRID_API_KEY", "SG.key"),
            ("RESEND_API_KEY", "re_key"),
        ])
        .unwrap();
        let key = |text: &str| ApiKey(text.to_owned());
        let (domain, region) = ("mg.example.com".to_owned(), MailgunRegion::Eu);
        let from = Sender::parse("Example <noreply@example.com>").unwrap();
        let providers = vec![
            Provider::Mailgun { api_key: key("mg-key"), domain, region },
            Provider::Cloudflare,
            Provider::Postmark { server_token: key("pm-token") },
            Provider::SendGrid { api_key: key("SG.key") },
            Provider::Resend { api_key: key("re_key") },
        ];
        assert_eq!(mail, Mail::Providers { from, providers });
    }

    #[test]
    fn everything_that_the_providers_lack_is_told_at_once() {
        let problems = read_mail(&[("MAIL_PROVIDER", "resend,postmark,sendgrid,mailgun,cloudflare")]).unwrap_err();
        let names = [
            "RESEND_API_KEY",
            "POSTMARK_SERVER_TOKEN",
            "SENDGRID_API_KEY",
            "MAILGUN_API_KEY",
            "MAILGUN_DOMAIN",
            "MAIL_FROM",
        ];
        assert_eq!(problems.len(), names.len(), "{problems:?}");
        for (problem, name) in problems.iter().zip(names) {
            assert!(problem.starts_with(&format!("{name} is missing")), "{problem}");
        }
    }

    #[test]
    fn what_a_provider_is_told_must_fit_in_its_requests() {
        let problems = read_mail(&[
            ("MAIL_PROVIDER", "mailgun,resend"),
            ("MAIL_FROM", "Example"),
            ("MAILGUN_API_KEY", "mg-key"),
            ("MAILGUN_DOMAIN", "mg.example.com/../other"),
            ("MAILGUN_REGION", "moon"),
            ("RESEND_API_KEY", "re key"),
        ])
        .unwrap_err();
        let names: Vec<&str> = problems.iter().filter_map(|problem| problem.split(' ').next()).collect();
        assert_eq!(names, ["MAILGUN_DOMAIN", "MAILGUN_REGION", "RESEND_API_KEY", "MAIL_FROM"]);
    }

    #[test]
    fn a_list_of_providers_names_known_ones_once_and_the_outbox_alone() {
        let from = [("MAIL_FROM", "noreply@example.com"), ("RESEND_API_KEY", "re_key"), ("ENVIRONMENT", "local")];
        for (list, problem) in [
            ("resend,resend", "MAIL_PROVIDER names a provider twice"),
            ("resend,pigeon", "MAIL_PROVIDER must be outbox, or of resend"),
            ("Resend", "MAIL_PROVIDER must be outbox, or of resend"),
            ("resend,", "MAIL_PROVIDER must be outbox, or of resend"),
            (",", "MAIL_PROVIDER must be outbox, or of resend"),
            ("outbox,resend", "MAIL_PROVIDER names outbox with others"),
            ("outbox,outbox", "MAIL_PROVIDER names outbox with others"),
        ] {
            let problems = read_mail(&[&from[..], &[("MAIL_PROVIDER", list)]].concat()).unwrap_err();
            assert!(problems.iter().any(|told| told.starts_with(problem)), "{list}: {problems:?}");
        }
    }
}
