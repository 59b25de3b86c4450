//! A visit to an identity provider: how it begins, and what the user comes back with.

use super::one_time::{self, Opened, PROVIDER_LIFETIME, ProviderPurpose, ProviderVisit};
use crate::{
    app::App,
    crypto::random,
    domain::identity::Identity,
    error::Error,
    oauth_client::{self, Attempt, Callback},
    responses::{self, ProviderVisitBegun},
    settings::IdentityProvider,
    store::identities::{self, Listed, OtherWays},
    web::ProviderCallback,
};

/// Returns the provider with this name.
///
/// # Errors
/// 404 if the settings have none.
pub fn provider<'a>(app: &'a App, name: &str) -> Result<&'a IdentityProvider, Error> {
    app.settings().identity_providers.find(name).ok_or(Error::UnknownProvider)
}

/// Returns the name of a provider that users see, or the one in the settings if it was removed from them.
pub fn name<'a>(app: &'a App, provider: &'a str) -> &'a str {
    app.settings().identity_providers.find(provider).map_or(provider, |provider| &provider.name)
}

/// Returns identities with the names of their providers.
pub fn with_names(app: &App, identities: Vec<Listed>) -> Vec<responses::Identity> {
    let with_name = |identity: Listed| {
        let name = name(app, &identity.provider).to_owned();
        responses::Identity::new(identity, &name)
    };
    identities.into_iter().map(with_name).collect()
}

/// Returns which other ways to sign in count, besides what the account has.
pub fn other_ways(app: &App) -> OtherWays<'_> {
    let settings = app.settings();
    let providers = settings.identity_providers.all().map(|provider| provider.id.as_str()).collect();
    OtherWays { providers, email_sign_in: settings.email_sign_in }
}

/// Begins a visit.
///
/// # Errors
/// 503 `provider_unavailable` if the endpoints of the provider cannot be found; 500 without randomness.
pub async fn begin(
    app: &App,
    provider: &IdentityProvider,
    purpose: ProviderPurpose,
    return_to: Option<String>,
) -> Result<ProviderVisitBegun, Error> {
    let id = random::id()?;
    let attempt = Attempt {
        state: id.clone(),
        nonce: random::token()?,
        verifier: random::token()?,
        redirect_uri: format!("{}/api/auth/callback/{}", app.settings().own_origin.as_str(), provider.id),
    };
    let url = oauth_client::authorization_url(app, provider, &attempt).await?;
    let expires_at = app.now + PROVIDER_LIFETIME;
    let visit = ProviderVisit { provider: provider.id.clone(), began_at: app.now, attempt, purpose, return_to };
    let token = one_time::seal_as(app, &id, expires_at, &visit)?;
    Ok(ProviderVisitBegun { url, token, id, expires_at })
}

/// A user who came back, and what the provider says of them.
pub struct Arrived {
    /// The token, which is not used up yet.
    pub visit: Opened<ProviderVisit>,
    /// The identity.
    pub identity: Identity,
}

impl Arrived {
    /// Returns the identity as a new row.
    ///
    /// # Errors
    /// 500 without randomness.
    pub fn row(&self) -> Result<identities::New, Error> {
        let Identity { issuer, subject, email, .. } = &self.identity;
        Ok(identities::New {
            id: random::id()?,
            issuer: issuer.clone(),
            subject: subject.clone(),
            provider: self.visit.content.provider.clone(),
            email: email.as_ref().map(|email| email.as_str().to_owned()),
        })
    }
}

/// Checks the token and asks the provider who the user is. `is_for` tells whether the visit had the right purpose.
///
/// # Errors
/// 404 if the settings do not have the provider; 401 `provider_refused` if the token is wrong, expired or for something else, or the
/// provider refuses the code; 503 `provider_unavailable`.
pub async fn arrive(
    app: &App,
    name: &str,
    arrival: ProviderCallback,
    is_for: impl Fn(&ProviderPurpose) -> bool,
) -> Result<Arrived, Error> {
    let provider = provider(app, name)?;
    let visit = one_time::open::<ProviderVisit>(app, &arrival.token)
        .filter(|visit| visit.content.provider == provider.id && visit.id == arrival.state)
        .filter(|visit| is_for(&visit.content.purpose))
        .ok_or(Error::ProviderRefused)?;
    let ProviderCallback { code, iss, user, .. } = arrival;
    let identity = oauth_client::identify(app, provider, &visit.content.attempt, &Callback { code, iss, user }).await?;
    Ok(Arrived { visit, identity })
}
