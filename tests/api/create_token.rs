//! `POST /api/auth/me/create-token`

use serde_json::{Value, json};

use crate::support::{Answer, Call, DAY, NEW_SECRET, PASSWORD, Postern, SECOND, SECRET};

/// The maximum number of active tokens per user.
const MAX_LIVE: usize = 200;

fn create<'a>(postern: &'a Postern, session: &str) -> Call<'a> {
    postern.post("/api/auth/me/create-token").bearer(session)
}

fn create_with(postern: &Postern, session: &str, body: Value) -> Answer {
    create(postern, session).json(body).send()
}

fn list(postern: &Postern, session: &str) -> Vec<Value> {
    postern.get("/api/auth/me/tokens").bearer(session).send().expect(200).as_array().unwrap().clone()
}

#[test]
fn a_token_has_10_letters_and_digits_and_is_new_each_time() {
    let postern = Postern::new();
    let session = postern.admin_token();
    let mut tokens: Vec<String> = (0..100).map(|_| postern.create_user_token(&session)).collect();
    for token in &tokens {
        assert!(token.len() == 10 && token.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{token}");
    }
    // With 1,000 random characters, each of the 62 occurs.
    let mut characters: Vec<u8> = tokens.concat().into_bytes();
    characters.sort_unstable();
    characters.dedup();
    assert_eq!(characters.len(), 62);
    tokens.sort_unstable();
    tokens.dedup();
    assert_eq!(tokens.len(), 100);
}

#[test]
fn the_response_has_only_the_token_and_no_body_is_needed() {
    let postern = Postern::new();
    let session = postern.admin_token();
    for call in [
        create(&postern, &session),
        create(&postern, &session).json(json!({})),
        create(&postern, &session).body("application/json", b""),
        create(&postern, &session).json(json!({ "name": null, "expires_in_days": null })),
    ] {
        let body = call.send().expect(200);
        let token = body["token"].as_str().unwrap();
        assert_eq!(body, json!({ "token": token }));
        let listed = list(&postern, &session).into_iter().find(|listed| listed["token"] == token).unwrap();
        assert_eq!((&listed["name"], &listed["expires_at"]), (&Value::Null, &json!(postern.now.get() + 90 * DAY)));
    }
}

#[test]
fn a_token_is_valid_for_90_days_unless_configured_or_requested_otherwise() {
    let postern = Postern::new();
    let session = postern.admin_token();
    let ends_after = |body: Value| {
        create_with(&postern, &session, body).expect(200);
        postern.wait(SECOND);
        let newest = list(&postern, &session).into_iter().max_by_key(|token| token["created_at"].as_i64()).unwrap();
        (newest["expires_at"].as_i64().unwrap() - newest["created_at"].as_i64().unwrap()) / DAY
    };
    assert_eq!(ends_after(json!({})), 90);
    for days in [1, 7, 365] {
        assert_eq!(ends_after(json!({ "expires_in_days": days })), days);
    }
    postern.redeploy(&[("USER_TOKEN_LIFETIME_DAYS", "30")]);
    assert_eq!(ends_after(json!({})), 30);
}

#[test]
fn a_token_expires_on_time() {
    let postern = Postern::new();
    let session = postern.admin_token();
    let body = create_with(&postern, &session, json!({ "expires_in_days": 1 })).expect(200);
    let path = format!("/api/auth/verify-token?token={}", body["token"].as_str().unwrap());
    postern.wait(DAY - 1);
    assert_eq!(postern.get(&path).send().expect(200), json!(true));
    postern.wait(1);
    assert_eq!(postern.get(&path).send().expect(200), json!(false));
}

#[test]
fn a_lifetime_below_a_day_or_above_a_year_is_rejected() {
    let postern = Postern::new();
    let session = postern.admin_token();
    for days in [
        json!(0),
        json!(-1),
        json!(366),
        json!(1.5),
        json!(1e30),
        json!(u64::MAX),
        json!(i64::MIN),
        json!("7"),
        json!(true),
        json!([7]),
    ] {
        let answer = create_with(&postern, &session, json!({ "expires_in_days": days }));
        assert_eq!(answer.faulty_fields(), ["expires_in_days"], "{days}");
    }
    assert_eq!(list(&postern, &session).len(), 0);
}

#[test]
fn all_invalid_fields_are_reported_together() {
    let postern = Postern::new();
    let session = postern.admin_token();
    for name in [json!(""), json!("  "), json!("a".repeat(101)), json!("a\nb"), json!(1)] {
        let answer = create_with(&postern, &session, json!({ "name": name, "expires_in_days": 0 }));
        assert_eq!(answer.faulty_fields(), ["name", "expires_in_days"]);
    }
    let longest = "\u{1f511}".repeat(100);
    create_with(&postern, &session, json!({ "name": format!(" {longest} ") })).expect(200);
    assert_eq!(list(&postern, &session)[0]["name"], longest);
}

#[test]
fn a_body_must_be_a_json_object() {
    let postern = Postern::new();
    let session = postern.admin_token();
    create(&postern, &session).body("text/plain", b"{}").send().refused(415, "unsupported_media_type");
    create(&postern, &session).body("application/json", b"{").send().refused(400, "unreadable_body");
    create_with(&postern, &session, json!([])).refused(422, "invalid_fields");
    assert_eq!(list(&postern, &session).len(), 0);
}

#[test]
fn it_requires_a_session() {
    let postern = Postern::new();
    postern.post("/api/auth/me/create-token").send().refused(401, "invalid_token");
    create_with(&postern, "x", json!({ "expires_in_days": 0 })).refused(401, "invalid_token");
}

#[test]
fn users_cannot_create_tokens_for_others_or_choose_the_token() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let grace = postern.sign_up("grace@example.com");
    let body = json!({ "user_id": grace.id, "id": grace.id, "token": "0123456789", "expires_at": i64::MAX });
    let answer = create_with(&postern, &ada.token, body).expect(200);
    assert_ne!(answer["token"], "0123456789");
    assert_eq!(list(&postern, &ada.token)[0]["user_id"], json!(ada.id));
    assert_eq!(list(&postern, &ada.token)[0]["expires_at"], postern.now.get() + 90 * DAY);
    assert_eq!(list(&postern, &grace.token).len(), 0);
}

#[test]
fn a_user_can_have_200_active_tokens() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let grace = postern.sign_up("grace@example.com");
    let first = create_with(&postern, &ada.token, json!({ "expires_in_days": 1 })).expect(200);
    let last: Vec<String> = (1..MAX_LIVE).map(|_| postern.create_user_token(&ada.token)).collect();
    let answer = create(&postern, &ada.token).send();
    answer.refused(409, "too_many_tokens");
    assert!(answer.body["error"].as_str().unwrap().contains("200"), "{}", answer.text);
    assert_eq!(list(&postern, &ada.token).len(), MAX_LIVE);

    // Other users have their own limit.
    postern.create_user_token(&grace.token);

    // A deleted or expired token makes room.
    let path = format!("/api/auth/me/tokens/{}", last[0]);
    postern.delete(&path).bearer(&ada.token).send().expect(200);
    postern.create_user_token(&ada.token);
    create(&postern, &ada.token).send().refused(409, "too_many_tokens");
    postern.wait(DAY);
    postern.create_user_token(&ada.token);
    create(&postern, &ada.token).send().refused(409, "too_many_tokens");
    assert!(list(&postern, &ada.token).iter().all(|token| token["token"] != first["token"]));
}

#[test]
fn concurrent_requests_cannot_exceed_the_limit() {
    let postern = Postern::new();
    let session = postern.admin_token();
    (0..190).for_each(|_| drop(postern.create_user_token(&session)));
    let answers = postern.at_once((0..50).map(|_| create(&postern, &session)).collect());
    let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!((made.len(), refused.len()), (10, 40));
    refused.iter().for_each(|answer| answer.refused(409, "too_many_tokens"));
    assert_eq!(list(&postern, &session).len(), MAX_LIVE);
}

#[test]
fn tokens_survive_the_end_of_the_session_and_a_password_change() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let token = postern.create_user_token(&ada.token);
    let body = json!({ "old_password": PASSWORD, "new_password": "another good password" });
    postern.put("/api/auth/me/password").bearer(&ada.token).json(body).send().expect(200);
    postern.post("/api/auth/logout").bearer(&ada.token).send().expect(200);
    let path = format!("/api/auth/verify-token?token={token}");
    assert_eq!(postern.get(&path).send().expect(200), json!(true));
}

#[test]
fn tokens_under_a_retired_secret_do_not_count() {
    let postern = Postern::new();
    let admin = postern.admin_token();
    for _ in 0..MAX_LIVE {
        postern.create_user_token(&admin);
    }
    postern.redeploy(&[("AUTH_SECRET", NEW_SECRET), ("AUTH_SECRET_PREVIOUS", SECRET)]);
    let admin = postern.admin_token();
    postern.post("/api/auth/me/create-token").bearer(&admin).send().refused(409, "too_many_tokens");
    postern.redeploy(&[("AUTH_SECRET", NEW_SECRET)]);
    postern.create_user_token(&postern.admin_token());
}
