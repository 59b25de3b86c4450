//! Rate limits with increasing delays: the first attempts are free, then the delay doubles with each attempt. A counter is reset after
//! a time without attempts.
//!
//! An attempt counts before it is checked, in one atomic statement (`store::throttles`), so fifty concurrent attempts count as fifty.
//! A correct password takes back its own attempt only.

use std::net::{IpAddr, Ipv6Addr};

use super::Timestamp;
use crate::error::Error;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A rate limit. Times are in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// The prefix of the counters' keys.
    pub name: &'static str,
    /// The number of attempts before the first delay.
    pub free: i64,
    /// The first delay.
    pub delay: i64,
    /// The maximum delay.
    pub max_delay: i64,
    /// The time without attempts after which the counter is reset.
    pub forget: i64,
}

/// Wrong passwords for one account, from any address. NIST SP 800-63B-4 section 3.2.2 allows 100 in a row; here the delay after the
/// 37th is 30 days.
pub const PASSWORD_BY_ACCOUNT: Policy =
    Policy { name: "password-account", free: 20, delay: 30 * SECOND, max_delay: 30 * DAY, forget: 90 * DAY };

/// Wrong passwords for one account, from an address with an earlier successful login. The separate counter keeps strangers from
/// locking the owner out. It equals [`PASSWORD_BY_ACCOUNT`] except for the name, because the same statement counts on either.
pub const PASSWORD_BY_KNOWN_ADDRESS: Policy = Policy { name: "password-known", ..PASSWORD_BY_ACCOUNT };

/// Wrong passwords from one address, for any account.
pub const PASSWORD_BY_ADDRESS: Policy =
    Policy { name: "password-address", free: 200, delay: 30 * SECOND, max_delay: HOUR, forget: HOUR };

/// Password changes of one user, successful or not. Their events are never dropped, and each change ends sessions.
pub const PASSWORD_CHANGE_BY_USER: Policy =
    Policy { name: "password-change-user", free: 100, delay: MINUTE, max_delay: HOUR, forget: HOUR };

/// Wrong guesses of one user at one-time passwords, for all codes together.
pub const CODE_BY_USER: Policy =
    Policy { name: "code-user", free: 10, delay: MINUTE, max_delay: DAY, forget: 30 * DAY };

/// Guesses at one code that was sent to sign in or sign up: five. Then the code does not work for the rest of its life.
pub const EMAIL_CODE: Policy = Policy { name: "email-code", free: 5, delay: DAY, max_delay: DAY, forget: DAY };

/// Wrong guesses at codes that were sent to one email to sign in or sign up, for all codes together. The link in the mail is not
/// limited, because it cannot be guessed: so a stranger who guesses codes does not lock the owner out.
pub const EMAIL_CODES_BY_EMAIL: Policy = Policy { name: "email-codes", ..CODE_BY_USER };

/// Guesses of one user at codes of an authenticator app and at recovery codes, in all endpoints together. A stranger needs the password
/// first, and changing it ends the sign-ins that wait for a code.
pub const SECOND_FACTOR_BY_USER: Policy =
    Policy { name: "second-factor-user", free: 10, delay: MINUTE, max_delay: 3 * DAY, forget: 90 * DAY };

/// Sign-ups from one address. Each one computes a password hash.
pub const SIGN_UP_BY_ADDRESS: Policy =
    Policy { name: "sign-up-address", free: 500, delay: MINUTE, max_delay: HOUR, forget: HOUR };

/// Reset mails to one email, whether or not it has an account.
pub const RESET_BY_EMAIL: Policy =
    Policy { name: "reset-email", free: 10, delay: 10 * MINUTE, max_delay: HOUR, forget: HOUR };

/// Reset mails requested from one address.
pub const RESET_BY_ADDRESS: Policy =
    Policy { name: "reset-address", free: 200, delay: MINUTE, max_delay: HOUR, forget: HOUR };

/// Codes requested for one email from one address, to sign in or sign up, whether or not the email has an account. So a stranger at another
/// address does not use up what the owner needs.
pub const EMAIL_CODE_SENT_BY_EMAIL_AND_ADDRESS: Policy = Policy { name: "email-code-pair", free: 5, ..RESET_BY_EMAIL };

/// Codes requested for one email from all addresses. The limit leaves reset links their part of the mail budget.
pub const EMAIL_CODE_SENT_BY_EMAIL: Policy = Policy { name: "email-code-email", free: 12, ..RESET_BY_EMAIL };

/// Codes requested from one address to sign in or sign up.
pub const EMAIL_CODE_SENT_BY_ADDRESS: Policy = Policy { name: "email-code-address", ..RESET_BY_ADDRESS };

/// Invitations by one user.
pub const INVITE_BY_USER: Policy =
    Policy { name: "invite-user", free: 20, delay: 10 * MINUTE, max_delay: HOUR, forget: HOUR };

/// Invitations to one email, by any user.
pub const INVITE_BY_EMAIL: Policy = Policy { name: "invite-email", free: 3, delay: HOUR, max_delay: DAY, forget: DAY };

/// Changes of the email that one user has asked for, with or without success.
pub const EMAIL_CHANGE_BY_USER: Policy =
    Policy { name: "email-change-user", free: 10, delay: 10 * MINUTE, max_delay: HOUR, forget: HOUR };

/// Changes to one new address, by any user. Its owner need not know of them.
pub const EMAIL_CHANGE_BY_EMAIL: Policy =
    Policy { name: "email-change-email", free: 5, delay: HOUR, max_delay: DAY, forget: DAY };

/// Guesses of one user at the codes of an email change, right or wrong, for all changes together.
pub const EMAIL_CHANGE_CODE_BY_USER: Policy = Policy { name: "email-change-code-user", ..CODE_BY_USER };

/// Guesses at the codes of changes to one new address, by all users together, so that a user with many accounts can guess no more often.
pub const EMAIL_CHANGE_CODE_BY_EMAIL: Policy = Policy { name: "email-change-code-email", ..CODE_BY_USER };

/// The client's address, from `CF-Connecting-IP` only. An IPv6 address counts by its /64 network, which usually belongs to one
/// customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    /// Parses the header. All clients without a valid one share one address.
    pub fn parse(connecting_ip: Option<&str>) -> Address {
        Address(match connecting_ip.and_then(|text| text.trim().parse().ok()) {
            Some(IpAddr::V4(address)) => address.to_string(),
            Some(IpAddr::V6(address)) => match address.to_ipv4_mapped() {
                Some(address) => address.to_string(),
                None => {
                    let network = u128::from(address) & !u128::from(u64::MAX);
                    format!("{}/64", Ipv6Addr::from(network))
                }
            },
            None => "unknown".to_owned(),
        })
    }

    /// Returns the address as the input of a keyed hash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An attempt that is refused because there were too many before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocked {
    /// The seconds until the next attempt is allowed, at least 1.
    pub retry_after: i64,
}

impl Blocked {
    /// Returns the refusal at `now` of an attempt that is allowed from `free_at`, both in milliseconds.
    pub fn until(free_at: Timestamp, now: Timestamp) -> Blocked {
        Blocked { retry_after: retry_after(free_at, now) }
    }
}

impl From<Blocked> for Error {
    fn from(blocked: Blocked) -> Self {
        Error::TooManyRequests(blocked.retry_after)
    }
}

/// Returns the seconds until `free_at`, at least one.
fn retry_after(free_at: i64, now: i64) -> i64 {
    ((free_at - now + SECOND - 1) / SECOND).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_address_counts_by_its_64_bit_network() {
        let address = |text| Address::parse(Some(text));
        assert_eq!(address("2001:db8:1:2:3:4:5:6"), address("2001:db8:1:2::1"));
        assert_ne!(address("2001:db8:1:2::1"), address("2001:db8:1:3::1"));
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
        assert_ne!(address("192.0.2.1"), address("192.0.2.2"));
    }

    #[test]
    fn clients_without_a_valid_address_share_one_counter() {
        assert_eq!(Address::parse(None), Address::parse(Some("1.2.3.4, 5.6.7.8")));
    }

    #[test]
    fn guessing_a_password_is_blocked_long_before_a_hundred_failures_in_a_row() {
        let Policy { free, delay, max_delay, .. } = PASSWORD_BY_ACCOUNT;
        let year = 365 * DAY;
        let mut elapsed = 0;
        let mut attempts = 0;
        while elapsed < year {
            attempts += 1;
            if attempts >= free {
                elapsed += (delay << (attempts - free).min(30)).min(max_delay);
            }
        }
        assert!(attempts < 100, "{attempts} in a year");
    }

    #[test]
    fn guessing_one_time_passwords_for_a_year_succeeds_in_at_most_one_of_two_thousand_cases() {
        assert_eq!(EMAIL_CODES_BY_EMAIL.max_delay, CODE_BY_USER.max_delay);
        let Policy { free, delay, max_delay, .. } = CODE_BY_USER;
        let (mut elapsed, mut guesses) = (0, 0);
        while elapsed < 365 * DAY {
            guesses += 1;
            if guesses >= free {
                elapsed += (delay << (guesses - free).min(30)).min(max_delay);
            }
        }
        assert!(guesses * 2_000 < 1_000_000, "{guesses} in a year");
    }

    #[test]
    fn guessing_a_second_factor_for_a_year_succeeds_in_at_most_one_of_two_thousand_cases() {
        let Policy { free, delay, max_delay, forget, .. } = SECOND_FACTOR_BY_USER;
        // The codes of the current time step, the one before and the one after are right.
        let right_at_once = 3;
        // A guesser can wait until the counter is reset, after any number of guesses.
        let in_a_year = |before_a_reset: i64| {
            let (mut elapsed, mut guesses, mut counted) = (0, 0, 0);
            while elapsed < 365 * DAY {
                guesses += 1;
                counted += 1;
                if counted == before_a_reset {
                    elapsed += forget;
                    counted = 0;
                } else if counted >= free {
                    elapsed += (delay << (counted - free).min(30)).min(max_delay);
                }
            }
            guesses
        };
        let most = (1..1_000).map(in_a_year).max().unwrap();
        assert!(most * right_at_once * 2_000 < 1_000_000, "{most} in a year");
    }

    #[test]
    fn the_waiting_time_is_rounded_up_to_whole_seconds() {
        assert_eq!([retry_after(1_001, 0), retry_after(1_000, 0), retry_after(0, 5)], [2, 1, 1]);
    }
}
