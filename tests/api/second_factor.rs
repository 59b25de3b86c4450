//! `POST /api/auth/login/second-factor`

use http::header;
use postern::crypto::totp::Secret;
use serde_json::{Value, json};

use crate::support::{
    Answer, DAY, HOUR, MINUTE, PASSWORD, Postern, SECOND, SignedUp, claims, totp_code,
    world::{ADA, TESS, World},
};

/// How long an authenticator app shows a code.
const STEP: i64 = 30 * SECOND;
/// How many wrong codes are free.
const FREE: usize = 10;

/// Tess, with an authenticator app and recovery codes, and nobody else. The code of this moment is used.
struct Tess {
    postern: Postern,
    user: SignedUp,
    totp: Secret,
    recovery_codes: Vec<String>,
}

impl Tess {
    fn new() -> Tess {
        let postern = Postern::new();
        let user = postern.sign_up_verified(TESS);
        let (totp, recovery_codes) = postern.add_totp(&user.token);
        postern.wait(MINUTE);
        Tess { postern, user, totp, recovery_codes }
    }

    /// The token of a new login.
    fn pending(&self) -> String {
        self.postern.pending_token(TESS)
    }

    /// What the app shows so many steps from now.
    fn code(&self, steps: i64) -> String {
        totp_code(&self.totp, self.postern.now.get() + steps * STEP)
    }

    fn finish(&self, body: Value) -> Answer {
        self.postern.post("/api/auth/login/second-factor").json(body).send()
    }

    fn finish_with_code(&self, token: &str, code: &str) -> Answer {
        self.finish(json!({ "token": token, "code": code }))
    }

    fn sessions(&self) -> usize {
        self.postern.sql.query("SELECT id FROM sessions WHERE user_id = ?1", &[self.user.id.as_str().into()]).len()
    }

    /// Action and result of the newest events of Tess, newest first.
    fn events(&self, count: usize) -> Vec<(String, String)> {
        let rows = self.postern.sql.query(
            "SELECT action, result FROM events WHERE subject_id = ?1 ORDER BY id DESC",
            &[self.user.id.as_str().into()],
        );
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        rows.iter().take(count).map(|row| (text(&row["action"]), text(&row["result"]))).collect()
    }
}

fn event(action: &str, result: &str) -> (String, String) {
    (action.to_owned(), result.to_owned())
}

/// How many answers have this status.
fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

#[test]
fn a_code_of_the_app_completes_a_login() {
    let tess = Tess::new();
    let answer = tess.postern.login(TESS, PASSWORD);
    answer.refused(403, "second_factor_required");
    assert_eq!(answer.body["detail"]["methods"], json!(["totp", "recovery_code"]));
    let token = answer.body["detail"]["token"].as_str().unwrap();
    let body = tess.finish_with_code(token, &tess.code(0)).expect(200);
    let session = body["token"].as_str().unwrap();
    assert_eq!(body["user"]["email"], TESS);
    assert_eq!(claims(session)["amr"], json!(["pwd", "otp", "mfa"]));
    assert_eq!((&claims(session)["acr"], &claims(session)["purpose"]), (&json!("2"), &json!("session")));
    let security = tess.postern.get("/api/auth/me/security").bearer(session).send().expect(200);
    assert_eq!((&security["level"], &security["methods"]), (&json!(2), &json!(["password", "totp"])));
    assert_eq!(security["totp"]["last_used_at"], tess.postern.now.get());
    assert_eq!(tess.events(2), [event("login", "success"), event("login", "second_factor_required")]);
}

#[test]
fn a_page_of_the_service_gets_the_session_cookie_after_the_second_step() {
    let tess = Tess::new();
    let call = tess.postern.post("/api/auth/login/second-factor");
    let call = call.header(header::ORIGIN, "https://app.example.com");
    let call = call.header(http::HeaderName::from_static("x-session-cookie"), "set");
    let answer = call.json(json!({ "token": tess.pending(), "code": tess.code(0) })).send();
    assert!(answer.header("set-cookie").is_some(), "{answer:?}");
    assert!(tess.finish_with_code(&tess.pending(), "000000").header("set-cookie").is_none());
}

#[test]
fn a_code_can_be_typed_with_spaces_and_hyphens_and_in_the_digits_of_any_script() {
    for form in ["{a} {b}", " {a}-{b}\n", "{a}\u{2013}{b}", "\u{feff}{a}\u{200b}{b}"] {
        let tess = Tess::new();
        let code = tess.code(0);
        let typed = form.replace("{a}", &code[..3]).replace("{b}", &code[3..]);
        tess.finish_with_code(&tess.pending(), &typed).expect(200);
    }
    let tess = Tess::new();
    let arabic: String = tess.code(0).chars().map(|digit| char::from_u32(0x660 + digit as u32 - 48).unwrap()).collect();
    tess.finish_with_code(&tess.pending(), &arabic).expect(200);
}

#[test]
fn codes_of_the_steps_before_and_after_are_accepted_and_no_others() {
    for (steps, is_accepted) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
        let tess = Tess::new();
        tess.postern.wait(MINUTE);
        let answer = tess.finish_with_code(&tess.pending(), &tess.code(steps));
        assert_eq!(answer.status == 200, is_accepted, "{steps}: {answer:?}");
    }
}

#[test]
fn a_code_works_once_and_a_used_one_leaves_the_token_for_the_next() {
    let tess = Tess::new();
    let code = tess.code(0);
    tess.finish_with_code(&tess.pending(), &code).expect(200);
    let token = tess.pending();
    tess.finish_with_code(&token, &code).refused(401, "wrong_code");
    // Nor is an older one accepted after a newer one (RFC 6238, section 5.2).
    tess.finish_with_code(&token, &tess.code(-1)).refused(401, "wrong_code");
    tess.postern.wait(STEP);
    tess.finish_with_code(&token, &tess.code(0)).expect(200);
    assert_eq!(tess.sessions(), 3);
}

#[test]
fn the_first_code_of_the_app_is_used_by_its_confirmation() {
    let postern = Postern::new();
    let user = postern.sign_up(TESS);
    let (totp, recovery_codes) = postern.add_totp(&user.token);
    let tess = Tess { postern, user, totp, recovery_codes };
    tess.finish_with_code(&tess.pending(), &tess.code(0)).refused(401, "wrong_code");
}

#[test]
fn fifty_requests_with_one_code_start_one_session() {
    let tess = Tess::new();
    let code = tess.code(0);
    let tokens: Vec<String> = (0..50).map(|_| tess.pending()).collect();
    let call = |token: &String| {
        tess.postern.post("/api/auth/login/second-factor").json(json!({ "token": token, "code": code }))
    };
    let before = tess.sessions();
    let answers = tess.postern.at_once(tokens.iter().map(call).collect());
    assert_eq!((count(&answers, 200), count(&answers, 401) + count(&answers, 429)), (1, 49));
    assert_eq!(tess.sessions(), before + 1);
}

#[test]
fn fifty_requests_with_one_recovery_code_start_one_session() {
    let tess = Tess::new();
    let tokens: Vec<String> = (0..50).map(|_| tess.pending()).collect();
    let call = |token: &String| {
        let body = json!({ "token": token, "recovery_code": tess.recovery_codes[0] });
        tess.postern.post("/api/auth/login/second-factor").json(body)
    };
    let before = tess.sessions();
    let answers = tess.postern.at_once(tokens.iter().map(call).collect());
    assert_eq!((count(&answers, 200), count(&answers, 401) + count(&answers, 429)), (1, 49));
    assert_eq!(tess.sessions(), before + 1);
}

#[test]
fn fifty_requests_with_one_token_start_one_session_and_use_one_code() {
    let tess = Tess::new();
    let token = tess.pending();
    let calls = (0..50).map(|n| {
        let body = match n % 6 {
            0 => json!({ "token": token, "code": tess.code(0) }),
            n => json!({ "token": token, "recovery_code": tess.recovery_codes[n] }),
        };
        tess.postern.post("/api/auth/login/second-factor").json(body)
    });
    let before = tess.sessions();
    let answers = tess.postern.at_once(calls.collect());
    assert_eq!((count(&answers, 200), count(&answers, 401) + count(&answers, 429)), (1, 49));
    assert_eq!(tess.sessions(), before + 1);
    let left = tess.postern.sql.query("SELECT id FROM recovery_codes", &[]).len();
    let used = tess.postern.sql.query("SELECT last_step FROM totp WHERE last_used_at IS NOT NULL", &[]).len();
    assert_eq!(10 - left + used, 1);
}

#[test]
fn one_code_confirms_one_of_two_sessions_at_once() {
    let tess = Tess::new();
    let sessions: Vec<String> = (0..2)
        .map(|_| {
            tess.postern.wait(STEP);
            tess.finish_with_code(&tess.pending(), &tess.code(0)).expect(200)["token"].as_str().unwrap().to_owned()
        })
        .collect();
    tess.postern.wait(HOUR);
    let call = |session: &String| {
        tess.postern.post("/api/auth/reauthenticate").bearer(session).json(json!({ "code": tess.code(0) }))
    };
    let answers = tess.postern.at_once(sessions.iter().map(call).collect());
    assert_eq!((count(&answers, 200), count(&answers, 403)), (1, 1));
}

#[test]
fn every_wrong_or_dead_token_and_code_gets_the_same_response() {
    let tess = Tess::new();
    let grace = tess.postern.sign_up("grace@example.com");
    let (totp, codes_of_grace) = tess.postern.add_totp(&grace.token);
    tess.postern.wait(MINUTE);
    let token = tess.pending();
    let used = tess.pending();
    tess.finish(json!({ "token": used, "recovery_code": tess.recovery_codes[0] })).expect(200);
    let (code, code_of_grace) = (tess.code(0), totp_code(&totp, tess.postern.now.get()));
    let answers = [
        json!({ "token": token, "code": "000000" }),
        json!({ "token": token, "code": "not a code" }),
        json!({ "token": token, "code": code_of_grace }),
        json!({ "token": token, "recovery_code": codes_of_grace[0] }),
        json!({ "token": token, "recovery_code": tess.recovery_codes[0] }),
        json!({ "token": token, "code": tess.recovery_codes[1] }),
        json!({ "token": token, "recovery_code": code }),
        json!({ "token": used, "code": code }),
        json!({ "token": used, "recovery_code": tess.recovery_codes[1] }),
        json!({ "token": "", "code": code }),
        json!({ "token": &token[1..], "code": code }),
        json!({ "token": format!("{token}A"), "code": code }),
        json!({ "token": tess.user.token, "code": code }),
    ]
    .map(|body| tess.finish(body));
    for answer in &answers {
        answer.refused(401, "wrong_code");
        assert_eq!(answer.text, answers[0].text);
        assert_eq!(answer.headers, answers[0].headers);
    }
    // Nothing was used up.
    tess.postern.wait(15 * MINUTE);
    tess.finish(json!({ "token": tess.pending(), "recovery_code": tess.recovery_codes[1] })).expect(200);
}

#[test]
fn a_request_has_exactly_one_proof() {
    let tess = Tess::new();
    let token = tess.pending();
    for body in [
        json!({ "token": token }),
        json!({ "token": token, "code": null, "recovery_code": null }),
        json!({ "token": token, "code": tess.code(0), "recovery_code": tess.recovery_codes[0] }),
    ] {
        let answer = tess.finish(body);
        answer.refused(422, "invalid_fields");
        let message = answer.body["error"].as_str().unwrap();
        assert!(message.starts_with("The body must have exactly one of code, recovery_code and "), "{message}");
        assert_eq!(answer.body["detail"][0]["loc"], json!(["body"]));
    }
    let answer = tess.finish(json!({ "code": "", "recovery_code": " - " }));
    assert_eq!(answer.faulty_fields(), ["token", "code", "recovery_code"]);
    tess.finish(json!({ "token": token, "code": tess.code(0), "recovery_code": null })).expect(200);
}

#[test]
fn guesses_from_new_tokens_and_addresses_stop_at_the_limit_of_the_account() {
    let tess = Tess::new();
    let guess = |n: usize| {
        tess.postern.come_from(&format!("198.51.100.{n}"));
        tess.finish_with_code(&tess.pending(), "000000")
    };
    for n in 0..FREE {
        guess(n).refused(401, "wrong_code");
    }
    let answer = guess(FREE);
    answer.refused(429, "too_many_requests");
    assert_eq!(answer.header("retry-after"), Some("60"));
    // The right code and a recovery code have to wait as well.
    tess.finish_with_code(&tess.pending(), &tess.code(0)).refused(429, "too_many_requests");
    tess.finish(json!({ "token": tess.pending(), "recovery_code": tess.recovery_codes[0] }))
        .refused(429, "too_many_requests");
    let body = json!({ "code": tess.code(0) });
    let reauthenticate = tess.postern.post("/api/auth/reauthenticate").bearer(&tess.user.token).json(body);
    reauthenticate.send().refused(429, "too_many_requests");

    tess.postern.wait(MINUTE);
    guess(FREE + 1).refused(401, "wrong_code");
    assert_eq!(guess(FREE + 2).header("retry-after"), Some("120"));
    tess.postern.wait(2 * MINUTE);
    tess.finish_with_code(&tess.pending(), &tess.code(0)).expect(200);
}

#[test]
fn fifty_guesses_at_once_are_no_more_than_the_limit() {
    let tess = Tess::new();
    let tokens: Vec<String> = (0..50).map(|_| tess.pending()).collect();
    let call = |token: &String| {
        tess.postern.post("/api/auth/login/second-factor").json(json!({ "token": token, "code": "000000" }))
    };
    let answers = tess.postern.at_once(tokens.iter().map(call).collect());
    assert_eq!((count(&answers, 401), count(&answers, 429)), (FREE, 40));
}

#[test]
fn all_endpoints_that_take_a_code_count_together() {
    let tess = Tess::new();
    for _ in 0..FREE / 2 {
        tess.finish_with_code(&tess.pending(), "000000").refused(401, "wrong_code");
        let call = tess.postern.post("/api/auth/reauthenticate").bearer(&tess.user.token);
        call.json(json!({ "code": "000000" })).send().refused(403, "wrong_proof");
    }
    tess.finish_with_code(&tess.pending(), "000000").refused(429, "too_many_requests");

    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    let secret = postern.begin_totp(&ada.token);
    let confirm = |code: &str| postern.put("/api/auth/me/totp").bearer(&ada.token).json(json!({ "code": code })).send();
    for _ in 0..FREE {
        confirm("000000").refused(403, "wrong_totp");
    }
    confirm(&totp_code(&secret, postern.now.get())).refused(429, "too_many_requests");
    postern.wait(MINUTE);
    confirm(&totp_code(&secret, postern.now.get())).expect(200);
}

#[test]
fn a_user_who_mistypes_now_and_then_is_never_blocked() {
    let tess = Tess::new();
    for _ in 0..2 * FREE {
        tess.postern.wait(DAY);
        let token = tess.pending();
        tess.finish_with_code(&token, "000000").refused(401, "wrong_code");
        tess.finish_with_code(&token, &tess.code(0)).expect(200);
    }
    assert_eq!(tess.postern.sql.query("SELECT key FROM throttles WHERE attempts > 1", &[]), [Value::Null; 0]);
}

#[test]
fn a_right_code_forgives_one_wrong_code_and_no_more() {
    let tess = Tess::new();
    for round in 0.. {
        tess.postern.wait(STEP);
        let token = tess.pending();
        let guesses = [(); 3].map(|()| tess.finish_with_code(&token, "000000").status);
        if guesses.contains(&429) {
            // Each round leaves two of three.
            assert_eq!(round, 4);
            return;
        }
        tess.finish_with_code(&token, &tess.code(0)).expect(200);
    }
}

#[test]
fn a_waiting_sign_in_ends_after_ten_minutes() {
    let tess = Tess::new();
    let token = tess.pending();
    tess.postern.wait(10 * MINUTE);
    tess.finish_with_code(&token, &tess.code(0)).refused(401, "wrong_code");
    let token = tess.pending();
    tess.postern.wait(10 * MINUTE - 1);
    tess.finish_with_code(&token, &tess.code(0)).expect(200);
}

#[test]
fn a_waiting_sign_in_ends_with_a_new_password() {
    let tess = Tess::new();
    let token = tess.pending();
    let reset = tess.postern.reset_token(TESS);
    let body = json!({ "password": "another good password" });
    tess.postern.post("/api/auth/reset-password-with-token").bearer(&reset).json(body).send().expect(200);
    tess.finish_with_code(&token, &tess.code(0)).refused(401, "wrong_code");
    tess.finish(json!({ "token": token, "recovery_code": tess.recovery_codes[0] })).refused(401, "wrong_code");
    assert_eq!(tess.sessions(), 0);
}

/// The password changes after the code was checked and before the session starts.
#[test]
fn a_password_that_changes_during_the_second_step_stops_it_and_uses_nothing_up() {
    for body in [
        |tess: &Tess| json!({ "code": tess.code(0) }),
        |tess: &Tess| json!({ "recovery_code": tess.recovery_codes[0] }),
    ] {
        let tess = Tess::new();
        let mut body = body(&tess);
        body["token"] = tess.pending().into();
        tess.postern.come_from("198.51.100.7");
        tess.postern.sql.execute(
            "CREATE TRIGGER meanwhile AFTER INSERT ON throttles
             BEGIN UPDATE users SET password_epoch = password_epoch + 1; END",
            &[],
        );
        tess.finish(body).refused(401, "wrong_code");
        assert_eq!(tess.postern.sql.query("SELECT id FROM recovery_codes", &[]).len(), 10);
        assert_eq!(tess.postern.sql.query("SELECT key FROM spent", &[]).len(), 0);
        assert_eq!(tess.postern.sql.query("SELECT last_used_at FROM totp", &[])[0]["last_used_at"], Value::Null);
    }
}

#[test]
fn a_waiting_sign_in_of_a_deactivated_user_starts_no_session() {
    let tess = Tess::new();
    let token = tess.pending();
    tess.postern.set_active(&tess.user.id, false);
    tess.finish_with_code(&token, "000000").refused(401, "wrong_code");
    tess.finish_with_code(&token, &tess.code(0)).refused(403, "inactive");
    tess.finish(json!({ "token": token, "recovery_code": tess.recovery_codes[0] })).refused(403, "inactive");
    assert_eq!(tess.events(2), [event("login", "inactive"), event("login", "inactive")]);
    // Nothing was used up.
    assert_eq!(tess.postern.sql.query("SELECT id FROM recovery_codes", &[]).len(), 10);
    assert_eq!(tess.postern.sql.query("SELECT key FROM spent", &[]).len(), 0);
}

#[test]
fn a_waiting_sign_in_of_a_deleted_user_gets_the_same_response() {
    let tess = Tess::new();
    let token = tess.pending();
    tess.postern.sql.execute("DELETE FROM users WHERE id = ?1", &[tess.user.id.as_str().into()]);
    tess.finish_with_code(&token, &tess.code(0)).refused(401, "wrong_code");
}

/// The mailbox, with the code that verifies it and a reset link, is one factor.
#[test]
fn a_mailbox_is_no_second_factor_and_a_password_reset_keeps_the_app() {
    let tess = Tess::new();
    tess.postern.sql.execute("UPDATE users SET is_verified = 0", &[]);
    let (otp_token, code) = tess.postern.one_time_password(&tess.user.token, TESS);
    tess.postern.post("/api/auth/verify-otp").form(&[("otp", &code), ("token", &otp_token)]).send().expect(200);
    tess.postern.wait(MINUTE);
    let reset = tess.postern.reset_token(TESS);
    let body = json!({ "password": "another good password" });
    tess.postern.post("/api/auth/reset-password-with-token").bearer(&reset).json(body).send().expect(200);

    let answer = tess.postern.login(TESS, "another good password");
    answer.refused(403, "second_factor_required");
    assert_eq!(answer.body["detail"]["methods"], json!(["totp", "recovery_code"]));
    let token = answer.body["detail"]["token"].as_str().unwrap();
    // The code of the mail is no code of the app.
    tess.finish_with_code(token, &code).refused(401, "wrong_code");
    tess.finish_with_code(token, &tess.code(0)).expect(200);
}

#[test]
fn a_wrong_second_step_is_in_the_audit_log_without_a_session() {
    let tess = Tess::new();
    let token = tess.pending();
    tess.finish_with_code(&token, "000000").refused(401, "wrong_code");
    assert_eq!(tess.events(2), [event("login", "wrong_code"), event("login", "second_factor_required")]);
    let rows = tess.postern.sql.query("SELECT session_id FROM events ORDER BY id DESC LIMIT 2", &[]);
    assert!(rows.iter().all(|row| row["session_id"].is_null()), "{rows:?}");
    tess.finish(json!({ "token": token, "recovery_code": tess.recovery_codes[3] })).expect(200);
    assert_eq!(tess.events(2), [event("login", "success"), event("recovery_code_used", "success")]);
}

#[test]
fn a_login_after_the_hundredth_session_ends_the_oldest_one_also_with_a_second_step() {
    let tess = Tess::new();
    tess.postern.sql.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99)
         INSERT INTO sessions (id, user_id, created_at, expires_at, level) SELECT 's' || i, ?1, 0, ?2 + i, 2 FROM n",
        &[tess.user.id.as_str().into(), (tess.postern.now.get() + 30 * DAY).into()],
    );
    assert_eq!(tess.sessions(), 100);
    tess.finish_with_code(&tess.pending(), &tess.code(0)).expect(200);
    assert_eq!((tess.sessions(), tess.postern.me(&tess.user.token)), (100, 401));
}

#[test]
fn second_factors_survive_a_rotation_and_a_sign_in_begins_again() {
    let tess = Tess::new();
    let token = tess.pending();
    let rotated = [("AUTH_SECRET", crate::support::NEW_SECRET), ("AUTH_SECRET_PREVIOUS", crate::support::SECRET)];
    tess.postern.redeploy(&rotated);
    tess.finish_with_code(&token, &tess.code(0)).refused(401, "wrong_code");
    tess.finish_with_code(&tess.pending(), &tess.code(0)).expect(200);
    tess.postern.run_cron();
    tess.postern.redeploy(&rotated[..1]);
    tess.finish(json!({ "token": tess.pending(), "recovery_code": tess.recovery_codes[0] })).expect(200);
    tess.postern.wait(MINUTE);
    tess.finish_with_code(&tess.pending(), &tess.code(0)).expect(200);
}

#[test]
fn the_second_step_asks_d1_twice() {
    let world = World::new();
    let body = json!({ "token": world.pending_token, "code": totp_code(&world.totp, world.postern.now.get()) });
    let answer = world.postern.post("/api/auth/login/second-factor").json(body).send();
    assert_eq!((answer.status, answer.cost[0].round_trips), (200, 2));
}
