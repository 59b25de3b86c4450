//! `POST /api/auth/me/send-invite`

use http::{HeaderName, header};
use serde_json::{Value, json};

use crate::support::{Answer, Call, DAY, HOUR, PASSWORD, Postern};

fn invite<'a>(postern: &'a Postern, session: &str, email: &str) -> Call<'a> {
    postern.post("/api/auth/me/send-invite").bearer(session).json(json!({ "email": email }))
}

fn rename(postern: &Postern, session: &str, name: &str) {
    postern.put("/api/auth/me/name").bearer(session).json(json!({ "name": name })).send().expect(200);
}

fn tokens(postern: &Postern, session: &str) -> Vec<Value> {
    postern.get("/api/auth/me/tokens").bearer(session).send().expect(200).as_array().unwrap().clone()
}

/// The line of the mail that is a link.
fn link(mail: &Value) -> String {
    let text = mail["text"].as_str().unwrap();
    text.lines().find(|line| line.contains("/signup?")).expect("a sign-up link in the mail").to_owned()
}

/// The referrer and the email in a link, decoded like in a browser.
fn parameters(link: &str) -> (String, String) {
    let (_, query) = link.split_once('?').unwrap();
    let find = |name| form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).unwrap().1.into_owned();
    (find("referrer"), find("email"))
}

fn seconds_to_wait(answer: &Answer) -> i64 {
    answer.refused(429, "too_many_requests");
    answer.header("retry-after").unwrap().parse().unwrap()
}

#[test]
fn the_mail_has_a_link_with_which_the_invitee_can_sign_up() {
    let postern = Postern::new();
    let ada = postern.sign_up_verified("ada@example.com");
    assert_eq!(invite(&postern, &ada.token, " Grace+Navy@Example.com ").send().expect(200), json!(true));
    let mails = postern.mails("grace%2Bnavy@example.com");
    assert_eq!(mails.len(), 1);
    let link = link(&mails[0]);
    assert!(link.starts_with("https://app.example.com/signup?") && link.contains("grace%2Bnavy%40"), "{link}");
    assert!(mails[0]["html"].as_str().unwrap().contains(&link.replace('&', "&#38;")), "{}", mails[0]["html"]);

    let (referrer, email) = parameters(&link);
    assert_eq!(email, "grace+navy@example.com");
    let body = json!({ "referrer": referrer, "email": email, "password": PASSWORD });
    let answer = postern.post("/api/auth/signup").json(body).send().expect(200);
    assert_eq!(answer["user"]["referrer_id"], json!(ada.id));
    assert_eq!(answer["user"]["is_verified"], json!(false));
}

#[test]
fn an_email_cannot_add_parameters_to_the_link() {
    let postern = Postern::new();
    let session = postern.admin_token();
    let email = "a&referrer=x#?%41'{}@example.com";
    invite(&postern, &session, email).send().expect(200);
    let encoded: String = form_urlencoded::byte_serialize(email.to_lowercase().as_bytes()).collect();
    let link = link(&postern.mails(&encoded)[0]);
    let (referrer, read) = parameters(&link);
    assert_eq!((referrer.len(), read), (10, email.to_lowercase()));
    assert!(!link.contains('#') && !link.contains('\'') && link.matches('&').count() == 1, "{link}");
}

#[test]
fn the_link_always_points_to_app_url() {
    let postern = Postern::new();
    let session = postern.admin_token();
    invite(&postern, &session, "grace@example.com")
        .header(header::HOST, "evil.example")
        .header(HeaderName::from_static("x-forwarded-host"), "evil.example")
        .header(header::ORIGIN, "https://evil.example")
        .send()
        .expect(200);
    let mail = &postern.mails("grace@example.com")[0];
    assert!(link(mail).starts_with("https://app.example.com/signup?"));
    assert!(!mail.to_string().contains("evil"), "{mail}");
}

#[test]
fn the_token_in_the_mail_is_listed_and_can_be_revoked() {
    let postern = Postern::new();
    let session = postern.admin_token();
    invite(&postern, &session, "grace@example.com").send().expect(200);
    let (referrer, _) = parameters(&link(&postern.mails("grace@example.com")[0]));
    let listed = &tokens(&postern, &session)[0];
    assert_eq!((&listed["token"], &listed["name"]), (&json!(referrer), &json!("Invitation of grace@example.com")));
    assert_eq!(listed["expires_at"], postern.now.get() + 90 * DAY);
    postern.delete(&format!("/api/auth/me/tokens/{referrer}")).bearer(&session).send().expect(200);
    let body = json!({ "referrer": referrer, "email": "grace@example.com", "password": PASSWORD });
    postern.post("/api/auth/signup").json(body).send().refused(403, "referrer_refused");
}

#[test]
fn the_mail_names_the_inviter_unless_the_name_is_misleading() {
    let postern = Postern::new();
    let ada = postern.sign_up_verified("ada@example.com");
    rename(&postern, &ada.token, "Ada Lovelace");
    invite(&postern, &ada.token, "one@example.com").send().expect(200);
    let mail = &postern.mails("one@example.com")[0];
    assert!(mail["text"].as_str().unwrap().contains("Ada Lovelace"), "{mail}");
    assert!(!mail["subject"].as_str().unwrap().contains("Ada"), "{mail}");

    rename(&postern, &ada.token, "You won! https://evil.example");
    invite(&postern, &ada.token, "two@example.com").send().expect(200);
    let mail = &postern.mails("two@example.com")[0];
    assert!(!mail.to_string().contains("evil"), "{mail}");

    rename(&postern, &ada.token, "<b onclick=x>Ada");
    invite(&postern, &ada.token, "three@example.com").send().expect(200);
    let mail = &postern.mails("three@example.com")[0];
    assert!(!mail["html"].as_str().unwrap().contains("<b onclick"), "{mail}");
}

#[test]
fn the_response_does_not_reveal_whether_the_email_has_an_account() {
    let postern = Postern::new();
    let ada = postern.sign_up_verified("ada@example.com");
    postern.sign_up("grace@example.com");
    let batches = postern.sql.batches.get();
    let known = invite(&postern, &ada.token, "grace@example.com").send();
    let for_known = postern.sql.batches.get() - batches;
    let unknown = invite(&postern, &ada.token, "nobody@example.com").send();
    let for_unknown = postern.sql.batches.get() - batches - for_known;
    assert_eq!((known.status, known.text, known.headers), (200, unknown.text, unknown.headers));
    assert_eq!(for_known, for_unknown);
    let limit = |email| (1..).find(|_| invite(&postern, &ada.token, email).send().status == 429).unwrap();
    assert_eq!(limit("grace@example.com"), limit("nobody@example.com"));
}

#[test]
fn an_invalid_email_is_rejected_and_costs_nothing() {
    let postern = Postern::new();
    let session = postern.admin_token();
    for email in [json!("admin"), json!(""), json!(1), json!(null), json!("a@b.co\r\nBcc: c@d.co"), json!(["a@b.co"])] {
        let body = json!({ "email": email });
        let answer = postern.post("/api/auth/me/send-invite").bearer(&session).json(body).send();
        assert_eq!(answer.faulty_fields(), ["email"]);
    }
    let answer = postern.post("/api/auth/me/send-invite").bearer(&session).json(json!({})).send();
    assert_eq!(answer.faulty_fields(), ["email"]);
    assert_eq!(tokens(&postern, &session), Vec::<Value>::new());
}

#[test]
fn it_requires_a_session() {
    let postern = Postern::new();
    let body = json!({ "email": "grace@example.com" });
    postern.post("/api/auth/me/send-invite").json(body).send().refused(401, "invalid_token");
    assert_eq!(postern.mails("grace@example.com").len(), 0);
}

#[test]
fn one_address_gets_at_most_three_invitations_a_day() {
    let postern = Postern::new();
    let (ada, grace) = (postern.sign_up_verified("ada@example.com"), postern.sign_up_verified("grace@example.com"));
    invite(&postern, &ada.token, "victim@example.com").send().expect(200);
    invite(&postern, &grace.token, "Victim@example.com").send().expect(200);
    invite(&postern, &ada.token, " victim@example.com").send().expect(200);
    let wait = seconds_to_wait(&invite(&postern, &ada.token, "victim@example.com").send());
    seconds_to_wait(&invite(&postern, &grace.token, "victim@example.com").send());
    assert_eq!(postern.mails("victim@example.com").len(), 3);
    invite(&postern, &grace.token, "other@example.com").send().expect(200);
    assert_eq!(wait, HOUR / 1_000);
    postern.wait(HOUR);
    invite(&postern, &ada.token, "victim@example.com").send().expect(200);
    seconds_to_wait(&invite(&postern, &ada.token, "victim@example.com").send());
}

#[test]
fn one_user_cannot_send_unlimited_invitations() {
    let postern = Postern::new();
    let (ada, grace) = (postern.sign_up_verified("ada@example.com"), postern.sign_up_verified("grace@example.com"));
    let answers =
        postern.at_once((0..50).map(|n| invite(&postern, &ada.token, &format!("user{n}@example.com"))).collect());
    let (sent, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!((sent.len(), refused.len()), (20, 30));
    let wait = refused.iter().map(seconds_to_wait).max().unwrap();
    assert_eq!(tokens(&postern, &ada.token).len(), 20);
    invite(&postern, &grace.token, "someone@example.com").send().expect(200);
    postern.wait(wait * 1_000);
    invite(&postern, &ada.token, "someone@example.com").send().expect(200);
}

#[test]
fn fifty_concurrent_invitations_to_one_address_send_three_mails() {
    let postern = Postern::new();
    let session = postern.admin_token();
    let answers = postern.at_once((0..50).map(|_| invite(&postern, &session, "victim@example.com")).collect());
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 3);
    assert_eq!(postern.mails("victim@example.com").len(), 3);
}

#[test]
fn an_invitation_counts_towards_the_limit_of_200_tokens() {
    let postern = Postern::new();
    let session = postern.admin_token();
    (0..200).for_each(|_| drop(postern.create_user_token(&session)));
    invite(&postern, &session, "grace@example.com").send().refused(409, "too_many_tokens");
    assert_eq!(postern.mails("grace@example.com").len(), 0);
}

#[test]
fn a_user_with_an_unverified_email_cannot_invite_by_mail() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    invite(&postern, &ada.token, "grace@example.com").send().refused(403, "email_not_verified");
    assert_eq!((postern.mails("grace@example.com").len(), tokens(&postern, &ada.token).len()), (0, 0));
    postern.verify(&ada.id);
    invite(&postern, &ada.token, "grace@example.com").send().expect(200);
    invite(&postern, &postern.admin_token(), "bob@example.com").send().expect(200);
}
