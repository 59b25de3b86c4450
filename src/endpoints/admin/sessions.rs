//! `GET` and `DELETE /api/auth/admin/users/{id}/sessions`, and `DELETE /api/auth/admin/users/{id}/sessions/{session_id}`

use crate::{
    access::{audit, bearer},
    app::App,
    domain::event::Action,
    error::Error,
    store::{sessions, users},
    web::{Request, Response},
};

/// Lists a user's live sessions, latest expiry first.
///
/// # Errors
/// 401, 403; 404 for an unknown user; 503.
pub async fn list(app: &App, request: &Request, id: &str) -> Result<Response, Error> {
    let admin = bearer::admin(app, request).await?;
    users::find(app.sql.as_ref(), id).await?.ok_or(Error::NotFound)?;
    Ok(Response::json(&sessions::list(app.sql.as_ref(), id, &admin.id, app.now).await?))
}

/// Ends all sessions of a user, at once.
///
/// # Errors
/// 401, 403; 404 for an unknown user; 503.
pub async fn delete_all(app: &App, request: &Request, id: &str) -> Result<Response, Error> {
    let admin = bearer::admin(app, request).await?;
    let event = audit::by_admin(app, Action::SessionsEnded, &admin.account.user.id, id);
    if !sessions::end_all(app.sql.as_ref(), id, &event).await? {
        return Err(Error::NotFound);
    }
    Ok(Response::ok())
}

/// Ends one session of a user, at once.
///
/// # Errors
/// 401, 403; 404 when there is no such user, or the user has no such session; 503.
pub async fn delete(app: &App, request: &Request, id: &str, session_id: &str) -> Result<Response, Error> {
    let admin = bearer::admin(app, request).await?;
    let event = audit::by_admin(app, Action::SessionEnded, &admin.account.user.id, id);
    if !sessions::end(app.sql.as_ref(), id, session_id, &event).await? {
        return Err(Error::NotFound);
    }
    Ok(Response::ok())
}
