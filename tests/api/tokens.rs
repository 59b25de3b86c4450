//! `POST /api/auth/me/tokens`, also `GET`, and `DELETE /api/auth/me/tokens/{token}`

use http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, DAY, PASSWORD, Postern, SECOND, SECRET};

const NEXT_SECRET: &str = "the next secret, of 32 characters";

fn create(postern: &Postern, session: &str, name: &str, days: i64) -> String {
    let body = json!({ "name": name, "expires_in_days": days });
    let answer = postern.post("/api/auth/me/create-token").bearer(session).json(body).send().expect(200);
    answer["token"].as_str().unwrap().to_owned()
}

fn list(postern: &Postern, session: &str) -> Vec<Value> {
    postern.post("/api/auth/me/tokens").bearer(session).send().expect(200).as_array().unwrap().clone()
}

fn listed_tokens(postern: &Postern, session: &str) -> Vec<String> {
    list(postern, session).iter().map(|listed| listed["token"].as_str().unwrap().to_owned()).collect()
}

fn delete(postern: &Postern, session: &str, token: &str) -> Answer {
    postern.delete(&format!("/api/auth/me/tokens/{token}")).bearer(session).send()
}

fn verify(postern: &Postern, token: &str) -> Value {
    postern.get(&format!("/api/auth/verify-token?token={token}")).send().expect(200)
}

#[test]
fn a_users_active_tokens_are_listed_latest_expiry_first() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let grace = postern.sign_up("grace@example.com");
    create(&postern, &grace.token, "hers", 100);
    let tokens = [("middle", 30), ("last", 365), ("first", 1), ("later", 31)].map(|(name, days)| {
        postern.wait(SECOND);
        (days, create(&postern, &ada.token, name, days))
    });
    let mut expected: Vec<_> = tokens.iter().collect();
    expected.sort_by_key(|(days, _)| -days);
    let expected: Vec<_> = expected.into_iter().map(|(_, token)| token.clone()).collect();
    assert_eq!(listed_tokens(&postern, &ada.token), expected);
}

#[test]
fn a_listed_token_has_its_owner_name_and_times() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let token = create(&postern, &ada.token, "For Grace", 7);
    let now = postern.now.get();
    let expected = json!({
        "token": token, "user_id": ada.id, "name": "For Grace", "created_at": now, "expires_at": now + 7 * DAY,
        "note": null, "max_uses": null, "uses": 0,
    });
    assert_eq!(list(&postern, &ada.token), [expected]);
}

#[test]
fn get_and_post_return_the_same_and_ignore_the_body() {
    let postern = Postern::new();
    let session = postern.admin_token();
    create(&postern, &session, "one", 7);
    let expected = list(&postern, &session);
    let call = |method| postern.request(method, "/api/auth/me/tokens").bearer(&session);
    assert_eq!(call(Method::GET).send().expect(200), json!(expected));
    assert_eq!(call(Method::POST).json(json!({ "user_id": "x" })).send().expect(200), json!(expected));
    assert_eq!(call(Method::POST).body("text/plain", b"x").send().expect(200), json!(expected));
    let head = call(Method::HEAD).send();
    assert_eq!((head.status, head.text.as_str()), (200, ""));
}

#[test]
fn without_tokens_the_list_is_empty() {
    let postern = Postern::new();
    assert_eq!(list(&postern, &postern.admin_token()), Vec::<Value>::new());
}

#[test]
fn it_requires_a_session() {
    let postern = Postern::new();
    postern.post("/api/auth/me/tokens").send().refused(401, "invalid_token");
    postern.get("/api/auth/me/tokens").send().refused(401, "invalid_token");
    let token = postern.referrer();
    postern.delete(&format!("/api/auth/me/tokens/{token}")).send().refused(401, "invalid_token");
    assert_eq!(verify(&postern, &token), json!(true));
}

#[test]
fn an_expired_token_is_not_listed_and_cannot_be_deleted() {
    let postern = Postern::new();
    let session = postern.admin_token();
    let token = create(&postern, &session, "short", 1);
    postern.wait(DAY - 1);
    assert_eq!(listed_tokens(&postern, &session), [token.as_str()]);
    postern.wait(1);
    assert_eq!(list(&postern, &session), Vec::<Value>::new());
    delete(&postern, &session, &token).refused(404, "not_found");
}

#[test]
fn a_deleted_token_is_invalid_immediately_and_for_good() {
    let postern = Postern::new();
    let session = postern.admin_token();
    let (token, other) = (create(&postern, &session, "one", 7), create(&postern, &session, "other", 8));
    assert_eq!(delete(&postern, &session, &token).expect(200), json!(true));
    assert_eq!((verify(&postern, &token), verify(&postern, &other)), (json!(false), json!(true)));
    assert_eq!(listed_tokens(&postern, &session), [other]);
    let body = json!({ "referrer": token, "email": "ada@example.com", "password": PASSWORD });
    postern.post("/api/auth/signup").json(body).send().refused(403, "referrer_refused");
    delete(&postern, &session, &token).refused(404, "not_found");
}

#[test]
fn another_users_token_cannot_be_deleted_and_is_404() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let grace = postern.sign_up("grace@example.com");
    let token = create(&postern, &grace.token, "hers", 7);
    let (others, unknown) = (delete(&postern, &ada.token, &token), delete(&postern, &ada.token, "0123456789"));
    others.refused(404, "not_found");
    assert_eq!((others.text, others.headers), (unknown.text, unknown.headers));
    assert_eq!(verify(&postern, &token), json!(true));
    assert_eq!(listed_tokens(&postern, &grace.token), [token]);
}

#[test]
fn only_an_exact_token_can_be_deleted() {
    let postern = Postern::new();
    let session = postern.admin_token();
    let token = create(&postern, &session, "one", 7);
    let swapped: String = token
        .chars()
        .map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
        .collect();
    for text in ["%25", "*", "_", &token[..9], &format!("{token}x"), &format!("{token}%20"), &swapped] {
        if text != token {
            delete(&postern, &session, text).refused(404, "not_found");
        }
    }
    assert_eq!(verify(&postern, &token), json!(true));
}

#[test]
fn tokens_continue_to_work_during_a_rotation() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let old = create(&postern, &ada.token, "old", 7);
    let deleted = create(&postern, &ada.token, "deleted", 8);
    postern.redeploy(&[("AUTH_SECRET", NEXT_SECRET), ("AUTH_SECRET_PREVIOUS", SECRET)]);
    let new = create(&postern, &ada.token, "new", 9);
    assert_eq!(listed_tokens(&postern, &ada.token), [&new, &deleted, &old].map(String::clone));
    assert_eq!([&new, &deleted, &old].map(|token| verify(&postern, token)), [json!(true), json!(true), json!(true)]);
    delete(&postern, &ada.token, &deleted).expect(200);
    assert_eq!(verify(&postern, &deleted), json!(false));
    let body = json!({ "referrer": old, "email": "grace@example.com", "password": PASSWORD });
    let answer = postern.post("/api/auth/signup").json(body).send().expect(200);
    assert_eq!(answer["user"]["referrer_id"], json!(ada.id));
}

#[test]
fn tokens_under_a_retired_secret_are_invalid_and_not_listed() {
    let postern = Postern::new();
    postern.sign_up("ada@example.com");
    let old = create(&postern, &postern.token("ada@example.com", PASSWORD), "old", 7);
    postern.redeploy(&[("AUTH_SECRET", NEXT_SECRET)]);
    let session = postern.token("ada@example.com", PASSWORD);
    let new = create(&postern, &session, "new", 9);
    assert_eq!((verify(&postern, &old), verify(&postern, &new)), (json!(false), json!(true)));
    assert_eq!(listed_tokens(&postern, &session), [new]);
    delete(&postern, &session, &old).refused(404, "not_found");
    let body = json!({ "referrer": old, "email": "grace@example.com", "password": PASSWORD });
    postern.post("/api/auth/signup").json(body).send().refused(403, "referrer_refused");
}

#[test]
fn a_stored_token_can_be_decrypted_only_for_its_owner() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let grace = postern.sign_up("grace@example.com");
    let token = create(&postern, &grace.token, "hers", 7);
    // Someone with write access to the database moves the row to their own account.
    postern.sql.execute("UPDATE user_tokens SET user_id = ?1 WHERE name = 'hers'", &[ada.id.as_str().into()]);
    assert!(!listed_tokens(&postern, &ada.token).contains(&token));
}
