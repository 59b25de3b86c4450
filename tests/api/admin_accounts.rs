//! `/api/auth/admin/users`: creating, changing and deleting accounts.

use http::header;
use serde_json::{Value, json};

use crate::support::{Answer, Call, PASSWORD, Postern, SECOND, SignedUp, claims};

const JOAN: &str = "joan@example.com";

/// A service with its admin and Ada.
struct Scene {
    postern: Postern,
    admin: String,
    ada: SignedUp,
}

impl Scene {
    fn new() -> Scene {
        let postern = Postern::new();
        Scene { admin: postern.admin_token(), ada: postern.sign_up("ada@example.com"), postern }
    }

    fn admin_id(&self) -> String {
        claims(&self.admin)["sub"].as_str().unwrap().to_owned()
    }

    fn create(&self, body: Value) -> Answer {
        self.postern.post("/api/auth/admin/users").bearer(&self.admin).json(body).send()
    }

    fn change<'a>(&'a self, admin: &str, id: &str, body: Value) -> Call<'a> {
        self.postern.put(&format!("/api/auth/admin/users/{id}")).bearer(admin).json(body)
    }

    fn put(&self, id: &str, body: Value) -> Answer {
        self.change(&self.admin, id, body).send()
    }

    fn delete(&self, id: &str) -> Answer {
        self.postern.delete(&format!("/api/auth/admin/users/{id}")).bearer(&self.admin).send()
    }

    fn user(&self, id: &str) -> Value {
        let mut user = self.postern.get(&format!("/api/auth/admin/users/{id}")).bearer(&self.admin).send().expect(200);
        // The response to a change has no details.
        for member in ["email_problem", "second_factor", "frozen_by", "last_sign_in_at"] {
            user.as_object_mut().unwrap().remove(member);
        }
        user
    }

    fn send_link(&self, id: &str) -> Answer {
        let path = format!("/api/auth/admin/users/{id}/send-password-reset-link");
        self.postern.post(&path).bearer(&self.admin).send()
    }

    fn active_admins(&self) -> usize {
        self.postern.sql.query("SELECT id FROM users WHERE role = 'admin' AND is_active = 1", &[]).len()
    }
}

fn faults(answer: &Answer) -> Vec<&str> {
    answer.refused(422, "invalid_fields");
    let problems = answer.body["detail"].as_array().unwrap();
    problems.iter().map(|problem| problem["loc"][1].as_str().unwrap_or("body")).collect()
}

/// The token of the reset link in the newest mail.
fn reset_token(postern: &Postern, email: &str) -> String {
    let mails = postern.mails(email);
    let (_, rest) = mails[0]["text"].as_str().unwrap().split_once("/reset-password?token=").unwrap();
    rest.split_whitespace().next().unwrap().to_owned()
}

#[test]
fn an_account_can_be_created_with_all_fields_and_works_immediately() {
    let scene = Scene::new();
    let body = json!({ "email": " Joan@Example.com", "password": PASSWORD, "name": " Joan ", "role": "admin", "tier": 2,
        "is_verified": true });
    let user = scene.create(body).expect(200);
    let now = scene.postern.now.get();
    let expected = json!({ "id": user["id"], "email": JOAN, "name": "Joan", "role": "admin", "tier": 2, "is_active": true,
        "is_verified": true, "referrer_id": scene.admin_id(), "extra": {}, "created_at": now, "updated_at": now });
    assert_eq!(user, expected);
    let token = scene.postern.token(JOAN, PASSWORD);
    scene.postern.get("/api/auth/admin/users").bearer(&token).send().expect(200);
    assert_eq!(scene.postern.mails(JOAN), [Value::Null; 0]);
}

#[test]
fn an_account_created_with_only_an_email_gets_a_mail_to_set_a_password() {
    let scene = Scene::new();
    let user = scene.create(json!({ "email": JOAN })).expect(200);
    assert_eq!(
        (&user["role"], &user["tier"], &user["is_verified"], &user["name"]),
        (&json!("user"), &json!(0), &json!(false), &Value::Null)
    );
    let token = reset_token(&scene.postern, JOAN);
    let set = scene.postern.post("/api/auth/reset-password-with-token").bearer(&token);
    set.json(json!({ "password": PASSWORD })).send().expect(200);
    assert_eq!(scene.postern.login(JOAN, PASSWORD).expect(200)["user"]["is_verified"], true);
}

#[test]
fn an_email_that_is_taken_is_409_even_for_concurrent_requests() {
    let scene = Scene::new();
    let before = scene.user(&scene.ada.id);
    scene.create(json!({ "email": "ADA@example.com", "name": "Eve" })).refused(409, "email_taken");
    assert_eq!(scene.user(&scene.ada.id), before);
    assert_eq!(scene.postern.mails("ada@example.com"), [Value::Null; 0]);
    let create = || {
        let body = json!({ "email": JOAN, "password": PASSWORD });
        scene.postern.post("/api/auth/admin/users").bearer(&scene.admin).json(body)
    };
    let mut statuses =
        scene.postern.at_once(vec![create(), create(), create()]).into_iter().map(|answer| answer.status);
    assert_eq!(statuses.next(), Some(200));
    assert!(statuses.all(|status| status == 409));
}

#[test]
fn all_invalid_fields_of_a_new_account_are_reported_together() {
    let scene = Scene::new();
    let body =
        json!({ "email": "x", "password": "short", "name": " ", "role": "root", "tier": 3, "is_verified": "yes" });
    let expected = ["email", "password", "name", "role", "tier", "is_verified"];
    assert_eq!(faults(&scene.create(body)), expected);
    assert_eq!(faults(&scene.create(json!({}))), ["email"]);
    // The same rules as for sign-ups.
    assert_eq!(faults(&scene.create(json!({ "email": JOAN, "password": JOAN }))), ["password"]);
    assert_eq!(scene.postern.sql.query("SELECT id FROM users", &[]).len(), 2);
}

#[test]
fn name_role_tier_and_status_can_be_changed_separately_or_together() {
    let scene = Scene::new();
    let id = &scene.ada.id;
    for (member, value) in
        [("name", json!("Ada")), ("role", json!("admin")), ("tier", json!(2)), ("is_active", json!(false))]
    {
        scene.postern.wait(SECOND);
        let mut expected = scene.user(id);
        expected[member] = value.clone();
        expected["updated_at"] = json!(scene.postern.now.get());
        assert_eq!(scene.put(id, json!({ member: value })).expect(200), expected);
        assert_eq!(scene.user(id), expected);
    }
    let body = json!({ "name": "Ada L.", "role": "user", "tier": 0, "is_active": true });
    let user = scene.put(id, body.clone()).expect(200);
    for (member, value) in body.as_object().unwrap() {
        assert_eq!(user[member], *value);
    }
}

#[test]
fn all_invalid_fields_of_a_change_are_reported_together_and_nothing_changes() {
    let scene = Scene::new();
    let before = scene.user(&scene.ada.id);
    let body = json!({ "name": "", "role": "Admin", "tier": -1, "is_active": 1 });
    assert_eq!(faults(&scene.put(&scene.ada.id, body)), ["name", "role", "tier", "is_active"]);
    assert_eq!(faults(&scene.put(&scene.ada.id, json!({ "name": "Ada", "tier": 1.5 }))), ["tier"]);
    for nothing in [json!({}), json!({ "active": true }), json!({ "role": null }), json!({ "updated_at": 1 })] {
        assert_eq!(faults(&scene.put(&scene.ada.id, nothing)), ["body"]);
    }
    assert_eq!(scene.user(&scene.ada.id), before);
}

#[test]
fn other_fields_cannot_be_changed() {
    let scene = Scene::new();
    let mut expected = scene.user(&scene.ada.id);
    let body = json!({ "tier": 1, "id": "x", "email": "eve@example.com", "password": PASSWORD,
        "password_hash": "x", "referrer_id": null, "created_at": 0, "extra": { "x": 1 } });
    expected["tier"] = json!(1);
    scene.postern.wait(SECOND);
    expected["updated_at"] = json!(scene.postern.now.get());
    assert_eq!(scene.put(&scene.ada.id, body).expect(200), expected);
}

#[test]
fn null_removes_a_name_and_an_absent_name_stays() {
    let scene = Scene::new();
    scene.put(&scene.ada.id, json!({ "name": "Ada" })).expect(200);
    assert_eq!(scene.put(&scene.ada.id, json!({ "tier": 1 })).expect(200)["name"], "Ada");
    assert_eq!(scene.put(&scene.ada.id, json!({ "name": null })).expect(200)["name"], Value::Null);
    assert_eq!(scene.user(&scene.ada.id)["name"], Value::Null);
}

#[test]
fn a_change_based_on_an_old_version_is_rejected_with_the_current_one() {
    let scene = Scene::new();
    let id = &scene.ada.id;
    scene.put(id, json!({ "role": "admin" })).expect(200);
    let shown = scene.user(id);
    scene.put(id, json!({ "role": "user", "is_active": false })).expect(200);
    let before = scene.postern.sql.dump();
    let stale = json!({ "name": "Ada", "role": "admin", "is_active": true, "updated_at": shown["updated_at"] });
    let etag = format!("\"{}\"", shown["updated_at"]);
    let in_header = scene.change(&scene.admin, id, json!({ "name": "Ada" })).header(header::IF_MATCH, &etag);
    let now = scene.user(id);
    for answer in [scene.put(id, stale), in_header.send()] {
        answer.refused(412, "precondition_failed");
        assert_eq!(answer.body["current"], now);
        assert_eq!(answer.header("etag"), Some(format!("\"{}\"", now["updated_at"]).as_str()));
    }
    assert_eq!(scene.postern.sql.dump(), before, "nothing was changed, and no event was written");
}

#[test]
fn a_change_based_on_the_current_version_is_saved_and_returns_the_next_one() {
    let scene = Scene::new();
    let id = &scene.ada.id;
    let get = scene.postern.get(&format!("/api/auth/admin/users/{id}")).bearer(&scene.admin).send();
    let etag = get.header("etag").unwrap().to_owned();
    assert_eq!(etag, format!("\"{}\"", get.body["updated_at"]));
    // A proxy that compresses a response makes its ETag weak.
    let weak = format!("W/{etag}");
    let change = scene.change(&scene.admin, id, json!({ "tier": 1 })).header(header::IF_MATCH, &weak).send();
    let etag = change.header("etag").unwrap().to_owned();
    let user = change.expect(200);
    assert_eq!(etag, format!("\"{}\"", user["updated_at"]));
    let body = json!({ "tier": 2, "updated_at": user["updated_at"] });
    let both = scene.change(&scene.admin, id, body.clone()).header(header::IF_MATCH, &etag).send();
    assert_eq!(both.expect(200)["tier"], 2);
    let any = scene.change(&scene.admin, id, json!({ "tier": 0 })).header(header::IF_MATCH, "*").send();
    assert_eq!(any.expect(200)["tier"], 0);
    for (body, tag) in [(body, etag.as_str()), (json!({ "tier": 2 }), "garbage"), (json!({ "tier": 2 }), "\"-1\"")] {
        let call = scene.change(&scene.admin, id, body).header(header::IF_MATCH, tag);
        call.send().refused(412, "precondition_failed");
    }
    let path = "/api/auth/admin/users/nobody";
    let nobody = scene.postern.put(path).bearer(&scene.admin).json(json!({ "tier": 1, "updated_at": 1 }));
    nobody.send().refused(404, "not_found");
}

#[test]
fn one_of_two_concurrent_changes_based_on_the_same_version_is_saved() {
    let scene = Scene::new();
    let id = &scene.ada.id;
    let version = scene.user(id)["updated_at"].clone();
    let change = |tier: i64| scene.change(&scene.admin, id, json!({ "tier": tier, "updated_at": version }));
    let answers = scene.postern.at_once(vec![change(1), change(2)]);
    assert_eq!((answers[0].status, answers[1].status), (200, 412));
    assert_eq!(scene.user(id)["tier"], 1);
}

#[test]
fn unchanged_values_change_nothing_and_leave_no_event() {
    let scene = Scene::new();
    let id = &scene.ada.id;
    scene.put(id, json!({ "name": "Ada" })).expect(200);
    scene.postern.wait(SECOND);
    let before = scene.postern.sql.dump();
    let same = json!({ "name": "Ada", "role": "user", "tier": 0, "is_active": true });
    scene.put(id, same).expect(200);
    assert_eq!(scene.postern.sql.dump(), before);
}

#[test]
fn every_change_gets_a_new_version_even_within_a_millisecond() {
    let scene = Scene::new();
    let Scene { postern, admin, ada } = &scene;
    let mut last = scene.user(&ada.id)["updated_at"].as_i64().unwrap();
    let mut moved = |what: &str| {
        let rows = postern.sql.query("SELECT updated_at FROM users WHERE id = ?1", &[ada.id.as_str().into()]);
        let version = rows[0]["updated_at"].as_i64().unwrap();
        assert!(version > last, "{what}: {version} after {last}");
        last = version;
    };
    let name = postern.put("/api/auth/me/name").bearer(&ada.token).json(json!({ "name": "Ada" }));
    name.send().expect(200);
    moved("name");
    let (otp_token, code) = postern.one_time_password(&ada.token, &ada.email);
    postern.post("/api/auth/verify-otp").form(&[("otp", &code), ("token", &otp_token)]).send().expect(200);
    moved("verification");
    let passwords = json!({ "old_password": PASSWORD, "new_password": "another good password" });
    postern.put("/api/auth/me/password").bearer(&ada.token).json(passwords).send().expect(200);
    moved("password");
    let reset = postern.reset_token(&ada.email);
    let set = postern.post("/api/auth/reset-password-with-token").bearer(&reset).json(json!({ "password": PASSWORD }));
    set.send().expect(200);
    moved("reset");
    for body in [json!({ "tier": 2 }), json!({ "tier": 1 }), json!({ "role": "admin" }), json!({ "role": "user" })] {
        scene.put(&ada.id, body).expect(200);
        moved("change by an admin");
    }
    assert_eq!(postern.freeze(admin, &ada.id), 1);
    moved("freeze");
    assert_eq!(postern.unfreeze(admin, &ada.id), 1);
    moved("unfreeze");
    let session = postern.token(&ada.email, PASSWORD);
    postern.delete("/api/auth/me").bearer(&session).send().expect(200);
    moved("deactivation");
}

#[test]
fn a_user_deactivated_by_an_admin_is_locked_out_immediately_and_returns_without_sessions() {
    let scene = Scene::new();
    let token = scene.postern.create_user_token(&scene.ada.token);
    let reset = scene.postern.reset_token("ada@example.com");
    scene.put(&scene.ada.id, json!({ "is_active": false })).expect(200);
    assert_eq!((scene.postern.me(&scene.ada.token), scene.postern.me(&reset)), (403, 401));
    scene.postern.login("ada@example.com", PASSWORD).refused(403, "inactive");
    let verify = || scene.postern.get(&format!("/api/auth/verify-token?token={token}")).send().expect(200);
    assert_eq!(verify(), json!(false));
    scene.put(&scene.ada.id, json!({ "is_active": true })).expect(200);
    assert_eq!((scene.postern.me(&scene.ada.token), scene.postern.me(&reset)), (401, 401));
    assert_eq!(verify(), json!(true));
    // Activating an active user ends no session.
    let again = scene.postern.token("ada@example.com", PASSWORD);
    scene.put(&scene.ada.id, json!({ "is_active": true })).expect(200);
    assert_eq!(scene.postern.me(&again), 200);
}

#[test]
fn a_demoted_admin_loses_the_rights_immediately_and_keeps_the_account() {
    let scene = Scene::new();
    scene.put(&scene.ada.id, json!({ "role": "admin" })).expect(200);
    // The older token works as well, because the role comes from the database.
    scene.postern.get("/api/auth/admin/users").bearer(&scene.ada.token).send().expect(200);
    scene.put(&scene.ada.id, json!({ "role": "user" })).expect(200);
    scene.change(&scene.ada.token, &scene.admin_id(), json!({ "role": "user" })).send().refused(403, "admin_required");
    assert_eq!((scene.postern.me(&scene.ada.token), scene.active_admins()), (200, 1));
}

#[test]
fn admins_cannot_demote_deactivate_or_delete_themselves() {
    let scene = Scene::new();
    // Not even if there is another admin.
    scene.put(&scene.ada.id, json!({ "role": "admin" })).expect(200);
    let id = scene.admin_id();
    let before = scene.user(&id);
    for body in [json!({ "role": "user" }), json!({ "is_active": false }), json!({ "name": "x", "role": "user" })] {
        scene.put(&id, body).refused(409, "own_account");
    }
    scene.delete(&id).refused(409, "own_account");
    assert_eq!(scene.user(&id), before);
    // Other fields of their own account can be changed.
    let body = json!({ "name": "Root", "tier": 1, "role": "admin", "is_active": true });
    assert_eq!(scene.put(&id, body).expect(200)["name"], "Root");
    assert_eq!(scene.postern.me(&scene.admin), 200);
}

#[test]
fn two_admins_who_demote_deactivate_or_delete_each_other_concurrently_leave_one_admin() {
    for body in [Some(json!({ "role": "user" })), Some(json!({ "is_active": false })), None] {
        let scene = Scene::new();
        scene.put(&scene.ada.id, json!({ "role": "admin" })).expect(200);
        let root = scene.admin_id();
        let blow = |by: &str, id: &str| match &body {
            Some(body) => scene.change(by, id, body.clone()),
            None => scene.postern.delete(&format!("/api/auth/admin/users/{id}")).bearer(by),
        };
        let answers = scene.postern.at_once(vec![blow(&scene.admin, &scene.ada.id), blow(&scene.ada.token, &root)]);
        assert_eq!(answers[0].status, 200, "{body:?}");
        answers[1].refused(403, "admin_required");
        assert_eq!(scene.active_admins(), 1, "{body:?}");
    }
}

#[test]
fn an_admin_who_deactivates_while_being_deleted_leaves_one_admin() {
    let scene = Scene::new();
    scene.put(&scene.ada.id, json!({ "role": "admin" })).expect(200);
    let leave = scene.postern.delete("/api/auth/me").bearer(&scene.admin);
    let demote = scene.change(&scene.admin, &scene.ada.id, json!({ "role": "user" }));
    let answers = scene.postern.at_once(vec![leave, demote]);
    assert_eq!((answers[0].status, answers[1].status, scene.active_admins()), (200, 403, 1));
}

#[test]
fn deleting_a_user_deletes_sessions_and_tokens_and_frees_the_email() {
    let scene = Scene::new();
    let token = scene.postern.create_user_token(&scene.ada.token);
    let body = json!({ "referrer": token, "email": "bob@example.com", "password": PASSWORD });
    let bob = scene.postern.post("/api/auth/signup").json(body.clone()).send().expect(200)["user"].clone();
    let reset = scene.postern.reset_token("ada@example.com");
    assert_eq!(scene.delete(&scene.ada.id).expect(200), json!(true));
    assert_eq!((scene.postern.me(&scene.ada.token), scene.postern.me(&reset)), (401, 401));
    scene.postern.login("ada@example.com", PASSWORD).refused(401, "wrong_credentials");
    assert_eq!(scene.postern.get(&format!("/api/auth/verify-token?token={token}")).send().expect(200), json!(false));
    scene
        .postern
        .get(&format!("/api/auth/admin/users/{}", scene.ada.id))
        .bearer(&scene.admin)
        .send()
        .refused(404, "not_found");
    scene.delete(&scene.ada.id).refused(404, "not_found");
    // The users they invited remain.
    let kept = scene.user(bob["id"].as_str().unwrap());
    assert_eq!((&kept["is_active"], &kept["referrer_id"]), (&json!(true), &Value::Null));
    scene.create(json!({ "email": "ada@example.com" })).expect(200);
}

#[test]
fn only_the_id_of_a_deleted_user_is_kept() {
    let scene = Scene::new();
    scene.postern.login("ada@example.com", "wrong password");
    scene.postern.create_user_token(&scene.ada.token);
    let name = json!({ "name": "Ada Lovelace" });
    scene.postern.put("/api/auth/me/name").bearer(&scene.ada.token).json(name).send().expect(200);
    scene.delete(&scene.ada.id).expect(200);
    scene.postern.sql.execute("DELETE FROM outbox", &[]);
    let dump = scene.postern.sql.dump();
    assert!(!dump.contains("ada@example.com") && !dump.contains("Lovelace"), "{dump}");
    let tables: Vec<&str> =
        dump.lines().filter(|line| line.contains(&scene.ada.id)).map(|line| line.split(':').next().unwrap()).collect();
    assert!(!tables.is_empty() && tables.iter().all(|table| *table == "events"), "{tables:?}");
}

#[test]
fn a_reset_link_goes_to_the_user_and_invalidates_the_previous_one() {
    let scene = Scene::new();
    let before = scene.postern.reset_token("ada@example.com");
    scene.postern.wait(SECOND);
    assert_eq!(scene.send_link(&scene.ada.id).expect(200), json!(true));
    let token = reset_token(&scene.postern, "ada@example.com");
    assert_eq!((scene.postern.me(&before), scene.postern.me(&token)), (401, 200));
    let set = scene.postern.post("/api/auth/reset-password-with-token").bearer(&token);
    set.json(json!({ "password": "another good password" })).send().expect(200);
    scene.postern.token("ada@example.com", "another good password");
}

#[test]
fn no_reset_link_is_sent_to_users_who_could_not_use_it() {
    let scene = Scene::new();
    scene.put(&scene.ada.id, json!({ "is_active": false })).expect(200);
    scene.send_link(&scene.ada.id).refused(409, "user_inactive");
    scene.send_link(&scene.admin_id()).refused(409, "no_mailbox");
    scene.send_link("x").refused(404, "not_found");
    assert_eq!(scene.postern.sql.query("SELECT id FROM mails UNION ALL SELECT id FROM outbox", &[]), [Value::Null; 0]);
}

#[test]
fn an_admin_sees_the_same_sessions_as_the_user_and_can_end_them() {
    let scene = Scene::new();
    let other = scene.postern.token("ada@example.com", PASSWORD);
    let path = format!("/api/auth/admin/users/{}/sessions", scene.ada.id);
    let list = || scene.postern.get(&path).bearer(&scene.admin).send().expect(200);
    let mut own = scene.postern.get("/api/auth/me/sessions").bearer(&scene.ada.token).send().expect(200);
    for session in own.as_array_mut().unwrap() {
        session["current"] = json!(false);
    }
    assert_eq!(list(), own);

    let id = claims(&other)["sid"].as_str().unwrap().to_owned();
    let end = || scene.postern.delete(&format!("{path}/{id}")).bearer(&scene.admin).send();
    assert_eq!(end().expect(200), json!(true));
    assert_eq!((scene.postern.me(&other), scene.postern.me(&scene.ada.token)), (401, 200));
    end().refused(404, "not_found");

    let end_all = || scene.postern.delete(&path).bearer(&scene.admin).send().expect(200);
    assert_eq!((end_all(), scene.postern.me(&scene.ada.token), list()), (json!(true), 401, json!([])));
    assert_eq!((end_all(), scene.postern.me(&scene.admin)), (json!(true), 200));
}

#[test]
fn a_session_can_be_ended_only_under_its_users_path() {
    let scene = Scene::new();
    let session = claims(&scene.ada.token)["sid"].as_str().unwrap().to_owned();
    let path = format!("/api/auth/admin/users/{}/sessions/{session}", scene.admin_id());
    scene.postern.delete(&path).bearer(&scene.admin).send().refused(404, "not_found");
    assert_eq!(scene.postern.me(&scene.ada.token), 200);
}

#[test]
fn an_unknown_user_is_404_at_every_endpoint() {
    let scene = Scene::new();
    for id in ["x", "%25", &scene.ada.id[1..], "ada@example.com"] {
        scene.put(id, json!({ "tier": 1 })).refused(404, "not_found");
        scene.delete(id).refused(404, "not_found");
        scene.send_link(id).refused(404, "not_found");
        let path = format!("/api/auth/admin/users/{id}");
        for call in [
            scene.postern.get(&path),
            scene.postern.get(&format!("{path}/sessions")),
            scene.postern.delete(&format!("{path}/sessions")),
            scene.postern.delete(&format!("{path}/sessions/x")),
            scene.postern.post(&format!("{path}/freeze")),
            scene.postern.delete(&format!("{path}/freeze")),
            scene.postern.get(&format!("/api/auth/admin/invite-tree?root={id}")),
        ] {
            call.bearer(&scene.admin).send().refused(404, "not_found");
        }
    }
    assert_eq!(scene.postern.sql.query("SELECT user_id FROM freezes", &[]), [Value::Null; 0]);
}
