//! Which account a sign-in with an identity provider opens. This is the only place that decides it.
//!
//! An email counts only if the provider has verified it and owns the address. Otherwise anyone could open an account with an
//! address that they typed in at some provider.

/// The setting `ACCOUNT_LINKING`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linking {
    /// A verified email links the identity to the verified account with this email.
    ByVerifiedEmail,
    /// Only users themselves link identities, on their account page.
    ByUserOnly,
}

/// The email that a provider tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderEmail {
    /// None.
    Missing,
    /// One that proves nothing.
    Unverified,
    /// One that the provider has verified and owns.
    Verified,
}

/// The account with that email.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalAccount {
    /// Nobody has proven its email, so anyone may have created it.
    Unverified,
    /// Its owner has proven the email.
    Verified,
    /// The same, and this identity was unlinked from it.
    HasUnlinked,
}

/// What a sign-in with a provider does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Signs in to the account that the identity is linked to.
    SignIn,
    /// Links the identity to the account with the email, tells its owner, and signs in.
    Link,
    /// Takes over the account with the email, which loses everything from before, links the identity, and signs in.
    Claim,
    /// Signs up, if the settings let this email.
    SignUp,
    /// Refuses: the owner must sign in another way and link the identity.
    AccountExists,
    /// Refuses: an account needs an email.
    EmailMissing,
}

/// Decides what a sign-in with a provider does. `is_linked` tells whether the identity, which is issuer and subject, belongs to an
/// account; then nothing else counts.
pub fn decide(is_linked: bool, email: ProviderEmail, account: Option<LocalAccount>, linking: Linking) -> Outcome {
    match (is_linked, email, account) {
        (true, _, _) => Outcome::SignIn,
        (false, ProviderEmail::Missing, _) => Outcome::EmailMissing,
        (false, ProviderEmail::Verified, Some(LocalAccount::Verified)) => match linking {
            Linking::ByVerifiedEmail => Outcome::Link,
            Linking::ByUserOnly => Outcome::AccountExists,
        },
        (false, ProviderEmail::Verified, Some(LocalAccount::HasUnlinked)) => Outcome::AccountExists,
        (false, ProviderEmail::Verified, Some(LocalAccount::Unverified)) => Outcome::Claim,
        (false, ProviderEmail::Unverified, Some(_)) => Outcome::AccountExists,
        (false, ProviderEmail::Verified | ProviderEmail::Unverified, None) => Outcome::SignUp,
    }
}

#[cfg(test)]
mod tests {
    use super::{LocalAccount as Account, Outcome::*, ProviderEmail as Email, *};

    #[test]
    fn the_table_of_all_cases() {
        use Linking::*;
        let accounts = [None, Some(Account::Unverified), Some(Account::Verified), Some(Account::HasUnlinked)];
        for linking in [ByVerifiedEmail, ByUserOnly] {
            for email in [Email::Missing, Email::Unverified, Email::Verified] {
                for account in accounts {
                    assert_eq!(decide(true, email, account, linking), SignIn, "{email:?} {account:?}");
                }
            }
        }
        for (email, account, by_email, by_user) in [
            (Email::Missing, None, EmailMissing, EmailMissing),
            (Email::Missing, Some(Account::Unverified), EmailMissing, EmailMissing),
            (Email::Missing, Some(Account::Verified), EmailMissing, EmailMissing),
            (Email::Missing, Some(Account::HasUnlinked), EmailMissing, EmailMissing),
            (Email::Unverified, None, SignUp, SignUp),
            (Email::Unverified, Some(Account::Unverified), AccountExists, AccountExists),
            (Email::Unverified, Some(Account::Verified), AccountExists, AccountExists),
            (Email::Unverified, Some(Account::HasUnlinked), AccountExists, AccountExists),
            (Email::Verified, None, SignUp, SignUp),
            (Email::Verified, Some(Account::Unverified), Claim, Claim),
            (Email::Verified, Some(Account::Verified), Link, AccountExists),
            (Email::Verified, Some(Account::HasUnlinked), AccountExists, AccountExists),
        ] {
            assert_eq!(decide(false, email, account, ByVerifiedEmail), by_email, "{email:?} {account:?}");
            assert_eq!(decide(false, email, account, ByUserOnly), by_user, "{email:?} {account:?}");
        }
    }
}
