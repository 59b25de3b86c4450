//! `POST /api/auth/reauthenticate`, and the calls that need it.

use http::Method;
use postern::access::recent::RecentAuthentication::{Always, Never, WithSecondFactor};
use serde_json::{Value, json};

use crate::support::{
    MINUTE, PASSWORD, Postern, SECOND, claims, totp_code,
    world::{ADA, Endpoint, Opens, World, endpoints},
};

/// How long a proof counts as recent.
const RECENT: i64 = 15 * MINUTE;

fn reauthenticate(postern: &Postern, session: &str, body: Value) -> crate::support::Answer {
    postern.post("/api/auth/reauthenticate").bearer(session).json(body).send()
}

/// The endpoints for users and admins, with whether the session is that of an admin.
fn of_sessions() -> impl Iterator<Item = Endpoint> {
    endpoints().into_iter().filter(|endpoint| matches!(endpoint.opens, Opens::Sessions | Opens::Admins))
}

/// Makes the users of all sessions require a second factor, as if each session had been proven with one.
fn require_second_factor(world: &World) {
    world.postern.sql.execute("UPDATE sessions SET level = 2, methods = 'password totp'", &[]);
    world.postern.sql.execute("UPDATE users SET second_factor = 1", &[]);
}

#[test]
fn a_sensitive_call_needs_a_proof_of_the_last_15_minutes_and_changes_nothing_without_one() {
    for endpoint in of_sessions().filter(|endpoint| endpoint.recent == Some(Always)) {
        let world = World::new();
        world.postern.wait(RECENT + SECOND);
        let before = world.postern.sql.dump();
        let answer = endpoint.good(&world).send();
        if endpoint.method == Method::HEAD {
            assert_eq!(answer.status, 403, "{}", endpoint.name());
            continue;
        }
        answer.refused(403, "reauthentication_required");
        assert_eq!(answer.body["detail"]["max_age"], 900, "{}", answer.text);
        assert_eq!(world.postern.sql.dump(), before, "{}", endpoint.name());
        // The check comes before that of the body.
        if ![Method::GET, Method::DELETE].contains(&endpoint.method) {
            endpoint.unlocked(&world).json(json!({ "name": 1 })).send().refused(403, "reauthentication_required");
        }

        // A password is too little for a user with a second factor.
        let proof = match endpoint.needs_totp() {
            true => json!({ "code": totp_code(&world.totp, world.postern.now.get()) }),
            false if endpoint.opens == Opens::Admins => json!({ "password": "admin" }),
            false => json!({ "password": PASSWORD }),
        };
        reauthenticate(&world.postern, endpoint.session(&world), proof).expect(200);
        let answer = endpoint.good(&world).send();
        assert_ne!(answer.body["code"], "reauthentication_required", "{}: {}", endpoint.name(), answer.text);
    }
}

#[test]
fn a_call_that_is_sensitive_for_users_with_a_second_factor_works_as_before_for_others() {
    for endpoint in of_sessions().filter(|endpoint| endpoint.recent == Some(WithSecondFactor)) {
        let world = World::new();
        world.postern.wait(RECENT + SECOND);
        endpoint.good(&world).send().expect(200);

        let world = World::new();
        require_second_factor(&world);
        world.postern.wait(RECENT + SECOND);
        let before = world.postern.sql.dump();
        endpoint.good(&world).send().refused(403, "reauthentication_required");
        assert_eq!(world.postern.sql.dump(), before, "{}", endpoint.name());

        let world = World::new();
        require_second_factor(&world);
        endpoint.good(&world).send().expect(200);
    }
}

#[test]
fn other_calls_never_need_a_recent_proof() {
    for endpoint in of_sessions().filter(|endpoint| endpoint.recent == Some(Never)) {
        // A password and a mailbox are too little for a user with a second factor, which has its own tests. The codes of a change of
        // the email have expired by then.
        if endpoint.pattern.starts_with("/api/auth/reauthenticate") || endpoint.pattern == "/api/auth/me/email/verify" {
            continue;
        }
        let world = World::new();
        require_second_factor(&world);
        world.postern.wait(RECENT + SECOND);
        assert_eq!(endpoint.good(&world).send().status, 200, "{}", endpoint.name());
    }
}

#[test]
fn every_write_of_an_admin_is_sensitive_and_no_read_is_except_the_export() {
    for endpoint in of_sessions() {
        let only_reads = endpoint.method == Method::GET || endpoint.method == Method::HEAD;
        if endpoint.pattern == "/api/auth/me/export" {
            assert_eq!(endpoint.recent, Some(Always));
        } else if only_reads || endpoint.opens == Opens::Admins {
            assert_eq!(endpoint.recent == Some(Never), only_reads, "{}", endpoint.name());
        }
    }
}

#[test]
fn a_password_refreshes_the_same_session() {
    let world = World::new();
    let (postern, session) = (&world.postern, &world.ada.token);
    let sessions = postern.sql.query("SELECT count(*) AS number FROM sessions", &[]);
    postern.wait(20 * MINUTE);
    assert_eq!(reauthenticate(postern, session, json!({ "password": PASSWORD })).expect(200), json!(true));
    assert_eq!(postern.sql.query("SELECT count(*) AS number FROM sessions", &[]), sessions);

    let security = postern.get("/api/auth/me/security").bearer(session).send().expect(200);
    let expected = json!({
        "has_password": true, "second_factor": false, "is_enforced": false, "totp": null, "recovery_codes_left": 0,
        "passkeys": security["passkeys"], "authenticated_at": postern.now.get(), "level": 1, "methods": ["password"],
        "email_problem": null, "identities": 1,
    });
    assert_eq!(security, expected);

    // Relying parties see the proof in the next token.
    let answer = postern.get("/api/auth/me").bearer(session).send();
    let refreshed = answer.header("x-refresh-token").unwrap();
    assert_eq!(claims(session)["auth_time"], json!(claims(session)["iat"]));
    assert_eq!(claims(refreshed)["auth_time"], json!(postern.now.get() / 1_000));
    assert_eq!(claims(refreshed)["sid"], claims(session)["sid"]);
    assert!(postern.get("/api/auth/me").bearer(refreshed).send().header("x-refresh-token").is_none());
}

#[test]
fn a_session_token_says_when_and_how_the_user_signed_in() {
    let world = World::new();
    let claims = claims(&world.ada.token);
    assert_eq!((&claims["amr"], &claims["acr"]), (&json!(["pwd"]), &json!("1")));
    assert_eq!(claims["auth_time"], claims["iat"]);
}

#[test]
fn sessions_and_tokens_of_the_previous_version_keep_working() {
    let world = World::new();
    let postern = &world.postern;
    // What the previous version wrote.
    postern.sql.execute("UPDATE sessions SET authenticated_at = NULL", &[]);
    let mut old = claims(&world.ada.token);
    for name in ["auth_time", "amr", "acr", "iat", "exp"] {
        old.as_object_mut().unwrap().remove(name);
    }
    let keys = postern::crypto::keys::Keys::derive(crate::support::SECRET, None);
    let token = keys.session.sign(&old, postern.now.get(), postern.now.get() + 60 * MINUTE).unwrap();
    let answer = postern.get("/api/auth/me").bearer(&token).send();
    assert_eq!((answer.status, answer.header("x-refresh-token")), (200, None));
    let security = postern.get("/api/auth/me/security").bearer(&token).send().expect(200);
    let created =
        postern.sql.query("SELECT created_at FROM sessions WHERE id = ?1", &[old["sid"].as_str().unwrap().into()]);
    assert_eq!((&security["authenticated_at"], &security["level"]), (&created[0]["created_at"], &json!(1)));

    reauthenticate(postern, &token, json!({ "password": PASSWORD })).expect(200);
    assert!(postern.get("/api/auth/me").bearer(&token).send().header("x-refresh-token").is_some());
}

#[test]
fn a_wrong_password_is_refused_and_counts_like_a_failed_login() {
    let world = World::new();
    let (postern, session) = (&world.postern, &world.ada.token);
    postern.come_from("198.51.100.7");
    let wrong = || reauthenticate(postern, session, json!({ "password": "wrong password" }));
    for _ in 0..20 {
        wrong().refused(403, "wrong_proof");
    }
    wrong().refused(429, "too_many_requests");
    postern.login(ADA, PASSWORD).refused(429, "too_many_requests");
    // The owner is let in from an address that has known the password.
    postern.come_from("192.0.2.1");
    reauthenticate(postern, session, json!({ "password": PASSWORD })).expect(200);
}

#[test]
fn a_body_without_exactly_one_proof_names_the_choices() {
    let world = World::new();
    for body in [json!({}), json!({ "password": null })] {
        let answer = reauthenticate(&world.postern, &world.ada.token, body);
        answer.refused(422, "invalid_fields");
        assert!(answer.body["error"].as_str().unwrap().contains("password"), "{}", answer.text);
    }
}

#[test]
fn a_password_is_too_little_for_a_user_with_a_second_factor() {
    let world = World::new();
    require_second_factor(&world);
    world.postern.wait(RECENT + SECOND);
    let before = world.postern.sql.dump();
    reauthenticate(&world.postern, &world.ada.token, json!({ "password": PASSWORD })).refused(403, "wrong_proof");
    assert_eq!(world.postern.sql.dump(), before);
}

#[test]
fn a_proof_for_a_session_that_ends_meanwhile_is_refused() {
    let world = World::new();
    let postern = &world.postern;
    let logout = postern.post("/api/auth/logout").bearer(&world.ada.token);
    let proof = postern.post("/api/auth/reauthenticate").bearer(&world.ada.token).json(json!({ "password": PASSWORD }));
    let answers = postern.at_once(vec![logout, proof]);
    assert_eq!(answers[0].status, 200);
    answers[1].refused(401, "invalid_token");
    assert_eq!(postern.me(&world.ada.token), 401);
}
