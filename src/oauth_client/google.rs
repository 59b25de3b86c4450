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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The example in "OpenID Connect", section "Obtain user information from the ID token".
    fn claims() -> Value {
        json!({
            "iss": "https://accounts.google.com", "azp": "1234987819200.apps.googleusercontent.com",
            "aud": "1234987819200.apps.googleusercontent.com", "sub": "10769150350006150715113082367",
            "at_hash": "HK6E_P6Dh8Y93mRNtsDB1Q", "hd": "example.com", "email": "jsmith@example.com", "email_verified": true,
            "iat": 1353601026, "exp": 1353604926, "nonce": "0394852-3190485-2490358",
        })
    }

    #[test]
    fn an_email_is_verified_if_google_owns_the_address() {
        for (email, hd, verified, expected) in [
            ("jsmith@example.com", Some("example.com"), true, true),
            ("jsmith@gmail.com", None, true, true),
            ("jsmith@GMAIL.com", None, true, true),
            ("jsmith@googlemail.com", None, true, true),
            // A Google account with an address of someone else's mail service.
            ("jsmith@example.com", None, true, false),
            ("jsmith@gmail.com.example", None, true, false),
            ("jsmith@example.com", Some(""), true, false),
            ("jsmith@example.com", Some("example.com"), false, false),
            ("jsmith@gmail.com", None, false, false),
        ] {
            let mut claims = claims();
            (claims["email"], claims["hd"], claims["email_verified"]) = (json!(email), json!(hd), json!(verified));
            let said = identity(&claims).unwrap();
            assert_eq!(said.email_is_verified, expected, "{email} {hd:?} {verified}");
            assert_eq!((said.issuer.as_str(), said.subject.as_str()), (ISSUER, "10769150350006150715113082367"));
        }
    }

    #[test]
    fn both_spellings_of_the_issuer_are_one() {
        for (iss, is_known) in [("accounts.google.com", true), ("http://accounts.google.com", false), ("", false)] {
            let mut claims = claims();
            claims["iss"] = json!(iss);
            assert_eq!(identity(&claims).is_ok_and(|said| said.issuer == ISSUER), is_known, "{iss}");
        }
    }
}
