//! `POST /api/auth/reauthenticate`

use postern_macros::{FromFields, operation};

use crate::{
    access::{
        audit,
        bearer::Session,
        password_attempt::{self, Verdict},
    },
    app::App,
    domain::{event::Action, password::Password, proof::Method},
    error::{Error, FieldProblem},
    store::users::{self, Attempted},
    web::{Request, Response, True},
};

/// The proof. Exactly one is required.
#[derive(FromFields)]
pub struct NewProof {
    /// The password. It is too little if you require a second factor.
    pub password: Option<Password>,
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
    let NewProof { password } = request.json(app)?;
    match password {
        Some(password) => by_password(app, session, &password).await,
        None => Err(Error::Invalid(vec![FieldProblem {
            loc: vec!["body"],
            msg: "must have exactly one of password, code and credential".to_owned(),
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
