//! Webhook calls of the mail providers: which addresses bounced or complained.

use super::provider::{mailgun, postmark, resend, sendgrid};
use crate::{
    app::App,
    domain::{email::Email, email_problem::Reason},
    error::Error,
    language::Phrase,
    ports::Algorithm,
    web::Headers,
};

/// What a call says of one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The address, as the provider has it.
    pub address: String,
    /// Why mail does not reach it.
    pub reason: Reason,
}

impl Report {
    pub(super) fn new(address: impl Into<String>, reason: Reason) -> Report {
        Report { address: address.into(), reason }
    }
}

/// Checks that a call is from this provider, and returns the addresses that it reports. Events that are no problem, and addresses that
/// cannot be an account's, are left out.
///
/// # Errors
/// 404 if the webhook of this provider is off or there is no such provider; 403 if the call is not from the provider or is too old; 400 if
/// its body cannot be read; 503.
pub async fn receive(
    app: &App,
    provider: &str,
    headers: &dyn Headers,
    body: &str,
) -> Result<Vec<(Email, Reason)>, Error> {
    let webhooks = &app.settings().mail_webhooks;
    let (is_authentic, reports) = match provider {
        "resend" => {
            let key = webhooks.resend.as_ref().ok_or(Error::NotFound)?;
            (resend::is_authentic(key, headers, body, app.now), resend::reports(body))
        }
        "mailgun" => {
            let key = webhooks.mailgun.as_ref().ok_or(Error::NotFound)?;
            (mailgun::is_authentic(key, body, app.now), mailgun::reports(body))
        }
        "postmark" => {
            let password = webhooks.postmark.as_ref().ok_or(Error::NotFound)?;
            (postmark::is_authentic(password, headers), postmark::reports(body))
        }
        "sendgrid" => {
            let key = webhooks.sendgrid.as_ref().ok_or(Error::NotFound)?;
            let is_authentic = match sendgrid::signed(headers, body, app.now) {
                Some((message, signature)) => {
                    app.signatures.verify(Algorithm::Es256, &key.0, &message, &signature).await?
                }
                None => false,
            };
            (is_authentic, sendgrid::reports(body))
        }
        _ => return Err(Error::NotFound),
    };
    if !is_authentic {
        return Err(Error::WebhookRefused);
    }
    let reports = reports.ok_or(Error::UnreadableBody(Phrase::BodyNotEvent))?;
    let known = |Report { address, reason }: Report| Some((Email::parse(&address).ok()?, reason));
    Ok(reports.into_iter().filter_map(known).collect())
}
