//! Turnstile: `captcha` in requests that programs might send

use serde_json::{Value, json};

use crate::support::{Answer, Fault, PASSWORD, Postern};

const TURNSTILE: [(&str, &str); 2] =
    [("TURNSTILE_SITE_KEY", "0x4AAAAAAAsite"), ("TURNSTILE_SECRET_KEY", "0x4AAAAAAAsecret")];

/// A form with the action of its widget.
struct Form {
    action: &'static str,
    path: &'static str,
    body: fn(&Postern) -> Value,
    /// Whether it has done something.
    is_done: fn(&Postern) -> bool,
}

const FORMS: [Form; 4] = [
    Form {
        action: "signup",
        path: "/api/auth/signup",
        body: |postern| json!({ "referrer": postern.referrer(), "email": "grace@example.com", "password": PASSWORD }),
        is_done: |postern| !postern.sql.query("SELECT id FROM users WHERE email = 'grace@example.com'", &[]).is_empty(),
    },
    Form {
        action: "signup",
        path: "/api/auth/signup",
        body: |_| json!({ "email": "grace@example.com", "password": PASSWORD }),
        is_done: |postern| !postern.mails("grace@example.com").is_empty(),
    },
    Form {
        action: "login_email",
        path: "/api/auth/login/email",
        body: |_| json!({ "email": "ada@example.com" }),
        is_done: |postern| !postern.mails("ada@example.com").is_empty(),
    },
    Form {
        action: "password_reset",
        path: "/api/auth/send-password-reset-link",
        body: |_| json!({ "email": "ada@example.com" }),
        is_done: |postern| !postern.mails("ada@example.com").is_empty(),
    },
];

/// A service with Ada, who signed up before Turnstile was turned on.
fn service() -> Postern {
    let postern = Postern::new();
    postern.sign_up("ada@example.com");
    postern.redeploy(&[TURNSTILE[0], TURNSTILE[1], ("SIGN_UP", "open")]);
    postern
}

impl Form {
    fn send(&self, postern: &Postern, captcha: Option<Value>) -> Answer {
        let mut body = (self.body)(postern);
        if let Some(captcha) = captcha {
            body["captcha"] = captcha;
        }
        postern.post(self.path).json(body).send()
    }

    fn good(&self) -> String {
        format!("{}@app.example.com", self.action)
    }
}

fn site_key(postern: &Postern) -> Value {
    postern.get("/api/auth/config").send().expect(200)["turnstile_site_key"].clone()
}

#[test]
fn the_pages_learn_the_site_key_and_nobody_the_secret_key() {
    let postern = service();
    assert_eq!(site_key(&postern), json!("0x4AAAAAAAsite"));
    assert_eq!(site_key(&Postern::new()), Value::Null);
    assert!(!postern.get("/api/auth/config").send().text.contains("0x4AAAAAAAsecret"));
}

#[test]
fn without_turnstile_the_member_is_ignored() {
    for form in FORMS {
        let postern = Postern::with_settings(&[("SIGN_UP", "open")]);
        postern.sign_up("ada@example.com");
        assert!(form.send(&postern, Some(json!("anything"))).is_accepted());
        assert!(postern.resend.captchas.borrow().is_empty());
    }
}

#[test]
fn each_form_takes_a_token_of_its_own_page() {
    for form in FORMS {
        let postern = service();
        assert!(form.send(&postern, Some(json!(form.good()))).is_accepted());
        assert!((form.is_done)(&postern), "{}", form.path);
        let asked = postern.resend.captchas.borrow().clone();
        assert_eq!(asked, [json!({ "secret": "0x4AAAAAAAsecret", "response": form.good() })]);
    }
}

#[test]
fn a_token_of_another_form_host_or_kind_is_refused_and_nothing_happens() {
    for form in FORMS {
        let postern = service();
        let others: Vec<_> = FORMS.iter().filter(|other| other.action != form.action).map(Form::good).collect();
        let elsewhere = ["evil.example", "example.com", "app.example.com.evil.example", "localhost", ""];
        let elsewhere = elsewhere.map(|host| format!("{}@{host}", form.action));
        for token in others.into_iter().chain(elsewhere).chain(["forged".to_owned()]) {
            form.send(&postern, Some(json!(token))).refused(403, "captcha_refused");
        }
        assert!(!(form.is_done)(&postern), "{}", form.path);
    }
}

#[test]
fn without_a_token_turnstile_is_not_asked() {
    for form in FORMS {
        let postern = service();
        for captcha in [None, Some(Value::Null), Some(json!("")), Some(json!("a".repeat(2_049)))] {
            form.send(&postern, captcha).refused(403, "captcha_refused");
        }
        for captcha in [json!(1), json!(["x"]), json!({})] {
            assert_eq!(form.send(&postern, Some(captcha)).faulty_fields(), ["captcha"]);
        }
        assert!(postern.resend.captchas.borrow().is_empty() && !(form.is_done)(&postern), "{}", form.path);
    }
}

#[test]
fn a_token_works_once() {
    for form in FORMS {
        let postern = service();
        assert!(form.send(&postern, Some(json!(form.good()))).is_accepted());
        form.send(&postern, Some(json!(form.good()))).refused(403, "captcha_refused");
        // With another token, the form itself decides.
        assert_ne!(form.send(&postern, Some(json!(format!("{}#2", form.good())))).outcome, "captcha_refused");
    }
}

#[test]
fn if_turnstile_does_not_respond_nothing_happens() {
    for form in FORMS {
        let postern = service();
        let mut body = (form.body)(&postern);
        // One call after the other fails, until none is left before the response. One of them is that to Turnstile.
        for nth in 1.. {
            body["captcha"] = json!(format!("{}#{nth}", form.good()));
            postern.outside.fault.set(Some((nth, Fault::Before)));
            let answer = postern.post(form.path).json(body.clone()).send();
            postern.outside.fault.take();
            if answer.is_accepted() {
                break;
            }
            answer.refused(503, "unavailable");
            assert!(!(form.is_done)(&postern), "{} {nth}", form.path);
        }
        assert!(postern.resend.captchas.borrow().len() > 1, "{}", form.path);
    }
}

#[test]
fn a_wrong_secret_key_refuses_everybody_with_503_and_is_in_the_log() {
    for form in FORMS {
        let postern = service();
        postern.redeploy(&[TURNSTILE[0], ("TURNSTILE_SECRET_KEY", "0x4AAAAAAAwrong"), ("SIGN_UP", "open")]);
        form.send(&postern, Some(json!(form.good()))).refused(503, "unavailable");
        assert!(!(form.is_done)(&postern), "{}", form.path);
        let log = postern.log().join("\n");
        assert!(log.contains("Turnstile: invalid-input-secret") && !log.contains("0x4AAAAAAAwrong"), "{log}");
    }
}

#[test]
fn the_referrer_and_the_fields_of_a_sign_up_are_checked_first() {
    let postern = service();
    let send = |body: Value| postern.post("/api/auth/signup").json(body).send();
    send(json!({ "referrer": "0123456789", "email": "x" })).refused(403, "referrer_refused");
    let referrer = postern.referrer();
    let body = json!({ "referrer": referrer, "email": "x", "password": PASSWORD, "captcha": "signup@app.example.com" });
    assert_eq!(send(body).faulty_fields(), ["email"]);
    assert!(postern.resend.captchas.borrow().is_empty());
    // Only people learn whether an email has an account.
    send(json!({ "referrer": referrer, "email": "ada@example.com", "password": PASSWORD }))
        .refused(403, "captcha_refused");
}

#[test]
fn programs_cannot_use_up_the_mails_of_a_user() {
    for form in FORMS {
        let postern = service();
        for _ in 0..50 {
            form.send(&postern, Some(json!("forged"))).refused(403, "captcha_refused");
        }
        assert!(form.send(&postern, Some(json!(form.good()))).is_accepted());
    }
}

#[test]
fn beyond_the_limit_by_address_turnstile_is_not_asked() {
    for form in FORMS {
        let postern = service();
        let body = (form.body)(&postern);
        postern.exhaust_burst_guard();
        postern.post(form.path).json(body).send().refused(429, "too_many_requests");
        assert!(postern.resend.captchas.borrow().is_empty());
    }
}
