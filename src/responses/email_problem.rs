//! Addresses that mail does not reach.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{Timestamp, email_problem};

/// Why emails do not reach an address. Only security notices are sent to it.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct EmailProblem {
    /// `bounce`: the mailbox does not exist or permanently rejects emails. `complaint`: the recipient marked an email as spam.
    #[schema(example = "bounce")]
    pub reason: &'static str,
    /// When the mail provider reported it.
    pub at: Timestamp,
}

impl From<email_problem::EmailProblem> for EmailProblem {
    fn from(problem: email_problem::EmailProblem) -> Self {
        EmailProblem { reason: problem.reason.as_str(), at: problem.at }
    }
}
