//! `POST /api/auth/login/email`, `POST /api/auth/login/email/verify` and `POST /api/auth/reauthenticate/email`.

use http::Method;
use serde_json::{Value, json};

use crate::support::{
    Answer, DAY, MINUTE, PASSWORD, Postern, SECOND, claims,
    world::{ADA, GRACE, TESS, World},
};

/// What a mail with a code contains.
#[derive(Debug, Clone)]
struct Mailed {
    code: String,
    id: String,
    secret: String,
}

fn newest_mail(postern: &Postern, email: &str) -> Mailed {
    let mails = postern.mails(email);
    let text = mails[0]["text"].as_str().unwrap();
    let (_, rest) = text.split_once("#id=").expect("a link in the mail");
    let link = rest.split_whitespace().next().unwrap();
    let parts: Vec<&str> = link.split(['&', '=']).collect();
    let [id, "code", code, "secret", secret] = parts.as_slice() else { panic!("{link}") };
    assert_eq!(postern.code(email), *code);
    Mailed { code: (*code).to_owned(), id: (*id).to_owned(), secret: (*secret).to_owned() }
}

fn ask(postern: &Postern, email: &str) -> String {
    let answer = postern.post("/api/auth/login/email").json(json!({ "email": email })).send().expect(200);
    answer["token"].as_str().unwrap().to_owned()
}

fn verify(postern: &Postern, body: Value) -> Answer {
    postern.post("/api/auth/login/email/verify").json(body).send()
}

/// Returns a world in which mail reaches Tess.
fn world_that_reaches_tess() -> World {
    let world = World::new();
    let query = "UPDATE users SET email_problem = NULL, email_problem_at = NULL WHERE id = ?1";
    world.postern.sql.execute(query, &[world.tess.id.as_str().into()]);
    world
}

fn wrong(code: &str) -> String {
    if code == "123456" { "654321".to_owned() } else { "123456".to_owned() }
}

/// In the world of the tests, mail to Tess has bounced.
fn mail_reaches_tess(postern: &Postern) {
    postern
        .sql
        .execute("UPDATE users SET email_problem = NULL, email_problem_at = NULL WHERE email = ?1", &[TESS.into()]);
}

#[test]
fn a_code_signs_in_once_and_so_does_the_secret_of_the_link() {
    let world = World::new();
    let postern = &world.postern;
    for by_link in [false, true] {
        let token = ask(postern, " Grace@Example.COM ");
        let mail = newest_mail(postern, GRACE);
        let body = if by_link {
            json!({ "token": token, "secret": mail.secret })
        } else {
            json!({ "token": token, "code": format!("{} {}", &mail.code[..3], &mail.code[3..]) })
        };
        let answer = verify(postern, body.clone()).expect(200);
        assert_eq!(answer["user"]["email"], GRACE);
        let session = claims(answer["token"].as_str().unwrap());
        assert_eq!((&session["amr"], &session["acr"]), (&json!(["otp"]), &json!("1")));
        assert_eq!(postern.me(answer["token"].as_str().unwrap()), 200);
        verify(postern, body).refused(401, "wrong_code");
        // Neither works after the other.
        verify(postern, json!({ "token": token, "code": mail.code })).refused(401, "wrong_code");
        verify(postern, json!({ "token": token, "secret": mail.secret })).refused(401, "wrong_code");
    }
    // The password and the other sessions go on.
    assert_eq!(postern.me(&world.grace.token), 200);
    postern.login(GRACE, PASSWORD).expect(200);
}

/// A mail scanner, a colleague or a thief who reads the mail has no token.
#[test]
fn a_mail_opens_nothing_without_the_token_of_the_browser_that_has_asked() {
    let world = World::new();
    let postern = &world.postern;
    let token = ask(postern, GRACE);
    let mail = newest_mail(postern, GRACE);
    let before = postern.sql.query("SELECT count(*) AS number FROM sessions", &[]);
    let of_another_browser = ask(postern, GRACE);
    for wrong_token in ["", "x", &mail.id, &mail.secret, &of_another_browser, &token[1..], &token[..token.len() - 1]] {
        for proof in [json!({ "code": mail.code }), json!({ "secret": mail.secret })] {
            let mut body = proof;
            body["token"] = json!(wrong_token);
            verify(postern, body).refused(401, "wrong_code");
        }
    }
    for method in [Method::GET, Method::HEAD] {
        for path in ["/api/auth/login/email/verify", "/api/auth/login/email"] {
            assert_eq!(postern.request(method.clone(), path).send().status, 405);
        }
    }
    assert_eq!(postern.sql.query("SELECT count(*) AS number FROM sessions", &[]), before);
    verify(postern, json!({ "token": token, "code": mail.code })).expect(200);
}

#[test]
fn a_code_works_for_ten_minutes() {
    let world = World::new();
    let postern = &world.postern;
    let token = ask(postern, GRACE);
    let body = json!({ "token": token, "code": newest_mail(postern, GRACE).code });
    postern.wait(10 * MINUTE - 1);
    verify(postern, body).expect(200);
    let token = ask(postern, GRACE);
    let body = json!({ "token": token, "secret": newest_mail(postern, GRACE).secret });
    postern.wait(10 * MINUTE);
    verify(postern, body).refused(401, "wrong_code");
}

#[test]
fn known_and_unknown_emails_get_the_same_response() {
    let world = world_that_reaches_tess();
    let postern = &world.postern;
    let mut shapes = Vec::new();
    for email in [GRACE, ADA, "nobody@example.com", "frozen@example.com"] {
        let rows = |table: &'static str| postern.sql.query(table, &[]).len();
        let mails = rows("SELECT id FROM outbox");
        let answer = postern.post("/api/auth/login/email").json(json!({ "email": email })).send();
        let length = answer.body["token"].as_str().unwrap().len() as i64 - email.len() as i64 * 4 / 3;
        assert_eq!((answer.status, answer.body.as_object().unwrap().len()), (200, 3), "{email}");
        shapes.push((answer.calls, length / 4));
        let is_mailed = email != "nobody@example.com";
        assert_eq!(rows("SELECT id FROM outbox") - mails, usize::from(is_mailed), "{email}");
        let wrong = json!({ "token": answer.body["token"], "code": "000000" });
        let (status, code) = (verify(postern, wrong).status, "wrong_code");
        assert_eq!((status, code), (401, "wrong_code"), "{email}");
    }
    assert!(shapes.iter().all(|shape| shape.0 == shapes[0].0), "{shapes:?}");
    assert!(shapes.iter().all(|shape| (shape.1 - shapes[0].1).abs() <= 1), "{shapes:?}");
}

#[test]
fn five_wrong_codes_end_a_code_also_at_once_and_the_link_still_works() {
    let world = World::new();
    let postern = &world.postern;
    let token = ask(postern, GRACE);
    let mail = newest_mail(postern, GRACE);
    let guess = || {
        let body = json!({ "token": token, "code": wrong(&mail.code) });
        postern.post("/api/auth/login/email/verify").json(body)
    };
    let answers = postern.at_once((0..20).map(|_| guess()).collect());
    assert!(answers.iter().all(|answer| answer.status == 401));
    verify(postern, json!({ "token": token, "code": mail.code })).refused(401, "wrong_code");
    verify(postern, json!({ "token": token, "secret": mail.secret })).expect(200);
}

#[test]
fn four_wrong_codes_leave_one_guess() {
    let world = World::new();
    let postern = &world.postern;
    let token = ask(postern, GRACE);
    let mail = newest_mail(postern, GRACE);
    for _ in 0..4 {
        verify(postern, json!({ "token": token, "code": wrong(&mail.code) })).refused(401, "wrong_code");
    }
    verify(postern, json!({ "token": token, "code": mail.code })).expect(200);
}

/// A stranger who asks for one code after the other must not guess forever, and must not lock the owner out either.
#[test]
fn guesses_at_all_codes_of_an_email_are_limited_together_but_links_are_not() {
    let world = World::new();
    let postern = &world.postern;
    let mut refused = false;
    for number in 0..3 {
        postern.come_from(&format!("198.51.100.{number}"));
        let token = ask(postern, GRACE);
        let mail = newest_mail(postern, GRACE);
        for _ in 0..5 {
            let answer = verify(postern, json!({ "token": token, "code": wrong(&mail.code) }));
            refused |= answer.status == 429;
            assert!([401, 429].contains(&answer.status), "{}", answer.text);
        }
    }
    assert!(refused);
    let token = ask(postern, GRACE);
    let mail = newest_mail(postern, GRACE);
    let answer = verify(postern, json!({ "token": token, "code": mail.code }));
    answer.refused(429, "too_many_requests");
    assert!(answer.header("retry-after").is_some());
    verify(postern, json!({ "token": token, "secret": mail.secret })).expect(200);
    postern.wait(DAY);
    let token = ask(postern, GRACE);
    let code = newest_mail(postern, GRACE).code;
    verify(postern, json!({ "token": token, "code": code })).expect(200);
}

#[test]
fn of_fifty_concurrent_requests_with_one_code_one_signs_in() {
    let world = World::new();
    let postern = &world.postern;
    for kind in ["code", "secret"] {
        let token = ask(postern, GRACE);
        let mail = newest_mail(postern, GRACE);
        let proof = if kind == "code" { &mail.code } else { &mail.secret };
        let before = postern.sql.query("SELECT id FROM sessions", &[]).len();
        let body = json!({ "token": token, kind: proof });
        let answers =
            postern.at_once((0..50).map(|_| postern.post("/api/auth/login/email/verify").json(body.clone())).collect());
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "{kind}");
        assert_eq!(postern.sql.query("SELECT id FROM sessions", &[]).len(), before + 1, "{kind}");
    }
}

#[test]
fn a_second_factor_is_still_asked_for() {
    let world = world_that_reaches_tess();
    let postern = &world.postern;
    postern.verify(&world.tess.id);
    mail_reaches_tess(postern);
    let token = ask(postern, TESS);
    let body = json!({ "token": token, "code": newest_mail(postern, TESS).code });
    let before = postern.sql.query("SELECT id FROM sessions", &[]).len();
    let answer = verify(postern, body.clone());
    answer.refused(403, "second_factor_required");
    assert_eq!(answer.body["detail"]["methods"], json!(["totp", "recovery_code"]));
    assert_eq!(postern.sql.query("SELECT id FROM sessions", &[]).len(), before);
    // The code is used up by the first step.
    verify(postern, body).refused(401, "wrong_code");
    let step = json!({ "token": answer.body["detail"]["token"], "recovery_code": world.recovery_codes[0] });
    let session = postern.post("/api/auth/login/second-factor").json(step).send().expect(200);
    let session = claims(session["token"].as_str().unwrap());
    assert_eq!((&session["amr"], &session["acr"]), (&json!(["otp", "mfa"]), &json!("2")));
}

#[test]
fn an_inactive_account_is_refused_after_the_right_code_only() {
    let world = World::new();
    let postern = &world.postern;
    postern.set_active(&world.grace.id, false);
    for (email, is_frozen) in [(GRACE, false), ("frozen@example.com", true)] {
        let token = ask(postern, email);
        let code = newest_mail(postern, email).code;
        verify(postern, json!({ "token": token, "code": wrong(&code) })).refused(401, "wrong_code");
        let answer = verify(postern, json!({ "token": token, "code": code }));
        answer.refused(403, "inactive");
        assert!(!is_frozen || postern.me(&world.frozen.token) == 403);
    }
}

/// Someone may have signed up with the email of the victim, and waits for them to use the account.
#[test]
fn who_proves_an_unverified_email_takes_over_the_account_without_anything_of_before() {
    let world = world_that_reaches_tess();
    let postern = &world.postern;
    let sql = &postern.sql;
    // Everything that can be set up: two sessions, a user token, a passkey, an app that is required, recovery codes, a reset.
    let tess = world.tess.id.as_str();
    sql.execute("UPDATE passkeys SET user_id = ?1", &[tess.into()]);
    mail_reaches_tess(postern);
    let user_token = postern.create_user_token(&world.tess.token);
    let reset = postern.reset_token(TESS);
    let pending = world.pending_token.clone();
    postern.wait(MINUTE);
    let token = ask(postern, TESS);
    let answer = verify(postern, json!({ "token": token, "secret": newest_mail(postern, TESS).secret })).expect(200);
    assert_eq!((&answer["user"]["id"], &answer["user"]["is_verified"]), (&json!(tess), &json!(true)));
    let session = answer["token"].as_str().unwrap();
    let user = postern.get("/api/auth/me").bearer(session).send().expect(200);
    assert_eq!(user, answer["user"]);

    assert_eq!((postern.me(&world.tess.token), postern.me(&reset)), (401, 401));
    postern.login(TESS, PASSWORD).refused(401, "wrong_credentials");
    let step = json!({ "token": pending, "recovery_code": world.recovery_codes[0] });
    postern.post("/api/auth/login/second-factor").json(step).send().refused(401, "wrong_code");
    assert_eq!(postern.get(&format!("/api/auth/verify-token?token={user_token}")).send().expect(200), false);
    let security = postern.get("/api/auth/me/security").bearer(session).send().expect(200);
    let left = ["has_password", "second_factor", "totp", "recovery_codes_left", "passkeys"].map(|key| &security[key]);
    assert_eq!(left, [&json!(false), &json!(false), &Value::Null, &json!(0), &json!(0)]);
    for query in [
        "SELECT user_id FROM totp WHERE user_id = ?1",
        "SELECT user_id FROM recovery_codes WHERE user_id = ?1",
        "SELECT user_id FROM passkeys WHERE user_id = ?1",
        "SELECT user_id FROM user_tokens WHERE user_id = ?1",
        "SELECT id FROM users WHERE id = ?1 AND (password_reset_id IS NOT NULL OR second_factor = 1 OR password_hash <> '')",
    ] {
        assert_eq!(sql.query(query, &[tess.into()]).len(), 0, "{query}");
    }
    let sessions = sql.query("SELECT level, methods FROM sessions WHERE user_id = ?1", &[tess.into()]);
    assert_eq!(sessions, [json!({ "level": 1, "methods": "email_code" })]);
}

/// The reset link proves the mailbox as well. It never ends a second factor that the user requires.
#[test]
fn a_password_reset_of_an_unverified_account_is_a_claim_too() {
    let world = World::new();
    let postern = &world.postern;
    let reset = postern.reset_token(ADA);
    let body = json!({ "password": "another good password" });
    postern.post("/api/auth/reset-password-with-token").bearer(&reset).json(body.clone()).send().expect(200);
    let left = postern.sql.query("SELECT id FROM passkeys WHERE user_id = ?1", &[world.ada.id.as_str().into()]);
    assert_eq!(left.len(), 0);
    let path = format!("/api/auth/verify-token?token={}", world.user_token);
    assert_eq!(postern.get(&path).send().expect(200), false);
    // The owner has proven the email, so the next reset keeps what they set up since.
    let session = postern.token(ADA, "another good password");
    let user_token = postern.create_user_token(&session);
    postern.wait(MINUTE);
    let reset = postern.reset_token(ADA);
    postern.post("/api/auth/reset-password-with-token").bearer(&reset).json(body).send().expect(200);
    assert_eq!(postern.get(&format!("/api/auth/verify-token?token={user_token}")).send().expect(200), true);
}

#[test]
fn a_verified_account_is_never_claimed() {
    let world = World::new();
    let postern = &world.postern;
    let user_token = postern.create_user_token(&world.grace.token);
    let token = ask(postern, GRACE);
    let mail = newest_mail(postern, GRACE);
    verify(postern, json!({ "token": token, "code": mail.code })).expect(200);
    assert_eq!(postern.me(&world.grace.token), 200);
    assert_eq!(postern.get(&format!("/api/auth/verify-token?token={user_token}")).send().expect(200), true);
    let claimed = postern.sql.query("SELECT id FROM users WHERE claimed_at IS NOT NULL", &[]);
    assert_eq!(claimed.len(), 0);
}

#[test]
fn a_code_that_waits_does_not_outlive_the_verified_email() {
    let world = World::new();
    let postern = &world.postern;
    let token = ask(postern, GRACE);
    let mail = newest_mail(postern, GRACE);
    postern.sql.execute("UPDATE users SET email = 'g@example.com' WHERE id = ?1", &[world.grace.id.as_str().into()]);
    verify(postern, json!({ "token": token, "code": mail.code })).refused(403, "invitation_required");
}

#[test]
fn codes_for_one_email_and_from_one_address_are_limited() {
    let world = World::new();
    let postern = &world.postern;
    let ask = |email: &str| postern.post("/api/auth/login/email").json(json!({ "email": email })).send();
    for email in [GRACE, "nobody@example.com"] {
        let refused = (0..8).filter(|_| ask(email).status == 429).count();
        assert_eq!(refused, 3, "{email}");
        ask(email).refused(429, "too_many_requests");
    }
    // The reset flow does not depend on it.
    postern.reset_token(GRACE);
    let number = (0..300).position(|number| ask(&format!("user{number}@example.com")).status == 429);
    assert!(number.is_some_and(|number| (150..=200).contains(&number)), "{number:?}");
}

#[test]
fn it_can_be_turned_off() {
    let world = World::new();
    let postern = &world.postern;
    let token = ask(postern, GRACE);
    let mail = newest_mail(postern, GRACE);
    postern.redeploy(&[("EMAIL_SIGN_IN", "off")]);
    let answer = postern.post("/api/auth/login/email").json(json!({ "email": GRACE })).send();
    answer.refused(403, "email_sign_in_off");
    verify(postern, json!({ "token": token, "code": mail.code })).refused(403, "email_sign_in_off");
    assert_eq!(postern.get("/api/auth/config").send().expect(200)["email_sign_in"], false);
    let answer = postern.post("/api/auth/reauthenticate/email").bearer(&world.grace.token).send();
    answer.refused(403, "reauthentication_required");
    assert_eq!(answer.body["detail"]["methods"], json!(["password"]));
}

#[test]
fn every_invalid_field_is_named() {
    let world = World::new();
    let postern = &world.postern;
    let answer = postern.post("/api/auth/login/email").json(json!({ "email": "nobody" })).send();
    assert_eq!((answer.status, answer.faulty_fields()), (422, vec!["email"]));
    let answer = verify(postern, json!({ "code": 1, "secret": [] }));
    assert_eq!((answer.status, answer.faulty_fields()), (422, vec!["token", "code", "secret"]));
    for body in [json!({ "token": "x" }), json!({ "token": "x", "code": "1", "secret": "x" })] {
        verify(postern, body).refused(422, "invalid_fields");
    }
}

#[test]
fn the_mail_is_readable_without_html_and_shows_no_code_in_its_subject() {
    let world = World::new();
    let postern = &world.postern;
    ask(postern, GRACE);
    let mail = newest_mail(postern, GRACE);
    let sent = &postern.mails(GRACE)[0];
    let [subject, text, html] = ["subject", "text", "html"].map(|part| sent[part].as_str().unwrap().to_owned());
    assert!(!subject.contains(&mail.code), "{subject}");
    let link = format!("https://app.example.com/signin#id={}&code={}&secret={}", mail.id, mail.code, mail.secret);
    assert!(text.contains(&link) && html.contains(&link.replace('&', "&#38;")) && html.contains(&mail.code), "{html}");
}

fn reauthenticate(postern: &Postern, session: &str, body: Value) -> Answer {
    postern.post("/api/auth/reauthenticate").bearer(session).json(body).send()
}

fn ask_again(postern: &Postern, session: &str) -> String {
    let answer = postern.post("/api/auth/reauthenticate/email").bearer(session).send().expect(200);
    answer["token"].as_str().unwrap().to_owned()
}

/// Otherwise a user without a password or a passkey could never make a sensitive call.
#[test]
fn a_user_who_signs_in_by_email_authenticates_again_by_email() {
    let world = World::new();
    let postern = &world.postern;
    let session = &world.grace.token;
    postern.wait(20 * MINUTE);
    let call = || postern.post("/api/auth/me/totp").bearer(session).send();
    let answer = call();
    answer.refused(403, "reauthentication_required");
    assert_eq!(answer.body["detail"]["methods"], json!(["password", "email_code"]));
    let token = ask_again(postern, session);
    let code = postern.code(GRACE);
    assert!(!postern.mails(GRACE)[0]["text"].as_str().unwrap().contains("http://"));
    reauthenticate(postern, session, json!({ "token": token, "email_code": wrong(&code) })).refused(403, "wrong_proof");
    call().refused(403, "reauthentication_required");
    let body = json!({ "token": token, "email_code": code });
    assert_eq!(reauthenticate(postern, session, body.clone()).expect(200), json!(true));
    call().expect(200);
    reauthenticate(postern, session, body).refused(403, "wrong_proof");
    let security = postern.get("/api/auth/me/security").bearer(session).send().expect(200);
    assert_eq!((&security["methods"], &security["level"]), (&json!(["password", "email_code"]), &json!(1)));
}

#[test]
fn a_code_to_authenticate_again_is_for_one_session_and_signs_nobody_in() {
    let world = World::new();
    let postern = &world.postern;
    let other = postern.token(GRACE, PASSWORD);
    let token = ask_again(postern, &world.grace.token);
    let code = postern.code(GRACE);
    verify(postern, json!({ "token": token, "code": code })).refused(401, "wrong_code");
    reauthenticate(postern, &other, json!({ "token": token, "email_code": code })).refused(403, "wrong_proof");
    reauthenticate(postern, &world.ada.token, json!({ "token": token, "email_code": code }))
        .refused(403, "wrong_proof");
    reauthenticate(postern, &world.grace.token, json!({ "token": token, "email_code": code })).expect(200);
    // And the other way round.
    postern.wait(SECOND);
    let token = ask(postern, GRACE);
    let code = newest_mail(postern, GRACE).code;
    reauthenticate(postern, &world.grace.token, json!({ "token": token, "email_code": code }))
        .refused(403, "wrong_proof");
}

#[test]
fn the_mailbox_is_not_enough_for_users_with_a_second_factor_or_without_a_verified_email() {
    let world = World::new();
    let postern = &world.postern;
    let ask = |session: &str| postern.post("/api/auth/reauthenticate/email").bearer(session).send();
    let answer = ask(&world.ada.token);
    answer.refused(403, "reauthentication_required");
    assert_eq!(answer.body["detail"]["methods"], json!(["password", "passkey"]));
    postern.verify(&world.tess.id);
    postern.sql.execute("UPDATE sessions SET level = 2 WHERE user_id = ?1", &[world.tess.id.as_str().into()]);
    let step = json!({ "token": world.pending_token, "recovery_code": world.recovery_codes[0] });
    let session = postern.post("/api/auth/login/second-factor").json(step).send().expect(200);
    let answer = ask(session["token"].as_str().unwrap());
    answer.refused(403, "reauthentication_required");
    assert_eq!(answer.body["detail"]["methods"], json!(["totp"]));

    // Who turns the second factor on has no use of a code that was asked for before.
    let token = ask_again(postern, &world.grace.token);
    let code = postern.code(GRACE);
    postern.sql.execute("UPDATE sessions SET level = 2 WHERE user_id = ?1", &[world.grace.id.as_str().into()]);
    postern.sql.execute("UPDATE users SET second_factor = 1 WHERE id = ?1", &[world.grace.id.as_str().into()]);
    let body = json!({ "token": token, "email_code": code });
    reauthenticate(postern, &world.grace.token, body).refused(403, "wrong_proof");
}
