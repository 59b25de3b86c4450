//! The cron trigger: queued mail and cleanup.

use serde_json::{Value, json};

use crate::support::{DAY, Fault, HOUR, MINUTE, NEW_SECRET, PASSWORD, Postern, RESEND, SECOND, SECRET};

const ADA: &str = "ada@example.com";

/// Causes one mail of each kind that is sent after the response: a reset link, an invitation and a password notice.
fn cause_mails(postern: &Postern) -> String {
    let ada = postern.sign_up_verified(ADA);
    postern.post("/api/auth/send-password-reset-link").json(json!({ "email": ADA })).send().expect(200);
    let invite = json!({ "email": "bob@example.com" });
    postern.post("/api/auth/me/send-invite").bearer(&ada.token).json(invite).send().expect(200);
    ada.token
}

fn change_password(postern: &Postern, token: &str) {
    let body = json!({ "old_password": PASSWORD, "new_password": "another good password" });
    postern.put("/api/auth/me/password").bearer(token).json(body).send().expect(200);
}

fn queued(postern: &Postern) -> usize {
    postern.sql.query("SELECT id FROM mails", &[]).len()
}

fn subjects(mails: &[Value]) -> Vec<&str> {
    mails.iter().map(|mail| mail["subject"].as_str().unwrap()).collect()
}

#[test]
fn a_sent_mail_leaves_the_queue() {
    let postern = Postern::with_settings(&RESEND);
    let token = cause_mails(&postern);
    change_password(&postern, &token);
    assert_eq!((postern.resend.mails(ADA).len(), postern.resend.mails("bob@example.com").len()), (2, 1));
    assert_eq!(queued(&postern), 0);
    postern.wait(HOUR);
    postern.run_cron();
    assert_eq!(postern.resend.mails(ADA).len(), 2);
}

#[test]
fn after_a_provider_outage_of_ten_minutes_every_useful_mail_arrives_once() {
    let postern = Postern::with_settings(&RESEND);
    postern.resend.is_down.set(true);
    cause_mails(&postern);
    for _ in 0..10 {
        postern.wait(MINUTE);
        postern.run_cron();
    }
    assert_eq!((postern.resend.mails(ADA).len(), queued(&postern)), (0, 2));
    postern.resend.is_down.set(false);
    for _ in 0..10 {
        postern.wait(MINUTE);
        postern.run_cron();
    }
    let (to_ada, to_bob) = (postern.resend.mails(ADA), postern.resend.mails("bob@example.com"));
    assert_eq!((to_ada.len(), to_bob.len(), queued(&postern)), (1, 1, 0), "{:?}", subjects(&to_ada));
}

#[test]
fn a_delayed_reset_link_works_until_its_original_expiry() {
    let postern = Postern::with_settings(&RESEND);
    postern.resend.is_down.set(true);
    cause_mails(&postern);
    postern.wait(MINUTE);
    postern.resend.is_down.set(false);
    postern.run_cron();
    let mails = postern.resend.mails(ADA);
    let (_, rest) = mails[0]["text"].as_str().unwrap().split_once("token=").unwrap();
    let token = rest.split_whitespace().next().unwrap();
    assert_eq!(postern.me(token), 200);
    postern.wait(14 * MINUTE - SECOND);
    assert_eq!(postern.me(token), 200);
    postern.wait(SECOND);
    assert_eq!(postern.me(token), 401);
}

#[test]
fn a_mail_with_expired_content_is_dropped_and_logged() {
    let postern = Postern::with_settings(&RESEND);
    postern.resend.is_down.set(true);
    postern.sign_up(ADA);
    postern.post("/api/auth/send-password-reset-link").json(json!({ "email": ADA })).send().expect(200);
    postern.wait(15 * MINUTE);
    postern.resend.is_down.set(false);
    postern.run_cron();
    assert_eq!((postern.resend.mails(ADA).len(), queued(&postern)), (0, 0));
    assert!(postern.log().iter().any(|line| line.contains("1 mails could not be sent")), "{:?}", postern.log());
}

#[test]
fn after_a_second_request_only_the_newer_link_is_mailed() {
    let postern = Postern::with_settings(&RESEND);
    postern.resend.is_down.set(true);
    postern.sign_up(ADA);
    for _ in 0..3 {
        postern.post("/api/auth/send-password-reset-link").json(json!({ "email": ADA })).send().expect(200);
    }
    postern.resend.is_down.set(false);
    postern.wait(5 * MINUTE);
    postern.run_cron();
    assert_eq!((postern.resend.mails(ADA).len(), queued(&postern)), (1, 0));
}

#[test]
fn a_mail_is_not_sent_twice_if_the_providers_response_was_lost() {
    for call in 1..40 {
        let postern = Postern::with_settings(&RESEND);
        postern.sign_up(ADA);
        postern.outside.fault.set(Some((call, Fault::After)));
        let answer = postern.post("/api/auth/send-password-reset-link").json(json!({ "email": ADA })).send();
        let fault_was_used = postern.outside.fault.take().is_none();
        for _ in 0..14 {
            postern.wait(MINUTE);
            postern.run_cron();
        }
        if answer.status == 200 {
            assert_eq!((postern.resend.mails(ADA).len(), queued(&postern)), (1, 0), "call {call}");
        }
        assert!(postern.resend.mails(ADA).len() <= 1, "call {call}");
        if !fault_was_used {
            return;
        }
    }
    panic!("the call with the fault was never reached");
}

#[test]
fn an_address_without_an_account_gets_no_mail_and_none_stays_queued() {
    let postern = Postern::with_settings(&RESEND);
    let body = json!({ "email": "nobody@example.com" });
    postern.post("/api/auth/send-password-reset-link").json(body).send().expect(200);
    assert_eq!((postern.resend.mails("nobody@example.com").len(), queued(&postern)), (0, 0));
}

#[test]
fn queued_mail_is_encrypted_and_survives_a_rotation_of_the_secret() {
    let postern = Postern::with_settings(&RESEND);
    postern.resend.is_down.set(true);
    cause_mails(&postern);
    let stored = format!("{:?}", postern.sql.query("SELECT * FROM mails", &[]));
    assert!(!stored.contains("example.com") && !stored.contains("errand"), "{stored}");
    let rotated: Vec<_> =
        RESEND.into_iter().chain([("AUTH_SECRET", NEW_SECRET), ("AUTH_SECRET_PREVIOUS", SECRET)]).collect();
    postern.redeploy(&rotated);
    postern.resend.is_down.set(false);
    postern.wait(5 * MINUTE);
    postern.run_cron();
    assert_eq!((postern.resend.mails(ADA).len(), queued(&postern)), (1, 0));
}

#[test]
fn the_log_of_a_failed_mail_has_neither_address_nor_token() {
    let postern = Postern::with_settings(&RESEND);
    postern.resend.is_down.set(true);
    cause_mails(&postern);
    let log = postern.log().join("\n");
    assert!(log.contains("was not sent at attempt 1") && !log.contains("example.com"), "{log}");
}

#[test]
fn expired_rows_are_deleted_in_bounded_steps_and_live_ones_are_kept() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    postern.wait(6 * DAY);
    let live = postern.token(ADA, PASSWORD);
    postern.create_user_token(&live);
    postern.sql.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)
         INSERT INTO sessions (id, user_id, created_at, expires_at) SELECT 'old' || i, ?1, 0, 1 FROM n",
        &[ada.id.as_str().into()],
    );
    let count = |table: &'static str| {
        let rows = postern.sql.query(table, &[]);
        rows[0]["count"].as_i64().unwrap()
    };
    postern.wait(DAY);
    let mut steps = 0;
    let mut before = i64::MAX;
    loop {
        let sessions = count("SELECT count(*) AS count FROM sessions");
        if sessions == before {
            break;
        }
        assert!(before == i64::MAX || before - sessions <= 5_000);
        before = sessions;
        postern.run_cron();
        steps += 1;
    }
    assert!(steps > 3, "{steps}");
    // The first sessions of Ada and the admin have expired; Ada's second session and her token have not.
    assert_eq!(postern.me(&live), 200);
    assert_eq!(count("SELECT count(*) AS count FROM sessions WHERE expires_at <= 1"), 0);
    assert_eq!(postern.get("/api/auth/me/tokens").bearer(&live).send().expect(200).as_array().unwrap().len(), 1);
    postern.wait(400 * DAY);
    postern.run_cron();
    for table in [
        "SELECT count(*) AS count FROM sessions",
        "SELECT count(*) AS count FROM user_tokens",
        "SELECT count(*) AS count FROM throttles",
    ] {
        assert_eq!(count(table), 0, "{table}");
    }
    assert_eq!(count("SELECT count(*) AS count FROM users"), 2);
}

#[test]
fn a_run_during_an_outage_logs_it_and_the_next_run_does_the_work() {
    let postern = Postern::with_settings(&RESEND);
    postern.resend.is_down.set(true);
    cause_mails(&postern);
    postern.resend.is_down.set(false);
    postern.wait(5 * MINUTE);
    postern.outside.is_out.set(true);
    postern.run_cron();
    assert!(postern.log().iter().any(|line| line.contains("cleaning up")), "{:?}", postern.log());
    postern.outside.is_out.set(false);
    postern.wait(MINUTE);
    postern.run_cron();
    assert_eq!(queued(&postern), 0);
}

fn insert_users(postern: &Postern, count: usize) {
    postern.sql.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
         INSERT INTO users (id, email, password_hash, created_at, updated_at)
         SELECT 'user' || i, 'user' || i || '@example.com', 'none', 0, 0 FROM n",
        &[(count as i64).into()],
    );
}

fn request_links(postern: &Postern, count: usize) {
    for n in 1..=count {
        postern.come_from(&format!("198.51.{}.{}", n / 100, n % 100));
        let body = json!({ "email": format!("user{n}@example.com") });
        postern.post("/api/auth/send-password-reset-link").json(body).send().expect(200);
    }
}

fn links_that_arrived(postern: &Postern, count: usize) -> usize {
    (1..=count).filter(|n| !postern.resend.mails(&format!("user{n}@example.com")).is_empty()).count()
}

/// Advances the clock by minutes, with a run of the cron trigger in each.
fn run_minutes(postern: &Postern, minutes: i64) {
    for _ in 0..minutes {
        let next = postern.now.get() + MINUTE;
        postern.run_cron();
        assert!(postern.now.get() < next, "a run continues when the next one starts");
        postern.now.set(next);
    }
}

#[test]
fn reset_links_are_sent_before_earlier_invitations() {
    let postern = Postern::with_settings(&RESEND);
    let inviters: Vec<_> = (0..8).map(|n| postern.sign_up_verified(&format!("inviter{n}@example.com"))).collect();
    insert_users(&postern, 20);
    postern.resend.is_down.set(true);
    for (n, inviter) in inviters.iter().enumerate() {
        for m in 0..20 {
            let body = json!({ "email": format!("invitee{n}-{m}@example.com") });
            postern.post("/api/auth/me/send-invite").bearer(&inviter.token).json(body).send().expect(200);
        }
    }
    request_links(&postern, 20);
    postern.now.set(postern.now.get() + MINUTE);
    postern.resend.takes.set(2 * SECOND);
    run_minutes(&postern, 1);
    postern.resend.is_down.set(false);
    // Each run has time for about 22 mails.
    run_minutes(&postern, 3);
    assert_eq!(links_that_arrived(&postern, 20), 20);
    assert!(queued(&postern) > 50, "the order was not tested: {}", queued(&postern));
    run_minutes(&postern, 20);
    assert_eq!(queued(&postern), 0);
}

#[test]
fn no_reset_link_expires_during_a_provider_outage_of_two_minutes() {
    let postern = Postern::with_settings(&RESEND);
    insert_users(&postern, 300);
    postern.resend.is_down.set(true);
    request_links(&postern, 300);
    postern.now.set(postern.now.get() + MINUTE);
    // 200 ms each, five at a time.
    postern.resend.takes.set(40);
    run_minutes(&postern, 2);
    postern.resend.is_down.set(false);
    run_minutes(&postern, 12);
    assert_eq!((links_that_arrived(&postern, 300), queued(&postern)), (300, 0));
}

#[test]
fn a_run_stays_below_the_platforms_limit_of_calls_even_if_all_providers_fail() {
    let several = [
        ("MAIL_PROVIDER", "resend,postmark,sendgrid,mailgun"),
        ("POSTMARK_SERVER_TOKEN", "token"),
        ("SENDGRID_API_KEY", "key"),
        ("MAILGUN_API_KEY", "key"),
        ("MAILGUN_DOMAIN", "mg.example.com"),
    ];
    for settings in
        [RESEND.to_vec(), RESEND.into_iter().filter(|(name, _)| *name != "MAIL_PROVIDER").chain(several).collect()]
    {
        let postern = Postern::with_settings(&settings);
        insert_users(&postern, 300);
        postern.resend.is_down.set(true);
        request_links(&postern, 300);
        postern.wait(MINUTE);
        let (calls, posts) = (postern.outside.calls.get(), postern.resend.posts.borrow().len());
        postern.run_cron();
        let calls = postern.outside.calls.get() - calls;
        assert!(postern.resend.posts.borrow().len() > posts + 150, "the run did little");
        assert!(calls < 1_000, "{calls} calls");
    }
}

#[test]
fn a_mail_is_dropped_immediately_if_the_provider_rejects_the_recipient() {
    let postern = Postern::with_settings(&RESEND);
    *postern.resend.refuses.borrow_mut() = Some("bob@example.com".to_owned());
    cause_mails(&postern);
    assert_eq!((queued(&postern), postern.resend.mails(ADA).len()), (0, 1));
    let log = postern.log().join("\n");
    assert!(log.contains("failed permanently at attempt 1: resend refused the recipient"), "{log}");
    assert!(!log.contains("example.com"), "{log}");
}

#[test]
fn the_same_idempotency_key_always_carries_the_same_body() {
    let postern = Postern::with_settings(&RESEND);
    postern.resend.is_down.set(true);
    let token = cause_mails(&postern);
    for attempt in 0..3 {
        postern.wait(5 * MINUTE - SECOND);
        let name = json!({ "name": format!("Ada the {attempt}th") });
        postern.put("/api/auth/me/name").bearer(&token).json(name).send().expect(200);
        postern.run_cron();
    }
    let posts = postern.resend.posts.borrow();
    assert!(posts.iter().any(|(_, body)| body.contains("Ada the 1th")), "no retry had another body");
    for (key, body) in posts.iter() {
        assert!(posts.iter().all(|(other, content)| (other == key) == (content == body)), "{key}: {body}");
    }
}

#[test]
fn password_notices_within_ten_minutes_are_one_immediate_and_one_final() {
    let postern = Postern::with_settings(&RESEND);
    let mut token = postern.sign_up(ADA).token;
    let mut passwords = [PASSWORD, "another good password"];
    for _ in 0..6 {
        let body = json!({ "old_password": passwords[0], "new_password": passwords[1] });
        postern.put("/api/auth/me/password").bearer(&token).json(body).send().expect(200);
        passwords.reverse();
        postern.wait(SECOND);
    }
    assert_eq!((postern.resend.mails(ADA).len(), queued(&postern)), (1, 1));
    run_minutes(&postern, 9);
    assert_eq!(postern.resend.mails(ADA).len(), 1);
    run_minutes(&postern, 3);
    assert_eq!((postern.resend.mails(ADA).len(), queued(&postern)), (2, 0));
    // A later change causes an immediate notice again.
    token = postern.token(ADA, passwords[0]);
    let body = json!({ "old_password": passwords[0], "new_password": passwords[1] });
    postern.put("/api/auth/me/password").bearer(&token).json(body).send().expect(200);
    assert_eq!(postern.resend.mails(ADA).len(), 3);
}

#[test]
fn strangers_who_flood_a_recipient_cannot_suppress_notices_or_codes() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    let body = json!({ "email": ADA });
    let flood = (0..30).map(|_| postern.post("/api/auth/send-password-reset-link").json(body.clone()).send().status);
    assert!(flood.filter(|status| *status == 200).count() <= 15);
    for n in 0..10 {
        let inviter = postern.sign_up_verified(&format!("inviter{n}@example.com"));
        postern.post("/api/auth/me/send-invite").bearer(&inviter.token).json(json!({ "email": ADA })).send();
    }
    assert!(postern.mails(ADA).len() <= 15, "{}", postern.mails(ADA).len());
    postern.one_time_password(&ada.token, ADA);
    let before = postern.mails(ADA).len();
    change_password(&postern, &ada.token);
    assert_eq!(postern.mails(ADA).len(), before + 1);
}

#[test]
fn an_account_created_by_an_admin_comes_with_its_own_mail_and_a_link_for_seven_days() {
    for (wait, status) in [(7 * DAY - SECOND, 200), (7 * DAY, 401)] {
        let postern = Postern::with_settings(&RESEND);
        let body = json!({ "email": ADA, "name": "Ada" });
        postern.post("/api/auth/admin/users").bearer(&postern.admin_token()).json(body).send().expect(200);
        let mail = postern.resend.mails(ADA).remove(0);
        let text = mail["text"].as_str().unwrap();
        assert!(text.contains("has created an account for you") && text.contains("7 days"), "{text}");
        assert!(!text.contains("asked to reset"), "{text}");
        let (_, rest) = text.split_once("token=").unwrap();
        let token = rest.split_whitespace().next().unwrap();
        postern.wait(wait);
        assert_eq!(postern.me(token), status);
        let set = postern.post("/api/auth/reset-password-with-token").bearer(token);
        assert_eq!(set.json(json!({ "password": PASSWORD })).send().status, status);
        assert_eq!(postern.login(ADA, PASSWORD).status, status);
    }
}
