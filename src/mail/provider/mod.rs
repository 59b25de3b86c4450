//! How mail leaves: for each HTTP provider two pure functions, `request` and `outcome`; for the platform's own service
//! `letter` and `outcome`.
//!
//! A new one is a file here, a variant of [`crate::settings::Provider`] and an arm in [`super::send`]. The provider
//! `outbox` has no file: it is a table, in `store/`.
//!
//! No provider may count opens or clicks where its interface can forbid it: a link that is counted leads through the
//! provider's own redirect, which then knows the token in it.

pub mod cloudflare;
pub mod mailgun;
pub mod postmark;
pub mod resend;
pub mod sendgrid;

use std::fmt;

use crate::ports::HttpResponse;

/// Who asks.
const USER_AGENT: &str = concat!("postern/", env!("CARGO_PKG_VERSION"));

/// RFC 3834: tells mail programs not to answer automatically.
const AUTO_SUBMITTED: (&str, &str) = ("Auto-Submitted", "auto-generated");

/// Why a provider refused a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// A limit or a fault that passes by itself.
    Temporary,
    /// A wrong key, sender or plan. The mail can leave once an operator has put it right.
    Configuration,
    /// The recipient does not exist or is suppressed. Trying again does not help.
    Recipient,
}

/// A provider did not take a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Who refused.
    pub provider: &'static str,
    /// What has to change before the mail can leave.
    pub kind: Reason,
    /// The status and the provider's name of the error. It may stand in a log: it quotes neither address nor content.
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

/// How an HTTP provider's answer is read.
pub type Outcome = fn(&HttpResponse) -> Result<(), Refusal>;

/// Whether this is a name such as `validation_error`: what anybody else may have written there stays out of the log.
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
