//! The language of errors.

use http::header;
use postern::language::Language;
use serde_json::json;

use crate::support::{
    Answer, Postern,
    world::{World, endpoints},
};

fn login(postern: &Postern, language: &str) -> Answer {
    let body = json!({ "email": "nobody@example.com", "password": "wrong password" });
    postern.post("/api/auth/login").header(header::ACCEPT_LANGUAGE, language).json(body).send()
}

#[test]
fn an_error_is_in_the_language_of_the_request() {
    let postern = Postern::new();
    for (language, content_language, sentence) in [
        ("de-AT,de;q=0.9,en;q=0.8", Some("de"), "Die E-Mail-Adresse oder das Passwort ist falsch."),
        ("ar", Some("ar"), "البريد الإلكتروني أو كلمة المرور غير صحيحة."),
        ("en-GB", None, "The email or the password is wrong."),
        ("fr", None, "The email or the password is wrong."),
        ("*", None, "The email or the password is wrong."),
        ("de;q=NaN", None, "The email or the password is wrong."),
    ] {
        let answer = login(&postern, language);
        answer.refused(401, "wrong_credentials");
        assert_eq!(answer.body["error"], sentence, "{language}");
        assert_eq!(answer.header("content-language"), content_language, "{language}");
    }
}

#[test]
fn invalid_fields_are_described_in_the_language_of_the_request() {
    let postern = Postern::new();
    let answer = postern
        .post("/api/auth/login/email")
        .header(header::ACCEPT_LANGUAGE, "de")
        .json(json!({ "email": "ada" }))
        .send();
    answer.refused(422, "invalid_fields");
    let problem = "muss eine E-Mail-Adresse sein, zum Beispiel name@example.com";
    assert_eq!(answer.body["detail"][0]["msg"], problem);
    assert_eq!(answer.body["detail"][0]["type"], "email");
    assert_eq!(answer.body["error"], format!("email {problem}."));
    let body = postern.post("/api/auth/login").header(header::ACCEPT_LANGUAGE, "ar").json(json!([])).send();
    assert_eq!(body.body["error"], "محتوى الطلب: يجب أن يكون كائن JSON.");
    let empty = postern.post("/api/auth/login").header(header::ACCEPT_LANGUAGE, "de").body("application/json", b"");
    assert_eq!(empty.send().body["error"], "Der Inhalt der Anfrage ist leer; senden Sie ein JSON-Objekt.");
}

#[test]
fn a_success_is_the_same_in_every_language() {
    let postern = Postern::new();
    let ada = postern.sign_up_verified("ada@example.com");
    let answer = postern.get("/api/auth/me").bearer(&ada.token).header(header::ACCEPT_LANGUAGE, "de").send();
    assert_eq!((answer.status, answer.header("content-language")), (200, None));
}

#[test]
fn hostile_headers_change_nothing() {
    let postern = Postern::new();
    let long = "de-".repeat(21_000);
    let many = "xx;q=0.9,".repeat(7_000);
    for language in [long.as_str(), &many, "de\u{0}", "\u{e9}", ",;q=;;,,", "de;q=0.5;q=1", "../de", "{limit}"] {
        if let Ok(value) = header::HeaderValue::from_bytes(language.as_bytes()) {
            let answer = login(&postern, value.to_str().unwrap_or("fr"));
            assert_eq!(answer.status, 401, "{language:.40}");
            let tag = answer.header("content-language");
            assert!(tag.is_none_or(|tag| Language::parse(tag).is_some()), "{tag:?}");
        }
    }
}

#[test]
fn no_error_without_a_token_is_in_english_if_the_request_asks_for_german() {
    for endpoint in endpoints() {
        let world = World::new();
        let english = endpoint.bare(&world).send();
        let german = endpoint.bare(&world).header(header::ACCEPT_LANGUAGE, "de").send();
        if german.status >= 400 && endpoint.method != http::Method::HEAD {
            assert_eq!(german.header("content-language"), Some("de"), "{}", endpoint.name());
            assert_eq!(german.body["code"], english.body["code"], "{}", endpoint.name());
            assert_ne!(german.body["error"], english.body["error"], "{}", endpoint.name());
        }
    }
}

/// The stored language of a user.
fn locale(postern: &Postern, email: &str) -> Option<String> {
    let rows = postern.sql.query("SELECT locale FROM users WHERE email = ?1", &[email.into()]);
    rows[0]["locale"].as_str().map(str::to_owned)
}

#[test]
fn a_sign_up_with_an_invitation_stores_the_language_of_the_request() {
    let postern = Postern::new();
    let referrer = postern.referrer();
    for (email, language, expected) in [
        ("a@example.com", "de-DE,de;q=0.9,en;q=0.8", Some("de")),
        ("b@example.com", "fr", None),
        ("c@example.com", "*", None),
        ("d@example.com", "en", Some("en")),
    ] {
        let body = json!({ "referrer": referrer, "email": email, "password": "a good password for tests" });
        postern.post("/api/auth/signup").header(header::ACCEPT_LANGUAGE, language).json(body).send().expect(200);
        assert_eq!(locale(&postern, email).as_deref(), expected, "{language}");
    }
}

#[test]
fn every_other_sign_up_stores_the_language_of_the_request() {
    // A code by email.
    let world = World::with_settings(&[("SIGN_UP", "open")]);
    let postern = &world.postern;
    let body = json!({ "email": "new@example.com", "password": "a good password for tests" });
    let token = postern.post("/api/auth/signup").json(body).send().expect(202);
    let mail = &postern.mails("new@example.com")[0];
    let code = code_of(mail["text"].as_str().unwrap());
    let body = json!({ "token": token["token"], "code": code });
    postern.post("/api/auth/signup/verify").header(header::ACCEPT_LANGUAGE, "ar").json(body).send().expect(200);
    assert_eq!(locale(postern, "new@example.com").as_deref(), Some("ar"));

    // An admin who approves, in a language of their own.
    let world = World::with_settings(&[("SIGN_UP", "approval")]);
    let postern = &world.postern;
    postern.sql.execute("UPDATE sign_ups SET locale = 'de'", &[]);
    let id = postern.sql.query("SELECT id, email FROM sign_ups LIMIT 1", &[]);
    let (id, email) = (id[0]["id"].as_str().unwrap().to_owned(), id[0]["email"].as_str().unwrap().to_owned());
    let call = postern.post(&format!("/api/auth/admin/sign-ups/{id}/approve")).bearer(&world.admin_token);
    call.header(header::ACCEPT_LANGUAGE, "ar").send().expect(200);
    assert_eq!(locale(postern, &email).as_deref(), Some("de"));
}

/// The first word of six digits.
fn code_of(text: &str) -> &str {
    text.split_whitespace().find(|word| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit())).unwrap()
}

#[test]
fn users_read_and_change_their_language() {
    let world = World::new();
    let postern = &world.postern;
    let get = || postern.get("/api/auth/me/locale").bearer(&world.ada.token).send().expect(200)["locale"].clone();
    let put = |locale: serde_json::Value| {
        postern.put("/api/auth/me/locale").bearer(&world.ada.token).json(json!({ "locale": locale })).send()
    };
    assert_eq!(get(), json!(null));
    for locale in [json!("de"), json!("ar"), json!("en"), json!(null)] {
        assert_eq!(put(locale.clone()).expect(200), json!(true));
        assert_eq!(get(), locale);
    }
    put(json!("DE")).expect(200);
    assert_eq!(get(), "de");
    for locale in [json!("fr"), json!("de-DE"), json!(""), json!("de\r\nX: y"), json!(1), json!(["de"]), json!("../en")]
    {
        assert_eq!(put(locale).faulty_fields(), ["locale"]);
    }
    assert_eq!(get(), "de");
    postern.put("/api/auth/me/locale").bearer(&world.ada.token).json(json!({})).send().refused(422, "invalid_fields");
}

#[test]
fn a_language_of_a_newer_version_counts_as_none() {
    let world = World::new();
    world.postern.sql.execute("UPDATE users SET locale = 'tlh'", &[]);
    let answer = world.postern.get("/api/auth/me/locale").bearer(&world.ada.token).send();
    assert_eq!(answer.expect(200), json!({ "locale": null }));
}
