//! What is counted per day (UTC) for the overview of admins.

use super::{Timestamp, calendar::DateTime};

/// Accounts that were created by a sign-up.
pub const SIGN_UPS: &str = "sign_ups";
/// Successful logins.
pub const SIGN_INS: &str = "sign_ins";
/// Refused logins. The first step of a login with two factors is neither successful nor refused.
pub const FAILED_SIGN_INS: &str = "failed_sign_ins";
/// Passwords that were set through a reset link.
pub const PASSWORD_RESETS: &str = "password_resets";

/// Accounts at the beginning of the day. Like the following, up to [`MOST_COUNTED`].
pub const USERS: &str = "users";
/// Sessions that had not expired.
pub const ACTIVE_SESSIONS: &str = "active_sessions";
/// Users who required a second factor.
pub const USERS_WITH_SECOND_FACTOR: &str = "users_with_second_factor";
/// Users who had a passkey.
pub const USERS_WITH_PASSKEY: &str = "users_with_passkey";
/// Users whose address mail did not reach.
pub const SUPPRESSED_ADDRESSES: &str = "suppressed_addresses";

/// Mails that a provider accepted. The name of the provider follows.
pub const MAIL_SENT: &str = "mail_sent:";
/// Attempts that a provider did not accept. The name of the provider follows.
pub const MAIL_FAILED: &str = "mail_failed:";

/// The number to which users, sessions and passkeys are counted.
pub const MOST_COUNTED: i64 = 100_000;
/// How long the counts are kept, in days.
pub const KEPT_DAYS: i64 = 400;
/// Milliseconds in a day.
const DAY: i64 = 86_400_000;

/// Returns the day that was so many days before, as `YYYY-MM-DD`.
pub fn day_before(now: Timestamp, days: i64) -> String {
    DateTime::at(now - days * DAY).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_utc() {
        // 2024-03-01T00:00:00Z.
        let now = 1_709_251_200_000;
        assert_eq!([0, 1, 2].map(|days| day_before(now, days)), ["2024-03-01", "2024-02-29", "2024-02-28"]);
        assert_eq!((day_before(now - 1, 0), day_before(now, 400)), ("2024-02-29".to_owned(), "2023-01-26".to_owned()));
    }
}
