//! `POST /api/auth/signup`

use postern_macros::{FromFields, operation};

use crate::{
    access::{
        audit,
        captcha::{self, Form},
        new_password, password_attempt, sign_in,
    },
    app::App,
    crypto::{password_hash, random},
    domain::{
        email::Email,
        event::Action,
        name::Name,
        password::NewPassword,
        proof::{Method, Proof},
        throttle::SIGN_UP_BY_ADDRESS,
        user::Role,
        user_token::{Referrer, is_well_formed},
    },
    error::Error,
    responses::SignedIn,
    store::{throttles::Counter, user_tokens, users},
    web::{Request, Response, session_cookie},
};

/// The account to create.
#[derive(FromFields)]
pub struct NewAccount {
    /// The user token from the invitation, or the whole link.
    pub referrer: Referrer,
    /// An email address without an account.
    #[field(password_owner)]
    pub email: Email,
    /// The password.
    pub password: NewPassword,
    /// The name of the user.
    pub name: Option<Name>,
    /// The token of a Turnstile widget with the action `signup`, if `GET /config` has a `turnstile_site_key`.
    pub captcha: Option<String>,
}

/// Sign up.
///
/// Creates an account for an invited user, with its first session. The checks run in this order:
///
/// 1. The body: 400, 413 or 415, and 422 if `referrer` is not a string.
/// 2. The number of sign-ups from this address: 429.
/// 3. The referrer: 403, even if other fields are invalid.
/// 4. All other fields: 422.
/// 5. The captcha, if the settings require one: 403.
/// 6. The email: 409 if it already has an account.
#[operation(
    request_body = NewAccount,
    params(session_cookie::Wanted),
    responses(
        (status = 200, body = SignedIn, headers(("Set-Cookie" = String, description = "The session cookie, if it was requested."))),
        (status = "4XX", description = "referrer_refused captcha_refused email_taken too_many_requests"),
    )
)]
pub async fn post(app: &App, request: &Request) -> Result<Response, Error> {
    let policy = app.password_policy();
    let fields = request.json_fields()?;
    let account = fields.parse::<NewAccount>(&policy);
    // The referrer is judged first, even if other fields are invalid.
    let referrer = match fields.field::<Referrer>("referrer", &policy) {
        Ok(referrer) => referrer,
        Err(_) => return Err(account.err().unwrap_or(Error::ReferrerRefused)),
    };
    let email = fields.field::<Email>("email", &policy).ok();

    let keys = app.keys();
    let counter = Counter::new(&keys.throttle, SIGN_UP_BY_ADDRESS, &[app.address.as_str()]);
    let (token, email) = (referrer.as_str(), email.as_ref());
    let attempt = user_tokens::attempt_sign_up(&app.store, &counter, &keys.user_token, token, email, app.now);
    let invitation = attempt.await??.filter(|_| is_well_formed(token)).ok_or(Error::ReferrerRefused)?;
    let NewAccount { email, password, name, captcha, .. } = account?;
    captcha::verify(app, Form::SignUp, captcha.as_deref()).await?;
    new_password::refuse_breached(app, "password", &password).await?;
    if invitation.email_taken != 0 {
        return Err(Error::EmailTaken);
    }

    let password_hash = password_hash::hash(password.as_str(), app.settings().password_cost)?;
    let user_id = random::id()?;
    let session = sign_in::new_session(app, request, Proof::by(Method::Password))?;
    let new = users::New {
        id: &user_id,
        email: &email,
        password_hash: &password_hash,
        name: name.as_ref().map(Name::as_str),
        referrer_lookup: &invitation.lookup,
    };
    let event = audit::new_session(app, Action::Signup, &user_id, &session).sets(Some(Role::User), Some(0));
    let counters = password_attempt::counters(app, email.as_str());
    match users::sign_up(&app.store, new, &session, &counters, &event).await? {
        users::SignUp::Done(user) => sign_in::answer(app, request, *user, false, &session),
        users::SignUp::EmailTaken => Err(Error::EmailTaken),
        users::SignUp::ReferrerEnded => Err(Error::ReferrerRefused),
    }
}
