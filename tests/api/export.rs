//! `GET /api/auth/me/export`

use http::header;
use serde_json::{Value, json};

use crate::support::{
    Answer, HOUR,
    world::{ADA, NEW_EMAIL, World},
};

fn get(world: &World, token: &str) -> Answer {
    world.postern.get("/api/auth/me/export").bearer(token).send()
}

fn own(world: &World, path: &str, token: &str) -> Value {
    world.postern.get(&format!("/api/auth/me{path}")).bearer(token).send().expect(200)
}

#[test]
fn an_export_has_everything_that_the_other_endpoints_return() {
    let world = World::new();
    let token = &world.ada.token;
    let answer = get(&world, token);
    let export = answer.expect(200);
    assert_eq!(export["exported_at"], world.postern.now.get());
    assert_eq!(export["user"], own(&world, "", token));
    for list in ["sessions", "passkeys", "identities"] {
        assert_eq!(export[list], own(&world, &format!("/{list}"), token), "{list}");
        assert!(!export[list].as_array().unwrap().is_empty(), "{list}");
    }
    assert_eq!(export["pending_email"], own(&world, "/email", token)["pending"]["email"]);
    assert_eq!(export["pending_email"], json!(NEW_EMAIL));
    world.postern.put("/api/auth/me/locale").bearer(token).json(json!({ "locale": "de" })).send().expect(200);
    let of_german = get(&world, token).expect(200);
    assert_eq!((&export["locale"], &of_german["locale"]), (&Value::Null, &json!("de")));
    assert_eq!(export["events"], own(&world, "/events?limit=100", token)["items"]);
    assert_eq!(export["events_are_complete"], true);
    let mut tokens = own(&world, "/tokens", token);
    for token in tokens.as_array_mut().unwrap() {
        let members = token.as_object_mut().unwrap();
        members.remove("token");
        members.remove("user_id");
    }
    assert_eq!(export["invitations"], tokens);
    assert!(!tokens.as_array().unwrap().is_empty());
    let devices =
        "SELECT browser, system, country, city, first_sign_in_at, last_sign_in_at FROM devices WHERE user_id = ?1";
    assert_eq!(export["devices"], json!(world.postern.sql.query(devices, &[world.ada.id.as_str().into()])));
    let security = own(&world, "/security", &world.tess.token);
    let of_tess = get(&world, &world.tess.token).expect(200);
    assert_eq!((&of_tess["recovery_codes"], &of_tess["has_totp"]), (&security["recovery_codes_left"], &json!(true)));
    assert_eq!((&of_tess["email_problem"], &of_tess["second_factor"]), (&security["email_problem"], &json!(true)));
}

#[test]
fn an_export_is_a_download_without_secrets_and_without_other_users() {
    let world = World::new();
    // An admin acts on Ada.
    let path = format!("/api/auth/admin/users/{}", world.ada.id);
    world.postern.put(&path).bearer(&world.admin_token).json(json!({ "tier": 1 })).send().expect(200);
    let answer = get(&world, &world.ada.token);
    assert_eq!(answer.status, 200);
    let disposition = answer.headers.get(header::CONTENT_DISPOSITION).unwrap().to_str().unwrap();
    assert_eq!(disposition, "attachment; filename=\"postern-export.json\"");
    let row = &world.postern.sql.query("SELECT * FROM users WHERE email = ?1", &[ADA.into()])[0];
    let secrets = [
        row["password_hash"].as_str().unwrap(),
        row["password_reset_id"].as_str().unwrap(),
        &world.user_token,
        &world.ada.token,
        &world.otp_token,
        "sealed",
        "public_key",
        "@example.com\",\"id\":\"admin",
        &world.grace.email,
    ];
    for secret in secrets {
        assert!(!answer.text.contains(secret), "{secret}");
    }
    let event = &answer.body["events"][0];
    assert_eq!(
        (&event["action"], &event["actor"]["email"], &event["address"]),
        (&json!("tier_changed"), &Value::Null, &Value::Null)
    );
}

#[test]
fn an_export_has_the_newest_1_000_events_and_says_so() {
    let world = World::new();
    world.postern.sql.execute("DELETE FROM events", &[]);
    let add = |number: i64| {
        world.postern.sql.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
             INSERT INTO events (at, action, result, actor_id, subject_id, address)
             SELECT 1, 'login', 'success', ?1, ?1, 'x' FROM n",
            &[world.ada.id.as_str().into(), number.into()],
        );
    };
    let state = || {
        let export = get(&world, &world.ada.token).expect(200);
        (export["events"].as_array().unwrap().len(), export["events_are_complete"].as_bool().unwrap())
    };
    add(1_000);
    assert_eq!(state(), (1_000, true));
    add(1);
    assert_eq!(state(), (1_000, false));
}

#[test]
fn an_export_needs_recent_authentication() {
    let world = World::new();
    world.postern.wait(HOUR);
    get(&world, &world.ada.token).refused(403, "reauthentication_required");
}
