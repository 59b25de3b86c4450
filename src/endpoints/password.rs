//! `PUT /api/auth/me/password`

use postern_macros::{FromFields, operation};

use crate::{
    access::{
        audit,
        bearer::Session,
        new_password,
        password_attempt::{self, Verdict},
    },
    app::App,
    crypto::password_hash,
    domain::{
        email::Email,
        event::Action,
        password::{NewPassword, Password},
    },
    error::Error,
    mail::{message::SecurityNotice, queue::QueuedNotice},
    store::users::{self, Attempted},
    web::{Request, Response, True},
};

/// Current and new password.
#[derive(FromFields)]
pub struct PasswordChange {
    /// The current password.
    pub old_password: Password,
    /// The new password.
    pub new_password: NewPassword,
}

/// Change your password.
///
/// The checks run in this order:
///
/// 1. The session: 401 or 403. Then the body: 400, 413, 415 or 422.
/// 2. The number of failed logins, which include wrong old passwords here, and of password changes: 429.
/// 3. The old password: 403.
///
/// The change ends all other sessions and all reset tokens, and the user gets a notice by email.
#[operation(
    request_body = PasswordChange,
    responses((status = 200, body = True), (status = "4XX", description = "wrong_password too_many_requests"))
)]
pub async fn put(app: &App, request: &Request, session: &Session) -> Result<Response, Error> {
    let email = Email::from_store(session.user.email.clone());
    let policy = app.password_policy().owned_by(Some(&email));
    let PasswordChange { old_password, new_password } = request.json(policy)?;
    new_password::refuse_breached(app, "new_password", &new_password).await?;

    let counters = password_attempt::counters(app, email.as_str());
    let changes = password_attempt::changes(app, &session.user.id);
    let Attempted { attempt, account, .. } =
        users::attempt_password(&app.store, &counters, email.as_str(), None, Some(&changes), app.now).await??;
    // By now, the email can be that of another user, or of none.
    let account = account.filter(|account| account.user.id == session.user.id);
    let account = account.ok_or(Error::Unauthorized)?;
    if password_attempt::verify(app, &account.user.id, &old_password, &account.password_hash) == Verdict::Wrong {
        return Err(audit::refused(app, audit::own(app, Action::PasswordChanged, session), Error::WrongPassword));
    }
    let new_hash = password_hash::hash(new_password.as_str(), app.settings().password_cost)?;
    let queued = QueuedNotice::to(app, &account.user, SecurityNotice::PasswordChanged)?;
    let notice = queued.as_ref().map(|queued| &queued.notice);
    let event = audit::own(app, Action::PasswordChanged, session);
    if !users::change_password(&app.store, &account, &new_hash, &session.id, attempt, notice, &event).await? {
        // The password was changed in the meantime, so the old one is wrong now.
        return Err(Error::WrongPassword);
    }
    if let Some(queued) = queued {
        queued.deliver_later(app);
    }
    Ok(Response::ok())
}
