//! The client of identity providers (OAuth 2.0, RFC 6749; OpenID Connect Core 1.0).
//!
//! Each provider is one file with two pure functions: where its endpoints are and what to ask for, and who the user is according to its
//! answers. To add one, add a file, a [`ProviderKind`] with its settings, and a row in each `match` below. The tokens of a provider are
//! used once, here, and kept nowhere.

mod apple;
mod fetch;
mod github;
mod google;
mod id_token;
mod microsoft;
mod open_id;

use base64ct::{Base64, Encoding};
use form_urlencoded::Serializer;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    app::App,
    crypto::sha256,
    domain::{email::Email, identity::Identity, name::Name},
    error::Error,
    settings::{IdentityProvider, ProviderKind},
};

/// The secrets of one visit to a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// `state` (RFC 6749, section 4.1.1).
    pub state: String,
    /// `nonce` (OpenID Connect Core 1.0, section 3.1.2.1).
    pub nonce: String,
    /// The code verifier of PKCE (RFC 7636, section 4.1): 43 characters.
    pub verifier: String,
    /// The redirect URI.
    pub redirect_uri: String,
}

/// What the provider has sent with the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callback {
    /// The authorization code.
    pub code: String,
    /// The issuer (RFC 9207), if it was sent.
    pub iss: Option<String>,
    /// Apple's JSON with the name, if it was sent.
    pub user: Option<String>,
}

/// Where a provider is, and how it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Endpoints {
    /// The authorization endpoint.
    authorization: String,
    /// The token endpoint.
    token: String,
    /// How this service authenticates there.
    authentication: Authentication,
    /// The URL of the public keys. `None` if the provider has no ID tokens.
    keys: Option<String>,
    /// The userinfo endpoint, if it is needed.
    userinfo: Option<String>,
    /// The `iss` of a response (RFC 9207), if it is known.
    issuer: Option<String>,
    /// Whether every response has an `iss`.
    sends_issuer: bool,
    /// Parameters of the request besides those that every provider gets.
    parameters: Vec<(&'static str, String)>,
}

/// How this service authenticates at a token endpoint (OpenID Connect Core 1.0, section 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Authentication {
    /// `client_secret_basic`.
    Basic,
    /// `client_secret_post`.
    Post,
}

impl Endpoints {
    /// Returns those of a provider that has ID tokens.
    fn open_id(authorization: &str, token: &str, keys: &str, scope: &str) -> Endpoints {
        Endpoints {
            authorization: authorization.to_owned(),
            token: token.to_owned(),
            authentication: Authentication::Post,
            keys: Some(keys.to_owned()),
            userinfo: None,
            issuer: None,
            sends_issuer: false,
            parameters: vec![("scope", scope.to_owned())],
        }
    }
}

/// What a provider says of a user, before it is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    issuer: String,
    subject: String,
    email: Option<String>,
    email_is_verified: bool,
    name: Option<String>,
}

async fn endpoints(app: &App, provider: &IdentityProvider) -> Result<Endpoints, Error> {
    Ok(match &provider.kind {
        ProviderKind::Google => google::endpoints(),
        ProviderKind::GitHub => github::endpoints(),
        ProviderKind::Apple { .. } => apple::endpoints(),
        ProviderKind::Microsoft { tenant } => microsoft::endpoints(tenant),
        ProviderKind::OpenId { issuer, scopes, .. } => {
            let read = |document: &Value| open_id::endpoints(document, issuer, scopes, app.settings().is_local);
            let url = open_id::discovery_url(issuer);
            let document =
                fetch::document(app, provider, &url, fetch::HOUR, |document| read(document).map(drop)).await?;
            read(&document).map_err(|why| unavailable(provider, why))?
        }
    })
}

/// Returns the URL where the user signs in at the provider (RFC 6749, section 4.1.1), with PKCE and the method S256.
///
/// # Errors
/// 503 `provider_unavailable` if the discovery document cannot be fetched or is wrong.
pub async fn authorization_url(app: &App, provider: &IdentityProvider, attempt: &Attempt) -> Result<String, Error> {
    let endpoints = endpoints(app, provider).await?;
    let mut query = Serializer::new(String::new());
    query
        .append_pair("response_type", "code")
        .append_pair("client_id", &provider.client_id)
        .append_pair("redirect_uri", &attempt.redirect_uri)
        .append_pair("state", &attempt.state)
        .append_pair("code_challenge", &sha256::base64url(attempt.verifier.as_bytes()))
        .append_pair("code_challenge_method", "S256");
    if endpoints.keys.is_some() {
        query.append_pair("nonce", &attempt.nonce);
    }
    query.extend_pairs(endpoints.parameters);
    let separator = if endpoints.authorization.contains('?') { '&' } else { '?' };
    Ok(format!("{}{separator}{}", endpoints.authorization, query.finish()))
}

/// Exchanges the code and returns who the user is.
///
/// # Errors
/// 401 `provider_refused` if the provider refuses the code, or the response cannot be trusted; 503 `provider_unavailable` if the
/// provider cannot be reached, is slow, answers nonsense, or refuses this service.
pub async fn identify(
    app: &App,
    provider: &IdentityProvider,
    attempt: &Attempt,
    callback: &Callback,
) -> Result<Identity, Error> {
    let endpoints = endpoints(app, provider).await?;
    // Otherwise the code of one provider could be sent to another one (RFC 9207, section 2.4).
    let is_right = match (&callback.iss, &endpoints.issuer) {
        (Some(sent), Some(known)) => sent == known,
        (None, _) => !endpoints.sends_issuer,
        (Some(_), None) => true,
    };
    if !is_right {
        return Err(refused(app, provider, "the issuer of the response is another one"));
    }
    let tokens = exchange(app, provider, &endpoints, attempt, callback).await?;
    let said = match &endpoints.keys {
        None => github::ask(app, provider, &tokens).await?,
        Some(keys) => {
            let claims = id_token::verified(app, provider, keys, text(&tokens, "id_token"), attempt).await?;
            let claims = with_userinfo(app, provider, &endpoints, &tokens, claims).await?;
            let said = match &provider.kind {
                ProviderKind::Google => google::identity(&claims),
                ProviderKind::Apple { .. } => apple::identity(&claims, callback.user.as_deref()),
                ProviderKind::Microsoft { .. } => microsoft::identity(&claims),
                ProviderKind::OpenId { issuer, trusts_emails, .. } => {
                    open_id::identity(&claims, issuer, *trusts_emails)
                }
                ProviderKind::GitHub => Err("GitHub has no ID tokens"),
            };
            said.map_err(|why| refused(app, provider, why))?
        }
    };
    identity(said).ok_or_else(|| refused(app, provider, "the subject is missing or malformed"))
}

/// Sends the code to the token endpoint (RFC 6749, section 4.1.3).
async fn exchange(
    app: &App,
    provider: &IdentityProvider,
    endpoints: &Endpoints,
    attempt: &Attempt,
    callback: &Callback,
) -> Result<Value, Error> {
    let secret = match &provider.kind {
        ProviderKind::Apple { team_id, key_id, private_key } => {
            Some(apple::client_secret(app, &provider.client_id, team_id, key_id, &private_key.0).await?)
        }
        _ => provider.client_secret.as_ref().map(|secret| secret.0.clone()),
    };
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code")
        .append_pair("code", &callback.code)
        .append_pair("redirect_uri", &attempt.redirect_uri)
        .append_pair("code_verifier", &attempt.verifier);
    let mut headers = vec![("Content-Type", "application/x-www-form-urlencoded".to_owned())];
    match (endpoints.authentication, secret) {
        (Authentication::Basic, Some(secret)) => {
            headers.push(("Authorization", basic(&provider.client_id, &secret)));
        }
        (_, secret) => {
            form.append_pair("client_id", &provider.client_id);
            if let Some(secret) = secret {
                form.append_pair("client_secret", &secret);
            }
        }
    }
    let (status, body) = fetch::post(app, provider, &endpoints.token, headers, form.finish()).await?;
    // GitHub answers errors with 200.
    match (text(&body, "error"), status) {
        ("", 200) => Ok(body),
        ("invalid_grant" | "bad_verification_code", _) => Err(refused(app, provider, "the code was refused")),
        ("", status) => Err(unavailable(provider, &format!("the token endpoint responds with {status}"))),
        (code, _) => Err(unavailable(
            provider,
            &format!(
                "the token endpoint refuses this service: {}. Check {} and the redirect URI",
                plain(code),
                settings_of(provider)
            ),
        )),
    }
}

/// Returns the header for `client_secret_basic` (RFC 6749, section 2.3.1).
fn basic(id: &str, secret: &str) -> String {
    let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    format!("Basic {}", Base64::encode_string(format!("{}:{}", encoded(id), encoded(secret)).as_bytes()))
}

/// Asks the userinfo endpoint for an email that is not in the ID token (OpenID Connect Core 1.0, section 5.3).
async fn with_userinfo(
    app: &App,
    provider: &IdentityProvider,
    endpoints: &Endpoints,
    tokens: &Value,
    mut claims: Value,
) -> Result<Value, Error> {
    let (Some(url), true) = (&endpoints.userinfo, text(&claims, "email").is_empty()) else { return Ok(claims) };
    let userinfo = fetch::get(app, provider, url, text(tokens, "access_token")).await?;
    // Section 5.3.2: it may be that of someone else.
    if text(&userinfo, "sub") != text(&claims, "sub") {
        return Err(refused(app, provider, "the userinfo is of another user"));
    }
    if let Some(claims) = claims.as_object_mut() {
        // That of the ID token is about another email, or about none.
        claims.remove("email_verified");
        for name in ["email", "email_verified", "name"] {
            if let Some(value) = userinfo.get(name) {
                claims.insert(name.to_owned(), value.clone());
            }
        }
    }
    Ok(claims)
}

/// Checks what a provider says. What is no valid email or name here counts as missing.
fn identity(said: Said) -> Option<Identity> {
    let Said { issuer, subject, email, email_is_verified, name } = said;
    // OpenID Connect Core 1.0, section 2.
    let is_subject = (1..=255).contains(&subject.len()) && subject.bytes().all(|byte| byte.is_ascii_graphic());
    let email = email.and_then(|email| Email::parse(&email).ok());
    let name = name.and_then(|name| Name::parse(&name).ok()).map(|name| name.as_str().to_owned());
    let email_is_verified = email_is_verified && email.is_some();
    is_subject.then_some(Identity { issuer, subject, email, email_is_verified, name })
}

/// Returns a member that is a text, or an empty text.
fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn owned(object: &Value, name: &str) -> Option<String> {
    Some(text(object, name)).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Returns the code of an error for the log, unless it is something else.
fn plain(code: &str) -> &str {
    let is_code = code.len() <= 40 && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_code { code } else { "unknown error" }
}

/// Returns the settings that a token endpoint checks.
fn settings_of(provider: &IdentityProvider) -> String {
    let name = provider.id.to_ascii_uppercase();
    match provider.kind {
        ProviderKind::Apple { .. } => "APPLE_CLIENT_ID, APPLE_TEAM_ID, APPLE_KEY_ID, APPLE_PRIVATE_KEY".to_owned(),
        ProviderKind::OpenId { .. } => format!("OIDC_{name}_CLIENT_ID, OIDC_{name}_CLIENT_SECRET"),
        _ => format!("{name}_CLIENT_ID, {name}_CLIENT_SECRET"),
    }
}

fn unavailable(provider: &IdentityProvider, why: &str) -> Error {
    Error::ProviderUnavailable(format!("the provider {}: {why}", provider.id))
}

/// Refuses a sign-in and writes the reason to the log.
fn refused(app: &App, provider: &IdentityProvider, why: &str) -> Error {
    (app.log)(&format!("request {}: the provider {} was not trusted: {why}", app.request_id, provider.id));
    Error::ProviderRefused
}
