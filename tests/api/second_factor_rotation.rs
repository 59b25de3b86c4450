//! Authenticator apps and recovery codes when the secret of the deployment is rotated.

use postern::{
    access::second_factor,
    app::App,
    domain::recovery_code::RecoveryCode,
    store::{recovery_codes, totp},
};
use serde_json::from_value;

use crate::support::{NEW_SECRET, Postern, SECRET};

fn app(postern: &Postern) -> App {
    postern.services().at(postern.now.get())
}

/// Adds users whose authenticator apps and recovery codes are encrypted with the current secret. Returns a code of each app and a
/// recovery code of each user.
fn add_factors(postern: &Postern, users: usize) -> Vec<(String, String)> {
    let app = app(postern);
    (0..users)
        .map(|n| {
            let id = format!("user{n}");
            postern.sql.execute(
                "INSERT INTO users (id, email, password_hash, created_at, updated_at) VALUES (?1, ?1 || '@example.com', 'none', 0, 0)",
                &[id.as_str().into()],
            );
            postern.sql.execute(
                "INSERT INTO sessions (id, user_id, created_at, expires_at) VALUES (?1, ?1, 0, 9000000000000)",
                &[id.as_str().into()],
            );
            let (secret, new) = second_factor::draw_totp(&app, &id).unwrap();
            assert!(pollster::block_on(totp::begin(&app.store, &new, &id, app.now)).unwrap());
            let (shown, set) = second_factor::draw_recovery_codes(&app, &id).unwrap();
            assert_eq!((shown.len(), set.codes.len()), (10, 10));
            for code in set.codes {
                postern.sql.execute(
                    "INSERT INTO recovery_codes (id, user_id, key_id, sealed, created_at) VALUES (?1, ?2, ?3, ?4, 0)",
                    &[code.id.into(), id.as_str().into(), set.key_id.as_str().into(), code.sealed.into()],
                );
            }
            (secret.code(app.now / 30_000), shown[9].clone())
        })
        .collect()
}

/// Returns how many users can use their app, and how many a recovery code.
fn usable(postern: &Postern, codes: &[(String, String)]) -> (usize, usize) {
    let app = app(postern);
    let mut usable = (0, 0);
    for (n, (code, recovery_code)) in codes.iter().enumerate() {
        let id = format!("user{n}");
        let totp = postern.sql.query("SELECT * FROM totp WHERE user_id = ?1", &[id.as_str().into()]).remove(0);
        let totp: totp::Stored = from_value(totp).unwrap();
        usable.0 += usize::from(second_factor::first_code(&app, &id, &totp, code).is_some());
        let stored = postern.sql.query("SELECT * FROM recovery_codes WHERE user_id = ?1", &[id.as_str().into()]);
        let stored: Vec<recovery_codes::Stored> = stored.into_iter().map(|row| from_value(row).unwrap()).collect();
        let typed = RecoveryCode::parse(recovery_code).unwrap();
        usable.1 += usize::from(second_factor::matching_code(&app, &id, &stored, &typed).is_some());
    }
    usable
}

#[test]
fn nobody_loses_a_second_factor_when_the_secret_is_rotated() {
    let postern = Postern::new();
    let codes = add_factors(&postern, 120);
    postern.redeploy(&[("AUTH_SECRET", NEW_SECRET), ("AUTH_SECRET_PREVIOUS", SECRET)]);
    assert_eq!(usable(&postern, &codes), (120, 120));
    let keys = "SELECT key_id, count(*) AS count FROM recovery_codes GROUP BY key_id ORDER BY count";
    let before = postern.sql.query("SELECT * FROM recovery_codes ORDER BY id", &[]);

    // A run encrypts 500 rows of each table again.
    postern.run_cron();
    let counts: Vec<_> = postern.sql.query(keys, &[]).iter().map(|row| row["count"].as_i64().unwrap()).collect();
    assert_eq!(counts, [500, 700]);
    assert_eq!(usable(&postern, &codes), (120, 120));
    postern.run_cron();
    postern.run_cron();
    assert_eq!(postern.sql.query(keys, &[]).len(), 1);
    let after = postern.sql.query("SELECT * FROM recovery_codes ORDER BY id", &[]);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!([&before["id"], &before["user_id"]], [&after["id"], &after["user_id"]]);
        assert_ne!(before["sealed"], after["sealed"]);
    }

    // After that, a run changes nothing, and the previous secret is not needed.
    postern.run_cron();
    assert_eq!(postern.sql.query("SELECT * FROM recovery_codes ORDER BY id", &[]), after);
    postern.redeploy(&[("AUTH_SECRET", NEW_SECRET)]);
    assert_eq!(usable(&postern, &codes), (120, 120));
    assert_eq!(postern.log(), [""; 0]);
}

#[test]
fn with_a_new_secret_alone_no_older_second_factor_works_and_the_log_says_why() {
    let postern = Postern::new();
    let codes = add_factors(&postern, 1);
    postern.redeploy(&[("AUTH_SECRET", NEW_SECRET)]);
    postern.run_cron();
    assert_eq!(usable(&postern, &codes), (0, 0));
    let log = postern.log().join("\n");
    assert!(log.contains("AUTH_SECRET that is not accepted") && log.contains("user0"), "{log}");
}

#[test]
fn a_second_factor_works_for_its_own_user_only() {
    let postern = Postern::new();
    let codes = add_factors(&postern, 2);
    // What somebody copies from one row of the database to another is bound to its user.
    postern.sql.execute("UPDATE totp SET sealed = (SELECT sealed FROM totp WHERE user_id = 'user0')", &[]);
    postern.sql.execute("UPDATE recovery_codes SET user_id = iif(user_id = 'user0', 'user1', 'user0')", &[]);
    assert_eq!(usable(&postern, &[codes[0].clone(), codes[0].clone()]), (1, 0));
}
