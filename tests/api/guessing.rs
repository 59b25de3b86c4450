//! Password guesses: which counters they use, what resets the counters, and how long a caller has to wait.

use serde_json::json;

use crate::support::{DAY, HOUR, PASSWORD, Postern, SECOND};

const ADA: &str = "ada@example.com";
const NEW_PASSWORD: &str = "another good password";
const HOME: &str = "192.0.2.7";
const ELSEWHERE: &str = "198.51.100.1";

/// A service with Ada, who signed up from her home address.
fn with_ada() -> Postern {
    let postern = Postern::new();
    postern.come_from(HOME);
    postern.sign_up(ADA);
    postern
}

fn guess(postern: &Postern) -> u16 {
    postern.login(ADA, "wrong password").status
}

/// Guesses until a guess is rejected. Returns how many passwords were checked.
fn guess_until_refused(postern: &Postern) -> usize {
    std::iter::repeat_with(|| guess(postern)).take(100).take_while(|status| *status == 401).count()
}

/// The `Retry-After` of a rejected login, in seconds.
fn retry_after(postern: &Postern) -> i64 {
    let answer = postern.login(ADA, "wrong password");
    answer.refused(429, "too_many_requests");
    answer.header("retry-after").unwrap().parse().unwrap()
}

/// Guesses from the current address until the wait exceeds an hour.
fn guess_for_a_day(postern: &Postern) {
    guess_until_refused(postern);
    while retry_after(postern) < HOUR / SECOND {
        postern.wait(retry_after(postern) * SECOND);
        assert_eq!(guess(postern), 401);
    }
}

/// Returns how many guesses of a stranger are checked if the owner logs in after every 19.
fn judged_between_logins(postern: &Postern, owners_address: impl Fn(usize) -> String) -> usize {
    let mut judged = 0;
    for round in 0..8 {
        postern.come_from(ELSEWHERE);
        judged += (0..19).filter(|_| guess(postern) == 401).count();
        postern.come_from(&owners_address(round));
        postern.login(ADA, PASSWORD);
    }
    judged
}

#[test]
fn a_login_of_the_owner_allows_a_stranger_no_additional_guess() {
    let postern = with_ada();
    assert_eq!(judged_between_logins(&postern, |_| HOME.to_owned()), 20);
    let postern = with_ada();
    assert_eq!(judged_between_logins(&postern, |round| format!("203.0.113.{round}")), 20);
}

#[test]
fn a_login_from_a_new_address_removes_its_own_attempt_and_counter() {
    let postern = with_ada();
    postern.come_from(ELSEWHERE);
    assert_eq!((guess(&postern), guess(&postern)), (401, 401));
    let attempts = || {
        let rows = postern.sql.query("SELECT attempts FROM throttles WHERE attempts > 0 ORDER BY attempts", &[]);
        rows.iter().map(|row| row["attempts"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    // One counter for the account and one for the address; the third belongs to the sign-up.
    assert_eq!(attempts(), [1, 2, 2]);
    postern.login(ADA, PASSWORD).expect(200);
    assert_eq!(attempts(), [1, 2, 2]);

    let postern = with_ada();
    let rows = || postern.sql.query("SELECT key FROM throttles", &[]).len();
    let before = rows();
    postern.come_from(ELSEWHERE);
    postern.login(ADA, PASSWORD).expect(200);
    // The counter of the address, and the record that the password is known there.
    assert_eq!(rows(), before + 2);
}

#[test]
fn a_login_that_starts_no_session_removes_no_attempt() {
    let postern = Postern::new();
    postern.come_from(HOME);
    let ada = postern.sign_up(ADA);
    postern.come_from(ELSEWHERE);
    let attempts = || {
        let rows = postern.sql.query("SELECT coalesce(sum(attempts), 0) AS sum FROM throttles", &[]);
        rows[0]["sum"].as_i64().unwrap()
    };
    let before = attempts();
    // The deactivation overtakes the login. Both write in their second turn.
    let deactivate = postern.delete("/api/auth/me").bearer(&ada.token);
    let login = postern.post("/api/auth/login").json(json!({ "email": ADA, "password": PASSWORD }));
    let answers = postern.at_once(vec![deactivate, login]);
    assert_eq!((answers[0].status, answers[1].status), (200, 401), "{}", answers[1].text);
    assert_eq!(attempts(), before + 2);
}

#[test]
fn an_owner_who_has_only_signed_up_is_not_locked_out_at_home() {
    let postern = with_ada();
    postern.come_from(ELSEWHERE);
    assert_eq!(guess_until_refused(&postern), 20);
    postern.come_from(HOME);
    postern.login(ADA, PASSWORD).expect(200);
}

#[test]
fn a_password_set_by_link_works_everywhere_even_at_the_address_of_the_wrong_guesses() {
    let postern = with_ada();
    for address in [HOME, ELSEWHERE] {
        postern.come_from(address);
        guess_for_a_day(&postern);
        postern.login(ADA, PASSWORD).refused(429, "too_many_requests");
    }
    let token = postern.reset_token(ADA);
    let body = json!({ "password": NEW_PASSWORD });
    postern.post("/api/auth/reset-password-with-token").bearer(&token).json(body).send().expect(200);
    for address in [HOME, ELSEWHERE, "203.0.113.1"] {
        postern.come_from(address);
        postern.login(ADA, NEW_PASSWORD).expect(200);
    }
}

#[test]
fn the_address_of_a_reset_counts_as_knowing_the_password() {
    let postern = with_ada();
    postern.come_from("203.0.113.1");
    let token = postern.reset_token(ADA);
    let body = json!({ "password": NEW_PASSWORD });
    postern.post("/api/auth/reset-password-with-token").bearer(&token).json(body).send().expect(200);
    postern.come_from(ELSEWHERE);
    assert_eq!(guess_until_refused(&postern), 20);
    postern.login(ADA, NEW_PASSWORD).refused(429, "too_many_requests");
    postern.come_from("203.0.113.1");
    postern.login(ADA, NEW_PASSWORD).expect(200);
}

#[test]
fn every_new_password_resets_the_counters() {
    let postern = with_ada();
    for address in [HOME, ELSEWHERE] {
        postern.come_from(address);
        guess_for_a_day(&postern);
    }
    // Like `npm run admin -- reset-password`, which has the database but no key.
    let hash = "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8";
    postern.sql.execute("UPDATE users SET password_hash = ?2 WHERE email = ?1", &[ADA.into(), hash.into()]);
    for address in [HOME, ELSEWHERE] {
        postern.come_from(address);
        postern.login(ADA, "password").expect(200);
    }
}

#[test]
fn earlier_guesses_do_not_lock_an_account_that_an_admin_creates_with_a_password() {
    let postern = Postern::new();
    let admin = postern.admin_token();
    postern.come_from(ELSEWHERE);
    guess_for_a_day(&postern);
    let body = json!({ "email": ADA, "password": PASSWORD });
    postern.post("/api/auth/admin/users").bearer(&admin).json(body).send().expect(200);
    postern.login(ADA, PASSWORD).expect(200);
}

#[test]
fn a_rehash_is_not_a_new_password_and_allows_a_stranger_no_additional_guess() {
    let postern = with_ada();
    let hash = "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8";
    postern.sql.execute("UPDATE users SET password_hash = ?2 WHERE email = ?1", &[ADA.into(), hash.into()]);
    postern.come_from(ELSEWHERE);
    assert_eq!(guess_until_refused(&postern), 20);
    postern.come_from(HOME);
    postern.login(ADA, "password").expect(200);
    let rows = postern.sql.query("SELECT password_hash FROM users WHERE email = ?1", &[ADA.into()]);
    assert_ne!(rows[0]["password_hash"], hash);
    postern.come_from(ELSEWHERE);
    assert_eq!(guess(&postern), 429);
}

#[test]
fn retry_after_is_the_wait_of_the_counter_that_rejected_the_guess() {
    let postern = with_ada();
    postern.come_from(ELSEWHERE);
    guess_for_a_day(&postern);
    let elsewhere = retry_after(&postern);
    postern.come_from(HOME);
    assert_eq!(guess_until_refused(&postern), 20);
    let at_home = retry_after(&postern);
    assert_eq!(at_home, 30);
    postern.wait(at_home * SECOND - 1);
    assert_eq!(guess(&postern), 429);
    postern.wait(1);
    postern.login(ADA, PASSWORD).expect(200);
    postern.come_from(ELSEWHERE);
    assert_eq!(retry_after(&postern), elsewhere - at_home);
}

#[test]
fn retry_after_is_the_longer_wait_if_both_address_and_account_are_locked() {
    let postern = with_ada();
    postern.come_from(ELSEWHERE);
    while postern.login("nobody@example.com", "wrong password").status != 429 {}
    let blocked = |n: usize| postern.login(&format!("user{n}@example.com"), "wrong password").status == 429;
    assert!((0..1_000).any(blocked));
    assert_eq!(retry_after(&postern), 30);
    guess_from_elsewhere_for_a_day(&postern);
    assert!(retry_after(&postern) > HOUR / SECOND);
}

/// Locks Ada's account for more than an hour from a different address, without advancing the clock.
fn guess_from_elsewhere_for_a_day(postern: &Postern) {
    postern.come_from("198.51.100.2");
    let start = postern.now.get();
    postern.wait(-DAY);
    guess_for_a_day(postern);
    while postern.now.get() < start {
        let wait = retry_after(postern) * SECOND;
        if postern.now.get() + wait > start {
            break;
        }
        postern.wait(wait);
        guess(postern);
    }
    postern.now.set(start);
    postern.come_from(ELSEWHERE);
}

#[test]
fn a_lagging_clock_neither_shortens_a_lockout_nor_allows_more_guesses() {
    let postern = with_ada();
    postern.come_from(ELSEWHERE);
    for _ in 0..19 {
        assert_eq!(guess(&postern), 401);
    }
    // The lockout is caused by a request that read its clock long ago.
    postern.wait(-HOUR);
    assert_eq!(guess(&postern), 401);
    assert_eq!(guess(&postern), 429);
    postern.wait(HOUR);
    assert_eq!(retry_after(&postern), 30);
    postern.wait(30 * SECOND);
    assert_eq!(guess(&postern), 401);
    let wait = retry_after(&postern);
    for lag in [HOUR, DAY, 100 * DAY] {
        postern.wait(-lag);
        assert_eq!(guess(&postern), 429);
        postern.wait(lag);
    }
    assert_eq!(retry_after(&postern), wait);
}
