//! `GET /api/auth/me/sessions` and `DELETE /api/auth/me/sessions/{id}`

use postern_macros::operation;

use crate::{
    access::{audit, bearer::Session},
    app::App,
    domain::event::Action,
    error::Error,
    responses,
    store::sessions,
    web::{Response, TOTAL_COUNT, True},
};

/// List your sessions.
///
/// Returns active sessions, the one that expires last first. The list has at most 200, always including the current one.
/// `X-Total-Count` has the total.
#[operation(
    responses((
        status = 200,
        body = Vec<responses::Session>,
        headers(("X-Total-Count" = i64, description = "The number of active sessions, at most 10,000.")),
    ))
)]
pub async fn list(app: &App, session: &Session) -> Result<Response, Error> {
    let list = sessions::list(&app.store, &session.user.id, &session.id, app.now).await?;
    let sessions: Vec<_> = list.sessions.into_iter().map(responses::Session::from).collect();
    Ok(Response::json(&sessions).header(TOTAL_COUNT, list.total.to_string()))
}

/// End one of your sessions.
///
/// It ends immediately.
#[operation(
    params(("id" = String, Path, description = "The id of the session.", example = "3f0c7a52-9a5e-4f0b-8f5d-2c1b6e7d8a90")),
    responses((status = 200, body = True), (status = "4XX", description = "not_found"))
)]
pub async fn delete(app: &App, session: &Session, id: &str) -> Result<Response, Error> {
    let user_id = &session.user.id;
    if !sessions::end(&app.store, user_id, id, &audit::own(app, Action::SessionEnded, session)).await? {
        return Err(Error::NotFound);
    }
    Ok(Response::ok())
}
