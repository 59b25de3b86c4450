//! The mail budget of each recipient, for mails caused by any caller: `docs/security.md`, "One budget of mails per recipient".

use serde_json::json;

use crate::support::{Answer, HOUR, MINUTE, PASSWORD, Postern, RESEND, SignedUp};

const ADA: &str = "ada@example.com";
const OTHER_PASSWORD: &str = "another good password";

/// Changes the password back and forth.
fn change_password(postern: &Postern, ada: &SignedUp, times: usize) {
    for number in 0..times {
        let (old, new) = if number % 2 == 0 { (PASSWORD, OTHER_PASSWORD) } else { (OTHER_PASSWORD, PASSWORD) };
        let body = json!({ "old_password": old, "new_password": new });
        postern.put("/api/auth/me/password").bearer(&ada.token).json(body).send().expect(200);
    }
}

fn ask_for_reset(postern: &Postern, email: &str) -> Answer {
    postern.post("/api/auth/send-password-reset-link").json(json!({ "email": email })).send()
}

fn reset_by_admin(postern: &Postern, admin: &str, ada: &SignedUp) -> Answer {
    postern.post(&format!("/api/auth/admin/users/{}/send-password-reset-link", ada.id)).bearer(admin).send()
}

fn link_token(mail: &serde_json::Value) -> String {
    let (_, rest) = mail["text"].as_str().unwrap().split_once("token=").unwrap();
    rest.split_whitespace().next().unwrap().to_owned()
}

#[test]
fn sixty_password_changes_cause_one_immediate_notice_and_one_at_the_end_of_the_window() {
    let postern = Postern::with_settings(&RESEND);
    let ada = postern.sign_up(ADA);
    change_password(&postern, &ada, 60);
    assert_eq!(postern.resend.mails(ADA).len(), 1);
    postern.wait(10 * MINUTE);
    postern.run_cron();
    postern.wait(HOUR);
    postern.run_cron();
    assert_eq!(postern.resend.mails(ADA).len(), 2);
    assert_eq!(postern.sql.query("SELECT id FROM mails", &[]).len(), 0);
}

#[test]
fn a_recipient_gets_at_most_twenty_five_mails_an_hour_of_all_kinds() {
    let postern = Postern::with_settings(&RESEND);
    let ada = postern.sign_up(ADA);
    let grace = postern.sign_up_verified("grace@example.com");
    let admin = postern.admin_token();
    let mut answers = Vec::new();
    for _ in 0..10 {
        answers.push(ask_for_reset(&postern, ADA));
    }
    for _ in 0..3 {
        let body = json!({ "email": ADA });
        answers.push(postern.post("/api/auth/me/send-invite").bearer(&grace.token).json(body).send());
    }
    for _ in 0..5 {
        let body = json!({ "email": ADA });
        answers.push(postern.post("/api/auth/login/email").json(body).send());
    }
    for _ in 0..10 {
        answers.push(reset_by_admin(&postern, &admin, &ada));
    }
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 25);
    assert_eq!(postern.resend.mails(ADA).len(), 25);
    let refused = answers.last().unwrap();
    refused.refused(429, "too_many_requests");
    assert_eq!(refused.header("retry-after"), Some("3600"));
    postern.wait(HOUR);
    reset_by_admin(&postern, &admin, &ada).expect(200);
}

#[test]
fn a_mail_beyond_the_budget_does_not_invalidate_the_previous_link() {
    let postern = Postern::with_settings(&RESEND);
    let ada = postern.sign_up(ADA);
    let admin = postern.admin_token();
    (0..25).for_each(|_| drop(reset_by_admin(&postern, &admin, &ada).expect(200)));
    reset_by_admin(&postern, &admin, &ada).refused(429, "too_many_requests");
    let newest = link_token(&postern.resend.mails(ADA)[0]);
    assert_eq!(postern.me(&newest), 200);
}

#[test]
fn rejected_requests_do_not_use_up_the_recipients_budget() {
    let postern = Postern::with_settings(&RESEND);
    let ada = postern.sign_up(ADA);
    let admin = postern.admin_token();
    let statuses: Vec<u16> = (0..50).map(|_| ask_for_reset(&postern, ADA).status).collect();
    assert_eq!(statuses, [[200; 10].as_slice(), &[429; 40]].concat());
    reset_by_admin(&postern, &admin, &ada).expect(200);
}

#[test]
fn both_spellings_of_an_address_share_a_budget() {
    let postern = Postern::with_settings(&RESEND);
    let grace = postern.sign_up_verified("grace@example.com");
    let invite = |email: &str| {
        let call = postern.post("/api/auth/me/send-invite").bearer(&grace.token).json(json!({ "email": email }));
        call.send().status
    };
    let spellings = ["Bob@müller.example", "bob@xn--mller-kva.example", " bob@MÜLLER.example "];
    let taken = (0..30).filter(|n| invite(spellings[n % 3]) == 200).count();
    assert!((1..=15).contains(&taken), "{taken}");
}

#[test]
fn an_unverified_user_cannot_mail_invitations_or_use_up_a_budget() {
    let postern = Postern::with_settings(&RESEND);
    let invite = |user: &SignedUp| {
        let body = json!({ "email": ADA });
        postern.post("/api/auth/me/send-invite").bearer(&user.token).json(body).send()
    };
    for number in 0..5 {
        let user = postern.sign_up(&format!("user{number}@example.com"));
        (0..20).for_each(|_| assert_eq!(invite(&user).status, 403));
    }
    assert_eq!(postern.resend.posts.borrow().len(), 0);
    assert_eq!(invite(&postern.sign_up_verified("grace@example.com")).status, 200);
}

#[test]
fn a_reset_request_costs_the_same_with_and_without_an_account() {
    let postern = Postern::with_settings(&RESEND);
    postern.sign_up(ADA);
    // Before and after the response.
    let known = ask_for_reset(&postern, ADA);
    let unknown = ask_for_reset(&postern, "nobody@example.com");
    assert_eq!((known.status, unknown.status), (200, 200));
    assert_eq!(known.cost, unknown.cost);
    assert_eq!((postern.resend.mails(ADA).len(), postern.resend.mails("nobody@example.com").len()), (1, 0));
}
