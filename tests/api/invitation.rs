//! `POST /api/auth/invitation`

use serde_json::{Value, json};

use crate::support::{Answer, DAY, PASSWORD, Postern};

fn get(postern: &Postern, token: &str) -> Answer {
    postern.post("/api/auth/invitation").json(json!({ "token": token })).send()
}

fn invalid() -> Value {
    json!({ "is_valid": false, "inviter": null, "expires_at": null, "uses_left": null })
}

fn create(postern: &Postern, session: &str, body: Value) -> String {
    let answer = postern.post("/api/auth/me/create-token").bearer(session).json(body).send().expect(200);
    answer["token"].as_str().unwrap().to_owned()
}

#[test]
fn an_invitation_says_who_invites_and_until_when() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    postern.put("/api/auth/me/name").bearer(&ada.token).json(json!({ "name": "Ada L" })).send().expect(200);
    let token = create(&postern, &ada.token, json!({ "expires_in_days": 7, "name": "For Eve" }));
    let expires_at = postern.now.get() + 7 * DAY;
    let expected = json!({ "is_valid": true, "inviter": "Ada L", "expires_at": expires_at, "uses_left": null });
    assert_eq!(get(&postern, &token).expect(200), expected);
    let link = format!(" https://app.example.com/signup?referrer={token}&email=eve%40example.com ");
    assert_eq!(get(&postern, &link).expect(200), expected);
    postern.wait(7 * DAY);
    assert_eq!(get(&postern, &token).expect(200), invalid());
}

#[test]
fn an_invitation_says_how_many_more_users_can_sign_up_with_it() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let token = create(&postern, &ada.token, json!({ "max_uses": 2 }));
    for (left, email) in [(2, "eve@example.com"), (1, "bob@example.com")] {
        assert_eq!(get(&postern, &token).expect(200)["uses_left"], left);
        let body = json!({ "referrer": token, "email": email, "password": PASSWORD });
        postern.post("/api/auth/signup").json(body).send().expect(200);
    }
    assert_eq!(get(&postern, &token).expect(200), invalid());
}

#[test]
fn an_invitation_of_an_inactive_user_is_not_valid() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let token = postern.create_user_token(&ada.token);
    assert_eq!(get(&postern, &token).expect(200)["is_valid"], true);
    postern.set_active(&ada.id, false);
    assert_eq!(get(&postern, &token).expect(200), invalid());
}

#[test]
fn an_invitation_is_not_valid_while_nobody_can_sign_up() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let token = postern.create_user_token(&ada.token);
    for mode in ["closed", "invitation", "open", "approval", "domains:example.org"] {
        postern.redeploy(&[("SIGN_UP", mode)]);
        let is_valid = get(&postern, &token).expect(200)["is_valid"] == true;
        let email = format!("{}@example.com", &mode[..4]);
        let body = json!({ "referrer": token, "email": email, "password": PASSWORD });
        let status = postern.post("/api/auth/signup").json(body).send().status;
        assert_eq!((is_valid, status), if mode == "closed" { (false, 403) } else { (true, 200) }, "{mode}");
    }
}

#[test]
fn the_inviter_is_shown_only_by_a_name_that_mails_would_show() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let token = postern.create_user_token(&ada.token);
    for (name, shown) in [
        (None, None),
        (Some("Ada"), Some("Ada")),
        (Some("ada@example.com"), None),
        (Some("evil.example/x"), None),
        (Some("Call 555 123 4567"), None),
        (Some("Ada \u{202e}"), None),
    ] {
        postern.sql.execute(
            "UPDATE users SET name = ?2 WHERE id = ?1",
            &[ada.id.as_str().into(), name.map(str::to_owned).into()],
        );
        let answer = get(&postern, &token);
        assert_eq!((&answer.body["inviter"], &answer.body["is_valid"]), (&json!(shown), &json!(true)));
        assert!(!answer.text.contains(&ada.id) && !answer.text.contains("example"), "{}", answer.text);
    }
}

#[test]
fn a_malformed_token_needs_no_query_and_a_missing_one_is_422() {
    let postern = Postern::new();
    postern.referrer();
    let batches = postern.sql.batches.get();
    for text in ["", "short", "ten chars!", "0123456789x", &"a".repeat(10_000)] {
        assert_eq!(get(&postern, text).expect(200), invalid(), "{text}");
    }
    assert_eq!(postern.sql.batches.get(), batches);
    assert_eq!(get(&postern, "0123456789").expect(200), invalid());
    for body in [json!({}), json!({ "token": null }), json!({ "token": 1 })] {
        assert_eq!(postern.post("/api/auth/invitation").json(body).send().faulty_fields(), ["token"]);
    }
}

#[test]
fn it_changes_nothing_and_is_rate_limited() {
    let postern = Postern::new();
    let token = postern.referrer();
    let before = postern.sql.dump();
    get(&postern, &token).expect(200);
    assert_eq!(postern.sql.dump(), before);
    postern.exhaust_burst_guard();
    get(&postern, &token).refused(429, "too_many_requests");
}
