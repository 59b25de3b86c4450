//! `DELETE /api/auth/me`

use crate::{
    access::{bearer, sign_out},
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
    let session = bearer::session(app, request).await?;
    if !users::deactivate(app.sql.as_ref(), &session.account.user.id, app.now).await? {
        return Err(Error::LastAdmin);
    }
    Ok(sign_out::answer(&session))
}
