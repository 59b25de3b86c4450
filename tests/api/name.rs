//! `PUT /api/auth/me/name`

use serde_json::{Value, json};

use crate::support::{Answer, PASSWORD, Postern, SECOND};

fn rename(postern: &Postern, token: &str, body: Value) -> Answer {
    postern.put("/api/auth/me/name").bearer(token).json(body).send()
}

fn user(postern: &Postern, token: &str) -> Value {
    postern.get("/api/auth/me").bearer(token).send().expect(200)
}

#[test]
fn a_user_can_change_the_name() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let before = user(&postern, &ada.token);
    postern.wait(SECOND);
    assert_eq!(rename(&postern, &ada.token, json!({ "name": "  Ada Lovelace\t" })).expect(200), json!(true));
    let mut expected = before.clone();
    expected["name"] = json!("Ada Lovelace");
    expected["updated_at"] = json!(before["updated_at"].as_i64().unwrap() + SECOND);
    assert_eq!(user(&postern, &ada.token), expected);
}

#[test]
fn a_name_has_1_to_100_characters_after_trimming() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let longest = "\u{1f511}".repeat(100);
    for name in ["x", &longest, "O'Brien \"<b>", "\u{5f20}\u{4f1f}"] {
        rename(&postern, &ada.token, json!({ "name": name })).expect(200);
        assert_eq!(user(&postern, &ada.token)["name"], name);
    }
    rename(&postern, &ada.token, json!({ "name": "Ada" })).expect(200);
    for body in [
        json!({}),
        json!({ "name": 1 }),
        json!({ "name": ["Ada"] }),
        json!({ "name": "" }),
        json!({ "name": " \n " }),
        json!({ "name": "a".repeat(101) }),
        json!({ "name": "a\u{0}b" }),
        json!({ "name": "a\nb" }),
    ] {
        assert_eq!(rename(&postern, &ada.token, body).faulty_fields(), ["name"]);
    }
    assert_eq!(user(&postern, &ada.token)["name"], "Ada");
}

#[test]
fn every_endpoint_rejects_a_blank_name() {
    let postern = Postern::new();
    let (admin, ada) = (postern.admin_token(), postern.sign_up("ada@example.com"));
    let referrer = postern.create_user_token(&ada.token);
    let new =
        |name: &str| json!({ "referrer": referrer, "email": "new@example.com", "password": PASSWORD, "name": name });
    for name in ["\u{3164}", "\u{2800}", "\u{115f}\u{1160}", " \u{e0020}\u{fe0f}", "\u{200b}\u{3000}", "Ada\u{2028}Eve"]
    {
        let named = json!({ "name": name });
        let calls = [
            postern.put("/api/auth/me/name").bearer(&ada.token).json(named.clone()),
            postern.put(&format!("/api/auth/admin/users/{}", ada.id)).bearer(&admin).json(named.clone()),
            postern.post("/api/auth/me/create-token").bearer(&ada.token).json(named),
            postern.post("/api/auth/admin/users").bearer(&admin).json(new(name)),
            postern.post("/api/auth/signup").json(new(name)),
        ];
        for (number, call) in calls.into_iter().enumerate() {
            assert_eq!(call.send().faulty_fields(), ["name"], "{name:?} at {number}");
        }
    }
}

#[test]
fn null_removes_the_name_and_a_missing_name_is_422() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    rename(&postern, &ada.token, json!({ "name": "Ada" })).expect(200);
    rename(&postern, &ada.token, json!({})).refused(422, "invalid_fields");
    assert_eq!(user(&postern, &ada.token)["name"], "Ada");
    assert_eq!(rename(&postern, &ada.token, json!({ "name": null })).expect(200), json!(true));
    assert_eq!(user(&postern, &ada.token)["name"], Value::Null);
}

#[test]
fn it_cannot_change_other_fields_or_users() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let grace = postern.sign_up("grace@example.com");
    let (ada_before, grace_before) = (user(&postern, &ada.token), user(&postern, &grace.token));
    let body = json!({
        "name": "Ada", "id": grace.id, "user_id": grace.id, "email": "new@example.com", "role": "admin", "tier": 2,
        "is_verified": true,
    });
    rename(&postern, &ada.token, body).expect(200);
    let mut expected = ada_before;
    expected["name"] = json!("Ada");
    expected["updated_at"] = json!(expected["updated_at"].as_i64().unwrap() + 1);
    assert_eq!(user(&postern, &ada.token), expected);
    assert_eq!(user(&postern, &grace.token), grace_before);
}

#[test]
fn it_requires_a_session_before_it_validates_the_name() {
    let postern = Postern::new();
    postern.put("/api/auth/me/name").json(json!({ "name": "Ada" })).send().refused(401, "invalid_token");
    rename(&postern, "x", json!({})).refused(401, "invalid_token");
}

#[test]
fn a_user_who_is_deactivated_meanwhile_keeps_the_old_name() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let answers = postern.at_once(vec![
        postern.delete("/api/auth/me").bearer(&ada.token),
        postern.put("/api/auth/me/name").bearer(&ada.token).json(json!({ "name": "Ada" })),
    ]);
    assert_eq!(answers[0].status, 200);
    answers[1].refused(403, "inactive");
    let rows = postern.sql.query("SELECT name FROM users WHERE id = ?1", &[ada.id.as_str().into()]);
    assert_eq!(rows[0]["name"], Value::Null);
}
