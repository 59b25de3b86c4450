//! Any OpenID Provider, by its discovery document (OpenID Connect Discovery 1.0).

use serde_json::Value;

use super::{Authentication, Endpoints, Said, owned, text};

/// Returns the URL of the discovery document (section 4).
pub(super) fn discovery_url(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
}

/// Returns the endpoints in a discovery document (section 3).
pub(super) fn endpoints(
    document: &Value,
    issuer: &str,
    scopes: &str,
    is_local: bool,
) -> Result<Endpoints, &'static str> {
    // Section 4.3: otherwise one provider could pass for another.
    if text(document, "issuer") != issuer {
        return Err("its discovery document names another issuer than the settings");
    }
    let url = |name: &str| owned(document, name).filter(|url| is_endpoint(url, is_local));
    let missing = "its discovery document lacks an endpoint, or has one without https";
    let methods: Option<Vec<&str>> = document
        .get("token_endpoint_auth_methods_supported")
        .and_then(Value::as_array)
        .map(|methods| methods.iter().filter_map(Value::as_str).collect());
    let supports =
        |method: &str| methods.as_ref().map_or(method == "client_secret_basic", |known| known.contains(&method));
    let basic = supports("client_secret_basic") || !supports("client_secret_post") && !supports("none");
    Ok(Endpoints {
        authorization: url("authorization_endpoint").ok_or(missing)?,
        token: url("token_endpoint").ok_or(missing)?,
        authentication: if basic { Authentication::Basic } else { Authentication::Post },
        keys: Some(url("jwks_uri").ok_or(missing)?),
        userinfo: url("userinfo_endpoint"),
        issuer: Some(issuer.to_owned()),
        sends_issuer: document["authorization_response_iss_parameter_supported"] == true,
        parameters: vec![("scope", scopes.to_owned())],
    })
}

fn is_endpoint(url: &str, is_local: bool) -> bool {
    let is_loopback = || {
        let authority = url.strip_prefix("http://").and_then(|rest| rest.split('/').next());
        authority.is_some_and(|authority| {
            ["localhost", "127.0.0.1"].contains(&authority.split(':').next().unwrap_or_default())
        })
    };
    let is_plain = url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#' && byte != b'\\');
    is_plain && (url.starts_with("https://") || is_local && is_loopback())
}

pub(super) fn identity(claims: &Value, issuer: &str, trusts_emails: bool) -> Result<Said, &'static str> {
    if text(claims, "iss") != issuer {
        return Err("the issuer is another one");
    }
    Ok(Said {
        issuer: issuer.to_owned(),
        subject: text(claims, "sub").to_owned(),
        email: owned(claims, "email"),
        email_is_verified: trusts_emails && claims["email_verified"] == true,
        name: owned(claims, "name"),
    })
}
