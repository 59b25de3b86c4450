//! `POST /api/auth/logout`

use crate::{
    access::{bearer, sign_out},
    app::App,
    error::Error,
    store::sessions,
    web::{Request, Response},
};

/// Ends this session, at once.
///
/// # Errors
/// 401; 403 inactive; 503.
pub async fn post(app: &App, request: &Request) -> Result<Response, Error> {
    let session = bearer::session_before_password_change(app, request).await?;
    sessions::end(app.sql.as_ref(), &session.account.user.id, &session.id).await?;
    Ok(sign_out::answer(&session))
}
