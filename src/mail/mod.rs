//! Mail: what is said (`message`, `templates/`) and how it leaves (`provider/`).

pub mod message;
pub mod provider;
pub mod queue;

pub use message::Message;

use crate::{app::App, error::Error, settings::Mail, store::outbox};
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

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, rc::Rc};

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

    struct Unused;

    impl Later for Unused {
        fn run(&self, _: Pending<'static, ()>) {
            unreachable!()
        }
    }

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

    fn app(answer: Result<Incoming, Outage>) -> (App, Rc<Provider>) {
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
        let app = App {
            isolate: Rc::new(Isolate::new(settings)),
            sql: Rc::new(Unused),
            kv: Rc::new(Unused),
            net: provider.clone(),
            later: Rc::new(Unused),
            burst: Rc::new(Unused),
            log: |_| (),
            now: 0,
            request_id: "request-1".into(),
            address: Address::parse(None),
        };
        (app, provider)
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
        let (app, provider) = app(answered(200, r#"{"id":"49a3999c-0ce1-4ea6-ab68-afcd6dc2e794"}"#));
        pollster::block_on(send(&app, &code(&app), "key-1")).unwrap();
        assert_eq!(provider.requests.borrow().len(), 1);
    }

    #[test]
    fn a_provider_that_refuses_or_does_not_answer_is_an_outage() {
        for answer in [answered(500, ""), answered(403, "error code: 1010"), Err(Outage("timeout".into()))] {
            let (app, _) = app(answer);
            let error = pollster::block_on(send(&app, &code(&app), "key-1")).unwrap_err();
            assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
        }
    }
}
