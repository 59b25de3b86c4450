//! Resend: <https://resend.com/docs/api-reference/emails/send-email>.

use base64ct::{Base64, Encoding};
use http::HeaderName;
use serde::Deserialize;
use serde_json::json;

use super::{AUTO_SUBMITTED, Reason, Refusal, USER_AGENT, is_plain};
use crate::{
    crypto::{constant_time, keyed_hash::hmac_sha256},
    domain::{Timestamp, email::Sender, email_problem},
    mail::{Message, webhook::Report},
    ports::{HttpRequest, HttpResponse},
    settings::{ApiKey, WebhookKey},
    web::Headers,
};

/// Returns the request that sends a mail.
///
/// `from` must be at a domain that Resend has verified. `idempotency_key` has 1 to 256 characters; Resend keeps it for 24 hours
/// (<https://resend.com/docs/dashboard/emails/idempotency-keys>).
pub fn request(api_key: &ApiKey, from: &Sender, message: &Message, idempotency_key: &str) -> HttpRequest {
    let Message { to, subject, text, html, .. } = message;
    HttpRequest {
        url: "https://api.resend.com/emails".into(),
        headers: vec![
            ("Authorization", format!("Bearer {}", api_key.0)),
            ("Content-Type", "application/json".to_owned()),
            ("Idempotency-Key", idempotency_key.to_owned()),
            // Without one, Resend returns 403 and "error code: 1010".
            ("User-Agent", USER_AGENT.to_owned()),
        ],
        body: json!({
            "from": from.to_string(),
            "to": [to.as_str()],
            "subject": subject,
            "text": text,
            "html": html,
            "headers": { AUTO_SUBMITTED.0: AUTO_SUBMITTED.1 },
        })
        .to_string(),
    }
}

/// Reads Resend's response. Any 2xx is success; the `id` in its body is not used.
///
/// # Errors
/// A [`Refusal`]. 429, 5xx and a request in progress with the same key are temporary. A 400 or 422 with a message about the field
/// `to` is about the recipient. Every other 4xx needs an operator (<https://resend.com/docs/api-reference/errors>).
pub fn outcome(answer: &HttpResponse) -> Result<(), Refusal> {
    /// The name distinguishes errors with the same status. The message is only searched, because it may quote the address.
    #[derive(Deserialize)]
    struct Problem {
        name: String,
        #[serde(default)]
        message: String,
    }

    if (200..300).contains(&answer.status) {
        return Ok(());
    }
    let problem: Option<Problem> = serde_json::from_str(&answer.body).ok();
    let names_recipient = problem.as_ref().is_some_and(|problem| problem.message.contains("`to`"));
    let name = problem.map(|problem| problem.name).filter(|name| is_plain(name));
    let name = name.as_deref().unwrap_or("without an error that can be read");
    let kind = match answer.status {
        429 | 500.. => Reason::Temporary,
        _ if name == "concurrent_idempotent_requests" => Reason::Temporary,
        400 | 422 if names_recipient => Reason::Recipient,
        _ => Reason::Configuration,
    };
    Err(Refusal { provider: "resend", kind, reason: format!("{} {name}", answer.status) })
}

/// Returns whether a webhook call is from Resend, which uses Svix: <https://docs.svix.com/receiving/verifying-payloads/how-manual>.
pub fn is_authentic(key: &WebhookKey, headers: &dyn Headers, body: &str, now: Timestamp) -> bool {
    let header = |name| headers.get(&HeaderName::from_static(name)).unwrap_or_default();
    let (id, timestamp, signatures) = (header("svix-id"), header("svix-timestamp"), header("svix-signature"));
    let expected = Base64::encode_string(&hmac_sha256(&key.0, &[&id, ".", &timestamp, ".", body]));
    // During a rotation of the secret there is a signature of each.
    let signatures = signatures.split(' ').filter_map(|signature| signature.strip_prefix("v1,"));
    let is_signed = constant_time::find(signatures.map(|signature| (signature, ())), &expected).is_some();
    is_signed && email_problem::is_recent(&timestamp, now)
}

/// Returns the addresses that a webhook call reports: <https://resend.com/docs/webhooks/event-types>. Only bounces of the type
/// `Permanent` count. `None` if it cannot be read.
pub fn reports(body: &str) -> Option<Vec<Report>> {
    #[derive(Deserialize)]
    struct Event {
        #[serde(rename = "type")]
        kind: String,
        #[serde(default)]
        data: Data,
    }
    #[derive(Deserialize, Default)]
    struct Data {
        #[serde(default)]
        to: Vec<String>,
        bounce: Option<Bounce>,
    }
    #[derive(Deserialize)]
    struct Bounce {
        #[serde(rename = "type")]
        kind: String,
    }

    let Event { kind, data } = serde_json::from_str(body).ok()?;
    let reason = match kind.as_str() {
        "email.bounced" if data.bounce.is_some_and(|bounce| bounce.kind == "Permanent") => {
            email_problem::Reason::Bounce
        }
        "email.complained" => email_problem::Reason::Complaint,
        _ => return Some(Vec::new()),
    };
    Some(data.to.into_iter().map(|address| Report::new(address, reason)).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{
        super::tests::{from, header, message},
        *,
    };

    fn answered(status: u16, body: &str) -> Result<(), Refusal> {
        outcome(&HttpResponse { status, body: body.to_owned() })
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
                "headers": { "Auto-Submitted": "auto-generated" },
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
            assert_eq!(refusal.kind, Reason::Temporary);
            assert_eq!(refusal.to_string(), format!("resend refused it for now: {status} {name}"));
        }
    }

    #[test]
    fn an_operator_has_to_act_when_the_request_is_wrong() {
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
            assert_eq!(refusal.kind, Reason::Configuration);
            assert_eq!(refusal.to_string(), format!("resend refused it: {status} {name}"));
        }
    }

    #[test]
    fn a_message_about_the_field_to_is_about_the_recipient() {
        let body = r#"{"statusCode":422,"name":"validation_error","message":"Invalid `to` field. The email address…"}"#;
        assert_eq!(answered(422, body).unwrap_err().to_string(), "resend refused the recipient: 422 validation_error");
        let body = r#"{"statusCode":422,"name":"validation_error","message":"Invalid `from` field."}"#;
        assert_eq!(answered(422, body).unwrap_err().kind, Reason::Configuration);
        // A test account can only mail its owner: other settings help.
        let body = r#"{"statusCode":403,"name":"validation_error","message":"… change the `to` field …"}"#;
        assert_eq!(answered(403, body).unwrap_err().kind, Reason::Configuration);
    }

    #[test]
    fn an_answer_in_no_documented_shape_is_a_refusal_that_quotes_nothing() {
        for (status, body, kind) in [
            (403, "error code: 1010", Reason::Configuration),
            (302, "", Reason::Configuration),
            (502, "<html>Bad gateway</html>", Reason::Temporary),
            (422, r#"{"name":"ada@example.com is no address"}"#, Reason::Configuration),
            (422, r#"{"name":7}"#, Reason::Configuration),
        ] {
            let refusal = answered(status, body).unwrap_err();
            assert_eq!(refusal.reason, format!("{status} without an error that can be read"));
            assert_eq!(refusal.kind, kind);
        }
    }
}
