//! `POST /api/auth/login`

use http::header;
use serde::Serialize;

use crate::{
    access,
    app::App,
    crypto::{password_hash, random},
    domain::{
        email::Email,
        throttle::{PASSWORD_BY_ACCOUNT, PASSWORD_BY_ADDRESS, PASSWORD_BY_KNOWN_ADDRESS},
        user::User,
    },
    error::Error,
    first_account,
    store::{
        sessions,
        throttles::{Counter, PasswordCounters},
        users,
    },
    web::{self, Request, Response},
};

/// The answer to a login and to a sign-up.
#[derive(Serialize)]
pub(super) struct SignedIn {
    pub token: String,
    pub user: User,
    /// Absent but for the default account with its default password.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub must_change_password: bool,
}

/// Exchanges an email and a password for a session.
///
/// 1. 415, 400, 413, 422: the body.
/// 2. 429: the account, then the address, was tried too often. The attempt is counted before it is judged.
/// 3. 401: unknown email or wrong password, in the same time: an unknown email's password is verified against a decoy.
/// 4. 403: inactive.
/// 5. 200: the session is there, and the count is taken back.
///
/// # Errors
/// As listed; 503.
pub async fn post(app: &App, request: &Request) -> Result<Response, Error> {
    let mut fields = web::json(request)?;
    let email = fields.required("email", |text| Ok(Email::lookup_form(text)));
    let password = fields.required("password", |text| Ok(text.to_owned()));
    let (email, password) = (fields.take(email)?, fields.take(password)?);

    first_account::ensure(app).await?;
    let counters = password_counters(app, &email);
    let account = users::attempt_login(app.sql.as_ref(), &counters, &email, app.now).await?;

    let cost = app.settings().password_cost;
    let Some(account) = account else {
        password_hash::verify(&password, &password_hash::decoy(cost)?)?;
        return Err(Error::WrongCredentials);
    };
    if !password_hash::verify(&password, &account.password_hash)? {
        return Err(Error::WrongCredentials);
    }
    if !account.user.is_active {
        return Err(Error::Inactive);
    }

    let rehashed = if password_hash::is_weaker(&account.password_hash, cost) {
        Some(password_hash::hash(&password, cost)?)
    } else {
        None
    };
    let session_id = random::id()?;
    let new = new_session(app, request, &session_id);
    if !users::complete_login(app.sql.as_ref(), &account, new, &counters, rehashed.as_deref()).await? {
        // The password was changed, or the account deactivated, while this one was verified.
        return Err(Error::WrongCredentials);
    }
    Ok(Response::json(&SignedIn {
        token: access::session_token(app, &account.user, &session_id, new.expires_at)?,
        user: account.user,
        must_change_password: account.must_change_password,
    }))
}

/// The counters of attempts at the password of `email`.
pub(super) fn password_counters(app: &App, email: &str) -> PasswordCounters {
    let key = &app.keys().throttle;
    let address = app.address.as_str();
    PasswordCounters {
        account: Counter::new(key, PASSWORD_BY_ACCOUNT, &[email]),
        known_address: Counter::new(key, PASSWORD_BY_KNOWN_ADDRESS, &[email, address]),
        address: Counter::new(key, PASSWORD_BY_ADDRESS, &[address]),
    }
}

/// A session that begins with this request.
pub(super) fn new_session<'a>(app: &App, request: &'a Request, id: &'a str) -> sessions::New<'a> {
    let user_agent = request.header(header::USER_AGENT).map(|text| text.get(..200).unwrap_or(text));
    sessions::New { id, user_agent, now: app.now, expires_at: app.settings().session.expiry(app.now) }
}
