//! `POST /api/auth/signup`

use serde_json::{Value, json};

use crate::support::{Answer, Call, DAY, PASSWORD, Postern};

fn sign_up<'a>(postern: &'a Postern, referrer: &str, email: &str) -> Call<'a> {
    let body = json!({ "referrer": referrer, "email": email, "password": PASSWORD });
    postern.post("/api/auth/signup").json(body)
}

fn send(postern: &Postern, body: Value) -> Answer {
    postern.post("/api/auth/signup").json(body).send()
}

/// The number of accounts besides the default one.
fn accounts(postern: &Postern) -> usize {
    postern.sql.query("SELECT id FROM users WHERE email <> 'admin'", &[]).len()
}

#[test]
fn a_sign_up_returns_the_same_as_a_login() {
    let postern = Postern::new();
    let referrer = postern.referrer();
    let body = json!({ "referrer": referrer, "email": "ada@example.com", "password": PASSWORD, "name": " Ada " });
    let answer = send(&postern, body);
    assert!(!answer.text.contains("argon2"), "{}", answer.text);
    let body = answer.expect(200);
    assert_eq!(body.get("must_change_password"), None);
    assert_eq!(postern.me(body["token"].as_str().unwrap()), 200);
    let logged_in = postern.login("ada@example.com", PASSWORD).expect(200);
    assert_eq!(logged_in["user"], body["user"]);
}

#[test]
fn a_new_user_is_active_unverified_in_the_lowest_tier_and_invited_by_the_token_owner() {
    let postern = Postern::new();
    let inviter = postern.sign_up("ada@example.com");
    let referrer = postern.create_user_token(&inviter.token);
    let answer = sign_up(&postern, &referrer, "grace@example.com").send().expect(200);
    let mut user = answer["user"].clone();
    let id = user["id"].take();
    assert!(id.as_str().is_some_and(|id| !id.is_empty() && id != inviter.id), "{id}");
    let now = postern.now.get();
    let expected = json!({
        "id": null, "email": "grace@example.com", "name": null, "role": "user", "tier": 0, "is_active": true,
        "is_verified": false, "referrer_id": inviter.id, "extra": {}, "created_at": now, "updated_at": now,
    });
    assert_eq!(user, expected);
}

#[test]
fn unknown_fields_cannot_make_a_user_an_admin() {
    let postern = Postern::new();
    let inviter = postern.sign_up("ada@example.com");
    let referrer = postern.create_user_token(&inviter.token);
    let body = json!({
        "referrer": referrer, "email": "eve@example.com", "password": PASSWORD, "role": "admin", "tier": 2,
        "id": inviter.id, "user_id": inviter.id, "is_verified": true, "referrer_id": null, "extra": { "credits": 1 },
        "password_hash": "x", "created_at": 0, "must_change_password": true,
    });
    let answer = send(&postern, body).expect(200);
    let user = &answer["user"];
    assert_ne!(user["id"], json!(inviter.id));
    assert_eq!((&user["role"], &user["tier"]), (&json!("user"), &json!(0)));
    assert_eq!((&user["is_verified"], &user["extra"]), (&json!(false), &json!({})));
    assert_eq!((&user["referrer_id"], &user["created_at"]), (&json!(inviter.id), &json!(postern.now.get())));
    assert_eq!(answer.get("must_change_password"), None);
}

#[test]
fn the_email_is_stored_trimmed_and_in_lower_case() {
    let postern = Postern::new();
    let answer = sign_up(&postern, &postern.referrer(), " Ada@Example.COM ").send().expect(200);
    assert_eq!(answer["user"]["email"], "ada@example.com");
}

#[test]
fn an_unknown_referrer_is_rejected() {
    let postern = Postern::new();
    postern.admin_token();
    for referrer in ["", "0123456789", "short", "much too long for a token", "ten chars!", "0123456\u{e9}8"] {
        sign_up(&postern, referrer, "ada@example.com").send().refused(403, "referrer_refused");
    }
    assert_eq!(accounts(&postern), 0);
}

#[test]
fn a_referrer_can_be_pasted_with_spaces_or_as_a_whole_link() {
    let postern = Postern::new();
    let referrer = postern.referrer();
    let pasted = [
        format!(" {referrer}\n"),
        format!("\u{feff}{}\u{200b}{}", &referrer[..5], &referrer[5..]),
        format!("https://app.example/signup?referrer={referrer}"),
    ];
    for (number, pasted) in pasted.iter().enumerate() {
        sign_up(&postern, pasted, &format!("user{number}@example.com")).send().expect(200);
    }
    for faulty in [format!("{} {}", &referrer[..5], &referrer[5..]), format!("https://app.example/?token={referrer}")] {
        sign_up(&postern, &faulty, "ada@example.com").send().refused(403, "referrer_refused");
    }
}

#[test]
fn the_link_of_an_invitation_mail_works_as_a_referrer() {
    let postern = Postern::new();
    let body = json!({ "email": "grace+test@example.com" });
    postern.post("/api/auth/me/send-invite").bearer(&postern.admin_token()).json(body).send().expect(200);
    let mails = postern.mails("grace%2Btest@example.com");
    let mut words = mails[0]["text"].as_str().unwrap().split_whitespace();
    let link = words.find(|word| word.contains("/signup?")).expect("a link in the mail");
    sign_up(&postern, link, "grace+test@example.com").send().expect(200);
}

#[test]
fn a_session_token_is_not_a_referrer() {
    let postern = Postern::new();
    sign_up(&postern, &postern.admin_token(), "ada@example.com").send().refused(403, "referrer_refused");
}

#[test]
fn an_expired_referrer_is_rejected() {
    let postern = Postern::new();
    let referrer = postern.referrer();
    postern.wait(90 * DAY - 1);
    sign_up(&postern, &referrer, "ada@example.com").send().expect(200);
    postern.wait(1);
    sign_up(&postern, &referrer, "grace@example.com").send().refused(403, "referrer_refused");
    assert_eq!(accounts(&postern), 1);
}

#[test]
fn a_referrer_of_an_inactive_owner_is_rejected() {
    let postern = Postern::new();
    let inviter = postern.sign_up("ada@example.com");
    let referrer = postern.create_user_token(&inviter.token);
    postern.set_active(&inviter.id, false);
    sign_up(&postern, &referrer, "grace@example.com").send().refused(403, "referrer_refused");
    postern.set_active(&inviter.id, true);
    sign_up(&postern, &referrer, "grace@example.com").send().expect(200);
}

#[test]
fn the_referrer_is_checked_before_everything_else() {
    let postern = Postern::new();
    let inviter = postern.sign_up("ada@example.com");
    let of_an_inactive_user = postern.create_user_token(&inviter.token);
    postern.set_active(&inviter.id, false);
    let session = postern.admin_token();
    let body = json!({ "expires_in_days": 1 });
    let expired = postern.post("/api/auth/me/create-token").bearer(&session).json(body).send().expect(200);
    postern.wait(DAY);
    for referrer in ["0123456789", &of_an_inactive_user, expired["token"].as_str().unwrap()] {
        sign_up(&postern, referrer, "ada@example.com").send().refused(403, "referrer_refused");
        let body = json!({ "referrer": referrer, "email": "no address", "password": "short", "name": "" });
        send(&postern, body).refused(403, "referrer_refused");
        send(&postern, json!({ "referrer": referrer })).refused(403, "referrer_refused");
    }
}

#[test]
fn without_a_referrer_all_invalid_fields_are_reported() {
    let postern = Postern::new();
    let answer = send(&postern, json!({ "email": "no address", "name": 1 }));
    assert_eq!(answer.faulty_fields(), ["referrer", "email", "password", "name"]);
    let answer = send(&postern, json!({ "referrer": 1, "email": "ada@example.com", "password": PASSWORD }));
    assert_eq!(answer.faulty_fields(), ["referrer"]);
}

#[test]
fn all_invalid_fields_are_reported_together() {
    let postern = Postern::new();
    let referrer = postern.referrer();
    let body = json!({ "referrer": referrer, "email": "no address", "password": "short", "name": " " });
    let answer = send(&postern, body);
    assert_eq!(answer.faulty_fields(), ["email", "password", "name"]);
    let sentence = answer.body["error"].as_str().unwrap();
    assert!(["email ", "password ", "name "].iter().all(|field| sentence.contains(field)), "{sentence}");
    assert_eq!(answer.body["detail"][0]["loc"], json!(["body", "email"]));
    assert_eq!(send(&postern, json!({ "referrer": referrer })).faulty_fields(), ["email", "password"]);
    assert_eq!(accounts(&postern), 0);
}

#[test]
fn a_name_is_optional_and_has_1_to_100_characters_after_trimming() {
    let postern = Postern::new();
    let referrer = postern.referrer();
    let with_name = |email: &str, name: Value| {
        send(&postern, json!({ "referrer": referrer, "email": email, "password": PASSWORD, "name": name }))
    };
    for name in [json!(""), json!(" \t "), json!("a".repeat(101)), json!("a\nb"), json!(1), json!(["Ada"])] {
        assert_eq!(with_name("ada@example.com", name).faulty_fields(), ["name"]);
    }
    let longest = "\u{1f511}".repeat(100);
    let answer = with_name("ada@example.com", json!(format!("  {longest} "))).expect(200);
    assert_eq!(answer["user"]["name"], longest);
    assert_eq!(with_name("grace@example.com", Value::Null).expect(200)["user"]["name"], Value::Null);
}

#[test]
fn a_password_has_8_to_128_characters_and_is_not_easy_to_guess() {
    let postern = Postern::with_settings(&[("SERVICE_NAME", "Difference Engine")]);
    let referrer = postern.referrer();
    let with_password = |password: &str| {
        send(&postern, json!({ "referrer": referrer, "email": "ada.lovelace@example.com", "password": password }))
    };
    for password in ["1234567", &"a".repeat(129), "DIFFERENCE engine", "Ada.Lovelace", "ada.lovelace@EXAMPLE.com"] {
        assert_eq!(with_password(password).faulty_fields(), ["password"], "{password}");
    }
    assert_eq!(with_password("Password123").body["detail"][0]["type"], "password_common");
    let longest: String = ('\u{4e00}'..).take(128).collect();
    with_password(&longest).expect(200);
    postern.token("ada.lovelace@example.com", &longest);
}

#[test]
fn an_email_has_one_account_regardless_of_case() {
    let postern = Postern::new();
    let referrer = postern.referrer();
    sign_up(&postern, &referrer, "ada@example.com").send().expect(200);
    for email in ["ada@example.com", "ADA@Example.com", " ada@example.com "] {
        let body = json!({ "referrer": referrer, "email": email, "password": "another good password" });
        send(&postern, body).refused(409, "email_taken");
    }
    assert_eq!(accounts(&postern), 1);
    postern.token("ada@example.com", PASSWORD);
}

#[test]
fn fifty_concurrent_sign_ups_with_one_email_create_one_account() {
    let postern = Postern::new();
    let referrer = postern.referrer();
    let answers = postern.at_once((0..50).map(|_| sign_up(&postern, &referrer, "ada@example.com")).collect());
    let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!((made.len(), refused.len()), (1, 49));
    refused.iter().for_each(|answer| answer.refused(409, "email_taken"));
    assert_eq!(accounts(&postern), 1);
    let sessions = "SELECT sessions.id FROM sessions JOIN users ON users.id = user_id WHERE email = 'ada@example.com'";
    assert_eq!(postern.sql.query(sessions, &[]).len(), 1);
    assert_eq!(postern.me(made[0].body["token"].as_str().unwrap()), 200);
}

#[test]
fn a_sign_up_fails_if_the_referrers_owner_deactivates_meanwhile() {
    let postern = Postern::new();
    let inviter = postern.sign_up("ada@example.com");
    let referrer = postern.create_user_token(&inviter.token);
    let leave = postern.delete("/api/auth/me").bearer(&inviter.token);
    let answers = postern.at_once(vec![leave, sign_up(&postern, &referrer, "grace@example.com")]);
    assert_eq!(answers[0].status, 200);
    answers[1].refused(403, "referrer_refused");
    assert_eq!(accounts(&postern), 1);
}

#[test]
fn a_sign_up_fails_if_the_referrer_is_deleted_meanwhile() {
    let postern = Postern::new();
    let inviter = postern.sign_up("ada@example.com");
    let referrer = postern.create_user_token(&inviter.token);
    let delete = postern.delete(&format!("/api/auth/me/tokens/{referrer}")).bearer(&inviter.token);
    let answers = postern.at_once(vec![delete, sign_up(&postern, &referrer, "grace@example.com")]);
    assert_eq!(answers[0].status, 200);
    answers[1].refused(403, "referrer_refused");
    assert_eq!(accounts(&postern), 1);
}

#[test]
fn a_referrer_can_be_used_many_times() {
    let postern = Postern::new();
    let referrer = postern.referrer();
    for name in ["ada", "grace", "katherine"] {
        sign_up(&postern, &referrer, &format!("{name}@example.com")).send().expect(200);
    }
}

#[test]
fn guessing_referrers_from_one_address_is_blocked() {
    let postern = Postern::new();
    let referrer = postern.referrer();
    postern.come_from("2001:db8::1");
    let refused = (0..1_000).find(|_| sign_up(&postern, "0123456789", "ada@example.com").send().status == 429);
    assert!(refused.is_some());
    let answer = sign_up(&postern, &referrer, "ada@example.com").send();
    answer.refused(429, "too_many_requests");
    assert_eq!(accounts(&postern), 0);

    postern.come_from("2001:db8::2");
    sign_up(&postern, &referrer, "ada@example.com").send().refused(429, "too_many_requests");
    postern.come_from("192.0.2.2");
    sign_up(&postern, &referrer, "grace@example.com").send().expect(200);

    postern.come_from("2001:db8::1");
    postern.wait(1_000 * answer.header("retry-after").unwrap().parse::<i64>().unwrap());
    sign_up(&postern, &referrer, "ada@example.com").send().expect(200);
}

#[test]
fn sign_ups_are_rate_limited() {
    let postern = Postern::new();
    let referrer = postern.referrer();
    postern.exhaust_burst_guard();
    sign_up(&postern, &referrer, "ada@example.com").send().refused(429, "too_many_requests");
    assert_eq!(accounts(&postern), 0);
}
