//! Mail: what is said (`message`, `templates/`) and how it leaves (`provider/`).

pub mod message;
pub mod provider;

pub use message::Message;

use crate::{app::App, crypto::random, domain::email::Email, error::Error, settings::Mail, store::outbox};
use provider::resend;

/// Hands a mail to the provider of the settings and waits for its answer.
///
/// `idempotency_key`: 1 to 256 visible ASCII characters, new for each mail. Under the same key the same mail leaves
/// once, however often it is sent within 24 hours.
///
/// # Errors
/// [`Error::Unavailable`] when the provider or the outbox did not take it. The cause may stand in the log: it names
/// neither the address nor anything of the content.
pub async fn send(app: &App, message: &Message, idempotency_key: &str) -> Result<(), Error> {
    match &app.settings().mail {
        Mail::Outbox => {
            let Message { to, subject, text, html, .. } = message;
            outbox::insert(app.sql.as_ref(), idempotency_key, to.as_str(), subject, text, html, app.now)
                .await
                .map_err(|outage| Error::Unavailable(format!("the outbox took no mail: {}", outage.0)))
        }
        Mail::Resend { api_key, from } => {
            let request = resend::request(api_key, from, message, idempotency_key);
            let answer = app
                .net
                .post(request)
                .await
                .map_err(|outage| Error::Unavailable(format!("resend did not answer: {}", outage.0)))?;
            resend::outcome(&answer).map_err(|refusal| Error::Unavailable(refusal.to_string()))
        }
    }
}

/// Sends a mail after the answer, so that the time of the answer does not tell whether there was one to send.
///
/// Nobody waits for it, so a failure is logged here, in one line: the request, the kind of mail, the masked address
/// and the cause.
pub fn send_later(app: &App, message: Message, idempotency_key: String) {
    let sender = app.clone();
    app.later.run(Box::pin(async move {
        if let Err(error) = send(&sender, &message, &idempotency_key).await {
            let cause = error.cause().unwrap_or_default().replace(char::is_control, " ");
            (sender.log)(&format!("request {}: {message:?} was not sent: {cause}", sender.request_id));
        }
    }));
}

/// Tells the owner of an account, after the answer, that its password was changed. The default account has no mailbox.
///
/// # Errors
/// [`Error::Internal`] when the mail cannot be written.
pub fn tell_password_changed(app: &App, email: &Email, name: Option<&str>) -> Result<(), Error> {
    if Email::parse(email.as_str()).is_ok() {
        send_later(app, message::password_changed(app.settings(), email, name)?, random::id()?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{
        cell::{Cell, RefCell},
        rc::Rc,
    };

    use super::*;
    use crate::{
        app::Isolate,
        domain::{email::Email, throttle::Address},
        ports::{Burst, Incoming, Kv, Later, Net, Outage, Outgoing, Pending, Rows, Sql, Statement},
        settings::Settings,
    };

    /// A provider that gives one answer to everything, and keeps what it was sent.
    struct Provider {
        answer: Result<Incoming, Outage>,
        requests: RefCell<Vec<Outgoing>>,
    }

    impl Net for Provider {
        fn post(&self, request: Outgoing) -> Pending<'_, Result<Incoming, Outage>> {
            self.requests.borrow_mut().push(request);
            Box::pin(async { self.answer.clone() })
        }
    }

    /// Runs the work when the test says that the answer has been sent.
    #[derive(Default)]
    struct AfterTheAnswer(Cell<Option<Pending<'static, ()>>>);

    impl Later for AfterTheAnswer {
        fn run(&self, work: Pending<'static, ()>) {
            self.0.set(Some(work));
        }
    }

    struct Unused;

    impl Sql for Unused {
        fn batch(&self, _: Vec<Statement>) -> Pending<'_, Result<Vec<Rows>, Outage>> {
            unreachable!()
        }
    }

    impl Kv for Unused {
        fn get<'a>(&'a self, _: &'a str) -> Pending<'a, Result<Option<String>, Outage>> {
            unreachable!()
        }
        fn put<'a>(&'a self, _: &'a str, _: String, _: i64) -> Pending<'a, Result<(), Outage>> {
            unreachable!()
        }
        fn delete<'a>(&'a self, _: &'a str) -> Pending<'a, Result<(), Outage>> {
            unreachable!()
        }
    }

    impl Burst for Unused {
        fn allow<'a>(&'a self, _: &'a str) -> Pending<'a, Result<bool, Outage>> {
            unreachable!()
        }
    }

    thread_local! {
        static LOG: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    }

    fn app(answer: Result<Incoming, Outage>) -> (App, Rc<Provider>, Rc<AfterTheAnswer>) {
        let settings = Settings::read(|name| {
            let value = match name {
                "AUTH_SECRET" => "0123456789abcdef0123456789abcdef",
                "APP_URL" => "https://app.example",
                "MAIL_FROM" => "Postern <noreply@app.example>",
                "RESEND_API_KEY" => "re_key",
                _ => return None,
            };
            Some(value.to_owned())
        })
        .unwrap();
        let provider = Rc::new(Provider { answer, requests: RefCell::default() });
        let later = Rc::new(AfterTheAnswer::default());
        let app = App {
            isolate: Rc::new(Isolate::new(settings)),
            sql: Rc::new(Unused),
            kv: Rc::new(Unused),
            net: provider.clone(),
            later: later.clone(),
            burst: Rc::new(Unused),
            log: |line| LOG.with_borrow_mut(|log| log.push(line.to_owned())),
            now: 0,
            request_id: "request-1".into(),
            address: Address::parse(None),
        };
        (app, provider, later)
    }

    fn code(app: &App) -> Message {
        let to = Email::parse("ada@example.com").unwrap();
        message::one_time_password(app.settings(), &to, Some("Ada"), "271828", 600).unwrap()
    }

    fn answered(status: u16, body: &str) -> Result<Incoming, Outage> {
        Ok(Incoming { status, body: body.to_owned() })
    }

    #[test]
    fn a_mail_leaves_through_the_provider_of_the_settings() {
        let (app, provider, _) = app(answered(200, r#"{"id":"49a3999c-0ce1-4ea6-ab68-afcd6dc2e794"}"#));
        pollster::block_on(send(&app, &code(&app), "key-1")).unwrap();
        assert_eq!(provider.requests.borrow().len(), 1);
    }

    #[test]
    fn a_provider_that_refuses_or_does_not_answer_is_an_outage() {
        for answer in [answered(500, ""), answered(403, "error code: 1010"), Err(Outage("timeout".into()))] {
            let (app, ..) = app(answer);
            let error = pollster::block_on(send(&app, &code(&app), "key-1")).unwrap_err();
            assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
        }
    }

    #[test]
    fn a_mail_sent_later_leaves_after_the_answer() {
        let (app, provider, later) = app(answered(200, "{}"));
        send_later(&app, code(&app), "key-1".to_owned());
        assert!(provider.requests.borrow().is_empty());
        pollster::block_on(later.0.take().unwrap());
        assert_eq!(provider.requests.borrow().len(), 1);
    }

    #[test]
    fn a_mail_that_could_not_be_sent_later_is_logged_in_one_line_without_address_or_content() {
        let body = r#"{"statusCode":422,"name":"validation_error","message":"ada@example.com 271828"}"#;
        let (app, _, later) = app(answered(422, body));
        send_later(&app, code(&app), "key-1".to_owned());
        pollster::block_on(later.0.take().unwrap());
        let mail = "the mail one_time_password to a***@example.com";
        let cause = "resend refused it for good: 422 validation_error";
        assert_eq!(LOG.take(), [format!("request request-1: {mail} was not sent: {cause}")]);
    }
}
