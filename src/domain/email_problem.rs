//! Addresses that mail does not reach.

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// Why mail no longer goes to an address, except security notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// The mailbox does not exist, or permanently rejects mail.
    Bounce,
    /// The recipient marked a mail as spam.
    Complaint,
}

impl Reason {
    /// Returns the name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Bounce => "bounce",
            Reason::Complaint => "complaint",
        }
    }
}

/// A problem of a user's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmailProblem {
    /// Why mail does not reach it.
    pub reason: Reason,
    /// When the provider reported it.
    pub at: Timestamp,
}

/// How far the time in a webhook call may be from ours, in milliseconds.
const TOLERANCE: i64 = 300_000;

/// Returns whether a webhook call was signed recently. `seconds` is its UNIX time. Older calls may be repeated by someone who has
/// recorded them.
pub fn is_recent(seconds: &str, now: Timestamp) -> bool {
    let sent_at = seconds.parse::<i64>().ok().and_then(|seconds| seconds.checked_mul(1_000));
    sent_at.and_then(|sent_at| now.checked_sub(sent_at)).is_some_and(|age| age.unsigned_abs() <= TOLERANCE as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_recent_for_five_minutes() {
        let now = 1_700_000_000_000;
        for seconds in ["1700000000", "1699999700", "1700000300"] {
            assert!(is_recent(seconds, now), "{seconds}");
        }
        for seconds in ["1699999699", "1700000301", "", "0", "-1", "9223372036854775807", "1.7e9", "1700000000000"] {
            assert!(!is_recent(seconds, now), "{seconds}");
        }
    }
}
