//! `GET /dev/mails`

use askama::Template;
use http::header;
use postern_macros::operation;

use crate::{
    app::App,
    domain::email::Email,
    error::Error,
    mail::{Message, examples::examples},
    settings,
    web::Response,
};

/// The media query of the dark scheme in `mail/templates/layout.html`.
const DARK: &str = "@media (prefers-color-scheme: dark)";

/// A mail on the page.
struct Preview {
    /// The name of its section: the kind, and a number if there are several examples of it.
    id: String,
    kind: &'static str,
    subject: String,
    text: String,
    light: String,
    dark: String,
}

impl Preview {
    /// Returns the preview of a mail that comes after `earlier` mails of the same kind.
    fn new(Message { kind, subject, text, html, .. }: Message, earlier: usize) -> Preview {
        let id = if earlier == 0 { kind.to_owned() } else { format!("{kind}-{}", earlier + 1) };
        // Each frame has its scheme, whatever the browser prefers.
        let (light, dark) = (html.replace(DARK, "@media not all"), html.replace(DARK, "@media all"));
        Preview { id, kind, subject, text, light, dark }
    }
}

#[derive(Template)]
#[template(path = "dev_mails.html")]
struct Page {
    mails: Vec<Preview>,
}

/// Preview all emails.
///
/// Returns a web page with every email that the service sends, with example values, in light and dark. Exists only with the mail provider
/// `outbox`.
#[operation(
    responses(
        (status = 200, content((String = "text/html; charset=utf-8"))),
        (status = "4XX", description = "not_found"),
    )
)]
pub async fn get(app: &App) -> Result<Response, Error> {
    if app.settings().mail != settings::Mail::Outbox {
        return Err(Error::NotFound);
    }
    let to = Email::from_store("ada@example.com".to_owned());
    let mut mails: Vec<Preview> = Vec::new();
    for mail in examples(app.settings(), &to, "Ada Lovelace")? {
        let earlier = mails.iter().filter(|earlier| earlier.kind == mail.kind).count();
        mails.push(Preview::new(mail, earlier));
    }
    let page = Page { mails }.render().map_err(|error| Error::Internal(format!("the page of mails: {error}")))?;
    // Mails are shown in sandboxed frames. Their styles are inline.
    Ok(Response::html(page).header(
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ))
}
