//! GitHub, which has no ID tokens: <https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps>.

use serde_json::Value;

use super::{Authentication, Endpoints, Said, fetch, owned, text};
use crate::{app::App, error::Error, settings::IdentityProvider};

const ISSUER: &str = "https://github.com";
const USER: &str = "https://api.github.com/user";
const EMAILS: &str = "https://api.github.com/user/emails";

pub(super) fn endpoints() -> Endpoints {
    Endpoints {
        authorization: "https://github.com/login/oauth/authorize".to_owned(),
        token: "https://github.com/login/oauth/access_token".to_owned(),
        authentication: Authentication::Post,
        keys: None,
        userinfo: None,
        issuer: None,
        sends_issuer: false,
        parameters: vec![("scope", "read:user user:email".to_owned()), ("prompt", "select_account".to_owned())],
    }
}

/// Asks who the user is. The access token came directly from GitHub, in exchange for the code of this visit.
///
/// # Errors
/// 503 `provider_unavailable`.
pub(super) async fn ask(app: &App, provider: &IdentityProvider, tokens: &Value) -> Result<Said, Error> {
    let token = text(tokens, "access_token");
    let user = fetch::get(app, provider, USER, token).await?;
    let emails = fetch::get(app, provider, EMAILS, token).await?;
    Ok(identity(&user, &emails))
}

/// The login name can be given to someone else, so the numeric id is the user. Only the primary email counts.
fn identity(user: &Value, emails: &Value) -> Said {
    let primary = emails.as_array().and_then(|emails| emails.iter().find(|email| email["primary"] == true));
    Said {
        issuer: ISSUER.to_owned(),
        subject: user["id"].as_u64().map(|id| id.to_string()).unwrap_or_default(),
        email: primary.and_then(|email| owned(email, "email")),
        email_is_verified: primary.is_some_and(|email| email["verified"] == true),
        name: owned(user, "name").or_else(|| owned(user, "login")),
    }
}
