//! `POST /api/auth/send-password-reset-link` and `POST /api/auth/reset-password-with-token`

use http::{HeaderName, Method, header};
use postern::crypto::keys::Keys;
use serde_json::{Value, json};

use crate::support::{Answer, Call, DAY, MINUTE, PASSWORD, Postern, RESEND, SECOND, SECRET, SignedUp, claims};

const NEW_PASSWORD: &str = "another good password";
const ADA: &str = "ada@example.com";

fn ask<'a>(postern: &'a Postern, email: &str) -> Call<'a> {
    postern.post("/api/auth/send-password-reset-link").json(json!({ "email": email }))
}

fn reset<'a>(postern: &'a Postern, token: &str, password: &str) -> Call<'a> {
    postern.post("/api/auth/reset-password-with-token").bearer(token).json(json!({ "password": password }))
}

fn with_ada() -> (Postern, SignedUp) {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    (postern, ada)
}

/// Returns a valid reset token of Ada's as well.
fn with_token() -> (Postern, SignedUp, String) {
    let (postern, ada) = with_ada();
    let token = postern.reset_token(ADA);
    (postern, ada, token)
}

#[test]
fn a_link_resets_the_password() {
    let (postern, _, token) = with_token();
    assert_eq!(reset(&postern, &token, NEW_PASSWORD).send().expect(200), json!(true));
    postern.login(ADA, PASSWORD).refused(401, "wrong_credentials");
    postern.login(ADA, NEW_PASSWORD).expect(200);
}

#[test]
fn no_response_reveals_whether_an_account_exists() {
    let (postern, ada) = with_ada();
    let inactive = postern.sign_up("grace@example.com");
    postern.set_active(&inactive.id, false);
    let answers = ["nobody@example.com", &ada.email, &inactive.email].map(|email| ask(&postern, email).send());
    for answer in &answers {
        assert_eq!((answer.status, answer.text.as_str()), (200, "true"));
        assert_eq!(answer.headers, answers[0].headers);
        assert_eq!(answer.calls, answers[0].calls, "calls that the answer waits for");
    }
    assert_eq!(postern.mails(ADA).len(), 1);
}

#[test]
fn the_response_does_not_wait_for_the_mail() {
    let postern = Postern::with_settings(&RESEND);
    let ada = postern.sign_up(ADA);
    postern.resend.is_down.set(true);
    assert_eq!(ask(&postern, &ada.email).send().expect(200), json!(true));
    postern.kv.is_out.set(true);
    assert_eq!(ask(&postern, &ada.email).send().expect(200), json!(true));
    assert_eq!(postern.log().len(), 2, "{:?}", postern.log());
}

#[test]
fn an_inactive_user_gets_no_mail() {
    let (postern, ada) = with_ada();
    postern.set_active(&ada.id, false);
    ask(&postern, &ada.email).send().expect(200);
    assert_eq!(postern.mails(ADA).len(), 0);
}

#[test]
fn an_unknown_email_gets_no_mail() {
    let (postern, _) = with_ada();
    ask(&postern, "nobody@example.com").send().expect(200);
    assert_eq!(postern.sql.query("SELECT id FROM outbox", &[]).len(), 0);
}

#[test]
fn case_and_surrounding_space_in_the_email_are_ignored() {
    let (postern, _) = with_ada();
    ask(&postern, " ADA@Example.com\n").send().expect(200);
    assert_eq!(postern.mails(ADA).len(), 1);
}

#[test]
fn the_link_always_points_to_app_url() {
    let (postern, _) = with_ada();
    for name in [
        "host",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-original-host",
        "forwarded",
        "origin",
        "referer",
        "x-host",
        "x-forwarded-server",
        "x-http-host-override",
    ] {
        let name = HeaderName::from_static(name);
        ask(&postern, ADA).header(name, "evil.example").send().expect(200);
        postern.wait(MINUTE);
        let mail = postern.mails(ADA)[0].clone();
        assert!(!mail.to_string().contains("evil"), "{mail}");
        for body in ["text", "html"] {
            let body = mail[body].as_str().unwrap();
            assert!(body.contains("https://app.example.com/reset-password?token="), "{body}");
        }
    }
    assert_eq!(postern.mails(ADA).len(), 10);
}

#[test]
fn the_link_works_if_app_url_has_a_path() {
    let postern = Postern::with_settings(&[("APP_URL", "https://example.com/app/")]);
    postern.sign_up(ADA);
    let token = postern.reset_token(ADA);
    assert!(postern.mails(ADA)[0]["text"].as_str().unwrap().contains("https://example.com/app/reset-password?token="));
    reset(&postern, &token, NEW_PASSWORD).send().expect(200);
}

#[test]
fn a_reset_link_works_once() {
    let (postern, _, token) = with_token();
    reset(&postern, &token, NEW_PASSWORD).send().expect(200);
    reset(&postern, &token, "a thief's password").send().refused(401, "invalid_token");
    assert_eq!(postern.me(&token), 401);
    postern.login(ADA, NEW_PASSWORD).expect(200);
}

#[test]
fn a_reset_link_works_for_one_of_fifty_concurrent_requests() {
    let (postern, _, token) = with_token();
    let password = |n: usize| format!("the new password number {n}");
    let answers = postern.at_once((0..50).map(|n| reset(&postern, &token, &password(n))).collect());
    let winners: Vec<usize> = (0..50).filter(|at| answers[*at].status == 200).collect();
    assert_eq!(winners.len(), 1);
    for (_, answer) in answers.iter().enumerate().filter(|(at, _)| *at != winners[0]) {
        answer.refused(401, "invalid_token");
    }
    postern.login(ADA, &password(winners[0])).expect(200);
    // One reset causes one notice.
    assert_eq!(postern.mails(ADA).len(), 2);
}

#[test]
fn a_newer_request_invalidates_the_older_link() {
    let (postern, _, older) = with_token();
    postern.wait(SECOND);
    let newer = postern.reset_token(ADA);
    assert_ne!(older, newer);
    reset(&postern, &older, NEW_PASSWORD).send().refused(401, "invalid_token");
    assert_eq!(postern.me(&older), 401);
    reset(&postern, &newer, NEW_PASSWORD).send().expect(200);
}

#[test]
fn a_request_for_another_account_does_not_invalidate_the_link() {
    let (postern, _, token) = with_token();
    postern.sign_up("bob@example.com");
    ask(&postern, "bob@example.com").send().expect(200);
    ask(&postern, "nobody@example.com").send().expect(200);
    reset(&postern, &token, NEW_PASSWORD).send().expect(200);
    postern.login("bob@example.com", PASSWORD).expect(200);
}

#[test]
fn a_deactivation_invalidates_the_link_for_good() {
    let (postern, ada, token) = with_token();
    postern.delete("/api/auth/me").bearer(&ada.token).send().expect(200);
    reset(&postern, &token, NEW_PASSWORD).send().refused(401, "invalid_token");
    postern.set_active(&ada.id, true);
    reset(&postern, &token, NEW_PASSWORD).send().refused(401, "invalid_token");
    assert_eq!(postern.me(&token), 401);
    postern.login(ADA, PASSWORD).expect(200);
}

#[test]
fn a_user_deactivated_by_an_admin_cannot_reset() {
    let (postern, ada, token) = with_token();
    postern.set_active(&ada.id, false);
    reset(&postern, &token, NEW_PASSWORD).send().refused(401, "invalid_token");
    assert_eq!(postern.me(&token), 401);
}

#[test]
fn a_link_ends_with_its_account() {
    let (postern, ada, token) = with_token();
    postern.sql.execute("DELETE FROM users WHERE id = ?1", &[ada.id.as_str().into()]);
    reset(&postern, &token, NEW_PASSWORD).send().refused(401, "invalid_token");
}

#[test]
fn a_rejected_password_does_not_use_up_the_link() {
    let (postern, _, token) = with_token();
    let long = "a".repeat(129);
    for password in ["", "seven..", &long, "Postern", "ADA@example.com"] {
        assert_eq!(reset(&postern, &token, password).send().faulty_fields(), ["password"], "{password}");
    }
    for (content_type, body, status) in [
        ("application/json", "{}", 422),
        ("application/json", "[]", 422),
        ("application/json", "{", 400),
        ("a/b", "", 415),
    ] {
        let call = postern.post("/api/auth/reset-password-with-token").bearer(&token);
        assert_eq!(call.body(content_type, body.as_bytes()).send().status, status, "{body}");
    }
    reset(&postern, &token, NEW_PASSWORD).send().expect(200);
}

#[test]
fn the_page_can_show_the_account_without_using_up_the_link() {
    let (postern, ada, token) = with_token();
    for minutes in 0..14 {
        let answer = postern.get("/api/auth/me").bearer(&token).send();
        assert_eq!(answer.header("x-refresh-token"), None, "after {minutes} minutes");
        let user = answer.expect(200);
        assert_eq!((&user["id"], &user["email"]), (&json!(ada.id), &json!(ADA)));
        let head = postern.request(Method::HEAD, "/api/auth/me").bearer(&token).send();
        assert_eq!((head.status, head.header("x-refresh-token"), head.text.as_str()), (200, None, ""));
        postern.wait(MINUTE);
    }
    reset(&postern, &token, NEW_PASSWORD).send().expect(200);
}

#[test]
fn a_reset_token_is_rejected_by_all_other_endpoints() {
    let (postern, _, token) = with_token();
    let endpoints = [
        (Method::DELETE, "/api/auth/me"),
        (Method::PUT, "/api/auth/me/name"),
        (Method::PUT, "/api/auth/me/password"),
        (Method::POST, "/api/auth/me/send-otp"),
        (Method::POST, "/api/auth/me/send-invite"),
        (Method::POST, "/api/auth/me/create-token"),
        (Method::POST, "/api/auth/me/tokens"),
        (Method::GET, "/api/auth/me/tokens"),
        (Method::GET, "/api/auth/me/sessions"),
        (Method::POST, "/api/auth/logout"),
    ];
    for (method, path) in endpoints {
        let body = json!({
            "name": "Eve", "email": "eve@example.com", "old_password": PASSWORD, "new_password": NEW_PASSWORD
        });
        let answer = postern.request(method, path).bearer(&token).json(body).send();
        answer.refused(401, "invalid_token");
    }
    reset(&postern, &token, NEW_PASSWORD).send().expect(200);
}

#[test]
fn clients_can_read_the_expiry_and_the_user_of_a_link() {
    let (postern, ada, token) = with_token();
    let claims = claims(&token);
    assert_eq!(claims["sub"], json!(ada.id));
    assert_eq!(claims["exp"], (postern.now.get() + 15 * MINUTE) / SECOND);
    assert_eq!(claims["scopes"], json!(["user", 0]));
}

#[test]
fn a_link_is_valid_for_fifteen_minutes_even_if_kv_keeps_it_longer() {
    let (postern, _, token) = with_token();
    postern.kv.forget_to_expire();
    postern.wait(15 * MINUTE - 1);
    assert_eq!(postern.me(&token), 200);
    postern.wait(1);
    assert_eq!(postern.me(&token), 401);
    reset(&postern, &token, NEW_PASSWORD).send().refused(401, "invalid_token");
}

#[test]
fn the_expiry_of_a_link_is_in_its_record_too() {
    let (postern, _, token) = with_token();
    postern.kv.forget_to_expire();
    let mut claims = claims(&token);
    for standard in ["iat", "exp"] {
        claims.as_object_mut().unwrap().remove(standard);
    }
    let now = postern.now.get();
    let longer = Keys::derive(SECRET, None).password_reset.sign(claims, now, now + DAY).unwrap();
    assert_eq!(postern.me(&longer), 200);
    postern.wait(15 * MINUTE);
    assert_eq!(postern.me(&longer), 401);
    reset(&postern, &longer, NEW_PASSWORD).send().refused(401, "invalid_token");
}

#[test]
fn the_lifetime_of_a_link_is_a_setting_and_stated_in_the_mail() {
    let postern = Postern::with_settings(&[("RESET_TOKEN_LIFETIME_SECONDS", "7200")]);
    postern.sign_up(ADA);
    let token = postern.reset_token(ADA);
    assert!(postern.mails(ADA)[0]["text"].as_str().unwrap().contains("2 hours"));
    postern.wait(120 * MINUTE - 1);
    assert_eq!(postern.me(&token), 200);
    postern.wait(1);
    assert_eq!(postern.me(&token), 401);
}

#[test]
fn a_used_record_that_reappears_is_rejected() {
    let (postern, _, token) = with_token();
    let entries = postern.kv.entries();
    assert_eq!(entries.len(), 1);
    reset(&postern, &token, NEW_PASSWORD).send().expect(200);
    assert_eq!(postern.kv.entries().len(), 0);
    postern.kv.put_back(entries);
    reset(&postern, &token, "a thief's password").send().refused(401, "invalid_token");
    assert_eq!(postern.me(&token), 401);
    postern.login(ADA, NEW_PASSWORD).expect(200);
}

#[test]
fn a_link_without_its_record_is_rejected() {
    let (postern, _, token) = with_token();
    postern.kv.clear();
    assert_eq!(postern.me(&token), 401);
    reset(&postern, &token, NEW_PASSWORD).send().refused(401, "invalid_token");
}

#[test]
fn all_sessions_of_the_user_end_and_no_others() {
    let (postern, ada, token) = with_token();
    let another = postern.token(ADA, PASSWORD);
    let bob = postern.sign_up("bob@example.com");
    reset(&postern, &token, NEW_PASSWORD).send().expect(200);
    assert_eq!([&ada.token, &another, &bob.token].map(|token| postern.me(token)), [401, 401, 200]);
}

#[test]
fn a_reset_verifies_the_email() {
    let (postern, _, token) = with_token();
    assert_eq!(postern.login(ADA, PASSWORD).expect(200)["user"]["is_verified"], false);
    reset(&postern, &token, NEW_PASSWORD).send().expect(200);
    assert_eq!(postern.login(ADA, NEW_PASSWORD).expect(200)["user"]["is_verified"], true);
}

#[test]
fn the_owner_gets_a_notice_by_mail() {
    let (postern, _, token) = with_token();
    reset(&postern, &token, NEW_PASSWORD).send().expect(200);
    let mails = postern.mails(ADA);
    assert_eq!(mails.len(), 2);
    assert!(mails.iter().any(|mail| mail["subject"].as_str().unwrap().contains("was changed")), "{mails:?}");
    assert!(mails.iter().all(|mail| !mail.to_string().contains(NEW_PASSWORD)));
}

#[test]
fn login_guesses_do_not_block_a_reset() {
    let (postern, ada) = with_ada();
    assert!((0..100).any(|_| postern.login(ADA, "wrong password").status == 429));
    let body = json!({ "old_password": PASSWORD, "new_password": NEW_PASSWORD });
    postern.put("/api/auth/me/password").bearer(&ada.token).json(body).send().refused(429, "too_many_requests");
    let token = postern.reset_token(ADA);
    reset(&postern, &token, NEW_PASSWORD).send().expect(200);
    postern.login(ADA, NEW_PASSWORD).expect(200);
}

/// Requests links until one is rejected. Returns the number of successes and the error.
fn ask_until_refused(postern: &Postern, mut email: impl FnMut(usize) -> String) -> (usize, Answer) {
    let mut asked = 0;
    loop {
        let answer = ask(postern, &email(asked)).send();
        if answer.status == 429 {
            answer.refused(429, "too_many_requests");
            return (asked, answer);
        }
        answer.expect(200);
        asked += 1;
        assert!(asked < 1_000);
    }
}

#[test]
fn the_mail_limit_stops_floods_without_revealing_who_has_an_account() {
    let (postern, _) = with_ada();
    let (known, refusal) = ask_until_refused(&postern, |_| ADA.to_owned());
    let (unknown, other_refusal) = ask_until_refused(&postern, |_| "nobody@example.com".to_owned());
    assert_eq!((known, refusal.text, refusal.headers), (unknown, other_refusal.text, other_refusal.headers));
    assert_eq!(postern.mails(ADA).len(), known);
    postern.come_from("198.51.100.1");
    ask(&postern, ADA).send().refused(429, "too_many_requests");
}

#[test]
fn retry_after_is_accurate() {
    let (postern, _) = with_ada();
    let (_, refusal) = ask_until_refused(&postern, |_| ADA.to_owned());
    let wait: i64 = refusal.header("retry-after").unwrap().parse().unwrap();
    postern.wait(wait * SECOND - 1);
    ask(&postern, ADA).send().refused(429, "too_many_requests");
    postern.wait(1);
    let token = postern.reset_token(ADA);
    reset(&postern, &token, NEW_PASSWORD).send().expect(200);
}

#[test]
fn a_rejected_request_does_not_invalidate_the_link() {
    let (postern, _) = with_ada();
    let (asked, _) = ask_until_refused(&postern, |_| ADA.to_owned());
    let mails = postern.mails(ADA);
    let alive = mails.iter().filter(|mail| {
        let (_, rest) = mail["text"].as_str().unwrap().split_once("/reset-password?token=").unwrap();
        postern.me(rest.split_whitespace().next().unwrap()) == 200
    });
    assert_eq!((mails.len(), alive.count()), (asked, 1));
}

#[test]
fn one_address_cannot_request_links_for_many_emails() {
    let (postern, _) = with_ada();
    let (asked, _) = ask_until_refused(&postern, |n| format!("user{n}@example.com"));
    assert!(asked >= 100, "an office behind one address is not blocked: {asked}");
    let answer = ask(&postern, ADA).header(HeaderName::from_static("x-forwarded-for"), "198.51.100.7").send();
    answer.refused(429, "too_many_requests");
    postern.come_from("198.51.100.1");
    ask(&postern, ADA).send().expect(200);
}

#[test]
fn an_invalid_email_is_rejected() {
    let (postern, _) = with_ada();
    // The default account has no mailbox.
    for email in
        ["admin", "", "ada@example", "ada@example.com\r\nBcc: eve@example.com", "ada@example.com,eve@example.com"]
    {
        assert_eq!(ask(&postern, email).send().faulty_fields(), ["email"], "{email}");
    }
    let missing = postern.post("/api/auth/send-password-reset-link").json(json!({})).send();
    assert_eq!(missing.faulty_fields(), ["email"]);
}

#[test]
fn the_configured_first_account_can_be_reset_before_the_first_login() {
    let settings = [("ADMIN_EMAIL", "Root@example.com"), ("ADMIN_PASSWORD", "forgotten at once")];
    let postern = Postern::with_settings(&settings);
    let token = postern.reset_token("root@example.com");
    reset(&postern, &token, NEW_PASSWORD).send().expect(200);
    postern.login("root@example.com", NEW_PASSWORD).expect(200);
    postern.login("root@example.com", "forgotten at once").refused(401, "wrong_credentials");
}

#[test]
fn only_the_token_determines_whose_password_is_reset() {
    let (postern, ada, token) = with_token();
    let bob = postern.sign_up("bob@example.com");
    let body: Value = json!({
        "password": NEW_PASSWORD, "id": bob.id, "user_id": bob.id, "email": bob.email, "token": "x"
    });
    postern.post("/api/auth/reset-password-with-token").bearer(&token).json(body).send().expect(200);
    postern.login("bob@example.com", PASSWORD).expect(200);
    postern.login(&ada.email, NEW_PASSWORD).expect(200);
}

#[test]
fn a_token_in_the_url_or_the_body_is_ignored() {
    let (postern, _, token) = with_token();
    let path = format!("/api/auth/reset-password-with-token?token={token}");
    let body = json!({ "password": NEW_PASSWORD, "token": token });
    postern.post(&path).json(body.clone()).send().refused(401, "invalid_token");
    let cookie = format!("token={token}");
    postern.post(&path).header(header::COOKIE, &cookie).json(body).send().refused(401, "invalid_token");
}
