//! Microsoft Entra ID and Microsoft accounts: <https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc>.

use serde_json::Value;

use super::{Endpoints, Said, owned, text};

pub(super) fn endpoints(tenant: &str) -> Endpoints {
    let base = format!("https://login.microsoftonline.com/{tenant}");
    let mut endpoints = Endpoints::open_id(
        &format!("{base}/oauth2/v2.0/authorize"),
        &format!("{base}/oauth2/v2.0/token"),
        &format!("{base}/discovery/v2.0/keys"),
        "openid email profile",
    );
    endpoints.parameters.push(("prompt", "select_account".to_owned()));
    endpoints
}

/// The issuer names the tenant, so a user is the tenant and the object id (`oid`); the endpoint of a tenant issues only its own tokens.
/// The email of a tenant's user is whatever its admin has typed in, except with `xms_edov`: then the tenant owns the domain.
pub(super) fn identity(claims: &Value) -> Result<Said, &'static str> {
    let tenant = text(claims, "tid");
    let is_tenant = !tenant.is_empty() && tenant.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let issuer = format!("https://login.microsoftonline.com/{tenant}/v2.0");
    if !is_tenant || text(claims, "iss") != issuer {
        return Err("the issuer is another one");
    }
    let owns_domain = &claims["xms_edov"];
    let is_verified = owns_domain == true || owns_domain == 1 || owns_domain == "1" || owns_domain == "true";
    Ok(Said {
        issuer,
        subject: text(claims, "oid").to_owned(),
        email: owned(claims, "email"),
        email_is_verified: is_verified,
        name: owned(claims, "name"),
    })
}
