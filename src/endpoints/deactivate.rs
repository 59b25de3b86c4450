//! `DELETE /api/auth/me`

use postern_macros::operation;

use crate::{
    access::{
        audit,
        bearer::{self, Session},
        sign_in,
    },
    app::App,
    domain::event::Action,
    error::Error,
    store::users,
    web::{Response, True},
};

/// Deactivate your account.
///
/// Every endpoint then answers 403, and user tokens and reset links no longer work. An admin can activate the account again, but
/// its sessions do not come back.
#[operation(responses((status = 200, body = True), (status = "4XX", description = "last_admin")))]
pub async fn delete(app: &App, session: &Session) -> Result<Response, Error> {
    let user_id = &session.user.id;
    let event = audit::own(app, Action::Deactivated, session);
    if !users::deactivate(&app.store, user_id, &event).await? {
        return Err(bearer::refusal_of_session(app, session, Error::LastAdmin).await);
    }
    Ok(sign_in::signed_out(app, session))
}
