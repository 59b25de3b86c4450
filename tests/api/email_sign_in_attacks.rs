//! What attacks on sign-in by email and on sign-ups have found, each as the behavior that must hold.

use serde_json::{Value, json};

use crate::support::{
    Answer, DAY, HOUR, MINUTE, PASSWORD, Postern, totp_code,
    world::{ADA, GRACE, TESS, World},
};

const EVIL: &str = "the attacker's password";

fn ask(postern: &Postern, email: &str) -> Answer {
    postern.post("/api/auth/login/email").json(json!({ "email": email })).send()
}

fn verify(postern: &Postern, body: Value) -> Answer {
    postern.post("/api/auth/login/email/verify").json(body).send()
}

fn secret(postern: &Postern, email: &str) -> String {
    let text = postern.mails(email)[0]["text"].as_str().unwrap().to_owned();
    let (_, rest) = text.split_once("secret=").unwrap();
    rest.split_whitespace().next().unwrap().to_owned()
}

fn wrong(code: &str) -> &'static str {
    if code == "123456" { "654321" } else { "123456" }
}

/// The pre-hijacker only has to add a second factor: then a reset verifies the email and leaves everything of theirs.
#[test]
fn a_reset_does_not_verify_an_account_that_a_stranger_can_still_open() {
    let world = World::new();
    let postern = &world.postern;
    // The attacker has signed up as Tess, with a password and an app. The owner of the mailbox forgets "their" password.
    postern.sql.execute("UPDATE users SET email_problem = NULL, email_problem_at = NULL", &[]);
    let reset = postern.reset_token(TESS);
    let body = json!({ "password": "another good password" });
    postern.post("/api/auth/reset-password-with-token").bearer(&reset).json(body).send().expect(200);
    // A passkey of the attacker still opens the account, which is verified now.
    let left = postern.sql.query(
        "SELECT is_verified, (SELECT count(*) FROM totp WHERE user_id = users.id) AS apps,
           (SELECT count(*) FROM recovery_codes WHERE user_id = users.id) AS codes FROM users WHERE email = ?1",
        &[TESS.into()],
    );
    assert!(
        left[0]["is_verified"] == 0 || left[0]["apps"] == 0,
        "the email counts as verified, and the second factor of whoever signed up is still there: {left:?}"
    );
}

/// The whole story with a passkey.
#[test]
fn a_passkey_of_a_stranger_does_not_open_the_account_after_a_reset() {
    let world = World::new();
    let postern = &world.postern;
    // Ada's passkey is the attacker's, who requires a second factor.
    postern.sql.execute("UPDATE users SET second_factor = 1 WHERE id = ?1", &[world.ada.id.as_str().into()]);
    let reset = postern.reset_token(ADA);
    let body = json!({ "password": "another good password" });
    postern.post("/api/auth/reset-password-with-token").bearer(&reset).json(body).send().expect(200);
    let answer = postern.post("/api/auth/login/passkey").json(world.passkey_sign_in()).send();
    assert!(
        answer.status != 200 || answer.body["user"]["is_verified"] == false,
        "the stranger is signed in with a verified email: {}",
        answer.text
    );
}

/// A right code that leads to the second step is never taken back.
#[test]
fn a_user_with_a_second_factor_can_sign_in_by_email_every_day() {
    let world = World::new();
    let postern = &world.postern;
    postern.verify(&world.tess.id);
    postern.sql.execute("UPDATE users SET email_problem = NULL, email_problem_at = NULL", &[]);
    for number in 1..=40 {
        let token = ask(postern, TESS).expect(200)["token"].clone();
        let answer = verify(postern, json!({ "token": token, "code": postern.code(TESS) }));
        assert_eq!(
            answer.outcome,
            "second_factor_required",
            "sign-in {number}, two a day: {} {:?}",
            answer.text,
            answer.header("retry-after")
        );
        let code = totp_code(&world.totp, postern.now.get());
        let step = json!({ "token": answer.body["detail"]["token"], "code": code });
        postern.post("/api/auth/login/second-factor").json(step).send().expect(200);
        postern.wait(DAY / 2);
    }
}

/// Codes to authenticate again have no link, and count with the guesses of strangers.
#[test]
fn a_stranger_does_not_keep_the_owner_from_authenticating_again_by_email() {
    let world = World::new();
    let postern = &world.postern;
    postern.come_from("198.51.100.1");
    for _ in 0..2 {
        let token = ask(postern, GRACE).expect(200)["token"].clone();
        let wrong = wrong(&postern.code(GRACE));
        for _ in 0..5 {
            verify(postern, json!({ "token": token, "code": wrong }));
        }
    }
    postern.come_from("192.0.2.1");
    let answer = postern.post("/api/auth/reauthenticate/email").bearer(&world.grace.token).send().expect(200);
    let body = json!({ "token": answer["token"], "email_code": postern.code(GRACE) });
    let answer = postern.post("/api/auth/reauthenticate").bearer(&world.grace.token).json(body).send();
    assert_eq!(answer.status, 200, "{} retry-after {:?}", answer.text, answer.header("retry-after"));
}

/// One request an hour of a stranger keeps the owner of an account without a password out.
#[test]
fn a_stranger_does_not_keep_the_owner_from_asking_for_a_code() {
    let world = World::new();
    let postern = &world.postern;
    let (mut got, mut refused, mut requests) = (0, 0, 0);
    let end = postern.now.get() + DAY;
    while postern.now.get() < end {
        postern.come_from("198.51.100.1");
        let wait = loop {
            let answer = ask(postern, GRACE);
            requests += 1;
            if answer.status == 429 {
                break answer.header("retry-after").unwrap().parse::<i64>().unwrap() * 1_000;
            }
        };
        // The owner tries every five minutes.
        postern.come_from("192.0.2.1");
        let mut left = wait;
        while left > 5 * MINUTE {
            postern.wait(5 * MINUTE);
            left -= 5 * MINUTE;
            match ask(postern, GRACE).status {
                200 => got += 1,
                _ => refused += 1,
            }
        }
        postern.wait(left);
    }
    assert!(
        got > 0,
        "{refused} requests of the owner were refused in a day, and none succeeded; the stranger sent {requests}"
    );
}

/// The first sign-up of an open deployment takes the place of the first admin.
#[test]
fn the_first_sign_up_does_not_prevent_the_first_admin() {
    let settings = [("SIGN_UP", "open"), ("ADMIN_EMAIL", "root@example.com"), ("ADMIN_PASSWORD", PASSWORD)];
    let postern = Postern::with_settings(&settings);
    let token = ask(&postern, "early@example.com").expect(200)["token"].clone();
    verify(&postern, json!({ "token": token, "code": postern.code("early@example.com") })).expect(200);
    postern.login("root@example.com", PASSWORD).expect(200);
}

/// A request that passed its session check before the claim sets the first password after it.
#[test]
fn a_request_during_a_claim_sets_no_password() {
    let world = World::new();
    let postern = &world.postern;
    // The attacker has signed up as Ada, added a passkey, and removed the password.
    postern.sql.execute(
        "UPDATE users SET password_hash = '', second_factor = 1 WHERE id = ?1",
        &[world.ada.id.as_str().into()],
    );
    postern.sql.execute(
        "INSERT INTO sessions (id, user_id, created_at, expires_at, authenticated_at, level, methods)
         SELECT id, ?1, ?2, ?3, ?2, 2, 'password passkey' FROM (SELECT ?4 AS id)",
        &[
            world.ada.id.as_str().into(),
            postern.now.get().into(),
            (postern.now.get() + DAY).into(),
            world.session_id.as_str().into(),
        ],
    );
    assert_eq!(postern.me(&world.ada.token), 200);
    let token = ask(postern, ADA).expect(200)["token"].clone();
    let claim =
        postern.post("/api/auth/login/email/verify").json(json!({ "token": token, "secret": secret(postern, ADA) }));
    let set = postern.put("/api/auth/me/password").bearer(&world.ada.token).json(json!({ "new_password": EVIL }));
    let answers = postern.at_once(vec![set, claim]);
    let outcomes = [answers[0].outcome, answers[1].outcome];
    assert_eq!(answers[1].status, 200, "{outcomes:?} {:?}", answers[0].text);
    let owner = postern.me(answers[1].body["token"].as_str().unwrap());
    let attacker = postern.login(ADA, EVIL);
    assert!(
        attacker.status != 200 && owner == 200,
        "{outcomes:?}: the attacker's login is {}, with is_verified {}, and the owner's session {owner}",
        attacker.status,
        attacker.body["user"]["is_verified"]
    );
}

/// The same against "end all sessions", for an account that has no password because its owner signs in by email.
#[test]
fn a_request_whose_session_ends_meanwhile_sets_no_password() {
    let world = World::new();
    let postern = &world.postern;
    postern.sql.execute("UPDATE users SET password_hash = '' WHERE id = ?1", &[world.grace.id.as_str().into()]);
    postern.sql.execute("UPDATE sessions SET authenticated_at = ?1", &[postern.now.get().into()]);
    let end = postern.delete(&format!("/api/auth/admin/users/{}/sessions", world.grace.id)).bearer(&world.admin_token);
    let set = postern.put("/api/auth/me/password").bearer(&world.grace.token).json(json!({ "new_password": EVIL }));
    let answers = postern.at_once(vec![end, set]);
    assert_eq!(answers[0].status, 200);
    let login = postern.login(GRACE, EVIL);
    assert_ne!(login.status, 200, "{:?}", [answers[0].outcome, answers[1].outcome]);
}

/// An applicant who looks whether they are in loses the password, the name and the note of their request.
#[test]
fn a_sign_in_by_email_does_not_empty_the_request_that_waits() {
    let world = World::new();
    let postern = &world.postern;
    postern.redeploy(&[("SIGN_UP", "approval")]);
    let new = "new@example.com";
    let body = json!({ "email": new, "password": PASSWORD, "name": "Newton", "note": "I am in the chess club." });
    let token = postern.post("/api/auth/signup").json(body).send().expect(202)["token"].clone();
    postern
        .post("/api/auth/signup/verify")
        .json(json!({ "token": token, "code": postern.code(new) }))
        .send()
        .expect(202);
    postern.wait(HOUR);
    let token = ask(postern, new).expect(200)["token"].clone();
    verify(postern, json!({ "token": token, "code": postern.code(new) })).expect(202);
    let row = postern
        .sql
        .query("SELECT name, note, password_hash <> '' AS has_password FROM sign_ups WHERE email = ?1", &[new.into()]);
    assert_eq!(row, [json!({ "name": "Newton", "note": "I am in the chess club.", "has_password": 1 })]);
}

/// A code that waits survives a new password and the end of all sessions.
#[test]
fn a_code_that_waits_ends_with_a_new_password_and_with_all_sessions() {
    let mut survived = Vec::new();
    for act in ["new password", "end all sessions", "reset", "deactivate and activate"] {
        let world = World::new();
        let postern = &world.postern;
        let token = ask(postern, GRACE).expect(200)["token"].clone();
        let code = postern.code(GRACE);
        let user = format!("/api/auth/admin/users/{}", world.grace.id);
        postern.wait(1_000);
        match act {
            "new password" => {
                let body = json!({ "old_password": PASSWORD, "new_password": "another good password" });
                postern.put("/api/auth/me/password").bearer(&world.grace.token).json(body).send().expect(200);
            }
            "reset" => {
                let reset = postern.reset_token(GRACE);
                let body = json!({ "password": "another good password" });
                postern.post("/api/auth/reset-password-with-token").bearer(&reset).json(body).send().expect(200);
            }
            "end all sessions" => {
                postern.delete(&format!("{user}/sessions")).bearer(&world.admin_token).send().expect(200);
            }
            _ => {
                for is_active in [false, true] {
                    postern
                        .put(&user)
                        .bearer(&world.admin_token)
                        .json(json!({ "is_active": is_active }))
                        .send()
                        .expect(200);
                }
            }
        }
        if verify(postern, json!({ "token": token, "code": code })).status == 200 {
            survived.push(act);
        }
    }
    assert!(survived.is_empty(), "{survived:?}");
}

/// While a stranger's guesses block the email, each try of the owner uses up a guess of their own code.
#[test]
fn a_right_code_that_is_refused_with_429_stays_good() {
    let world = World::new();
    let postern = &world.postern;
    postern.come_from("198.51.100.1");
    for _ in 0..2 {
        let token = ask(postern, GRACE).expect(200)["token"].clone();
        let wrong = wrong(&postern.code(GRACE));
        for _ in 0..5 {
            verify(postern, json!({ "token": token, "code": wrong }));
        }
    }
    postern.come_from("192.0.2.1");
    let token = ask(postern, GRACE).expect(200)["token"].clone();
    let body = json!({ "token": token, "code": postern.code(GRACE) });
    for _ in 0..5 {
        verify(postern, body.clone()).refused(429, "too_many_requests");
    }
    postern.wait(2 * MINUTE);
    let answer = verify(postern, body);
    assert_eq!(answer.status, 200, "{}", answer.text);
}

/// The name on an unverified account was chosen by a stranger.
#[test]
fn a_sign_in_mail_to_an_unverified_email_has_no_name_that_a_stranger_chose() {
    let world = World::new();
    let postern = &world.postern;
    let name = "Your account is locked, call +1 555 0100";
    postern.put("/api/auth/me/name").bearer(&world.ada.token).json(json!({ "name": name })).send().expect(200);
    ask(postern, ADA).expect(200);
    let mail = &postern.mails(ADA)[0];
    assert!(!mail.to_string().contains(name), "{}", mail["text"]);
}

/// What requests in flight leave on an account that was claimed meanwhile.
#[test]
fn requests_during_a_claim_leave_nothing_of_the_stranger() {
    let mut left = Vec::new();
    for call in ["create-token", "name", "deactivate", "totp", "otp"] {
        for order in [[0, 1], [1, 0]] {
            let world = World::new();
            let postern = &world.postern;
            postern.sql.execute("DELETE FROM totp WHERE user_id = ?1", &[world.ada.id.as_str().into()]);
            let token = ask(postern, ADA).expect(200)["token"].clone();
            let secret = secret(postern, ADA);
            let claim =
                || postern.post("/api/auth/login/email/verify").json(json!({ "token": token, "secret": secret }));
            let attack = || match call {
                "create-token" => postern.post("/api/auth/me/create-token"),
                "name" => postern.put("/api/auth/me/name").json(json!({ "name": "Mallory" })),
                "deactivate" => postern.delete("/api/auth/me"),
                "totp" => postern.post("/api/auth/me/totp"),
                _ => postern.post("/api/auth/me/send-otp"),
            };
            let calls = order.map(|which| if which == 0 { attack().bearer(&world.ada.token) } else { claim() });
            let answers = postern.at_once(calls.into());
            let rows = postern.sql.query(
                "SELECT is_active, name, (SELECT count(*) FROM user_tokens WHERE user_id = users.id) AS tokens,
                   (SELECT count(*) FROM totp WHERE user_id = users.id) AS apps FROM users WHERE id = ?1 AND is_verified = 1",
                &[world.ada.id.as_str().into()],
            );
            let outcomes: Vec<_> = answers.iter().map(|answer| answer.outcome).collect();
            if rows.first().is_some_and(|row| *row != json!({ "is_active": 1, "name": null, "tokens": 0, "apps": 0 })) {
                left.push(format!("{call} {order:?} {outcomes:?} {}", rows[0]));
            }
        }
    }
    assert!(left.is_empty(), "{left:#?}");
}

/// The queue is full of requests of one mailbox with a catch-all domain.
#[test]
fn one_domain_does_not_fill_the_queue() {
    let world = World::new();
    let postern = &world.postern;
    postern.redeploy(&[("SIGN_UP", "approval")]);
    let (mut addresses, mut number) = (0, 0);
    loop {
        if number % 190 == 0 {
            addresses += 1;
            postern.come_from(&format!("198.51.100.{addresses}"));
        }
        let email = format!("a{number}@evil.example");
        let token = ask(postern, &email).expect(200)["token"].clone();
        let answer = verify(postern, json!({ "token": token, "code": postern.code(&email) }));
        if answer.status != 202 {
            break;
        }
        number += 1;
    }
    postern.come_from("192.0.2.1");
    let token = ask(postern, "honest@example.com").expect(200)["token"].clone();
    let answer = verify(postern, json!({ "token": token, "code": postern.code("honest@example.com") }));
    assert_eq!(answer.status, 202, "after {number} requests from {addresses} addresses at one moment: {}", answer.text);
}
