//! Who may sign up without an invitation.

use super::email::{self, Email};
use crate::error::Error;

/// The setting `SIGN_UP`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignUpMode {
    /// Invited users only.
    Invitation,
    /// Everyone.
    Open,
    /// Everyone with an email at one of these domains, and invited users.
    Domains(Vec<Domain>),
    /// Everyone whom an admin approves, and invited users.
    Approval,
    /// Nobody. Admins create all accounts.
    Closed,
}

/// A domain whose users may sign up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// In its ASCII form and in lower case.
    name: String,
    /// Whether it stands for its subdomains, of any depth, instead of itself.
    is_wildcard: bool,
}

/// How a user without an invitation may sign up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// At once.
    Free,
    /// After an admin has approved it.
    AfterApproval,
}

impl SignUpMode {
    /// Parses the setting: `invitation`, `open`, `approval`, `closed`, or `domains:` and domains with commas between them.
    /// `*.example.com` stands for the subdomains of `example.com` without itself.
    ///
    /// # Errors
    /// What is wrong with it, without a quote.
    pub fn parse(text: &str) -> Result<SignUpMode, &'static str> {
        let text = text.trim();
        Ok(match text {
            "invitation" => SignUpMode::Invitation,
            "open" => SignUpMode::Open,
            "approval" => SignUpMode::Approval,
            "closed" => SignUpMode::Closed,
            _ => {
                let list = text.strip_prefix("domains:").ok_or(
                    "must be invitation, open, approval, closed, or domains: with domains, such as domains:example.com,*.example.org",
                )?;
                let domains: Option<Vec<Domain>> = list.split(',').map(Domain::parse).collect();
                SignUpMode::Domains(domains.ok_or("has something after domains: that is not a domain")?)
            }
        })
    }

    /// Returns the name, without the domains.
    pub fn name(&self) -> &'static str {
        match self {
            SignUpMode::Invitation => "invitation",
            SignUpMode::Open => "open",
            SignUpMode::Domains(_) => "domains",
            SignUpMode::Approval => "approval",
            SignUpMode::Closed => "closed",
        }
    }

    /// Judges a sign-up without an invitation. `email` is in its stored form, so a domain has one spelling.
    ///
    /// # Errors
    /// 403 with the reason.
    pub fn judge(&self, email: &Email) -> Result<Admission, Error> {
        match self {
            SignUpMode::Open => Ok(Admission::Free),
            SignUpMode::Approval => Ok(Admission::AfterApproval),
            SignUpMode::Domains(domains) if domains.iter().any(|domain| domain.has(email)) => Ok(Admission::Free),
            SignUpMode::Domains(_) => Err(Error::DomainRefused),
            SignUpMode::Invitation => Err(Error::InvitationRequired),
            SignUpMode::Closed => Err(Error::SignUpClosed),
        }
    }
}

impl Domain {
    fn parse(text: &str) -> Option<Domain> {
        let text = text.trim();
        let (name, is_wildcard) = text.strip_prefix("*.").map_or((text, false), |name| (name, true));
        Some(Domain { name: email::canonical_domain(name)?, is_wildcard })
    }

    fn has(&self, email: &Email) -> bool {
        let domain = email.domain();
        match self.is_wildcard {
            false => domain == self.name,
            true => {
                domain.strip_suffix(self.name.as_str()).is_some_and(|before| before.len() > 1 && before.ends_with('.'))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_allowed(setting: &str, email: &str) -> bool {
        SignUpMode::parse(setting).unwrap().judge(&Email::parse(email).unwrap()).is_ok()
    }

    #[test]
    fn a_domain_allows_exactly_itself_and_a_wildcard_its_subdomains() {
        let setting = "domains:example.com, *.Example.ORG,m\u{fc}ller.example";
        for email in [
            "a@example.com",
            "a@EXAMPLE.com",
            "a@sub.example.org",
            "a@a.b.example.org",
            "a@m\u{fc}ller.example",
            "a@xn--mller-kva.example",
            "a@M\u{dc}LLER.example",
            "a@example\u{3002}com",
            "a@example\u{ff0e}com",
        ] {
            assert!(is_allowed(setting, email), "{email}");
        }
        for email in [
            "a@sub.example.com",
            "a@example.com.evil.example",
            "a@evilexample.com",
            "a@example.org",
            "a@evilexample.org",
            "a@sub.evilexample.org",
            "a@example.org.evil.example",
            "a@ex\u{430}mple.com",
            "a@muller.example",
            "a@example.co",
        ] {
            assert!(!is_allowed(setting, email), "{email}");
        }
    }

    #[test]
    fn a_setting_that_is_not_understood_is_refused() {
        for setting in [
            "",
            "Open",
            "domains",
            "domains:",
            "domains:example",
            "domains:a.example,,b.example",
            "domains:*",
            "domains:*.*.example.com",
            "domains:a@example.com",
        ] {
            assert!(SignUpMode::parse(setting).is_err(), "{setting}");
        }
    }
}
