//! `GET /dev/mails`

use askama::Template;
use http::header;
use postern_macros::{FromFields, operation};

use crate::{
    app::App,
    domain::email::Email,
    error::Error,
    language::Language,
    mail::{Message, examples::examples, message::Recipient},
    settings,
    web::{Request, Response},
};

/// The media query of the dark scheme in `mail/templates/mail.html`.
const DARK: &str = "@media (prefers-color-scheme: dark)";

/// In which language to show the mails.
#[derive(FromFields)]
pub struct MailsQuery {
    /// The language. English by default.
    pub language: Option<Language>,
}

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
    language: Language,
    mails: Vec<Preview>,
}

/// Preview all emails.
///
/// Returns a web page with every email that the service sends, with example values, in light and dark, in one of its languages. Exists
/// only with the mail provider `outbox`.
#[operation(
    params(MailsQuery),
    responses(
        (status = 200, content((String = "text/html; charset=utf-8"))),
        (status = "4XX", description = "invalid_fields not_found"),
    )
)]
pub async fn get(app: &App, request: &Request) -> Result<Response, Error> {
    if app.settings().mail != settings::Mail::Outbox {
        return Err(Error::NotFound);
    }
    let MailsQuery { language } = request.query(app)?;
    let language = language.unwrap_or_default();
    let to = &Email::from_store("ada@example.com".to_owned());
    let mut mails: Vec<Preview> = Vec::new();
    for mail in examples(Recipient { settings: app.settings(), language, to, name: Some("Ada Lovelace") })? {
        let earlier = mails.iter().filter(|earlier| earlier.kind == mail.kind).count();
        mails.push(Preview::new(mail, earlier));
    }
    let page =
        Page { language, mails }.render().map_err(|error| Error::Internal(format!("the page of mails: {error}")))?;
    // Mails are shown in sandboxed frames. Their styles are inline.
    Ok(Response::html(page).header(
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ))
}
