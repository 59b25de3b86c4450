//! `POST /api/auth/reauthenticate` and what starts it

use postern_macros::{FromFields, operation};

use crate::{
    access::{
        audit,
        bearer::{self, Session},
        email_proof::{self, Answer},
        one_time::{Ceremony, EmailPurpose},
        passkey,
        password_attempt::{self, Verdict},
        recent, second_factor,
    },
    app::App,
    domain::{
        email::Email, event::Action, one_time_password::Code, passkey::AuthenticationResponse, password::Password,
        proof::Method, throttle::EMAIL_CODE_SENT_BY_EMAIL_AND_ADDRESS,
    },
    error::Error,
    mail::email_code,
    responses::{EmailCodeSent, PasskeyRequest},
    store::{
        email_proofs::{self, ProvenToken},
        passkeys,
        second_factors::{self, Guess},
        throttles::{self, Counter},
        totp,
        users::{self, Attempted},
    },
    web::{Request, Response, True},
};

/// The proof. Exactly one is required.
#[derive(FromFields)]
pub struct NewProof {
    /// The password. It is not enough if you require a second factor.
    pub password: Option<Password>,
    /// The passkey, as its `toJSON()` returns it. It needs the token of its options, see `POST
    /// /api/auth/reauthenticate/passkey/options`.
    pub credential: Option<AuthenticationResponse>,
    /// The token that came with the options of the passkey, or with the code by email.
    pub token: Option<String>,
    /// The six digits that you got by email, see `POST /api/auth/reauthenticate/email`. They are not enough if you require a second factor.
    pub email_code: Option<Code>,
    /// The six digits that your authenticator app shows. Spaces, hyphens and invisible characters between them are ignored.
    pub code: Option<Code>,
}

/// Confirm that it is you.
///
/// Proves again who you are, in the same session, so that sensitive calls work for the next 15 minutes. The response
/// `reauthentication_required` of such a call lists the methods to choose from. The next `GET /me` returns a token with the new
/// `auth_time`, `amr` and `acr`.
#[operation(
    request_body = NewProof,
    responses((status = 200, body = True), (status = "4XX", description = "wrong_proof too_many_requests"))
)]
pub async fn post(app: &App, request: &Request, session: &Session) -> Result<Response, Error> {
    let NewProof { password, code, credential, token, email_code } = request.json(app)?;
    match (password, code, credential, email_code, token) {
        (Some(password), None, None, None, None) => by_password(app, session, &password).await,
        (None, Some(code), None, None, None) => by_totp(app, session, &code).await,
        (None, None, Some(credential), None, Some(token)) => {
            by_passkey(app, request, session, &credential, &token).await
        }
        (None, None, None, Some(code), Some(token)) => by_email(app, session, &token, code).await,
        _ => {
            Err(Error::exactly_one_of(&["password", "code", "credential with its token", "email_code with its token"]))
        }
    }
}

/// Send a code to confirm by email that it is you.
///
/// The code goes to your verified email. The checks run in this order:
///
/// 1. The methods that you can use: 403 if your email is not verified, you require a second factor, or sign-in by email is off. `detail`
///    lists the methods.
/// 2. The email: 409 if mail to you bounced or was marked as spam.
/// 3. The number of emails: 429 if too many were sent to you.
#[operation(
    responses((status = 200, body = EmailCodeSent), (status = "4XX", description = "reauthentication_required email_unreachable too_many_requests"))
)]
pub async fn send_email_code(app: &App, session: &Session) -> Result<Response, Error> {
    let ways = second_factors::find(&app.store, &session.user.id).await?.ok_or(Error::Unauthorized)?;
    let methods = recent::methods(app, &ways);
    if !methods.contains(&Method::EmailCode.as_str()) {
        return Err(recent::required(methods));
    }
    if ways.email_problem().is_some() {
        return Err(Error::EmailUnreachable);
    }
    let email = Email::from_store(session.user.email.clone());
    let counter = Counter::new(&app.keys().throttle, EMAIL_CODE_SENT_BY_EMAIL_AND_ADDRESS, &["owner", email.as_str()]);
    throttles::attempt_one(&app.store, &counter, app.now).await??;
    let issued = email_code::send_to_owner(app, session).await?;
    Ok(Response::json(&issued.into_response()))
}

async fn by_email(app: &App, session: &Session, token: &str, code: Code) -> Result<Response, Error> {
    let event = audit::own(app, Action::Reauthenticated, session);
    let proven = match email_proof::check(app, token, &Answer::Code(code)).await {
        Ok(proven) => proven,
        Err(Error::WrongCode) => return Err(audit::refused(app, event, Error::WrongProof)),
        Err(error) => return Err(error),
    };
    let own = EmailPurpose::Reauthentication { user_id: session.user.id.clone(), session_id: session.id.clone() };
    if proven.token.content.purpose != own || session.requires_second_factor {
        return Err(audit::refused(app, event, Error::WrongProof));
    }
    let token = ProvenToken {
        id: &proven.token.id,
        expires_at: proven.token.expires_at,
        email: &proven.email,
        asked_at: proven.token.content.asked_at,
        guesses: proven.guesses.as_ref(),
        identity: None,
    };
    let proof = session.proof.clone().and(Method::EmailCode);
    if !email_proofs::reauthenticate(&app.store, &token, &session.id, &proof, &event).await? {
        // The code was used before, or the session, the email or the account changed in the meantime.
        let refusal = bearer::refusal_of_session(app, session, Error::WrongProof).await;
        return Err(audit::refused(app, event, refusal));
    }
    Ok(Response::ok())
}

async fn by_totp(app: &App, session: &Session, code: &Code) -> Result<Response, Error> {
    let user_id = &session.user.id;
    let guesses = second_factor::guesses(app, user_id);
    let Guess { stored, .. } = second_factors::guess_totp(&app.store, &guesses, user_id, app.now).await??;
    let event = audit::own(app, Action::Reauthenticated, session);
    let Some(right) = stored.first().and_then(|totp| second_factor::right_code(app, user_id, totp, code.as_str()))
    else {
        return Err(audit::refused(app, event, Error::WrongProof));
    };
    let proof = session.proof.clone().and(Method::Totp);
    if !totp::reauthenticate(&app.store, user_id, right, (&session.id, &proof), &guesses, &event).await? {
        // The code was used before, or the session or the account was closed in the meantime.
        let refusal = bearer::refusal_of_session(app, session, Error::WrongProof).await;
        return Err(audit::refused(app, event, refusal));
    }
    Ok(Response::ok())
}

async fn by_password(app: &App, session: &Session, password: &Password) -> Result<Response, Error> {
    if session.requires_second_factor {
        return Err(Error::WrongProof);
    }
    let email = session.user.email.as_str();
    let counters = password_attempt::counters(app, email);
    let Attempted { attempt, account, .. } =
        users::attempt_password(&app.store, &counters, email, None, None, app.now).await??;
    // By now, the email can be that of another user, or of none.
    let account = account.filter(|account| account.user.id == session.user.id).ok_or(Error::Unauthorized)?;
    let event = audit::own(app, Action::Reauthenticated, session);
    let verdict = password_attempt::verify(app, &account.user.id, password, &account.password_hash);
    if verdict == Verdict::Wrong || account.requires_second_factor {
        return Err(audit::refused(app, event, Error::WrongProof));
    }
    let proof = session.proof.clone().and(Method::Password);
    if !users::reauthenticate(&app.store, &account, &session.id, &proof, attempt, &event).await? {
        // The session has ended or the password was changed in the meantime.
        return Err(Error::Unauthorized);
    }
    Ok(Response::ok())
}

/// Start confirming with a passkey that it is you.
///
/// Returns what `navigator.credentials.get` needs, and a token for `POST /api/auth/reauthenticate`.
#[operation(
    responses((status = 200, body = PasskeyRequest), (status = "4XX", description = "no_passkey"))
)]
pub async fn passkey_options(app: &App, session: &Session) -> Result<Response, Error> {
    let passkeys = passkeys::list(&app.store, &session.user.id).await?;
    if passkeys.is_empty() {
        return Err(bearer::refusal_of_session(app, session, Error::NoPasskey).await);
    }
    Ok(Response::json(&passkey::issue(app, ceremony(session))?.request(app, passkeys)))
}

fn ceremony(session: &Session) -> Ceremony {
    Ceremony::Reauthentication { user_id: session.user.id.clone(), session_id: session.id.clone() }
}

async fn by_passkey(
    app: &App,
    request: &Request,
    session: &Session,
    credential: &AuthenticationResponse,
    token: &str,
) -> Result<Response, Error> {
    let authentication = passkey::authenticate(app, request, token, &ceremony(session), credential).await?;
    let authentication = authentication.ok_or(Error::WrongProof)?;
    let event = audit::own(app, Action::Reauthenticated, session);
    let is_own = authentication.found.as_ref().is_some_and(|found| found.account.user.id == session.user.id);
    if !authentication.is_right || !is_own {
        return Err(audit::refused(app, event, Error::WrongProof));
    }
    let proof = session.proof.clone().and(Method::Passkey);
    let used = authentication.used(&session.user.id);
    if !passkeys::reauthenticate(&app.store, &used, &session.id, &proof, &event).await? {
        // The token was used before, or the passkey was used or removed in the meantime.
        return Err(audit::refused(app, event, Error::WrongProof));
    }
    Ok(Response::ok())
}
