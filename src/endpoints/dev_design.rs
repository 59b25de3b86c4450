//! `GET /dev/design`

use postern_macros::operation;

use crate::{app::App, error::Error, settings, web::Response};

/// The static page.
pub const PAGE: &str = "/design";

/// Show the design system of the pages.
///
/// Returns a web page with every component of the pages. Exists only with the mail provider `outbox`.
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
    app.assets.text(PAGE).await?.map(Response::page).ok_or(Error::NotFound)
}
