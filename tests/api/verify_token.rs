//! `GET /api/auth/verify-token?token=`

use http::Method;
use serde_json::{Value, json};

use crate::support::{DAY, Postern};

fn verify(postern: &Postern, query: &str) -> Value {
    postern.get(&format!("/api/auth/verify-token?{query}")).send().expect(200)
}

#[test]
fn a_valid_token_is_true_for_everyone() {
    let postern = Postern::new();
    let token = postern.referrer();
    assert_eq!(verify(&postern, &format!("token={token}")), json!(true));
    assert_eq!(verify(&postern, &format!("x=1&token={token}&y")), json!(true));
    let first = token.as_bytes()[0];
    assert_eq!(verify(&postern, &format!("token=%{first:02x}{}", &token[1..])), json!(true));
}

#[test]
fn verifying_does_not_use_up_a_token() {
    let postern = Postern::new();
    let token = postern.referrer();
    let before = postern.sql.dump();
    for method in [Method::GET, Method::HEAD, Method::GET] {
        assert_eq!(postern.request(method, &format!("/api/auth/verify-token?token={token}")).send().status, 200);
    }
    assert_eq!(postern.sql.dump(), before);
    assert_eq!(verify(&postern, &format!("token={token}")), json!(true));
}

#[test]
fn an_unknown_token_is_false() {
    let postern = Postern::new();
    postern.referrer();
    assert_eq!(verify(&postern, "token=0123456789"), json!(false));
}

#[test]
fn an_expired_token_is_false() {
    let postern = Postern::new();
    let token = postern.referrer();
    postern.wait(90 * DAY - 1);
    assert_eq!(verify(&postern, &format!("token={token}")), json!(true));
    postern.wait(1);
    assert_eq!(verify(&postern, &format!("token={token}")), json!(false));
}

#[test]
fn a_token_of_an_inactive_owner_is_false() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let token = postern.create_user_token(&ada.token);
    postern.set_active(&ada.id, false);
    assert_eq!(verify(&postern, &format!("token={token}")), json!(false));
    postern.set_active(&ada.id, true);
    assert_eq!(verify(&postern, &format!("token={token}")), json!(true));
}

#[test]
fn a_token_ends_with_its_owners_account() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let token = postern.create_user_token(&ada.token);
    postern.sql.execute("DELETE FROM users WHERE id = ?1", &[ada.id.as_str().into()]);
    assert_eq!(verify(&postern, &format!("token={token}")), json!(false));
}

#[test]
fn a_malformed_token_is_false_without_a_database_query() {
    let postern = Postern::new();
    let (session, token) = (postern.admin_token(), postern.referrer());
    let batches = postern.sql.batches.get();
    for text in [
        "",
        "short",
        "elevenchars",
        "ten+chars!",
        "0123456%C3%A9",
        "%00%00%00%00%00%00%00%00%00%00",
        "%ff",
        &session,
        &format!("+{token}"),
        &format!("{token}%0A"),
        &"a".repeat(10_000),
    ] {
        assert_eq!(verify(&postern, &format!("token={text}")), json!(false), "{text}");
    }
    assert_eq!(verify(&postern, "token"), json!(false));
    assert_eq!(postern.sql.batches.get(), batches);
    verify(&postern, &format!("token={token}"));
    assert_eq!(postern.sql.batches.get(), batches + 1);
}

#[test]
fn a_missing_token_is_422() {
    let postern = Postern::new();
    for path in ["/api/auth/verify-token", "/api/auth/verify-token?", "/api/auth/verify-token?Token=0123456789"] {
        let answer = postern.get(path).send();
        assert_eq!(answer.faulty_fields(), ["token"]);
        assert_eq!(answer.body["detail"][0]["loc"], json!(["query", "token"]));
    }
}

#[test]
fn a_session_token_as_bearer_makes_no_difference() {
    let postern = Postern::new();
    let answer = postern.get("/api/auth/verify-token?token=0123456789").bearer("x").send();
    assert_eq!(answer.expect(200), json!(false));
}

#[test]
fn it_is_rate_limited() {
    let postern = Postern::new();
    let token = postern.referrer();
    postern.exhaust_burst_guard();
    let batches = postern.sql.batches.get();
    let answer = postern.get(&format!("/api/auth/verify-token?token={token}")).send();
    answer.refused(429, "too_many_requests");
    assert_eq!(postern.sql.batches.get(), batches);
}

#[test]
fn a_post_keeps_the_token_out_of_the_url() {
    let postern = Postern::new();
    let token = postern.referrer();
    let verify = |body: Value| postern.post("/api/auth/verify-token").json(body).send();
    assert_eq!(verify(json!({ "token": token })).expect(200), json!(true));
    for other in ["0123456789", "", "malformed", &format!("{token}x")] {
        assert_eq!(verify(json!({ "token": other })).expect(200), json!(false), "{other}");
    }
    assert_eq!(verify(json!({})).faulty_fields(), ["token"]);
    postern.wait(90 * DAY);
    assert_eq!(verify(json!({ "token": token })).expect(200), json!(false));
}
