//! `POST /api/auth/me/send-otp` and `POST /api/auth/verify-otp`

use serde_json::json;

use crate::support::{Answer, Call, DAY, Fault, HOUR, MINUTE, PASSWORD, Postern, RESEND, SECOND, SignedUp};

const ADA: &str = "ada@example.com";

fn send<'a>(postern: &'a Postern, session: &str) -> Call<'a> {
    postern.post("/api/auth/me/send-otp").bearer(session)
}

fn verify<'a>(postern: &'a Postern, token: &str, code: &str) -> Call<'a> {
    postern.post("/api/auth/verify-otp").form(&[("otp", code), ("token", token)])
}

fn with_ada() -> (Postern, SignedUp) {
    with_ada_and(&[])
}

fn with_ada_and(settings: &[(&str, &str)]) -> (Postern, SignedUp) {
    let postern = Postern::with_settings(settings);
    let ada = postern.sign_up(ADA);
    (postern, ada)
}

/// Returns Ada's OTP session token and its code as well.
fn with_code() -> (Postern, SignedUp, String, String) {
    let (postern, ada) = with_ada();
    let (token, code) = postern.one_time_password(&ada.token, ADA);
    (postern, ada, token, code)
}

/// Returns a code other than `code`.
fn wrong(code: &str) -> String {
    let number: u32 = code.parse().unwrap();
    format!("{:06}", (number + 1) % 1_000_000)
}

fn is_verified(postern: &Postern, session: &str) -> bool {
    postern.get("/api/auth/me").bearer(session).send().expect(200)["is_verified"] == true
}

fn retry_after(answer: &Answer) -> i64 {
    answer.refused(429, "too_many_requests");
    answer.header("retry-after").unwrap().parse().unwrap()
}

#[test]
fn the_code_in_the_mail_verifies_the_email() {
    let (postern, ada, token, code) = with_code();
    assert!(!is_verified(&postern, &ada.token));
    assert_eq!(verify(&postern, &token, &code).send().expect(200), json!(true));
    assert!(is_verified(&postern, &ada.token));
}

#[test]
fn a_code_has_six_digits_and_can_start_with_zero() {
    let (postern, ada) = with_ada();
    let codes: Vec<String> = (0..60)
        .map(|_| {
            postern.wait(HOUR);
            let session = postern.token(ADA, PASSWORD);
            postern.one_time_password(&session, ADA).1
        })
        .collect();
    assert!(codes.iter().all(|code| code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit())), "{codes:?}");
    // The chance that all sixty start with the same digit is 1 in 10^59.
    assert!(codes.iter().any(|code| code[..1] != codes[0][..1]), "{codes:?}");
    assert_eq!(postern.mails(&ada.email).len(), 60);
}

#[test]
fn a_code_can_be_typed_with_spaces() {
    let (postern, _, token, code) = with_code();
    verify(&postern, &token, &format!(" {} {}\n", &code[..3], &code[3..])).send().expect(200);
}

#[test]
fn separators_and_invisible_characters_in_a_code_cost_no_guess() {
    for separator in ["-", "\u{2013}", "\u{200b}", "\u{a0}", " \u{2212} "] {
        let (postern, _, token, code) = with_code();
        // The fifth and last guess.
        (0..4).for_each(|_| verify(&postern, &token, &wrong(&code)).send().refused(403, "wrong_otp"));
        let typed = format!("\u{feff}{}{separator}{}", &code[..3], &code[3..]);
        verify(&postern, &token, &typed).send().expect(200);
    }
    let (postern, _, token, code) = with_code();
    for _ in 0..10 {
        assert_eq!(verify(&postern, &token, "--\u{200b}").send().faulty_fields(), ["otp"]);
    }
    let full_width = code.chars().map(|digit| char::from_u32(u32::from(digit) + 0xff10 - 0x30).unwrap());
    verify(&postern, &token, &full_width.collect::<String>()).send().expect(200);
}

#[test]
fn a_form_can_be_multipart() {
    let (postern, ada, token, code) = with_code();
    let body = format!(
        "--b\r\nContent-Disposition: form-data; name=\"otp\"\r\n\r\n{code}\r\n\
         --b\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\n{token}\r\n--b--\r\n"
    );
    let call = postern.post("/api/auth/verify-otp").body("multipart/form-data; boundary=b", body.as_bytes());
    assert_eq!(call.send().expect(200), json!(true));
    assert!(is_verified(&postern, &ada.token));
}

#[test]
fn json_is_rejected() {
    let (postern, _, token, code) = with_code();
    let answer = postern.post("/api/auth/verify-otp").json(json!({ "otp": code, "token": token })).send();
    answer.refused(415, "unsupported_media_type");
    verify(&postern, &token, &code).send().expect(200);
}

#[test]
fn all_missing_fields_are_reported_and_cost_no_guess() {
    let (postern, _, token, code) = with_code();
    let form = |fields: &[(&str, &str)]| postern.post("/api/auth/verify-otp").form(fields).send();
    for _ in 0..10 {
        assert_eq!(form(&[("other", "x")]).faulty_fields(), ["otp", "token"]);
        assert_eq!(form(&[("token", &token)]).faulty_fields(), ["otp"]);
        assert_eq!(form(&[("otp", &code)]).faulty_fields(), ["token"]);
        assert_eq!(form(&[("otp", " "), ("token", &token)]).faulty_fields(), ["otp"]);
    }
    verify(&postern, &token, &code).send().expect(200);
}

#[test]
fn a_verified_user_gets_no_code() {
    let (postern, ada, token, code) = with_code();
    verify(&postern, &token, &code).send().expect(200);
    postern.wait(HOUR);
    send(&postern, &ada.token).send().refused(409, "already_verified");
    send(&postern, &postern.admin_token()).send().refused(409, "already_verified");
    assert_eq!(postern.mails(ADA).len(), 1);
}

#[test]
fn the_next_code_can_be_sent_after_thirty_seconds() {
    let (postern, ada, ..) = with_code();
    postern.wait(SECOND + 1);
    let answer = send(&postern, &ada.token).send();
    assert_eq!(retry_after(&answer), 29);
    assert!(answer.body["error"].as_str().unwrap().contains("29 seconds"), "{}", answer.text);
    postern.wait(29 * SECOND - 2);
    assert_eq!(retry_after(&send(&postern, &ada.token).send()), 1);
    postern.wait(1);
    send(&postern, &ada.token).send().expect(200);
    assert_eq!(postern.mails(ADA).len(), 2);
}

#[test]
fn fifty_concurrent_requests_send_one_code() {
    let (postern, ada) = with_ada();
    let answers = postern.at_once((0..50).map(|_| send(&postern, &ada.token)).collect());
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    answers.iter().filter(|answer| answer.status != 200).for_each(|answer| assert_eq!(retry_after(answer), 30));
    assert_eq!(postern.mails(ADA).len(), 1);
    let token = answers.iter().find_map(|answer| answer.body["token"].as_str()).unwrap();
    verify(&postern, token, &postern.code(ADA)).send().expect(200);
}

#[test]
fn the_sixth_code_within_an_hour_has_to_wait() {
    let (postern, ada) = with_ada();
    for _ in 0..5 {
        send(&postern, &ada.token).send().expect(200);
        postern.wait(MINUTE);
    }
    let answer = send(&postern, &ada.token).send();
    assert_eq!(retry_after(&answer), 55 * 60);
    postern.wait(55 * MINUTE - 1);
    assert_eq!(retry_after(&send(&postern, &ada.token).send()), 1);
    postern.wait(1);
    send(&postern, &ada.token).send().expect(200);
    assert_eq!(postern.mails(ADA).len(), 6);
}

#[test]
fn the_limit_is_per_user() {
    let (postern, ..) = with_code();
    let bob = postern.sign_up("bob@example.com");
    send(&postern, &bob.token).send().expect(200);
}

#[test]
fn a_wrong_code_is_rejected_and_the_right_one_still_works() {
    let (postern, ada, token, code) = with_code();
    for wrong in [wrong(&code), "000".to_owned() + &code, code[..5].to_owned(), "x".to_owned()] {
        verify(&postern, &token, &wrong).send().refused(403, "wrong_otp");
    }
    assert!(!is_verified(&postern, &ada.token));
    verify(&postern, &token, &code).send().expect(200);
}

#[test]
fn a_code_allows_five_guesses() {
    let (postern, ada, token, code) = with_code();
    for _ in 0..5 {
        verify(&postern, &token, &wrong(&code)).send().refused(403, "wrong_otp");
    }
    verify(&postern, &token, &code).send().refused(403, "otp_token_refused");
    assert!(!is_verified(&postern, &ada.token));
}

#[test]
fn a_code_allows_five_of_twenty_concurrent_guesses() {
    let (postern, _, token, code) = with_code();
    let guesses = (0..20)
        .map(|n| verify(&postern, &token, &format!("{:06}", (code.parse::<u32>().unwrap() + n + 1) % 1_000_000)));
    let answers = postern.at_once(guesses.collect());
    let count = |code: &str| answers.iter().filter(|answer| answer.body["code"] == code).count();
    assert_eq!((count("wrong_otp"), count("otp_token_refused")), (5, 15));
    verify(&postern, &token, &code).send().refused(403, "otp_token_refused");
}

#[test]
fn a_new_code_allows_new_guesses() {
    let (postern, ada, token, code) = with_code();
    for _ in 0..6 {
        verify(&postern, &token, &wrong(&code)).send();
    }
    postern.wait(MINUTE);
    let (token, code) = postern.one_time_password(&ada.token, ADA);
    for _ in 0..4 {
        verify(&postern, &token, &wrong(&code)).send().refused(403, "wrong_otp");
    }
    verify(&postern, &token, &code).send().expect(200);
}

#[test]
fn a_new_code_invalidates_the_previous_one() {
    let (postern, ada, older_token, older_code) = with_code();
    postern.wait(MINUTE);
    let (newer_token, newer_code) = postern.one_time_password(&ada.token, ADA);
    verify(&postern, &older_token, &older_code).send().refused(403, "otp_token_refused");
    if older_code != newer_code {
        verify(&postern, &newer_token, &older_code).send().refused(403, "wrong_otp");
        verify(&postern, &older_token, &newer_code).send().refused(403, "otp_token_refused");
    }
    verify(&postern, &newer_token, &newer_code).send().expect(200);
}

#[test]
fn a_code_works_once() {
    let (postern, _, token, code) = with_code();
    verify(&postern, &token, &code).send().expect(200);
    verify(&postern, &token, &code).send().refused(403, "otp_token_refused");
}

#[test]
fn a_code_works_for_one_of_fifty_concurrent_requests() {
    let (postern, ada, token, code) = with_code();
    let answers = postern.at_once((0..50).map(|_| verify(&postern, &token, &code)).collect());
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.refused(403, "otp_token_refused");
    }
    assert!(is_verified(&postern, &ada.token));
}

#[test]
fn a_code_does_not_work_with_another_users_token() {
    let (postern, ada, token, code) = with_code();
    let bob = postern.sign_up("bob@example.com");
    let (bobs_token, bobs_code) = postern.one_time_password(&bob.token, "bob@example.com");
    if code != bobs_code {
        verify(&postern, &token, &bobs_code).send().refused(403, "wrong_otp");
        verify(&postern, &bobs_token, &code).send().refused(403, "wrong_otp");
    }
    verify(&postern, &bobs_token, &bobs_code).send().expect(200);
    assert_eq!((is_verified(&postern, &ada.token), is_verified(&postern, &bob.token)), (false, true));
    verify(&postern, &token, &code).send().expect(200);
}

#[test]
fn only_the_token_determines_whose_email_is_verified() {
    let (postern, ada, token, code) = with_code();
    let bob = postern.sign_up("bob@example.com");
    let fields =
        [("otp", code.as_str()), ("token", &token), ("user_id", &bob.id), ("id", &bob.id), ("email", &bob.email)];
    postern.post("/api/auth/verify-otp").bearer(&bob.token).form(&fields).send().expect(200);
    assert_eq!((is_verified(&postern, &ada.token), is_verified(&postern, &bob.token)), (true, false));
}

#[test]
fn every_unknown_token_is_rejected() {
    let (postern, _, token, code) = with_code();
    let altered = format!("{}A{}", &token[..20], &token[21..]);
    let longer = format!("{token}A");
    for unknown in ["x", "../otp", "\0", &altered, &longer, &token.to_lowercase(), &"a".repeat(10_000)] {
        if unknown != token {
            verify(&postern, unknown, &code).send().refused(403, "otp_token_refused");
        }
    }
    verify(&postern, &token, &code).send().expect(200);
}

#[test]
fn a_code_is_valid_for_ten_minutes_even_if_kv_keeps_it_longer() {
    let (postern, ada, token, code) = with_code();
    postern.kv.forget_to_expire();
    postern.wait(10 * MINUTE - 1);
    verify(&postern, &token, &wrong(&code)).send().refused(403, "wrong_otp");
    postern.wait(1);
    verify(&postern, &token, &code).send().refused(403, "otp_token_refused");
    assert!(!is_verified(&postern, &ada.token));
}

#[test]
fn the_lifetime_of_a_code_is_a_setting_and_stated_in_the_mail() {
    let (postern, ada) = with_ada_and(&[("OTP_LIFETIME_SECONDS", "120")]);
    let (token, code) = postern.one_time_password(&ada.token, ADA);
    assert!(postern.mails(ADA)[0]["text"].as_str().unwrap().contains("2 minutes"));
    postern.wait(2 * MINUTE - 1);
    verify(&postern, &token, &wrong(&code)).send().refused(403, "wrong_otp");
    postern.wait(1);
    verify(&postern, &token, &code).send().refused(403, "otp_token_refused");
}

#[test]
fn a_used_record_that_reappears_is_rejected() {
    let (postern, ada, token, code) = with_code();
    let entries = postern.kv.entries();
    assert_eq!(entries.len(), 1);
    verify(&postern, &token, &code).send().expect(200);
    assert_eq!(postern.kv.entries().len(), 0);
    postern.kv.put_back(entries);
    postern.sql.execute("UPDATE users SET is_verified = 0 WHERE id = ?1", &[ada.id.as_str().into()]);
    verify(&postern, &token, &code).send().refused(403, "otp_token_refused");
    assert!(!is_verified(&postern, &ada.token));
}

#[test]
fn an_inactive_user_cannot_get_or_use_a_code() {
    let (postern, ada, token, code) = with_code();
    postern.set_active(&ada.id, false);
    postern.wait(MINUTE);
    send(&postern, &ada.token).send().refused(403, "inactive");
    verify(&postern, &token, &code).send().refused(403, "otp_token_refused");
    let rows = postern.sql.query("SELECT is_verified FROM users WHERE id = ?1", &[ada.id.as_str().into()]);
    assert_eq!(rows[0]["is_verified"], 0);
}

/// Mails a code, then lets a second send fail. The first code still works, and the next send does not have to wait.
fn an_older_code_survives_a_failed_send(
    settings: &[(&str, &str)],
    break_it: impl Fn(&Postern),
    mend_it: impl Fn(&Postern),
) {
    let (postern, ada) = with_ada_and(settings);
    let (token, code) = postern.one_time_password(&ada.token, ADA);
    verify(&postern, &token, &wrong(&code)).send().refused(403, "wrong_otp");
    postern.wait(MINUTE);
    for _ in 0..10 {
        break_it(&postern);
        let answer = send(&postern, &ada.token).send();
        answer.refused(503, "unavailable");
        assert_eq!(answer.header("x-request-id"), Some("test-request"));
        mend_it(&postern);
    }
    // One guess is used up, so four are left.
    for _ in 0..4 {
        verify(&postern, &token, &wrong(&code)).send().refused(403, "wrong_otp");
    }
    verify(&postern, &token, &code).send().refused(403, "otp_token_refused");
    let (next_token, next_code) = postern.one_time_password(&ada.token, ADA);
    verify(&postern, &next_token, &next_code).send().expect(200);

    let (postern, ada) = with_ada_and(settings);
    let (token, code) = postern.one_time_password(&ada.token, ADA);
    postern.wait(MINUTE);
    break_it(&postern);
    send(&postern, &ada.token).send().refused(503, "unavailable");
    mend_it(&postern);
    verify(&postern, &token, &code).send().expect(200);
}

#[test]
fn nothing_changes_if_the_provider_is_down() {
    let down = |is_down: bool| move |postern: &Postern| postern.resend.is_down.set(is_down);
    an_older_code_survives_a_failed_send(&RESEND, down(true), down(false));
}

#[test]
fn nothing_changes_if_kv_is_down() {
    let out = |is_out: bool| move |postern: &Postern| postern.kv.is_out.set(is_out);
    an_older_code_survives_a_failed_send(&[], out(true), out(false));
}

#[test]
fn nothing_changes_if_the_outbox_fails() {
    // The session, the rate limiter, the previous state, the send, KV, the outbox.
    let fail = |postern: &Postern| postern.outside.fault.set(Some((6, Fault::Before)));
    an_older_code_survives_a_failed_send(&[], fail, |postern| assert_eq!(postern.outside.fault.get(), None));
}

#[test]
fn nothing_changes_if_d1s_responses_are_lost() {
    let lose = |postern: &Postern| postern.outside.fault.set(Some((4, Fault::After)));
    an_older_code_survives_a_failed_send(&[], lose, |postern| assert_eq!(postern.outside.fault.get(), None));
}

#[test]
fn a_failed_first_send_does_not_delay_the_next() {
    let (postern, ada) = with_ada_and(&RESEND);
    postern.resend.is_down.set(true);
    for _ in 0..10 {
        send(&postern, &ada.token).send().refused(503, "unavailable");
    }
    postern.resend.is_down.set(false);
    let (token, code) = postern.one_time_password(&ada.token, ADA);
    verify(&postern, &token, &code).send().expect(200);
}

#[test]
fn no_response_contains_the_code() {
    let (postern, ada) = with_ada();
    let answer = send(&postern, &ada.token).send();
    let code = postern.code(ADA);
    assert!(!format!("{answer:?}").contains(&code));
    assert_eq!(answer.body.as_object().unwrap().len(), 1);
    let token = answer.body["token"].as_str().unwrap();
    assert!(!token.contains('.') && token.len() == 43, "the token is opaque: {token}");
    let refusal = verify(&postern, token, &wrong(&code)).send();
    assert!(!format!("{refusal:?}").contains(&code));
}

#[test]
fn the_code_is_in_the_mail_but_not_in_its_subject() {
    let (postern, ada) = with_ada();
    postern.one_time_password(&ada.token, ADA);
    let mail = &postern.mails(ADA)[0];
    let code = postern.code(ADA);
    assert!(!mail["subject"].as_str().unwrap().contains(|c: char| c.is_ascii_digit()), "{mail}");
    assert!(mail["text"].as_str().unwrap().contains(&code) && mail["html"].as_str().unwrap().contains(&code));
}

#[test]
fn a_code_ends_with_its_account() {
    let (postern, ada, token, code) = with_code();
    postern.sql.execute("DELETE FROM users WHERE id = ?1", &[ada.id.as_str().into()]);
    verify(&postern, &token, &code).send().refused(403, "otp_token_refused");
}

/// Makes five wrong guesses per new code until a guess is rejected. Returns the number of checked guesses and the error.
fn guess_until_refused(postern: &Postern, session: &str) -> (usize, Answer) {
    let mut judged = 0;
    loop {
        postern.wait(20 * MINUTE);
        let (token, code) = postern.one_time_password(session, ADA);
        for _ in 0..5 {
            let answer = verify(postern, &token, &wrong(&code)).send();
            if answer.status == 429 {
                return (judged, answer);
            }
            answer.refused(403, "wrong_otp");
            judged += 1;
        }
    }
}

#[test]
fn wrong_guesses_of_a_user_count_across_codes_with_growing_waits() {
    let (postern, ada) = with_ada();
    let (judged, refusal) = guess_until_refused(&postern, &ada.token);
    // A new code every 20 minutes. Ten guesses are free, then each wait doubles: 1, 2, 4, … minutes.
    assert!((10..16).contains(&judged), "{judged}");
    assert!(retry_after(&refusal) > 0);
    let mut waits = Vec::new();
    for _ in 0..10 {
        postern.wait(HOUR);
        let session = postern.token(ADA, PASSWORD);
        let (token, code) = postern.one_time_password(&session, ADA);
        let answer = loop {
            let answer = verify(&postern, &token, &wrong(&code)).send();
            if answer.status == 429 {
                break answer;
            }
            answer.refused(403, "wrong_otp");
        };
        waits.push(retry_after(&answer));
        postern.wait(retry_after(&answer) * SECOND);
    }
    assert!(waits.is_sorted() && waits[0] < waits[5], "{waits:?}");
    assert_eq!(waits.last(), Some(&(DAY / SECOND)), "{waits:?}");
}

#[test]
fn after_the_wait_the_right_code_works_and_resets_the_count() {
    let (postern, ada) = with_ada();
    let (_, refusal) = guess_until_refused(&postern, &ada.token);
    let session = postern.token(ADA, PASSWORD);
    postern.wait(MINUTE);
    let (token, code) = postern.one_time_password(&session, ADA);
    let wait = retry_after(&refusal) * SECOND;
    assert!(wait > MINUTE);
    postern.wait(wait - MINUTE - 1);
    retry_after(&verify(&postern, &token, &code).send());
    postern.wait(1);
    verify(&postern, &token, &code).send().expect(200);
    // Ten guesses are free again.
    postern.sql.execute("UPDATE users SET is_verified = 0 WHERE id = ?1", &[ada.id.as_str().into()]);
    for _ in 0..2 {
        postern.wait(HOUR);
        let (token, code) = postern.one_time_password(&session, ADA);
        for _ in 0..5 {
            verify(&postern, &token, &wrong(&code)).send().refused(403, "wrong_otp");
        }
    }
}

#[test]
fn wrong_guesses_count_per_user_and_expire_after_thirty_days_without_one() {
    let (postern, ada) = with_ada();
    let bob = postern.sign_up("bob@example.com");
    guess_until_refused(&postern, &ada.token);
    let (token, code) = postern.one_time_password(&bob.token, "bob@example.com");
    verify(&postern, &token, &wrong(&code)).send().refused(403, "wrong_otp");
    postern.wait(30 * DAY);
    let session = postern.token(ADA, PASSWORD);
    let (token, code) = postern.one_time_password(&session, ADA);
    for _ in 0..5 {
        verify(&postern, &token, &wrong(&code)).send().refused(403, "wrong_otp");
    }
}

#[test]
fn fifty_concurrent_wrong_guesses_count_as_the_number_checked() {
    let (postern, ada) = with_ada();
    let mut judged = 0;
    for _ in 0..3 {
        postern.wait(31 * SECOND);
        let (token, code) = postern.one_time_password(&ada.token, ADA);
        let answers = postern.at_once((0..50).map(|_| verify(&postern, &token, &wrong(&code))).collect());
        judged += answers.iter().filter(|answer| answer.body["code"] == "wrong_otp").count();
        assert!(answers.iter().all(|answer| [403, 429].contains(&answer.status)));
    }
    assert_eq!(judged, 10);
}

#[test]
fn a_lagging_clock_allows_no_additional_guess_at_a_code() {
    let (postern, ada) = with_ada();
    guess_until_refused(&postern, &ada.token);
    let (token, code) = {
        postern.wait(MINUTE);
        postern.one_time_password(&ada.token, ADA)
    };
    let wait = retry_after(&verify(&postern, &token, &wrong(&code)).send());
    postern.wait(-HOUR);
    verify(&postern, &token, &code).send().refused(429, "too_many_requests");
    postern.wait(HOUR);
    assert_eq!(retry_after(&verify(&postern, &token, &wrong(&code)).send()), wait);
}

#[test]
fn each_wrong_guess_leaves_an_event_and_a_rejected_one_leaves_none() {
    let (postern, ada) = with_ada();
    let (token, code) = postern.one_time_password(&ada.token, ADA);
    for _ in 0..7 {
        verify(&postern, &token, &wrong(&code)).send();
    }
    let events = postern
        .sql
        .query("SELECT result, actor_id, subject_id FROM events WHERE action = 'otp_verified' ORDER BY id", &[]);
    assert_eq!(events, vec![json!({ "result": "wrong_otp", "actor_id": ada.id, "subject_id": ada.id }); 5]);
}
