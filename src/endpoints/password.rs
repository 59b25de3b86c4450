//! `PUT` and `DELETE /api/auth/me/password`

use postern_macros::{FromFields, operation};

use crate::{
    access::{
        audit,
        bearer::{self, Session},
        new_password,
        password_attempt::{self, Verdict},
        recent::{self, RecentAuthentication},
        second_factor,
    },
    app::App,
    crypto::password_hash,
    domain::{
        email::Email,
        event::Action,
        password::{NewPassword, Password},
        proof::Method,
    },
    error::Error,
    mail::{message::SecurityNotice, queue::QueuedNotice},
    responses::RecoveryCodesIfNew,
    store::{
        second_factors,
        users::{self, Attempted, PasswordRemoval},
    },
    web::{Request, Response, True},
};

/// Current and new password.
#[derive(FromFields)]
pub struct PasswordChange {
    /// The current password. Required, unless the account has none.
    pub old_password: Option<Password>,
    /// The new password.
    pub new_password: NewPassword,
}

/// A [`PasswordChange`] of an account that has a password.
#[derive(FromFields)]
pub struct KnownPasswordChange {
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
/// 3. The old password: 403. An account without a password needs recent authentication instead: 403
///    `reauthentication_required`.
///
/// The change ends all other sessions and all reset tokens, and the user gets a notice by email.
#[operation(
    request_body = PasswordChange,
    responses((status = 200, body = True), (status = "4XX", description = "wrong_password reauthentication_required too_many_requests"))
)]
pub async fn put(app: &App, request: &Request, session: &Session) -> Result<Response, Error> {
    let email = Email::from_store(session.user.email.clone());
    let policy = app.password_policy().owned_by(Some(&email));
    let fields = request.json_fields()?;
    match fields.field::<Option<Password>>("old_password", &policy) {
        Ok(None) if !has_password(app, session).await? => {
            let PasswordChange { new_password, .. } = fields.parse(&policy)?;
            set_first(app, session, &new_password).await
        }
        _ => {
            let KnownPasswordChange { old_password, new_password } = fields.parse(&policy)?;
            change(app, session, &email, &old_password, &new_password).await
        }
    }
}

async fn has_password(app: &App, session: &Session) -> Result<bool, Error> {
    let ways = second_factors::find(&app.store, &session.user.id).await?.ok_or(Error::Unauthorized)?;
    Ok(ways.has_password)
}

async fn change(
    app: &App,
    session: &Session,
    email: &Email,
    old_password: &Password,
    new_password: &NewPassword,
) -> Result<Response, Error> {
    new_password::refuse_breached(app, "new_password", new_password).await?;
    let counters = password_attempt::counters(app, email.as_str());
    let changes = password_attempt::changes(app, &session.user.id);
    let Attempted { attempt, account, .. } =
        users::attempt_password(&app.store, &counters, email.as_str(), None, Some(&changes), app.now).await??;
    // By now, the email can be that of another user, or of none.
    let account = account.filter(|account| account.user.id == session.user.id);
    let account = account.ok_or(Error::Unauthorized)?;
    if password_attempt::verify(app, &account.user.id, old_password, &account.password_hash) == Verdict::Wrong {
        return Err(audit::refused(app, audit::own(app, Action::PasswordChanged, session), Error::WrongPassword));
    }
    let new_hash = password_hash::hash(new_password.as_str(), app.settings().password_cost)?;
    let queued = QueuedNotice::to(app, &account.user, SecurityNotice::PasswordChanged)?;
    let event = audit::own(app, Action::PasswordChanged, session);
    if !users::change_password(&app.store, &account, &new_hash, &session.id, attempt, queued.notice(), &event).await? {
        // The password was changed in the meantime, so the old one is wrong now.
        return Err(Error::WrongPassword);
    }
    queued.deliver_later(app);
    Ok(Response::ok())
}

/// Sets the password of an account that has none.
async fn set_first(app: &App, session: &Session, new_password: &NewPassword) -> Result<Response, Error> {
    new_password::refuse_breached(app, "new_password", new_password).await?;
    recent::require(app, session, RecentAuthentication::Always).await?;
    let new_hash = password_hash::hash(new_password.as_str(), app.settings().password_cost)?;
    let queued = QueuedNotice::to(app, &session.user, SecurityNotice::PasswordChanged)?;
    let event = audit::own(app, Action::PasswordChanged, session);
    if !users::set_first_password(&app.store, &session.user.id, &new_hash, &session.id, queued.notice(), &event).await?
    {
        return Err(bearer::refusal_of_session(app, session, Error::WrongPassword).await);
    }
    queued.deliver_later(app);
    Ok(Response::ok())
}

/// Remove your password.
///
/// You then sign in with a passkey, or with a code by email and a second factor. Your account requires a second factor from then on. The
/// response has ten recovery codes, which are not shown again, or null if you already have some. You get a notice by email.
///
/// If you have not used a passkey in this session, use one first (403 `reauthentication_required`), so that you do not lock yourself
/// out.
#[operation(
    responses((status = 200, body = RecoveryCodesIfNew), (status = "4XX", description = "no_passkey no_password"))
)]
pub async fn delete(app: &App, session: &Session) -> Result<Response, Error> {
    let user_id = &session.user.id;
    if !session.proof.methods().contains(&Method::Passkey) {
        let refusal = recent::required(vec![Method::Passkey.as_str()]);
        return Err(refusal_of_removal(app, session, refusal).await);
    }
    let (recovery_codes, set) = second_factor::draw_recovery_codes(app, user_id)?;
    let queued = QueuedNotice::to(app, &session.user, SecurityNotice::PasswordRemoved)?;
    let event = audit::own(app, Action::PasswordRemoved, session);
    match users::remove_password(&app.store, &session.id, &set, queued.notice(), &event).await? {
        PasswordRemoval::Done { has_new_codes } => {
            queued.deliver_later(app);
            Ok(Response::json(&RecoveryCodesIfNew { recovery_codes: has_new_codes.then_some(recovery_codes) }))
        }
        PasswordRemoval::Refused => Err(refusal_of_removal(app, session, Error::Unauthorized).await),
    }
}

/// Returns why the password cannot be removed: what the user lacks, or else the given reason.
async fn refusal_of_removal(app: &App, session: &Session, otherwise: Error) -> Error {
    let refusal = match second_factors::find(&app.store, &session.user.id).await {
        Ok(Some(ways)) if !ways.has_password => Error::NoPassword,
        Ok(Some(ways)) if ways.passkeys == 0 => Error::NoPasskey,
        Ok(_) => otherwise,
        Err(error) => return error.into(),
    };
    bearer::refusal_of_session(app, session, refusal).await
}
