//! `GET /api/auth/admin/overview`, and the counts of the cron trigger.

use serde_json::{Value, json};

use crate::support::{Answer, DAY, Fault, HOUR, MINUTE, PASSWORD, Postern, RESEND, totp_code};

/// 2027-01-15T08:00:00Z, when the tests begin.
const BEGIN: i64 = 1_800_000_000_000;
/// The beginning of that day.
const MIDNIGHT: i64 = BEGIN - 8 * HOUR;

fn get(postern: &Postern, admin: &str, query: &str) -> Answer {
    postern.get(&format!("/api/auth/admin/overview{query}")).bearer(admin).send()
}

/// A day of the overview by its distance from today.
fn day(overview: &Value, before: usize) -> &Value {
    let days = overview["days"].as_array().unwrap();
    &days[days.len() - 1 - before]
}

fn numbers(day: &Value) -> [i64; 4] {
    ["sign_ups", "sign_ins", "failed_sign_ins", "password_resets"].map(|name| day[name].as_i64().unwrap())
}

/// Adds events, past the service.
fn add_events(postern: &Postern, number: i64, at: i64, action: &str, result: &str) {
    postern.sql.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
         INSERT INTO events (at, action, result, address) SELECT ?2, ?3, ?4, 'x' FROM n",
        &[number.into(), at.into(), action.into(), result.into()],
    );
}

/// A service without events, and a session of its admin.
fn without_events() -> (Postern, String) {
    let postern = Postern::new();
    let admin = postern.admin_token();
    postern.sql.execute("DELETE FROM events", &[]);
    (postern, admin)
}

#[test]
fn an_overview_has_every_day_and_counts_what_happened_until_now() {
    let postern = Postern::new();
    assert_eq!(postern.now.get(), BEGIN);
    let admin = postern.admin_token();
    let ada = postern.sign_up("ada@example.com");
    postern.login(&ada.email, PASSWORD).expect(200);
    postern.login(&ada.email, "wrong password").refused(401, "wrong_credentials");
    let reset = postern.reset_token(&ada.email);
    let body = json!({ "password": "another good password" });
    postern.post("/api/auth/reset-password-with-token").bearer(&reset).json(body).send().expect(200);

    // The same before and after the cron trigger has counted.
    for _ in 0..3 {
        let overview = get(&postern, &admin, "").expect(200);
        let days = overview["days"].as_array().unwrap();
        assert_eq!((days.len(), &days[0]["day"], &days[29]["day"]), (30, &json!("2026-12-17"), &json!("2027-01-15")));
        // The admin has signed in twice.
        assert_eq!((numbers(day(&overview, 0)), numbers(day(&overview, 1))), ([1, 3, 1, 1], [0; 4]));
        assert_eq!(numbers(&overview["totals"]), [1, 3, 1, 1]);
        assert_eq!(overview["is_complete"], true);
        postern.run_cron();
    }
    assert_eq!(
        postern.sql.query("SELECT event_id = (SELECT max(id) FROM events) AS all_counted FROM counting", &[])[0]["all_counted"],
        1
    );
    // Later events are added to those of the day.
    postern.login("admin", "admin").expect(200);
    for _ in 0..2 {
        assert_eq!(numbers(day(&get(&postern, &admin, "").expect(200), 0)), [1, 4, 1, 1]);
        postern.run_cron();
    }
    postern.wait(DAY);
    let admin = postern.admin_token();
    let overview = get(&postern, &admin, "?days=7").expect(200);
    assert_eq!(overview["days"].as_array().unwrap().len(), 7);
    assert_eq!((numbers(day(&overview, 0)), numbers(day(&overview, 1))), ([0, 1, 0, 0], [1, 4, 1, 1]));
    for query in ["?days=6", "?days=91", "?days=x"] {
        get(&postern, &admin, query).refused(422, "invalid_fields");
    }
}

#[test]
fn events_count_for_the_day_of_their_time_and_by_their_result() {
    let (postern, admin) = without_events();
    for (at, action, result) in [
        (MIDNIGHT - 1, "login", "success"),
        (MIDNIGHT, "login", "success"),
        (MIDNIGHT, "login", "inactive"),
        (MIDNIGHT, "signup", "success"),
        (MIDNIGHT, "sign_up_approved", "success"),
        (MIDNIGHT, "signup", "email_taken"),
        (MIDNIGHT, "password_reset_requested", "success"),
        (MIDNIGHT, "password_reset_completed", "success"),
        (MIDNIGHT, "user_created", "success"),
    ] {
        add_events(&postern, 1, at, action, result);
    }
    for _ in 0..2 {
        let overview = get(&postern, &admin, "").expect(200);
        assert_eq!((numbers(day(&overview, 0)), numbers(day(&overview, 1))), ([2, 1, 1, 1], [0, 1, 0, 0]));
        postern.run_cron();
    }
}

#[test]
fn a_sign_in_with_two_factors_is_one_success_and_no_failure() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let (totp, _) = postern.add_totp(&ada.token);
    let admin = postern.admin_token();
    postern.sql.execute("DELETE FROM events", &[]);
    postern.wait(MINUTE);
    let token = postern.pending_token(&ada.email);
    let wrong = json!({ "token": token, "code": "000000" });
    postern.post("/api/auth/login/second-factor").json(wrong).send().refused(401, "wrong_code");
    let body = json!({ "token": token, "code": totp_code(&totp, postern.now.get()) });
    postern.post("/api/auth/login/second-factor").json(body).send().expect(200);
    for _ in 0..2 {
        // The wrong code has failed.
        assert_eq!(numbers(day(&get(&postern, &admin, "").expect(200), 0)), [0, 1, 1, 0]);
        postern.run_cron();
    }
}

#[test]
fn a_run_counts_10_000_events_and_the_next_ones_count_the_rest() {
    let (postern, admin) = without_events();
    postern.run_cron();
    // In one minute.
    add_events(&postern, 100_000, BEGIN, "login", "success");
    let state = || {
        let overview = get(&postern, &admin, "").expect(200);
        (overview["totals"]["sign_ins"].as_i64().unwrap(), overview["is_complete"].as_bool().unwrap())
    };
    assert_eq!(state(), (10_000, false));
    for run in 1..=10 {
        postern.run_cron();
        assert_eq!(state(), (10_000 * (run + 1).min(10), run >= 9), "run {run}");
    }
    postern.run_cron();
    assert_eq!(state(), (100_000, true));
}

#[test]
fn two_runs_at_once_and_a_run_that_fails_count_nothing_twice() {
    let (postern, admin) = without_events();
    let sign_ins = || get(&postern, &admin, "").expect(200)["totals"]["sign_ins"].as_i64().unwrap();
    let mut expected = 0;
    for fault in [Fault::Before, Fault::After, Fault::PassingBefore, Fault::PassingAfter] {
        for call in 1..30 {
            add_events(&postern, 10, BEGIN, "login", "success");
            expected += 10;
            postern.outside.fault.set(Some((call, fault)));
            postern.run_cron();
            postern.outside.is_out.set(false);
            let is_used = postern.outside.fault.take().is_none();
            assert_eq!(sign_ins(), expected, "{fault:?} {call}");
            postern.run_cron();
            assert_eq!(sign_ins(), expected, "{fault:?} {call}");
            if !is_used {
                break;
            }
        }
    }
    add_events(&postern, 15_000, BEGIN, "login", "success");
    let run = || {
        let app = postern.services().at(postern.now.get());
        async move { postern::maintenance::run(&app).await }
    };
    pollster::block_on(futures_util::future::join(run(), run()));
    assert_eq!(sign_ins(), expected + 15_000);
    let stored = "SELECT sum(count) AS sum FROM daily_counts WHERE name = 'sign_ins'";
    assert_eq!(postern.sql.query(stored, &[])[0]["sum"], expected + 15_000);
}

#[test]
fn a_run_without_events_writes_nothing() {
    let postern = Postern::new();
    postern.sign_up("ada@example.com");
    postern.run_cron();
    let before = postern.sql.dump();
    for _ in 0..3 {
        postern.wait(MINUTE);
        postern.run_cron();
    }
    assert_eq!(postern.sql.dump(), before);
}

#[test]
fn events_are_counted_after_all_of_them_were_deleted() {
    let (postern, _) = without_events();
    add_events(&postern, 10, BEGIN, "login", "success");
    postern.run_cron();
    postern.wait(100 * DAY);
    postern.run_cron();
    assert_eq!(postern.sql.query("SELECT id FROM events", &[]), [Value::Null; 0]);
    let admin = postern.admin_token();
    let id = &postern.sql.query("SELECT id FROM events", &[])[0]["id"];
    assert_eq!(id, 1, "the ids start again");
    add_events(&postern, 20, postern.now.get(), "login", "success");
    for _ in 0..3 {
        assert_eq!(get(&postern, &admin, "").expect(200)["totals"]["sign_ins"], 21);
        postern.run_cron();
    }
}

#[test]
fn users_and_sessions_are_counted_once_a_day() {
    let postern = Postern::new();
    let admin = postern.admin_token();
    let ada = postern.sign_up("ada@example.com");
    let grace = postern.sign_up("grace@example.com");
    postern.add_totp(&ada.token);
    crate::support::world::add_passkey(&postern, &grace.id, "0198c0de-0000-4000-8000-00000000a001", 1);
    crate::support::world::add_passkey(&postern, &grace.id, "0198c0de-0000-4000-8000-00000000a002", 2);
    postern.sql.execute(
        "UPDATE users SET email_problem = 'bounce', email_problem_at = 1 WHERE id = ?1",
        &[grace.id.as_str().into()],
    );
    postern.sql.execute(
        "INSERT INTO sessions (id, user_id, created_at, expires_at) VALUES ('ended', ?1, 1, ?2)",
        &[ada.id.as_str().into(), postern.now.get().into()],
    );
    let overview = get(&postern, &admin, "").expect(200);
    assert_eq!((&overview["second_factors"], &overview["mail"]["suppressed"]), (&Value::Null, &Value::Null));
    assert_eq!(day(&overview, 0)["users"], Value::Null);

    let active = postern.sql.query("SELECT id FROM sessions WHERE expires_at > ?1", &[postern.now.get().into()]).len();
    let snapshot = |overview: &Value, before: usize| {
        ["users", "active_sessions", "users_with_second_factor", "users_with_passkey"]
            .map(|name| day(overview, before)[name].clone())
    };
    let expected = [json!(3), json!(active), json!(1), json!(1)];
    postern.run_cron();
    postern.sign_up("eve@example.com");
    postern.wait(MIDNIGHT + DAY - 1 - postern.now.get());
    postern.run_cron();
    let overview = get(&postern, &admin, "").expect(200);
    assert_eq!(snapshot(&overview, 0), expected);
    let adoption = json!({ "day": "2027-01-15", "users": 3, "with_second_factor": 1, "with_passkey": 1 });
    assert_eq!((&overview["second_factors"], &overview["mail"]["suppressed"]), (&adoption, &json!(1)));
    postern.wait(1);
    let overview = get(&postern, &admin, "").expect(200);
    assert_eq!((&snapshot(&overview, 0)[0], snapshot(&overview, 1)), (&Value::Null, expected.clone()));
    assert_eq!(overview["second_factors"], adoption);
    postern.run_cron();
    let overview = get(&postern, &admin, "").expect(200);
    assert_eq!((&snapshot(&overview, 0)[0], snapshot(&overview, 1)), (&json!(4), expected));
}

#[test]
fn counts_are_kept_for_400_days() {
    let (postern, _) = without_events();
    add_events(&postern, 3, BEGIN, "login", "success");
    postern.run_cron();
    let is_kept = || !postern.sql.query("SELECT 1 AS x FROM daily_counts WHERE day = '2027-01-15'", &[]).is_empty();
    postern.wait(400 * DAY);
    postern.run_cron();
    assert!(is_kept());
    postern.wait(DAY);
    postern.run_cron();
    assert!(!is_kept());
}

fn mail(postern: &Postern, admin: &str) -> Value {
    get(postern, admin, "").expect(200)["mail"].clone()
}

#[test]
fn mail_is_counted_by_provider_and_the_queue_is_shown() {
    let settings = [("MAIL_PROVIDER", "resend,postmark"), ("POSTMARK_SERVER_TOKEN", "token")];
    let settings: Vec<_> = RESEND.into_iter().filter(|(name, _)| *name != "MAIL_PROVIDER").chain(settings).collect();
    let postern = Postern::with_settings(&settings);
    let (ada, admin) = (postern.sign_up("ada@example.com"), postern.admin_token());
    let ask =
        || postern.post("/api/auth/send-password-reset-link").json(json!({ "email": ada.email })).send().expect(200);
    let providers = || {
        let mail = mail(&postern, &admin);
        let numbers = |number: usize| {
            [&mail["providers"][number]["sent"], &mail["providers"][number]["failed"]].map(|n| n.as_i64().unwrap())
        };
        assert_eq!(
            (&mail["providers"][0]["name"], &mail["providers"][1]["name"]),
            (&json!("resend"), &json!("postmark"))
        );
        (numbers(0), numbers(1))
    };
    assert_eq!(providers(), ([0, 0], [0, 0]));
    ask();
    assert_eq!(providers(), ([1, 0], [0, 0]));
    postern.resend.is_down.set(true);
    let asked_at = postern.now.get();
    ask();
    assert_eq!(providers(), ([1, 1], [0, 1]));
    let state = mail(&postern, &admin);
    assert_eq!((&state["queued"], &state["oldest_at"], &state["retrying"]), (&json!(1), &json!(asked_at), &json!(1)));
    postern.wait(2 * MINUTE);
    postern.run_cron();
    assert_eq!(providers(), ([1, 2], [0, 2]));
    postern.resend.is_down.set(false);
    postern.wait(5 * MINUTE);
    postern.run_cron();
    assert_eq!(providers(), ([2, 2], [0, 2]));
    let state = mail(&postern, &admin);
    assert_eq!((&state["queued"], &state["oldest_at"], &state["retrying"]), (&json!(0), &Value::Null, &json!(0)));
    // A provider that is no longer in the settings is shown while its counts are in the time of the overview.
    postern.redeploy(&RESEND);
    let state = mail(&postern, &admin);
    let names: Vec<&Value> = state["providers"].as_array().unwrap().iter().map(|provider| &provider["name"]).collect();
    assert_eq!(names, ["resend", "postmark"]);
}

#[test]
fn a_mail_counts_once_even_if_the_database_responds_late() {
    for call in 1..40 {
        let postern = Postern::with_settings(&RESEND);
        let (ada, admin) = (postern.sign_up("ada@example.com"), postern.admin_token());
        postern.outside.fault.set(Some((call, Fault::PassingAfter)));
        postern.post("/api/auth/send-password-reset-link").json(json!({ "email": ada.email })).send();
        postern.outside.is_out.set(false);
        let is_used = postern.outside.fault.take().is_none();
        for _ in 0..4 {
            postern.wait(MINUTE);
            postern.run_cron();
        }
        let state = mail(&postern, &admin);
        let provider = &state["providers"][0];
        assert_eq!(
            (&state["queued"], &provider["sent"]),
            (&json!(0), &json!(postern.resend.mails(&ada.email).len())),
            "call {call}"
        );
        if !is_used {
            return;
        }
    }
}

#[test]
fn the_overview_reads_no_more_if_there_are_more_users_events_and_sessions() {
    let (postern, admin) = without_events();
    let grow = |from: i64, to: i64| {
        for sql in [
            "WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
             INSERT INTO users (id, email, password_hash, created_at, updated_at)
             SELECT 'u' || i, 'u' || i || '@example.com', 'x', i, i FROM n",
            "INSERT INTO sessions (id, user_id, created_at, expires_at)
             SELECT id, id, 1, 9000000000000 FROM users WHERE created_at BETWEEN ?1 AND ?2",
            "INSERT INTO mails (id, sealed, attempts, next_attempt_at, created_at, expires_at)
             SELECT id, '', 1, 9000000000000, 1, 9000000000000 FROM users WHERE created_at BETWEEN ?1 AND ?2",
            "INSERT INTO events (at, action, result, address)
             SELECT 1800000000000, 'login', 'success', 'x' FROM users WHERE created_at BETWEEN ?1 AND ?2",
        ] {
            postern.sql.execute(sql, &[from.into(), to.into()]);
        }
    };
    let steps = |act: &dyn Fn()| {
        let before = postern.sql.steps.get();
        act();
        postern.sql.steps.get() - before
    };
    let show = || drop(get(&postern, &admin, "?days=90").expect(200));
    let count = || {
        let app = postern.services().at(postern.now.get());
        pollster::block_on(postern::store::daily_counts::roll_up(&app.store, app.now)).unwrap();
    };
    grow(1, 110_000);
    postern.wait(DAY);
    let before = (steps(&show), steps(&count));
    grow(110_001, 220_000);
    postern.wait(DAY);
    postern.sql.execute("UPDATE sessions SET expires_at = 9000000000000", &[]);
    let after = (steps(&show), steps(&count));
    assert!(after.0 < before.0 + before.0 / 5 && after.1 < before.1 + before.1 / 5, "{before:?}, then {after:?}");
    let users = &postern.sql.query("SELECT count FROM daily_counts WHERE name = 'users'", &[])[0]["count"];
    assert_eq!(users, 100_000);
}
