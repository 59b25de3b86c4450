//! Admin endpoints require an active admin according to the database.

use serde_json::json;

use crate::support::{
    PASSWORD, Postern, claims,
    world::{Endpoint, Opens, World, endpoints},
};

fn admin_endpoints() -> Vec<Endpoint> {
    let endpoints: Vec<Endpoint> = endpoints().into_iter().filter(|endpoint| endpoint.opens == Opens::Admins).collect();
    assert!(endpoints.iter().all(|endpoint| endpoint.pattern.starts_with("/api/auth/admin/")) && !endpoints.is_empty());
    endpoints
}

#[test]
fn every_admin_endpoint_answers_403_to_other_users_whatever_else_is_wrong() {
    let world = World::new();
    for endpoint in admin_endpoints() {
        for call in [endpoint.locked(&world), endpoint.bare(&world), endpoint.bare(&world).body("text/plain", b"{")] {
            let answer = call.bearer(&world.ada.token).send();
            assert_eq!(answer.status, 403, "{}: {}", endpoint.name(), answer.text);
            if !answer.text.is_empty() {
                answer.refused(403, "admin_required");
            }
        }
    }
}

#[test]
fn the_token_of_a_former_admin_is_rejected_by_admin_endpoints() {
    for endpoint in admin_endpoints() {
        let world = World::new();
        world.postern.make_admin(&world.ada.id);
        let token = world.postern.token(&world.ada.email, PASSWORD);
        world.postern.sql.execute("UPDATE users SET role = 'user' WHERE id = ?1", &[world.ada.id.as_str().into()]);
        let answer = endpoint.locked(&world).bearer(&token).send();
        assert_eq!(answer.status, 403, "{}: {}", endpoint.name(), answer.text);
        assert_eq!(world.postern.me(&token), 200);
    }
}

#[test]
fn a_request_of_an_admin_who_is_demoted_meanwhile_changes_nothing() {
    for endpoint in admin_endpoints().into_iter().filter(|endpoint| !endpoint.method.is_safe()) {
        let world = World::new();
        let postern = &world.postern;
        postern.make_admin(&world.ada.id);
        let others = || {
            [
                "SELECT * FROM users WHERE id <> ?1",
                "SELECT * FROM sessions WHERE user_id <> ?1",
                "SELECT * FROM events WHERE actor_id = ?1",
            ]
            .map(|query| postern.sql.query(query, &[world.ada.id.as_str().into()]))
        };
        let before = others();
        let demote = postern.put(&format!("/api/auth/admin/users/{}", world.ada.id)).bearer(&world.admin_token);
        let act = endpoint.locked(&world).bearer(&world.ada.token);
        let answers = postern.at_once(vec![demote.json(json!({ "role": "user" })), act]);
        assert_eq!(answers[0].status, 200, "{}", endpoint.name());
        assert_eq!(
            (answers[1].status, &answers[1].body["code"]),
            (403, &json!("admin_required")),
            "{}",
            endpoint.name()
        );
        assert_eq!(others(), before, "{}", endpoint.name());
    }
}

#[test]
fn an_older_token_of_a_new_admin_is_accepted_by_admin_endpoints() {
    for endpoint in admin_endpoints() {
        let world = World::new();
        world.postern.make_admin(&world.ada.id);
        let answer = endpoint.locked(&world).bearer(&world.ada.token).send();
        assert_eq!(answer.status, 200, "{}: {}", endpoint.name(), answer.text);
    }
}

#[test]
fn a_restricted_default_admin_must_change_the_password_first() {
    let postern = Postern::with_settings(&[("DEFAULT_ADMIN", "restricted")]);
    let token = postern.admin_token();
    postern.get("/api/auth/admin/users").bearer(&token).send().refused(403, "password_change_required");
    let body = json!({ "old_password": "admin", "new_password": "another good password" });
    postern.put("/api/auth/me/password").bearer(&token).json(body).send().expect(200);
    postern.get("/api/auth/admin/users").bearer(&token).send().expect(200);
}

#[test]
fn the_token_of_a_restricted_admin_claims_no_more_rights_than_it_has() {
    let postern = Postern::with_settings(&[("DEFAULT_ADMIN", "restricted")]);
    let token = postern.admin_token();
    let restricted = claims(&token);
    assert_eq!((&restricted["purpose"], &restricted["scopes"]), (&json!("restricted"), &json!(["user", 0])));
    let me = postern.get("/api/auth/me").bearer(&token).send();
    assert_eq!(me.header("x-refresh-token"), None);
    assert_eq!(me.expect(200)["role"], json!("admin"));

    let body = json!({ "old_password": "admin", "new_password": "another good password" });
    postern.put("/api/auth/me/password").bearer(&token).json(body).send().expect(200);
    let me = postern.get("/api/auth/me").bearer(&token).send();
    let full = claims(me.header("x-refresh-token").unwrap());
    assert_eq!((&full["purpose"], &full["scopes"]), (&json!("session"), &json!(["admin", 2])));
    assert_eq!((&full["sid"], &full["exp"]), (&restricted["sid"], &restricted["exp"]));
}

#[test]
fn a_full_token_is_replaced_once_its_session_is_restricted() {
    let postern = Postern::new();
    let token = postern.admin_token();
    assert_eq!(claims(&token)["scopes"], json!(["admin", 2]));
    postern.redeploy(&[("DEFAULT_ADMIN", "restricted")]);
    postern.get("/api/auth/admin/users").bearer(&token).send().refused(403, "password_change_required");
    let me = postern.get("/api/auth/me").bearer(&token).send();
    let token = me.header("x-refresh-token").unwrap().to_owned();
    assert_eq!((&claims(&token)["purpose"], &claims(&token)["scopes"]), (&json!("restricted"), &json!(["user", 0])));
    assert_eq!(postern.me(&token), 200);
}
