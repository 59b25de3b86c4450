//! Invitations with a limited number of uses and a note, the list of who came by which, and `GET /api/auth/admin/users/{id}/invitation`

use serde_json::{Value, json};

use crate::support::{Call, DAY, PASSWORD, Postern, SECOND, SECRET, SignedUp};

const NEXT_SECRET: &str = "the next secret, of 32 characters";

fn create(postern: &Postern, session: &str, options: Value) -> String {
    let answer = postern.post("/api/auth/me/create-token").bearer(session).json(options).send().expect(200);
    answer["token"].as_str().unwrap().to_owned()
}

fn sign_up<'a>(postern: &'a Postern, referrer: &str, email: &str) -> Call<'a> {
    let body = json!({ "referrer": referrer, "email": email, "password": PASSWORD, "name": "Grace" });
    postern.post("/api/auth/signup").json(body)
}

fn is_valid(postern: &Postern, token: &str) -> Value {
    postern.get(&format!("/api/auth/verify-token?token={token}")).send().expect(200)
}

fn listed(postern: &Postern, session: &str) -> Value {
    postern.get("/api/auth/me/tokens").bearer(session).send().expect(200)[0].clone()
}

fn came_by<'a>(postern: &'a Postern, session: &str, token: &str) -> Call<'a> {
    postern.get(&format!("/api/auth/me/tokens/{token}/users")).bearer(session)
}

fn origin<'a>(postern: &'a Postern, user_id: &str) -> Call<'a> {
    let session = postern.admin_token();
    postern.get(&format!("/api/auth/admin/users/{user_id}/invitation")).bearer(&session)
}

fn accounts(postern: &Postern, inviter: &SignedUp) -> usize {
    postern.sql.query("SELECT id FROM users WHERE referrer_id = ?1", &[inviter.id.as_str().into()]).len()
}

#[test]
fn a_used_up_token_is_invalid_and_rejected() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let token = create(&postern, &ada.token, json!({ "max_uses": 2 }));
    for (email, uses) in [("one@example.com", 1), ("two@example.com", 2)] {
        assert_eq!(is_valid(&postern, &token), json!(true));
        sign_up(&postern, &token, email).send().expect(200);
        let token = listed(&postern, &ada.token);
        assert_eq!((&token["uses"], &token["max_uses"]), (&json!(uses), &json!(2)));
    }
    assert_eq!(is_valid(&postern, &token), json!(false));
    sign_up(&postern, &token, "three@example.com").send().refused(403, "referrer_refused");
    // As for an unknown referrer, nothing else is judged.
    sign_up(&postern, &token, "one@example.com").send().refused(403, "referrer_refused");
    sign_up(&postern, &token, "no address").send().refused(403, "referrer_refused");
    assert_eq!((accounts(&postern, &ada), listed(&postern, &ada.token)["uses"].clone()), (2, json!(2)));
}

#[test]
fn fifty_concurrent_sign_ups_use_a_token_as_often_as_it_can_be() {
    for (max_uses, expected) in [(json!(1), 1), (json!(7), 7), (json!(null), 50)] {
        let postern = Postern::new();
        let ada = postern.sign_up("ada@example.com");
        let token = create(&postern, &ada.token, json!({ "max_uses": max_uses }));
        let calls = (0..50).map(|n| sign_up(&postern, &token, &format!("user{n}@example.com")));
        let answers = postern.at_once(calls.collect());
        let (done, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
        assert_eq!(done.len(), expected, "{max_uses}");
        refused.iter().for_each(|answer| answer.refused(403, "referrer_refused"));
        assert_eq!((accounts(&postern, &ada), &listed(&postern, &ada.token)["uses"]), (expected, &json!(expected)));
    }
}

#[test]
fn a_sign_up_that_fails_uses_nothing() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let token = create(&postern, &ada.token, json!({ "max_uses": 1 }));
    sign_up(&postern, &token, "ada@example.com").send().refused(409, "email_taken");
    assert_eq!(sign_up(&postern, &token, "no address").send().faulty_fields(), ["email"]);
    assert_eq!((&listed(&postern, &ada.token)["uses"], is_valid(&postern, &token)), (&json!(0), json!(true)));
    sign_up(&postern, &token, "grace@example.com").send().expect(200);
}

#[test]
fn a_deleted_account_does_not_give_its_use_back() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let token = create(&postern, &ada.token, json!({ "max_uses": 1 }));
    let user = sign_up(&postern, &token, "grace@example.com").send().expect(200)["user"].clone();
    let path = format!("/api/auth/admin/users/{}", user["id"].as_str().unwrap());
    postern.delete(&path).bearer(&postern.admin_token()).send().expect(200);
    sign_up(&postern, &token, "grace@example.com").send().refused(403, "referrer_refused");
    assert_eq!(came_by(&postern, &ada.token, &token).send().expect(200), json!([]));
}

#[test]
fn a_limit_is_from_1_to_1000() {
    let postern = Postern::new();
    let ada = postern.sign_up_verified("ada@example.com");
    for max_uses in [json!(0), json!(-1), json!(1_001), json!(1.5), json!("2"), json!(true)] {
        let body = json!({ "max_uses": max_uses, "email": "grace@example.com" });
        for path in ["create-token", "send-invite"] {
            let answer = postern.post(&format!("/api/auth/me/{path}")).bearer(&ada.token).json(body.clone()).send();
            assert_eq!(answer.faulty_fields(), ["max_uses"], "{path} {max_uses}");
        }
    }
    create(&postern, &ada.token, json!({ "max_uses": 1_000 }));
    assert_eq!(listed(&postern, &ada.token)["max_uses"], 1_000);
}

#[test]
fn an_invitation_by_mail_has_the_limit_the_lifetime_and_the_note_of_the_request() {
    let postern = Postern::new();
    let ada = postern.sign_up_verified("ada@example.com");
    let invite = |body: Value| postern.post("/api/auth/me/send-invite").bearer(&ada.token).json(body).send();
    let body = json!({ "email": "grace@example.com", "expires_in_days": 2, "max_uses": 1, "note": " From the fair " });
    invite(body).expect(200);
    let token = listed(&postern, &ada.token);
    assert_eq!(token["name"], "Invitation of grace@example.com");
    assert_eq!((&token["max_uses"], &token["uses"], &token["note"]), (&json!(1), &json!(0), &json!("From the fair")));
    assert_eq!(token["expires_at"], postern.now.get() + 2 * DAY);
    let mail = &postern.mails("grace@example.com")[0].to_string();
    assert!(mail.contains("2 days") && !mail.contains("fair"), "{mail}");

    let answer = invite(json!({ "email": "x", "expires_in_days": 366, "max_uses": 0, "note": "a\nb" }));
    assert_eq!(answer.faulty_fields(), ["email", "expires_in_days", "max_uses", "note"]);
    for note in [json!(""), json!("a".repeat(101)), json!(1)] {
        assert_eq!(invite(json!({ "email": "grace@example.com", "note": note })).faulty_fields(), ["note"]);
    }
    invite(json!({ "email": "grace@example.com", "expires_in_days": null, "max_uses": null, "note": null }))
        .expect(200);
    let token = listed(&postern, &ada.token);
    assert_eq!((&token["max_uses"], &token["note"]), (&Value::Null, &Value::Null));
    assert_eq!(token["expires_at"], postern.now.get() + 90 * DAY);
}

#[test]
fn the_owner_sees_who_came_by_each_token_newest_first() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let [fair, office] = [(); 2].map(|()| create(&postern, &ada.token, json!({})));
    let ids = ["one@example.com", "two@example.com", "three@example.com"].map(|email| {
        postern.wait(SECOND);
        sign_up(&postern, &fair, email).send().expect(200)["user"]["id"].clone()
    });
    let now = postern.now.get();
    let user = |n: usize| json!({ "id": ids[n], "name": "Grace", "created_at": now - (2 - n as i64) * SECOND });
    assert_eq!(came_by(&postern, &ada.token, &fair).send().expect(200), json!([user(2), user(1), user(0)]));
    assert_eq!(came_by(&postern, &ada.token, &office).send().expect(200), json!([]));
}

#[test]
fn the_list_of_who_came_has_at_most_100_users() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let token = create(&postern, &ada.token, json!({}));
    sign_up(&postern, &token, "grace@example.com").send().expect(200);
    postern.sql.execute(
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150)
         INSERT INTO users (id, email, password_hash, referrer_id, invitation, created_at, updated_at)
         SELECT 'user' || n, 'user' || n, '', referrer_id, invitation, created_at + n, updated_at
         FROM n, users WHERE email = 'grace@example.com'",
        &[],
    );
    let users = came_by(&postern, &ada.token, &token).send().expect(200);
    let users = users.as_array().unwrap();
    assert_eq!((users.len(), &users[0]["id"], &users[99]["id"]), (100, &json!("user150"), &json!("user51")));
    assert_eq!(listed(&postern, &ada.token)["uses"], 151);
}

#[test]
fn the_list_of_who_came_is_for_the_owner_of_a_live_token() {
    let postern = Postern::new();
    let (ada, eve) = (postern.sign_up("ada@example.com"), postern.sign_up("eve@example.com"));
    let token = create(&postern, &ada.token, json!({ "expires_in_days": 1 }));
    sign_up(&postern, &token, "grace@example.com").send().expect(200);
    came_by(&postern, &eve.token, &token).send().refused(404, "not_found");
    came_by(&postern, &postern.admin_token(), &token).send().refused(404, "not_found");
    for unknown in ["0123456789", "x", "%00"] {
        came_by(&postern, &ada.token, unknown).send().refused(404, "not_found");
    }
    postern.get(&format!("/api/auth/me/tokens/{token}/users")).send().refused(401, "invalid_token");
    postern.wait(DAY);
    came_by(&postern, &ada.token, &token).send().refused(404, "not_found");
}

#[test]
fn uses_and_users_are_known_while_the_secret_is_rotated() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let token = create(&postern, &ada.token, json!({ "max_uses": 2 }));
    sign_up(&postern, &token, "grace@example.com").send().expect(200);
    postern.redeploy(&[("AUTH_SECRET", NEXT_SECRET), ("AUTH_SECRET_PREVIOUS", SECRET)]);
    sign_up(&postern, &token, "katherine@example.com").send().expect(200);
    let session = postern.token("ada@example.com", PASSWORD);
    assert_eq!(came_by(&postern, &session, &token).send().expect(200).as_array().unwrap().len(), 2);
    sign_up(&postern, &token, "joan@example.com").send().refused(403, "referrer_refused");
}

#[test]
fn an_admin_sees_who_invited_a_user_and_with_which_token() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let rename = postern.put("/api/auth/me/name").bearer(&ada.token).json(json!({ "name": "Ada" }));
    rename.send().expect(200);
    let token = create(&postern, &ada.token, json!({ "name": "The fair", "expires_in_days": 7, "max_uses": 5 }));
    let created_at = postern.now.get();
    let user = sign_up(&postern, &token, "grace@example.com").send().expect(200)["user"]["id"].clone();
    let user = user.as_str().unwrap();
    let inviter = json!({ "id": ada.id, "email": "ada@example.com", "name": "Ada" });
    let expires_at = created_at + 7 * DAY;
    let invitation =
        json!({ "name": "The fair", "created_at": created_at, "expires_at": expires_at, "max_uses": 5, "uses": 1 });
    let expected = json!({ "inviter": inviter, "invitation": invitation });
    assert_eq!(origin(&postern, user).send().expect(200), expected);

    postern.delete(&format!("/api/auth/me/tokens/{token}")).bearer(&ada.token).send().expect(200);
    assert_eq!(origin(&postern, user).send().expect(200), json!({ "inviter": inviter, "invitation": null }));
    let path = format!("/api/auth/admin/users/{}", ada.id);
    postern.delete(&path).bearer(&postern.admin_token()).send().expect(200);
    assert_eq!(origin(&postern, user).send().expect(200), json!({ "inviter": null, "invitation": null }));
    origin(&postern, "unknown").send().refused(404, "not_found");
}

#[test]
fn a_user_whom_an_admin_created_has_an_inviter_but_no_token() {
    let postern = Postern::new();
    let session = postern.admin_token();
    let body = json!({ "email": "joan@example.com", "password": PASSWORD });
    let user = postern.post("/api/auth/admin/users").bearer(&session).json(body).send().expect(200);
    let origin = origin(&postern, user["id"].as_str().unwrap()).send().expect(200);
    assert_eq!((&origin["inviter"]["email"], &origin["invitation"]), (&json!("admin"), &Value::Null));
}

#[test]
fn only_admins_see_who_invited_a_user() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let path = format!("/api/auth/admin/users/{}/invitation", ada.id);
    postern.get(&path).send().refused(401, "invalid_token");
    postern.get(&path).bearer(&ada.token).send().refused(403, "admin_required");
}
