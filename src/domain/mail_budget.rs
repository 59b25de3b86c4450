//! How many mails one recipient gets, from all causes together.
//!
//! Mails that somebody asks for count on one counter per recipient. What strangers can cause stops first, then what the owner
//! asks for. Notices about the account's security are never refused, but equal ones become one. So nobody can use up what the
//! owner needs.

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// So many mails in a window. Times are milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Begins the key of the counter.
    pub name: &'static str,
    /// Mails in one window.
    pub limit: i64,
    /// The length of the window, which begins with its first mail.
    pub window: i64,
}

/// Mails that a stranger can cause: reset links and invitations. Above the sum of what the limits by email allow in an hour
/// (`throttle::RESET_BY_EMAIL`, `throttle::INVITE_BY_EMAIL`), so it stops nothing that they allow.
pub const ASKED_BY_ANYBODY: Budget = Budget { name: "mail-recipient", limit: 15, window: HOUR };

/// Mails that only the signed-in owner can cause: one-time passwords. The difference to [`ASKED_BY_ANYBODY`] is reserved for
/// them.
pub const ASKED_BY_OWNER: Budget = Budget { limit: 20, ..ASKED_BY_ANYBODY };

/// Notices of one kind to one recipient. The first is sent at once. Those that follow within the window are one mail, sent at
/// its end.
pub const EQUAL_NOTICES: Budget = Budget { name: "mail-notice", limit: 1, window: 10 * MINUTE };
