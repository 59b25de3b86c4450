//! `GET /api/auth/me`

use http::{Method, header};
use serde_json::json;

use crate::support::{Answer, DAY, HOUR, PASSWORD, Postern, SECOND, claims};

fn me(postern: &Postern, token: &str) -> Answer {
    postern.get("/api/auth/me").bearer(token).send()
}

fn fresh_token(answer: &Answer) -> Option<String> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.header("x-refresh-token").map(str::to_owned)
}

#[test]
fn it_returns_the_user_of_the_session() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    postern.sign_up("grace@example.com");
    let user = me(&postern, &ada.token).expect(200);
    assert_eq!((&user["id"], &user["email"]), (&json!(ada.id), &json!("ada@example.com")));
    assert_eq!(user, postern.login("ada@example.com", PASSWORD).expect(200)["user"]);
    assert!(user.get("password_hash").is_none() && user.get("password_reset_id").is_none(), "{user}");
}

#[test]
fn a_missing_malformed_or_forged_bearer_is_rejected() {
    let postern = Postern::new();
    let token = postern.admin_token();
    postern.get("/api/auth/me").send().refused(401, "invalid_token");
    for value in ["", "Bearer", "Bearer ", "Bearer x", "Bearer a.b.c", &token, &format!("Basic {token}")] {
        let answer = postern.get("/api/auth/me").header(header::AUTHORIZATION, value).send();
        answer.refused(401, "invalid_token");
    }
    let long = format!("Bearer {}", "a".repeat(65_536));
    postern.get("/api/auth/me").header(header::AUTHORIZATION, &long).send().refused(401, "invalid_token");
    postern.get("/api/auth/me").bearer(&token).bearer(&token).send().refused(401, "invalid_token");
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let flipped = if signature.starts_with('A') { "B" } else { "A" };
    me(&postern, &format!("{signed}.{flipped}{}", &signature[1..])).refused(401, "invalid_token");
    me(&postern, &format!("{signed}.")).refused(401, "invalid_token");
}

#[test]
fn a_session_of_another_service_with_a_different_secret_or_address_is_rejected() {
    let postern = Postern::new();
    let token = postern.admin_token();
    postern.redeploy(&[("AUTH_SECRET", "another secret of 32 characters!")]);
    me(&postern, &token).refused(401, "invalid_token");
    postern.redeploy(&[("APP_URL", "https://other.example.com")]);
    me(&postern, &token).refused(401, "invalid_token");
    postern.redeploy(&[]);
    me(&postern, &token).expect(200);
}

#[test]
fn a_session_of_an_inactive_user_is_403() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    postern.set_active(&ada.id, false);
    me(&postern, &ada.token).refused(403, "inactive");
}

#[test]
fn a_session_ends_with_its_user() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    postern.sql.execute("DELETE FROM users WHERE id = ?1", &[ada.id.as_str().into()]);
    me(&postern, &ada.token).refused(401, "invalid_token");
}

#[test]
fn a_session_token_has_the_user_the_expiry_and_the_role() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let claims = claims(&ada.token);
    let now = postern.now.get() / 1_000;
    assert_eq!((&claims["sub"], &claims["scopes"]), (&json!(ada.id), &json!(["user", 0])));
    assert_eq!((&claims["iat"], &claims["exp"]), (&json!(now), &json!(now + 7 * 86_400)));
    postern.sql.execute("UPDATE users SET tier = 1 WHERE id = ?1", &[ada.id.as_str().into()]);
    let token = postern.token("ada@example.com", PASSWORD);
    assert_eq!(self::claims(&token)["scopes"], json!(["user", 1]));
}

#[test]
fn a_refresh_token_is_sent_after_half_of_the_lifetime() {
    let postern = Postern::new();
    let token = postern.admin_token();
    assert_eq!(fresh_token(&me(&postern, &token)), None);
    postern.wait(84 * HOUR - 1);
    assert_eq!(fresh_token(&me(&postern, &token)), None);
    postern.wait(1);
    let fresh = fresh_token(&me(&postern, &token)).unwrap();
    assert_eq!(fresh_token(&me(&postern, &fresh)), None);
    assert_eq!(claims(&fresh)["exp"], postern.now.get() / 1_000 + 7 * 86_400);
}

#[test]
fn a_refreshed_token_works_after_the_old_one_has_expired() {
    let postern = Postern::new();
    let token = postern.admin_token();
    postern.wait(7 * DAY - SECOND);
    let fresh = fresh_token(&me(&postern, &token)).unwrap();
    postern.wait(SECOND);
    me(&postern, &token).refused(401, "invalid_token");
    me(&postern, &fresh).expect(200);
    postern.wait(7 * DAY - SECOND - 1);
    me(&postern, &fresh).expect(200);
    postern.wait(1);
    me(&postern, &fresh).refused(401, "invalid_token");
}

#[test]
fn a_refreshed_token_has_the_current_role() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    postern.sql.execute("UPDATE users SET role = 'admin', tier = 2 WHERE id = ?1", &[ada.id.as_str().into()]);
    postern.wait(4 * DAY);
    let fresh = fresh_token(&me(&postern, &ada.token)).unwrap();
    assert_eq!(claims(&fresh)["scopes"], json!(["admin", 2]));
}

#[test]
fn a_changed_role_or_tier_causes_a_new_token_at_the_next_call() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    postern.wait(DAY);
    let set = |role: &str, tier: i64| {
        let statement = "UPDATE users SET role = ?2, tier = ?3 WHERE id = ?1";
        postern.sql.execute(statement, &[ada.id.as_str().into(), role.into(), tier.into()]);
    };
    let mut token = ada.token.clone();
    // Stores that the session is in use.
    postern.me(&token);
    for (role, tier) in [("admin", 0), ("admin", 2), ("user", 2), ("user", 0)] {
        set(role, tier);
        let before = (postern.sql.dump(), postern.sql.batches.get());
        let fresh = fresh_token(&me(&postern, &token)).unwrap();
        assert_eq!((postern.sql.dump(), postern.sql.batches.get()), (before.0, before.1 + 1));
        assert_eq!(claims(&fresh)["scopes"], json!([role, tier]));
        // The session does not expire later.
        assert_eq!((&claims(&fresh)["sid"], &claims(&fresh)["exp"]), (&claims(&token)["sid"], &claims(&token)["exp"]));
        assert_eq!(fresh_token(&me(&postern, &fresh)), None);
        token = fresh;
    }
}

#[test]
fn a_changed_role_causes_a_new_cookie_if_the_token_came_in_one() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    postern.make_admin(&ada.id);
    let cookie = format!("__Host-session={}", ada.token);
    let answer = postern.get("/api/auth/me").header(header::COOKIE, &cookie).send();
    assert_eq!(fresh_token(&answer), None);
    let cookie = answer.header("set-cookie").unwrap();
    let token = cookie.split(['=', ';']).nth(1).unwrap();
    assert_eq!(claims(token)["scopes"], json!(["admin", 0]));
}

#[test]
fn no_session_lasts_longer_than_thirty_days_even_if_refreshed() {
    let postern = Postern::new();
    let began = postern.now.get();
    let mut token = postern.admin_token();
    let mut refreshed = 0;
    while postern.now.get() + HOUR < began + 30 * DAY {
        postern.wait(HOUR);
        if let Some(fresh) = fresh_token(&me(&postern, &token)) {
            assert!(claims(&fresh)["exp"].as_i64().unwrap() <= (began + 30 * DAY) / 1_000);
            token = fresh;
            refreshed += 1;
        }
    }
    assert!((7..12).contains(&refreshed), "{refreshed}");
    postern.wait(HOUR - SECOND);
    me(&postern, &token).expect(200);
    postern.wait(SECOND);
    me(&postern, &token).refused(401, "invalid_token");
}

#[test]
fn no_other_response_has_a_refresh_token() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let sessions = postern.get("/api/auth/me/sessions").bearer(&ada.token).send().expect(200);
    let session = format!("/api/auth/me/sessions/{}", sessions[0]["id"].as_str().unwrap());
    postern.wait(4 * DAY);
    let password = json!({ "old_password": PASSWORD, "new_password": "another good password" });
    for (method, path, body) in [
        (Method::PUT, "/api/auth/me/name", Some(json!({ "name": "Ada" }))),
        (Method::PUT, "/api/auth/me/password", Some(password)),
        (Method::POST, "/api/auth/me/create-token", None),
        (Method::POST, "/api/auth/me/tokens", None),
        (Method::GET, "/api/auth/me/tokens", None),
        (Method::GET, "/api/auth/me/sessions", None),
        (Method::POST, "/api/auth/me/send-otp", None),
        (Method::POST, "/api/auth/me/send-invite", Some(json!({ "email": "grace@example.com" }))),
        (Method::DELETE, &session, None),
    ] {
        // Codes require an unverified email, invitations a verified one.
        if path.ends_with("send-invite") {
            postern.verify(&ada.id);
        }
        let call = postern.request(method, path).bearer(&ada.token);
        let answer = body.into_iter().fold(call, |call, body| call.json(body)).send();
        assert_eq!(fresh_token(&answer), None, "{path}");
    }
}

#[test]
fn a_reset_token_returns_its_user_but_is_not_refreshed() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let token = postern.reset_token("ada@example.com");
    postern.wait(14 * 60 * SECOND);
    let answer = me(&postern, &token);
    assert_eq!(answer.header("x-refresh-token"), None);
    assert_eq!(answer.expect(200)["id"], json!(ada.id));
}

#[test]
fn a_refreshed_token_belongs_to_the_same_session_and_ends_with_it() {
    let postern = Postern::new();
    let token = postern.admin_token();
    postern.wait(4 * DAY);
    let fresh = fresh_token(&me(&postern, &token)).unwrap();
    postern.post("/api/auth/logout").bearer(&token).send().expect(200);
    me(&postern, &fresh).refused(401, "invalid_token");
}

#[test]
fn a_session_that_ends_meanwhile_is_not_refreshed() {
    let postern = Postern::new();
    let token = postern.admin_token();
    postern.wait(4 * DAY);
    let calls = vec![postern.post("/api/auth/logout").bearer(&token), postern.get("/api/auth/me").bearer(&token)];
    let answers = postern.at_once(calls);
    assert_eq!(answers[0].status, 200);
    answers[1].refused(401, "invalid_token");
    assert_eq!(answers[1].header("x-refresh-token"), None);
}

#[test]
fn it_writes_nothing_in_the_first_half_of_the_lifetime() {
    let postern = Postern::new();
    let token = postern.admin_token();
    let before = (postern.sql.dump(), postern.sql.batches.get());
    me(&postern, &token).expect(200);
    assert_eq!((postern.sql.dump(), postern.sql.batches.get()), (before.0, before.1 + 1));
}
