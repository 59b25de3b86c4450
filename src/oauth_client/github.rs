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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The examples of "Get the authenticated user" and "List email addresses for the authenticated user".
    fn user() -> Value {
        json!({ "login": "octocat", "id": 1, "node_id": "MDQ6VXNlcjE=", "type": "User", "name": "monalisa octocat", "email": "octocat@github.com" })
    }

    #[test]
    fn only_the_primary_email_counts() {
        let emails = json!([
            { "email": "old@github.com", "verified": true, "primary": false, "visibility": null },
            { "email": "octocat@github.com", "verified": true, "primary": true, "visibility": "public" },
        ]);
        let said = identity(&user(), &emails);
        assert_eq!(
            (said.subject.as_str(), said.email.as_deref(), said.email_is_verified),
            ("1", Some("octocat@github.com"), true)
        );
        for (emails, email) in [
            (json!([{ "email": "a@github.com", "verified": false, "primary": true }]), Some("a@github.com")),
            (json!([{ "email": "a@github.com", "verified": "true", "primary": true }]), Some("a@github.com")),
            (json!([{ "email": "a@github.com", "verified": true, "primary": false }]), None),
            (json!([]), None),
            (json!({ "message": "Not Found" }), None),
        ] {
            let said = identity(&user(), &emails);
            assert_eq!((said.email.as_deref(), said.email_is_verified), (email, false), "{emails}");
        }
    }

    #[test]
    fn a_user_without_a_number_has_no_subject() {
        for id in [json!("1"), json!(-1), json!(1.5), Value::Null] {
            let mut user = user();
            user["id"] = id.clone();
            assert_eq!(identity(&user, &json!([])).subject, "", "{id}");
        }
    }
}
