//! `GET`, `POST` and `DELETE /api/auth/me/email`, `POST /api/auth/me/email/verify` and `POST /api/auth/undo-email-change`

use postern_macros::{FromFields, operation};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    access::{
        audit,
        bearer::{self, Session},
        email_change::{self, Mailbox, PendingEmailChange},
        one_time, reset_token,
    },
    app::App,
    crypto::random,
    domain::{Timestamp, email::Email, email_change::confirms_old, event::Action, one_time_password::Code},
    error::Error,
    mail::queue::QueuedMail,
    store::email_changes::{self, Codes, Completion, Named, New, Undo, Undoable},
    web::{Request, Response, True},
};

/// The new address.
#[derive(FromFields)]
pub struct NewEmail {
    /// The new email address.
    pub email: Email,
}

/// The codes of a change.
#[derive(FromFields)]
pub struct EmailCodes {
    /// The token that came with the request for the change.
    pub token: String,
    /// The six digits that were mailed to the new address. Spaces, hyphens and invisible characters between them are ignored.
    pub code: Code,
    /// The six digits that were mailed to the old address, if `confirm` has `old`.
    pub old_code: Option<Code>,
}

/// The link of a mail.
#[derive(FromFields)]
pub struct UndoLink {
    /// The token in the link.
    pub token: String,
}

/// A change that was asked for.
#[derive(Serialize, ToSchema)]
pub struct EmailChangeAsked {
    /// The token, which must be sent together with the codes. It is valid for 10 minutes.
    token: String,
    /// The addresses to which a code was mailed: `new`, or `new` and `old`.
    confirm: Vec<&'static str>,
}

/// The email of the account.
#[derive(Serialize, ToSchema)]
pub struct OwnEmail {
    /// The current address.
    email: String,
    /// Whether it is verified.
    is_verified: bool,
    /// The change that waits for its codes, or null.
    #[schema(required)]
    pending: Option<PendingChange>,
}

/// A change that waits for its codes.
#[derive(Serialize, ToSchema)]
pub struct PendingChange {
    /// The new address.
    email: String,
    /// The addresses to which a code was mailed: `new`, or `new` and `old`.
    confirm: Vec<&'static str>,
    /// When the codes expire.
    expires_at: Timestamp,
}

fn to_confirm(confirms_old: bool) -> Vec<&'static str> {
    if confirms_old { vec!["new", "old"] } else { vec!["new"] }
}

/// Get your email address.
///
/// Returns the current address, and the change that waits for its codes.
#[operation(responses((status = 200, body = OwnEmail)))]
pub async fn get(app: &App, session: &Session) -> Result<Response, Error> {
    let user = &session.user;
    let pending = email_changes::find(&app.store, &user.id, app.now).await?;
    Ok(Response::json(&OwnEmail {
        email: user.email.clone(),
        is_verified: user.is_verified,
        pending: pending.map(|pending| PendingChange {
            email: pending.new_email,
            confirm: to_confirm(pending.confirms_old),
            expires_at: pending.expires_at,
        }),
    }))
}

/// Request a change of your email address.
///
/// Sends a code to the new address, and a notice with a link that stops the change to the old one. If the old address is verified and
/// you require no second factor, the notice has a code too, and both are needed. Nothing changes until `POST /api/auth/me/email/verify`.
///
/// The checks run in this order:
///
/// 1. The session: 401 or 403. Then the body: 400, 413, 415 or 422.
/// 2. The email: 409 if it is the current one.
/// 3. The number of requests by you and for this address: 429.
/// 4. The email again: 409 if another account has it, or had it until a change that can still be undone.
/// 5. The number of emails of any kind to both addresses: 429.
///
/// The codes are valid for 10 minutes, in this session. Another request replaces them, and a new password ends them.
#[operation(
    request_body = NewEmail,
    responses((status = 200, body = EmailChangeAsked), (status = "4XX", description = "same_email email_taken too_many_requests"))
)]
pub async fn post(app: &App, request: &Request, session: &Session) -> Result<Response, Error> {
    let NewEmail { email } = request.json(app)?;
    let user = &session.user;
    if email.as_str() == user.email {
        return Err(Error::SameEmail);
    }
    let counters = email_change::requests(app, &user.id, &email);
    if email_changes::count_request(&app.store, &counters, &user.id, email.as_str(), app.now).await?? {
        return Err(Error::EmailTaken);
    }

    let id = random::id()?;
    let confirms_old = confirms_old(user, session.requires_second_factor);
    let (code, code_hash) = email_change::draw_code(app, &id, Mailbox::New)?;
    let old = if confirms_old { Some(email_change::draw_code(app, &id, Mailbox::Old)?) } else { None };
    let undo_token = email_change::undo_token(app, &id);
    let notice = QueuedMail::email_change_notice(app, user, &undo_token, old.as_ref().map(|(code, _)| code)).await?;
    let to_new = QueuedMail::email_change_code(app, user, &email, &code).await?;
    let new = New {
        id: &id,
        user_id: &user.id,
        session_id: &session.id,
        old_email: &user.email,
        new_email: email.as_str(),
        code_hash: &code_hash,
        old_code_hash: old.as_ref().map(|(_, hash)| hash.as_str()),
        undo_hash: &email_change::undo_hash(&undo_token),
        expires_at: app.now + one_time::LIFETIME,
    };
    let mut queued = vec![&to_new.mail];
    queued.extend(notice.as_ref().map(|notice| &notice.mail));
    let event = audit::own(app, Action::EmailChangeRequested, session);
    if !email_changes::begin(&app.store, &new, &queued, &event).await? {
        return Err(bearer::refusal_of_session(app, session, Error::EmailTaken).await);
    }
    to_new.deliver_later(app);
    if let Some(notice) = notice {
        notice.deliver_later(app);
    }
    let token = one_time::seal(app, &PendingEmailChange { id, email: email.as_str().to_owned(), confirms_old })?;
    Ok(Response::json(&EmailChangeAsked { token, confirm: to_confirm(confirms_old) }))
}

/// Change your email address with the codes.
///
/// The new address counts as verified. All other sessions and all reset tokens end. If the old address was verified, it gets a link with
/// which its owner can undo the change for 7 days, and nobody else can use it meanwhile.
///
/// The checks run in this order:
///
/// 1. The session: 401 or 403. Then the body: 400, 413, 415 or 422.
/// 2. The token: 403 if it is not one of a change, or has expired. Then `old_code`: 422 if it is needed and missing.
/// 3. The number of codes that you have sent, and that were sent for this address: 429. A code counts before it is checked.
/// 4. The change: 403 if it is no longer the pending one, or had five guesses.
/// 5. The codes: 403.
/// 6. The new address: 409 if another account has it by now.
#[operation(
    request_body = EmailCodes,
    responses(
        (status = 200, body = True),
        (status = "4XX", description = "wrong_otp otp_token_refused email_taken too_many_requests"),
    )
)]
pub async fn verify(app: &App, request: &Request, session: &Session) -> Result<Response, Error> {
    let EmailCodes { token, code, old_code } = request.json(app)?;
    let opened = one_time::open::<PendingEmailChange>(app, &token).ok_or(Error::OneTimePasswordDead)?;
    let PendingEmailChange { id, email, confirms_old } = opened.content;
    if confirms_old && old_code.is_none() {
        return Err(Error::missing("old_code"));
    }
    let user = &session.user;
    let change = Named { id: &id, user_id: &user.id, session_id: &session.id };
    let counters = email_change::guesses(app, &user.id, &email);
    let Some(codes) = email_changes::guess(&app.store, &counters, change, app.now).await?? else {
        return Err(bearer::refusal_of_session(app, session, Error::OneTimePasswordDead).await);
    };
    let event = audit::own(app, Action::EmailChanged, session);
    if !are_right(app, &id, &codes, &code, old_code.as_ref()) {
        return Err(audit::refused(app, event, Error::WrongOneTimePassword));
    }
    let queued = QueuedMail::email_changed(app, user, &email_change::undo_token(app, &id))?;
    let mail = queued.as_ref().map(|queued| &queued.mail);
    let refusal = match email_changes::complete(&app.store, change, &email, mail, &event).await? {
        Completion::Done => {
            if let Some(queued) = queued {
                queued.deliver_later(app);
            }
            return Ok(Response::ok());
        }
        Completion::EmailTaken => Error::EmailTaken,
        Completion::Refused => Error::OneTimePasswordDead,
    };
    Err(bearer::refusal_of_session(app, session, refusal).await)
}

/// Compares both codes, so that the time does not show which one is wrong.
fn are_right(app: &App, id: &str, codes: &Codes, code: &Code, old_code: Option<&Code>) -> bool {
    let new_is_right = email_change::is_code(app, id, Mailbox::New, code.as_str(), &codes.code_hash);
    let old_is_right = match (&codes.old_code_hash, old_code) {
        (None, _) => true,
        (Some(hash), Some(code)) => email_change::is_code(app, id, Mailbox::Old, code.as_str(), hash),
        (Some(_), None) => false,
    };
    new_is_right && old_is_right
}

/// Stop the change of your email address.
///
/// The codes that were mailed no longer work. Without a change that waits for codes, nothing happens.
#[operation(responses((status = 200, body = True)))]
pub async fn delete(app: &App, session: &Session) -> Result<Response, Error> {
    let event = audit::own(app, Action::EmailChangeCancelled, session);
    email_changes::cancel(&app.store, &session.user.id, &event).await?;
    Ok(Response::ok())
}

/// Stop or undo a change of the email address.
///
/// Takes the token of the link that was mailed to the old address. A change that waits for its codes is stopped. A change of the last 7
/// days is undone: the old address is that of the account again and counts as verified, the password no longer works, and a reset link
/// is mailed to the old address. All sessions end, and everything that was set up since the day before the change was asked for: passkeys,
/// the authenticator app, recovery codes and user tokens. Later changes of the address end too.
#[operation(
    request_body = UndoLink,
    responses((status = 200, body = True), (status = "4XX", description = "undo_refused"))
)]
pub async fn undo(app: &App, request: &Request) -> Result<Response, Error> {
    let UndoLink { token } = request.json(app)?;
    let hash = email_change::undo_hash(token.trim());
    // A change that is completed between the two statements is undone.
    for _ in 0..2 {
        let found = email_changes::find_undoable(&app.store, &hash, app.now).await?.ok_or(Error::UndoRefused)?;
        if stop_or_undo(app, &hash, &found).await? {
            return Ok(Response::ok());
        }
    }
    Err(Error::UndoRefused)
}

async fn stop_or_undo(app: &App, undo_hash: &str, found: &Undoable) -> Result<bool, Error> {
    let event = |action| audit::without_session(app, action, &found.user_id);
    let Some(number) = found.number else {
        return Ok(email_changes::cancel_by_link(&app.store, undo_hash, &event(Action::EmailChangeCancelled)).await?);
    };
    let new = reset_token::new(app)?;
    let reset = QueuedMail::password_reset_after_undo(app, &found.old_email, &new)?;
    let notice = QueuedMail::email_change_undone(app, found)?;
    let undo = Undo {
        user_id: &found.user_id,
        number,
        undo_hash,
        old_email: &found.old_email,
        reset_id: &new.id,
        reset: &reset.mail,
        notice: notice.as_ref().map(|notice| &notice.mail),
    };
    if !email_changes::undo(&app.store, &undo, &event(Action::EmailChangeUndone)).await? {
        return Ok(false);
    }
    reset.deliver_later(app);
    if let Some(notice) = notice {
        notice.deliver_later(app);
    }
    Ok(true)
}
