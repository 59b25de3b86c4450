//! SendGrid: <https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send>.

use base64ct::{Base64, Encoding};
use http::HeaderName;
use serde::Deserialize;
use serde_json::json;

use super::{AUTO_SUBMITTED, Reason, Refusal, USER_AGENT, is_plain};
use crate::{
    crypto::ecdsa,
    domain::{Timestamp, email::Sender, email_problem},
    mail::{Message, webhook::Report},
    ports::{HttpRequest, HttpResponse},
    settings::ApiKey,
    web::Headers,
};

/// Returns the request that sends a mail, through the global host. A subuser of the EU region would need another.
///
/// `from` must be an identity that SendGrid has verified. There is no idempotency key: a retry after a lost response is a second
/// mail.
pub fn request(api_key: &ApiKey, from: &Sender, message: &Message) -> HttpRequest {
    let Message { to, subject, text, html, .. } = message;
    let address = from.address.as_str();
    let from = match &from.name {
        Some(name) => json!({ "email": address, "name": name }),
        None => json!({ "email": address }),
    };
    HttpRequest {
        url: "https://api.sendgrid.com/v3/mail/send".into(),
        headers: vec![
            ("Authorization", format!("Bearer {}", api_key.0)),
            ("Content-Type", "application/json".to_owned()),
            // Without one, SendGrid may return 406.
            ("Accept", "application/json".to_owned()),
            ("User-Agent", USER_AGENT.to_owned()),
        ],
        body: json!({
            "personalizations": [{ "to": [{ "email": to.as_str() }] }],
            "from": from,
            "subject": subject,
            // Plain text must come first.
            "content": [{ "type": "text/plain", "value": text }, { "type": "text/html", "value": html }],
            "headers": { AUTO_SUBMITTED.0: AUTO_SUBMITTED.1 },
            "tracking_settings": {
                "click_tracking": { "enable": false, "enable_text": false },
                "open_tracking": { "enable": false },
            },
        })
        .to_string(),
    }
}

/// Reads SendGrid's response. Any 2xx is success; it is 202 without a body.
///
/// # Errors
/// A [`Refusal`] with the first invalid field. 429 and 5xx are temporary. A 400 for the field `personalizations.0.to` is about the
/// recipient. Everything else needs an operator: a 403 mostly means the key or the sender
/// (<https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/errors>).
pub fn outcome(answer: &HttpResponse) -> Result<(), Refusal> {
    #[derive(Deserialize)]
    struct Problems {
        errors: Vec<Problem>,
    }

    /// The message, which may quote the address.
    #[derive(Deserialize)]
    struct Problem {
        field: Option<String>,
    }

    if (200..300).contains(&answer.status) {
        return Ok(());
    }
    let problems: Option<Problems> = serde_json::from_str(&answer.body).ok();
    let field = problems.as_ref().and_then(|problems| problems.errors.first()?.field.as_deref());
    let names_recipient = field.is_some_and(|field| field.starts_with("personalizations.0.to"));
    let error = match problems.and_then(|problems| problems.errors.into_iter().next()) {
        Some(Problem { field: Some(field) }) if is_path(&field) => format!("because of {field}"),
        Some(_) => "without a field".to_owned(),
        None => "without an error that can be read".to_owned(),
    };
    let kind = match answer.status {
        429 | 500.. => Reason::Temporary,
        400 if names_recipient => Reason::Recipient,
        _ => Reason::Configuration,
    };
    Err(Refusal { provider: "sendgrid", kind, reason: format!("{} {error}", answer.status) })
}

/// Returns whether this is the path of a field, such as `personalizations.0.to.0.email`.
fn is_path(field: &str) -> bool {
    let is_place = |part: &str| (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    field.len() <= 64 && field.split('.').all(|part| is_plain(part) || is_place(part))
}

/// Returns what SendGrid has signed of a webhook call, with the signature for WebCrypto:
/// <https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features>. `None` if it is
/// too old, or there is no signature.
pub fn signed(headers: &dyn Headers, body: &str, now: Timestamp) -> Option<(Vec<u8>, [u8; 64])> {
    let header = |name| headers.get(&HeaderName::from_static(name));
    let timestamp = header("x-twilio-email-event-webhook-timestamp")?;
    let signature = header("x-twilio-email-event-webhook-signature")?;
    let signature = ecdsa::raw_from_der(&Base64::decode_vec(&signature).ok()?)?;
    email_problem::is_recent(&timestamp, now).then(|| ([timestamp.as_bytes(), body.as_bytes()].concat(), signature))
}

/// Returns the addresses that a webhook call reports: <https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event>. A bounce
/// of the type `blocked` is temporary. `None` if it cannot be read.
pub fn reports(body: &str) -> Option<Vec<Report>> {
    #[derive(Deserialize)]
    struct Event {
        event: String,
        #[serde(default, rename = "type")]
        kind: String,
        #[serde(default)]
        reason: String,
        #[serde(default)]
        email: String,
    }

    let events: Vec<Event> = serde_json::from_str(body).ok()?;
    let report = |Event { event, kind, reason, email }| {
        let reason = match (event.as_str(), kind.as_str(), reason.as_str()) {
            ("bounce", "bounce", _) | ("dropped", _, "Bounced Address") => email_problem::Reason::Bounce,
            ("spamreport", _, _) | ("dropped", _, "Spam Reporting Address") => email_problem::Reason::Complaint,
            _ => return None,
        };
        Some(Report::new(email, reason))
    };
    Some(events.into_iter().filter_map(report).collect())
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

    #[test]
    fn a_mail_is_one_post_with_the_documented_headers_and_members() {
        let request = request(&ApiKey("SG.123".to_owned()), &from(), &message());
        assert_eq!(request.url, "https://api.sendgrid.com/v3/mail/send");
        assert_eq!(header(&request, "Authorization"), Some("Bearer SG.123"));
        assert_eq!(header(&request, "Content-Type"), Some("application/json"));
        assert_eq!(header(&request, "Accept"), Some("application/json"));
        assert_eq!(
            serde_json::from_str::<Value>(&request.body).unwrap(),
            json!({
                "personalizations": [{ "to": [{ "email": "ada@example.com" }] }],
                "from": { "email": "noreply@app.example", "name": "Postern" },
                "subject": "Hello \"Ada\"",
                "content": [
                    { "type": "text/plain", "value": "One\nTwo" },
                    { "type": "text/html", "value": "<p>One</p>" },
                ],
                "headers": { "Auto-Submitted": "auto-generated" },
                "tracking_settings": {
                    "click_tracking": { "enable": false, "enable_text": false },
                    "open_tracking": { "enable": false },
                },
            })
        );
    }

    #[test]
    fn a_sender_without_a_name_is_an_address_alone() {
        let from = Sender::parse("noreply@app.example").unwrap();
        let request = request(&ApiKey("SG.123".to_owned()), &from, &message());
        let body: Value = serde_json::from_str(&request.body).unwrap();
        assert_eq!(body["from"], json!({ "email": "noreply@app.example" }));
    }

    #[test]
    fn a_mail_that_was_taken_is_sent() {
        assert_eq!(answered(202, ""), Ok(()));
    }

    #[test]
    fn an_error_is_told_by_its_field_and_never_by_its_message() {
        for (status, field, reason) in [
            (400, r#""personalizations.0.to.0.email""#, "400 because of personalizations.0.to.0.email"),
            (401, "null", "401 without a field"),
            (403, r#""from""#, "403 because of from"),
            (413, "null", "413 without a field"),
            (429, "null", "429 without a field"),
            (500, "null", "500 without a field"),
            (400, r#""ada@example.com""#, "400 without a field"),
            (400, r#""""#, "400 without a field"),
        ] {
            let body = format!(
                r#"{{"errors":[{{"message":"ada@example.com","field":{field},"help":null}},{{"message":"…"}}]}}"#
            );
            let refusal = answered(status, &body).unwrap_err();
            let kind = match (status, field) {
                (429 | 500, _) => Reason::Temporary,
                (400, r#""personalizations.0.to.0.email""#) => Reason::Recipient,
                _ => Reason::Configuration,
            };
            assert_eq!((refusal.reason.as_str(), refusal.kind), (reason, kind));
        }
    }

    #[test]
    fn an_answer_in_no_documented_shape_is_a_refusal_that_quotes_nothing() {
        for (status, body, kind) in [
            (302, "", Reason::Configuration),
            (400, r#"{"errors":[]}"#, Reason::Configuration),
            (400, r#"{"errors":"ada@example.com"}"#, Reason::Configuration),
            (503, "<html>ada@example.com</html>", Reason::Temporary),
        ] {
            let refusal = answered(status, body).unwrap_err();
            assert_eq!(refusal.reason, format!("{status} without an error that can be read"));
            assert_eq!(refusal.kind, kind);
        }
    }
}
