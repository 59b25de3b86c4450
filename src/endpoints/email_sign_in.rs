//! `POST /api/auth/login/email`, `POST /api/auth/login/email/verify` and `POST /api/auth/signup/verify`

use postern_macros::{FromFields, operation};

use crate::{
    access::{
        captcha::{self, Form},
        email_proof::{self, Answer},
        email_sign_in, first_account,
        one_time::EmailPurpose,
    },
    app::App,
    domain::{email::Email, one_time_password::Code},
    error::Error,
    mail::{email_code, queue},
    responses::{EmailCodeSent, SignedIn, Waiting},
    web::{Request, Response, session_cookie},
};

/// The email to sign in with.
#[derive(FromFields)]
pub struct EmailToSignIn {
    /// The email of the account.
    pub email: Email,
    /// The token of a Turnstile widget with the action `login_email`, if `GET /config` has a `turnstile_site_key`.
    pub captcha: Option<String>,
}

/// Send a code to sign in by email.
///
/// Sends an email with a code and a link if this address has an account. Where people may sign up without an invitation, an address
/// without an account gets a code too, which creates one. The response and its timing are always the same. The checks run in this order:
///
/// 1. The setting: 403 if sign-in by email is turned off.
/// 2. The body: 400, 413, 415 or 422.
/// 3. The captcha, if the settings require one: 403.
/// 4. The number of codes for this email and from this address, and of emails of any kind to it: 429.
///
/// The email is sent after the response. The token stays with the client that has asked: a person who reads the email gets no session
/// without it, and neither does a mail scanner that opens the link.
#[operation(
    request_body = EmailToSignIn,
    responses((status = 200, body = EmailCodeSent), (status = "4XX", description = "email_sign_in_off captcha_refused too_many_requests"))
)]
pub async fn post(app: &App, request: &Request) -> Result<Response, Error> {
    if !app.settings().email_sign_in {
        return Err(Error::EmailSignInOff);
    }
    let EmailToSignIn { email, captcha } = request.json(app)?;
    captcha::verify(app, Form::EmailSignIn, captcha.as_deref()).await?;
    email_code::count_request(app, &email).await?;
    let issued = email_code::send(app, &email, EmailPurpose::SignIn).await?;
    Ok(Response::json(&issued.into_response()))
}

/// The token of the request, and either the code or the secret from the email.
#[derive(FromFields)]
pub struct TypedEmailCode {
    /// The token that the request for the email returned.
    pub token: String,
    /// The six digits in the email. Spaces, hyphens and invisible characters between them are ignored.
    pub code: Option<Code>,
    /// The parameter `secret` in the link of the email.
    pub secret: Option<String>,
}

/// Sign in with a code from an email.
///
/// Exchanges the token and the code, or the token and the secret in the link, for a session. Token and code work once, until they
/// expire (`OTP_LIFETIME_SECONDS`, by default 10 minutes). The checks run in this order:
///
/// 1. The number of requests from this address: 429. Then the body: 400, 413, 415 or 422.
/// 2. The token: 401 if it is wrong, expired or used, or had five wrong codes. A code counts before it is checked.
/// 3. The number of wrong codes for this email: 429. The secret in the link still works.
/// 4. The code or the secret: 401.
/// 5. The account: 403 if it is deactivated, or requires a second factor. `detail` has what `POST /api/auth/login/second-factor` needs.
///
/// If nobody had verified the email of the account, the account may have been created by someone else. Then its password, sessions,
/// passkeys, authenticator app and user tokens end before the session starts.
///
/// Without an account, the email signs up: the response is a session, or 202 if an admin must approve the account, or 403 if the email may
/// not sign up.
#[operation(
    request_body = TypedEmailCode,
    params(session_cookie::Wanted),
    responses(
        (status = 200, body = SignedIn, headers(("Set-Cookie" = String, description = "The session cookie, if it was requested."))),
        (status = 202, body = Waiting),
        (status = "4XX", description = "wrong_code email_sign_in_off inactive second_factor_required invitation_required domain_refused sign_up_closed email_taken too_many_sign_ups too_many_requests"),
    )
)]
pub async fn verify(app: &App, request: &Request) -> Result<Response, Error> {
    prove(app, request).await
}

/// Complete a sign-up with a code from an email.
///
/// Creates the account, with its first session. The email is verified. Otherwise like `POST /api/auth/login/email/verify`: 202 if an admin
/// must approve the account, 409 if the email has a verified account.
#[operation(
    request_body = TypedEmailCode,
    params(session_cookie::Wanted),
    responses(
        (status = 200, body = SignedIn, headers(("Set-Cookie" = String, description = "The session cookie, if it was requested."))),
        (status = 202, body = Waiting),
        (status = "4XX", description = "wrong_code inactive invitation_required domain_refused sign_up_closed email_taken too_many_sign_ups too_many_requests second_factor_required"),
    )
)]
pub async fn verify_sign_up(app: &App, request: &Request) -> Result<Response, Error> {
    prove(app, request).await
}

async fn prove(app: &App, request: &Request) -> Result<Response, Error> {
    let TypedEmailCode { token, code, secret } = request.json(app)?;
    let answer = Answer::read(code, secret)?;
    // Otherwise the first sign-up would take the place of the first admin.
    first_account::ensure(app).await?;
    let proven = email_proof::check(app, &token, &answer).await?;
    let opened = email_sign_in::complete(app, request, proven).await?;
    queue::deliver_new_device_of(app, &opened);
    opened.respond(app, request, None).await
}
