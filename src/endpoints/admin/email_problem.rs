//! `DELETE /api/auth/admin/users/{id}/email-problem`

use postern_macros::operation;

use crate::{
    access::{audit, bearer::Admin},
    app::App,
    domain::event::Action,
    error::Error,
    store::email_problems,
    web::{Response, True, path::UserId},
};

/// Clear a user's email problem.
///
/// After emails to the address have bounced or were marked as spam, only security notices are sent to it. Mail goes to the
/// address again. If the problem persists, the next mail sets it again.
#[operation(params(UserId), responses((status = 200, body = True), (status = "4XX", description = "not_found")))]
pub async fn delete(app: &App, admin: &Admin, id: &str) -> Result<Response, Error> {
    let event = audit::by_admin(app, Action::EmailProblemCleared, admin, id);
    if !email_problems::clear(&app.store, id, &event).await? {
        return Err(Error::NotFound);
    }
    Ok(Response::ok())
}
