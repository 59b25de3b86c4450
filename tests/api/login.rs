//! `POST /api/auth/login`

use serde_json::json;

use crate::support::{DAY, PASSWORD, Postern};

#[test]
fn the_default_admin_exists_as_soon_as_the_database_does() {
    let answer = Postern::new().login("admin", "admin").expect(200);
    assert_eq!(answer["must_change_password"], true);
    let user = &answer["user"];
    assert_eq!((&user["email"], &user["role"]), (&json!("admin"), &json!("admin")));
    assert_eq!((&user["is_verified"], &user["is_active"]), (&json!(true), &json!(true)));
    assert!(user["name"].is_string());
}

#[test]
fn a_login_returns_a_session_token_and_the_user_without_the_password_hash() {
    let postern = Postern::new();
    postern.sign_up("ada@example.com");
    let answer = postern.login(" ADA@Example.com ", PASSWORD);
    assert!(!answer.text.contains("argon2"), "{}", answer.text);
    let body = answer.expect(200);
    assert_eq!(postern.me(body["token"].as_str().unwrap()), 200);
    assert_eq!(body.get("must_change_password"), None);
    let mut members: Vec<_> = body["user"].as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(
        members,
        [
            "created_at",
            "email",
            "extra",
            "id",
            "is_active",
            "is_verified",
            "name",
            "referrer_id",
            "role",
            "tier",
            "updated_at"
        ]
    );
}

#[test]
fn a_wrong_password_and_an_unknown_email_get_the_same_response() {
    let postern = Postern::new();
    postern.sign_up("ada@example.com");
    let wrong = postern.login("ada@example.com", "wrong password");
    let unknown = postern.login("eve@example.com", "wrong password");
    wrong.refused(401, "wrong_credentials");
    unknown.refused(401, "wrong_credentials");
    assert_eq!((wrong.text, wrong.headers), (unknown.text, unknown.headers));
}

#[test]
fn an_inactive_user_gets_403_only_after_the_right_password() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    postern.set_active(&ada.id, false);
    postern.login("ada@example.com", "wrong password").refused(401, "wrong_credentials");
    postern.login("ada@example.com", PASSWORD).refused(403, "inactive");
}

#[test]
fn a_login_overtaken_by_a_password_change_or_deactivation_fails() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let login = |password: &str| {
        postern.post("/api/auth/login").json(json!({ "email": "ada@example.com", "password": password }))
    };
    // In a new isolate, a login first looks for the default account, so both write in their third turn.
    postern.redeploy(&[]);
    let change = json!({ "old_password": PASSWORD, "new_password": "another good password" });
    let change = postern.put("/api/auth/me/password").bearer(&ada.token).json(change);
    let answers = postern.at_once(vec![change, login(PASSWORD)]);
    assert_eq!(answers[0].status, 200, "{}", answers[0].text);
    answers[1].refused(401, "wrong_credentials");

    let deactivate = postern.put(&format!("/api/auth/admin/users/{}", ada.id)).bearer(&postern.admin_token());
    let answers = postern.at_once(vec![deactivate.json(json!({ "is_active": false })), login("another good password")]);
    assert_eq!(answers[0].status, 200, "{}", answers[0].text);
    answers[1].refused(401, "wrong_credentials");
}

#[test]
fn guesses_at_one_account_are_stopped_with_growing_waits() {
    let postern = Postern::new();
    postern.sign_up("ada@example.com");
    let mut waits = Vec::new();
    postern.come_from("198.51.100.1");
    for attempt in 1..=200 {
        let answer = postern.login("ada@example.com", "wrong password");
        if answer.status == 429 {
            answer.refused(429, "too_many_requests");
            let wait: i64 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!(answer.body["error"].as_str().unwrap().contains("wait"), "{}", answer.text);
            waits.push(wait);
            if waits.len() == 3 {
                break;
            }
            postern.wait(wait * 1_000);
        } else {
            answer.refused(401, "wrong_credentials");
            assert!(attempt < 100);
        }
    }
    assert!(waits.len() == 3 && waits[0] < waits[1] && waits[1] < waits[2], "{waits:?}");
}

#[test]
fn a_guessing_stranger_does_not_lock_the_owner_out_at_home() {
    let postern = Postern::new();
    postern.sign_up("ada@example.com");
    postern.come_from("192.0.2.7");
    postern.login("ada@example.com", PASSWORD).expect(200);
    postern.come_from("198.51.100.1");
    while postern.login("ada@example.com", "wrong password").status != 429 {}
    postern.login("ada@example.com", PASSWORD).refused(429, "too_many_requests");
    postern.come_from("192.0.2.7");
    postern.login("ada@example.com", PASSWORD).expect(200);
}

#[test]
fn a_reset_lets_the_owner_log_in_again_from_anywhere() {
    let postern = Postern::new();
    postern.sign_up("ada@example.com");
    postern.come_from("198.51.100.1");
    while postern.login("ada@example.com", "wrong password").status != 429 {}
    let token = postern.reset_token("ada@example.com");
    let body = json!({ "password": "another good password" });
    postern.post("/api/auth/reset-password-with-token").bearer(&token).json(body).send().expect(200);
    postern.login("ada@example.com", "another good password").expect(200);
}

#[test]
fn fifty_concurrent_guesses_count_as_fifty() {
    let postern = Postern::new();
    postern.sign_up("ada@example.com");
    postern.come_from("198.51.100.1");
    let guess =
        |_| postern.post("/api/auth/login").json(json!({ "email": "ada@example.com", "password": "wrong password" }));
    let answers = postern.at_once((0..50).map(guess).collect());
    let judged = answers.iter().filter(|answer| answer.status == 401).count();
    assert_eq!((judged, answers.iter().filter(|answer| answer.status == 429).count()), (20, 30));
}

#[test]
fn an_email_without_an_account_is_throttled_the_same_way() {
    let postern = Postern::new();
    postern.sign_up("ada@example.com");
    postern.come_from("198.51.100.1");
    let attempts = |email| (1..).find(|_| postern.login(email, "wrong password").status == 429).unwrap();
    assert_eq!(attempts("ada@example.com"), attempts("nobody@example.com"));
}

#[test]
fn one_address_cannot_try_a_password_on_every_account() {
    let postern = Postern::new();
    let refused = (0..1_000).find(|n| postern.login(&format!("user{n}@example.com"), "Summer2026!").status == 429);
    assert!(refused.is_some());
    postern.come_from("198.51.100.2");
    postern.login("user1@example.com", "Summer2026!").refused(401, "wrong_credentials");
}

#[test]
fn a_blocked_address_neither_locks_others_out_nor_fills_the_table() {
    let postern = Postern::new();
    postern.sign_up("ada@example.com");
    postern.come_from("198.51.100.1");
    while postern.login("nobody@example.com", "wrong password").status != 429 {}
    for n in 0.. {
        if postern.login(&format!("user{n}@example.com"), "wrong password").status == 429 {
            break;
        }
    }
    let rows = || postern.sql.query("SELECT key FROM throttles", &[]).len();
    let before = rows();
    for n in 0..50 {
        postern.login(&format!("other{n}@example.com"), "wrong password").refused(429, "too_many_requests");
        postern.login("ada@example.com", "wrong password").refused(429, "too_many_requests");
    }
    assert_eq!(rows(), before);
    postern.come_from("198.51.100.2");
    postern.login("ada@example.com", PASSWORD).expect(200);
}

#[test]
fn right_passwords_are_never_throttled() {
    let postern = Postern::new();
    postern.sign_up("ada@example.com");
    for _ in 0..300 {
        postern.login("ada@example.com", PASSWORD).expect(200);
    }
}

#[test]
fn a_foreign_hash_verifies_once_and_is_replaced() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    // Hashes of "password" by bcrypt 4.3.0 and passlib 1.7.4 (Python), better-auth 1.7.25 and firebase-scrypt 2.2.0.
    for elsewhere in [
        "$2b$05$pZu5wn9t71nueYGwQ1ldGOq18wmUE/V/kfYcBZ1B2gf80Gsqgdgee",
        "$scrypt$ln=10,r=8,p=1$jVHKGYNw7j0HQAgBAGBMaQ$1KnqGjbFlvUigm8ZvmRcYbGIJAaKP49Vfc50ZMvPZaE",
        "89c4dbd62e22b04705e39bf46365ad85:1f740e419e84e2c9375108623ddbe98c1f4f6a74d0af665ef2b400936eef99f89248cc9b3c8ac3daee740510b8801bc257b4d6d2fccfc9656a3567977e340d91",
        "$fbscrypt$v=1,n=10,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==$QU5xA/a22ckG1AyhikaaC6hBYBLRMm3Cf8Qyed0OieBh682qJqHlH/xDqcd1NKN6p/QVc7E+54AT+YUo0DXAFQ==",
    ] {
        let values = [ada.id.as_str().into(), elsewhere.into()];
        postern.sql.execute("UPDATE users SET password_hash = ?2 WHERE id = ?1", &values);
        postern.login("ada@example.com", "Password").refused(401, "wrong_credentials");
        postern.login("ada@example.com", "password").expect(200);
        let rows = postern.sql.query("SELECT password_hash FROM users WHERE id = ?1", &[ada.id.as_str().into()]);
        assert!(rows[0]["password_hash"].as_str().unwrap().starts_with("$argon2id$v=19$"), "{rows:?}");
        postern.login("ada@example.com", "password").expect(200);
    }
}

#[test]
fn an_imported_hash_verifies_and_is_replaced_if_it_is_weaker() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let elsewhere = "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8";
    postern
        .sql
        .execute("UPDATE users SET password_hash = ?2 WHERE id = ?1", &[ada.id.as_str().into(), elsewhere.into()]);
    postern.login("ada@example.com", "password").expect(200);
    let rows = postern.sql.query("SELECT password_hash FROM users WHERE id = ?1", &[ada.id.as_str().into()]);
    assert!(rows[0]["password_hash"].as_str().unwrap().starts_with("$argon2id$v=19$"), "{rows:?}");
    postern.login("ada@example.com", "password").expect(200);
}

#[test]
fn all_missing_fields_are_reported_and_unknown_ones_ignored() {
    let postern = Postern::new();
    let answer = postern.post("/api/auth/login").json(json!({ "email": 1 })).send();
    assert_eq!(answer.faulty_fields(), ["email", "password"]);
    let body = json!({ "email": "admin", "password": "admin", "role": "user", "id": "1" });
    postern.post("/api/auth/login").json(body).send().expect(200);
}

#[test]
fn the_settings_can_define_a_different_first_account() {
    let settings = [("ADMIN_EMAIL", "Root@Example.com"), ("ADMIN_PASSWORD", "a password for root")];
    let postern = Postern::with_settings(&settings);
    postern.login("admin", "admin").refused(401, "wrong_credentials");
    let answer = postern.login("root@example.com", "a password for root").expect(200);
    assert_eq!((&answer["user"]["role"], answer.get("must_change_password")), (&json!("admin"), None));
}

#[test]
fn a_restricted_default_admin_can_only_change_the_password() {
    let postern = Postern::with_settings(&[("DEFAULT_ADMIN", "restricted")]);
    let token = postern.admin_token();
    assert_eq!(postern.me(&token), 200);
    for path in ["create-token", "tokens", "send-otp"] {
        let answer = postern.post(&format!("/api/auth/me/{path}")).bearer(&token).send();
        answer.refused(403, "password_change_required");
    }
    let body = json!({ "old_password": "admin", "new_password": PASSWORD });
    postern.put("/api/auth/me/password").bearer(&token).json(body).send().expect(200);
    postern.post("/api/auth/me/create-token").bearer(&token).send().expect(200);
    assert_eq!(postern.login("admin", PASSWORD).expect(200).get("must_change_password"), None);
}

#[test]
fn a_session_is_valid_for_seven_days() {
    let postern = Postern::new();
    let token = postern.admin_token();
    postern.wait(7 * DAY - 1);
    assert_eq!(postern.me(&token), 200);
    postern.wait(1);
    assert_eq!(postern.me(&token), 401);
}
