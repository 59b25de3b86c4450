//! The lifetime of sessions.

use super::Timestamp;

/// The maximum number of active sessions per user. The next login ends the session that expires first, which is the one not used for
/// the longest time.
pub const MAX_LIVE: i64 = 100;

/// The precision of the time at which a session was last used, in milliseconds: an hour.
pub const SEEN_STEP: i64 = 3_600_000;

/// The lifetime of a session, from the settings.
#[derive(Debug, Clone, Copy)]
pub struct Lifetime {
    /// The lifetime after the login or a refresh.
    pub seconds: i64,
    /// The maximum lifetime after the login, whatever the number of refreshes.
    pub maximum_seconds: i64,
}

impl Lifetime {
    /// Returns when a session that begins at `now` expires, if it is not refreshed.
    pub fn expiry(self, now: Timestamp) -> Timestamp {
        now + self.seconds * 1_000
    }

    /// Returns the new expiry of a session, if it is time for a refresh: half of the token's lifetime has passed, and the maximum
    /// lifetime of the session allows a later expiry.
    pub fn refreshed_expiry(
        self,
        token_issued_at: Timestamp,
        token_expires_at: Timestamp,
        session_created_at: Timestamp,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let half = token_issued_at + (token_expires_at - token_issued_at) / 2;
        let cap = session_created_at + self.maximum_seconds * 1_000;
        let later = self.expiry(now).min(cap);
        // In whole seconds, like the claims of a token.
        (now >= half && later / 1_000 > token_expires_at / 1_000).then_some(later)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;
    const DAY: i64 = 24 * HOUR;
    const LIFETIME: Lifetime = Lifetime { seconds: 7 * DAY / 1_000, maximum_seconds: 30 * DAY / 1_000 };

    #[test]
    fn a_session_is_refreshed_after_half_of_the_tokens_lifetime() {
        let refreshed = |now| LIFETIME.refreshed_expiry(0, 7 * DAY, 0, now);
        assert_eq!(refreshed(84 * HOUR - 1), None);
        assert_eq!(refreshed(84 * HOUR), Some(84 * HOUR + 7 * DAY));
    }

    #[test]
    fn no_refresh_goes_beyond_thirty_days_after_the_login() {
        assert_eq!(LIFETIME.refreshed_expiry(20 * DAY, 27 * DAY, 0, 26 * DAY), Some(30 * DAY));
        assert_eq!(LIFETIME.refreshed_expiry(26 * DAY, 30 * DAY, 0, 29 * DAY), None);
    }
}
