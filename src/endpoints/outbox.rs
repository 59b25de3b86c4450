//! `GET /dev/outbox`

use askama::Template;
use http::header;
use postern_macros::{FromFields, operation};

use crate::{
    app::App,
    error::Error,
    settings::Mail,
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
        (status = 200, content((Vec<outbox::Mail> = "application/json"), (String = "text/html; charset=utf-8"))),
        (status = "4XX", description = "not_found"),
    )
)]
pub async fn get(app: &App, request: &Request) -> Result<Response, Error> {
    if app.settings().mail != Mail::Outbox {
        return Err(Error::NotFound);
    }
    let OutboxQuery { to } = request.query(app)?;
    let to = to.map(|to| to.trim().to_lowercase()).filter(|to| !to.is_empty());
    let mails = outbox::list(&app.store, to.as_deref()).await?;
    let wants_json = request.header(&header::ACCEPT).is_some_and(|accept| accept.contains("application/json"));
    if wants_json {
        return Ok(Response::json(&mails));
    }
    let page = Page { mails }.render().map_err(|error| Error::Internal(format!("the outbox page: {error}")))?;
    // Mails are shown in sandboxed frames. Their styles are inline.
    Ok(Response::html(page).header(
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ))
}
