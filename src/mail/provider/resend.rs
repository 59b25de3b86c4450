//! Resend: <https://resend.com/docs/api-reference/emails/send-email>.

use serde::Deserialize;
use serde_json::json;

use super::{Refusal, USER_AGENT, is_plain};
use crate::{
    domain::email::Sender,
    mail::Message,
    ports::{Incoming, Outgoing},
    settings::ApiKey,
};

/// The request that sends one mail.
///
/// `from`: at a domain that Resend has verified. `idempotency_key`: 1 to 256
/// characters; Resend keeps it for 24 hours (<https://resend.com/docs/dashboard/emails/idempotency-keys>).
pub fn request(api_key: &ApiKey, from: &Sender, message: &Message, idempotency_key: &str) -> Outgoing {
    let Message { to, subject, text, html, .. } = message;
    Outgoing {
        url: "https://api.resend.com/emails".into(),
        headers: vec![
            ("Authorization", format!("Bearer {}", api_key.0)),
            ("Content-Type", "application/json".to_owned()),
            ("Idempotency-Key", idempotency_key.to_owned()),
            // Without one, Resend answers 403 and "error code: 1010".
            ("User-Agent", USER_AGENT.to_owned()),
        ],
        body: json!({
            "from": from.to_string(),
            "to": [to.as_str()],
            "subject": subject,
            "text": text,
            "html": html,
        })
        .to_string(),
    }
}

/// What Resend's answer means. Any 2xx is success: the `id` that its body tells is not used.
///
/// # Errors
/// A [`Refusal`]: 429, 5xx and a request under the same key that is still in progress can be tried again; the rest of
/// 4xx cannot (<https://resend.com/docs/api-reference/errors>).
pub fn outcome(answer: &Incoming) -> Result<(), Refusal> {
    /// Where two errors share a status, the name tells them apart. The message may quote the address.
    #[derive(Deserialize)]
    struct Problem {
        name: String,
    }

    if (200..300).contains(&answer.status) {
        return Ok(());
    }
    let name =
        serde_json::from_str(&answer.body).ok().map(|problem: Problem| problem.name).filter(|name| is_plain(name));
    let name = name.as_deref().unwrap_or("without an error that can be read");
    let can_be_retried = matches!(answer.status, 429 | 500..) || name == "concurrent_idempotent_requests";
    Err(Refusal { provider: "resend", can_be_retried, reason: format!("{} {name}", answer.status) })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{
        super::tests::{from, header, message},
        *,
    };

    fn answered(status: u16, body: &str) -> Result<(), Refusal> {
        outcome(&Incoming { status, body: body.to_owned() })
    }

    fn refused(status: u16, name: &str) -> Refusal {
        answered(status, &format!(r#"{{"statusCode":{status},"name":"{name}","message":"ada@example.com"}}"#))
            .unwrap_err()
    }

    #[test]
    fn a_mail_is_one_post_with_the_documented_headers_and_members() {
        let request = request(&ApiKey("re_123".to_owned()), &from(), &message(), "otp/1");
        assert_eq!(request.url, "https://api.resend.com/emails");
        let header = |name| header(&request, name);
        assert_eq!(header("Authorization"), Some("Bearer re_123"));
        assert_eq!(header("Content-Type"), Some("application/json"));
        assert_eq!(header("Idempotency-Key"), Some("otp/1"));
        assert!(header("User-Agent").unwrap().starts_with("postern/"));
        assert_eq!(
            serde_json::from_str::<Value>(&request.body).unwrap(),
            json!({
                "from": "Postern <noreply@app.example>",
                "to": ["ada@example.com"],
                "subject": "Hello \"Ada\"",
                "text": "One\nTwo",
                "html": "<p>One</p>",
            })
        );
    }

    #[test]
    fn a_mail_that_was_taken_is_sent() {
        assert_eq!(answered(200, r#"{"id":"49a3999c-0ce1-4ea6-ab68-afcd6dc2e794"}"#), Ok(()));
    }

    #[test]
    fn trying_again_can_help_when_resend_is_busy_or_broken() {
        for (status, name) in [
            (409, "concurrent_idempotent_requests"),
            (429, "rate_limit_exceeded"),
            (429, "daily_quota_exceeded"),
            (500, "application_error"),
            (500, "internal_server_error"),
            (503, "service_unavailable"),
        ] {
            let refusal = refused(status, name);
            assert!(refusal.can_be_retried, "{refusal}");
            assert_eq!(refusal.to_string(), format!("resend refused it for now: {status} {name}"));
        }
    }

    #[test]
    fn trying_again_cannot_help_when_the_request_is_wrong() {
        for (status, name) in [
            (400, "invalid_idempotency_key"),
            (401, "missing_api_key"),
            (403, "invalid_api_key"),
            (403, "validation_error"),
            (404, "not_found"),
            (409, "invalid_idempotent_request"),
            (422, "missing_required_field"),
        ] {
            let refusal = refused(status, name);
            assert!(!refusal.can_be_retried, "{refusal}");
            assert_eq!(refusal.to_string(), format!("resend refused it for good: {status} {name}"));
        }
    }

    #[test]
    fn an_answer_in_no_documented_shape_is_a_refusal_that_quotes_nothing() {
        for (status, body, can_be_retried) in [
            (403, "error code: 1010", false),
            (302, "", false),
            (502, "<html>Bad gateway</html>", true),
            (422, r#"{"name":"ada@example.com is no address"}"#, false),
            (422, r#"{"name":7}"#, false),
        ] {
            let refusal = answered(status, body).unwrap_err();
            assert_eq!(refusal.reason, format!("{status} without an error that can be read"));
            assert_eq!(refusal.can_be_retried, can_be_retried);
        }
    }
}
