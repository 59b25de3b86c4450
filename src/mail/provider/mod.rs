//! Mail providers. Each HTTP provider is a few pure functions: `request` and `outcome` send a mail, `reports` reads a webhook call, after
//! `is_authentic` or `signed` has checked it. The platform's own service is `outgoing` and `outcome`.
//!
//! A new provider is a file here, a variant of [`crate::settings::Provider`], an arm in `delivery.rs`, and its rows in the settings
//! table. The provider `outbox` has no file: it is a table in `store/`.
//!
//! Providers must not track opens or clicks where their API can turn it off: a tracked link leads through the provider's redirect,
//! which then sees the token.

pub mod cloudflare;
pub mod mailgun;
pub mod postmark;
pub mod resend;
pub mod sendgrid;

use std::fmt;

use crate::ports::HttpResponse;

/// The `User-Agent` of requests.
const USER_AGENT: &str = concat!("postern/", env!("CARGO_PKG_VERSION"));

/// RFC 3834: tells mail programs not to answer automatically.
const AUTO_SUBMITTED: (&str, &str) = ("Auto-Submitted", "auto-generated");

/// Why a provider refused a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// A limit or an error that passes by itself.
    Temporary,
    /// A wrong key, sender or plan. An operator must fix it.
    Configuration,
    /// The recipient does not exist or is suppressed. Retrying does not help.
    Recipient,
}

/// A provider refused a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The provider.
    pub provider: &'static str,
    /// What must change before the mail can be sent.
    pub kind: Reason,
    /// The status and the provider's name of the error. It can be logged, because it quotes neither address nor content.
    pub reason: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            Reason::Temporary => "it for now",
            Reason::Configuration => "it",
            Reason::Recipient => "the recipient",
        };
        write!(formatter, "{} refused {what}: {}", self.provider, self.reason)
    }
}

/// Reads the response of an HTTP provider.
pub type Outcome = fn(&HttpResponse) -> Result<(), Refusal>;

/// Returns whether this is a name such as `validation_error`. Any other text stays out of the log.
fn is_plain(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use crate::{
        domain::email::{Email, Sender},
        mail::Message,
        ports::HttpRequest,
    };

    pub fn from() -> Sender {
        Sender::parse("Postern <noreply@app.example>").unwrap()
    }

    pub fn message() -> Message {
        Message {
            kind: "invitation",
            to: Email::parse("ada@example.com").unwrap(),
            subject: "Hello \"Ada\"".to_owned(),
            text: "One\nTwo".to_owned(),
            html: "<p>One</p>".to_owned(),
        }
    }

    pub fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
        request.headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
    }
}
