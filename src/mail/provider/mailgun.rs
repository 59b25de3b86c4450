//! Mailgun: <https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages/post-v3--domain-name--messages>.

use base64ct::{Base64, Encoding};
use form_urlencoded::Serializer;
use serde::Deserialize;

use super::{AUTO_SUBMITTED, Reason, Refusal, USER_AGENT};
use crate::{
    crypto::{constant_time, keyed_hash::hmac_sha256},
    domain::{Timestamp, email::Sender, email_problem},
    mail::{Message, webhook::Report},
    ports::{HttpRequest, HttpResponse},
    settings::{ApiKey, MailgunRegion, WebhookKey},
};

/// Returns the request that sends a mail.
///
/// `domain` has letters, digits, hyphens and dots, and Mailgun has verified it in the region. There is no idempotency key: a retry
/// after a lost response is a second mail. The reference shows `multipart/form-data`, which only attachments need
/// (<https://documentation.mailgun.com/en/latest/api-sending.html>).
pub fn request(api_key: &ApiKey, domain: &str, region: MailgunRegion, from: &Sender, message: &Message) -> HttpRequest {
    let Message { to, subject, text, html, .. } = message;
    let host = match region {
        MailgunRegion::Us => "api.mailgun.net",
        MailgunRegion::Eu => "api.eu.mailgun.net",
    };
    let credentials = Base64::encode_string(format!("api:{}", api_key.0).as_bytes());
    HttpRequest {
        url: format!("https://{host}/v3/{domain}/messages").into(),
        headers: vec![
            ("Authorization", format!("Basic {credentials}")),
            ("Content-Type", "application/x-www-form-urlencoded".to_owned()),
            ("User-Agent", USER_AGENT.to_owned()),
        ],
        body: Serializer::new(String::new())
            .append_pair("from", &from.to_string())
            .append_pair("to", to.as_str())
            .append_pair("subject", subject)
            .append_pair("text", text)
            .append_pair("html", html)
            .append_pair("h:Auto-Submitted", AUTO_SUBMITTED.1)
            // Both override the setting of the domain.
            .append_pair("o:tracking-clicks", "no")
            .append_pair("o:tracking-opens", "no")
            .finish(),
    }
}

/// Reads Mailgun's response. Any 2xx is success; the `id` in its body is not used.
///
/// # Errors
/// A [`Refusal`] with only the status, because the error only has a message, which may quote the address. 429 and 5xx are
/// temporary. A 400 with a message about the `to` parameter is about the recipient. Everything else needs an operator. A 404 is an
/// unknown domain, or one of the other region (<https://documentation.mailgun.com/docs/mailgun/quickstart-guide/responses>).
pub fn outcome(answer: &HttpResponse) -> Result<(), Refusal> {
    if (200..300).contains(&answer.status) {
        return Ok(());
    }
    let names_recipient =
        ["'to' parameter is not", "to parameter is not"].iter().any(|part| answer.body.contains(part));
    let kind = match answer.status {
        429 | 500.. => Reason::Temporary,
        400 if names_recipient => Reason::Recipient,
        _ => Reason::Configuration,
    };
    Err(Refusal { provider: "mailgun", kind, reason: answer.status.to_string() })
}

/// The part of a webhook call with its signature.
#[derive(Deserialize)]
struct Signed {
    signature: Signature,
}

#[derive(Deserialize)]
struct Signature {
    timestamp: String,
    token: String,
    signature: String,
}

/// Returns whether a webhook call is from Mailgun:
/// <https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks>. The signature covers only a time and a random
/// token, so only https protects the rest.
pub fn is_authentic(key: &WebhookKey, body: &str, now: Timestamp) -> bool {
    let Ok(Signed { signature }) = serde_json::from_str(body) else { return false };
    let Signature { timestamp, token, signature } = signature;
    let expected: String =
        hmac_sha256(&key.0, &[&timestamp, &token]).iter().map(|byte| format!("{byte:02x}")).collect();
    let is_signed = constant_time::find([(signature, ())], &expected).is_some();
    is_signed && email_problem::is_recent(&timestamp, now)
}

/// Returns the addresses that a webhook call reports: <https://documentation.mailgun.com/docs/mailgun/user-manual/events/events>. A
/// permanent failure counts if the recipient's server rejected the address, not if delivery was given up for another reason. `None` if
/// it cannot be read.
pub fn reports(body: &str) -> Option<Vec<Report>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Call {
        event_data: Event,
    }
    #[derive(Deserialize)]
    struct Event {
        event: String,
        #[serde(default)]
        severity: String,
        #[serde(default)]
        reason: String,
        #[serde(default)]
        recipient: String,
    }

    let Call { event_data } = serde_json::from_str(body).ok()?;
    let Event { event, severity, reason, recipient } = event_data;
    let reason = match (event.as_str(), severity.as_str(), reason.as_str()) {
        ("failed", "permanent", "bounce" | "suppress-bounce") => email_problem::Reason::Bounce,
        ("failed", "permanent", "suppress-complaint") | ("complained", _, _) => email_problem::Reason::Complaint,
        _ => return Some(Vec::new()),
    };
    Some(vec![Report::new(recipient, reason)])
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{from, header, message},
        *,
    };

    fn answered(status: u16, body: &str) -> Result<(), Refusal> {
        outcome(&HttpResponse { status, body: body.to_owned() })
    }

    fn key() -> ApiKey {
        ApiKey("key-3ax6xnjp29jd6fds4gc373sgvjxteol0".to_owned())
    }

    #[test]
    fn a_mail_is_one_post_with_the_documented_headers_and_fields() {
        let request = request(&key(), "mg.app.example", MailgunRegion::Us, &from(), &message());
        assert_eq!(request.url, "https://api.mailgun.net/v3/mg.app.example/messages");
        // `curl --user api:key-3ax6xnjp29jd6fds4gc373sgvjxteol0`
        let credentials = "Basic YXBpOmtleS0zYXg2eG5qcDI5amQ2ZmRzNGdjMzczc2d2anh0ZW9sMA==";
        assert_eq!(header(&request, "Authorization"), Some(credentials));
        assert_eq!(header(&request, "Content-Type"), Some("application/x-www-form-urlencoded"));
        let fields: Vec<(String, String)> = form_urlencoded::parse(request.body.as_bytes()).into_owned().collect();
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            fields,
            [
                ("from", "Postern <noreply@app.example>"),
                ("to", "ada@example.com"),
                ("subject", "Hello \"Ada\""),
                ("text", "One\nTwo"),
                ("html", "<p>One</p>"),
                ("h:Auto-Submitted", "auto-generated"),
                ("o:tracking-clicks", "no"),
                ("o:tracking-opens", "no"),
            ]
        );
    }

    #[test]
    fn a_domain_in_europe_has_another_host() {
        let request = request(&key(), "mg.app.example", MailgunRegion::Eu, &from(), &message());
        assert_eq!(request.url, "https://api.eu.mailgun.net/v3/mg.app.example/messages");
    }

    #[test]
    fn no_content_becomes_a_field_of_its_own() {
        let message = Message { subject: "a&bcc=eve@example.com".to_owned(), ..message() };
        let request = request(&key(), "mg.app.example", MailgunRegion::Us, &from(), &message);
        assert!(form_urlencoded::parse(request.body.as_bytes()).all(|(name, _)| name != "bcc"), "{}", request.body);
    }

    #[test]
    fn a_mail_that_was_taken_is_sent() {
        let body = r#"{"id":"<20111114174239.25659.5817@mg.app.example>","message":"Queued. Thank you."}"#;
        assert_eq!(answered(200, body), Ok(()));
    }

    #[test]
    fn an_error_is_told_by_its_status_and_never_by_its_message() {
        for (status, body, refused) in [
            (302, "", "it"),
            (400, r#"{"message":"'to' parameter is not a valid address: ada@example.com"}"#, "the recipient"),
            (400, r#"{"message":"to parameter is not a valid address. please check documentation"}"#, "the recipient"),
            (400, r#"{"message":"from parameter is not a valid address"}"#, "it"),
            (401, "Forbidden", "it"),
            (403, r#"{"message":"Forbidden"}"#, "it"),
            (404, r#"{"message":"Domain not found: mg.app.example"}"#, "it"),
            (429, r#"{"message":"Too many requests"}"#, "it for now"),
            (500, "<html>ada@example.com</html>", "it for now"),
        ] {
            let refusal = answered(status, body).unwrap_err();
            assert_eq!(refusal.to_string(), format!("mailgun refused {refused}: {status}"));
        }
    }
}
