//! `GET` and `DELETE /api/auth/admin/users/{id}/sessions`, and `DELETE /api/auth/admin/users/{id}/sessions/{session_id}`

use postern_macros::operation;
use utoipa::IntoParams;

use crate::{
    access::{audit, bearer::Admin},
    app::App,
    domain::event::Action,
    error::Error,
    responses::Session,
    store::{sessions, users},
    web::{Response, TOTAL_COUNT, True, path::UserId},
};

/// The session in the path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct SessionId {
    /// The id of the session.
    #[param(example = "3f0c7a52-9a5e-4f0b-8f5d-2c1b6e7d8a90")]
    pub session_id: String,
}

/// List a user's sessions.
///
/// Returns active sessions, the one that expires last first. The list has at most 200. `X-Total-Count` has the total.
#[operation(
    params(UserId),
    responses(
        (
            status = 200,
            body = Vec<Session>,
            headers(("X-Total-Count" = i64, description = "The number of active sessions, at most 10,000.")),
        ),
        (status = "4XX", description = "not_found"),
    )
)]
pub async fn list(app: &App, admin: &Admin, id: &str) -> Result<Response, Error> {
    users::find(&app.store, id).await?.ok_or(Error::NotFound)?;
    let list = sessions::list(&app.store, id, &admin.id, app.now).await?;
    let sessions: Vec<_> = list.sessions.into_iter().map(Session::from).collect();
    Ok(Response::json(&sessions).header(TOTAL_COUNT, list.total.to_string()))
}

/// End all sessions of a user.
///
/// They end immediately.
#[operation(
    params(UserId),
    responses((status = 200, body = True), (status = "4XX", description = "not_found"))
)]
pub async fn delete_all(app: &App, admin: &Admin, id: &str) -> Result<Response, Error> {
    let event = audit::by_admin(app, Action::SessionsEnded, admin, id);
    if !sessions::end_all(&app.store, id, &event).await? {
        return Err(Error::NotFound);
    }
    Ok(Response::ok())
}

/// End one session of a user.
///
/// It ends immediately.
#[operation(
    params(UserId, SessionId),
    responses((status = 200, body = True), (status = "4XX", description = "not_found"))
)]
pub async fn delete(app: &App, admin: &Admin, id: &str, session_id: &str) -> Result<Response, Error> {
    let event = audit::by_admin(app, Action::SessionEnded, admin, id);
    if !sessions::end(&app.store, id, session_id, &event).await? {
        return Err(Error::NotFound);
    }
    Ok(Response::ok())
}
