//! `POST /api/auth/send-password-reset-link` and `POST /api/auth/reset-password-with-token`

use postern_macros::{FromFields, operation};

use crate::{
    access::{
        audit,
        bearer::PasswordReset,
        captcha::{self, Form},
        first_account, new_password, password_attempt, reset_token,
    },
    app::App,
    crypto::password_hash,
    domain::{
        email::Email,
        event::Action,
        password,
        throttle::{RESET_BY_ADDRESS, RESET_BY_EMAIL},
    },
    error::Error,
    mail::{
        message::SecurityNotice,
        queue::{QueuedMail, QueuedNotice},
    },
    store::{
        records::{self, Key},
        throttles::{self, Counter},
        users,
    },
    web::{Request, Response, True},
};

/// The account with the forgotten password.
#[derive(FromFields)]
pub struct ForgottenPassword {
    /// The email of the account.
    pub email: Email,
    /// The token of a Turnstile widget with the action `password_reset`, if `GET /config` has a `turnstile_site_key`.
    pub captcha: Option<String>,
}

/// The new password.
#[derive(FromFields)]
pub struct NewPassword {
    /// The new password.
    pub password: password::NewPassword,
}

/// Send a password reset link.
///
/// Sends an email if this address has an active account. The response and its timing are the same if not. The checks run in this
/// order:
///
/// 1. The body: 400, 413, 415 or 422.
/// 2. The captcha, if the settings require one: 403.
/// 3. The number of requests for this email and from this address: 429.
///
/// The email is sent after the response. A new link replaces the previous one.
#[operation(
    request_body = ForgottenPassword,
    responses((status = 200, body = True), (status = "4XX", description = "captcha_refused too_many_requests"))
)]
pub async fn send_link(app: &App, request: &Request) -> Result<Response, Error> {
    let ForgottenPassword { email, captcha } = request.json(app)?;
    captcha::verify(app, Form::PasswordReset, captcha.as_deref()).await?;

    first_account::ensure(app).await?;
    let key = &app.keys().throttle;
    let by_email = Counter::new(key, RESET_BY_EMAIL, &[email.as_str()]);
    let by_address = Counter::new(key, RESET_BY_ADDRESS, &[app.address.as_str()]);
    throttles::attempt(&app.store, &by_email, &by_address, app.now).await??;

    let reset = reset_token::new(app)?;
    let queued = QueuedMail::password_reset(app, &email, &reset).await?;
    let event = audit::by_somebody(app, Action::PasswordResetRequested);
    users::begin_password_reset(&app.store, &email, &reset.id, &queued.mail, &event).await?;
    queued.deliver_later(app);
    Ok(Response::ok())
}

/// Set a new password with a reset token.
///
/// The checks run in this order:
///
/// 1. The reset token: 401.
/// 2. The body: 400, 413, 415 or 422. The token stays valid.
/// 3. The reset token again: 401 if it was used in the meantime.
///
/// The token works once. All sessions of the user end, the email counts as verified, and the user gets a notice by email.
#[operation(
    request_body = NewPassword,
    responses((status = 200, body = True))
)]
pub async fn complete(app: &App, request: &Request, reset: &PasswordReset) -> Result<Response, Error> {
    let email = Email::from_store(reset.user.email.clone());
    let NewPassword { password } = request.json(app.password_policy().owned_by(Some(&email)))?;
    new_password::refuse_breached(app, "password", &password).await?;

    let new_hash = password_hash::hash(password.as_str(), app.settings().password_cost)?;
    let counters = password_attempt::counters(app, email.as_str());
    let queued = QueuedNotice::to(app, &reset.user, SecurityNotice::PasswordChanged)?;
    let (store, event) = (&app.store, audit::without_session(app, Action::PasswordResetCompleted, &reset.user.id));
    if !users::complete_password_reset(store, &reset.user.id, &reset.id, &new_hash, &counters, queued.notice(), &event)
        .await?
    {
        return Err(Error::Unauthorized);
    }
    queued.deliver_later(app);
    // The record no longer works, because D1 decides. So the response does not wait.
    let key = Key::password_reset(&reset.id);
    app.after_response("a used reset record stays in KV", |app| async move { records::delete(&app.store, &key).await });
    Ok(Response::ok())
}
