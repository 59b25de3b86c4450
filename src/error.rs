//! Every refusal: its status, code and header. To add one, add a row to the table below, and its sentence to each catalogue of
//! `language/`.
//!
//! The body is `{"error": "<message for the user>", "code": "<stable_snake_case>", "detail": …}`. `detail` lists the invalid fields of
//! a 422, has what the next step needs if the user must prove something first, and is null otherwise. A 412 also has `current`, the
//! current state.

use std::borrow::Cow;

use http::{HeaderName, Method, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::language::{Language, Phrase};

/// Builds [`Error`] from one row per refusal:
///
/// ```text
/// /// When this refusal is sent.
/// Variant(field: Type = example): STATUS "code" {placeholder: value}, HEADER = value;
/// ```
///
/// The field with its type and example is optional, and so are the placeholders and the header. Their values can use the field. The
/// placeholders are those of the sentence `error.<code>`; their values can also use the request id and the language, by the names at
/// the top of the table.
macro_rules! refusals {
    (
        $request_id:ident, $language:ident;
        $(
            $(#[$doc:meta])*
            $variant:ident $(($field:ident: $type:ty = $example:expr))?:
            $status:ident $code:literal $({ $($placeholder:ident: $text:expr),* })? $(, $header:ident = $value:expr)?;
        )*
    ) => {
        /// Why a request is refused.
        #[derive(Debug)]
        pub enum Error {
            $(
                $(#[$doc])*
                #[doc = concat!("\n\n`", stringify!($status), "`, `", $code, "`.")]
                $variant $(($type))?,
            )*
        }

        #[expect(unused_variables, reason = "a row need not use its field everywhere")]
        impl Error {
            /// Returns the HTTP status.
            pub fn status(&self) -> StatusCode {
                match self {
                    $(Error::$variant { .. } => StatusCode::$status,)*
                }
            }

            /// Returns the stable name of the refusal.
            pub fn code(&self) -> &'static str {
                match self {
                    $(Error::$variant { .. } => $code,)*
                }
            }

            /// Returns the header that belongs to the refusal.
            pub fn header(&self) -> Option<(HeaderName, Cow<'static, str>)> {
                match self {
                    $(Error::$variant $(($field))? => refusals!(@header $($header $value)?),)*
                }
            }

            fn message(&self, $request_id: &str, $language: Language) -> String {
                match self {
                    $(Error::$variant $(($field))? => {
                        $language.text(concat!("error.", $code), &[$($((stringify!($placeholder), $text.to_string())),*)?])
                    })*
                }
            }

            /// Returns one of each, as the API description shows them.
            pub fn examples() -> Vec<Error> {
                vec![$(Error::$variant $(($example))?),*]
            }
        }
    };
    (@header) => { None };
    (@header $header:ident $value:expr) => { Some((header::$header, Cow::from($value))) };
}

refusals! {
    request_id, language;

    /// The body cannot be read. The field says why.
    UnreadableBody(reason: Phrase = Phrase::BodyNotJson):
        BAD_REQUEST "unreadable_body" {reason: reason.text(language)};

    /// The request came over plain http, which is served in local development only.
    HttpsRequired:
        BAD_REQUEST "https_required";

    /// The bearer token is missing, malformed, expired, revoked, forged or of the wrong kind. The header is that of RFC 6750,
    /// section 3.
    Unauthorized:
        UNAUTHORIZED "invalid_token", WWW_AUTHENTICATE = r#"Bearer realm="postern", error="invalid_token""#;

    /// A login with an unknown email or a wrong password. Both get the same response.
    WrongCredentials:
        UNAUTHORIZED "wrong_credentials", WWW_AUTHENTICATE = r#"Bearer realm="postern""#;

    /// No user has the passkey.
    UnknownPasskey:
        UNAUTHORIZED "unknown_passkey", WWW_AUTHENTICATE = r#"Bearer realm="postern""#;

    /// The passkey, what it has signed or its challenge is wrong.
    WrongPasskey:
        UNAUTHORIZED "wrong_passkey", WWW_AUTHENTICATE = r#"Bearer realm="postern""#;

    /// A step of a sign-in or a sign-up with a wrong or used code, or a token that is wrong, used or expired. All get the same response.
    WrongCode:
        UNAUTHORIZED "wrong_code", WWW_AUTHENTICATE = r#"Bearer realm="postern""#;

    /// The identity provider refused the code, or its response cannot be trusted. The header is that of a failed login.
    ProviderRefused:
        UNAUTHORIZED "provider_refused", WWW_AUTHENTICATE = r#"Bearer realm="postern""#;

    /// A page of another origin, or a request without an origin, tries to change something with the session cookie. Or a page of an app
    /// tries what only pages of this service can do.
    ForeignOrigin:
        FORBIDDEN "foreign_origin";

    /// The account is deactivated.
    Inactive:
        FORBIDDEN "inactive";

    /// The default account must change its password first.
    PasswordChangeRequired:
        FORBIDDEN "password_change_required";

    /// The password was right, and the user requires a second factor. The field has what the second step needs.
    SecondFactorRequired(step: Box<SecondStep> = Box::new(SecondStep {
        app_url: "https://app.example.com".to_owned(),
        token: "kP1r9Z0Yq…".to_owned(),
        methods: vec!["totp", "recovery_code"],
    })):
        FORBIDDEN "second_factor_required" {app_url: step.app_url};

    /// The operator requires a second factor, and the session has only one factor.
    SecondFactorSetupRequired:
        FORBIDDEN "second_factor_setup_required";

    /// The user has not proven recently who they are. The field has the ways to do it.
    ReauthenticationRequired(reauthentication: Reauthentication = Reauthentication { methods: vec!["password", "passkey"], max_age: 900 }):
        FORBIDDEN "reauthentication_required";

    /// The password, code or passkey with which the user wants to prove again who they are is wrong, or not enough.
    WrongProof:
        FORBIDDEN "wrong_proof";

    /// What the authenticator says of a new passkey, or its challenge, is wrong.
    PasskeyRefused:
        FORBIDDEN "passkey_refused";

    /// The first code of an authenticator app is wrong.
    WrongTotp:
        FORBIDDEN "wrong_totp";

    /// The endpoint is for admins, and the caller is not one.
    AdminRequired:
        FORBIDDEN "admin_required";

    /// The current password, which the caller must repeat, is wrong.
    WrongPassword:
        FORBIDDEN "wrong_password";

    /// The referrer is unknown or expired, or its owner is deactivated.
    ReferrerRefused:
        FORBIDDEN "referrer_refused";

    /// The token of the captcha is missing, wrong, expired, used, or of another page or form.
    CaptchaRefused:
        FORBIDDEN "captcha_refused";

    /// Sign-in by email is turned off.
    EmailSignInOff:
        FORBIDDEN "email_sign_in_off";

    /// A sign-up without an invitation, where one is required.
    InvitationRequired:
        FORBIDDEN "invitation_required";

    /// A sign-up with an email at a domain that is not allowed.
    DomainRefused:
        FORBIDDEN "domain_refused";

    /// A sign-up where only admins create accounts.
    SignUpClosed:
        FORBIDDEN "sign_up_closed";

    /// The one-time password is wrong.
    WrongOneTimePassword:
        FORBIDDEN "wrong_otp";

    /// The OTP session token is unknown, expired or used up, or had too many wrong guesses.
    OneTimePasswordDead:
        FORBIDDEN "otp_token_refused";

    /// The link undoes no change of an email: it is unknown, used or too old.
    UndoRefused:
        FORBIDDEN "undo_refused";

    /// The caller's own email is not verified.
    EmailNotVerified:
        FORBIDDEN "email_not_verified";

    /// A webhook call without a valid signature or password, or an old one.
    WebhookRefused:
        FORBIDDEN "webhook_refused";

    /// A sign-up with a provider that shares no email address.
    ProviderEmailMissing:
        FORBIDDEN "provider_email_missing";

    /// A sign-up with an email that the provider has not verified, where only verified emails may sign up.
    ProviderEmailUnverified:
        FORBIDDEN "provider_email_unverified";

    /// The path or the resource does not exist.
    NotFound:
        NOT_FOUND "not_found";

    /// The settings have no identity provider with this name.
    UnknownProvider:
        NOT_FOUND "unknown_provider";

    /// The path exists, but not for this method. The field lists the methods that it has.
    MethodNotAllowed(methods: &'static [Method] = &[Method::GET, Method::HEAD]):
        METHOD_NOT_ALLOWED "method_not_allowed" {methods: list(methods)}, ALLOW = list(methods);

    /// The body did not arrive in time.
    RequestTimeout:
        REQUEST_TIMEOUT "request_timeout";

    /// The request names the account it acts for, and the session belongs to another one.
    AccountChanged:
        CONFLICT "account_changed";

    /// Another account has this email.
    EmailTaken:
        CONFLICT "email_taken";

    /// A provider's account whose email belongs to an account here that it is not linked to. The field has the ways to sign in.
    AccountExists(account: ExistingAccount = ExistingAccount { methods: vec!["password", "passkey"] }):
        CONFLICT "account_exists";

    /// The provider's account is linked to another account.
    IdentityTaken:
        CONFLICT "identity_taken";

    /// The user has as many linked identities as the limit, which is the field, allows.
    TooManyIdentities(limit: i64 = 20):
        CONFLICT "too_many_identities" {limit: limit};

    /// Too many requests to sign up wait for an admin.
    TooManySignUps:
        CONFLICT "too_many_sign_ups";

    /// The caller's own address bounced, or the caller marked a mail as spam.
    EmailUnreachable:
        CONFLICT "email_unreachable";

    /// The new email is the current one.
    SameEmail:
        CONFLICT "same_email";

    /// The email is already verified.
    AlreadyVerified:
        CONFLICT "already_verified";

    /// The passkey was added before.
    PasskeyKnown:
        CONFLICT "passkey_known";

    /// The user has as many passkeys as the limit, which is the field, allows.
    TooManyPasskeys(limit: i64 = 20):
        CONFLICT "too_many_passkeys" {limit: limit};

    /// The user has no passkey.
    NoPasskey:
        CONFLICT "no_passkey";

    /// Without it, the user could not sign in anymore.
    LastWayIn:
        CONFLICT "last_way_in";

    /// The operator requires a second factor, and this is the only one.
    SecondFactorEnforced:
        CONFLICT "second_factor_enforced";

    /// The user has as many active user tokens as the limit, which is the field, allows.
    TooManyTokens(limit: i64 = 200):
        CONFLICT "too_many_tokens" {limit: limit};

    /// The user already has an authenticator app.
    TotpOn:
        CONFLICT "totp_on";

    /// The user confirms an authenticator app that they have not begun to add.
    TotpNotBegun:
        CONFLICT "totp_not_begun";

    /// The user already requires a second factor.
    SecondFactorOn:
        CONFLICT "second_factor_on";

    /// The user requires no second factor.
    SecondFactorOff:
        CONFLICT "second_factor_off";

    /// The user has no password.
    NoPassword:
        CONFLICT "no_password";

    /// The last active admin cannot deactivate their own account.
    LastAdmin:
        CONFLICT "last_admin";

    /// Admins cannot demote, deactivate or delete themselves, or remove their own second factors as an admin.
    OwnAccount:
        CONFLICT "own_account";

    /// The user whom the request is about is deactivated.
    UserInactive:
        CONFLICT "user_inactive";

    /// An admin marks the email of a user who requires a second factor as unverified.
    UserHasSecondFactor:
        CONFLICT "user_has_second_factor";

    /// The user whom the request is about has no mailbox: it is the default account.
    NoMailbox:
        CONFLICT "no_mailbox";

    /// The state that the change was based on has changed. The field is the current state.
    PreconditionFailed(current: Box<Current> = Box::new(Current {
        state: serde_json::json!({ "id": "a1d3e5f7-0b2c-4d6e-8f90-1a2b3c4d5e6f", "updated_at": 1_700_000_000_000_i64 }),
        etag: "\"1700000000000\"".to_owned(),
    })):
        PRECONDITION_FAILED "precondition_failed", ETAG = current.etag.clone();

    /// The body is larger than the limit, which is the field, in bytes.
    BodyTooLarge(limit: usize = 16 * 1024):
        PAYLOAD_TOO_LARGE "body_too_large" {limit: limit};

    /// The body does not have the content type that the field names.
    UnsupportedMediaType(expected: &'static str = "application/json"):
        UNSUPPORTED_MEDIA_TYPE "unsupported_media_type" {expected: expected};

    /// At least one field is invalid. The field lists all of them.
    Invalid(problems: Vec<FieldProblem> = vec![FieldProblem {
        loc: vec!["body", "email"],
        phrase: Phrase::Email,
        kind: "email",
    }]):
        UNPROCESSABLE_ENTITY "invalid_fields" {problems: sentences(problems, language)};

    /// The caller has reached a rate limit and may try again after this many seconds.
    TooManyRequests(seconds: i64 = 30):
        TOO_MANY_REQUESTS "too_many_requests" {wait: wait(language, *seconds)}, RETRY_AFTER = seconds.to_string();

    /// A bug of ours. The field is for the log.
    Internal(cause: String = String::new()):
        INTERNAL_SERVER_ERROR "internal_error" {request_id: request_id};

    /// An identity provider cannot be reached, is slow, or sends an invalid response. The field is for the log.
    ProviderUnavailable(cause: String = String::new()):
        SERVICE_UNAVAILABLE "provider_unavailable", RETRY_AFTER = RETRY_AFTER_OUTAGE.to_string();

    /// The database, KV or a mail provider fails, or the settings are wrong. The field is for the log.
    Unavailable(cause: String = String::new()):
        SERVICE_UNAVAILABLE "unavailable" {request_id: request_id}, RETRY_AFTER = RETRY_AFTER_OUTAGE.to_string();
}

impl Error {
    /// Returns the refusal of a body that has none of these fields, or more than one of them.
    pub fn exactly_one_of(fields: &[&'static str]) -> Error {
        let (last, others) = fields.split_last().unwrap_or((&"", &[]));
        let phrase = Phrase::ExactlyOne { others: others.join(", "), last };
        Error::Invalid(vec![FieldProblem { loc: vec!["body"], phrase, kind: "exactly_one" }])
    }

    /// Returns the refusal of a body without this field.
    pub fn missing(field: &'static str) -> Error {
        Error::Invalid(vec![FieldProblem { loc: vec!["body", field], phrase: Phrase::Missing, kind: "missing" }])
    }

    /// Returns whether stored data decided the refusal: the status is 404, 409 or 412.
    pub fn depends_on_data(&self) -> bool {
        matches!(self.status(), StatusCode::NOT_FOUND | StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED)
    }
}

/// What the second step of a sign-in needs.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecondStep {
    /// `APP_URL`, for the message.
    #[serde(skip)]
    pub app_url: String,
    /// The token of the sign-in, valid for 10 minutes.
    pub token: String,
    /// The methods to choose from: `totp`, `passkey`, `recovery_code`.
    pub methods: Vec<&'static str>,
}

/// How a user can prove again who they are.
#[derive(Debug, Serialize, ToSchema)]
pub struct Reauthentication {
    /// The methods to choose from: `password`, `passkey`, `totp`, `email_code`.
    pub methods: Vec<&'static str>,
    /// How long a proof counts as recent, in seconds.
    pub max_age: i64,
}

/// The account that has the email of a provider's account.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExistingAccount {
    /// How its owner can sign in: `password`, `passkey`, `email_code`. Always the same, whatever the account has, so that it tells a
    /// stranger nothing.
    pub methods: Vec<&'static str>,
}

/// What a client needs to know of an error.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Detail<'a> {
    /// In a 422, every invalid field.
    Problems(Vec<InvalidField<'a>>),
    /// In `second_factor_required`.
    SecondStep(&'a SecondStep),
    /// In `reauthentication_required`.
    Reauthentication(&'a Reauthentication),
    /// In `account_exists`.
    ExistingAccount(&'a ExistingAccount),
}

/// The current state of the resource that a refused change was about.
#[derive(Debug)]
pub struct Current {
    /// What a GET returns.
    pub state: serde_json::Value,
    /// Its `ETag`.
    pub etag: String,
}

/// An invalid field of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    /// The location of the field, such as `["body", "email"]`.
    pub loc: Vec<&'static str>,
    /// What is wrong with the field, without its name.
    pub phrase: Phrase,
    /// The kind of problem, a stable name.
    pub kind: &'static str,
}

impl FieldProblem {
    fn said(&self, language: Language) -> InvalidField<'_> {
        InvalidField { loc: &self.loc, msg: self.phrase.text(language), kind: self.kind }
    }
}

/// An invalid field of a request, in the language of the response.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FieldProblem)]
pub struct InvalidField<'a> {
    /// The location of the field, such as `["body", "email"]`.
    #[schema(example = json!(["body", "email"]))]
    loc: &'a [&'static str],
    /// What is wrong with the field, without its name.
    msg: String,
    /// The kind of problem, a stable name.
    #[serde(rename = "type")]
    kind: &'static str,
}

/// The body of an error response.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Refusal)]
pub struct Body<'a> {
    /// A message to show to the user.
    error: String,
    /// A stable name for use in code.
    code: &'static str,
    /// In a 422, every invalid field. In `second_factor_required`, `reauthentication_required` and `account_exists`, what the next step
    /// needs. Otherwise null.
    #[schema(required)]
    detail: Option<Detail<'a>>,
    /// In a 412 only, the current state, as a GET returns it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, nullable = false)]
    current: Option<&'a serde_json::Value>,
}

/// Why a value is invalid: a phrase that follows the field's name, and a stable name for the kind of problem.
pub type Fault = (Phrase, &'static str);

/// The `Retry-After` of a 503, in seconds.
const RETRY_AFTER_OUTAGE: i64 = 5;

impl Error {
    /// Returns what only the log may say about the refusal.
    pub fn cause(&self) -> Option<&str> {
        match self {
            Error::Internal(cause) | Error::Unavailable(cause) | Error::ProviderUnavailable(cause) => Some(cause),
            _ => None,
        }
    }

    /// Returns the body. Messages of 500 and 503 contain `request_id`, so that the caller can report it.
    pub fn body(&self, request_id: &str, language: Language) -> Body<'_> {
        let detail = match self {
            Error::Invalid(problems) => {
                Some(Detail::Problems(problems.iter().map(|problem| problem.said(language)).collect()))
            }
            Error::SecondFactorRequired(step) => Some(Detail::SecondStep(step)),
            Error::ReauthenticationRequired(reauthentication) => Some(Detail::Reauthentication(reauthentication)),
            Error::AccountExists(account) => Some(Detail::ExistingAccount(account)),
            _ => None,
        };
        let current = match self {
            Error::PreconditionFailed(current) => Some(&current.state),
            _ => None,
        };
        Body { error: self.message(request_id, language), code: self.code(), detail, current }
    }
}

/// Joins methods as in an `Allow` header.
pub fn list(methods: &[Method]) -> String {
    methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ")
}

/// Says what is wrong with all the fields.
fn sentences(problems: &[FieldProblem], language: Language) -> String {
    let sentence = |FieldProblem { loc, phrase, .. }: &FieldProblem| {
        let problem = ("problem", phrase.text(language));
        match loc.get(1) {
            Some(field) => language.text("sentence.field", &[("field", (*field).to_owned()), problem]),
            None => language.text("sentence.body", &[problem]),
        }
    };
    problems.iter().map(sentence).collect::<Vec<_>>().join(" ")
}

/// Formats a waiting time for the user, rounded up.
fn wait(language: Language, seconds: i64) -> String {
    let (amount, unit) = match seconds {
        ..=90 => (seconds.max(1), "second"),
        91..=5_400 => ((seconds + 59) / 60, "minute"),
        5_401..=129_600 => ((seconds + 3_599) / 3_600, "hour"),
        _ => ((seconds + 86_399) / 86_400, "day"),
    };
    language.amount(unit, amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_422_says_what_is_wrong_with_which_field() {
        let error = Error::Invalid(vec![
            FieldProblem { loc: vec!["body", "email"], phrase: Phrase::Email, kind: "email" },
            FieldProblem { loc: vec!["body", "password"], phrase: Phrase::Missing, kind: "missing" },
        ]);
        assert_eq!(
            error.message("", Language::English),
            "email must be an email address, such as name@example.com. password is missing."
        );
    }

    #[test]
    fn a_waiting_time_is_rounded_up_and_readable() {
        let wait = |seconds| wait(Language::English, seconds);
        let said: Vec<String> = [0, 1, 30, 91, 3_600, 5_401, 200_000].into_iter().map(wait).collect();
        assert_eq!(said, ["1 second", "1 second", "30 seconds", "2 minutes", "60 minutes", "2 hours", "3 days"]);
    }

    #[test]
    fn the_cause_of_an_outage_is_for_the_log_and_not_for_the_caller() {
        let error = Error::Unavailable("no such table: users".into());
        let body = error.body("abc", Language::English).error;
        assert!(!body.contains("users") && body.contains("abc"), "{body}");
    }
}
