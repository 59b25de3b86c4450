//! Every way in, with every state of an account: what each one opens. Whatever the way in, the database refuses a session below the
//! level that the user requires.

use postern::access::recent::RecentAuthentication;
use serde_json::{Value, json};

use crate::support::{
    Answer, PASSWORD, Postern, claims,
    world::{ADA, Endpoint, Opens, World, endpoints},
};

/// A state of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A password and nothing else.
    Plain,
    /// A password and an authenticator app.
    SecondFactor,
    /// As [`State::SecondFactor`], and deactivated.
    Inactive,
    /// A password, and the operator requires a second factor of everybody.
    Enforced,
}

use State::*;

fn world(state: State) -> World {
    let world = World::new();
    let sql = &world.postern.sql;
    if state == Enforced {
        world.postern.redeploy(&[("SECOND_FACTOR", "everybody")]);
    }
    if state == SecondFactor || state == Inactive {
        sql.execute(
            "INSERT OR REPLACE INTO totp (user_id, key_id, sealed, created_at, confirmed_at) VALUES (?1, '', '', 1, 1)",
            &[world.ada.id.as_str().into()],
        );
        sql.execute("UPDATE users SET second_factor = 1 WHERE id = ?1", &[world.ada.id.as_str().into()]);
    }
    if state == Inactive {
        world.postern.set_active(&world.ada.id, false);
    }
    world
}

fn live_sessions(postern: &Postern, user_id: &str) -> i64 {
    let rows = postern.sql.query("SELECT count(*) AS number FROM sessions WHERE user_id = ?1", &[user_id.into()]);
    rows[0]["number"].as_i64().unwrap()
}

/// Returns the outcome of an attempt: `session 1` and `session 2` for a session of that level, `restricted`, or the code of the error.
fn outcome(world: &World, answer: &Answer) -> String {
    if answer.status != 200 {
        return answer.body["code"].as_str().unwrap().to_owned();
    }
    let token = answer.body["token"].as_str().unwrap();
    let security = world.postern.get("/api/auth/me/security").bearer(token).send().expect(200);
    match claims(token)["purpose"].as_str().unwrap() {
        "session" => format!("session {}", security["level"]),
        purpose => purpose.to_owned(),
    }
}

#[test]
fn a_password_opens_what_the_state_of_the_account_allows() {
    for (state, expected) in [
        (Plain, "session 1"),
        (SecondFactor, "second_factor_required"),
        (Inactive, "inactive"),
        (Enforced, "restricted"),
    ] {
        let world = world(state);
        let before = live_sessions(&world.postern, &world.ada.id);
        let answer = world.postern.login(ADA, PASSWORD);
        assert_eq!(outcome(&world, &answer), expected, "{state:?}");
        let started = i64::from(answer.status == 200);
        assert_eq!(live_sessions(&world.postern, &world.ada.id), before + started, "{state:?}");
    }
}

#[test]
fn a_mailbox_alone_opens_no_account_with_a_second_factor() {
    let world = world(SecondFactor);
    let postern = &world.postern;
    let reset = postern.reset_token(ADA);
    let body = json!({ "password": "another good password" });
    postern.post("/api/auth/reset-password-with-token").bearer(&reset).json(body).send().expect(200);
    let answer = postern.login(ADA, "another good password");
    answer.refused(403, "second_factor_required");
    assert_eq!(answer.body["detail"]["methods"], json!(["totp", "passkey"]));
    assert_eq!(live_sessions(postern, &world.ada.id), 0);
}

#[test]
fn the_first_step_tells_where_the_second_one_is() {
    let world = world(SecondFactor);
    let answer = world.postern.login(ADA, PASSWORD);
    answer.refused(403, "second_factor_required");
    let message = answer.body["error"].as_str().unwrap();
    assert_eq!(message, "Sign in at https://app.example.com/signin: this account asks for a second step.");
    assert!(answer.header("set-cookie").is_none() && answer.body.get("token").is_none());
}

#[test]
fn requiring_a_second_factor_ends_the_weaker_sessions() {
    let world = World::new();
    let sql = &world.postern.sql;
    let id = || world.ada.id.as_str().into();
    sql.execute("UPDATE sessions SET level = 2 WHERE id = ?1", &[world.session_id.as_str().into()]);
    sql.execute("UPDATE users SET second_factor = 1 WHERE id = ?1", &[id()]);
    assert_eq!((world.postern.me(&world.ada.token), world.postern.me(&world.other_session)), (200, 401));
    assert_eq!(world.postern.me(&world.grace.token), 200);
}

/// The previous version of the code, and any statement that does not know about levels.
#[test]
fn the_database_refuses_a_session_below_the_level_whoever_starts_it() {
    let world = world(SecondFactor);
    let sql = &world.postern.sql;
    let id = || world.ada.id.as_str().into();
    for statement in [
        "INSERT INTO sessions (id, user_id, created_at, expires_at) VALUES ('old', ?1, 1, 9000000000000)",
        "INSERT INTO sessions (id, user_id, created_at, expires_at, level) VALUES ('weak', ?1, 1, 9000000000000, 1)",
    ] {
        sql.execute(statement, &[id()]);
        assert_eq!(live_sessions(&world.postern, &world.ada.id), 0, "{statement}");
    }
    sql.execute(
        "INSERT INTO sessions (id, user_id, created_at, expires_at, level) VALUES ('strong', ?1, 1, 9000000000000, 2)",
        &[id()],
    );
    assert_eq!(live_sessions(&world.postern, &world.ada.id), 1);
}

#[test]
fn a_second_factor_that_is_set_up_during_a_login_stops_it() {
    let world = World::new();
    let postern = &world.postern;
    // Takes effect after the login has read the account, and before it starts the session: an attempt from a new address is inserted.
    postern.come_from("198.51.100.7");
    postern.sql.execute(
        "CREATE TRIGGER meanwhile AFTER INSERT ON throttles
         BEGIN UPDATE users SET second_factor = 1 WHERE email = 'ada@example.com'; END",
        &[],
    );
    postern.login(ADA, PASSWORD).refused(401, "wrong_credentials");
    assert_eq!(live_sessions(postern, &world.ada.id), 0);
}

#[test]
fn a_user_who_must_set_up_a_second_factor_can_do_nothing_else() {
    let world = world(Enforced);
    let postern = &world.postern;
    let token = postern.token(ADA, PASSWORD);
    assert_eq!((&claims(&token)["purpose"], &claims(&token)["scopes"]), (&json!("restricted"), &json!(["user", 0])));
    let of_sessions = |endpoint: &Endpoint| matches!(endpoint.opens, Opens::Sessions | Opens::SessionsAndResets);
    for endpoint in endpoints().iter().filter(|endpoint| of_sessions(endpoint)) {
        let world = self::world(Enforced);
        let token = world.postern.token(ADA, PASSWORD);
        let answer = endpoint.locked(&world).bearer(&token).send();
        let is_refused = answer.outcome == "second_factor_setup_required";
        let name = endpoint.name().replace("HEAD", "GET");
        let is_open = OPEN_DURING_SETUP.iter().any(|open| name == open.replace(' ', " /api/auth"));
        assert_eq!(!is_refused, is_open, "{name}: {}", answer.text);
    }
    let security: Value = postern.get("/api/auth/me/security").bearer(&world.ada.token).send().body;
    assert_eq!(security["is_enforced"], true);
}

/// Otherwise a stolen password would be enough to add a factor and so to get everything.
#[test]
fn a_user_with_a_passkey_cannot_set_up_another_factor_with_the_password_alone() {
    let world = world(Enforced);
    let postern = &world.postern;
    postern.sql.execute(
        "INSERT INTO passkeys (credential_id, id, user_id, algorithm, public_key, sign_count, is_backup_eligible, is_synced,
           aaguid, transports, name, created_at)
         VALUES ('c', 'p', ?1, -7, '', 0, 0, 0, '', '[]', 'Phone', 1)",
        &[world.ada.id.as_str().into()],
    );
    let token = postern.token(ADA, PASSWORD);
    let reauthenticate = json!({ "password": PASSWORD });
    postern.post("/api/auth/reauthenticate").bearer(&token).json(reauthenticate).send().expect(200);
    let sensitive = |endpoint: &&Endpoint| {
        endpoint.recent == Some(RecentAuthentication::Always)
            && OPEN_DURING_SETUP.contains(&endpoint.name().replace("/api/auth", "").as_str())
    };
    for endpoint in endpoints().iter().filter(sensitive) {
        let answer = endpoint.bare(&world).bearer(&token).send();
        answer.refused(403, "reauthentication_required");
        assert_eq!(answer.body["detail"]["methods"], json!(["passkey"]), "{}", endpoint.name());
    }
}

#[test]
fn the_operator_can_require_a_second_factor_of_admins_alone() {
    let world = World::new();
    world.postern.redeploy(&[("SECOND_FACTOR", "admins")]);
    world.postern.get("/api/auth/me/events").bearer(&world.ada.token).send().expect(200);
    let answer = world.postern.get("/api/auth/admin/users").bearer(&world.postern.admin_token()).send();
    answer.refused(403, "second_factor_setup_required");
}

/// The calls that work until a required second factor is set up.
const OPEN_DURING_SETUP: [&str; 13] = [
    "GET /me",
    "GET /me/security",
    "PUT /me/password",
    "POST /me/totp",
    "PUT /me/totp",
    "PUT /me/second-factor",
    "POST /me/passkeys/options",
    "POST /me/passkeys",
    "GET /me/passkeys",
    "POST /reauthenticate",
    "POST /reauthenticate/passkey/options",
    "POST /reauthenticate/email",
    "POST /logout",
];
