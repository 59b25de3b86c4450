//! The language of mails.

use http::header;
use serde_json::{Value, json};

use crate::support::{
    Call, HOUR, MINUTE, PASSWORD, Postern, RESEND, SignedUp,
    world::{ADA, World},
};

const NEW: &str = "new@example.com";

fn speaks(postern: &Postern, user: &SignedUp, locale: Option<&str>) {
    let call = postern.put("/api/auth/me/locale").bearer(&user.token);
    call.json(json!({ "locale": locale })).send().expect(200);
}

fn in_language<'a>(call: Call<'a>, language: &str) -> Call<'a> {
    call.header(header::ACCEPT_LANGUAGE, language)
}

/// The languages of the mails to an address, newest first, by the root of their HTML. Subject and text are of the same language.
fn languages(postern: &Postern, to: &str) -> Vec<String> {
    let language = |mail: &Value| {
        let html = mail["html"].as_str().unwrap();
        let (_, rest) = html.split_once("<html lang=\"").unwrap();
        let language = rest.split('"').next().unwrap();
        let hello = match language {
            "de" => "Guten Tag",
            "ar" => "مرحبًا",
            _ => "Hello",
        };
        assert!(mail["text"].as_str().unwrap().starts_with(hello), "{mail}");
        language.to_owned()
    };
    postern.mails(to).iter().map(language).collect()
}

fn ask_reset(postern: &Postern, email: &str, language: &str) {
    let call = postern.post("/api/auth/send-password-reset-link").json(json!({ "email": email }));
    in_language(call, language).send().expect(200);
}

#[test]
fn a_mail_is_in_the_language_of_its_recipient_or_else_of_the_request_or_else_in_english() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    for (locale, request, expected) in [
        (Some("de"), "ar", "de"),
        (Some("en"), "ar", "en"),
        (Some("ar"), "fr", "ar"),
        (None, "de-CH", "de"),
        (None, "ar", "ar"),
        (None, "fr", "en"),
        (None, "*", "en"),
    ] {
        speaks(&postern, &ada, locale);
        ask_reset(&postern, ADA, request);
        assert_eq!(languages(&postern, ADA)[0], expected, "{locale:?} {request}");
        postern.wait(HOUR);
    }
    // A newer version has stored a language that this one does not speak.
    postern.sql.execute("UPDATE users SET locale = 'xx'", &[]);
    ask_reset(&postern, ADA, "de");
    assert_eq!(languages(&postern, ADA)[0], "de");
}

#[test]
fn a_mail_to_an_address_without_an_account_is_in_the_language_of_the_request() {
    let postern = Postern::with_settings(&[("SIGN_UP", "open")]);
    for language in ["de", "ar", "en"] {
        let to = format!("{language}@example.com");
        let call = postern.post("/api/auth/login/email").json(json!({ "email": to }));
        in_language(call, language).send().expect(200);
        assert_eq!(languages(&postern, &to), [language]);
    }
    let ada = postern.sign_up_verified(ADA);
    let call = postern.post("/api/auth/me/send-invite").bearer(&ada.token).json(json!({ "email": NEW }));
    in_language(call, "ar").send().expect(200);
    assert_eq!(languages(&postern, NEW), ["ar"]);
}

#[test]
fn a_notice_is_in_the_language_of_its_user() {
    let postern = Postern::new();
    let ada = postern.sign_up_verified(ADA);
    for (locale, request, expected) in [(Some("ar"), "de", "ar"), (None, "de", "de"), (None, "fr", "en")] {
        speaks(&postern, &ada, locale);
        let body = json!({ "old_password": PASSWORD, "new_password": PASSWORD });
        let call = postern.put("/api/auth/me/password").bearer(&ada.token).json(body);
        in_language(call, request).send().expect(200);
        let mail = &postern.mails(ADA)[0];
        assert_eq!(languages(&postern, ADA)[0], expected, "{}", mail["subject"]);
        postern.wait(2 * HOUR);
    }
}

#[test]
fn a_code_that_is_not_queued_is_in_the_language_of_its_user() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    for (locale, request, expected) in [(Some("de"), "ar", "de"), (None, "ar", "ar")] {
        speaks(&postern, &ada, locale);
        in_language(postern.post("/api/auth/me/send-otp").bearer(&ada.token), request).send().expect(200);
        assert_eq!(languages(&postern, ADA)[0], expected);
        postern.wait(HOUR);
    }
}

#[test]
fn both_mails_about_a_new_address_are_in_the_language_of_the_user_before_and_after() {
    let postern = Postern::new();
    let ada = postern.sign_up_verified(ADA);
    speaks(&postern, &ada, Some("de"));
    let call = postern.post("/api/auth/me/email").bearer(&ada.token).json(json!({ "email": NEW }));
    let token = in_language(call, "ar").send().expect(200)["token"].clone();
    assert_eq!((languages(&postern, ADA), languages(&postern, NEW)), (vec!["de".to_owned()], vec!["de".to_owned()]));
    let body = json!({ "token": token, "code": postern.code(NEW), "old_code": postern.code(ADA) });
    in_language(postern.post("/api/auth/me/email/verify").bearer(&ada.token).json(body), "ar").send().expect(200);
    // The old address is no longer that of an account.
    assert_eq!(languages(&postern, ADA), ["de", "de"]);
    let undo = json!({ "token": postern.undo_token(ADA) });
    in_language(postern.post("/api/auth/undo-email-change").json(undo), "ar").send().expect(200);
    assert_eq!(languages(&postern, ADA)[0], "de");
    assert_eq!(languages(&postern, NEW)[0], "de");
}

#[test]
fn the_answer_to_a_request_to_sign_up_is_in_the_language_of_the_applicant() {
    for act in ["approve", "reject"] {
        let world = World::with_settings(&[("SIGN_UP", "approval")]);
        let postern = &world.postern;
        postern.sql.execute("UPDATE sign_ups SET locale = 'de'", &[]);
        let row = postern.sql.query("SELECT id, email FROM sign_ups LIMIT 1", &[]).remove(0);
        let (id, email) = (row["id"].as_str().unwrap(), row["email"].as_str().unwrap());
        let call = postern.post(&format!("/api/auth/admin/sign-ups/{id}/{act}")).bearer(&world.admin_token);
        in_language(call, "ar").send().expect(200);
        assert_eq!(languages(postern, email)[0], "de", "{act}");
    }
}

#[test]
fn the_queue_keeps_the_language_of_a_mail_that_is_retried() {
    let postern = Postern::with_settings(&RESEND);
    let ada = postern.sign_up(ADA);
    speaks(&postern, &ada, None);
    postern.resend.is_down.set(true);
    ask_reset(&postern, ADA, "ar");
    postern.resend.is_down.set(false);
    postern.wait(2 * MINUTE);
    postern.run_cron();
    assert_eq!(languages(&postern, ADA), ["ar"]);
}
