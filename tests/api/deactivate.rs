//! `DELETE /api/auth/me`

use http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, PASSWORD, Postern, SECOND, SignedUp};

fn deactivate(postern: &Postern, token: &str) -> Answer {
    postern.delete("/api/auth/me").bearer(token).send()
}

/// A user who has just deactivated their account.
fn deactivated(postern: &Postern) -> SignedUp {
    let ada = postern.sign_up("ada@example.com");
    assert_eq!(deactivate(postern, &ada.token).expect(200), json!(true));
    ada
}

fn active_admins(postern: &Postern) -> usize {
    postern.sql.query("SELECT id FROM users WHERE role = 'admin' AND is_active = 1", &[]).len()
}

#[test]
fn a_deactivated_users_session_is_403_at_every_endpoint() {
    let postern = Postern::new();
    let ada = deactivated(&postern);
    let password = json!({ "old_password": PASSWORD, "new_password": "another good password" });
    for (method, path, body) in [
        (Method::GET, "me", None),
        (Method::HEAD, "me", None),
        (Method::DELETE, "me", None),
        (Method::PUT, "me/name", Some(json!({ "name": "Ada" }))),
        (Method::PUT, "me/password", Some(password)),
        (Method::POST, "me/send-otp", None),
        (Method::POST, "me/send-invite", Some(json!({ "email": "grace@example.com" }))),
        (Method::POST, "me/create-token", None),
        (Method::POST, "me/tokens", None),
        (Method::GET, "me/tokens", None),
        (Method::DELETE, "me/tokens/0123456789", None),
        (Method::GET, "me/sessions", None),
        (Method::DELETE, "me/sessions/x", None),
        (Method::POST, "logout", None),
    ] {
        let is_head = method == Method::HEAD;
        let call = postern.request(method, &format!("/api/auth/{path}")).bearer(&ada.token);
        let answer = body.into_iter().fold(call, |call, body| call.json(body)).send();
        if is_head {
            assert_eq!((answer.status, answer.text.as_str()), (403, ""));
        } else {
            answer.refused(403, "inactive");
        }
    }
    assert_eq!(postern.mails("ada@example.com").len() + postern.mails("grace@example.com").len(), 0);
}

#[test]
fn a_deactivated_user_cannot_log_in() {
    let postern = Postern::new();
    deactivated(&postern);
    postern.login("ada@example.com", PASSWORD).refused(403, "inactive");
    postern.login("ada@example.com", "wrong password").refused(401, "wrong_credentials");
}

#[test]
fn the_users_other_sessions_are_403_too_and_those_of_others_continue() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let other = postern.token("ada@example.com", PASSWORD);
    let grace = postern.sign_up("grace@example.com");
    deactivate(&postern, &ada.token).expect(200);
    assert_eq!((postern.me(&ada.token), postern.me(&other), postern.me(&grace.token)), (403, 403, 200));
}

#[test]
fn a_deactivated_users_tokens_are_invalid_and_cannot_be_used_to_sign_up() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let token = postern.create_user_token(&ada.token);
    let verify = || postern.get(&format!("/api/auth/verify-token?token={token}")).send().expect(200);
    assert_eq!(verify(), json!(true));
    deactivate(&postern, &ada.token).expect(200);
    assert_eq!(verify(), json!(false));
    let body = json!({ "referrer": token, "email": "grace@example.com", "password": PASSWORD });
    postern.post("/api/auth/signup").json(body).send().refused(403, "referrer_refused");
}

#[test]
fn a_reset_link_ends_immediately_and_stays_invalid_after_reactivation() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let reset = postern.reset_token("ada@example.com");
    deactivate(&postern, &ada.token).expect(200);
    let complete = || {
        let body = json!({ "password": "another good password" });
        postern.post("/api/auth/reset-password-with-token").bearer(&reset).json(body).send()
    };
    complete().refused(401, "invalid_token");
    assert_eq!(postern.me(&reset), 401);
    postern.set_active(&ada.id, true);
    complete().refused(401, "invalid_token");
    assert_eq!(postern.me(&reset), 401);
    postern.token("ada@example.com", PASSWORD);
}

#[test]
fn a_reset_link_stays_invalid_after_a_deactivation_by_an_admin_too() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let reset = postern.reset_token("ada@example.com");
    postern.set_active(&ada.id, false);
    assert_eq!(postern.me(&reset), 401);
    postern.set_active(&ada.id, true);
    assert_eq!(postern.me(&reset), 401);
}

#[test]
fn a_deactivated_user_gets_no_reset_link_and_the_response_does_not_reveal_it() {
    let postern = Postern::new();
    deactivated(&postern);
    let ask = |email| postern.post("/api/auth/send-password-reset-link").json(json!({ "email": email })).send();
    let (inactive, unknown) = (ask("ada@example.com"), ask("nobody@example.com"));
    assert_eq!((inactive.status, &inactive.text, inactive.headers), (200, &unknown.text, unknown.headers));
    assert_eq!(postern.mails("ada@example.com"), Vec::<Value>::new());
}

#[test]
fn an_admin_can_activate_the_account_but_its_sessions_stay_ended() {
    let postern = Postern::new();
    let ada = deactivated(&postern);
    postern.set_active(&ada.id, true);
    assert_eq!(postern.me(&ada.token), 401);
    let token = postern.token("ada@example.com", PASSWORD);
    assert_eq!((postern.me(&token), postern.me(&ada.token)), (200, 401));
    // Activating an active account ends no session.
    postern.set_active(&ada.id, true);
    assert_eq!(postern.me(&token), 200);
}

#[test]
fn the_account_and_its_email_are_kept() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    postern.wait(SECOND);
    deactivate(&postern, &ada.token).expect(200);
    let rows = postern.sql.query("SELECT is_active, updated_at FROM users WHERE id = ?1", &[ada.id.as_str().into()]);
    assert_eq!(rows, [json!({ "is_active": 0, "updated_at": postern.now.get() })]);
    let body = json!({ "referrer": postern.referrer(), "email": "ada@example.com", "password": PASSWORD });
    postern.post("/api/auth/signup").json(body).send().refused(409, "email_taken");
}

#[test]
fn users_cannot_deactivate_others() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let grace = postern.sign_up("grace@example.com");
    let body = json!({ "id": grace.id, "user_id": grace.id });
    postern.delete("/api/auth/me").bearer(&ada.token).json(body).send().expect(200);
    assert_eq!((postern.me(&ada.token), postern.me(&grace.token)), (403, 200));
    postern.delete("/api/auth/me").send().refused(401, "invalid_token");
}

#[test]
fn the_last_active_admin_cannot() {
    let postern = Postern::new();
    let token = postern.admin_token();
    let ada = postern.sign_up("ada@example.com");
    deactivate(&postern, &token).refused(409, "last_admin");
    assert_eq!(postern.me(&token), 200);

    postern.make_admin(&ada.id);
    postern.set_active(&ada.id, false);
    deactivate(&postern, &token).refused(409, "last_admin");

    postern.set_active(&ada.id, true);
    deactivate(&postern, &token).expect(200);
    assert_eq!(postern.me(&token), 403);
    deactivate(&postern, &postern.token("ada@example.com", PASSWORD)).refused(409, "last_admin");
}

#[test]
fn two_admins_who_deactivate_themselves_concurrently_leave_one_admin() {
    let postern = Postern::new();
    let admin = postern.admin_token();
    let ada = postern.sign_up("ada@example.com");
    postern.make_admin(&ada.id);
    let leave = |token: &str| postern.delete("/api/auth/me").bearer(token);
    let answers = postern.at_once(vec![leave(&admin), leave(&ada.token)]);
    assert_eq!(answers[0].status, 200);
    answers[1].refused(409, "last_admin");
    assert_eq!(active_admins(&postern), 1);
}

#[test]
fn two_concurrent_requests_of_a_user_act_like_one() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let leave = || postern.delete("/api/auth/me").bearer(&ada.token);
    let answers = postern.at_once(vec![leave(), leave()]);
    assert_eq!([answers[0].status, answers[1].status], [200, 200], "{}", answers[1].text);
    assert_eq!(postern.me(&ada.token), 403);
}

#[test]
fn a_restricted_default_admin_must_change_the_password_first() {
    let postern = Postern::with_settings(&[("DEFAULT_ADMIN", "restricted")]);
    let token = postern.admin_token();
    deactivate(&postern, &token).refused(403, "password_change_required");
    assert_eq!(postern.me(&token), 200);
}
