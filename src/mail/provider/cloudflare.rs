//! Cloudflare's own service: <https://developers.cloudflare.com/email-service/api/send-emails/workers-api/>.

use super::{AUTO_SUBMITTED, Reason, Refusal, is_plain};
use crate::{
    domain::email::Sender,
    mail::Message,
    ports::{MailMessage, SendResult},
};

/// Returns the mail for the binding: in parts, from which the service writes the headers.
///
/// `from` must be at a domain of the account that sends mail. There is no idempotency key: a retry after a lost response is a
/// second mail.
pub fn outgoing(from: &Sender, message: &Message) -> MailMessage {
    let Message { to, subject, text, html, .. } = message;
    MailMessage {
        from_name: from.name.clone(),
        from: from.address.as_str().to_owned(),
        to: to.as_str().to_owned(),
        subject: subject.clone(),
        text: text.clone(),
        html: html.clone(),
        header: AUTO_SUBMITTED,
    }
}

/// Reads the result of the service.
///
/// # Errors
/// A [`Refusal`]. Reached limits, failed deliveries and internal errors are temporary. A suppressed recipient is permanent.
/// Everything else is about the sender, the binding or the mail, and needs an operator.
pub fn outcome(receipt: SendResult) -> Result<(), Refusal> {
    let SendResult::Refused(code) = receipt else { return Ok(()) };
    let kind = match code.as_str() {
        "E_RATE_LIMIT_EXCEEDED" | "E_DAILY_LIMIT_EXCEEDED" | "E_DELIVERY_FAILED" | "E_INTERNAL_SERVER_ERROR" => {
            Reason::Temporary
        }
        "E_RECIPIENT_SUPPRESSED" => Reason::Recipient,
        _ => Reason::Configuration,
    };
    let reason = if is_plain(&code) { code } else { "without a code that can be read".to_owned() };
    Err(Refusal { provider: "cloudflare", kind, reason })
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{from, message},
        *,
    };

    fn refused(code: &str) -> Refusal {
        outcome(SendResult::Refused(code.to_owned())).unwrap_err()
    }

    #[test]
    fn a_mail_is_handed_over_in_its_parts() {
        let expected = MailMessage {
            from_name: Some("Postern".to_owned()),
            from: "noreply@app.example".to_owned(),
            to: "ada@example.com".to_owned(),
            subject: "Hello \"Ada\"".to_owned(),
            text: "One\nTwo".to_owned(),
            html: "<p>One</p>".to_owned(),
            header: ("Auto-Submitted", "auto-generated"),
        };
        assert_eq!(outgoing(&from(), &message()), expected);
    }

    #[test]
    fn a_mail_that_was_taken_is_sent() {
        assert_eq!(outcome(SendResult::Taken), Ok(()));
    }

    #[test]
    fn trying_again_can_help_when_the_service_is_busy_or_broken() {
        for code in ["E_RATE_LIMIT_EXCEEDED", "E_DAILY_LIMIT_EXCEEDED", "E_DELIVERY_FAILED", "E_INTERNAL_SERVER_ERROR"]
        {
            assert_eq!(refused(code).to_string(), format!("cloudflare refused it for now: {code}"));
        }
    }

    #[test]
    fn an_operator_has_to_act_when_the_mail_or_its_sender_is_wrong() {
        for code in [
            "E_VALIDATION_ERROR",
            "E_FIELD_MISSING",
            "E_SENDER_NOT_VERIFIED",
            "E_SENDER_DOMAIN_NOT_AVAILABLE",
            "E_RECIPIENT_NOT_ALLOWED",
            "E_CONTENT_TOO_LARGE",
        ] {
            assert_eq!(refused(code).to_string(), format!("cloudflare refused it: {code}"));
        }
        let suppressed = refused("E_RECIPIENT_SUPPRESSED").to_string();
        assert_eq!(suppressed, "cloudflare refused the recipient: E_RECIPIENT_SUPPRESSED");
    }

    #[test]
    fn a_code_in_no_documented_shape_is_a_refusal_that_quotes_nothing() {
        for code in ["", "ada@example.com", "E_NO SUCH\nCODE"] {
            assert_eq!(refused(code).reason, "without a code that can be read");
        }
    }
}
