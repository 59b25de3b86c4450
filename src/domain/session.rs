//! How long a session lives.

use super::Timestamp;

/// Live sessions of one user. A login beyond them ends the one that expires first, which is the one not used for longest.
pub const MAX_LIVE: i64 = 100;

/// The life that the settings give a session, in seconds.
#[derive(Debug, Clone, Copy)]
pub struct Lifetime {
    /// From the login or a refresh.
    pub seconds: i64,
    /// From the login, however often it is refreshed.
    pub maximum_seconds: i64,
}

impl Lifetime {
    /// When a session that begins at `now` ends, if it is not refreshed.
    pub fn expiry(self, now: Timestamp) -> Timestamp {
        now + self.seconds * 1_000
    }

    /// The later end that a session may be given now: once half of the token's life has passed, and never beyond the
    /// absolute cap counted from the login.
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
        // Whole seconds, because a token tells no less.
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
    fn a_session_is_refreshed_once_half_of_the_tokens_life_has_passed() {
        let refreshed = |now| LIFETIME.refreshed_expiry(0, 7 * DAY, 0, now);
        assert_eq!(refreshed(84 * HOUR - 1), None);
        assert_eq!(refreshed(84 * HOUR), Some(84 * HOUR + 7 * DAY));
    }

    #[test]
    fn no_refresh_reaches_beyond_thirty_days_from_the_login() {
        assert_eq!(LIFETIME.refreshed_expiry(20 * DAY, 27 * DAY, 0, 26 * DAY), Some(30 * DAY));
        assert_eq!(LIFETIME.refreshed_expiry(26 * DAY, 30 * DAY, 0, 29 * DAY), None);
    }
}
