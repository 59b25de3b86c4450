//! The maximum number of mails to one recipient, for all reasons together.
//!
//! Requested mails count on one counter per recipient. Mails that anyone can request reach the limit first, then mails that only the
//! owner can request, so strangers cannot use up what the owner needs. Notices about the security of the account are never refused,
//! but equal notices become one mail.

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// A number of mails per window. Times are in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// The prefix of the counter's key.
    pub name: &'static str,
    /// The maximum number of mails in one window.
    pub limit: i64,
    /// The length of the window, which starts with its first mail.
    pub window: i64,
}

/// Mails that anyone can request: reset links, invitations, and codes to sign in or sign up. The limit is above the sum of those by
/// email (`throttle::RESET_BY_EMAIL`, `throttle::EMAIL_CODE_SENT_BY_EMAIL`, `throttle::INVITE_BY_EMAIL`), so it blocks nothing that
/// they allow.
pub const REQUESTED_BY_ANYONE: Budget = Budget { name: "mail-recipient", limit: 25, window: HOUR };

/// Mails that only the signed-in owner can request: one-time passwords. The difference to [`REQUESTED_BY_ANYONE`] is reserved for them.
pub const REQUESTED_BY_OWNER: Budget = Budget { limit: 30, ..REQUESTED_BY_ANYONE };

/// Equal notices to one recipient. The first is sent immediately. Those that follow within the window become one mail at its end.
pub const EQUAL_NOTICES: Budget = Budget { name: "mail-notice", limit: 1, window: 10 * MINUTE };
