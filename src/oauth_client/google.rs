//! Google: <https://developers.google.com/identity/openid-connect/openid-connect>.

use serde_json::Value;

use super::{Endpoints, Said, owned, text};

const ISSUER: &str = "https://accounts.google.com";

pub(super) fn endpoints() -> Endpoints {
    let mut endpoints = Endpoints::open_id(
        "https://accounts.google.com/o/oauth2/v2/auth",
        "https://oauth2.googleapis.com/token",
        "https://www.googleapis.com/oauth2/v3/certs",
        "openid email profile",
    );
    endpoints.issuer = Some(ISSUER.to_owned());
    endpoints.parameters.push(("prompt", "select_account".to_owned()));
    endpoints
}

/// Google owns the addresses of Gmail and of the domains that it hosts (`hd`). A Google account with any other address stays verified
/// after the address has got another owner.
pub(super) fn identity(claims: &Value) -> Result<Said, &'static str> {
    if ![ISSUER, "accounts.google.com"].contains(&text(claims, "iss")) {
        return Err("the issuer is another one");
    }
    let email = owned(claims, "email");
    let domain = email.as_deref().and_then(|email| email.rsplit_once('@')).map_or("", |(_, domain)| domain);
    let is_gmail = ["gmail.com", "googlemail.com"].iter().any(|known| domain.eq_ignore_ascii_case(known));
    let owns_it = is_gmail || !text(claims, "hd").is_empty();
    Ok(Said {
        issuer: ISSUER.to_owned(),
        subject: text(claims, "sub").to_owned(),
        email,
        email_is_verified: owns_it && claims["email_verified"] == true,
        name: owned(claims, "name"),
    })
}
