//! What a user comes back from an identity provider with.

use postern_macros::FromFields;

/// The token of the visit, and what the provider has sent.
#[derive(FromFields)]
pub struct ProviderCallback {
    /// The token that the request for the URL returned.
    pub token: String,
    /// The parameter `code`.
    pub code: String,
    /// The parameter `state`.
    pub state: String,
    /// The parameter `iss`, if there is one.
    pub iss: Option<String>,
    /// The parameter `user` of Apple, if there is one: JSON text with the name, which Apple sends only the first time.
    pub user: Option<String>,
}
