//! `POST /api/auth/reauthenticate`

use postern_macros::{FromFields, operation};

use crate::{
    access::{
        audit,
        bearer::{self, Session},
        one_time::Ceremony,
        passkey,
        password_attempt::{self, Verdict},
    },
    app::App,
    domain::{event::Action, passkey::AuthenticationResponse, password::Password, proof::Method},
    error::{Error, FieldProblem},
    responses::PasskeyRequest,
    store::{
        passkeys,
        users::{self, Attempted},
    },
    web::{Request, Response, True},
};

/// The proof. Exactly one is required.
#[derive(FromFields)]
pub struct NewProof {
    /// The password. It is too little if you require a second factor.
    pub password: Option<Password>,
    /// The passkey, as its `toJSON()` returns it. It needs the token of its options, see `POST
    /// /api/auth/reauthenticate/passkey/options`.
    pub credential: Option<AuthenticationResponse>,
    /// The token that came with the options of the passkey.
    pub token: Option<String>,
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
    let NewProof { password, credential, token } = request.json(app)?;
    match (password, credential, token) {
        (Some(password), None, None) => by_password(app, session, &password).await,
        (None, Some(credential), Some(token)) => by_passkey(app, request, session, &credential, &token).await,
        _ => Err(Error::Invalid(vec![FieldProblem {
            loc: vec!["body"],
            msg: "must have exactly one of password, code and credential, the latter with its token".to_owned(),
            kind: "missing",
        }])),
    }
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

/// Begin to confirm with a passkey that it is you.
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
    let challenge = passkey::open(app, token, &ceremony(session)).ok_or(Error::WrongProof)?;
    let assertion = passkey::authenticate(app, request, &challenge, credential).map_err(|_| Error::WrongProof)?;
    let found = passkeys::find(&app.store, &credential.credential_id).await?;
    let verdict = passkey::verify(app, found.as_ref(), &assertion, credential).await?;
    let event = audit::own(app, Action::Reauthenticated, session);
    let is_own = found.is_some_and(|found| found.account.user.id == session.user.id);
    if verdict != passkey::Verdict::Right || !is_own {
        return Err(audit::refused(app, event, Error::WrongProof));
    }
    let proof = session.proof.clone().and(Method::Passkey);
    let used = assertion.used(credential, &session.user.id, &challenge);
    if !passkeys::reauthenticate(&app.store, &used, &session.id, &proof, &event).await? {
        // The token was used before, or the passkey was used or removed in the meantime.
        return Err(audit::refused(app, event, Error::WrongProof));
    }
    Ok(Response::ok())
}
