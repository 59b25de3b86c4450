//! `POST /webhooks/mail/{provider}`, and what an address that mail does not reach means.

use base64ct::{Base64, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderName;
use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::{Answer, Call, DAY, HOUR, MINUTE, PASSWORD, Postern, RESEND, SignedUp, WEBHOOK_PASSWORD};

const ADA: &str = "ada@example.com";
const KEY: &[u8] = b"0123456789abcdefghijklmn";

fn key_of_sendgrid() -> SigningKey {
    SigningKey::from_slice(&[7; 32]).unwrap()
}

/// All webhooks on, and mail through Resend.
fn settings() -> Vec<(&'static str, &'static str)> {
    let point = key_of_sendgrid().verifying_key().to_sec1_point(false).as_bytes().to_vec();
    // SubjectPublicKeyInfo of P-256 up to the point.
    let prefix = Base64::decode_vec("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgA=").unwrap();
    let der = Base64::encode_string(&[prefix, point].concat());
    let mut settings = RESEND.to_vec();
    settings.extend([
        ("RESEND_WEBHOOK_SECRET", "whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1u"),
        ("MAILGUN_WEBHOOK_KEY", "0123456789abcdefghijklmn"),
        ("SENDGRID_WEBHOOK_PUBLIC_KEY", String::leak(der)),
    ]);
    settings
}

fn postern() -> Postern {
    Postern::with_settings(&settings())
}

fn hmac(message: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY).unwrap();
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn name(name: &'static str) -> HeaderName {
    HeaderName::from_static(name)
}

fn post<'a>(postern: &'a Postern, provider: &str) -> Call<'a> {
    postern.post(&format!("/webhooks/mail/{provider}"))
}

/// A call of Resend that was signed so many seconds ago.
fn resend<'a>(postern: &'a Postern, age: i64, event: &Value) -> Call<'a> {
    let (id, time, body) = ("msg_1", (postern.now.get() / 1_000 - age).to_string(), event.to_string());
    let signature = Base64::encode_string(&hmac(&format!("{id}.{time}.{body}")));
    post(postern, "resend")
        .body("application/json", body.as_bytes())
        .header(name("svix-id"), id)
        .header(name("svix-timestamp"), &time)
        .header(name("svix-signature"), &format!("v1,AAAA v1,{signature} v2,x"))
}

fn mailgun<'a>(postern: &'a Postern, age: i64, event: &Value) -> Call<'a> {
    let (token, time) = ("0f1e2d3c4b5a", (postern.now.get() / 1_000 - age).to_string());
    let signature: String = hmac(&format!("{time}{token}")).iter().map(|byte| format!("{byte:02x}")).collect();
    post(postern, "mailgun").json(json!({
        "signature": { "timestamp": time, "token": token, "signature": signature },
        "event-data": event,
    }))
}

fn sendgrid<'a>(postern: &'a Postern, age: i64, events: &Value) -> Call<'a> {
    let (time, body) = ((postern.now.get() / 1_000 - age).to_string(), events.to_string());
    let signature: Signature = key_of_sendgrid().sign(format!("{time}{body}").as_bytes());
    post(postern, "sendgrid")
        .body("application/json", body.as_bytes())
        .header(name("x-twilio-email-event-webhook-timestamp"), &time)
        .header(name("x-twilio-email-event-webhook-signature"), &Base64::encode_string(signature.to_der().as_bytes()))
}

fn postmark<'a>(postern: &'a Postern, event: &Value) -> Call<'a> {
    post(postern, "postmark").basic(WEBHOOK_PASSWORD).json(event.clone())
}

fn bounce_of(email: &str) -> Value {
    json!({ "RecordType": "Bounce", "Type": "HardBounce", "ID": 1, "Email": email })
}

fn complaint_of(email: &str) -> Value {
    json!({ "RecordType": "SpamComplaint", "Type": "SpamComplaint", "ID": 2, "Email": email })
}

/// The reason that a user sees.
fn reason(postern: &Postern, user: &SignedUp) -> Value {
    let security = postern.get("/api/auth/me/security").bearer(&user.token).send().expect(200);
    security["email_problem"]["reason"].clone()
}

fn ask_for_reset(postern: &Postern, email: &str) -> Answer {
    postern.post("/api/auth/send-password-reset-link").json(json!({ "email": email })).send()
}

/// Action, actor and subject of the events about addresses, oldest first.
fn events(postern: &Postern) -> Vec<(String, Value, Value)> {
    let sql = "SELECT action, actor_id, subject_id FROM events WHERE action LIKE 'email_%' ORDER BY id";
    let rows = postern.sql.query(sql, &[]);
    let event =
        |row: &Value| (row["action"].as_str().unwrap().to_owned(), row["actor_id"].clone(), row["subject_id"].clone());
    rows.iter().map(event).collect()
}

#[test]
fn hard_bounces_and_complaints_of_every_provider_mark_the_address_and_other_events_do_not() {
    type Send = for<'a> fn(&'a Postern, &Value) -> Call<'a>;
    type Events = Vec<(Value, Option<&'static str>)>;
    let providers: [(Send, Events); 4] = [
        (
            |postern, event| resend(postern, 0, event),
            vec![
                (
                    json!({ "type": "email.bounced", "data": { "to": ["ADA@example.com"], "bounce": { "type": "Permanent", "subType": "General" } } }),
                    Some("bounce"),
                ),
                (json!({ "type": "email.complained", "data": { "to": [ADA] } }), Some("complaint")),
                (
                    json!({ "type": "email.bounced", "data": { "to": [ADA], "bounce": { "type": "Transient", "subType": "MailboxFull" } } }),
                    None,
                ),
                (json!({ "type": "email.bounced", "data": { "to": [ADA] } }), None),
                (json!({ "type": "email.delivered", "data": { "to": [ADA] } }), None),
                (json!({ "type": "domain.created", "data": { "name": "example.com" } }), None),
            ],
        ),
        (
            |postern, event| mailgun(postern, 0, event),
            vec![
                (
                    json!({ "event": "failed", "severity": "permanent", "reason": "bounce", "recipient": ADA }),
                    Some("bounce"),
                ),
                (
                    json!({ "event": "failed", "severity": "permanent", "reason": "suppress-bounce", "recipient": ADA }),
                    Some("bounce"),
                ),
                (json!({ "event": "complained", "recipient": ADA }), Some("complaint")),
                (json!({ "event": "failed", "severity": "temporary", "reason": "bounce", "recipient": ADA }), None),
                (json!({ "event": "failed", "severity": "permanent", "reason": "old", "recipient": ADA }), None),
                (json!({ "event": "delivered", "recipient": ADA }), None),
            ],
        ),
        (
            |postern, event| sendgrid(postern, 0, event),
            vec![
                (
                    json!([{ "event": "open", "email": ADA }, { "event": "bounce", "type": "bounce", "email": ADA, "timestamp": 1 }]),
                    Some("bounce"),
                ),
                (json!([{ "event": "dropped", "reason": "Bounced Address", "email": ADA }]), Some("bounce")),
                (json!([{ "event": "spamreport", "email": ADA }]), Some("complaint")),
                (json!([{ "event": "bounce", "type": "blocked", "email": ADA }]), None),
                (json!([{ "event": "dropped", "reason": "Unsubscribed Address", "email": ADA }]), None),
                (json!([{ "event": "deferred", "email": ADA }]), None),
            ],
        ),
        (
            postmark,
            vec![
                (bounce_of(ADA), Some("bounce")),
                (complaint_of(ADA), Some("complaint")),
                (json!({ "RecordType": "Bounce", "Type": "SoftBounce", "Email": ADA }), None),
                (json!({ "RecordType": "Delivery", "Recipient": ADA }), None),
            ],
        ),
    ];
    for (send, cases) in providers {
        for (event, expected) in cases {
            let postern = postern();
            let (ada, grace) = (postern.sign_up(ADA), postern.sign_up("grace@example.com"));
            assert_eq!(send(&postern, &event).send().expect(200), json!(true), "{event}");
            assert_eq!(reason(&postern, &ada).as_str(), expected, "{event}");
            assert_eq!(reason(&postern, &grace), Value::Null, "{event}");
            let action = expected.map(|reason| if reason == "bounce" { "email_bounced" } else { "email_complained" });
            let expected: Vec<_> =
                action.into_iter().map(|action| (action.to_owned(), Value::Null, json!(ada.id))).collect();
            assert_eq!(events(&postern), expected, "{event}");
        }
    }
}

#[test]
fn a_call_without_a_valid_signature_or_password_is_refused() {
    let postern = postern();
    let ada = postern.sign_up(ADA);
    let bounce = json!({ "type": "email.bounced", "data": { "to": [ADA], "bounce": { "type": "Permanent" } } });
    let failed = json!({ "event": "failed", "severity": "permanent", "reason": "bounce", "recipient": ADA });
    let bounced = json!([{ "event": "bounce", "type": "bounce", "email": ADA }]);
    for age in [301, -301, 86_400] {
        for call in [resend(&postern, age, &bounce), mailgun(&postern, age, &failed), sendgrid(&postern, age, &bounced)]
        {
            call.send().refused(403, "webhook_refused");
        }
    }
    let other = bounce_of(ADA).to_string();
    for call in [
        // Another body than that which was signed.
        resend(&postern, 0, &json!({})).body("application/json", bounce.to_string().as_bytes()),
        sendgrid(&postern, 0, &json!([])).body("application/json", bounced.to_string().as_bytes()),
        // No signature.
        post(&postern, "resend").json(bounce.clone()),
        post(&postern, "sendgrid").json(bounced.clone()),
        post(&postern, "mailgun").json(json!({ "event-data": failed })),
        post(&postern, "mailgun").body("application/json", b"\xef\xbb\xbf"),
        post(&postern, "postmark").json(bounce_of(ADA)),
        // The signature of somebody else, and what is none.
        post(&postern, "mailgun").json(json!({
            "signature": { "timestamp": (postern.now.get() / 1_000).to_string(), "token": "x", "signature": "00" },
            "event-data": failed,
        })),
        post(&postern, "sendgrid")
            .json(bounced.clone())
            .header(name("x-twilio-email-event-webhook-timestamp"), &(postern.now.get() / 1_000).to_string())
            .header(name("x-twilio-email-event-webhook-signature"), "MAYCAQECAQE="),
        post(&postern, "postmark").basic("another password").body("application/json", other.as_bytes()),
        post(&postern, "postmark").basic("").body("application/json", other.as_bytes()),
        post(&postern, "postmark").bearer(WEBHOOK_PASSWORD).body("application/json", other.as_bytes()),
    ] {
        call.send().refused(403, "webhook_refused");
    }
    assert_eq!(reason(&postern, &ada), Value::Null);
}

#[test]
fn a_webhook_without_its_setting_does_not_exist() {
    let postern = Postern::with_settings(&[("POSTMARK_WEBHOOK_PASSWORD", "")]);
    for provider in ["resend", "mailgun", "sendgrid", "postmark", "cloudflare", "outbox", "x"] {
        post(&postern, provider).basic("").json(bounce_of(ADA)).send().refused(404, "not_found");
    }
}

#[test]
fn a_body_that_is_no_event_is_400_and_may_be_larger_than_that_of_other_calls() {
    let postern = postern();
    for body in [b"{".as_slice(), b"", b"[]", b"\xff", b"{\"RecordType\":1}"] {
        let call = post(&postern, "postmark").basic(WEBHOOK_PASSWORD).body("application/json", body);
        call.send().refused(400, "unreadable_body");
    }
    let many: Vec<Value> = (0..1_500)
        .map(|number| json!({ "event": "bounce", "type": "bounce", "email": format!("user{number}@example.com") }))
        .chain([json!({ "event": "bounce", "type": "bounce", "email": ADA })])
        .collect();
    let ada = postern.sign_up(ADA);
    sendgrid(&postern, 0, &json!(many)).send().expect(200);
    assert_eq!(reason(&postern, &ada), "bounce");
    let large = vec![b' '; 256 * 1024 + 1];
    post(&postern, "postmark").body("application/json", &large).send().refused(413, "body_too_large");
}

#[test]
fn a_repeated_call_has_no_effect_and_a_new_one_does() {
    let postern = postern();
    let ada = postern.sign_up(ADA);
    postmark(&postern, &bounce_of(ADA)).send().expect(200);
    postern.delete("/api/auth/me/email-problem").bearer(&ada.token).send().expect(200);
    for _ in 0..3 {
        postern.wait(HOUR);
        postmark(&postern, &bounce_of(ADA)).send().expect(200);
        assert_eq!(reason(&postern, &ada), Value::Null);
    }
    let mut again = bounce_of(ADA);
    again["ID"] = json!(3);
    let at = postern.now.get();
    postern.at_once((0..10).map(|_| postmark(&postern, &again)).collect());
    let security = postern.get("/api/auth/me/security").bearer(&ada.token).send().expect(200);
    assert_eq!(security["email_problem"], json!({ "reason": "bounce", "at": at }));
    let actions: Vec<_> = events(&postern).into_iter().map(|(action, ..)| action).collect();
    assert_eq!(actions, ["email_bounced", "email_problem_cleared", "email_bounced"]);
}

#[test]
fn a_complaint_replaces_a_bounce_and_a_bounce_no_complaint() {
    let postern = postern();
    let ada = postern.sign_up(ADA);
    for (event, expected) in [
        (bounce_of(ADA), "bounce"),
        (complaint_of(ADA), "complaint"),
        (json!({ "RecordType": "Bounce", "Type": "HardBounce", "ID": 4, "Email": ADA }), "complaint"),
    ] {
        postmark(&postern, &event).send().expect(200);
        assert_eq!(reason(&postern, &ada), expected);
    }
    assert_eq!(events(&postern).len(), 2);
}

#[test]
fn an_address_without_an_account_changes_nothing() {
    let postern = postern();
    postern.sign_up(ADA);
    for email in ["eve@example.com", "", "not an address", "ada@example.com.evil", "admin", "%"] {
        postmark(&postern, &bounce_of(email)).send().expect(200);
    }
    assert_eq!(postern.sql.query("SELECT id FROM users WHERE email_problem IS NOT NULL", &[]).len(), 0);
    assert_eq!(events(&postern), []);
}

#[test]
fn no_mail_goes_to_an_unreachable_address_but_security_notices_and_strangers_see_no_difference() {
    let postern = postern();
    let (ada, grace) = (postern.sign_up(ADA), postern.sign_up_verified("grace@example.com"));
    postmark(&postern, &bounce_of(ADA)).send().expect(200);

    let send_otp = || postern.post("/api/auth/me/send-otp").bearer(&ada.token).send();
    send_otp().refused(409, "email_unreachable");
    let (known, unknown) = (ask_for_reset(&postern, ADA), ask_for_reset(&postern, "eve@example.com"));
    assert_eq!((known.status, &known.text), (unknown.status, &unknown.text));
    let invite = postern.post("/api/auth/me/send-invite").bearer(&grace.token).json(json!({ "email": ADA })).send();
    invite.expect(200);
    assert_eq!(postern.resend.mails(ADA).len(), 0);
    let change = json!({ "old_password": PASSWORD, "new_password": "another good password" });
    postern.put("/api/auth/me/password").bearer(&ada.token).json(change).send().expect(200);
    assert_eq!(postern.resend.mails(ADA)[0]["subject"], "Your Postern password was changed");
    postern.wait(MINUTE);
    postern.run_cron();
    assert_eq!(postern.resend.mails(ADA).len(), 1);
    assert_eq!(postern.sql.query("SELECT id FROM mails", &[]).len(), 0, "dropped, not retried");

    postern.delete("/api/auth/me/email-problem").bearer(&ada.token).send().expect(200);
    send_otp().expect(200);
    ask_for_reset(&postern, ADA).expect(200);
    assert_eq!(postern.resend.mails(ADA).len(), 3);
}

#[test]
fn no_code_goes_to_an_unreachable_address() {
    let postern = postern();
    let grace = postern.sign_up_verified("grace@example.com");
    postmark(&postern, &bounce_of("grace@example.com")).send().expect(200);
    let by_email = || postern.post("/api/auth/reauthenticate/email").bearer(&grace.token).send();
    by_email().refused(409, "email_unreachable");
    // Strangers get the usual response.
    postern.post("/api/auth/login/email").json(json!({ "email": "grace@example.com" })).send().expect(200);
    assert_eq!(postern.resend.mails("grace@example.com").len(), 0);
    postern.delete("/api/auth/me/email-problem").bearer(&grace.token).send().expect(200);
    by_email().expect(200);
    assert_eq!(postern.resend.mails("grace@example.com").len(), 1);
}

#[test]
fn owners_and_admins_see_the_problem_and_clear_it() {
    let postern = postern();
    let (ada, admin) = (postern.sign_up(ADA), postern.admin_token());
    let path = format!("/api/auth/admin/users/{}", ada.id);
    let shown = || postern.get(&path).bearer(&admin).send().expect(200)["email_problem"].clone();
    assert_eq!(shown(), Value::Null);
    postmark(&postern, &complaint_of(ADA)).send().expect(200);
    let at = postern.now.get();
    assert_eq!(shown(), json!({ "reason": "complaint", "at": at }));
    // Other responses have the user of before.
    let user = postern.get("/api/auth/me").bearer(&ada.token).send().expect(200);
    assert!(user.get("email_problem").is_none());

    let clear = format!("{path}/email-problem");
    postern.delete(&clear).bearer(&ada.token).send().refused(403, "admin_required");
    for _ in 0..2 {
        assert_eq!(postern.delete(&clear).bearer(&admin).send().expect(200), json!(true));
    }
    postern.delete("/api/auth/admin/users/x/email-problem").bearer(&admin).send().refused(404, "not_found");
    assert_eq!(shown(), Value::Null);
    assert_eq!(events(&postern).len(), 2, "a repeated call leaves no event");
    assert_eq!(reason(&postern, &ada), Value::Null);
}

#[test]
fn a_new_address_has_no_problem() {
    let postern = postern();
    let ada = postern.sign_up(ADA);
    postmark(&postern, &bounce_of(ADA)).send().expect(200);
    let change = |email: &str| {
        postern.sql.execute("UPDATE users SET email = ?1 WHERE id = ?2", &[email.into(), ada.id.as_str().into()]);
    };
    change(ADA);
    assert_eq!(reason(&postern, &ada), "bounce");
    change("ada@example.org");
    assert_eq!(reason(&postern, &ada), Value::Null);
}

#[test]
fn what_is_remembered_of_calls_is_deleted_after_days() {
    let postern = postern();
    postern.sign_up(ADA);
    postmark(&postern, &bounce_of(ADA)).send().expect(200);
    let count = || postern.sql.query("SELECT key FROM spent", &[]).len();
    assert_eq!(count(), 1);
    postern.wait(4 * DAY);
    postern.run_cron();
    assert_eq!(count(), 0);
}
