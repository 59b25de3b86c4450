//! `GET /api/auth/me/sessions` and `DELETE /api/auth/me/sessions/{id}`

use http::header;
use serde_json::{Value, json};

use crate::support::{Answer, DAY, HOUR, PASSWORD, Postern, SECOND};

fn list(postern: &Postern, session: &str) -> Vec<Value> {
    postern.get("/api/auth/me/sessions").bearer(session).send().expect(200).as_array().unwrap().clone()
}

fn current_id(postern: &Postern, session: &str) -> String {
    let current = list(postern, session).into_iter().find(|listed| listed["current"] == true);
    current.unwrap()["id"].as_str().unwrap().to_owned()
}

fn end(postern: &Postern, session: &str, id: &str) -> Answer {
    postern.delete(&format!("/api/auth/me/sessions/{id}")).bearer(session).send()
}

#[test]
fn a_users_active_sessions_are_listed_latest_expiry_first() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    postern.sign_up("grace@example.com");
    let began = postern.now.get();
    postern.wait(HOUR);
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    let login = postern.post("/api/auth/login").header(header::USER_AGENT, "Netscape/1.0").json(body);
    let second = login.send().expect(200)["token"].as_str().unwrap().to_owned();

    let mut listed = list(&postern, &ada.token);
    let ids: Vec<Value> = listed.iter_mut().map(|session| session["id"].take()).collect();
    assert!(ids[0] != ids[1] && ids.iter().all(Value::is_string), "{ids:?}");
    let session = |user_agent: Value, browser: Value, at: i64, current: bool| {
        json!({ "id": null, "user_agent": user_agent, "browser": browser, "system": null, "country": null, "city": null,
            "created_at": at, "last_seen_at": at, "expires_at": at + 7 * DAY, "current": current })
    };
    let expected = [
        session(json!("Netscape/1.0"), json!("Netscape"), began + HOUR, false),
        session(Value::Null, Value::Null, began, true),
    ];
    assert_eq!(listed, expected);
    assert_eq!(current_id(&postern, &second), ids[0].as_str().unwrap());
}

#[test]
fn a_long_user_agent_is_truncated() {
    let postern = Postern::new();
    let body = json!({ "email": "admin", "password": "admin" });
    let login = postern.post("/api/auth/login").header(header::USER_AGENT, &"x".repeat(5_000)).json(body);
    let token = login.send().expect(200)["token"].as_str().unwrap().to_owned();
    assert_eq!(list(&postern, &token)[0]["user_agent"], "x".repeat(200));
}

#[test]
fn it_requires_a_session() {
    let postern = Postern::new();
    postern.get("/api/auth/me/sessions").send().refused(401, "invalid_token");
    let id = current_id(&postern, &postern.admin_token());
    postern.delete(&format!("/api/auth/me/sessions/{id}")).send().refused(401, "invalid_token");
}

#[test]
fn a_refreshed_session_is_listed_once_with_its_new_expiry() {
    let postern = Postern::new();
    let token = postern.admin_token();
    let id = current_id(&postern, &token);
    postern.wait(4 * DAY);
    assert_eq!(postern.me(&token), 200);
    let listed = list(&postern, &token);
    assert_eq!((listed.len(), &listed[0]["id"]), (1, &json!(id)));
    assert_eq!(listed[0]["expires_at"], postern.now.get() + 7 * DAY);
}

#[test]
fn expired_and_ended_sessions_are_not_listed() {
    let postern = Postern::new();
    let ended = postern.sign_up("ada@example.com").token;
    postern.post("/api/auth/logout").bearer(&ended).send().expect(200);
    postern.token("ada@example.com", PASSWORD);
    postern.wait(SECOND);
    let token = postern.token("ada@example.com", PASSWORD);
    assert_eq!(list(&postern, &token).len(), 2);
    postern.wait(7 * DAY - SECOND);
    assert_eq!(list(&postern, &token).len(), 1);
}

#[test]
fn a_truncated_list_includes_the_current_session_and_the_total_count() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let id = current_id(&postern, &ada.token);
    // All of them expire later than the current session.
    postern.sql.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250)
         INSERT INTO sessions (id, user_id, created_at, expires_at)
         SELECT 's' || i, user_id, created_at, expires_at + i FROM n, sessions WHERE id = ?1",
        &[id.as_str().into()],
    );
    let answer = postern.get("/api/auth/me/sessions").bearer(&ada.token).send();
    assert_eq!(answer.header("x-total-count"), Some("251"));
    let listed = answer.expect(200);
    let ids: Vec<&str> = listed.as_array().unwrap().iter().map(|session| session["id"].as_str().unwrap()).collect();
    assert_eq!((ids.len(), ids[0], ids[198], ids[199]), (200, "s250", "s52", id.as_str()));
    assert_eq!(listed[199]["current"], true);

    // For an admin, it is not the current session.
    let path = format!("/api/auth/admin/users/{}/sessions", ada.id);
    let answer = postern.get(&path).bearer(&postern.admin_token()).send();
    assert_eq!(answer.header("x-total-count"), Some("251"));
    assert_eq!(answer.expect(200)[199]["id"], "s51");

    let few = postern.sign_up("grace@example.com");
    let answer = postern.get("/api/auth/me/sessions").bearer(&few.token).send();
    assert_eq!((answer.header("x-total-count"), answer.body.as_array().unwrap().len()), (Some("1"), 1));
}

#[test]
fn a_user_can_end_another_session_with_immediate_effect() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let stolen = postern.token("ada@example.com", PASSWORD);
    let id = current_id(&postern, &stolen);
    assert_eq!(end(&postern, &ada.token, &id).expect(200), json!(true));
    assert_eq!((postern.me(&stolen), postern.me(&ada.token)), (401, 200));
    assert_eq!(list(&postern, &ada.token).len(), 1);
    end(&postern, &ada.token, &id).refused(404, "not_found");
}

#[test]
fn a_user_can_end_the_current_session() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    end(&postern, &ada.token, &current_id(&postern, &ada.token)).expect(200);
    assert_eq!(postern.me(&ada.token), 401);
}

#[test]
fn another_users_session_cannot_be_ended_and_is_404() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let grace = postern.sign_up("grace@example.com");
    let others = end(&postern, &ada.token, &current_id(&postern, &grace.token));
    let unknown = end(&postern, &ada.token, "x");
    others.refused(404, "not_found");
    assert_eq!((others.text, others.headers), (unknown.text, unknown.headers));
    assert_eq!((postern.me(&ada.token), postern.me(&grace.token)), (200, 200));
    // Not even by an admin.
    end(&postern, &postern.admin_token(), &current_id(&postern, &grace.token)).refused(404, "not_found");
}

#[test]
fn an_id_is_matched_exactly() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let id = current_id(&postern, &ada.token);
    for text in ["%25", "*", "_", "%00", &id[1..], &format!("{id}%20"), &"a".repeat(10_000)] {
        end(&postern, &ada.token, text).refused(404, "not_found");
    }
    assert_eq!(postern.me(&ada.token), 200);
}

#[test]
fn the_stored_expiry_counts_even_if_the_token_has_a_later_one() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let now = postern.now.get();
    postern
        .sql
        .execute("UPDATE sessions SET expires_at = ?2 WHERE user_id = ?1", &[ada.id.as_str().into(), now.into()]);
    assert_eq!(postern.me(&ada.token), 401);
}

/// The number of a user's sessions in the database.
fn count(postern: &Postern, user_id: &str) -> i64 {
    let rows = postern.sql.query("SELECT count(*) AS count FROM sessions WHERE user_id = ?1", &[user_id.into()]);
    rows[0]["count"].as_i64().unwrap()
}

#[test]
fn a_user_has_at_most_a_hundred_sessions_and_a_login_ends_the_least_recently_used() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let mut tokens = vec![ada.token.clone()];
    tokens.extend((1..100).map(|_| {
        postern.wait(SECOND);
        postern.token("ada@example.com", PASSWORD)
    }));
    assert_eq!((count(&postern, &ada.id), postern.me(&ada.token)), (100, 200));
    // The first session is used again, which extends it.
    postern.wait(4 * DAY);
    let answer = postern.get("/api/auth/me").bearer(&ada.token).send();
    tokens[0] = answer.header("x-refresh-token").unwrap().to_owned();
    let newest = postern.token("ada@example.com", PASSWORD);
    assert_eq!(count(&postern, &ada.id), 100);
    assert_eq!([&tokens[0], &tokens[1], &tokens[2], &newest].map(|token| postern.me(token)), [200, 401, 200, 200]);
    assert_eq!(list(&postern, &newest).len(), 100);
}

#[test]
fn concurrent_logins_leave_a_hundred_sessions() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    for _ in 0..90 {
        postern.token("ada@example.com", PASSWORD);
    }
    let login = |_| postern.post("/api/auth/login").json(json!({ "email": "ada@example.com", "password": PASSWORD }));
    let answers = postern.at_once((0..19).map(login).collect());
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(count(&postern, &ada.id), 100);
    // The newest session is kept, although all expire at the same time.
    assert_eq!(postern.me(answers[18].body["token"].as_str().unwrap()), 200);
}

#[test]
fn sessions_from_before_the_limit_end_in_bounded_steps() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let grace = postern.sign_up("grace@example.com");
    postern.sql.execute(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
         INSERT INTO sessions (id, user_id, created_at, expires_at) SELECT 's' || i, ?1, 0, 1900000000000 + i FROM n",
        &[ada.id.as_str().into()],
    );
    let counts: Vec<i64> = (0..4)
        .map(|_| {
            postern.token("ada@example.com", PASSWORD);
            count(&postern, &ada.id)
        })
        .collect();
    assert_eq!(counts, [1_502, 503, 100, 100]);
    assert_eq!((count(&postern, &grace.id), postern.me(&grace.token)), (1, 200));
}

#[test]
fn a_failed_login_ends_no_session() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    postern.sql.execute(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250)
         INSERT INTO sessions (id, user_id, created_at, expires_at) SELECT 's' || i, ?1, 0, 1900000000000 + i FROM n",
        &[ada.id.as_str().into()],
    );
    postern.login("ada@example.com", "wrong password").refused(401, "wrong_credentials");
    assert_eq!(count(&postern, &ada.id), 251);
}

#[test]
fn the_migration_with_the_limit_ends_only_the_oldest_sessions_beyond_it() {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    let mut files: Vec<_> = std::fs::read_dir("migrations").unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let (before, since): (Vec<_>, Vec<_>) = files.into_iter().partition(|path| !path.ends_with("0006_budgets.sql"));
    assert_eq!(since.len(), 1);
    let apply = |path| connection.execute_batch(&std::fs::read_to_string(path).unwrap()).unwrap();
    before.into_iter().for_each(apply);
    connection
        .execute_batch(
            "INSERT INTO users (id, email, password_hash, created_at, updated_at)
             VALUES ('ada', 'ada', '', 0, 0), ('grace', 'grace', '', 0, 0);
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250)
             INSERT INTO sessions (id, user_id, created_at, expires_at)
             SELECT 'a' || i, 'ada', 0, i FROM n UNION ALL SELECT 'g' || i, 'grace', 0, i FROM n WHERE i <= 3;",
        )
        .unwrap();
    since.into_iter().for_each(apply);
    let left = |user: &str| -> (i64, i64) {
        let query = "SELECT count(*), min(expires_at) FROM sessions WHERE user_id = ?1";
        connection.query_row(query, [user], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
    };
    assert_eq!((left("ada"), left("grace")), ((100, 151), (3, 1)));
}
