//! Changes of email addresses: what must be confirmed, and how long a change can be undone.

use super::{Timestamp, email::Email, user::User};

/// The maximum number of guesses for one change, right or wrong, at both codes together.
pub const MAX_GUESSES: i64 = 5;

/// How long the owner of the old address can undo a change, and how long that address stays reserved: 7 days, in milliseconds.
pub const UNDO_PERIOD: Timestamp = 7 * 86_400_000;

/// An undo also ends what was set up in this time before the change was asked for, in milliseconds: a thief of a session may first add a
/// second factor, so that no code from the old address is needed.
pub const SETTLED: Timestamp = 86_400_000;

/// Returns whether a code from the current address is needed besides that from the new one. A user with a second factor has just proven
/// more than the mailbox. An address that was never verified can be mistyped, so its user could not get the code.
///
/// `store::email_changes` has the same rule for the moment of the change.
pub fn confirms_old(user: &User, requires_second_factor: bool) -> bool {
    user.is_verified && !requires_second_factor && Email::parse(&user.email).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_address_is_confirmed_if_it_is_verified_and_nothing_else_protects_the_account() {
        for (email, is_verified, requires_second_factor, expected) in [
            ("ada@example.com", true, false, true),
            ("ada@example.com", true, true, false),
            ("ada@example.com", false, false, false),
            ("admin", true, false, false),
        ] {
            let user = User { is_verified, ..User::nobody(email) };
            assert_eq!(confirms_old(&user, requires_second_factor), expected, "{email} {is_verified}");
        }
    }
}
