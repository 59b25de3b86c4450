//! `/api/auth/me/email` and `POST /api/auth/undo-email-change`

use http::Method;
use serde_json::{Value, json};

use crate::support::{
    Answer, Call, DAY, HOUR, MINUTE, NEW_SECRET, PASSWORD, Postern, SECOND, SECRET, SignedUp, totp_code,
    world::{ADA, GRACE, NEW_PASSWORD, add_passkey},
};

/// The address that Ada changes to.
const NEW: &str = "ada@example.org";
const LATER: &str = "ada@example.net";

/// A change that was asked for.
struct Asked {
    token: String,
    code: String,
    old_code: Option<String>,
    undo_token: String,
}

impl Asked {
    fn body(&self) -> Value {
        json!({ "token": self.token, "code": self.code, "old_code": self.old_code })
    }

    fn verification<'a>(&self, postern: &'a Postern, session: &str) -> Call<'a> {
        postern.post("/api/auth/me/email/verify").bearer(session).json(self.body())
    }

    fn complete(&self, postern: &Postern, session: &str) {
        assert_eq!(self.verification(postern, session).send().expect(200), json!(true));
    }
}

fn request<'a>(postern: &'a Postern, session: &str, email: &str) -> Call<'a> {
    postern.post("/api/auth/me/email").bearer(session).json(json!({ "email": email }))
}

fn ask_from(postern: &Postern, session: &str, old: &str, new: &str) -> Asked {
    let (token, confirm) = postern.ask_email_change(session, new);
    let old_code = confirm.contains(&"old".to_owned()).then(|| postern.code(old));
    Asked { token, code: postern.code(new), old_code, undo_token: postern.undo_token(old) }
}

fn ask(postern: &Postern, session: &str, new: &str) -> Asked {
    ask_from(postern, session, ADA, new)
}

fn verify(postern: &Postern, session: &str, body: Value) -> Answer {
    postern.post("/api/auth/me/email/verify").bearer(session).json(body).send()
}

fn undo<'a>(postern: &'a Postern, token: &str) -> Call<'a> {
    postern.post("/api/auth/undo-email-change").json(json!({ "token": token }))
}

fn own(postern: &Postern, session: &str) -> Value {
    postern.get("/api/auth/me/email").bearer(session).send().expect(200)
}

fn user(postern: &Postern, id: &str) -> Value {
    postern.sql.query("SELECT * FROM users WHERE id = ?1", &[id.into()]).remove(0)
}

fn count(postern: &Postern, table: &str) -> usize {
    postern.sql.query(format!("SELECT * FROM {table}").leak(), &[]).len()
}

/// The subjects of the mails to an address, newest first.
fn subjects(postern: &Postern, email: &str) -> Vec<String> {
    postern.mails(email).iter().map(|mail| mail["subject"].as_str().unwrap().to_owned()).collect()
}

fn last_event(postern: &Postern) -> (String, String) {
    let event = postern.sql.query("SELECT action, result FROM events ORDER BY id DESC LIMIT 1", &[]).remove(0);
    (event["action"].as_str().unwrap().to_owned(), event["result"].as_str().unwrap().to_owned())
}

/// Ada, whose address is verified, and a change of hers that is done.
fn changed() -> (Postern, SignedUp, Asked) {
    let postern = Postern::new();
    let ada = postern.sign_up_verified(ADA);
    let asked = ask(&postern, &ada.token, NEW);
    asked.complete(&postern, &ada.token);
    (postern, ada, asked)
}

fn sign_up(postern: &Postern, email: &str) -> Answer {
    let body = json!({ "referrer": postern.referrer(), "email": email, "password": PASSWORD });
    postern.post("/api/auth/signup").json(body).send()
}

// Asking.

#[test]
fn nothing_changes_before_the_codes() {
    let postern = Postern::new();
    let ada = postern.sign_up_verified(ADA);
    assert_eq!(own(&postern, &ada.token), json!({ "email": ADA, "is_verified": true, "pending": null }));
    let before = user(&postern, &ada.id);
    let (_, confirm) = postern.ask_email_change(&ada.token, " Ada@EXAMPLE.org ");
    assert_eq!(confirm, ["new", "old"]);
    let pending = json!({ "email": NEW, "confirm": ["new", "old"], "expires_at": postern.now.get() + 10 * MINUTE });
    assert_eq!(own(&postern, &ada.token), json!({ "email": ADA, "is_verified": true, "pending": pending }));
    assert_eq!(user(&postern, &ada.id), before);
    postern.login(NEW, PASSWORD).refused(401, "wrong_credentials");
    postern.wait(10 * MINUTE);
    assert_eq!(own(&postern, &ada.token)["pending"], Value::Null);
}

#[test]
fn an_address_that_was_never_verified_need_not_be_confirmed() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    let asked = ask(&postern, &ada.token, NEW);
    assert_eq!(asked.old_code, None);
    assert!(!postern.mails(ADA)[0]["text"].as_str().unwrap().contains("enter this code"));
    asked.complete(&postern, &ada.token);
    assert_eq!(own(&postern, &ada.token), json!({ "email": NEW, "is_verified": true, "pending": null }));
}

#[test]
fn a_user_with_a_second_factor_confirms_the_new_address_only() {
    let postern = Postern::new();
    let ada = postern.sign_up_verified(ADA);
    postern.add_totp(&ada.token);
    let asked = ask(&postern, &ada.token, NEW);
    assert_eq!(asked.old_code, None);
    asked.complete(&postern, &ada.token);
    undo(&postern, &asked.undo_token).send().expect(200);
}

#[test]
fn the_default_account_can_get_a_mailbox() {
    let postern = Postern::new();
    let admin = postern.admin_token();
    let (token, confirm) = postern.ask_email_change(&admin, "root@example.com");
    assert_eq!(confirm, ["new"]);
    verify(&postern, &admin, json!({ "token": token, "code": postern.code("root@example.com") })).expect(200);
    assert_eq!(postern.login("root@example.com", "admin").expect(200)["user"]["role"], "admin");
    postern.login("admin", "admin").refused(401, "wrong_credentials");
    assert_eq!(count(&postern, "undoable_email_changes"), 0);
}

#[test]
fn the_current_address_is_refused_however_it_is_spelled() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@xn--bcher-kva.example");
    for same in ["ada@xn--bcher-kva.example", " ADA@bücher.example\u{200b}", "ada@BÜCHER.example"] {
        request(&postern, &ada.token, same).send().refused(409, "same_email");
    }
    assert_eq!(request(&postern, &ada.token, "x").send().faulty_fields(), ["email"]);
    assert_eq!(
        request(&postern, &ada.token, "ada@example.com\r\nBcc: eve@example.com").send().faulty_fields(),
        ["email"]
    );
    assert_eq!(count(&postern, "email_changes"), 0);
}

#[test]
fn an_address_with_an_account_is_refused_and_gets_no_mail() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    let grace = postern.sign_up(GRACE);
    postern.set_active(&grace.id, false);
    request(&postern, &ada.token, " Grace@Example.com").send().refused(409, "email_taken");
    assert_eq!((postern.mails(GRACE).len(), postern.mails(ADA).len(), count(&postern, "email_changes")), (0, 0, 0));
}

#[test]
fn a_user_can_ask_ten_times_an_hour() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    let grace = postern.sign_up(GRACE);
    // Questions about other accounts count too.
    for number in 0..10 {
        let answer = match number % 2 {
            0 => request(&postern, &ada.token, GRACE).send(),
            _ => request(&postern, &ada.token, &format!("ada{number}@example.org")).send(),
        };
        assert!([409, 200, 429].contains(&answer.status), "{}", answer.text);
    }
    let answer = request(&postern, &ada.token, NEW).send();
    answer.refused(429, "too_many_requests");
    assert_eq!(answer.header("retry-after"), Some("600"));
    // Other users can still ask for that address.
    request(&postern, &grace.token, NEW).send().expect(200);
}

#[test]
fn a_stranger_gets_five_codes_a_day_from_all_users_together() {
    let postern = Postern::new();
    let users: Vec<SignedUp> = (0..6).map(|number| postern.sign_up(&format!("user{number}@example.com"))).collect();
    let statuses: Vec<u16> = users.iter().map(|user| request(&postern, &user.token, NEW).send().status).collect();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 429]);
    assert_eq!(postern.mails(NEW).len(), 5);
}

#[test]
fn a_mailbox_without_budget_stops_a_request_before_anything_happens() {
    for mailbox in [ADA, NEW] {
        let postern = Postern::new();
        let ada = postern.sign_up_verified(ADA);
        let key = postern.services().at(postern.now.get()).keys().throttle.hash(&["mail-recipient", mailbox]);
        postern.sql.execute(
            "INSERT INTO throttles (key, attempts, blocked_until, expires_at) VALUES (?1, 30, 0, ?2)",
            &[key.into(), (postern.now.get() + HOUR).into()],
        );
        request(&postern, &ada.token, NEW).send().refused(429, "too_many_requests");
        assert_eq!((count(&postern, "email_changes"), count(&postern, "mails")), (0, 0));
        assert_eq!((postern.mails(ADA).len(), postern.mails(NEW).len()), (0, 0));
    }
}

#[test]
fn a_request_leaves_no_code_or_link_in_clear() {
    let postern = Postern::with_settings(&crate::support::RESEND);
    let ada = postern.sign_up_verified(ADA);
    postern.resend.is_down.set(true);
    let answer = request(&postern, &ada.token, NEW).send().expect(200);
    postern.resend.is_down.set(false);
    let dump = postern.sql.dump();
    postern.wait(2 * MINUTE);
    postern.run_cron();
    let secrets =
        [postern.code(NEW), postern.code(ADA), postern.undo_token(ADA), answer["token"].as_str().unwrap().to_owned()];
    for secret in secrets {
        assert!(!dump.contains(&secret), "{secret}");
    }
}

// The mails.

#[test]
fn the_new_address_learns_neither_the_old_one_nor_the_name() {
    let postern = Postern::new();
    let ada = postern.sign_up_verified(ADA);
    let rename = json!({ "name": "Call us now" });
    postern.put("/api/auth/me/name").bearer(&ada.token).json(rename).send().expect(200);
    let asked = ask(&postern, &ada.token, NEW);
    asked.complete(&postern, &ada.token);
    let mails = postern.mails(NEW);
    assert_eq!(subjects(&postern, NEW), ["Confirm your new email address for Postern"]);
    for mail in &mails {
        for secret in [ADA, "Call us now", &asked.undo_token, asked.old_code.as_ref().unwrap()] {
            assert!(!mail.to_string().contains(secret), "{secret}: {mail}");
        }
    }
}

#[test]
fn the_old_address_is_told_of_the_request_and_of_the_change_without_the_new_address() {
    let (postern, _, asked) = changed();
    let expected = [
        "The email address of your Postern account was changed",
        "Someone asked to change the email address of your Postern account",
    ];
    assert_eq!(subjects(&postern, ADA), expected);
    let link = format!("https://app.example.com/undo-email-change#token={}", asked.undo_token);
    for mail in postern.mails(ADA) {
        for part in ["text", "html"] {
            let part = mail[part].as_str().unwrap();
            assert!(part.contains(&link) && !part.contains(NEW) && !part.contains(&asked.code), "{part}");
        }
    }
}

// The codes.

#[test]
fn the_codes_change_the_address_and_end_other_sessions_and_the_reset_link() {
    let postern = Postern::new();
    let ada = postern.sign_up_verified(ADA);
    let other = postern.token(ADA, PASSWORD);
    let reset = postern.reset_token(ADA);
    postern.wait(SECOND);
    let asked = ask(&postern, &ada.token, NEW);
    asked.complete(&postern, &ada.token);
    assert_eq!([&ada.token, &other, &reset].map(|token| postern.me(token)), [200, 401, 401]);
    let me = postern.get("/api/auth/me").bearer(&ada.token).send().expect(200);
    assert_eq!(
        (&me["email"], &me["is_verified"], &me["updated_at"]),
        (&json!(NEW), &json!(true), &json!(postern.now.get()))
    );
    postern.login(NEW, PASSWORD).expect(200);
    postern.login(ADA, PASSWORD).refused(401, "wrong_credentials");
    let link = json!({ "email": ADA });
    postern.post("/api/auth/send-password-reset-link").json(link).send().expect(200);
    assert_eq!(subjects(&postern, ADA)[0], "The email address of your Postern account was changed");
    asked.verification(&postern, &ada.token).send().refused(403, "otp_token_refused");
}

#[test]
fn both_codes_must_be_right_and_the_answer_does_not_say_which_one_is_wrong() {
    let postern = Postern::new();
    let ada = postern.sign_up_verified(ADA);
    let asked = ask(&postern, &ada.token, NEW);
    let (token, code, old_code) = (&asked.token, &asked.code, asked.old_code.as_ref().unwrap());
    let before = user(&postern, &ada.id);
    let wrong = |code: &str, old_code: &str| {
        let answer = verify(&postern, &ada.token, json!({ "token": token, "code": code, "old_code": old_code }));
        answer.refused(403, "wrong_otp");
        answer.text
    };
    let answers = [wrong("x", old_code), wrong(code, "x"), wrong("x", "x"), wrong(old_code, code)];
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(last_event(&postern), ("email_changed".to_owned(), "wrong_otp".to_owned()));
    assert_eq!(user(&postern, &ada.id), before);
    // Both codes as people type them.
    let typed = |code: &str| format!(" {}-{}\u{200b}", &code[..3], &code[3..]);
    let body = json!({ "token": token, "code": typed(code), "old_code": typed(old_code) });
    verify(&postern, &ada.token, body).expect(200);
}

#[test]
fn a_missing_code_of_the_old_address_is_named_and_costs_no_guess() {
    let postern = Postern::new();
    let ada = postern.sign_up_verified(ADA);
    let asked = ask(&postern, &ada.token, NEW);
    for body in [json!({}), json!({ "token": asked.token, "code": " " })] {
        assert!(verify(&postern, &ada.token, body).faulty_fields().contains(&"code"));
    }
    for _ in 0..6 {
        let answer = verify(&postern, &ada.token, json!({ "token": asked.token, "code": asked.code }));
        assert_eq!(answer.faulty_fields(), ["old_code"]);
    }
    asked.complete(&postern, &ada.token);
}

#[test]
fn a_change_allows_five_guesses_at_both_codes_together_also_at_once() {
    let postern = Postern::new();
    let ada = postern.sign_up_verified(ADA);
    let asked = ask(&postern, &ada.token, NEW);
    let wrong = || {
        let body = json!({ "token": asked.token, "code": "x", "old_code": asked.old_code });
        postern.post("/api/auth/me/email/verify").bearer(&ada.token).json(body)
    };
    let answers = postern.at_once((0..8).map(|_| wrong()).collect());
    assert_eq!(answers.iter().filter(|answer| answer.outcome == "wrong_otp").count(), 5);
    assert!(answers.iter().all(|answer| ["wrong_otp", "otp_token_refused"].contains(&answer.outcome)), "{answers:?}");
    asked.verification(&postern, &ada.token).send().refused(403, "otp_token_refused");
    assert_eq!(own(&postern, &ada.token)["pending"], Value::Null);
    assert_eq!(own(&postern, &ada.token)["email"], ADA);
}

#[test]
fn guesses_of_a_user_are_limited_whatever_the_change() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    for number in 0..2 {
        let asked = ask(&postern, &ada.token, &format!("victim{number}@example.org"));
        for _ in 0..5 {
            verify(&postern, &ada.token, json!({ "token": asked.token, "code": "x" })).refused(403, "wrong_otp");
        }
    }
    let asked = ask(&postern, &ada.token, NEW);
    let answer = asked.verification(&postern, &ada.token).send();
    answer.refused(429, "too_many_requests");
    assert_eq!(answer.header("retry-after"), Some("60"));
    // A refused guess does not count for the change.
    postern.wait(MINUTE);
    asked.complete(&postern, &ada.token);
}

#[test]
fn guesses_at_one_address_are_limited_whoever_makes_them() {
    let postern = Postern::new();
    for number in 0..2 {
        let email = format!("user{number}@example.com");
        let user = postern.sign_up(&email);
        let asked = ask_from(&postern, &user.token, &email, NEW);
        for _ in 0..5 {
            verify(&postern, &user.token, json!({ "token": asked.token, "code": "x" })).refused(403, "wrong_otp");
        }
    }
    let ada = postern.sign_up(ADA);
    let asked = ask(&postern, &ada.token, NEW);
    asked.verification(&postern, &ada.token).send().refused(429, "too_many_requests");
}

#[test]
fn outages_allow_no_additional_guesses_at_a_change() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    let asked = ask(&postern, &ada.token, NEW);
    for _ in 0..5 {
        // The session, the user's budget, then the count, which takes effect although its response is lost.
        postern.outside.fault.set(Some((3, crate::support::Fault::After)));
        assert_eq!(verify(&postern, &ada.token, json!({ "token": asked.token, "code": "x" })).status, 503);
    }
    asked.verification(&postern, &ada.token).send().refused(403, "otp_token_refused");
}

#[test]
fn a_new_request_replaces_the_one_before_with_its_codes_and_its_link() {
    let postern = Postern::new();
    let ada = postern.sign_up_verified(ADA);
    let first = ask(&postern, &ada.token, NEW);
    let second = ask(&postern, &ada.token, LATER);
    first.verification(&postern, &ada.token).send().refused(403, "otp_token_refused");
    let mixed = json!({ "token": second.token, "code": first.code, "old_code": first.old_code });
    verify(&postern, &ada.token, mixed).refused(403, "wrong_otp");
    undo(&postern, &first.undo_token).send().refused(403, "undo_refused");
    second.complete(&postern, &ada.token);
    assert_eq!(own(&postern, &ada.token)["email"], LATER);
}

#[test]
fn codes_expire_after_ten_minutes() {
    let postern = Postern::new();
    let ada = postern.sign_up_verified(ADA);
    let asked = ask(&postern, &ada.token, NEW);
    postern.wait(10 * MINUTE - 1);
    let answer = verify(&postern, &ada.token, json!({ "token": asked.token, "code": "x", "old_code": "x" }));
    answer.refused(403, "wrong_otp");
    postern.wait(1);
    asked.verification(&postern, &ada.token).send().refused(403, "otp_token_refused");
    undo(&postern, &asked.undo_token).send().refused(403, "undo_refused");
    assert_eq!(own(&postern, &ada.token)["email"], ADA);
}

#[test]
fn codes_work_only_in_the_session_that_asked() {
    let postern = Postern::new();
    let ada = postern.sign_up_verified(ADA);
    let grace = postern.sign_up_verified(GRACE);
    let asked = ask(&postern, &ada.token, NEW);
    for session in [&postern.token(ADA, PASSWORD), &grace.token] {
        asked.verification(&postern, session).send().refused(403, "otp_token_refused");
    }
    asked.complete(&postern, &ada.token);
}

#[test]
fn a_change_dies_with_the_session_the_password_the_account_or_a_weaker_protection() {
    type Act = fn(&Postern, &SignedUp);
    let acts: [(&str, Act, u16); 6] = [
        (
            "a new password",
            |postern, ada| {
                let body = json!({ "old_password": PASSWORD, "new_password": NEW_PASSWORD });
                postern.put("/api/auth/me/password").bearer(&ada.token).json(body).send().expect(200);
            },
            403,
        ),
        ("a logout", |postern, ada| drop(postern.post("/api/auth/logout").bearer(&ada.token).send().expect(200)), 401),
        (
            "an admin who ends the sessions",
            |postern, ada| {
                let path = format!("/api/auth/admin/users/{}/sessions", ada.id);
                postern.delete(&path).bearer(&postern.admin_token()).send().expect(200);
            },
            401,
        ),
        (
            "a deactivation",
            |postern, ada| {
                postern.set_active(&ada.id, false);
                postern.set_active(&ada.id, true);
            },
            401,
        ),
        ("the verification of the old address", |postern, ada| postern.verify(&ada.id), 403),
        (
            "another address",
            |postern, ada| {
                postern
                    .sql
                    .execute("UPDATE users SET email = 'x@example.com' WHERE id = ?1", &[ada.id.as_str().into()]);
            },
            403,
        ),
    ];
    for (name, act, status) in acts {
        let postern = Postern::new();
        let ada = postern.sign_up(ADA);
        let asked = ask(&postern, &ada.token, NEW);
        act(&postern, &ada);
        assert_eq!(asked.verification(&postern, &ada.token).send().status, status, "{name}");
        assert_eq!(
            postern.sql.query("SELECT id FROM users WHERE email = ?1", &[NEW.into()]),
            [Value::Null; 0],
            "{name}"
        );
        if status == 403 {
            assert_eq!(own(&postern, &ada.token)["pending"], Value::Null, "{name}");
        }
    }
}

#[test]
fn without_the_second_factor_that_it_relied_on_a_change_dies() {
    let postern = Postern::new();
    let ada = postern.sign_up_verified(ADA);
    postern.add_totp(&ada.token);
    let asked = ask(&postern, &ada.token, NEW);
    postern.delete("/api/auth/me/totp").bearer(&ada.token).send().expect(200);
    asked.verification(&postern, &ada.token).send().refused(403, "otp_token_refused");
    assert_eq!(own(&postern, &ada.token)["email"], ADA);
}

#[test]
fn a_login_that_replaces_the_hash_leaves_the_change_alone() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    let weak = "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8";
    postern.sql.execute("UPDATE users SET password_hash = ?1 WHERE email = ?2", &[weak.into(), ADA.into()]);
    let asked = ask(&postern, &ada.token, NEW);
    postern.login(ADA, "password").expect(200);
    assert_ne!(user(&postern, &ada.id)["password_hash"], weak);
    asked.complete(&postern, &ada.token);
}

#[test]
fn an_address_that_was_taken_meanwhile_is_refused() {
    let postern = Postern::new();
    let ada = postern.sign_up_verified(ADA);
    let asked = ask(&postern, &ada.token, NEW);
    sign_up(&postern, NEW).expect(200);
    asked.verification(&postern, &ada.token).send().refused(409, "email_taken");
    assert_eq!(
        (own(&postern, &ada.token)["email"].clone(), count(&postern, "undoable_email_changes")),
        (json!(ADA), 0)
    );
    assert_eq!(postern.mails(ADA).len(), 1);
}

#[test]
fn a_code_for_the_old_address_does_not_verify_the_new_one() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    let (token, code) = postern.one_time_password(&ada.token, ADA);
    ask(&postern, &ada.token, NEW).complete(&postern, &ada.token);
    let form = [("otp", code.as_str()), ("token", token.as_str())];
    postern.post("/api/auth/verify-otp").form(&form).send().refused(403, "otp_token_refused");
}

#[test]
fn of_fifty_verifications_at_once_one_changes_the_address() {
    let postern = Postern::new();
    let ada = postern.sign_up_verified(ADA);
    let asked = ask(&postern, &ada.token, NEW);
    let answers = postern.at_once((0..50).map(|_| asked.verification(&postern, &ada.token)).collect());
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert!(answers.iter().all(|answer| [200, 403, 429].contains(&answer.status)), "{answers:?}");
    let changed = "SELECT id FROM events WHERE action = 'email_changed' AND result = 'success'";
    assert_eq!((postern.sql.query(changed, &[]).len(), count(&postern, "undoable_email_changes")), (1, 1));
    // The request and the change.
    assert_eq!(postern.mails(ADA).len(), 2);
}

#[test]
fn of_users_who_change_to_one_address_at_once_one_gets_it() {
    let postern = Postern::new();
    let emails: Vec<String> = (0..5).map(|number| format!("user{number}@example.com")).collect();
    let users: Vec<SignedUp> = emails.iter().map(|email| postern.sign_up_verified(email)).collect();
    let asked: Vec<Asked> = users.iter().map(|user| ask_from(&postern, &user.token, &user.email, NEW)).collect();
    let calls = asked.iter().zip(&users).map(|(asked, user)| asked.verification(&postern, &user.token)).collect();
    let mut statuses: Vec<u16> = postern.at_once(calls).iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409, 409, 409]);
    assert_eq!(count(&postern, "undoable_email_changes"), 1);
}

// Stopping.

#[test]
fn the_user_can_stop_a_change() {
    let postern = Postern::new();
    let ada = postern.sign_up_verified(ADA);
    let asked = ask(&postern, &ada.token, NEW);
    let other = postern.token(ADA, PASSWORD);
    assert_eq!(postern.delete("/api/auth/me/email").bearer(&other).send().expect(200), json!(true));
    assert_eq!(last_event(&postern).0, "email_change_cancelled");
    let events = count(&postern, "events");
    asked.verification(&postern, &ada.token).send().refused(403, "otp_token_refused");
    undo(&postern, &asked.undo_token).send().refused(403, "undo_refused");
    // Without a change, nothing happens.
    postern.delete("/api/auth/me/email").bearer(&ada.token).send().expect(200);
    assert_eq!(count(&postern, "events"), events);
}

#[test]
fn the_link_in_the_notice_stops_a_change_and_nothing_else() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    let before = user(&postern, &ada.id);
    let asked = ask(&postern, &ada.token, NEW);
    assert_eq!(undo(&postern, &asked.undo_token).send().expect(200), json!(true));
    assert_eq!(last_event(&postern).0, "email_change_cancelled");
    asked.verification(&postern, &ada.token).send().refused(403, "otp_token_refused");
    undo(&postern, &asked.undo_token).send().refused(403, "undo_refused");
    assert_eq!((user(&postern, &ada.id), postern.me(&ada.token)), (before, 200));
    assert_eq!(postern.mails(ADA).len(), 1);
}

#[test]
fn whoever_is_faster_a_stopped_change_does_not_last() {
    for owner_is_first in [true, false] {
        let postern = Postern::new();
        let ada = postern.sign_up_verified(ADA);
        let asked = ask(&postern, &ada.token, NEW);
        let mut calls = vec![asked.verification(&postern, &ada.token), undo(&postern, &asked.undo_token)];
        if owner_is_first {
            calls.reverse();
        }
        let answers = postern.at_once(calls);
        let by_owner = &answers[usize::from(!owner_is_first)];
        assert_eq!(by_owner.status, 200, "{answers:?}");
        assert_eq!(user(&postern, &ada.id)["email"], ADA);
    }
}

#[test]
fn opening_the_link_without_a_click_does_nothing() {
    let (postern, ada, asked) = changed();
    let path = format!("/api/auth/undo-email-change?token={}", asked.undo_token);
    for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
        assert_eq!(postern.request(method, &path).send().status, 405);
    }
    postern.post(&path).json(json!({})).send().refused(422, "invalid_fields");
    assert_eq!(user(&postern, &ada.id)["email"], NEW);
}

// Undoing.

#[test]
fn an_undone_change_gives_the_account_back_to_the_owner_of_the_old_address() {
    let (postern, ada, asked) = changed();
    let thief = postern.token(NEW, PASSWORD);
    postern.wait(DAY);
    assert_eq!(undo(&postern, &asked.undo_token).send().expect(200), json!(true));
    assert_eq!(last_event(&postern), ("email_change_undone".to_owned(), "success".to_owned()));
    assert_eq!([&ada.token, &thief].map(|token| postern.me(token)), [401, 401]);
    for email in [ADA, NEW] {
        postern.login(email, PASSWORD).refused(401, "wrong_credentials");
    }
    assert_eq!(subjects(&postern, ADA)[0], "Reset your Postern password");
    assert_eq!(subjects(&postern, NEW)[0], "The change of your Postern email address was undone");
    assert!(!postern.mails(NEW)[0].to_string().contains(ADA));

    let text = postern.mails(ADA)[0]["text"].as_str().unwrap().to_owned();
    let (_, rest) = text.split_once("token=").unwrap();
    let reset = postern.post("/api/auth/reset-password-with-token").bearer(rest.split_whitespace().next().unwrap());
    reset.json(json!({ "password": NEW_PASSWORD })).send().expect(200);
    let me = postern.login(ADA, NEW_PASSWORD).expect(200)["user"].clone();
    assert_eq!((&me["email"], &me["is_verified"], &me["id"]), (&json!(ADA), &json!(true), &json!(ada.id)));
    undo(&postern, &asked.undo_token).send().refused(403, "undo_refused");
    // The address that is free again.
    sign_up(&postern, NEW).expect(200);
}

/// As if what the users have had been set up two days ago.
fn set_up_two_days_ago(postern: &Postern) {
    for statement in [
        "UPDATE totp SET created_at = created_at - 172800000, confirmed_at = confirmed_at - 172800000",
        "UPDATE passkeys SET created_at = created_at - 172800000",
        "UPDATE recovery_codes SET created_at = created_at - 172800000",
        "UPDATE user_tokens SET created_at = created_at - 172800000",
    ] {
        postern.sql.execute(statement, &[]);
    }
}

/// A thief of a session adds an app and a passkey, so that no code from the old address is needed, and changes the address.
#[test]
fn after_an_undo_the_owner_gets_in_although_a_thief_had_added_second_factors_first() {
    let postern = Postern::new();
    let ada = postern.sign_up_verified(ADA);
    postern.add_totp(&ada.token);
    add_passkey(&postern, &ada.id, "0198c0de-0000-4000-8000-000000000001", 1);
    postern.wait(MINUTE);
    let asked = ask(&postern, &ada.token, NEW);
    asked.complete(&postern, &ada.token);
    undo(&postern, &asked.undo_token).send().expect(200);
    let text = postern.mails(ADA)[0]["text"].as_str().unwrap().to_owned();
    let (_, rest) = text.split_once("token=").unwrap();
    let reset = postern.post("/api/auth/reset-password-with-token").bearer(rest.split_whitespace().next().unwrap());
    reset.json(json!({ "password": "another good password" })).send().expect(200);
    assert_eq!((count(&postern, "passkeys"), count(&postern, "totp")), (0, 0));
    postern.login(ADA, "another good password").expect(200);
}

/// Away and back, by a thief with a short look at the owner's mailbox.
#[test]
fn an_address_that_the_account_had_in_between_is_no_key_to_it() {
    let (postern, ada, away) = changed();
    let back = ask_from(&postern, &ada.token, NEW, ADA);
    back.complete(&postern, &ada.token);
    assert_eq!(user(&postern, &ada.id)["email"], ADA);
    for token in [&away.undo_token, &back.undo_token] {
        undo(&postern, token).send().refused(403, "undo_refused");
    }
    assert_eq!(count(&postern, "undoable_email_changes"), 0);
    sign_up(&postern, NEW).expect(200);
}

/// Also without a password, whose change would end them.
#[test]
fn an_undo_ends_the_sign_ins_that_wait() {
    let postern = Postern::new();
    let ada = postern.sign_up_verified(ADA);
    let asked = ask(&postern, &ada.token, NEW);
    postern.sql.execute("UPDATE users SET password_hash = ''", &[]);
    postern.sql.execute("UPDATE email_changes SET password_epoch = password_epoch + 1", &[]);
    asked.complete(&postern, &ada.token);
    let epoch = || postern.sql.query("SELECT password_epoch FROM users WHERE id = ?1", &[ada.id.as_str().into()]);
    let before = epoch();
    undo(&postern, &asked.undo_token).send().expect(200);
    assert_ne!(epoch(), before);
}

#[test]
fn what_was_set_up_since_the_request_ends_and_what_was_there_before_stays() {
    let postern = Postern::new();
    let ada = postern.sign_up_verified(ADA);
    postern.create_user_token(&ada.token);
    add_passkey(&postern, &ada.id, "0198c0de-0000-4000-8000-000000000001", 1);
    set_up_two_days_ago(&postern);
    // A thief can add something first.
    add_passkey(&postern, &ada.id, "0198c0de-0000-4000-8000-000000000003", 3);
    postern.wait(MINUTE);
    let asked = ask(&postern, &ada.token, NEW);
    // A thief can add something between the request and the change.
    add_passkey(&postern, &ada.id, "0198c0de-0000-4000-8000-000000000002", 2);
    asked.complete(&postern, &ada.token);
    postern.wait(MINUTE);
    postern.create_user_token(&ada.token);
    postern.add_totp(&ada.token);
    undo(&postern, &asked.undo_token).send().expect(200);
    let passkeys = postern.sql.query("SELECT id FROM passkeys", &[]);
    assert_eq!(passkeys, [json!({ "id": "0198c0de-0000-4000-8000-000000000001" })]);
    let of_ada = |table: &str| count(&postern, &format!("{table} WHERE user_id = '{}'", ada.id));
    assert_eq!(["user_tokens", "totp", "recovery_codes", "sessions"].map(of_ada), [1, 0, 0, 0]);
}

#[test]
fn a_second_factor_from_before_the_change_still_protects_the_account() {
    let postern = Postern::new();
    let ada = postern.sign_up_verified(ADA);
    let (secret, codes) = postern.add_totp(&ada.token);
    set_up_two_days_ago(&postern);
    postern.wait(MINUTE);
    let asked = ask(&postern, &ada.token, NEW);
    asked.complete(&postern, &ada.token);
    postern.post("/api/auth/me/recovery-codes").bearer(&ada.token).send().expect(200);
    undo(&postern, &asked.undo_token).send().expect(200);
    let row = user(&postern, &ada.id);
    assert_eq!((&row["second_factor"], count(&postern, "totp"), count(&postern, "recovery_codes")), (&json!(1), 1, 0));
    let text = postern.mails(ADA)[0]["text"].as_str().unwrap().to_owned();
    let (_, rest) = text.split_once("token=").unwrap();
    let reset = postern.post("/api/auth/reset-password-with-token").bearer(rest.split_whitespace().next().unwrap());
    reset.json(json!({ "password": PASSWORD })).send().expect(200);
    let pending = postern.pending_token(ADA);
    let body = json!({ "token": pending, "recovery_code": codes[0] });
    postern.post("/api/auth/login/second-factor").json(body).send().refused(401, "wrong_code");
    let body = json!({ "token": pending, "code": totp_code(&secret, postern.now.get()) });
    postern.post("/api/auth/login/second-factor").json(body).send().expect(200);
}

#[test]
fn undoing_the_first_of_several_changes_ends_the_later_ones_and_a_later_one_leaves_the_first() {
    for first_is_undone in [true, false] {
        let (postern, ada, first) = changed();
        let second = ask_from(&postern, &ada.token, NEW, LATER);
        second.complete(&postern, &ada.token);
        let third = ask_from(&postern, &ada.token, LATER, "ada@example.edu");
        if first_is_undone {
            undo(&postern, &first.undo_token).send().expect(200);
            undo(&postern, &second.undo_token).send().refused(403, "undo_refused");
            sign_up(&postern, NEW).expect(200);
        } else {
            undo(&postern, &second.undo_token).send().expect(200);
            assert_eq!(user(&postern, &ada.id)["email"], NEW);
            undo(&postern, &first.undo_token).send().expect(200);
        }
        undo(&postern, &third.undo_token).send().refused(403, "undo_refused");
        assert_eq!(user(&postern, &ada.id)["email"], ADA);
        assert_eq!((count(&postern, "email_changes"), count(&postern, "undoable_email_changes")), (0, 0));
    }
}

#[test]
fn of_fifty_undos_at_once_one_takes_effect() {
    let (postern, ada, asked) = changed();
    let answers = postern.at_once((0..50).map(|_| undo(&postern, &asked.undo_token)).collect());
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert!(answers.iter().all(|answer| [200, 403].contains(&answer.status)), "{answers:?}");
    let events = postern.sql.query("SELECT id FROM events WHERE action = 'email_change_undone'", &[]);
    assert_eq!((events.len(), user(&postern, &ada.id)["email"].clone()), (1, json!(ADA)));
    assert_eq!(subjects(&postern, ADA).iter().filter(|subject| *subject == "Reset your Postern password").count(), 1);
}

#[test]
fn a_change_can_be_undone_for_seven_days() {
    for (age, status) in [(7 * DAY - 1, 200), (7 * DAY, 403)] {
        let (postern, ..) = changed();
        let token = postern.undo_token(ADA);
        postern.wait(age);
        // Whether the cron trigger has run does not matter.
        assert_eq!(undo(&postern, &token).send().status, status);
        let (postern, ..) = changed();
        let token = postern.undo_token(ADA);
        postern.wait(age);
        postern.run_cron();
        assert_eq!(undo(&postern, &token).send().status, status);
    }
}

#[test]
fn an_undo_link_survives_the_rotation_of_the_secret() {
    for settings in
        [&[("AUTH_SECRET", NEW_SECRET), ("AUTH_SECRET_PREVIOUS", SECRET)][..], &[("AUTH_SECRET", NEW_SECRET)]]
    {
        let (postern, ada, asked) = changed();
        postern.redeploy(settings);
        undo(&postern, &asked.undo_token).send().expect(200);
        assert_eq!(user(&postern, &ada.id)["email"], ADA);
    }
}

#[test]
fn a_change_can_be_undone_although_the_mailbox_was_flooded() {
    let (postern, ada, asked) = changed();
    for mailbox in [ADA, NEW] {
        let key = postern.services().at(postern.now.get()).keys().throttle.hash(&["mail-recipient", mailbox]);
        postern.sql.execute(
            "INSERT OR REPLACE INTO throttles (key, attempts, blocked_until, expires_at) VALUES (?1, 99, 0, ?2)",
            &[key.into(), (postern.now.get() + HOUR).into()],
        );
    }
    undo(&postern, &asked.undo_token).send().expect(200);
    assert_eq!(user(&postern, &ada.id)["email"], ADA);
    assert_eq!(subjects(&postern, ADA)[0], "Reset your Postern password");
}

#[test]
fn a_change_of_a_deactivated_account_can_be_undone_and_the_account_stays_deactivated() {
    let (postern, ada, asked) = changed();
    postern.delete("/api/auth/me").bearer(&ada.token).send().expect(200);
    undo(&postern, &asked.undo_token).send().expect(200);
    let row = user(&postern, &ada.id);
    assert_eq!((&row["email"], &row["is_active"], &row["password_reset_id"]), (&json!(ADA), &json!(0), &Value::Null));
    assert_eq!(subjects(&postern, ADA)[0], "The email address of your Postern account was changed");
}

#[test]
fn an_unknown_token_undoes_nothing() {
    let (postern, ada, asked) = changed();
    let before = postern.sql.dump();
    let hash = postern.sql.query("SELECT undo_hash FROM undoable_email_changes", &[]).remove(0);
    let shorter = &asked.undo_token[..asked.undo_token.len() - 1];
    for token in ["", "x", shorter, hash["undo_hash"].as_str().unwrap(), &ada.token, &asked.token, &ada.id] {
        undo(&postern, token).send().refused(403, "undo_refused");
    }
    assert_eq!(postern.sql.dump(), before);
}

/// Anyone can sign up with the address of another person. Otherwise they could reserve it too, and a mistyped address would be a key to
/// the account.
#[test]
fn a_change_from_an_address_that_was_never_verified_cannot_be_undone_and_reserves_nothing() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    let asked = ask(&postern, &ada.token, NEW);
    asked.complete(&postern, &ada.token);
    let mail = postern.mails(ADA).remove(0);
    assert_eq!(mail["subject"], "The email address of your Postern account was changed");
    assert!(mail["text"].as_str().unwrap().contains("ask an admin") && !mail.to_string().contains("undo-email-change"));
    undo(&postern, &asked.undo_token).send().refused(403, "undo_refused");
    sign_up(&postern, ADA).expect(200);
}

// The reserved address.

#[test]
fn the_old_address_is_reserved_while_the_change_can_be_undone() {
    let (postern, ada, _) = changed();
    let grace = postern.sign_up(GRACE);
    let admin = postern.admin_token();
    let refused = || {
        sign_up(&postern, ADA).refused(409, "email_taken");
        request(&postern, &grace.token, " ADA@example.com").send().refused(409, "email_taken");
        let body = json!({ "email": ADA, "password": PASSWORD });
        postern.post("/api/auth/admin/users").bearer(&admin).json(body).send().refused(409, "email_taken");
    };
    refused();
    // Whatever code or script tries it.
    postern.sql.execute(
        "INSERT INTO users (id, email, password_hash, created_at, updated_at) VALUES ('x', ?1, '', 1, 1)",
        &[ADA.into()],
    );
    postern.sql.execute("UPDATE users SET email = ?1 WHERE email = ?2", &[ADA.into(), GRACE.into()]);
    assert_eq!(postern.sql.query("SELECT id FROM users WHERE email = ?1", &[ADA.into()]), [Value::Null; 0]);
    // A stranger cannot ask for a reset or guess a password there either.
    postern.login(ADA, PASSWORD).refused(401, "wrong_credentials");
    // Its user can have it back.
    let back = ask_from(&postern, &ada.token, NEW, ADA);
    back.complete(&postern, &ada.token);
    ask(&postern, &ada.token, LATER).complete(&postern, &ada.token);
    refused();

    postern.wait(7 * DAY);
    postern.run_cron();
    sign_up(&postern, ADA).expect(200);
}

#[test]
fn a_reserved_address_is_taken_in_a_change_that_was_asked_for_before() {
    let postern = Postern::new();
    let ada = postern.sign_up_verified(ADA);
    let grace = postern.sign_up_verified(GRACE);
    ask(&postern, &ada.token, NEW).complete(&postern, &ada.token);
    // Grace asked while the address was free, which a row of the past shows.
    let asked = ask_from(&postern, &grace.token, GRACE, LATER);
    postern.sql.execute("UPDATE undoable_email_changes SET old_email = ?1", &[LATER.into()]);
    asked.verification(&postern, &grace.token).send().refused(409, "email_taken");
    assert_eq!(user(&postern, &grace.id)["email"], GRACE);
}

#[test]
fn a_deleted_account_reserves_nothing() {
    let (postern, ada, asked) = changed();
    let path = format!("/api/auth/admin/users/{}", ada.id);
    postern.delete(&path).bearer(&postern.admin_token()).send().expect(200);
    undo(&postern, &asked.undo_token).send().refused(403, "undo_refused");
    sign_up(&postern, ADA).expect(200);
}

#[test]
fn expired_changes_are_deleted() {
    let (postern, ada, _) = changed();
    ask_from(&postern, &ada.token, NEW, LATER);
    postern.wait(10 * MINUTE);
    postern.run_cron();
    assert_eq!((count(&postern, "email_changes"), count(&postern, "undoable_email_changes")), (0, 1));
    postern.wait(7 * DAY);
    postern.run_cron();
    assert_eq!(count(&postern, "undoable_email_changes"), 0);
}

// Admins.

#[test]
fn an_admin_can_mark_an_address_as_unverified_but_not_change_it() {
    let postern = Postern::new();
    let ada = postern.sign_up_verified(ADA);
    let admin = postern.admin_token();
    let put = |body: Value| postern.put(&format!("/api/auth/admin/users/{}", ada.id)).bearer(&admin).json(body).send();
    postern.wait(SECOND);
    let user = put(json!({ "is_verified": false, "email": NEW })).expect(200);
    assert_eq!(
        (&user["email"], &user["is_verified"], &user["updated_at"]),
        (&json!(ADA), &json!(false), &json!(postern.now.get()))
    );
    assert_eq!(last_event(&postern), ("email_marked_unverified".to_owned(), "success".to_owned()));
    assert_eq!(postern.me(&ada.token), 200);
    let events = count(&postern, "events");
    put(json!({ "is_verified": false })).expect(200);
    assert_eq!(count(&postern, "events"), events);
    put(json!({ "is_verified": true })).expect(200);
    assert_eq!(last_event(&postern).0, "email_marked_verified");
    assert_eq!(put(json!({ "is_verified": 1 })).faulty_fields(), ["is_verified"]);
}

/// Otherwise the mailbox alone would get past the second factor: its owner takes over an account without a verified email.
#[test]
fn an_admin_cannot_mark_the_address_of_a_user_with_a_second_factor_as_unverified() {
    let postern = Postern::new();
    let ada = postern.sign_up_verified(ADA);
    postern.add_totp(&ada.token);
    let admin = postern.admin_token();
    let before = user(&postern, &ada.id);
    let put = |body: Value| postern.put(&format!("/api/auth/admin/users/{}", ada.id)).bearer(&admin).json(body).send();
    put(json!({ "is_verified": false, "name": "Ada" })).refused(409, "user_has_second_factor");
    assert_eq!(user(&postern, &ada.id), before);
    put(json!({ "is_verified": true, "name": "Ada" })).expect(200);
}
