//! `POST /api/auth/logout`

use serde_json::json;

use crate::support::{Answer, PASSWORD, Postern};

fn logout(postern: &Postern, session: &str) -> Answer {
    postern.post("/api/auth/logout").bearer(session).send()
}

#[test]
fn the_session_ends_immediately_at_every_endpoint() {
    let postern = Postern::new();
    let token = postern.admin_token();
    assert_eq!(logout(&postern, &token).expect(200), json!(true));
    assert_eq!(postern.me(&token), 401);
    postern.post("/api/auth/me/create-token").bearer(&token).send().refused(401, "invalid_token");
    postern.put("/api/auth/me/name").bearer(&token).json(json!({ "name": "x" })).send().refused(401, "invalid_token");
    logout(&postern, &token).refused(401, "invalid_token");
    let claims = crate::support::claims(&token);
    assert!(claims["exp"].as_i64().unwrap() * 1_000 > postern.now.get(), "the token itself is still young");
}

#[test]
fn other_sessions_continue() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let other = postern.token("ada@example.com", PASSWORD);
    let grace = postern.sign_up("grace@example.com");
    logout(&postern, &ada.token).expect(200);
    assert_eq!((postern.me(&ada.token), postern.me(&other), postern.me(&grace.token)), (401, 200, 200));
}

#[test]
fn the_user_can_log_in_again() {
    let postern = Postern::new();
    logout(&postern, &postern.admin_token()).expect(200);
    assert_eq!(postern.me(&postern.admin_token()), 200);
}

#[test]
fn it_requires_a_session() {
    let postern = Postern::new();
    postern.post("/api/auth/logout").send().refused(401, "invalid_token");
    logout(&postern, "x").refused(401, "invalid_token");
}

#[test]
fn the_default_admin_can_log_out_before_changing_the_password() {
    let postern = Postern::with_settings(&[("DEFAULT_ADMIN", "restricted")]);
    let token = postern.admin_token();
    logout(&postern, &token).expect(200);
    assert_eq!(postern.me(&token), 401);
}

#[test]
fn two_concurrent_logouts_act_like_one() {
    let postern = Postern::new();
    let token = postern.admin_token();
    let call = || postern.post("/api/auth/logout").bearer(&token);
    let answers = postern.at_once(vec![call(), call()]);
    assert_eq!([answers[0].status, answers[1].status], [200, 200]);
    assert_eq!(postern.me(&token), 401);
}
