//! `READ_REPLICAS`: which results of a lagging replica are used.

use serde_json::json;

use crate::support::{DAY, Postern, claims};

const ON: &[(&str, &str)] = &[("READ_REPLICAS", "on")];
/// The age in milliseconds of the last heartbeat at which a replica is no longer used.
const BOUND: i64 = 120_000;

fn is_live(postern: &Postern, token: &str) -> bool {
    postern.get(&format!("/api/auth/verify-token?token={token}")).send().expect(200).as_bool().unwrap()
}

#[test]
fn an_ended_session_is_rejected_within_two_minutes_regardless_of_replica_lag() {
    let postern = Postern::with_settings(ON);
    let ada = postern.sign_up("ada@example.com");
    postern.run_cron();
    postern.replicate();
    postern.post("/api/auth/logout").bearer(&ada.token).send().expect(200);

    // The replica gets no more updates, not even heartbeats.
    assert_eq!(postern.me(&ada.token), 200, "this test is meaningless if the replica is not read");
    postern.wait(BOUND - 1);
    postern.run_cron();
    assert_eq!(postern.me(&ada.token), 200);
    postern.wait(1);
    assert_eq!(postern.me(&ada.token), 401);
}

#[test]
fn an_ended_user_token_is_invalid_within_two_minutes() {
    let postern = Postern::with_settings(ON);
    let admin = postern.admin_token();
    let token = postern.create_user_token(&admin);
    postern.run_cron();
    postern.replicate();
    postern.delete(&format!("/api/auth/me/tokens/{token}")).bearer(&admin).send().expect(200);
    assert!(is_live(&postern, &token));
    postern.wait(BOUND);
    assert!(!is_live(&postern, &token));
}

#[test]
fn an_up_to_date_replica_rejects_an_ended_session_immediately() {
    let postern = Postern::with_settings(ON);
    let ada = postern.sign_up("ada@example.com");
    postern.run_cron();
    postern.replicate();
    postern.post("/api/auth/logout").bearer(&ada.token).send().expect(200);
    postern.replicate();
    assert_eq!(postern.me(&ada.token), 401);
}

#[test]
fn new_sessions_and_tokens_work_before_they_reach_a_replica() {
    let postern = Postern::with_settings(ON);
    postern.run_cron();
    postern.replicate();
    let ada = postern.sign_up("ada@example.com");
    assert_eq!(postern.me(&ada.token), 200);
    assert!(is_live(&postern, &postern.referrer()));

    postern.set_active(&ada.id, false);
    postern.replicate();
    assert_eq!(postern.me(&ada.token), 403);
    // A reactivation ends the sessions. The new session works although the user is still inactive on the replica.
    postern.set_active(&ada.id, true);
    let token = postern.token("ada@example.com", crate::support::PASSWORD);
    assert_eq!(postern.me(&token), 200);
}

#[test]
fn replicas_are_used_only_for_reads() {
    let postern = Postern::with_settings(ON);
    let ada = postern.sign_up("ada@example.com");
    postern.run_cron();
    postern.replicate();
    postern.post("/api/auth/logout").bearer(&ada.token).send().expect(200);
    for path in ["/api/auth/me/sessions", "/api/auth/me/tokens"] {
        postern.get(path).bearer(&ada.token).send().refused(401, "invalid_token");
    }
    postern.post("/api/auth/me/create-token").bearer(&ada.token).send().refused(401, "invalid_token");
}

#[test]
fn a_new_token_has_the_role_of_the_primary() {
    for wait in [0, 4 * DAY] {
        let postern = Postern::with_settings(ON);
        let ada = postern.sign_up("ada@example.com");
        postern.make_admin(&ada.id);
        let token = postern.token("ada@example.com", crate::support::PASSWORD);
        postern.wait(wait);
        postern.run_cron();
        postern.replicate();
        postern.sql.execute("UPDATE users SET role = 'user' WHERE id = ?1", &[ada.id.as_str().into()]);
        // On the replica, Ada is still an admin. This differs from the older token but not from the newer one.
        let older = postern.get("/api/auth/me").bearer(&ada.token).send();
        if let Some(fresh) = older.header("x-refresh-token") {
            assert_eq!(claims(fresh)["scopes"], json!(["user", 0]));
        }
        let newer = postern.get("/api/auth/me").bearer(&token).send();
        assert_eq!(
            newer.header("x-refresh-token").map(|fresh| claims(fresh)["scopes"].clone()),
            (wait > 0).then(|| json!(["user", 0]))
        );
        postern.replicate();
        let newer = postern.get("/api/auth/me").bearer(&token).send();
        assert_eq!(claims(newer.header("x-refresh-token").unwrap())["scopes"], json!(["user", 0]));
    }
}

#[test]
fn without_the_setting_no_replica_is_used_and_no_heartbeat_written() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    postern.run_cron();
    assert!(postern.sql.query("SELECT * FROM heartbeat", &[]).is_empty());
    postern.replicate();
    postern.post("/api/auth/logout").bearer(&ada.token).send().expect(200);
    assert_eq!(postern.me(&ada.token), 401);
}
