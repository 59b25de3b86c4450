//! `READ_REPLICAS`: what a copy of the database that lags behind may say, and what it may not.

use serde_json::json;

use crate::support::{DAY, Postern, claims};

const ON: &[(&str, &str)] = &[("READ_REPLICAS", "on")];
/// The age of the last beat at which a replica is no longer asked, in milliseconds.
const BOUND: i64 = 120_000;

fn is_live(postern: &Postern, token: &str) -> bool {
    postern.get(&format!("/api/auth/verify-token?token={token}")).send().expect(200).as_bool().unwrap()
}

#[test]
fn a_session_that_ended_is_refused_within_two_minutes_however_far_a_replica_lags() {
    let postern = Postern::with_settings(ON);
    let ada = postern.sign_up("ada@example.com");
    postern.run_cron();
    postern.replicate();
    postern.post("/api/auth/logout").bearer(&ada.token).send().expect(200);

    // The replica hears of nothing any more, not even that the trigger runs.
    assert_eq!(postern.me(&ada.token), 200, "this test would say nothing if the replica were not read");
    postern.wait(BOUND - 1);
    postern.run_cron();
    assert_eq!(postern.me(&ada.token), 200);
    postern.wait(1);
    assert_eq!(postern.me(&ada.token), 401);
}

#[test]
fn a_user_token_that_ended_is_no_longer_good_within_two_minutes() {
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
fn a_replica_that_has_caught_up_knows_of_the_end_at_once() {
    let postern = Postern::with_settings(ON);
    let ada = postern.sign_up("ada@example.com");
    postern.run_cron();
    postern.replicate();
    postern.post("/api/auth/logout").bearer(&ada.token).send().expect(200);
    postern.replicate();
    assert_eq!(postern.me(&ada.token), 401);
}

#[test]
fn what_a_replica_has_not_heard_of_yet_is_good_at_once() {
    let postern = Postern::with_settings(ON);
    postern.run_cron();
    postern.replicate();
    let ada = postern.sign_up("ada@example.com");
    assert_eq!(postern.me(&ada.token), 200);
    assert!(is_live(&postern, &postern.referrer()));

    postern.set_active(&ada.id, false);
    postern.replicate();
    assert_eq!(postern.me(&ada.token), 403);
    // A reactivation ends the sessions; the new one is good although the replica still knows an inactive user.
    postern.set_active(&ada.id, true);
    let token = postern.token("ada@example.com", crate::support::PASSWORD);
    assert_eq!(postern.me(&token), 200);
}

#[test]
fn only_reading_is_asked_of_a_replica() {
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
fn a_new_token_tells_the_role_that_the_primary_has() {
    for wait in [0, 4 * DAY] {
        let postern = Postern::with_settings(ON);
        let ada = postern.sign_up("ada@example.com");
        postern.make_admin(&ada.id);
        let token = postern.token("ada@example.com", crate::support::PASSWORD);
        postern.wait(wait);
        postern.run_cron();
        postern.replicate();
        postern.sql.execute("UPDATE users SET role = 'user' WHERE id = ?1", &[ada.id.as_str().into()]);
        // The replica still says that Ada is an admin: to the older token that is news, to the newer one it is not.
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
fn without_the_setting_no_replica_is_asked_and_no_beat_is_written() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    postern.run_cron();
    assert!(postern.sql.query("SELECT * FROM heartbeat", &[]).is_empty());
    postern.replicate();
    postern.post("/api/auth/logout").bearer(&ada.token).send().expect(200);
    assert_eq!(postern.me(&ada.token), 401);
}
