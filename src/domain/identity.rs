//! The identity of a user at an identity provider.

use super::email::Email;

/// What an identity provider says of a user. The pair of issuer and subject is the identity, and the rest can change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The issuer (OpenID Connect Core 1.0, section 2): an https URL.
    pub issuer: String,
    /// The id of the user at the issuer.
    pub subject: String,
    /// The email, if the provider tells one that is valid here.
    pub email: Option<Email>,
    /// Whether the provider has verified the email and also owns the address, so that its word is as good as a code by email.
    pub email_is_verified: bool,
    /// The name, if the provider tells one that is valid here.
    pub name: Option<String>,
}
