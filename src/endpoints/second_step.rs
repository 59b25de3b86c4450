//! `POST /api/auth/login/second-factor` and `POST /api/auth/login/second-factor/passkey/options`

use postern_macros::{FromFields, operation};

use crate::{
    access::{
        audit,
        one_time::{self, Ceremony, FirstStep, Opened, PendingSignIn},
        passkey, second_factor, sign_in,
    },
    app::App,
    domain::{
        event::Action,
        one_time_password::Code,
        passkey::AuthenticationResponse,
        proof::{Method, Proof},
        recovery_code::RecoveryCode,
    },
    error::Error,
    mail::{
        linked_identity::LinkedIdentity,
        message::SecurityNotice,
        queue::{self, QueuedNotice},
    },
    responses::{PasskeyRequest, SignedIn},
    store::{
        identities::Use as IdentityUse,
        passkeys,
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
    /// The passkey, as its `toJSON()` returns it. It needs the token of its options as `challenge`, see `POST
    /// /api/auth/login/second-factor/passkey/options`.
    pub credential: Option<AuthenticationResponse>,
    /// The token that came with the options of the passkey.
    pub challenge: Option<String>,
}

/// What the user proves the second factor with.
enum SecondStep {
    Totp(Code),
    RecoveryCode(RecoveryCode),
    /// The credential, and the token of its challenge.
    Passkey(AuthenticationResponse, String),
}

impl TypedSecondStep {
    /// Returns the token and the proof.
    fn read(self) -> Result<(String, SecondStep), Error> {
        let TypedSecondStep { token, code, recovery_code, credential, challenge } = self;
        let step = match (code, recovery_code, credential, challenge) {
            (Some(code), None, None, None) => SecondStep::Totp(code),
            (None, Some(code), None, None) => SecondStep::RecoveryCode(code),
            (None, None, Some(credential), Some(challenge)) => SecondStep::Passkey(credential, challenge),
            _ => return Err(Error::exactly_one_of(&["code", "recovery_code", "credential with its challenge"])),
        };
        Ok((token, step))
    }
}

/// Complete a login with a second factor.
///
/// A login of a user who requires a second factor returns 403 `second_factor_required` with a token, which is valid for 10 minutes. This
/// endpoint exchanges it for a session, together with a code of the authenticator app, a recovery code or a passkey. Codes and the token
/// work once; a wrong code does not use up the token.
///
/// The checks run in this order:
///
/// 1. The number of requests from this address: 429. Then the body: 400, 413, 415 or 422.
/// 2. The token: 401 if it is wrong, expired or used, or if the password was changed since then.
/// 3. The number of wrong codes of this user: 429. A code counts before it is checked, and a passkey does not count.
/// 4. The code or the passkey: 401.
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
    let (token, step) = request.json::<TypedSecondStep>(app)?.read()?;
    let pending = one_time::open::<PendingSignIn>(app, &token).ok_or(Error::WrongCode)?;
    match step {
        SecondStep::Totp(code) => by_totp(app, request, &pending, &code).await,
        SecondStep::RecoveryCode(code) => by_recovery_code(app, request, &pending, &code).await,
        SecondStep::Passkey(credential, challenge) => by_passkey(app, request, &pending, &credential, &challenge).await,
    }
}

/// The token of the sign-in.
#[derive(FromFields)]
pub struct SecondStepToken {
    /// The token in `detail` of the response `second_factor_required`.
    pub token: String,
}

/// Start a passkey check for a second factor.
///
/// Returns what `navigator.credentials.get` needs, and a token for `POST /api/auth/login/second-factor`.
#[operation(
    request_body = SecondStepToken,
    responses((status = 200, body = PasskeyRequest), (status = "4XX", description = "wrong_code no_passkey"))
)]
pub async fn passkey_options(app: &App, request: &Request) -> Result<Response, Error> {
    let SecondStepToken { token } = request.json(app)?;
    let pending = one_time::open::<PendingSignIn>(app, &token).ok_or(Error::WrongCode)?;
    let user_id = pending.content.user_id;
    let passkeys = passkeys::list(&app.store, &user_id).await?;
    if passkeys.is_empty() {
        return Err(Error::NoPasskey);
    }
    Ok(Response::json(&passkey::issue(app, Ceremony::SecondStep { user_id })?.request(app, passkeys)))
}

async fn by_passkey(
    app: &App,
    request: &Request,
    pending: &Opened<PendingSignIn>,
    credential: &AuthenticationResponse,
    challenge: &str,
) -> Result<Response, Error> {
    let user_id = &pending.content.user_id;
    let ceremony = Ceremony::SecondStep { user_id: user_id.clone() };
    let authentication = passkey::authenticate(app, request, challenge, &ceremony, credential).await?;
    let mut authentication = authentication.ok_or(Error::WrongCode)?;
    // The passkey of another user is as good as none (Web Authentication Level 3, section 7.2, step 6).
    let own = authentication.found.take().map(|found| found.account).filter(|account| account.user.id == *user_id);
    let account = allowed(app, user_id, own, authentication.is_right)?;
    let new = sign_in::new_session(app, &account.user, Proof::parse(&pending.content.methods).and(Method::Passkey))?;
    let guesses = second_factor::guesses(app, user_id);
    let answer = Answer::Passkey(authentication.used(user_id));
    complete(app, request, pending, account, &answer, &new, &guesses).await
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
    let account = with_epoch(account, pending);
    let stored = stored.first().filter(|_| account.is_some());
    let right = stored.and_then(|totp| second_factor::right_code(app, user_id, totp, code.as_str()));
    let account = allowed(app, user_id, account, right.is_some())?;
    let right = right.ok_or(Error::WrongCode)?;
    let new = sign_in::new_session(app, &account.user, Proof::parse(&pending.content.methods).and(Method::Totp))?;
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
    let account = with_epoch(account, pending);
    let known = if account.is_some() { stored.as_slice() } else { &[] };
    let right = second_factor::matching_code(app, user_id, known, code);
    let account = allowed(app, user_id, account, right.is_some())?;
    let right = right.ok_or(Error::WrongCode)?;
    let new =
        sign_in::new_session(app, &account.user, Proof::parse(&pending.content.methods).and(Method::RecoveryCode))?;
    let event = &audit::new_session(app, Action::RecoveryCodeUsed, user_id, &new);
    let left = i64::try_from(stored.len()).unwrap_or(i64::MAX) - 1;
    let queued = QueuedNotice::to(app, &account.user, SecurityNotice::RecoveryCodeUsed { left })?;
    let answer = Answer::RecoveryCode { id: right, event, notice: queued.notice() };
    let response = complete(app, request, pending, account, &answer, &new, &guesses).await?;
    queued.deliver_later(app);
    Ok(response)
}

/// Returns the account, if its password is still that of the first step. Otherwise no code is compared, so nobody learns from a token
/// that has ended whether a code is right.
fn with_epoch(account: Option<Account>, pending: &Opened<PendingSignIn>) -> Option<Account> {
    account.filter(|account| account.password_epoch == pending.content.password_epoch)
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
    let PendingSignIn { user_id, password_epoch, first_step, .. } = &opened.content;
    let first_step = first_step.as_ref();
    let linked = match first_step.and_then(FirstStep::new_identity) {
        Some(identity) => Some(LinkedIdentity::new(app, identity, &account.user)?),
        None => None,
    };
    let pending = Pending {
        user_id,
        password_epoch: *password_epoch,
        token_id: &opened.id,
        token_expires_at: opened.expires_at,
        first_step: first_step.map(FirstStep::proven),
        identity: match &linked {
            Some(linked) => Some(IdentityUse::New(linked.as_link())),
            None => first_step.and_then(FirstStep::linked_identity).map(IdentityUse::Linked),
        },
    };
    let event = audit::new_session(app, Action::Login, user_id, new);
    let begun = second_factors::complete_sign_in(&app.store, &pending, answer, new, guesses, &event).await?;
    let Some(begun) = begun else {
        // The code or the token was used, the password changed, or the account deactivated in the meantime.
        return Err(audit::refused_login(app, Some(user_id), Error::WrongCode));
    };
    queue::deliver_new_device_later(app, new, &begun);
    if let Some(linked) = linked {
        linked.deliver_later(app);
    }
    sign_in::answer(app, request, account.user, account.must_change_password, new).await
}
