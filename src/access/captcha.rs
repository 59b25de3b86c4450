//! Cloudflare Turnstile: whether a form was sent by a person.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use crate::{
    app::App,
    domain::origin,
    error::Error,
    ports::{HttpRequest, HttpResponse, Limits},
    settings::Turnstile,
};

/// <https://developers.cloudflare.com/turnstile/get-started/server-side-validation/>.
const SERVICE: &str = "https://challenges.cloudflare.com/turnstile/v0/siteverify";
/// A user waits for this.
const LIMITS: Limits = Limits { time: Duration::from_secs(5), bytes: 64 * 1024 };
/// The maximum length of a token, in bytes.
const MAX_LENGTH: usize = 2048;
/// The errors that are about the token. All others are about the settings or the service.
const TOKEN_ERRORS: [&str; 3] = ["missing-input-response", "invalid-input-response", "timeout-or-duplicate"];

/// A form that a program might send. A token of one form is refused at the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Signing up.
    SignUp,
    /// Asking for a code to sign in by email.
    EmailSignIn,
    /// Asking for a reset link.
    PasswordReset,
}

impl Form {
    /// Returns the action of the widget on the page (`pages/parts/captcha.tsx`).
    fn action(self) -> &'static str {
        match self {
            Form::SignUp => "signup",
            Form::EmailSignIn => "login_email",
            Form::PasswordReset => "password_reset",
        }
    }
}

/// Verifies the token of a Turnstile widget, if the settings have one. Call it before any work that costs more than this, and before
/// counters by email, so that programs cannot use those up.
///
/// # Errors
/// 403 if the token is missing, wrong, expired, used, or of another page or form. 503 if the service does not respond within 5 seconds,
/// or responds oddly.
pub async fn verify(app: &App, form: Form, token: Option<&str>) -> Result<(), Error> {
    let Some(turnstile) = &app.settings().turnstile else { return Ok(()) };
    let token = token.filter(|token| !token.is_empty() && token.len() <= MAX_LENGTH).ok_or(Error::CaptchaRefused)?;
    let request = HttpRequest {
        url: SERVICE.into(),
        headers: vec![("Content-Type", "application/json".to_owned())],
        body: json!({ "secret": turnstile.secret_key.0, "response": token }).to_string(),
    };
    let response = app.http.post(request, LIMITS).await;
    let response = response.map_err(|error| Error::Unavailable(format!("Turnstile: {}", error.0)))?;
    judge(&response, turnstile, form, &origin::host(&app.settings().app_url))
}

/// The response of the service.
#[derive(Deserialize)]
struct Verdict {
    success: bool,
    #[serde(default, rename = "error-codes")]
    error_codes: Vec<String>,
    /// The host of the page.
    hostname: Option<String>,
    action: Option<String>,
}

/// Judges a response of the service. With a test key, it names another host and action, or none.
fn judge(response: &HttpResponse, turnstile: &Turnstile, form: Form, host: &str) -> Result<(), Error> {
    let verdict: Option<Verdict> = serde_json::from_str(&response.body).ok();
    let Some(verdict) = verdict.filter(|verdict| !verdict.success || response.status == 200) else {
        return Err(Error::Unavailable(format!("Turnstile: status {} without a verdict", response.status)));
    };
    if !verdict.success {
        let is_about_token = |code: &String| TOKEN_ERRORS.contains(&code.as_str());
        if verdict.error_codes.iter().all(is_about_token) {
            return Err(Error::CaptchaRefused);
        }
        let codes: Vec<&str> = verdict.error_codes.iter().map(String::as_str).filter(|code| is_plain(code)).collect();
        return Err(Error::Unavailable(format!("Turnstile: {}", codes.join(", "))));
    }
    let is_from_here = verdict.hostname.is_some_and(|hostname| hostname.eq_ignore_ascii_case(host))
        && verdict.action.as_deref() == Some(form.action());
    if turnstile.is_test || is_from_here { Ok(()) } else { Err(Error::CaptchaRefused) }
}

/// Returns whether this is a code such as `invalid-input-secret`. Any other text stays out of the log.
fn is_plain(code: &str) -> bool {
    (1..=64).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::ApiKey;

    fn judged(is_test: bool, status: u16, body: &str) -> Result<(), &'static str> {
        let turnstile = Turnstile { site_key: String::new(), secret_key: ApiKey(String::new()), is_test };
        let response = HttpResponse { status, body: body.to_owned() };
        judge(&response, &turnstile, Form::SignUp, "app.example.com").map_err(|error| error.code())
    }

    /// A success, with these members.
    fn success(host: &str, action: &str) -> String {
        format!(
            r#"{{"success":true,"challenge_ts":"2026-11-28T02:00:00.000Z","hostname":"{host}","error-codes":[],"action":"{action}","cdata":"","metadata":{{"interactive":false}}}}"#
        )
    }

    #[test]
    fn a_token_counts_for_one_host_and_one_form() {
        assert_eq!(judged(false, 200, &success("app.example.com", "signup")), Ok(()));
        assert_eq!(judged(false, 200, &success("APP.example.com", "signup")), Ok(()));
        for (host, action) in [
            ("example.com", "signup"),
            ("evil.example", "signup"),
            ("app.example.com.evil.example", "signup"),
            ("", "signup"),
            ("app.example.com", "password_reset"),
            ("app.example.com", "Signup"),
            ("app.example.com", ""),
        ] {
            assert_eq!(judged(false, 200, &success(host, action)), Err("captcha_refused"), "{host} {action}");
        }
        for body in [
            r#"{"success":true}"#,
            r#"{"success":true,"hostname":"app.example.com"}"#,
            r#"{"success":true,"hostname":null,"action":"signup"}"#,
        ] {
            assert_eq!(judged(false, 200, body), Err("captcha_refused"), "{body}");
        }
    }

    #[test]
    fn the_responses_to_test_keys_name_no_page() {
        let observed = r#"{"success":true,"challenge_ts":"2026-11-28T02:00:00.000Z","hostname":"example.com","error-codes":[],"metadata":{"result_with_testing_key":true}}"#;
        let documented = success("localhost", "test");
        for body in [observed, &documented] {
            assert_eq!((judged(true, 200, body), judged(false, 200, body)), (Ok(()), Err("captcha_refused")));
        }
        let spent = r#"{"success":false,"error-codes":["timeout-or-duplicate"],"messages":[]}"#;
        assert_eq!(judged(true, 200, spent), Err("captcha_refused"));
    }

    #[test]
    fn a_refused_token_is_403_and_anything_else_503() {
        for codes in ["missing-input-response", "invalid-input-response", "timeout-or-duplicate"] {
            let body = format!(r#"{{"success":false,"error-codes":["{codes}"]}}"#);
            assert_eq!(judged(false, 200, &body), Err("captcha_refused"), "{body}");
        }
        assert_eq!(judged(false, 200, r#"{"success":false}"#), Err("captcha_refused"));
        for (status, body) in [
            (200, r#"{"success":false,"error-codes":["invalid-input-secret"]}"#),
            (200, r#"{"success":false,"error-codes":["missing-input-secret","invalid-input-response"]}"#),
            (200, r#"{"success":false,"error-codes":["internal-error"]}"#),
            (400, r#"{"success":false,"error-codes":["bad-request"]}"#),
            (500, r#"{"success":true,"hostname":"app.example.com","action":"signup"}"#),
            (302, r#"{"success":true,"hostname":"app.example.com","action":"signup"}"#),
            (200, "<!doctype html><title>Just a moment</title>"),
            (200, ""),
            (200, "true"),
            (200, r#"{"success":"true","hostname":"app.example.com","action":"signup"}"#),
            (200, r#"{"hostname":"app.example.com","action":"signup"}"#),
            (200, r#"{"success":true,"hostname":7}"#),
        ] {
            assert_eq!(judged(false, status, body), Err("unavailable"), "{status} {body}");
        }
    }
}
