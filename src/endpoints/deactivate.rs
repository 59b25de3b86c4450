//! `DELETE /api/auth/me`

use crate::{
    access::bearer,
    app::App,
    error::Error,
    store::users,
    web::{Request, Response},
};

/// Deactivates the user's own account: every door answers 403 from now on, tokens and reset links are dead. An admin can
/// undo it; the sessions do not come back.
///
/// # Errors
/// 401, 403; 409 for the last active admin; 503.
pub async fn delete(app: &App, request: &Request) -> Result<Response, Error> {
    let user = bearer::session(app, request).await?.account.user;
    if !users::deactivate(app.sql.as_ref(), &user.id, app.now).await? {
        return Err(Error::LastAdmin);
    }
    Ok(Response::ok())
}
