//! `/api/auth/me/locale`

use postern_macros::{FromFields, operation};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    access::bearer::{self, Session},
    app::App,
    error::Error,
    language::Language,
    store::users,
    web::{Nullable, Request, Response, True},
};

/// The language of a user.
#[derive(Serialize, ToSchema)]
pub struct Locale {
    /// The tag of the language. Null if it is not known.
    #[schema(required, example = "de")]
    locale: Option<&'static str>,
}

/// The new language.
#[derive(FromFields)]
pub struct NewLocale {
    /// The tag of the language. Null if the language of each request decides.
    pub locale: Nullable<Language>,
}

/// Get your language.
///
/// A sign-up stores the language that the browser prefers. Null if the service does not speak it, or if an admin has created the account.
#[operation(responses((status = 200, body = Locale)))]
pub async fn get(_app: &App, session: &Session) -> Result<Response, Error> {
    Ok(Response::json(&Locale { locale: session.user.locale.map(Language::tag) }))
}

/// Change your language.
///
/// `null` removes it.
#[operation(
    request_body = NewLocale,
    responses((status = 200, body = True))
)]
pub async fn put(app: &App, request: &Request, session: &Session) -> Result<Response, Error> {
    let NewLocale { locale: Nullable(locale) } = request.json(app)?;
    if !users::set_locale(&app.store, &session.user.id, locale, &session.id, app.now).await? {
        return Err(bearer::refusal_of_session(app, session, Error::Unauthorized).await);
    }
    Ok(Response::ok())
}
