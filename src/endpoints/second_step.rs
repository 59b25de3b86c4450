//! `POST /api/auth/login/second-factor`

use postern_macros::{FromFields, operation};

use crate::{
    access::{
        audit,
        one_time::{self, Opened, PendingSignIn},
        second_factor, sign_in,
    },
    app::App,
    domain::{
        event::Action,
        one_time_password::Code,
        proof::{Method, Proof},
        recovery_code::RecoveryCode,
    },
    error::Error,
    mail::{message::SecurityNotice, queue::QueuedNotice},
    responses::SignedIn,
    store::{
        second_factors::{self, Answer, Guess, Pending},
        sessions,
        throttles::Counter,
        users::Account,
    },
    web::{Request, Response, session_cookie},
};

/// The token of the sign-in, and exactly one proof.
#[derive(FromFields)]
pub struct TypedSecondStep {
    /// The token in `detail` of the response `second_factor_required`.
    pub token: String,
    /// The six digits that the authenticator app shows. Spaces, hyphens and invisible characters between them are ignored.
    pub code: Option<Code>,
    /// An unused recovery code.
    pub recovery_code: Option<RecoveryCode>,
}

/// What the user proves the second factor with.
enum SecondStep {
    Totp(Code),
    RecoveryCode(RecoveryCode),
}

impl SecondStep {
    fn of(code: Option<Code>, recovery_code: Option<RecoveryCode>) -> Result<SecondStep, Error> {
        match (code, recovery_code) {
            (Some(code), None) => Ok(SecondStep::Totp(code)),
            (None, Some(code)) => Ok(SecondStep::RecoveryCode(code)),
            _ => Err(Error::exactly_one_of(&["code", "recovery_code", "credential"])),
        }
    }
}

/// Complete a login with a second factor.
///
/// A login of a user who requires a second factor returns 403 `second_factor_required` with a token, which is valid for 10 minutes. This
/// endpoint exchanges it for a session, together with a code of the authenticator app or a recovery code. Codes and the token work once;
/// a wrong code does not use up the token.
///
/// The checks run in this order:
///
/// 1. The number of requests from this address: 429. Then the body: 400, 413, 415 or 422.
/// 2. The token: 401 if it is wrong, expired or used, or if the password was changed since then.
/// 3. The number of wrong codes of this user: 429. A code counts before it is checked.
/// 4. The code: 401.
/// 5. The account: 403 if it is deactivated.
#[operation(
    request_body = TypedSecondStep,
    params(session_cookie::Wanted),
    responses(
        (status = 200, body = SignedIn, headers(("Set-Cookie" = String, description = "The session cookie, if it was requested."))),
        (status = "4XX", description = "wrong_code inactive too_many_requests"),
    )
)]
pub async fn post(app: &App, request: &Request) -> Result<Response, Error> {
    let TypedSecondStep { token, code, recovery_code } = request.json(app)?;
    let step = SecondStep::of(code, recovery_code)?;
    let pending = one_time::open::<PendingSignIn>(app, &token).ok_or(Error::WrongCode)?;
    match step {
        SecondStep::Totp(code) => by_totp(app, request, &pending, &code).await,
        SecondStep::RecoveryCode(code) => by_recovery_code(app, request, &pending, &code).await,
    }
}

async fn by_totp(
    app: &App,
    request: &Request,
    pending: &Opened<PendingSignIn>,
    code: &Code,
) -> Result<Response, Error> {
    let user_id = &pending.content.user_id;
    let guesses = second_factor::guesses(app, user_id);
    let Guess { account, stored } = second_factors::guess_totp(&app.store, &guesses, user_id, app.now).await??;
    let right = stored.first().and_then(|totp| second_factor::right_code(app, user_id, totp, code.as_str()));
    let account = allowed(app, user_id, account, right.is_some())?;
    let right = right.ok_or(Error::WrongCode)?;
    let new = sign_in::new_session(app, request, Proof::parse(&pending.content.methods).and(Method::Totp))?;
    complete(app, request, pending, account, &Answer::Totp(right), &new, &guesses).await
}

async fn by_recovery_code(
    app: &App,
    request: &Request,
    pending: &Opened<PendingSignIn>,
    code: &RecoveryCode,
) -> Result<Response, Error> {
    let user_id = &pending.content.user_id;
    let guesses = second_factor::guesses(app, user_id);
    let Guess { account, stored } =
        second_factors::guess_recovery_code(&app.store, &guesses, user_id, app.now).await??;
    let right = second_factor::matching_code(app, user_id, &stored, code);
    let account = allowed(app, user_id, account, right.is_some())?;
    let right = right.ok_or(Error::WrongCode)?;
    let new = sign_in::new_session(app, request, Proof::parse(&pending.content.methods).and(Method::RecoveryCode))?;
    let event = &audit::new_session(app, Action::RecoveryCodeUsed, user_id, &new);
    let left = i64::try_from(stored.len()).unwrap_or(i64::MAX) - 1;
    let queued = QueuedNotice::to(app, &account.user, SecurityNotice::RecoveryCodeUsed { left })?;
    let notice = queued.as_ref().map(|queued| &queued.notice);
    let answer = Answer::RecoveryCode { id: right, event, notice };
    let response = complete(app, request, pending, account, &answer, &new, &guesses).await?;
    queued.into_iter().for_each(|queued| queued.deliver_later(app));
    Ok(response)
}

/// Returns the account, unless the proof was wrong, or the account is not active or was deleted in the meantime.
fn allowed(app: &App, user_id: &str, account: Option<Account>, is_right: bool) -> Result<Account, Error> {
    match account {
        Some(account) if is_right && account.user.is_active => Ok(account),
        Some(_) if is_right => Err(audit::refused_login(app, Some(user_id), Error::Inactive)),
        _ => Err(audit::refused_login(app, Some(user_id), Error::WrongCode)),
    }
}

async fn complete(
    app: &App,
    request: &Request,
    opened: &Opened<PendingSignIn>,
    account: Account,
    answer: &Answer<'_>,
    new: &sessions::New,
    guesses: &Counter,
) -> Result<Response, Error> {
    let PendingSignIn { user_id, password_epoch, .. } = &opened.content;
    let pending =
        Pending { user_id, password_epoch: *password_epoch, token_id: &opened.id, token_expires_at: opened.expires_at };
    let event = audit::new_session(app, Action::Login, user_id, new);
    if !second_factors::complete_sign_in(&app.store, &pending, answer, new, guesses, &event).await? {
        // The code or the token was used, the password changed, or the account deactivated in the meantime.
        return Err(audit::refused_login(app, Some(user_id), Error::WrongCode));
    }
    sign_in::answer(app, request, account.user, account.must_change_password, new)
}
