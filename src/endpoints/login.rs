//! `POST /api/auth/login`

use postern_macros::{FromFields, operation};

use crate::{
    access::{
        audit, first_account,
        password_attempt::{self, Verdict},
        sign_in,
    },
    app::App,
    crypto::password_hash,
    domain::{
        email::LoginName,
        event::Action,
        password::Password,
        proof::{Method, Proof},
    },
    error::Error,
    mail::queue,
    responses::SignedIn,
    store::{
        throttles::PasswordAttempt,
        users::{self, Account, Attempted},
    },
    web::{Request, Response, session_cookie},
};

/// Login credentials.
#[derive(FromFields)]
pub struct Credentials {
    /// The email. Case and surrounding spaces do not matter. The default account has the email `admin`.
    pub email: LoginName,
    /// The password.
    pub password: Password,
}

/// Log in.
///
/// Exchanges an email and a password for a session. The checks run in this order:
///
/// 1. The body: 400, 413, 415 or 422.
/// 2. The number of failed attempts for this account, then from this address: 429. An attempt counts before it is checked.
/// 3. The email and the password: 401. An unknown email takes as long as a wrong password.
/// 4. The account: 403 if it is deactivated.
/// 5. The second factor: 403 `second_factor_required` if the user requires one. `detail` has what `POST
///    /api/auth/login/second-factor` needs.
///
/// A right password no longer counts as an attempt.
#[operation(
    request_body = Credentials,
    params(session_cookie::Wanted),
    responses(
        (status = 200, body = SignedIn, headers(("Set-Cookie" = String, description = "The session cookie, if it was requested."))),
        (status = "4XX", description = "wrong_credentials inactive second_factor_required too_many_requests"),
    )
)]
pub async fn post(app: &App, request: &Request) -> Result<Response, Error> {
    let Credentials { email, password } = request.json(app)?;

    first_account::ensure(app).await?;
    let counters = password_attempt::counters(app, email.as_str());
    let sample = password_attempt::sample(app, email.as_str());
    let Attempted { attempt, account, sample } =
        users::attempt_password(&app.store, &counters, email.as_str(), Some(&sample), None, app.now).await??;

    let Some(account) = account.filter(|account| !account.password_hash.is_empty()) else {
        password_attempt::spend(app, &password, sample.as_deref());
        return Err(audit::refused_login(app, None, Error::WrongCredentials));
    };
    let user_id = &account.user.id;
    let is_outdated = match password_attempt::verify(app, user_id, &password, &account.password_hash) {
        Verdict::Right { is_outdated } if account.user.is_active => is_outdated,
        Verdict::Right { .. } => return Err(audit::refused_login(app, Some(user_id), Error::Inactive)),
        Verdict::Wrong => return Err(audit::refused_login(app, Some(user_id), Error::WrongCredentials)),
    };
    let cost = app.settings().password_cost;
    let rehashed = if is_outdated { Some(password_hash::hash(password.canonical(), cost)?) } else { None };
    let proof = Proof::by(Method::Password);
    if account.requires_second_factor {
        return Err(second_step(app, &account, &proof, attempt, rehashed.as_deref()).await?);
    }
    let new = sign_in::new_session(app, &account.user, proof)?;
    let event = audit::new_session(app, Action::Login, &account.user.id, &new);
    let begun = users::complete_login(&app.store, &account, &new, attempt, rehashed.as_deref(), &event).await?;
    // Otherwise the password was changed, the account deactivated or a second factor added in the meantime.
    let begun = begun.ok_or(Error::WrongCredentials)?;
    queue::deliver_new_device_later(app, &new, &begun);
    sign_in::answer(app, request, account.user, account.must_change_password, &new).await
}

/// Returns the refusal that leads to the second step.
async fn second_step(
    app: &App,
    account: &Account,
    proof: &Proof,
    attempt: PasswordAttempt<'_>,
    rehashed: Option<&str>,
) -> Result<Error, Error> {
    let token = sign_in::pending(app, account, proof, None)?;
    let event = audit::first_step(app, &account.user.id);
    let ways = users::complete_first_step(&app.store, account, attempt, rehashed, &event).await?;
    // Without ways, the account was deleted in the meantime.
    Ok(ways.map_or(Error::WrongCredentials, |ways| sign_in::second_step(app, token, &ways)))
}
