//! Apple: <https://developer.apple.com/documentation/signinwithapple>.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Value, json};

use super::{Endpoints, Said, owned, text};
use crate::{app::App, error::Error};

const ISSUER: &str = "https://appleid.apple.com";
/// The lifetime of a client secret, in seconds. Apple accepts up to six months.
const SECRET_LIFETIME: i64 = 300;

pub(super) fn endpoints() -> Endpoints {
    let mut endpoints = Endpoints::open_id(
        "https://appleid.apple.com/auth/authorize",
        "https://appleid.apple.com/auth/token",
        "https://appleid.apple.com/auth/keys",
        "name email",
    );
    endpoints.issuer = Some(ISSUER.to_owned());
    // Apple requires it with these scopes.
    endpoints.parameters.push(("response_mode", "form_post".to_owned()));
    endpoints
}

/// Returns the client secret: a JWT that is signed with the key from Apple.
///
/// # Errors
/// 503 if the key does not work.
pub(super) async fn client_secret(
    app: &App,
    client_id: &str,
    team_id: &str,
    key_id: &str,
    private_key: &[u8],
) -> Result<String, Error> {
    let now = app.now.div_euclid(1_000);
    let header = json!({ "alg": "ES256", "kid": key_id });
    let claims = json!({ "iss": team_id, "iat": now, "exp": now + SECRET_LIFETIME, "aud": ISSUER, "sub": client_id });
    let encoded = |value: Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
    let message = format!("{}.{}", encoded(header), encoded(claims));
    let signature = app.signatures.sign_es256(private_key, message.as_bytes()).await;
    let signature = signature.map_err(|error| {
        Error::ProviderUnavailable(format!("the provider apple: APPLE_PRIVATE_KEY does not work: {}", error.0))
    })?;
    Ok(format!("{message}.{}", Base64UrlUnpadded::encode_string(&signature)))
}

/// Apple verifies every address, and owns those of its private relay. The name comes only with the first sign-in, beside the ID token.
pub(super) fn identity(claims: &Value, user: Option<&str>) -> Result<Said, &'static str> {
    if text(claims, "iss") != ISSUER {
        return Err("the issuer is another one");
    }
    let user: Value = user.and_then(|user| serde_json::from_str(user).ok()).unwrap_or_default();
    let name = user.get("name").unwrap_or(&Value::Null);
    let name = [text(name, "firstName"), text(name, "lastName")].join(" ");
    // A text in older tokens.
    let is_verified = claims["email_verified"] == true || text(claims, "email_verified") == "true";
    Ok(Said {
        issuer: ISSUER.to_owned(),
        subject: text(claims, "sub").to_owned(),
        email: owned(claims, "email"),
        email_is_verified: is_verified,
        name: Some(name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The members in "Authenticating users with Sign in with Apple", section "Retrieve the user's information".
    fn claims() -> Value {
        json!({
            "iss": "https://appleid.apple.com", "aud": "com.mytest.app", "exp": 1637090437, "iat": 1637004037,
            "sub": "001999.6d1a4ee2f5a34b6b9d5c2c3a1b0e9f87.1200", "nonce": "20B20D-0S8-1K8", "email": "abc@privaterelay.appleid.com",
            "email_verified": "true", "is_private_email": "true", "auth_time": 1637004037, "nonce_supported": true,
        })
    }

    #[test]
    fn the_email_is_verified_whether_the_claim_is_a_text_or_a_boolean() {
        for (claim, expected) in [
            (json!("true"), true),
            (json!(true), true),
            (json!("false"), false),
            (json!(false), false),
            (Value::Null, false),
        ] {
            let mut claims = claims();
            claims["email_verified"] = claim.clone();
            let said = identity(&claims, None).unwrap();
            assert_eq!(
                (said.email_is_verified, said.email.as_deref()),
                (expected, Some("abc@privaterelay.appleid.com")),
                "{claim}"
            );
        }
        let mut claims = claims();
        claims["iss"] = json!("https://appleid.apple.com.example");
        assert!(identity(&claims, None).is_err());
    }

    #[test]
    fn the_name_comes_beside_the_token() {
        let user = r#"{"name":{"firstName":"Ada","lastName":"Lovelace"},"email":"someone-else@example.com"}"#;
        for (user, name) in [(Some(user), "Ada Lovelace"), (Some("{"), " "), (Some("[]"), " "), (None, " ")] {
            let said = identity(&claims(), user).unwrap();
            assert_eq!(
                (said.name.as_deref(), said.email.as_deref()),
                (Some(name), Some("abc@privaterelay.appleid.com")),
                "{user:?}"
            );
        }
    }
}
