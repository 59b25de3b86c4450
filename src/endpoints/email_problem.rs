//! `DELETE /api/auth/me/email-problem`

use postern_macros::operation;

use crate::{
    access::{
        audit,
        bearer::{self, Session},
    },
    app::App,
    domain::event::Action,
    error::Error,
    store::email_problems,
    web::{Response, True},
};

/// Clear the email problem of your account.
///
/// After emails to your address have bounced or were marked as spam, only security notices are sent to it. Mail goes to the
/// address again. If the problem persists, the next mail sets it again.
#[operation(responses((status = 200, body = True)))]
pub async fn delete(app: &App, session: &Session) -> Result<Response, Error> {
    let event = audit::own(app, Action::EmailProblemCleared, session);
    if !email_problems::clear_own(&app.store, &session.user.id, &event).await? {
        return Err(bearer::refusal_of_session(app, session, Error::Unauthorized).await);
    }
    Ok(Response::ok())
}
