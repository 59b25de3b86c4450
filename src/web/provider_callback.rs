//! The response of an identity provider, as the page `/callback` passes it on.

use postern_macros::FromFields;

/// The token of the visit, and the parameters that the provider has sent.
#[derive(FromFields)]
pub struct ProviderCallback {
    /// The token that was returned with the URL of the provider.
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
