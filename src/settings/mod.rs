//! The settings. They are read once per isolate. If any is missing or invalid, all problems are reported at once and no request
//! is served.

mod first_account;
mod identity_providers;
mod mail;
mod mail_webhooks;
mod pages;
mod reader;
mod secrets;
pub mod table;
mod turnstile;

pub use self::{
    first_account::FirstAdmin,
    identity_providers::{IdentityProvider, IdentityProviders, PrivateKey, ProviderKind},
    mail::{ApiKey, Mail, MailgunRegion, OUTBOX, Provider},
    mail_webhooks::{MailWebhooks, PublicKey, WebhookKey},
    reader::{Kind, Problem},
    secrets::Secrets,
    turnstile::Turnstile,
};

use self::reader::Reader;
use crate::{
    crypto::password_hash::Cost,
    domain::{client::Location, linking::Linking, origin::OwnOrigin, session, sign_up_mode::SignUpMode, user::Role},
};

/// The settings of a deployment, validated. `table` documents each one.
#[derive(Debug)]
pub struct Settings {
    /// `ENVIRONMENT`: whether this is local development.
    pub is_local: bool,
    /// `APP_URL`, without a slash at the end.
    pub app_url: String,
    /// The origin of `APP_URL` as browsers write it. Its pages can use the session cookie.
    pub own_origin: OwnOrigin,
    /// `CORS_ORIGINS`, as browsers write them.
    pub cors_origins: Vec<String>,
    /// `APP_ORIGINS`, as browsers write them: their pages can use the session cookie.
    pub app_origins: Vec<String>,
    /// `SESSION_COOKIE_DOMAIN`.
    pub session_cookie_domain: Option<String>,
    /// `PASSKEY_RP_ID`: the domain that passkeys belong to.
    pub passkey_rp_id: String,
    /// `SERVICE_NAME`.
    pub service_name: String,
    /// `BRAND_COLOR`, as `#` and six lower-case hexadecimal digits.
    pub brand_color: String,
    /// `SECURITY_CONTACT`, as URIs.
    pub security_contacts: Vec<String>,
    /// `AUTH_SECRET` and `AUTH_SECRET_PREVIOUS`.
    pub secrets: Secrets,
    /// `MAIL_PROVIDER` and the settings of the providers.
    pub mail: Mail,
    /// The secrets of the webhooks of mail providers.
    pub mail_webhooks: MailWebhooks,
    /// `DEFAULT_ADMIN`: whether the default account can do everything before its password is changed.
    pub default_admin_open: bool,
    /// `ADMIN_EMAIL` and `ADMIN_PASSWORD`.
    pub first_admin: Option<FirstAdmin>,
    /// `PASSWORD_MIN_LENGTH`, in characters.
    pub password_min_length: usize,
    /// `BREACHED_PASSWORDS`.
    pub looks_up_breaches: bool,
    /// `ARGON2_MEMORY_KIB`, `ARGON2_ITERATIONS` and `ARGON2_PARALLELISM`.
    pub password_cost: Cost,
    /// `SIGN_UP`.
    pub sign_up: SignUpMode,
    /// `IDENTITY_PROVIDERS`.
    pub identity_providers: IdentityProviders,
    /// `ACCOUNT_LINKING`.
    pub account_linking: Linking,
    /// `EMAIL_SIGN_IN`: whether users can sign in with a code that they get by email.
    pub email_sign_in: bool,
    /// `NEW_DEVICE_MAIL`: whether users get a mail about a sign-in from a new device.
    pub new_device_mail: bool,
    /// `LOCATION`.
    pub location: Location,
    /// `SECOND_FACTOR`.
    pub second_factor: SecondFactor,
    /// `TURNSTILE_SITE_KEY` and `TURNSTILE_SECRET_KEY`.
    pub turnstile: Option<Turnstile>,
    /// `READ_REPLICAS`.
    pub reads_replicas: bool,
    /// `SESSION_TOKEN_ALGORITHM`.
    pub session_token_algorithm: SessionTokenAlgorithm,
    /// `PASSWORD_RESET_TOKEN`.
    pub password_reset_token: PasswordResetToken,
    /// `OTP_LIFETIME_SECONDS`.
    pub otp_lifetime: i64,
    /// `RESET_TOKEN_LIFETIME_SECONDS`.
    pub reset_token_lifetime: i64,
    /// `SESSION_LIFETIME_SECONDS` and `SESSION_MAXIMUM_LIFETIME_SECONDS`.
    pub session: session::Lifetime,
    /// `USER_TOKEN_LIFETIME_DAYS`.
    pub user_token_lifetime_days: i64,
    /// `EVENT_RETENTION_DAYS`.
    pub event_retention_days: i64,
}

/// How new session tokens are signed. Tokens of both algorithms are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionTokenAlgorithm {
    /// Ed25519 (RFC 8037).
    EdDsa,
    /// ECDSA on P-256 with SHA-256 (RFC 7518, section 3.4).
    Es256,
}

/// What new links to set a password contain. Both kinds are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordResetToken {
    /// A JWT, whose claims clients can read.
    Jwt,
    /// A random token.
    Opaque,
}

/// Who must have a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondFactor {
    /// Nobody.
    Optional,
    /// Admins.
    Admins,
    /// Everybody.
    Everybody,
}

impl SecondFactor {
    /// Returns whether users with this role must have one.
    pub fn is_required_of(self, role: Role) -> bool {
        match self {
            SecondFactor::Optional => false,
            SecondFactor::Admins => role == Role::Admin,
            SecondFactor::Everybody => true,
        }
    }
}

impl Settings {
    /// Reads the settings by name from `lookup`. An empty setting counts as missing.
    ///
    /// # Errors
    /// Every problem. None of them quotes a value.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Settings, Vec<Problem>> {
        let mut reader = Reader { lookup: &lookup, is_local: false, problems: Vec::new() };
        reader.is_local = reader.choice(table::ENVIRONMENT) == "local";
        let service_name = reader.text(table::SERVICE_NAME).unwrap_or_default();
        let password_min_length = reader.number(table::PASSWORD_MIN_LENGTH) as usize;
        let app_url = pages::app_url(&mut reader);
        let app_origins = pages::app_origins(&mut reader, &app_url);
        let settings = Settings {
            identity_providers: IdentityProviders::read(&mut reader),
            account_linking: identity_providers::account_linking(&mut reader),
            session_cookie_domain: pages::session_cookie_domain(&mut reader, &app_url, &app_origins),
            app_origins,
            passkey_rp_id: pages::passkey_rp_id(&mut reader, &app_url),
            own_origin: OwnOrigin::new(&app_url, reader.is_local),
            is_local: reader.is_local,
            app_url,
            cors_origins: pages::cors_origins(&mut reader),
            brand_color: pages::brand_color(&mut reader),
            security_contacts: pages::security_contacts(&mut reader),
            secrets: Secrets::read(&mut reader),
            mail: Mail::read(&mut reader),
            mail_webhooks: MailWebhooks::read(&mut reader),
            default_admin_open: first_account::is_default_open(&mut reader),
            first_admin: FirstAdmin::read(&mut reader, password_min_length, &service_name),
            service_name,
            password_min_length,
            password_cost: Cost {
                memory_kib: reader.number(table::ARGON2_MEMORY_KIB) as u32,
                iterations: reader.number(table::ARGON2_ITERATIONS) as u32,
                parallelism: reader.number(table::ARGON2_PARALLELISM) as u32,
            },
            looks_up_breaches: reader.choice(table::BREACHED_PASSWORDS) == "range",
            sign_up: sign_up(&mut reader),
            email_sign_in: reader.choice(table::EMAIL_SIGN_IN) == "on",
            new_device_mail: reader.choice(table::NEW_DEVICE_MAIL) == "on",
            location: match reader.choice(table::LOCATION) {
                "off" => Location::Off,
                "city" => Location::City,
                _ => Location::Country,
            },
            second_factor: match reader.choice(table::SECOND_FACTOR) {
                "admins" => SecondFactor::Admins,
                "everybody" => SecondFactor::Everybody,
                _ => SecondFactor::Optional,
            },
            turnstile: Turnstile::read(&mut reader),
            reads_replicas: reader.choice(table::READ_REPLICAS) == "on",
            session_token_algorithm: match reader.choice(table::SESSION_TOKEN_ALGORITHM) {
                "ES256" => SessionTokenAlgorithm::Es256,
                _ => SessionTokenAlgorithm::EdDsa,
            },
            password_reset_token: match reader.choice(table::PASSWORD_RESET_TOKEN) {
                "opaque" => PasswordResetToken::Opaque,
                _ => PasswordResetToken::Jwt,
            },
            otp_lifetime: reader.number(table::OTP_LIFETIME_SECONDS),
            reset_token_lifetime: reader.number(table::RESET_TOKEN_LIFETIME_SECONDS),
            session: session::Lifetime {
                seconds: reader.number(table::SESSION_LIFETIME_SECONDS),
                maximum_seconds: reader.number(table::SESSION_MAXIMUM_LIFETIME_SECONDS),
            },
            user_token_lifetime_days: reader.number(table::USER_TOKEN_LIFETIME_DAYS),
            event_retention_days: reader.number(table::EVENT_RETENTION_DAYS),
        };
        if settings.session.maximum_seconds < settings.session.seconds {
            reader.invalid(
                table::SESSION_MAXIMUM_LIFETIME_SECONDS.name,
                "must not be shorter than SESSION_LIFETIME_SECONDS",
            );
        }
        if reader.problems.is_empty() { Ok(settings) } else { Err(reader.problems) }
    }
}

fn sign_up(reader: &mut Reader<'_>) -> SignUpMode {
    let text = reader.text(table::SIGN_UP).unwrap_or_default();
    SignUpMode::parse(&text).unwrap_or_else(|problem| {
        reader.invalid(table::SIGN_UP.name, problem);
        SignUpMode::Closed
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{cell::RefCell, collections::BTreeSet};

    use super::{
        table::{Row, SETTINGS},
        *,
    };

    pub const SECRET: &str = "0123456789abcdef0123456789abcdef";

    /// Returns the settings, or the messages of the problems.
    pub fn read(pairs: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
        Settings::read(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
            .map_err(|problems| problems.into_iter().map(|problem| problem.message).collect())
    }

    #[test]
    fn local_development_requires_only_the_secret() {
        let settings = read(&[("ENVIRONMENT", "local"), ("AUTH_SECRET", SECRET)]).unwrap();
        assert_eq!((settings.app_url.as_str(), settings.mail), ("http://localhost:8787", Mail::Outbox));
        assert!(settings.default_admin_open);
    }

    #[test]
    fn the_parser_reads_every_row_of_the_table_and_nothing_else() {
        let names = RefCell::new(BTreeSet::new());
        let all_providers = table::MAIL_PROVIDER.choices.join(",");
        let read = Settings::read(|name| {
            names.borrow_mut().insert(name.replace("OIDC_ACME_", "OIDC_<NAME>_"));
            match name {
                "MAIL_PROVIDER" => Some(all_providers.replace(",outbox", "")),
                "IDENTITY_PROVIDERS" => Some("google,github,apple,microsoft,acme".to_owned()),
                _ => None,
            }
        });
        let pattern = |problem: Problem| problem.setting.replace("OIDC_ACME_", "OIDC_<NAME>_");
        let missing: BTreeSet<String> = read.unwrap_err().into_iter().map(pattern).collect();
        assert_eq!(names.into_inner(), SETTINGS.iter().map(|row| row.name().to_owned()).collect());
        let required = |row: &&Row| !row.required().is_empty() && !row.name().starts_with("ADMIN_");
        let required: BTreeSet<String> = SETTINGS.iter().filter(required).map(|row| row.name().to_owned()).collect();
        assert_eq!(missing, required);
    }

    #[test]
    fn a_deployment_is_told_every_problem_at_once() {
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
    fn a_deployment_with_all_required_settings_is_accepted() {
        let settings = read(&[
            ("AUTH_SECRET", SECRET),
            ("APP_URL", "https://example.com/"),
            ("MAIL_FROM", "Example <noreply@example.com>"),
            ("RESEND_API_KEY", "re_1"),
        ])
        .unwrap();
        assert_eq!(settings.app_url, "https://example.com");
        assert!(!settings.default_admin_open);
        assert!(!format!("{settings:?}").contains("re_1"), "Debug shows a key");
    }

    #[test]
    fn the_password_cost_cannot_be_set_below_its_minimum() {
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
