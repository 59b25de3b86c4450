//! How mail leaves: for each HTTP provider two pure functions, `request` and `outcome`.
//!
//! A new one is a file here, a variant of [`crate::settings::Mail`] and an arm in [`super::send`]. The provider
//! `outbox` has no file: it is a table, in `store/`.

pub mod resend;

use std::fmt;

/// A provider did not take a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Who refused.
    pub provider: &'static str,
    /// Whether the same request, sent again later, can succeed.
    pub can_be_retried: bool,
    /// The status and the provider's name of the error. It may stand in a log: it quotes neither address nor content.
    pub reason: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.can_be_retried { "for now" } else { "for good" };
        write!(formatter, "{} refused it {how}: {}", self.provider, self.reason)
    }
}
