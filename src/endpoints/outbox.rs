//! `GET /dev/outbox`

use askama::Template;
use http::header;
use postern_macros::{FromFields, operation};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    domain::{Timestamp, calendar::DateTime},
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
    mails: Vec<Shown>,
}

/// A mail on the page.
struct Shown {
    mail: outbox::Mail,
    /// When it was sent, in UTC.
    time: String,
    /// The text, and whether each part of it is a link.
    text: Vec<(String, bool)>,
    html: String,
}

impl Shown {
    fn new(mail: outbox::Mail) -> Self {
        let time = DateTime::at(mail.sent_at).minute();
        // A link opens a tab. In the frame, the page that it leads to would not load.
        let html = mail.html.replacen("<head>", "<head><base target=\"_blank\">", 1);
        Shown { time, text: with_links(&mail.text), html, mail }
    }
}

/// Splits a text into links and what is between them.
fn with_links(text: &str) -> Vec<(String, bool)> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(start) = ["https://", "http://"].iter().filter_map(|scheme| rest.find(scheme)).min() {
        let (before, from) = rest.split_at(start);
        let end = from.find(|c: char| c.is_whitespace() || "<>\"".contains(c)).unwrap_or(from.len());
        let link = from.get(..end).unwrap_or_default().trim_end_matches(['.', ',', ')']);
        parts.extend([(before.to_owned(), false), (link.to_owned(), true)]);
        rest = from.get(link.len()..).unwrap_or_default();
    }
    parts.push((rest.to_owned(), false));
    parts
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
    let mails = mails.into_iter().map(Shown::new).collect();
    let page = Page { mails }.render().map_err(|error| Error::Internal(format!("the outbox page: {error}")))?;
    // Mails are shown in sandboxed frames. Their styles are inline.
    Ok(Response::html(page).header(
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ))
}
