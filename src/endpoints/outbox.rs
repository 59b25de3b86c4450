//! `GET /dev/outbox`

use askama::Template;
use http::header;
use postern_macros::{FromFields, operation};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    domain::Timestamp,
    error::Error,
    settings,
    store::outbox,
    web::{Request, Response},
};

/// Which mails to list.
#[derive(FromFields)]
pub struct OutboxQuery {
    /// Only mails to this address.
    #[field(example = "ada@example.com")]
    pub to: Option<String>,
}

/// A mail.
#[derive(Serialize, ToSchema)]
struct Mail<'a> {
    /// The email of the recipient.
    to: &'a str,
    /// The subject.
    subject: &'a str,
    /// The body in plain text.
    text: &'a str,
    /// The body in HTML.
    html: &'a str,
    /// The time when it was sent.
    sent_at: Timestamp,
}

impl<'a> From<&'a outbox::Mail> for Mail<'a> {
    fn from(mail: &'a outbox::Mail) -> Self {
        let outbox::Mail { to, subject, text, html, sent_at } = mail;
        Mail { to, subject, text, html, sent_at: *sent_at }
    }
}

#[derive(Template)]
#[template(path = "outbox.html")]
struct Page {
    mails: Vec<outbox::Mail>,
}

/// List the emails of local development.
///
/// Returns the last 100 emails, newest first, as a web page or as JSON. Exists only with the mail provider `outbox`.
#[operation(
    params(OutboxQuery),
    responses(
        (status = 200, content((Vec<Mail> = "application/json"), (String = "text/html; charset=utf-8"))),
        (status = "4XX", description = "not_found"),
    )
)]
pub async fn get(app: &App, request: &Request) -> Result<Response, Error> {
    if app.settings().mail != settings::Mail::Outbox {
        return Err(Error::NotFound);
    }
    let OutboxQuery { to } = request.query(app)?;
    let to = to.map(|to| to.trim().to_lowercase()).filter(|to| !to.is_empty());
    let mails = outbox::list(&app.store, to.as_deref()).await?;
    let wants_json = request.header(&header::ACCEPT).is_some_and(|accept| accept.contains("application/json"));
    if wants_json {
        return Ok(Response::json(&mails.iter().map(Mail::from).collect::<Vec<_>>()));
    }
    let page = Page { mails }.render().map_err(|error| Error::Internal(format!("the outbox page: {error}")))?;
    // Mails are shown in sandboxed frames. Their styles are inline.
    Ok(Response::html(page).header(
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ))
}
