//! Mail: what is said (`message`, `templates/`) and how it leaves (`provider/`).

mod budget;
pub mod message;
pub mod provider;
pub mod queue;

pub use message::Message;

use crate::{
    app::App,
    domain::{email::Sender, mail_budget::ASKED_BY_OWNER},
    error::Error,
    ports::StoreError,
    settings::{Mail, Provider},
    store::outbox,
};
use provider::{Outcome, Reason, Refusal, cloudflare, mailgun, postmark, resend, sendgrid};

/// A mail that nobody took.
#[derive(Debug)]
pub struct Unsent {
    /// Each provider with its reason, for the log: neither the address nor anything of the content.
    pub cause: String,
    /// Whether every provider refused the recipient for good.
    pub recipient_is_refused: bool,
}

impl Unsent {
    fn without_answer(provider: &str, error: &StoreError) -> Unsent {
        Unsent { cause: format!("{provider} did not answer: {}", error.0), recipient_is_refused: false }
    }
}

impl From<Refusal> for Unsent {
    fn from(refusal: Refusal) -> Unsent {
        Unsent { cause: refusal.to_string(), recipient_is_refused: refusal.kind == Reason::Recipient }
    }
}

impl From<Unsent> for Error {
    fn from(unsent: Unsent) -> Error {
        Error::Unavailable(unsent.cause)
    }
}

/// Sends a mail that the signed-in owner of the address waits for, if the budget of the recipient allows it.
///
/// # Errors
/// 429 when the recipient got too many mails; 503 when the mail cannot be sent.
pub async fn send_now(app: &App, message: &Message, id: &str) -> Result<(), Error> {
    budget::take(app, &message.to, ASKED_BY_OWNER).await?;
    Ok(send(app, message, id).await?)
}

/// Sends a mail through the first provider of the settings that takes it. Waits at most ten seconds for each.
///
/// `id`: new for each mail. The idempotency key is a hash of it and of the content, so the same key always carries the same
/// body, as Resend demands; a name or a setting that changed between two attempts makes another key. Under one key Resend
/// and the outbox send a mail once, Resend within 24 hours; the other providers know no such key. A mail can arrive twice if
/// a provider took it but its answer was lost.
///
/// If one takes it after another has failed, the log says so in one line.
///
/// # Errors
/// [`Unsent`] when no provider, or the outbox, took it.
async fn send(app: &App, message: &Message, id: &str) -> Result<(), Unsent> {
    let idempotency_key = &idempotency_key(app, message, id);
    match &app.settings().mail {
        Mail::Outbox => {
            let Message { to, subject, text, html, .. } = message;
            outbox::insert(&app.store, idempotency_key, to.as_str(), subject, text, html, app.now).await.map_err(
                |error| Unsent { cause: format!("the outbox took no mail: {}", error.0), recipient_is_refused: false },
            )
        }
        Mail::Providers { from, providers } => {
            let mut failures = Vec::new();
            let mut recipient_is_refused = true;
            for provider in providers {
                match hand_over(app, provider, from, message, idempotency_key).await {
                    Ok(()) => {
                        if !failures.is_empty() {
                            let failures = failures.join("; ").replace(char::is_control, " ");
                            (app.log)(&format!(
                                "request {}: {message:?} needed another try: {failures}",
                                app.request_id
                            ));
                        }
                        return Ok(());
                    }
                    Err(failure) => {
                        recipient_is_refused &= failure.recipient_is_refused;
                        failures.push(failure.cause);
                    }
                }
            }
            Err(Unsent { cause: failures.join("; "), recipient_is_refused })
        }
    }
}

fn idempotency_key(app: &App, message: &Message, id: &str) -> String {
    let from = match &app.settings().mail {
        Mail::Outbox => String::new(),
        Mail::Providers { from, .. } => from.to_string(),
    };
    let Message { to, subject, text, html, .. } = message;
    app.keys().idempotency.hash(&[id, &from, to.as_str(), subject, text, html])
}

/// Hands a mail to one provider; if that fails, says which one and why.
async fn hand_over(
    app: &App,
    provider: &Provider,
    from: &Sender,
    message: &Message,
    idempotency_key: &str,
) -> Result<(), Unsent> {
    let (name, request, outcome): (_, _, Outcome) = match provider {
        Provider::Resend { api_key } => {
            ("resend", resend::request(api_key, from, message, idempotency_key), resend::outcome)
        }
        Provider::Postmark { server_token } => {
            ("postmark", postmark::request(server_token, from, message), postmark::outcome)
        }
        Provider::SendGrid { api_key } => ("sendgrid", sendgrid::request(api_key, from, message), sendgrid::outcome),
        Provider::Mailgun { api_key, domain, region } => {
            ("mailgun", mailgun::request(api_key, domain, *region, from, message), mailgun::outcome)
        }
        Provider::Cloudflare => {
            let receipt = app.mailer.send(cloudflare::letter(from, message)).await;
            let receipt = receipt.map_err(|error| Unsent::without_answer("cloudflare", &error))?;
            return cloudflare::outcome(receipt).map_err(Unsent::from);
        }
    };
    let answer = app.http.post(request).await.map_err(|error| Unsent::without_answer(name, &error))?;
    outcome(&answer).map_err(Unsent::from)
}

#[cfg(test)]
mod tests {
    use std::{
        cell::{Cell, RefCell},
        rc::Rc,
    };

    use super::*;
    use crate::{
        app::{Isolate, Services, lazily},
        domain::{email::Email, throttle::Address},
        ports::{
            Assets, HttpClient, HttpRequest, HttpResponse, Kv, MailMessage, Mailer, Pending, RateLimiter, Rows,
            SendResult, Sql, Statement, StoreError, Timer, WaitUntil,
        },
        settings::Settings,
        store::Store,
    };

    /// The providers, which give the answers that they are told, in order, and keep who was asked.
    #[derive(Default)]
    struct Providers {
        answers: RefCell<Vec<Result<HttpResponse, StoreError>>>,
        receipt: Cell<Option<Result<SendResult, StoreError>>>,
        asked: RefCell<Vec<String>>,
    }

    impl HttpClient for Providers {
        fn post(&self, request: HttpRequest) -> Pending<'_, Result<HttpResponse, StoreError>> {
            let host = request.url.split('/').nth(2).unwrap().to_owned();
            self.asked.borrow_mut().push(host);
            Box::pin(async { self.answers.borrow_mut().remove(0) })
        }

        fn get<'a>(
            &'a self,
            _: &'a str,
            _: &'a [(&'static str, &'static str)],
            _: std::time::Duration,
        ) -> Pending<'a, Result<HttpResponse, StoreError>> {
            unreachable!("mail is posted")
        }
    }

    impl Mailer for Providers {
        fn send(&self, letter: MailMessage) -> Pending<'_, Result<SendResult, StoreError>> {
            self.asked.borrow_mut().push(format!("EMAIL for {}", letter.from));
            Box::pin(async { self.receipt.take().unwrap() })
        }
    }

    struct Unused;

    impl Assets for Unused {
        fn text<'a>(&'a self, _: &'a str) -> Pending<'a, Result<String, StoreError>> {
            unreachable!()
        }
    }

    impl WaitUntil for Unused {
        fn run(&self, _: Pending<'static, ()>) {
            unreachable!()
        }
    }

    impl Sql for Unused {
        fn batch<'a>(&'a self, _: &'a [Statement]) -> Pending<'a, Result<Vec<Rows>, StoreError>> {
            unreachable!()
        }
    }

    impl Timer for Unused {
        fn sleep(&self, _: std::time::Duration) -> Pending<'static, ()> {
            unreachable!()
        }
    }

    impl Kv for Unused {
        fn get<'a>(&'a self, _: &'a str) -> Pending<'a, Result<Option<String>, StoreError>> {
            unreachable!()
        }
        fn put<'a>(&'a self, _: &'a str, _: String, _: i64) -> Pending<'a, Result<(), StoreError>> {
            unreachable!()
        }
        fn delete<'a>(&'a self, _: &'a str) -> Pending<'a, Result<(), StoreError>> {
            unreachable!()
        }
    }

    impl RateLimiter for Unused {
        fn allow<'a>(&'a self, _: &'a str) -> Pending<'a, Result<bool, StoreError>> {
            unreachable!()
        }
    }

    thread_local! {
        static LOG: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    }

    fn app(list: &str, answers: Vec<Result<HttpResponse, StoreError>>) -> (App, Rc<Providers>) {
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
        })
        .unwrap();
        let providers = Rc::new(Providers { answers: RefCell::new(answers), ..Providers::default() });
        let app = Services {
            isolate: Rc::new(Isolate::new(settings)),
            store: Store { sql: Rc::new(Unused), replica: None, kv: Rc::new(Unused), timer: Rc::new(Unused) },
            assets: Rc::new(Unused),
            http: providers.clone(),
            mailer: providers.clone(),
            timer: Rc::new(Unused),
            wait_until: Rc::new(Unused),
            rate_limiter: Rc::new(Unused),
            user_writes: Rc::new(Unused),
            log: |line| LOG.with_borrow_mut(|log| log.push(line.to_owned())),
            request_id: "request-1".into(),
            address: lazily(|| Address::parse(None)),
            deployment: None,
        };
        (app.at(0), providers)
    }

    fn code(app: &App) -> Message {
        let to = Email::parse("ada@example.com").unwrap();
        message::one_time_password(app.settings(), &to, Some("Ada"), "271828", 600).unwrap()
    }

    fn answered(status: u16, body: &str) -> Result<HttpResponse, StoreError> {
        Ok(HttpResponse { status, body: body.to_owned() })
    }

    fn sent(app: &App) -> Result<(), Unsent> {
        pollster::block_on(send(app, &code(app), "key-1"))
    }

    fn cause(app: &App) -> String {
        sent(app).unwrap_err().cause
    }

    #[test]
    fn a_mail_leaves_through_the_provider_of_the_settings() {
        for (name, host) in [
            ("resend", "api.resend.com"),
            ("postmark", "api.postmarkapp.com"),
            ("sendgrid", "api.sendgrid.com"),
            ("mailgun", "api.mailgun.net"),
        ] {
            let (app, providers) = app(name, vec![answered(200, "{}")]);
            sent(&app).unwrap();
            assert_eq!(providers.asked.take(), [host]);
        }
        let (app, providers) = app("cloudflare", vec![]);
        providers.receipt.set(Some(Ok(SendResult::Taken)));
        sent(&app).unwrap();
        assert_eq!(providers.asked.take(), ["EMAIL for noreply@app.example"]);
        assert_eq!(LOG.take(), [""; 0]);
    }

    #[test]
    fn a_provider_that_refuses_or_does_not_answer_is_an_outage() {
        for answer in [answered(500, ""), answered(403, "error code: 1010"), Err(StoreError("timeout".into()))] {
            let (app, _) = app("resend", vec![answer]);
            let unsent = sent(&app).unwrap_err();
            assert!(!unsent.recipient_is_refused, "{unsent:?}");
        }
    }

    #[test]
    fn the_next_provider_is_tried_when_one_fails_and_no_other_once_one_took_the_mail() {
        let answers =
            vec![Err(StoreError("timeout\nor so".into())), answered(422, "ada@example.com"), answered(202, "")];
        let (app, providers) = app("resend,postmark,sendgrid,mailgun", answers);
        sent(&app).unwrap();
        assert_eq!(providers.asked.take(), ["api.resend.com", "api.postmarkapp.com", "api.sendgrid.com"]);
        let failures = "resend did not answer: timeout or so; \
            postmark refused it: 422 without an error that can be read";
        let mail = "the mail one_time_password to a***@example.com";
        assert_eq!(LOG.take(), [format!("request request-1: {mail} needed another try: {failures}")]);
    }

    #[test]
    fn if_all_fail_the_cause_names_each_with_its_reason_and_neither_address_nor_content() {
        let body = r#"{"name":"validation_error","message":"ada@example.com 271828"}"#;
        let answers = vec![answered(422, body), answered(404, "ada@example.com 271828")];
        let (app, providers) = app("cloudflare,resend,mailgun", answers);
        providers.receipt.set(Some(Ok(SendResult::Refused("E_RATE_LIMIT_EXCEEDED".to_owned()))));
        assert_eq!(
            cause(&app),
            "cloudflare refused it for now: E_RATE_LIMIT_EXCEEDED; \
             resend refused it: 422 validation_error; mailgun refused it: 404"
        );
        assert_eq!(LOG.take(), [""; 0]);
    }

    #[test]
    fn a_recipient_is_refused_for_good_only_if_every_provider_refuses_it() {
        let suppressed = || answered(422, r#"{"ErrorCode":406,"Message":"ada@example.com"}"#);
        let invalid = answered(422, r#"{"name":"validation_error","message":"Invalid `to` field: ada@example.com"}"#);
        for (answers, is_refused) in [
            (vec![suppressed(), invalid], true),
            (vec![suppressed(), answered(503, "")], false),
            (vec![answered(401, ""), answered(401, "")], false),
        ] {
            let (app, _) = app("postmark,resend", answers);
            let unsent = sent(&app).unwrap_err();
            assert_eq!(unsent.recipient_is_refused, is_refused, "{unsent:?}");
            assert!(!unsent.cause.contains("ada@"), "{unsent:?}");
        }
    }

    #[test]
    fn a_deployment_without_the_platforms_service_says_so() {
        let (app, providers) = app("cloudflare", vec![]);
        providers.receipt.set(Some(Err(StoreError("there is no binding".to_owned()))));
        assert_eq!(cause(&app), "cloudflare did not answer: there is no binding");
    }
}
