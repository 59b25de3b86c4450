//! `POST /api/auth/admin/users/{id}/send-password-reset-link`

use postern_macros::operation;

use crate::{
    access::{audit, bearer::Admin, reset_token},
    app::App,
    domain::{email::Email, event::Action},
    error::Error,
    mail::queue::QueuedMail,
    store::{administration, users},
    web::{Response, True, path::UserId},
};

/// Send a user a password reset link.
///
/// Does the same as a request by the user. A new link replaces the previous one.
#[operation(
    params(UserId),
    responses((status = 200, body = True), (status = "4XX", description = "not_found user_inactive no_mailbox"))
)]
pub async fn send_link(app: &App, admin: &Admin, id: &str) -> Result<Response, Error> {
    let sql = &app.store;
    let user = users::find(sql, id).await?.ok_or(Error::NotFound)?;
    if !user.is_active {
        return Err(Error::UserInactive);
    }
    let email = Email::parse(&user.email).map_err(|_| Error::NoMailbox)?;

    let reset = reset_token::new(app)?;
    let queued = QueuedMail::password_reset(app, &email, &reset).await?;
    let event = audit::by_admin(app, Action::PasswordResetRequested, admin, id);
    if !administration::begin_password_reset(sql, id, &reset.id, &queued.mail, &event).await? {
        // The user was deleted or deactivated in the meantime.
        return Err(Error::NotFound);
    }
    queued.deliver_later(app);
    Ok(Response::ok())
}
