//! Sign-up without an invitation: `POST /api/auth/signup` without `referrer`, `POST /api/auth/signup/verify`, and the requests that
//! wait for an admin.

use serde_json::{Value, json};

use crate::support::{
    Answer, DAY, PASSWORD, Postern, claims,
    world::{ADA, GRACE, World},
};

const NEW: &str = "new@example.com";
const OTHER_PASSWORD: &str = "another good password";
const MODES: [&str; 5] = ["invitation", "open", "domains:example.com,*.example.org", "approval", "closed"];

fn with_mode(mode: &str) -> World {
    let world = World::new();
    world.postern.redeploy(&[("SIGN_UP", mode)]);
    world
}

fn sign_up(postern: &Postern, email: &str) -> Answer {
    let body = json!({ "email": email, "password": OTHER_PASSWORD, "name": "Newton" });
    postern.post("/api/auth/signup").json(body).send()
}

/// Signs up and types the code, if there is one in a mail.
fn sign_up_and_verify(postern: &Postern, email: &str) -> Answer {
    let mails = postern.sql.query("SELECT id FROM outbox", &[]).len();
    let answer = sign_up(postern, email);
    if answer.status != 202 {
        assert_eq!(postern.sql.query("SELECT id FROM outbox", &[]).len(), mails, "{email}");
        return answer;
    }
    let mail = postern.sql.query("SELECT text FROM outbox ORDER BY number DESC LIMIT 1", &[]).remove(0);
    let text = mail["text"].as_str().unwrap().to_owned();
    let code = text.lines().map(str::trim).find(|line| line.len() == 6 && line.parse::<u32>().is_ok());
    let code = code.unwrap_or("000000");
    verify(postern, json!({ "token": answer.body["token"], "code": code }))
}

fn verify(postern: &Postern, body: Value) -> Answer {
    postern.post("/api/auth/signup/verify").json(body).send()
}

/// What the answer to a sign-up means: the code of the refusal, `session`, or what it waits for.
fn outcome(answer: &Answer) -> String {
    match answer.status {
        200 => "session".to_owned(),
        202 => answer.body["status"].as_str().unwrap().to_owned(),
        _ => answer.body["code"].as_str().unwrap().to_owned(),
    }
}

/// Every mode with every kind of email. A verified or inactive account gets a mail without a code, so the code of a caller is just wrong.
#[test]
fn every_mode_decides_for_every_kind_of_email() {
    let [no, closed, domain, exists, waits, yes] =
        ["invalid_fields", "sign_up_closed", "domain_refused", "wrong_code", "waiting_for_approval", "session"];
    let columns = ["invitation", "open", "domains", "approval", "closed"];
    // In this order; `ada` is not verified, so the owner of the mailbox takes the account over, whatever the mode of new ones.
    let table = [
        (NEW, [no, yes, yes, waits, closed]),
        (GRACE, [no, exists, exists, exists, closed]),
        (" Grace@EXAMPLE.com ", [no, exists, exists, exists, closed]),
        (ADA, [no, yes, yes, yes, closed]),
        ("frozen@example.com", [no, exists, exists, exists, closed]),
        ("inactive@example.com", [no, exists, exists, exists, closed]),
        ("a@EXAMPLE.com", [no, yes, yes, waits, closed]),
        ("a@example.com.evil.example", [no, yes, domain, waits, closed]),
        ("a@sub.example.com", [no, yes, domain, waits, closed]),
        ("a@evilexample.com", [no, yes, domain, waits, closed]),
        ("a@ex\u{430}mple.com", [no, yes, domain, waits, closed]),
        ("a@example\u{3002}com", [no, yes, yes, waits, closed]),
        ("a@example\u{ff0e}com", [no, yes, yes, waits, closed]),
        ("a@example.org", [no, yes, domain, waits, closed]),
        ("a@sub.example.org", [no, yes, yes, waits, closed]),
        ("a@a.b.example.org", [no, yes, yes, waits, closed]),
        ("a@sub.example.org.evil.example", [no, yes, domain, waits, closed]),
        ("a@evilexample.org", [no, yes, domain, waits, closed]),
    ];
    for (email, expected) in table {
        for ((mode, name), expected) in MODES.iter().zip(columns).zip(expected) {
            let world = with_mode(mode);
            let postern = &world.postern;
            assert_eq!(postern.get("/api/auth/config").send().expect(200)["sign_up"], name);
            postern.sql.execute(
                "INSERT INTO users (id, email, password_hash, is_active, is_verified, created_at, updated_at)
                 VALUES ('inactive', 'inactive@example.com', '', 0, 1, 1, 1)",
                &[],
            );
            let answer = sign_up_and_verify(postern, email);
            assert_eq!(outcome(&answer), expected, "{mode}, {email}: {}", answer.text);
        }
    }
}

/// The same for `POST /api/auth/login/email`, which also signs up. It mails nothing to an email that may not.
#[test]
fn an_email_sign_in_of_a_new_email_signs_up_where_the_mode_allows_it() {
    for (mode, email, expected) in [
        ("invitation", NEW, "nothing"),
        ("closed", NEW, "nothing"),
        ("domains:example.com", NEW, "session"),
        ("domains:example.com", "a@example.org", "nothing"),
        ("open", NEW, "session"),
        ("approval", NEW, "waiting_for_approval"),
    ] {
        let world = with_mode(mode);
        let postern = &world.postern;
        let answer = postern.post("/api/auth/login/email").json(json!({ "email": email })).send().expect(200);
        if expected == "nothing" {
            assert_eq!(postern.mails(email).len(), 0, "{mode}");
            continue;
        }
        let body = json!({ "token": answer["token"], "code": postern.code(email) });
        let answer = postern.post("/api/auth/login/email/verify").json(body).send();
        assert_eq!(outcome(&answer), expected, "{mode}");
        if answer.status == 200 {
            let user = &answer.body["user"];
            assert_eq!((&user["is_verified"], &user["name"]), (&json!(true), &Value::Null));
            let session = claims(answer.body["token"].as_str().unwrap());
            assert_eq!(session["amr"], json!(["otp"]));
        }
    }
}

#[test]
fn the_mode_is_asked_again_when_the_email_is_proven() {
    for (mode, refusal) in
        [("closed", "sign_up_closed"), ("invitation", "invitation_required"), ("domains:example.org", "domain_refused")]
    {
        let world = with_mode("open");
        let postern = &world.postern;
        let token = sign_up(postern, NEW).expect(202)["token"].clone();
        let code = postern.code(NEW);
        postern.redeploy(&[("SIGN_UP", mode)]);
        verify(postern, json!({ "token": token, "code": code })).refused(403, refusal);
        assert_eq!(postern.sql.query("SELECT id FROM users WHERE email = ?1", &[NEW.into()]).len(), 0);
    }
}

#[test]
fn a_code_creates_the_account_with_a_verified_email_and_the_chosen_password() {
    let world = with_mode("open");
    let postern = &world.postern;
    let count = || postern.sql.query("SELECT id FROM users", &[]).len();
    let before = count();
    let token = sign_up(postern, " New@Example.COM ").expect(202)["token"].clone();
    assert_eq!(count(), before);
    let mail = &postern.mails(NEW)[0];
    assert!(!mail["text"].as_str().unwrap().contains("Newton"), "the name is of a stranger");
    let body = json!({ "token": token, "code": postern.code(NEW) });
    let answer = verify(postern, body.clone()).expect(200);
    let user = &answer["user"];
    assert_eq!((&user["email"], &user["name"], &user["is_verified"]), (&json!(NEW), &json!("Newton"), &json!(true)));
    assert_eq!((&user["role"], &user["tier"], &user["referrer_id"]), (&json!("user"), &json!(0), &Value::Null));
    assert_eq!(postern.me(answer["token"].as_str().unwrap()), 200);
    postern.login(NEW, OTHER_PASSWORD).expect(200);
    verify(postern, body).refused(409, "email_taken");
}

#[test]
fn a_taken_email_gets_the_same_response_and_its_owner_a_mail_that_says_so() {
    let world = with_mode("open");
    let postern = &world.postern;
    let taken = sign_up(postern, GRACE);
    let free = sign_up(postern, "grate@example.com");
    assert_eq!((taken.status, free.status), (202, 202));
    assert_eq!(taken.calls, free.calls);
    let length = |answer: &Answer| answer.body["token"].as_str().unwrap().len();
    assert!(length(&taken).abs_diff(length(&free)) <= 8);
    let mail = &postern.mails(GRACE)[0];
    assert_eq!(mail["subject"], "You already have a Postern account");
    assert!(mail["text"].as_str().unwrap().contains("https://app.example.com/signin"));
    postern.login(GRACE, PASSWORD).expect(200);
}

/// The attacker has signed up with the victim's email and a password, but never proven it.
#[test]
fn who_signs_up_with_the_email_of_an_unverified_account_takes_it_over() {
    let world = with_mode("open");
    let postern = &world.postern;
    let answer = sign_up_and_verify(postern, ADA).expect(200);
    assert_eq!((&answer["user"]["id"], &answer["user"]["name"]), (&json!(world.ada.id), &json!("Newton")));
    postern.login(ADA, PASSWORD).refused(401, "wrong_credentials");
    postern.login(ADA, OTHER_PASSWORD).expect(200);
    assert_eq!((postern.me(&world.ada.token), postern.me(&world.other_session)), (401, 401));
    let path = format!("/api/auth/verify-token?token={}", world.user_token);
    assert_eq!(postern.get(&path).send().expect(200), false);
}

#[test]
fn of_fifty_concurrent_requests_with_one_code_one_signs_up() {
    let world = with_mode("open");
    let postern = &world.postern;
    let token = sign_up(postern, NEW).expect(202)["token"].clone();
    let mail = postern.mails(NEW)[0]["text"].as_str().unwrap().to_owned();
    let (_, rest) = mail.split_once("secret=").unwrap();
    let body = json!({ "token": token, "secret": rest.split_whitespace().next().unwrap() });
    let calls = (0..50).map(|_| postern.post("/api/auth/signup/verify").json(body.clone())).collect();
    let answers = postern.at_once(calls);
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    let sessions = postern
        .sql
        .query("SELECT sessions.id FROM sessions JOIN users ON users.id = user_id WHERE email = ?1", &[NEW.into()]);
    assert_eq!(sessions.len(), 1);
}

#[test]
fn a_password_can_be_left_out_where_users_sign_in_by_email() {
    let world = with_mode("open");
    let postern = &world.postern;
    let answer = postern.post("/api/auth/signup").json(json!({ "email": NEW })).send().expect(202);
    let body = json!({ "token": answer["token"], "code": postern.code(NEW) });
    let session = verify(postern, body).expect(200)["token"].as_str().unwrap().to_owned();
    let security = postern.get("/api/auth/me/security").bearer(&session).send().expect(200);
    assert_eq!(security["has_password"], false);
    postern.login(NEW, "").refused(401, "wrong_credentials");

    let world = World::new();
    world.postern.redeploy(&[("SIGN_UP", "open"), ("EMAIL_SIGN_IN", "off")]);
    let answer = world.postern.post("/api/auth/signup").json(json!({ "email": NEW })).send();
    assert_eq!((answer.status, answer.faulty_fields()), (422, vec!["password"]));
    let answer = sign_up_and_verify(&world.postern, NEW);
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[test]
fn an_invitation_works_in_every_mode_but_closed() {
    for mode in MODES {
        let world = with_mode(mode);
        let body = json!({ "referrer": world.user_token, "email": NEW, "password": PASSWORD });
        let answer = world.postern.post("/api/auth/signup").json(body).send();
        if mode == "closed" {
            answer.refused(403, "sign_up_closed");
        } else {
            assert_eq!(answer.expect(200)["user"]["referrer_id"], world.ada.id, "{mode}");
        }
    }
}

/// The contract for clients that know only invitations.
#[test]
fn by_default_a_sign_up_without_a_referrer_names_the_missing_field() {
    let postern = Postern::new();
    let answer = sign_up(&postern, NEW);
    assert_eq!((answer.status, answer.faulty_fields()), (422, vec!["referrer"]));
    let answer = postern.post("/api/auth/signup").json(json!({ "referrer": null })).send();
    assert_eq!((answer.status, answer.faulty_fields()), (422, vec!["referrer", "email", "password"]));
}

#[test]
fn every_invalid_field_is_named() {
    let world = with_mode("approval");
    let long = "a".repeat(501);
    let body = json!({ "email": "x", "password": "short", "name": "", "note": long });
    let answer = world.postern.post("/api/auth/signup").json(body).send();
    assert_eq!((answer.status, answer.faulty_fields()), (422, vec!["email", "password", "name", "note"]));
    assert_eq!(world.postern.sql.query("SELECT id FROM mails", &[]).len(), 0);
}

fn apply(postern: &Postern, email: &str, note: &str) -> Answer {
    let body = json!({ "email": email, "password": OTHER_PASSWORD, "name": "Newton", "note": note });
    let token = postern.post("/api/auth/signup").json(body).send().expect(202)["token"].clone();
    verify(postern, json!({ "token": token, "code": postern.code(email) }))
}

fn waiting(world: &World) -> Vec<Value> {
    let answer = world.postern.get("/api/auth/admin/sign-ups?limit=100").bearer(&world.admin_token).send().expect(200);
    assert_eq!(answer["total"], answer["items"].as_array().unwrap().len());
    answer["items"].as_array().unwrap().clone()
}

fn decide(world: &World, id: &Value, what: &str) -> Answer {
    let path = format!("/api/auth/admin/sign-ups/{}/{what}", id.as_str().unwrap());
    world.postern.post(&path).bearer(&world.admin_token).send()
}

#[test]
fn an_admin_approves_or_rejects_a_request_and_the_applicant_is_told() {
    let world = with_mode("approval");
    let postern = &world.postern;
    let already = waiting(&world).len();
    let answer = apply(postern, NEW, "I am in the chess club.");
    assert_eq!((answer.status, &answer.body), (202, &json!({ "status": "waiting_for_approval" })));
    postern.login(NEW, OTHER_PASSWORD).refused(401, "wrong_credentials");
    apply(postern, "no@example.com", "Hello");
    let requests = waiting(&world);
    assert_eq!(requests.len(), already + 2);
    let of = |email: &str| requests.iter().find(|request| request["email"] == email).unwrap();
    let request = of(NEW);
    assert_eq!((&request["name"], &request["note"]), (&json!("Newton"), &json!("I am in the chess club.")));
    assert!(request.get("password_hash").is_none());

    decide(&world, &request["id"], "approve").expect(200);
    let user = postern.login(NEW, OTHER_PASSWORD).expect(200)["user"].clone();
    assert_eq!((&user["is_verified"], &user["name"]), (&json!(true), &json!("Newton")));
    assert_eq!(postern.mails(NEW)[0]["subject"], "Your Postern account is ready");
    decide(&world, &request["id"], "approve").refused(404, "not_found");

    decide(&world, &of("no@example.com")["id"], "reject").expect(200);
    assert_eq!(postern.mails("no@example.com")[0]["subject"], "Your request to join Postern");
    decide(&world, &of("no@example.com")["id"], "reject").refused(404, "not_found");
    assert_eq!(postern.sql.query("SELECT id FROM users WHERE email = 'no@example.com'", &[]).len(), 0);
    assert_eq!(waiting(&world).len(), already);
}

#[test]
fn a_second_request_replaces_the_first_and_fifty_approvals_create_one_account() {
    let world = with_mode("approval");
    let postern = &world.postern;
    apply(postern, NEW, "First");
    apply(postern, NEW, "Second");
    let requests = waiting(&world);
    let own: Vec<&Value> = requests.iter().filter(|request| request["email"] == NEW).collect();
    assert_eq!((own.len(), &own[0]["note"]), (1, &json!("Second")));
    let path = format!("/api/auth/admin/sign-ups/{}/approve", own[0]["id"].as_str().unwrap());
    let calls = (0..50).map(|_| postern.post(&path).bearer(&world.admin_token)).collect();
    let answers = postern.at_once(calls);
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(postern.sql.query("SELECT id FROM users WHERE email = ?1", &[NEW.into()]).len(), 1);
}

#[test]
fn a_request_whose_email_has_an_account_by_now_is_dropped() {
    let world = with_mode("approval");
    apply(&world.postern, NEW, "Hello");
    let request = waiting(&world).into_iter().find(|request| request["email"] == NEW).unwrap();
    let body = json!({ "referrer": world.user_token, "email": NEW, "password": PASSWORD });
    world.postern.post("/api/auth/signup").json(body).send().expect(200);
    decide(&world, &request["id"], "approve").refused(409, "email_taken");
    decide(&world, &request["id"], "approve").refused(404, "not_found");
    world.postern.login(NEW, PASSWORD).expect(200);
}

#[test]
fn the_queue_is_bounded_and_old_requests_are_deleted() {
    let world = with_mode("approval");
    let postern = &world.postern;
    for number in 0..1_000 {
        postern.sql.execute(
            "INSERT INTO sign_ups (id, email, password_hash, requested_at) VALUES (?1, ?1 || '@example.com', '', ?2)",
            &[format!("many{number}").into(), postern.now.get().into()],
        );
    }
    apply(postern, NEW, "Hello").refused(409, "too_many_sign_ups");
    postern.wait(90 * DAY);
    postern.run_cron();
    assert_eq!(postern.sql.query("SELECT id FROM sign_ups", &[]).len(), 0);
}
