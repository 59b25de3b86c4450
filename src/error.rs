//! Every refusal there is, and its one translation into an HTTP answer.
//!
//! `{"error": "<sentence for a person>", "code": "<stable_snake_case>", "detail": …}`. `detail` is null except with 422; a 412 has
//! the present state in one more member, `current`.

use std::borrow::Cow;

use http::{HeaderName, Method, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

/// Why a request is refused. Each variant's doc opens with its status.
#[derive(Debug)]
pub enum Error {
    /// 400: the body cannot be read at all; the sentence says why.
    UnreadableBody(&'static str),
    /// 400: the request came over plain http, which is served in local development only.
    HttpsRequired,
    /// 401: the bearer is missing, malformed, expired, revoked, forged or of the wrong kind.
    Unauthorized,
    /// 401: a login with an unknown email or a wrong password, alike.
    WrongCredentials,
    /// 403: a page of another origin, or none that says its own, asks for more than to read, with the session cookie.
    ForeignOrigin,
    /// 403: the account is deactivated.
    Inactive,
    /// 403: the default account must change its password before it may do anything else.
    PasswordChangeRequired,
    /// 403: a door for admins, and the caller is none.
    AdminRequired,
    /// 403: the current password, asked for again, is wrong.
    WrongPassword,
    /// 403: the referrer is unknown or expired, or its owner inactive.
    ReferrerRefused,
    /// 403: the one-time password is wrong.
    WrongOneTimePassword,
    /// 403: the OTP session token is unknown, expired, used up, or guessed at too often.
    OneTimePasswordDead,
    /// 403: the caller's own email is not verified.
    EmailNotVerified,
    /// 404: nothing is there.
    NotFound,
    /// 405: the path exists, but not for this method.
    MethodNotAllowed(&'static [Method]),
    /// 408: the body did not arrive in time.
    RequestTimeout,
    /// 409: the request states that it acts for one account, and the session belongs to another.
    AccountChanged,
    /// 409: somebody has this email already.
    EmailTaken,
    /// 409: the email is verified already.
    AlreadyVerified,
    /// 409: as many live user tokens as one may have; the number is the limit.
    TooManyTokens(i64),
    /// 409: the last active admin cannot deactivate their own account.
    LastAdmin,
    /// 409: an admin does not take the own role, activity or existence away.
    OwnAccount,
    /// 409: the user whom it is about is deactivated.
    UserInactive,
    /// 409: the user whom it is about has no mailbox, as the default account.
    NoMailbox,
    /// 412: the state that the change was based on is no longer the present one.
    PreconditionFailed(Box<Current>),
    /// 413: the body is larger than the limit, in bytes.
    BodyTooLarge(usize),
    /// 415: the body is not of the type named here.
    UnsupportedMediaType(&'static str),
    /// 422: every faulty field.
    Invalid(Vec<FieldProblem>),
    /// 429: too often; again in this many seconds.
    TooManyRequests(i64),
    /// 500: a defect of ours. The text is for the log.
    Internal(String),
    /// 503: a store, a provider or the settings are out. The text is for the log.
    Unavailable(String),
}

/// The present state of what a refused change was about.
#[derive(Debug)]
pub struct Current {
    /// What a GET returns now.
    pub state: serde_json::Value,
    /// Its `ETag`.
    pub etag: String,
}

/// One faulty field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldProblem {
    /// Where it is: `["body", "email"]`.
    #[schema(example = json!(["body", "email"]))]
    pub loc: Vec<&'static str>,
    /// What is wrong, without the field's name.
    pub msg: String,
    /// A stable name for the kind of fault.
    #[serde(rename = "type")]
    pub kind: &'static str,
}

/// The body of a refusal.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Refusal)]
pub struct Body<'a> {
    /// A sentence for a person.
    error: String,
    /// A stable name, for a program.
    code: &'static str,
    /// With 422, every faulty field; otherwise null.
    #[schema(required)]
    detail: Option<&'a [FieldProblem]>,
    /// With 412 only: the present state, as a GET returns it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, nullable = false)]
    current: Option<&'a serde_json::Value>,
}

/// What a rule says of a faulty value: a message that continues "`field` …", and a stable name for the kind of fault.
pub type Fault = (String, &'static str);

/// How many seconds a caller should wait when a store or a provider is out.
const RETRY_AFTER_OUTAGE: i64 = 5;

impl Error {
    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            Error::UnreadableBody(_) | Error::HttpsRequired => StatusCode::BAD_REQUEST,
            Error::Unauthorized | Error::WrongCredentials => StatusCode::UNAUTHORIZED,
            Error::ForeignOrigin
            | Error::Inactive
            | Error::PasswordChangeRequired
            | Error::AdminRequired
            | Error::WrongPassword
            | Error::EmailNotVerified
            | Error::ReferrerRefused
            | Error::WrongOneTimePassword
            | Error::OneTimePasswordDead => StatusCode::FORBIDDEN,
            Error::NotFound => StatusCode::NOT_FOUND,
            Error::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Error::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Error::AccountChanged
            | Error::EmailTaken
            | Error::AlreadyVerified
            | Error::TooManyTokens(_)
            | Error::LastAdmin
            | Error::OwnAccount
            | Error::UserInactive
            | Error::NoMailbox => StatusCode::CONFLICT,
            Error::PreconditionFailed(_) => StatusCode::PRECONDITION_FAILED,
            Error::BodyTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Error::UnsupportedMediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Error::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Error::TooManyRequests(_) => StatusCode::TOO_MANY_REQUESTS,
            Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Error::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The stable name of the refusal.
    pub fn code(&self) -> &'static str {
        match self {
            Error::UnreadableBody(_) => "unreadable_body",
            Error::HttpsRequired => "https_required",
            Error::RequestTimeout => "request_timeout",
            Error::Unauthorized => "invalid_token",
            Error::WrongCredentials => "wrong_credentials",
            Error::ForeignOrigin => "foreign_origin",
            Error::Inactive => "inactive",
            Error::PasswordChangeRequired => "password_change_required",
            Error::AdminRequired => "admin_required",
            Error::WrongPassword => "wrong_password",
            Error::ReferrerRefused => "referrer_refused",
            Error::WrongOneTimePassword => "wrong_otp",
            Error::OneTimePasswordDead => "otp_token_refused",
            Error::EmailNotVerified => "email_not_verified",
            Error::NotFound => "not_found",
            Error::MethodNotAllowed(_) => "method_not_allowed",
            Error::AccountChanged => "account_changed",
            Error::EmailTaken => "email_taken",
            Error::AlreadyVerified => "already_verified",
            Error::TooManyTokens(_) => "too_many_tokens",
            Error::LastAdmin => "last_admin",
            Error::OwnAccount => "own_account",
            Error::UserInactive => "user_inactive",
            Error::NoMailbox => "no_mailbox",
            Error::PreconditionFailed(_) => "precondition_failed",
            Error::BodyTooLarge(_) => "body_too_large",
            Error::UnsupportedMediaType(_) => "unsupported_media_type",
            Error::Invalid(_) => "invalid_fields",
            Error::TooManyRequests(_) => "too_many_requests",
            Error::Internal(_) => "internal_error",
            Error::Unavailable(_) => "unavailable",
        }
    }

    /// One of each, as the description of the API shows them.
    pub fn examples() -> Vec<Error> {
        let msg = "must be an email address, such as name@example.com".to_owned();
        vec![
            Error::UnreadableBody("The body is not well-formed JSON."),
            Error::HttpsRequired,
            Error::RequestTimeout,
            Error::Unauthorized,
            Error::WrongCredentials,
            Error::ForeignOrigin,
            Error::Inactive,
            Error::PasswordChangeRequired,
            Error::WrongPassword,
            Error::ReferrerRefused,
            Error::WrongOneTimePassword,
            Error::OneTimePasswordDead,
            Error::EmailNotVerified,
            Error::NotFound,
            Error::MethodNotAllowed(&[Method::GET, Method::HEAD]),
            Error::AccountChanged,
            Error::EmailTaken,
            Error::AlreadyVerified,
            Error::TooManyTokens(200),
            Error::LastAdmin,
            Error::OwnAccount,
            Error::UserInactive,
            Error::NoMailbox,
            Error::AdminRequired,
            Error::PreconditionFailed(Box::new(Current {
                state: serde_json::json!({ "id": "a1d3e5f7-0b2c-4d6e-8f90-1a2b3c4d5e6f", "updated_at": 1_700_000_000_000_i64 }),
                etag: "\"1700000000000\"".to_owned(),
            })),
            Error::BodyTooLarge(16 * 1024),
            Error::UnsupportedMediaType("application/json"),
            Error::Invalid(vec![FieldProblem { loc: vec!["body", "email"], msg, kind: "email" }]),
            Error::TooManyRequests(30),
            Error::Internal(String::new()),
            Error::Unavailable(String::new()),
        ]
    }

    /// What the log should say of it, where there is something that the answer does not say.
    pub fn cause(&self) -> Option<&str> {
        match self {
            Error::Internal(cause) | Error::Unavailable(cause) => Some(cause),
            _ => None,
        }
    }

    /// The header that belongs to the refusal.
    pub fn header(&self) -> Option<(HeaderName, Cow<'static, str>)> {
        match self {
            // RFC 6750, section 3.
            Error::Unauthorized => {
                Some((header::WWW_AUTHENTICATE, r#"Bearer realm="postern", error="invalid_token""#.into()))
            }
            Error::WrongCredentials => Some((header::WWW_AUTHENTICATE, r#"Bearer realm="postern""#.into())),
            Error::MethodNotAllowed(methods) => Some((header::ALLOW, list(methods).into())),
            Error::PreconditionFailed(current) => Some((header::ETAG, current.etag.clone().into())),
            Error::TooManyRequests(seconds) => Some((header::RETRY_AFTER, seconds.to_string().into())),
            Error::Unavailable(_) => Some((header::RETRY_AFTER, RETRY_AFTER_OUTAGE.to_string().into())),
            _ => None,
        }
    }

    /// The body. `request_id` is told where the caller can do nothing but report it.
    pub fn body(&self, request_id: &str) -> Body<'_> {
        let detail = match self {
            Error::Invalid(problems) => Some(problems.as_slice()),
            _ => None,
        };
        let current = match self {
            Error::PreconditionFailed(current) => Some(&current.state),
            _ => None,
        };
        Body { error: self.sentence(request_id), code: self.code(), detail, current }
    }

    fn sentence(&self, request_id: &str) -> String {
        match self {
            Error::UnreadableBody(sentence) => (*sentence).to_owned(),
            Error::HttpsRequired => {
                "This service answers over https only. Send the request to the https address.".to_owned()
            }
            Error::RequestTimeout => "The request took too long to arrive. Please try again.".to_owned(),
            Error::Unauthorized => {
                "You are not signed in, or your session has ended. Please sign in again.".to_owned()
            }
            Error::WrongCredentials => "The email or the password is wrong.".to_owned(),
            Error::ForeignOrigin => {
                "This request does not come from a page of this service. Open the service itself and try again there."
                    .to_owned()
            }
            Error::Inactive => "This account is deactivated. Ask an admin to activate it.".to_owned(),
            Error::PasswordChangeRequired => {
                "Change the default password first; until then nothing else is open.".to_owned()
            }
            Error::AdminRequired => "Only an admin may do this.".to_owned(),
            Error::WrongPassword => "The current password is wrong.".to_owned(),
            Error::ReferrerRefused => "This invitation is unknown or has expired. Ask for a new one.".to_owned(),
            Error::WrongOneTimePassword => "The code is wrong.".to_owned(),
            Error::OneTimePasswordDead => "This code is no longer valid. Ask for a new one.".to_owned(),
            Error::EmailNotVerified => "Verify your own email address first; then you can invite others by mail.".to_owned(),
            Error::NotFound => "There is nothing here.".to_owned(),
            Error::MethodNotAllowed(methods) => format!("This address answers {} only.", list(methods)),
            Error::AccountChanged => {
                "You have signed in with another account in the meantime. Load the page again; nothing was changed."
                    .to_owned()
            }
            Error::EmailTaken => {
                "There is an account with this email already. Sign in, or reset its password. If it is deactivated, ask an admin \
                 to activate it."
                    .to_owned()
            }
            Error::AlreadyVerified => "This email is verified already.".to_owned(),
            Error::TooManyTokens(limit) => {
                format!("You have {limit} live tokens, which is the most one may have. Delete one first.")
            }
            Error::LastAdmin => {
                "You are the last active admin; make another one before you deactivate this account.".to_owned()
            }
            Error::OwnAccount => {
                "You cannot take your own role, activity or account away; another admin can.".to_owned()
            }
            Error::UserInactive => "This user is deactivated; activate the account first.".to_owned(),
            Error::NoMailbox => "This account has no mailbox.".to_owned(),
            Error::PreconditionFailed(_) => {
                "This was changed in the meantime, so your change was not saved. Look at the current values and try again."
                    .to_owned()
            }
            Error::BodyTooLarge(limit) => format!("The body is larger than {limit} bytes."),
            Error::UnsupportedMediaType(expected) => format!("Send the body as {expected}."),
            Error::Invalid(problems) => problems.iter().map(FieldProblem::sentence).collect::<Vec<_>>().join(" "),
            Error::TooManyRequests(seconds) => {
                format!("Too many attempts. Please wait {} and try again.", wait(*seconds))
            }
            Error::Internal(_) => {
                format!("Something went wrong on our side. Please report the request id {request_id}.")
            }
            Error::Unavailable(_) => {
                format!("The service cannot answer right now. Please try again soon; the request id is {request_id}.")
            }
        }
    }
}

/// Methods as they stand in a header.
pub fn list(methods: &[Method]) -> String {
    methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ")
}

impl FieldProblem {
    fn sentence(&self) -> String {
        match self.loc.get(1) {
            Some(field) => format!("{field} {}.", self.msg),
            None => format!("The body {}.", self.msg),
        }
    }
}

/// A waiting time as a person says it, rounded up.
fn wait(seconds: i64) -> String {
    let (amount, unit) = match seconds {
        ..=90 => (seconds.max(1), "second"),
        91..=5_400 => ((seconds + 59) / 60, "minute"),
        5_401..=129_600 => ((seconds + 3_599) / 3_600, "hour"),
        _ => ((seconds + 86_399) / 86_400, "day"),
    };
    format!("{amount} {unit}{}", if amount == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_422_says_in_words_what_is_wrong_with_which_field() {
        let error = Error::Invalid(vec![
            FieldProblem { loc: vec!["body", "email"], msg: "must be an email address".into(), kind: "email" },
            FieldProblem { loc: vec!["body", "password"], msg: "is missing".into(), kind: "missing" },
        ]);
        assert_eq!(error.sentence(""), "email must be an email address. password is missing.");
    }

    #[test]
    fn a_waiting_time_is_said_as_a_person_says_it() {
        let said: Vec<String> = [0, 1, 30, 91, 3_600, 5_401, 200_000].into_iter().map(wait).collect();
        assert_eq!(said, ["1 second", "1 second", "30 seconds", "2 minutes", "60 minutes", "2 hours", "3 days"]);
    }

    #[test]
    fn the_cause_of_an_outage_is_for_the_log_and_not_for_the_caller() {
        let error = Error::Unavailable("no such table: users".into());
        let body = error.body("abc").error;
        assert!(!body.contains("users") && body.contains("abc"), "{body}");
    }
}
