//! Postmark: <https://postmarkapp.com/developer/user-guide/send-email-with-api>.

use base64ct::{Base64, Encoding};
use http::header;
use serde::Deserialize;
use serde_json::json;

use super::{AUTO_SUBMITTED, Reason, Refusal, USER_AGENT};
use crate::{
    crypto::constant_time,
    domain::{email::Sender, email_problem},
    mail::{Message, webhook::Report},
    ports::{HttpRequest, HttpResponse},
    settings::{ApiKey, WebhookKey},
    web::Headers,
};

/// Returns the request that sends a mail, through the default transactional stream of the token's server.
///
/// `from` must be at a domain or have a signature that Postmark has confirmed. There is no idempotency key: a retry after a lost
/// response is a second mail. `TrackOpens` cannot override the server's own setting; `TrackLinks` can
/// (<https://postmarkapp.com/support/article/1058-how-do-i-enable-link-tracking>).
pub fn request(server_token: &ApiKey, from: &Sender, message: &Message) -> HttpRequest {
    let Message { to, subject, text, html, .. } = message;
    HttpRequest {
        url: "https://api.postmarkapp.com/email".into(),
        headers: vec![
            ("Accept", "application/json".to_owned()),
            ("Content-Type", "application/json".to_owned()),
            ("X-Postmark-Server-Token", server_token.0.clone()),
            ("User-Agent", USER_AGENT.to_owned()),
        ],
        body: json!({
            "From": from.to_string(),
            "To": to.as_str(),
            "Subject": subject,
            "TextBody": text,
            "HtmlBody": html,
            "Headers": [{ "Name": AUTO_SUBMITTED.0, "Value": AUTO_SUBMITTED.1 }],
            "TrackOpens": false,
            "TrackLinks": "None",
        })
        .to_string(),
    }
}

/// Reads Postmark's response. Any 2xx is success; its body is not used.
///
/// # Errors
/// A [`Refusal`]. 429, 5xx and the error 100 (maintenance) are temporary. The error 406 (the recipient is inactive: it bounced,
/// complained or was suppressed) and an error 300 that names the field `To` are about the recipient. Everything else needs an
/// operator (<https://postmarkapp.com/developer/api/overview#error-codes>).
pub fn outcome(answer: &HttpResponse) -> Result<(), Refusal> {
    /// The message, which is only searched because it may quote the address.
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Problem {
        error_code: i64,
        #[serde(default)]
        message: String,
    }

    if (200..300).contains(&answer.status) {
        return Ok(());
    }
    let problem: Option<Problem> = serde_json::from_str(&answer.body).ok();
    let names_recipient = problem
        .as_ref()
        .is_some_and(|problem| ["'To'", "\"To\"", "`To`"].iter().any(|to| problem.message.contains(to)));
    let code = problem.map(|problem| problem.error_code);
    let kind = match (answer.status, code) {
        (429 | 500.., _) | (_, Some(100)) => Reason::Temporary,
        (422, Some(406)) => Reason::Recipient,
        (422, Some(300)) if names_recipient => Reason::Recipient,
        _ => Reason::Configuration,
    };
    let error = code.map_or_else(|| "without an error that can be read".to_owned(), |code| format!("error {code}"));
    Err(Refusal { provider: "postmark", kind, reason: format!("{} {error}", answer.status) })
}

/// Returns whether a webhook call is from Postmark, which signs nothing: it sends the password that is in the URL of the webhook, with any
/// name (HTTP basic authentication, RFC 7617): <https://postmarkapp.com/developer/webhooks/webhooks-overview>.
pub fn is_authentic(password: &WebhookKey, headers: &dyn Headers) -> bool {
    let header = headers.get(&header::AUTHORIZATION).unwrap_or_default();
    let Some((scheme, credentials)) = header.split_once(' ') else { return false };
    let credentials = Base64::decode_vec(credentials.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let sent = credentials.as_deref().and_then(|text| text.split_once(':'));
    let is_equal = |(_, sent)| constant_time::find([(sent, ())], &String::from_utf8_lossy(&password.0)).is_some();
    scheme.eq_ignore_ascii_case("basic") && sent.is_some_and(is_equal)
}

/// Returns the addresses that a webhook call reports: <https://postmarkapp.com/developer/webhooks/bounce-webhook> and
/// <https://postmarkapp.com/developer/webhooks/spam-complaint-webhook>. Only the types of bounces that mean that there is no such mailbox
/// count. `None` if it cannot be read.
pub fn reports(body: &str) -> Option<Vec<Report>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Event {
        record_type: String,
        #[serde(default)]
        r#type: String,
        #[serde(default)]
        email: String,
    }

    let Event { record_type, r#type, email } = serde_json::from_str(body).ok()?;
    let reason = match (record_type.as_str(), r#type.as_str()) {
        ("Bounce", "HardBounce" | "BadEmailAddress") => email_problem::Reason::Bounce,
        ("SpamComplaint", _) | ("Bounce", "SpamComplaint") => email_problem::Reason::Complaint,
        _ => return Some(Vec::new()),
    };
    Some(vec![Report::new(email, reason)])
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
        let request = request(&ApiKey("server token".to_owned()), &from(), &message());
        assert_eq!(request.url, "https://api.postmarkapp.com/email");
        assert_eq!(header(&request, "X-Postmark-Server-Token"), Some("server token"));
        assert_eq!(header(&request, "Accept"), Some("application/json"));
        assert_eq!(header(&request, "Content-Type"), Some("application/json"));
        assert_eq!(
            serde_json::from_str::<Value>(&request.body).unwrap(),
            json!({
                "From": "Postern <noreply@app.example>",
                "To": "ada@example.com",
                "Subject": "Hello \"Ada\"",
                "TextBody": "One\nTwo",
                "HtmlBody": "<p>One</p>",
                "Headers": [{ "Name": "Auto-Submitted", "Value": "auto-generated" }],
                "TrackOpens": false,
                "TrackLinks": "None",
            })
        );
    }

    #[test]
    fn a_mail_that_was_taken_is_sent() {
        let body = r#"{"To":"ada@example.com","SubmittedAt":"2014-02-17T07:25:01.4178645-05:00",
            "MessageID":"0a129aee-e1cd-480d-b08d-4f48548ff48d","ErrorCode":0,"Message":"OK"}"#;
        assert_eq!(answered(200, body), Ok(()));
    }

    #[test]
    fn an_error_is_told_by_its_number_and_never_by_its_message() {
        for (status, code, refused) in [
            (401, 10, "it"),
            (422, 300, "it"),
            (422, 400, "it"),
            (422, 401, "it"),
            (422, 405, "it"),
            (422, 406, "the recipient"),
            (422, 100, "it for now"),
            (429, 429, "it for now"),
            (500, 0, "it for now"),
            (503, 100, "it for now"),
        ] {
            let body = format!(r#"{{"ErrorCode":{code},"Message":"ada@example.com is inactive."}}"#);
            let refusal = answered(status, &body).unwrap_err();
            assert_eq!(refusal.to_string(), format!("postmark refused {refused}: {status} error {code}"));
        }
        let body = r#"{"ErrorCode":300,"Message":"Invalid 'To' address: 'ada@example'."}"#;
        assert_eq!(answered(422, body).unwrap_err().kind, Reason::Recipient);
    }

    #[test]
    fn an_answer_in_no_documented_shape_is_a_refusal_that_quotes_nothing() {
        for (status, body, kind) in [
            (302, "", Reason::Configuration),
            (413, "<html>ada@example.com</html>", Reason::Configuration),
            (422, r#"{"ErrorCode":"ada@example.com"}"#, Reason::Configuration),
            (502, "<html>Bad gateway</html>", Reason::Temporary),
        ] {
            let refusal = answered(status, body).unwrap_err();
            assert_eq!(refusal.reason, format!("{status} without an error that can be read"));
            assert_eq!(refusal.kind, kind);
        }
    }
}
