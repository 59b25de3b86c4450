//! `POST /api/auth/signup`

use postern_macros::{FromFields, operation};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{Ref, RefOr, Schema, schema::AnyOfBuilder},
};

use crate::{
    access::{
        audit,
        captcha::{self, Form},
        invitation, new_password,
        one_time::{Applicant, EmailPurpose},
        password_attempt, sign_in,
    },
    app::App,
    crypto::{password_hash, random},
    domain::{
        email::Email,
        event::Action,
        name::Name,
        note::Note,
        password::NewPassword,
        proof::{Method, Proof},
        sign_up_mode::SignUpMode,
        user::Role,
        user_token::Referrer,
    },
    error::Error,
    mail::email_code,
    responses::{EmailCodeSent, SignedIn},
    store::users,
    web::{Fields, Request, Response, session_cookie},
};

/// The account of an invited user.
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

/// An account without an invitation.
#[derive(FromFields)]
pub struct OpenAccount {
    /// An email address, which gets a code.
    #[field(password_owner)]
    pub email: Email,
    /// The password. It can be left out where users can sign in by email.
    pub password: Option<NewPassword>,
    /// The name of the user.
    pub name: Option<Name>,
    /// A note for the admin who approves the account.
    pub note: Option<Note>,
    /// The token of a Turnstile widget with the action `signup`, if `GET /config` has a `turnstile_site_key`.
    pub captcha: Option<String>,
}

/// With or without an invitation.
pub struct SignUpBody;

impl PartialSchema for SignUpBody {
    fn schema() -> RefOr<Schema> {
        let schema = |name| Ref::from_schema_name(name);
        AnyOfBuilder::new().item(schema(NewAccount::name())).item(schema(OpenAccount::name())).into()
    }
}

impl ToSchema for SignUpBody {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((NewAccount::name().into_owned(), NewAccount::schema()));
        schemas.push((OpenAccount::name().into_owned(), OpenAccount::schema()));
    }
}

/// Sign up.
///
/// With a `referrer`, creates an account for an invited user, with its first session. The checks run in this order:
///
/// 1. The setting: 403 if nobody may sign up.
/// 2. The body: 400, 413 or 415, and 422 if `referrer` is not a string.
/// 3. The number of sign-ups from this address: 429.
/// 4. The referrer: 403, even if other fields are invalid.
/// 5. All other fields: 422.
/// 6. The captcha, if the settings require one: 403.
/// 7. The email: 409 if it already has an account.
///
/// Without a `referrer`, the setting `SIGN_UP` decides. If it allows this email, the response is 202, and the email gets a code for `POST
/// /api/auth/signup/verify`, which creates the account. An email that already has an account gets the same response, and its owner an
/// email that says so. The checks run in this order:
///
/// 1. The setting: 403 if nobody may sign up, 422 for the missing `referrer` if an invitation is required.
/// 2. All fields: 400, 413, 415 or 422.
/// 3. The domain of the email: 403 if it is not allowed.
/// 4. The captcha, if the settings require one: 403.
/// 5. The number of codes for this email and from this address, and of emails of any kind to it: 429.
#[operation(
    request_body = SignUpBody,
    params(session_cookie::Wanted),
    responses(
        (status = 200, body = SignedIn, headers(("Set-Cookie" = String, description = "The session cookie, if it was requested."))),
        (status = 202, body = EmailCodeSent),
        (status = "4XX", description = "referrer_refused sign_up_closed domain_refused captcha_refused email_taken too_many_requests"),
    )
)]
pub async fn post(app: &App, request: &Request) -> Result<Response, Error> {
    let sign_up = &app.settings().sign_up;
    if *sign_up == SignUpMode::Closed {
        return Err(Error::SignUpClosed);
    }
    let fields = request.json_fields()?;
    if *sign_up != SignUpMode::Invitation && !fields.has("referrer") {
        return without_invitation(app, &fields).await;
    }
    with_invitation(app, request, &fields).await
}

async fn without_invitation(app: &App, fields: &Fields<'_>) -> Result<Response, Error> {
    let OpenAccount { email, password, name, note, captcha } = fields.parse(&app.password_policy())?;
    if password.is_none() && !app.settings().email_sign_in {
        return Err(Error::missing("password"));
    }
    // Judged again when the email is proven. Here it only saves the mail.
    app.settings().sign_up.judge(&email)?;
    captcha::verify(app, Form::SignUp, captcha.as_deref()).await?;
    email_code::count_request(app, &email).await?;
    let password_hash = match &password {
        Some(password) => {
            new_password::refuse_breached(app, "password", password).await?;
            password_hash::hash(password.as_str(), app.settings().password_cost)?
        }
        None => String::new(),
    };
    let applicant = Applicant {
        password_hash,
        name: name.map(|name| name.as_str().to_owned()),
        note: note.map(|note| note.as_str().to_owned()),
    };
    let issued = email_code::send(app, &email, EmailPurpose::SignUp(applicant)).await?;
    Ok(Response::accepted(&issued.into_response()))
}

async fn with_invitation(app: &App, request: &Request, fields: &Fields<'_>) -> Result<Response, Error> {
    let policy = app.password_policy();
    let account = fields.parse::<NewAccount>(&policy);
    // The referrer is judged first, even if other fields are invalid.
    let referrer = match fields.field::<Referrer>("referrer", &policy) {
        Ok(referrer) => referrer,
        Err(_) => return Err(account.err().unwrap_or(Error::ReferrerRefused)),
    };
    let email = fields.field::<Email>("email", &policy).ok();

    let invitation = invitation::attempt(app, &referrer, email.as_ref()).await?;
    let NewAccount { email, password, name, captcha, .. } = account?;
    captcha::verify(app, Form::SignUp, captcha.as_deref()).await?;
    new_password::refuse_breached(app, "password", &password).await?;
    if invitation.email_taken != 0 {
        return Err(Error::EmailTaken);
    }

    let password_hash = password_hash::hash(password.as_str(), app.settings().password_cost)?;
    let user_id = random::id()?;
    let session = sign_in::first_session(app, &user_id, Proof::by(Method::Password))?;
    let new = users::New {
        id: &user_id,
        email: &email,
        password_hash: &password_hash,
        name: name.as_ref().map(Name::as_str),
        referrer_lookup: &invitation.lookup,
        is_verified: false,
        locale: **app.language,
    };
    let event = audit::new_session(app, Action::Signup, &user_id, &session).sets(Some(Role::User), Some(0));
    let counters = password_attempt::counters(app, email.as_str());
    match users::sign_up(&app.store, new, &session, Some(&counters), None, &event).await? {
        users::SignUp::Done(user) => sign_in::answer(app, request, *user, false, &session).await,
        users::SignUp::EmailTaken => Err(Error::EmailTaken),
        users::SignUp::ReferrerEnded => Err(Error::ReferrerRefused),
    }
}
