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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The sample of a v2.0 ID token in "ID tokens in the Microsoft identity platform".
    fn claims() -> Value {
        json!({
            "ver": "2.0", "iss": "https://login.microsoftonline.com/9122040d-6c67-4c5b-b112-36a304b66dad/v2.0",
            "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ", "aud": "6cb04018-a3f5-46a7-b995-940c78f5aef3", "exp": 1536361411,
            "iat": 1536274711, "nbf": 1536274711, "name": "Abe Lincoln", "preferred_username": "AbeLi@microsoft.com",
            "oid": "00000000-0000-0000-66f3-3332eca7ea81", "tid": "9122040d-6c67-4c5b-b112-36a304b66dad", "nonce": "123523",
            "email": "ada@example.com",
        })
    }

    #[test]
    fn a_user_is_the_tenant_and_the_object_id() {
        let said = identity(&claims()).unwrap();
        assert_eq!(said.issuer, "https://login.microsoftonline.com/9122040d-6c67-4c5b-b112-36a304b66dad/v2.0");
        assert_eq!(said.subject, "00000000-0000-0000-66f3-3332eca7ea81");
        for (tid, iss) in [
            ("9122040d-6c67-4c5b-b112-36a304b66dad", "https://login.microsoftonline.com/other/v2.0"),
            ("", "https://login.microsoftonline.com//v2.0"),
            ("a/b", "https://login.microsoftonline.com/a/b/v2.0"),
            ("9122040d-6c67-4c5b-b112-36a304b66dad", "https://sts.windows.net/9122040d-6c67-4c5b-b112-36a304b66dad/"),
        ] {
            let mut claims = claims();
            (claims["tid"], claims["iss"]) = (json!(tid), json!(iss));
            assert!(identity(&claims).is_err(), "{iss}");
        }
    }

    #[test]
    fn an_email_is_verified_only_by_the_owner_of_its_domain() {
        for (claim, expected) in [
            (Value::Null, false),
            (json!(false), false),
            (json!(0), false),
            (json!("0"), false),
            (json!("false"), false),
            (json!(true), true),
            (json!(1), true),
            (json!("1"), true),
            (json!("true"), true),
        ] {
            let mut claims = claims();
            // What an admin of a tenant can set for any address.
            claims["email_verified"] = json!(true);
            claims["xms_edov"] = claim.clone();
            assert_eq!(identity(&claims).unwrap().email_is_verified, expected, "{claim}");
        }
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove("xms_edov");
        assert!(!identity(&claims).unwrap().email_is_verified);
    }
}
