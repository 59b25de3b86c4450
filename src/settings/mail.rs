//! The mail settings.

use std::fmt;

use super::{
    reader::Reader,
    table::{
        self, MAIL_FROM, MAIL_PROVIDER, MAILGUN_API_KEY, MAILGUN_DOMAIN, MAILGUN_REGION, POSTMARK_SERVER_TOKEN,
        RESEND_API_KEY, SENDGRID_API_KEY,
    },
};
use crate::domain::email::{self, Sender};

/// How mail is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mail {
    /// Mail is written to a table that `/dev/outbox` shows. For local development only.
    Outbox,
    /// Mail is sent through the first of these providers that accepts it.
    Providers {
        /// `MAIL_FROM`.
        from: Sender,
        /// At least one, in the order in which they are tried.
        providers: Vec<Provider>,
    },
}

/// A mail provider and its settings.
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
        /// `MAILGUN_REGION`.
        region: MailgunRegion,
    },
    /// `cloudflare`: Cloudflare's own mail service, through the binding `EMAIL`. It needs no key.
    Cloudflare,
}

impl Provider {
    /// Returns the name in `MAIL_PROVIDER`.
    pub fn name(&self) -> &'static str {
        match self {
            Provider::Resend { .. } => "resend",
            Provider::Postmark { .. } => "postmark",
            Provider::SendGrid { .. } => "sendgrid",
            Provider::Mailgun { .. } => "mailgun",
            Provider::Cloudflare => "cloudflare",
        }
    }
}

/// The Mailgun region of a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailgunRegion {
    /// `us`.
    Us,
    /// `eu`.
    Eu,
}

/// The key of a provider. Its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(pub String);

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKey(..)")
    }
}

/// The name of the outbox in `MAIL_PROVIDER`.
pub const OUTBOX: &str = "outbox";

impl Mail {
    /// Returns the names of the providers, in their order.
    pub fn providers(&self) -> Vec<&'static str> {
        match self {
            Mail::Outbox => vec![OUTBOX],
            Mail::Providers { providers, .. } => providers.iter().map(Provider::name).collect(),
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Mail {
        let names = reader.list(MAIL_PROVIDER);
        if names.contains(&"outbox") {
            if !reader.is_local {
                reader.invalid(
                    MAIL_PROVIDER.name,
                    "is outbox, which shows all mail to everyone: this requires ENVIRONMENT=local",
                );
            }
            if names.len() > 1 {
                reader.invalid(MAIL_PROVIDER.name, "names outbox and others: outbox must be the only one");
            }
            return Mail::Outbox;
        }
        let providers = names.into_iter().filter_map(|name| Provider::read(reader, name)).collect();
        match sender(reader) {
            Some(from) => Mail::Providers { from, providers },
            // There is a problem, so these settings are never used.
            None => Mail::Outbox,
        }
    }
}

impl Provider {
    /// Reads the settings of the provider with this name, if there is one.
    fn read(reader: &mut Reader<'_>, name: &str) -> Option<Provider> {
        Some(match name {
            "resend" => Provider::Resend { api_key: api_key(reader, RESEND_API_KEY, name) },
            "postmark" => Provider::Postmark { server_token: api_key(reader, POSTMARK_SERVER_TOKEN, name) },
            "sendgrid" => Provider::SendGrid { api_key: api_key(reader, SENDGRID_API_KEY, name) },
            "mailgun" => {
                let api_key = api_key(reader, MAILGUN_API_KEY, name);
                let domain = reader.required(MAILGUN_DOMAIN, "the domain that mailgun sends from");
                // It becomes part of a URL.
                if !domain.is_empty() && !email::is_domain(&domain) {
                    reader.invalid(MAILGUN_DOMAIN.name, "must be a domain, such as mg.example.com");
                }
                let region = match reader.choice(MAILGUN_REGION) {
                    "eu" => MailgunRegion::Eu,
                    _ => MailgunRegion::Us,
                };
                Provider::Mailgun { api_key, domain, region }
            }
            "cloudflare" => Provider::Cloudflare,
            _ => return None,
        })
    }
}

fn api_key(reader: &mut Reader<'_>, setting: table::Text, provider: &str) -> ApiKey {
    let key = reader.required(setting, &format!("the key of the mail provider {provider}"));
    // It becomes the value of a header.
    if key.contains(|character: char| !character.is_ascii_graphic()) {
        reader.invalid(setting.name, "must consist of visible ASCII characters without spaces");
    }
    ApiKey(key)
}

fn sender(reader: &mut Reader<'_>) -> Option<Sender> {
    let text = reader.required(MAIL_FROM, "the sender of all mail");
    let sender = Sender::parse(&text);
    if sender.is_none() && !text.is_empty() {
        reader.invalid(MAIL_FROM.name, "must be an address, or `Name <address>`");
    }
    sender
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::tests::{SECRET, read};

    /// Returns the mail settings of a deployment with `pairs` and the other required settings.
    fn read_mail(pairs: &[(&str, &str)]) -> Result<Mail, Vec<String>> {
        let others = [("AUTH_SECRET", SECRET), ("APP_URL", "https://example.com")];
        read(&[&others, pairs].concat()).map(|settings| settings.mail)
    }

    #[test]
    fn providers_are_tried_in_the_order_of_the_setting() {
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
    fn every_provider_of_the_table_is_known() {
        let mut reader = Reader { lookup: &|_| None, is_local: false, problems: Vec::new() };
        for name in MAIL_PROVIDER.choices.iter().filter(|name| **name != MAIL_PROVIDER.local) {
            assert!(Provider::read(&mut reader, name).is_some(), "{name}");
        }
    }

    #[test]
    fn all_missing_settings_of_providers_are_reported_at_once() {
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
    fn settings_of_providers_must_fit_in_requests() {
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
    fn providers_are_known_and_unique_and_the_outbox_stands_alone() {
        let from = [("MAIL_FROM", "noreply@example.com"), ("RESEND_API_KEY", "re_key"), ("ENVIRONMENT", "local")];
        for (list, problem) in [
            ("resend,resend", "MAIL_PROVIDER names resend twice"),
            ("resend,pigeon", "MAIL_PROVIDER must be one or more of resend, "),
            ("Resend", "MAIL_PROVIDER must be one or more of resend, "),
            ("resend,", "MAIL_PROVIDER must be one or more of resend, "),
            (",", "MAIL_PROVIDER must be one or more of resend, "),
            ("outbox,resend", "MAIL_PROVIDER names outbox and others"),
            ("outbox,outbox", "MAIL_PROVIDER names outbox twice"),
        ] {
            let problems = read_mail(&[&from[..], &[("MAIL_PROVIDER", list)]].concat()).unwrap_err();
            assert!(problems.iter().any(|told| told.starts_with(problem)), "{list}: {problems:?}");
        }
    }
}
