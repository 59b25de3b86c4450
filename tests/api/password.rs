//! `PUT /api/auth/me/password`

use serde_json::{Value, json};

use crate::support::{Answer, Call, MINUTE, PASSWORD, Postern, SECOND, SignedUp};

const NEW_PASSWORD: &str = "another good password";

fn change<'a>(postern: &'a Postern, token: &str, old: &str, new: &str) -> Call<'a> {
    let body = json!({ "old_password": old, "new_password": new });
    postern.put("/api/auth/me/password").bearer(token).json(body)
}

fn with_ada() -> (Postern, SignedUp) {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    (postern, ada)
}

#[test]
fn a_new_password_works_immediately_and_the_old_one_does_not() {
    let (postern, ada) = with_ada();
    assert_eq!(change(&postern, &ada.token, PASSWORD, NEW_PASSWORD).send().expect(200), json!(true));
    postern.login("ada@example.com", PASSWORD).refused(401, "wrong_credentials");
    postern.login("ada@example.com", NEW_PASSWORD).expect(200);
}

#[test]
fn all_other_sessions_end_and_this_one_continues() {
    let (postern, ada) = with_ada();
    let others: Vec<String> = (0..3).map(|_| postern.token("ada@example.com", PASSWORD)).collect();
    let bob = postern.sign_up("bob@example.com");
    change(&postern, &others[1], PASSWORD, NEW_PASSWORD).send().expect(200);
    let statuses = [&ada.token, &others[0], &others[1], &others[2], &bob.token].map(|token| postern.me(token));
    assert_eq!(statuses, [401, 401, 200, 401, 200]);
}

#[test]
fn a_wrong_old_password_changes_nothing() {
    let (postern, ada) = with_ada();
    let other = postern.token("ada@example.com", PASSWORD);
    change(&postern, &ada.token, "wrong password", NEW_PASSWORD).send().refused(403, "wrong_password");
    assert_eq!((postern.me(&ada.token), postern.me(&other)), (200, 200));
    postern.login("ada@example.com", PASSWORD).expect(200);
}

#[test]
fn the_last_character_of_the_old_password_counts() {
    let (postern, ada) = with_ada();
    let long = "a".repeat(127) + "b";
    change(&postern, &ada.token, PASSWORD, &long).send().expect(200);
    change(&postern, &ada.token, &("a".repeat(127) + "c"), PASSWORD).send().refused(403, "wrong_password");
    change(&postern, &ada.token, &long, PASSWORD).send().expect(200);
}

#[test]
fn guesses_here_and_at_login_count_together() {
    let (postern, ada) = with_ada();
    let guess_at_login = || postern.login("ada@example.com", "wrong password");
    let guess_here = || change(&postern, &ada.token, "wrong password", NEW_PASSWORD).send();
    let attempts: Vec<u16> =
        (0..30).map(|n| if n % 2 == 0 { guess_at_login().status } else { guess_here().status }).collect();
    assert_eq!(attempts.iter().filter(|status| **status != 429).count(), 20, "{attempts:?}");
    guess_at_login().refused(429, "too_many_requests");
    guess_here().refused(429, "too_many_requests");
    change(&postern, &ada.token, PASSWORD, NEW_PASSWORD).send().refused(429, "too_many_requests");
}

#[test]
fn the_owner_can_continue_after_the_stated_wait() {
    let (postern, ada) = with_ada();
    let guess = || change(&postern, &ada.token, "wrong password", NEW_PASSWORD).send();
    let refused = std::iter::repeat_with(guess).take(100).find(|answer| answer.status == 429).unwrap();
    let wait: i64 = refused.header("retry-after").unwrap().parse().unwrap();
    postern.wait(wait * SECOND - 1);
    guess().refused(429, "too_many_requests");
    postern.wait(1);
    change(&postern, &ada.token, PASSWORD, NEW_PASSWORD).send().expect(200);
    guess().refused(403, "wrong_password");
}

#[test]
fn fifty_concurrent_guesses_with_a_stolen_session_count_as_fifty() {
    let (postern, ada) = with_ada();
    let guesses = (0..50).map(|_| change(&postern, &ada.token, "wrong password", NEW_PASSWORD)).collect();
    let answers = postern.at_once(guesses);
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(403), count(429)), (20, 30));
}

#[test]
fn one_of_two_concurrent_changes_succeeds() {
    let (postern, ada) = with_ada();
    let other = postern.token("ada@example.com", PASSWORD);
    let passwords = ["the first new password", "the second new password"];
    let answers = postern.at_once(vec![
        change(&postern, &ada.token, PASSWORD, passwords[0]),
        change(&postern, &other, PASSWORD, passwords[1]),
    ]);
    let winners: Vec<usize> = (0..2).filter(|at| answers[*at].status == 200).collect();
    assert_eq!(winners.len(), 1, "{answers:?}");
    answers[1 - winners[0]].refused(403, "wrong_password");
    postern.login("ada@example.com", passwords[winners[0]]).expect(200);
    postern.login("ada@example.com", passwords[1 - winners[0]]).refused(401, "wrong_credentials");
    let sessions = [&ada.token, &other].map(|token| postern.me(token));
    assert_eq!((sessions[winners[0]], sessions[1 - winners[0]]), (200, 401));
}

#[test]
fn one_of_fifty_concurrent_changes_succeeds() {
    let (postern, ada) = with_ada();
    let password = |n: usize| format!("the new password number {n}");
    let changes = (0..50).map(|n| change(&postern, &ada.token, PASSWORD, &password(n))).collect();
    let answers = postern.at_once(changes);
    let winners: Vec<usize> = (0..50).filter(|at| answers[*at].status == 200).collect();
    assert_eq!(winners.len(), 1);
    postern.login("ada@example.com", &password(winners[0])).expect(200);
}

fn refused_because(postern: &Postern, token: &str, new: &str) -> Option<String> {
    let answer: Answer = change(postern, token, PASSWORD, new).send();
    if answer.status == 200 {
        change(postern, token, new, PASSWORD).send().expect(200);
        return None;
    }
    assert_eq!(answer.faulty_fields(), ["new_password"]);
    answer.body["detail"][0]["type"].as_str().map(str::to_owned)
}

#[test]
fn a_password_has_8_to_128_characters_of_any_kind() {
    let (postern, ada) = with_ada();
    let refused_because = |new: &str| refused_because(&postern, &ada.token, new);
    for text in ["29163047", "\u{1f511}\u{1f512}", "\u{e9}\u{e8}", " .", "\u{202e}\u{202d}", "\0\t", "\"\\\n"] {
        let good = [text.repeat(8).chars().take(8).collect::<String>(), text.chars().cycle().take(128).collect()];
        for password in good {
            assert_eq!(refused_because(&password), None, "{password:?}");
        }
        let short: String = text.chars().cycle().take(7).collect();
        let long: String = text.chars().cycle().take(129).collect();
        assert_eq!(refused_because(&short).as_deref(), Some("string_too_short"), "{short:?}");
        assert_eq!(refused_because(&long).as_deref(), Some("string_too_long"), "{long:?}");
    }
}

#[test]
fn passwords_are_not_trimmed() {
    let (postern, ada) = with_ada();
    change(&postern, &ada.token, PASSWORD, "  spacious  ").send().expect(200);
    postern.login("ada@example.com", "spacious").refused(401, "wrong_credentials");
    change(&postern, &ada.token, "spacious", PASSWORD).send().refused(403, "wrong_password");
    change(&postern, &ada.token, "  spacious  ", PASSWORD).send().expect(200);
}

#[test]
fn the_service_name_and_the_users_email_are_rejected_as_passwords() {
    let postern = Postern::with_settings(&[("SERVICE_NAME", "Difference Engine")]);
    let ada = postern.sign_up("ada.lovelace@example.com");
    for password in ["difference engine", "ADA.Lovelace", "Ada.Lovelace@Example.com"] {
        let kind = refused_because(&postern, &ada.token, password);
        assert_eq!(kind.as_deref(), Some("password_guessable"), "{password}");
    }
    assert_eq!(refused_because(&postern, &ada.token, "ada.lovelace1"), None);
}

#[test]
fn the_minimum_length_is_a_setting() {
    let postern = Postern::with_settings(&[("PASSWORD_MIN_LENGTH", "15")]);
    let ada = postern.sign_up("ada@example.com");
    assert_eq!(refused_because(&postern, &ada.token, "14 characters.").as_deref(), Some("string_too_short"));
    assert_eq!(refused_because(&postern, &ada.token, "15 characters.."), None);
}

#[test]
fn all_invalid_fields_are_reported_and_do_not_count_as_a_guess() {
    let (postern, ada) = with_ada();
    let put = |body: Value| postern.put("/api/auth/me/password").bearer(&ada.token).json(body).send();
    for _ in 0..30 {
        assert_eq!(put(json!({})).faulty_fields(), ["old_password", "new_password"]);
    }
    assert_eq!(put(json!({ "old_password": 1, "new_password": "short" })).faulty_fields().len(), 2);
    change(&postern, &ada.token, PASSWORD, NEW_PASSWORD).send().expect(200);
}

#[test]
fn a_change_invalidates_reset_tokens() {
    let (postern, ada) = with_ada();
    let reset = postern.reset_token("ada@example.com");
    assert_eq!(postern.me(&reset), 200);
    change(&postern, &ada.token, PASSWORD, NEW_PASSWORD).send().expect(200);
    assert_eq!(postern.me(&reset), 401);
    let body = json!({ "password": "a thief's password" });
    let answer = postern.post("/api/auth/reset-password-with-token").bearer(&reset).json(body).send();
    answer.refused(401, "invalid_token");
    postern.login("ada@example.com", NEW_PASSWORD).expect(200);
}

#[test]
fn a_rejected_change_keeps_the_reset_token_valid() {
    let (postern, ada) = with_ada();
    let reset = postern.reset_token("ada@example.com");
    change(&postern, &ada.token, "wrong password", NEW_PASSWORD).send().refused(403, "wrong_password");
    assert_eq!(postern.me(&reset), 200);
}

#[test]
fn the_owner_gets_a_mail_after_a_change_and_no_other() {
    let (postern, ada) = with_ada();
    change(&postern, &ada.token, "wrong password", NEW_PASSWORD).send().refused(403, "wrong_password");
    assert_eq!(postern.mails("ada@example.com").len(), 0);
    change(&postern, &ada.token, PASSWORD, NEW_PASSWORD).send().expect(200);
    let mails = postern.mails("ada@example.com");
    assert_eq!(mails.len(), 1);
    assert!(mails[0]["subject"].as_str().unwrap().contains("password"), "{mails:?}");
    assert!(mails[0]["text"].as_str().unwrap().contains("https://app.example.com/"), "{mails:?}");
    assert!(!mails[0].to_string().contains(NEW_PASSWORD));
}

#[test]
fn a_mail_that_cannot_be_sent_does_not_undo_the_change() {
    let postern = Postern::with_settings(&crate::support::RESEND);
    let ada = postern.sign_up("ada@example.com");
    postern.resend.is_down.set(true);
    change(&postern, &ada.token, PASSWORD, NEW_PASSWORD).send().expect(200);
    postern.login("ada@example.com", NEW_PASSWORD).expect(200);
    assert_eq!(postern.log().len(), 1, "{:?}", postern.log());
}

#[test]
fn the_default_admin_gets_no_mail_and_does_not_have_to_change_the_password_again() {
    let postern = Postern::new();
    assert_eq!(postern.login("admin", "admin").expect(200)["must_change_password"], true);
    let token = postern.admin_token();
    change(&postern, &token, "admin", NEW_PASSWORD).send().expect(200);
    assert_eq!(postern.login("admin", NEW_PASSWORD).expect(200).get("must_change_password"), None);
    postern.login("admin", "admin").refused(401, "wrong_credentials");
    assert_eq!(postern.sql.query("SELECT id FROM outbox", &[]).len(), 0);
    assert_eq!(postern.log(), [""; 0]);
}

#[test]
fn users_cannot_change_another_users_password() {
    let (postern, ada) = with_ada();
    let bob = postern.sign_up("bob@example.com");
    let body = json!({
        "old_password": PASSWORD, "new_password": NEW_PASSWORD,
        "id": bob.id, "user_id": bob.id, "email": bob.email, "sub": bob.id
    });
    postern.put("/api/auth/me/password").bearer(&ada.token).json(body).send().expect(200);
    postern.login("bob@example.com", PASSWORD).expect(200);
    assert_eq!(postern.me(&bob.token), 200);
}

#[test]
fn a_user_can_change_the_password_a_hundred_times_an_hour() {
    let (postern, ada) = with_ada();
    let passwords = [PASSWORD, NEW_PASSWORD];
    let put = |n: usize| change(&postern, &ada.token, passwords[n % 2], passwords[(n + 1) % 2]).send();
    let done = (0..300).take_while(|n| put(*n).status == 200).count();
    assert_eq!(done, 100);
    let refusal = put(done);
    refusal.refused(429, "too_many_requests");
    assert_eq!(refusal.header("retry-after"), Some("60"));
    // Logins and other users are not affected.
    postern.login("ada@example.com", passwords[done % 2]).expect(200);
    let bob = postern.sign_up("bob@example.com");
    change(&postern, &bob.token, PASSWORD, NEW_PASSWORD).send().expect(200);
    postern.wait(60 * SECOND);
    put(done).expect(200);
}

/// A user who has removed the password.
fn without_password() -> (Postern, SignedUp) {
    let (postern, ada) = with_ada();
    postern.sql.execute("UPDATE users SET password_hash = '' WHERE id = ?1", &[ada.id.as_str().into()]);
    (postern, ada)
}

#[test]
fn a_user_without_a_password_cannot_log_in_with_any() {
    let (postern, _) = without_password();
    for password in ["", " ", PASSWORD] {
        postern.login("ada@example.com", password).refused(401, "wrong_credentials");
    }
    assert_eq!(postern.log(), [""; 0]);
}

#[test]
fn a_user_without_a_password_sets_one_with_recent_authentication() {
    let (postern, ada) = without_password();
    let set = |old: &[(&str, Value)]| {
        let mut body = json!({ "new_password": NEW_PASSWORD });
        body.as_object_mut().unwrap().extend(old.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        postern.put("/api/auth/me/password").bearer(&ada.token).json(body).send()
    };
    // Any old password is wrong.
    set(&[("old_password", json!(""))]).refused(403, "wrong_password");
    set(&[("old_password", json!(PASSWORD))]).refused(403, "wrong_password");
    postern.wait(16 * MINUTE);
    set(&[]).refused(403, "reauthentication_required");
    postern.wait(-16 * MINUTE);
    set(&[]).expect(200);
    postern.login("ada@example.com", NEW_PASSWORD).expect(200);
    assert_eq!(postern.me(&ada.token), 200);
    assert!(postern.mails("ada@example.com")[0]["subject"].as_str().unwrap().contains("password was changed"));
    // From now on, it takes the old one.
    assert_eq!(set(&[]).faulty_fields(), ["old_password"]);
}

#[test]
fn a_missing_old_password_is_reported_with_the_other_invalid_fields() {
    let (postern, ada) = with_ada();
    let put = |body: Value| postern.put("/api/auth/me/password").bearer(&ada.token).json(body).send();
    assert_eq!(put(json!({})).faulty_fields(), ["old_password", "new_password"]);
    assert_eq!(put(json!({ "new_password": "short" })).faulty_fields(), ["old_password", "new_password"]);
    assert_eq!(
        put(json!({ "old_password": 1, "new_password": "short" })).faulty_fields(),
        ["old_password", "new_password"]
    );
    for (old_password, problem) in [(json!(null), "string_type"), (json!(1), "string_type")] {
        let answer = put(json!({ "old_password": old_password, "new_password": NEW_PASSWORD }));
        assert_eq!(answer.faulty_fields(), ["old_password"]);
        assert_eq!(answer.body["detail"][0]["type"], problem);
    }
    assert_eq!(put(json!({ "new_password": NEW_PASSWORD })).body["detail"][0]["type"], "missing");
}
