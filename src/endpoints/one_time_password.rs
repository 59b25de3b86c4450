//! `POST /api/auth/me/send-otp` and `POST /api/auth/verify-otp`

use postern_macros::{FromFields, operation};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    access::{
        audit,
        bearer::{self, Session},
    },
    app::App,
    crypto::random,
    domain::{
        email::Email,
        event::Action,
        one_time_password::{Code, SessionToken},
        user::User,
    },
    error::Error,
    mail::{
        self,
        message::{self, Recipient},
    },
    store::{
        one_time_passwords::{self, BegunSend, CountedGuess},
        records::{self, Key},
    },
    web::{Request, Response, True},
};

/// The response to a sent code.
#[derive(Serialize, ToSchema)]
pub struct CodeSent {
    /// The OTP session token, which must be sent together with the code.
    token: String,
}

/// The code from the email, and its token.
#[derive(FromFields)]
pub struct TypedCode {
    /// The six digits. Spaces, hyphens and invisible characters between them are ignored.
    pub otp: Code,
    /// The OTP session token.
    pub token: SessionToken,
}

/// Send a code to verify your email.
///
/// Returns the OTP session token, which is needed together with the code. The checks run in this order:
///
/// 1. The session: 401 or 403.
/// 2. The email: 409 if it is already verified, or if emails to it bounced or were marked as spam.
/// 3. The time since the last code, the number of codes in an hour, and the number of emails of any kind to this address: 429.
///
/// A new code replaces the previous one. If the email cannot be sent (503), the previous code stays valid.
#[operation(
    responses(
        (status = 200, body = CodeSent),
        (status = "4XX", description = "already_verified email_unreachable too_many_requests"),
    )
)]
pub async fn send(app: &App, session: &Session) -> Result<Response, Error> {
    let user = &session.user;
    if user.is_verified {
        return Err(Error::AlreadyVerified);
    }
    let store = &app.store;
    let (before, problem) = one_time_passwords::find(store, &user.id).await?;
    if problem.is_some() {
        return Err(Error::EmailUnreachable);
    }
    let generation = random::id()?;
    let sent = match one_time_passwords::begin_send(store, &user.id, &generation, before.as_ref(), app.now).await {
        Ok(BegunSend::Begun) => mail_code(app, user, &generation).await,
        Ok(BegunSend::TooSoon(blocked)) => {
            return Err(bearer::refusal_of_session(app, session, blocked.into()).await);
        }
        Ok(BegunSend::AccountClosed) => Err(Error::Unauthorized),
        Err(error) => Err(error.into()),
    };
    let error = match sent {
        Ok(token) => {
            audit::later(app, audit::own(app, Action::OtpSent, session));
            return Ok(Response::json(&CodeSent { token }));
        }
        Err(error) => error,
    };
    // If D1 did not respond, it may have written anyway.
    if let Err(error) = one_time_passwords::undo_send(store, &user.id, &generation, before).await {
        let cause = error.0;
        (app.log)(&format!("request {}: a code that was not sent still counts: {cause}", app.request_id));
    }
    Err(error)
}

async fn mail_code(app: &App, user: &User, generation: &str) -> Result<String, Error> {
    let settings = app.settings();
    let code = random::code()?;
    let token = random::token()?;
    let record = records::OneTimePassword {
        user_id: user.id.clone(),
        generation: generation.to_owned(),
        code_hash: app.keys().one_time_password.hash(&["code", generation, &code]),
        expires_at: app.now + settings.otp_lifetime * 1_000,
    };
    let key = Key::one_time_password(&app.keys().one_time_password, &token);
    records::put(&app.store, &key, &record, app.now).await?;
    let email = Email::from_store(user.email.clone());
    let language = user.locale.or(**app.language).unwrap_or_default();
    let to = Recipient { settings, language, to: &email, name: user.name.as_deref() };
    let message = message::one_time_password(to, &code, settings.otp_lifetime)?;
    mail::send_now(app, &message, generation).await?;
    Ok(token)
}

/// Verify an email with a code.
///
/// The email is that of the user who asked for the code. The checks run in this order:
///
/// 1. The number of requests from this address: 429.
/// 2. The form: 400, 413, 415 or 422.
/// 3. The token: 403 if it is unknown, expired or used, or had too many wrong codes. A code counts before it is checked.
/// 4. The number of wrong codes of this user in total: 429.
/// 5. The code: 403.
///
/// Code and token work once.
#[operation(
    request_body(content(
        (TypedCode = "multipart/form-data"),
        (TypedCode = "application/x-www-form-urlencoded"),
    )),
    responses(
        (status = 200, body = True),
        (status = "4XX", description = "wrong_otp otp_token_refused too_many_requests"),
    )
)]
pub async fn verify(app: &App, request: &Request) -> Result<Response, Error> {
    let TypedCode { otp, token } = request.form(app).await?;

    let key = Key::one_time_password(&app.keys().one_time_password, token.as_str());
    let record = records::find(&app.store, &key, app.now).await?.ok_or(Error::OneTimePasswordDead)?;
    match one_time_passwords::count_guess(&app.store, &record.user_id, &record.generation, app.now).await? {
        CountedGuess::Counted => {}
        CountedGuess::Blocked(blocked) => return Err(blocked.into()),
        CountedGuess::Dead => return Err(Error::OneTimePasswordDead),
    }
    if !app.keys().one_time_password.matches(&["code", &record.generation, otp.as_str()], &record.code_hash) {
        let event = audit::without_session(app, Action::OtpVerified, &record.user_id);
        return Err(audit::refused(app, event, Error::WrongOneTimePassword));
    }
    let event = audit::without_session(app, Action::OtpVerified, &record.user_id);
    if !one_time_passwords::complete(&app.store, &record.user_id, &record.generation, &event).await? {
        return Err(Error::OneTimePasswordDead);
    }
    // The record no longer works, because D1 decides. So the response does not wait.
    app.after_response("a used OTP record stays in KV", |app| async move { records::delete(&app.store, &key).await });
    Ok(Response::ok())
}
