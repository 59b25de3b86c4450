//! `GET /health`

use http::Method;

use crate::support::{Fault, Postern, SECOND};

#[test]
fn it_is_ok_when_d1_and_kv_answer() {
    let postern = Postern::new();
    let answer = postern.get("/health").send().expect(200);
    assert_eq!(answer["status"], "ok");
    assert_eq!(answer["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(answer["deployment"], "test-deployment");
    let head = postern.request(Method::HEAD, "/health").send();
    assert_eq!((head.status, head.text.as_str()), (200, ""));
}

#[test]
fn it_checks_d1_and_kv_and_is_503_if_one_fails() {
    let postern = Postern::new();
    assert_eq!(postern.get("/health").send().calls, 2);
    for call in 1..=2 {
        postern.wait(SECOND);
        postern.outside.fault.set(Some((call, Fault::Before)));
        postern.get("/health").send().refused(503, "unavailable");
    }
    postern.wait(SECOND);
    postern.get("/health").send().expect(200);
}

#[test]
fn a_flood_of_requests_causes_one_check_per_second() {
    let postern = Postern::new();
    assert_eq!(postern.get("/health").send().calls, 2);
    for is_out in [false, true] {
        postern.kv.is_out.set(is_out);
        for _ in 0..100 {
            let answer = postern.get("/health").send();
            assert_eq!((answer.status, answer.calls), (200, 0));
        }
    }
    postern.wait(SECOND);
    postern.get("/health").send().refused(503, "unavailable");
    postern.kv.is_out.set(false);
    postern.get("/health").send().expect(200);
}

#[test]
fn it_is_503_while_kv_is_down() {
    let postern = Postern::new();
    postern.kv.is_out.set(true);
    postern.get("/health").send().refused(503, "unavailable");
    postern.kv.is_out.set(false);
    postern.wait(SECOND);
    postern.get("/health").send().expect(200);
}

#[test]
fn it_is_503_until_the_migrations_are_applied() {
    let postern = Postern::new();
    postern.sql.execute("DROP TABLE users", &[]);
    postern.get("/health").send().refused(503, "unavailable");
}

#[test]
fn only_the_log_says_what_failed() {
    let postern = Postern::new();
    postern.sql.execute("DROP TABLE users", &[]);
    let answer = postern.get("/health").send();
    assert!(!answer.text.contains("users") && answer.text.contains("test-request"), "{}", answer.text);
    let log = postern.log();
    assert!(log.len() == 1 && log[0].contains("no such table") && log[0].contains("test-request"), "{log:?}");
}

#[test]
fn it_writes_nothing_and_creates_no_account() {
    let postern = Postern::new();
    let before = postern.sql.dump();
    postern.get("/health").send().expect(200);
    assert_eq!(postern.sql.dump(), before);
}

#[test]
fn it_lists_the_applied_migrations_in_order() {
    let postern = Postern::new();
    assert_eq!(postern.get("/health").send().expect(200)["migrations"], serde_json::Value::Null);
    postern.wait(SECOND);
    postern.sql.execute("CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY, name TEXT UNIQUE)", &[]);
    assert_eq!(postern.get("/health").send().expect(200)["migrations"], serde_json::json!([]));
    postern.wait(SECOND);
    postern
        .sql
        .execute("INSERT INTO d1_migrations (name) VALUES ('0001_first.sql'), ('0002_b.sql'), ('0003_a.sql')", &[]);
    let migrations = &postern.get("/health").send().expect(200)["migrations"];
    assert_eq!(*migrations, serde_json::json!(["0001_first.sql", "0002_b.sql", "0003_a.sql"]));
    // Each of the three calls.
    for call in 1..=3 {
        postern.wait(SECOND);
        postern.outside.fault.set(Some((call, Fault::Before)));
        postern.get("/health").send().refused(503, "unavailable");
    }
}
