//! Hands a mail to the providers of the settings, in their order.

use std::time::Duration;

use crate::{
    domain::email::Sender,
    error::Error,
    ports::{HttpClient, HttpError, Limits, Mailer},
    settings::Provider,
};

use super::{
    Message,
    provider::{Outcome, Reason, Refusal, cloudflare, mailgun, postmark, resend, sendgrid},
};

/// How long a provider has to respond.
const LIMITS: Limits = Limits { time: Duration::from_secs(10), bytes: 64 * 1024 };

/// Which providers a mail was handed to.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Attempts {
    /// The provider that accepted it.
    pub sent: Option<&'static str>,
    /// Those that did not.
    pub failed: Vec<&'static str>,
}

/// A mail that no provider accepted.
#[derive(Debug)]
pub struct Unsent {
    /// Each provider with its reason, for the log: without the address and the content.
    pub cause: String,
    /// Whether every provider permanently refuses the recipient.
    pub recipient_is_refused: bool,
    /// The providers.
    pub attempts: Attempts,
}

/// Why a provider did not accept a mail.
struct Failure {
    cause: String,
    recipient_is_refused: bool,
}

impl Failure {
    fn without_response(provider: &str, error: &HttpError) -> Failure {
        Failure { cause: format!("{provider} did not respond: {}", error.0), recipient_is_refused: false }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        Failure { cause: refusal.to_string(), recipient_is_refused: refusal.kind == Reason::Recipient }
    }
}

impl From<Unsent> for Error {
    fn from(unsent: Unsent) -> Error {
        Error::Unavailable(unsent.cause)
    }
}

/// A mail on its way, with what delivers it.
pub(super) struct Delivery<'a> {
    pub http: &'a dyn HttpClient,
    pub mailer: &'a dyn Mailer,
    pub from: &'a Sender,
    pub message: &'a Message,
    pub idempotency_key: &'a str,
}

impl Delivery<'_> {
    /// Tries each provider until one accepts the mail. Waits at most ten seconds for each. Also returns the failures before.
    ///
    /// # Errors
    /// [`Unsent`] if none accepted it.
    pub async fn try_each(&self, providers: &[Provider]) -> Result<(Attempts, Vec<String>), Unsent> {
        let (mut attempts, mut failures) = (Attempts::default(), Vec::new());
        let mut recipient_is_refused = true;
        for provider in providers {
            match self.hand_over(provider).await {
                Ok(()) => return Ok((Attempts { sent: Some(provider.name()), ..attempts }, failures)),
                Err(failure) => {
                    recipient_is_refused &= failure.recipient_is_refused;
                    attempts.failed.push(provider.name());
                    failures.push(failure.cause);
                }
            }
        }
        Err(Unsent { cause: failures.join("; "), recipient_is_refused, attempts })
    }

    async fn hand_over(&self, provider: &Provider) -> Result<(), Failure> {
        let Delivery { from, message, idempotency_key, .. } = *self;
        let name = provider.name();
        let (request, outcome): (_, Outcome) = match provider {
            Provider::Resend { api_key } => (resend::request(api_key, from, message, idempotency_key), resend::outcome),
            Provider::Postmark { server_token } => (postmark::request(server_token, from, message), postmark::outcome),
            Provider::SendGrid { api_key } => (sendgrid::request(api_key, from, message), sendgrid::outcome),
            Provider::Mailgun { api_key, domain, region } => {
                (mailgun::request(api_key, domain, *region, from, message), mailgun::outcome)
            }
            Provider::Cloudflare => {
                let result = self.mailer.send(cloudflare::outgoing(from, message)).await;
                let result = result.map_err(|error| Failure::without_response(name, &error))?;
                return cloudflare::outcome(result).map_err(Failure::from);
            }
        };
        let response =
            self.http.post(request, LIMITS).await.map_err(|error| Failure::without_response(name, &error))?;
        outcome(&response).map_err(Failure::from)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;
    use crate::{
        domain::email::Email,
        language::Language,
        mail::message::{self, Recipient},
        ports::{HttpRequest, HttpResponse, MailMessage, Pending, SendResult},
        settings::{Mail, Settings},
    };

    /// The providers of a setting. They return these results in order and record who was called.
    struct Providers {
        settings: Settings,
        results: RefCell<Vec<Result<HttpResponse, HttpError>>>,
        mailer_result: Cell<Option<Result<SendResult, HttpError>>>,
        called: RefCell<Vec<String>>,
    }

    impl HttpClient for Providers {
        fn post(&self, request: HttpRequest, _: Limits) -> Pending<'_, Result<HttpResponse, HttpError>> {
            let host = request.url.split('/').nth(2).unwrap().to_owned();
            self.called.borrow_mut().push(host);
            Box::pin(async { self.results.borrow_mut().remove(0) })
        }

        fn get<'a>(
            &'a self,
            _: &'a str,
            _: &'a [(&'static str, &'a str)],
            _: Limits,
        ) -> Pending<'a, Result<HttpResponse, HttpError>> {
            unreachable!("mail is posted")
        }
    }

    impl Mailer for Providers {
        fn send(&self, message: MailMessage) -> Pending<'_, Result<SendResult, HttpError>> {
            self.called.borrow_mut().push(format!("EMAIL for {}", message.from));
            Box::pin(async { self.mailer_result.take().unwrap() })
        }
    }

    impl Providers {
        fn send(&self) -> Result<(Attempts, Vec<String>), Unsent> {
            let Mail::Providers { from, providers } = &self.settings.mail else { panic!() };
            let to = Email::parse("ada@example.com").unwrap();
            let recipient =
                Recipient { settings: &self.settings, language: Language::English, to: &to, name: Some("Ada") };
            let message = &message::one_time_password(recipient, "271828", 600).unwrap();
            let delivery = Delivery { http: self, mailer: self, from, message, idempotency_key: "key-1" };
            pollster::block_on(delivery.try_each(providers))
        }

        fn cause(&self) -> String {
            self.send().unwrap_err().cause
        }
    }

    fn providers(list: &str, results: Vec<Result<HttpResponse, HttpError>>) -> Providers {
        let settings = Settings::read(|name| {
            let value = match name {
                "MAIL_PROVIDER" => list,
                "AUTH_SECRET" => "0123456789abcdef0123456789abcdef",
                "APP_URL" => "https://app.example",
                "MAIL_FROM" => "Postern <noreply@app.example>",
                "MAILGUN_DOMAIN" => "mg.app.example",
                "RESEND_API_KEY" | "POSTMARK_SERVER_TOKEN" | "SENDGRID_API_KEY" | "MAILGUN_API_KEY" => "key",
                _ => return None,
            };
            Some(value.to_owned())
        });
        let (results, called) = (RefCell::new(results), RefCell::default());
        Providers { settings: settings.unwrap(), results, mailer_result: Cell::default(), called }
    }

    fn response(status: u16, body: &str) -> Result<HttpResponse, HttpError> {
        Ok(HttpResponse { status, body: body.to_owned() })
    }

    #[test]
    fn a_mail_leaves_through_the_provider_of_the_settings() {
        for (name, host) in [
            ("resend", "api.resend.com"),
            ("postmark", "api.postmarkapp.com"),
            ("sendgrid", "api.sendgrid.com"),
            ("mailgun", "api.mailgun.net"),
        ] {
            let providers = providers(name, vec![response(200, "{}")]);
            providers.send().unwrap();
            assert_eq!(providers.called.take(), [host]);
        }
        let providers = providers("cloudflare", vec![]);
        providers.mailer_result.set(Some(Ok(SendResult::Taken)));
        providers.send().unwrap();
        assert_eq!(providers.called.take(), ["EMAIL for noreply@app.example"]);
    }

    #[test]
    fn a_provider_that_refuses_or_does_not_respond_is_an_outage() {
        for result in [response(500, ""), response(403, "error code: 1010"), Err(HttpError("timeout".into()))] {
            let providers = providers("resend", vec![result]);
            let unsent = providers.send().unwrap_err();
            assert!(!unsent.recipient_is_refused, "{unsent:?}");
        }
    }

    #[test]
    fn the_next_provider_is_tried_when_one_fails_and_none_after_one_accepted() {
        let results = vec![Err(HttpError("timeout".into())), response(422, "ada@example.com"), response(202, "")];
        let providers = providers("resend,postmark,sendgrid,mailgun", results);
        let (attempts, failures) = providers.send().unwrap();
        assert_eq!(attempts, Attempts { sent: Some("sendgrid"), failed: vec!["resend", "postmark"] });
        assert_eq!(providers.called.take(), ["api.resend.com", "api.postmarkapp.com", "api.sendgrid.com"]);
        let expected = "resend did not respond: timeout; \
            postmark refused it: 422 without an error that can be read";
        assert_eq!(failures.join("; "), expected);
    }

    #[test]
    fn if_all_fail_the_cause_names_each_reason_without_address_and_content() {
        let body = r#"{"name":"validation_error","message":"ada@example.com 271828"}"#;
        let results = vec![response(422, body), response(404, "ada@example.com 271828")];
        let providers = providers("cloudflare,resend,mailgun", results);
        providers.mailer_result.set(Some(Ok(SendResult::Refused("E_RATE_LIMIT_EXCEEDED".to_owned()))));
        assert_eq!(
            providers.cause(),
            "cloudflare refused it for now: E_RATE_LIMIT_EXCEEDED; \
             resend refused it: 422 validation_error; mailgun refused it: 404"
        );
    }

    #[test]
    fn a_recipient_is_refused_for_good_only_if_every_provider_refuses_it() {
        let suppressed = || response(422, r#"{"ErrorCode":406,"Message":"ada@example.com"}"#);
        let invalid = response(422, r#"{"name":"validation_error","message":"Invalid `to` field: ada@example.com"}"#);
        for (results, is_refused) in [
            (vec![suppressed(), invalid], true),
            (vec![suppressed(), response(503, "")], false),
            (vec![response(401, ""), response(401, "")], false),
        ] {
            let providers = providers("postmark,resend", results);
            let unsent = providers.send().unwrap_err();
            assert_eq!(unsent.recipient_is_refused, is_refused, "{unsent:?}");
            assert!(!unsent.cause.contains("ada@"), "{unsent:?}");
        }
    }

    #[test]
    fn a_deployment_without_the_platforms_service_says_so() {
        let providers = providers("cloudflare", vec![]);
        providers.mailer_result.set(Some(Err(HttpError("there is no binding".to_owned()))));
        assert_eq!(providers.cause(), "cloudflare did not respond: there is no binding");
    }
}
