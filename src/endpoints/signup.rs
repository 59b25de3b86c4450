//! `POST /api/auth/signup`

use postern_macros::operation;
use utoipa::ToSchema;

use crate::{
    access::{
        audit, new_password, password_attempts,
        sign_in::{self, SignedIn},
    },
    app::App,
    crypto::{password_hash, random},
    domain::{
        email::{self, Email},
        event::Action,
        name, password,
        throttle::SIGN_UP_BY_ADDRESS,
        user::Role,
        user_token,
    },
    error::Error,
    store::{throttles::Counter, user_tokens, users},
    web::{self, Request, Response, session_cookie},
};

/// The account to create.
#[derive(ToSchema)]
pub struct NewAccount {
    /// The user token from the invitation, or the whole link.
    #[schema(example = "aZ09aZ09aZ")]
    pub referrer: String,
    /// An email address without an account.
    #[schema(schema_with = email::schema)]
    pub email: String,
    /// The password.
    #[schema(schema_with = password::schema)]
    pub password: String,
    /// The name of the user.
    #[schema(schema_with = name::optional_schema)]
    pub name: Option<String>,
}

/// Sign up.
///
/// Creates an account for an invited user, with its first session. The checks run in this order:
///
/// 1. The body: 400, 413 or 415, and 422 if `referrer` is not a string.
/// 2. The number of sign-ups from this address: 429.
/// 3. The referrer: 403, even if other fields are invalid.
/// 4. All other fields: 422.
/// 5. The email: 409 if it already has an account.
#[operation(
    request_body = NewAccount,
    params(session_cookie::Wanted),
    responses(
        (status = 200, body = SignedIn, headers(("Set-Cookie" = String, description = "The session cookie, if it was requested."))),
        (status = "4XX", description = "referrer_refused email_taken too_many_requests"),
    )
)]
pub async fn post(app: &App, request: &Request) -> Result<Response, Error> {
    let mut fields = web::json(request)?;
    let referrer = fields.required("referrer", |text| Ok(user_token::pasted(text)));
    let email = fields.required("email", Email::parse);
    let context = password::Context {
        min_length: app.settings().password_min_length,
        service_name: &app.settings().service_name,
        email: email.as_ref(),
    };
    let password = fields.required("password", |text| password::check(text, context));
    let name = fields.optional("name", name::parse);
    let Some(referrer) = referrer.value() else {
        return Err(fields.check().err().unwrap_or(Error::ReferrerRefused));
    };

    let keys = app.keys();
    let counter = Counter::new(&keys.throttle, SIGN_UP_BY_ADDRESS, &[app.address.as_str()]);
    let attempt =
        user_tokens::attempt_sign_up(&app.store, &counter, &keys.user_token, &referrer, email.as_ref(), app.now);
    let invitation = attempt.await??;
    let invitation = invitation.filter(|_| user_token::is_well_formed(&referrer)).ok_or(Error::ReferrerRefused)?;
    let (email, password, name) = (fields.take(email)?, fields.take(password)?, fields.take(name)?);
    new_password::refuse_breached(app, "password", &password).await?;
    if invitation.email_taken != 0 {
        return Err(Error::EmailTaken);
    }

    let password_hash = password_hash::hash(&password, app.settings().password_cost)?;
    let user_id = random::id()?;
    let session = sign_in::new_session(app, request)?;
    let new = users::New {
        id: &user_id,
        email: &email,
        password_hash: &password_hash,
        name: name.as_deref(),
        referrer_lookup: &invitation.lookup,
    };
    let event = audit::new_session(app, Action::Signup, &user_id, &session).sets(Some(Role::User), Some(0));
    let counters = password_attempts::counters(app, email.as_str());
    match users::sign_up(&app.store, new, &session, &counters, &event).await? {
        users::SignUp::Done(user) => sign_in::answer(app, request, *user, false, &session),
        users::SignUp::EmailTaken => Err(Error::EmailTaken),
        users::SignUp::ReferrerEnded => Err(Error::ReferrerRefused),
    }
}
