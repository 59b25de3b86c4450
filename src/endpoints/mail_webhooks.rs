//! `POST /webhooks/mail/{provider}`

use postern_macros::operation;

use crate::{
    access::audit,
    app::App,
    domain::{email_problem::Reason, event::Action},
    error::Error,
    language::Phrase,
    mail::webhook,
    store::email_problems::{self, Report},
    web::{Request, Response, True, path::MailProvider},
};

/// How long repeated calls are recognized, in milliseconds: longer than any provider retries a call.
const REMEMBERED: i64 = 3 * 86_400_000;

/// Report bounces and complaints.
///
/// For mail providers: `resend`, `sendgrid`, `mailgun` or `postmark`. Marks the addresses of users whose mailbox does not exist or who
/// marked a mail as spam. No mail goes to them anymore, except security notices. Other events have no effect, and neither has a repeated
/// call.
///
/// The provider proves itself by its signature, which may be up to five minutes old; Postmark has none and sends a password (HTTP basic
/// authentication). The secrets are settings. Without the setting of a provider, its webhook does not exist.
#[operation(
    params(MailProvider),
    request_body(content = Value, description = "The events, as the provider sends them.", content_type = "application/json"),
    responses((status = 200, body = True), (status = "4XX", description = "not_found webhook_refused"))
)]
pub async fn post(app: &App, request: &Request, provider: &str) -> Result<Response, Error> {
    let body = std::str::from_utf8(&request.body).map_err(|_| Error::UnreadableBody(Phrase::BodyNotUtf8))?;
    let found = webhook::receive(app, provider, &*request.headers, body).await?;
    let kinds = [(Reason::Bounce, Action::EmailBounced), (Reason::Complaint, Action::EmailComplained)];
    let reports: Vec<_> = kinds
        .into_iter()
        .map(|(reason, action)| Report {
            reason,
            addresses: found.iter().filter(|(_, other)| *other == reason).map(|(email, _)| email).collect(),
            key: app.keys().throttle.hash(&["mail webhook", provider, reason.as_str(), body]),
            event: audit::by_somebody(app, action),
        })
        .filter(|report| !report.addresses.is_empty())
        .collect();
    if !reports.is_empty() {
        email_problems::record(&app.store, &reports, app.now + REMEMBERED).await?;
    }
    Ok(Response::ok())
}
