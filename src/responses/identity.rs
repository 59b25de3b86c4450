//! Identities at identity providers.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{domain::Timestamp, store::identities::Listed};

/// A visit to an identity provider has begun.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProviderVisitBegun {
    /// Where to send the user.
    #[schema(format = "uri", example = "https://accounts.google.com/o/oauth2/v2/auth?client_id=…")]
    pub url: String,
    /// The token of this visit. The response of the provider is useless without it.
    pub token: String,
    /// The id of the token. It is the parameter `state`, which the provider sends back.
    pub id: String,
    /// When the token expires.
    pub expires_at: Timestamp,
}

/// An identity at an identity provider that is linked to an account.
#[derive(Debug, Serialize, ToSchema)]
pub struct Identity {
    /// The id.
    pub id: String,
    /// The `id` of the provider. It is in `GET /config`, unless it was removed from the settings.
    #[schema(example = "google")]
    pub provider: String,
    /// The name of the provider, or its `id` if it was removed from the settings.
    #[schema(example = "Google")]
    pub provider_name: String,
    /// The issuer of the identity.
    #[schema(example = "https://accounts.google.com")]
    pub issuer: String,
    /// The id of the user at the issuer.
    #[schema(example = "110169484474386276334")]
    pub subject: String,
    /// The email there when it was last used. It need not be the email of the account.
    #[schema(required, example = "ada@example.com")]
    pub email: Option<String>,
    /// When it was linked.
    pub created_at: Timestamp,
    /// When the user last signed in with it, or null if they never have.
    #[schema(required)]
    pub last_used_at: Option<Timestamp>,
}

impl Identity {
    /// Adds the name of the provider to an identity.
    pub fn new(identity: Listed, provider_name: &str) -> Self {
        let Listed { id, provider, issuer, subject, email, created_at, last_used_at } = identity;
        let provider_name = provider_name.to_owned();
        Identity { id, provider, provider_name, issuer, subject, email, created_at, last_used_at }
    }
}
