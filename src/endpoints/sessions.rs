//! `GET /api/auth/me/sessions` and `DELETE /api/auth/me/sessions/{id}`

use serde::Serialize;

use crate::{
    access::bearer,
    app::App,
    error::Error,
    store::sessions,
    web::{Request, Response},
};

#[derive(Serialize)]
struct Session {
    #[serde(flatten)]
    listed: sessions::Listed,
    /// Whether it is the one that asks.
    current: bool,
}

/// Lists the user's live sessions, latest expiry first.
///
/// # Errors
/// 401, 403; 503.
pub async fn list(app: &App, request: &Request) -> Result<Response, Error> {
    let session = bearer::session(app, request).await?;
    let listed = sessions::list(app.sql.as_ref(), &session.account.user.id, app.now).await?;
    let listed: Vec<Session> =
        listed.into_iter().map(|listed| Session { current: listed.id == session.id, listed }).collect();
    Ok(Response::json(&listed))
}

/// Ends one of the user's sessions, at once.
///
/// # Errors
/// 401, 403; 404 when the user has no such session; 503.
pub async fn delete(app: &App, request: &Request, id: &str) -> Result<Response, Error> {
    let session = bearer::session(app, request).await?;
    if !sessions::end(app.sql.as_ref(), &session.account.user.id, id).await? {
        return Err(Error::NotFound);
    }
    Ok(Response::ok())
}
