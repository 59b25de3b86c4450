//! Spellings of passwords, and imported hashes: docs/security.md, promises 1, 4 and 33.

use postern::{access::password_attempt, domain::password::Password, store::users};
use serde_json::json;

use crate::support::{PASSWORD, Postern};

const ADA: &str = "ada@example.com";

fn set_hash(postern: &Postern, user_id: &str, hash: &str) {
    postern.sql.execute("UPDATE users SET password_hash = ?2 WHERE id = ?1", &[user_id.into(), hash.into()]);
}

fn hash_of(postern: &Postern, user_id: &str) -> String {
    let rows = postern.sql.query("SELECT password_hash FROM users WHERE id = ?1", &[user_id.into()]);
    rows[0]["password_hash"].as_str().unwrap().to_owned()
}

#[test]
fn an_unverifiable_hash_is_a_wrong_password_and_logged_without_the_hash() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    let digest = "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    for hash in [
        "plain text".to_owned(),
        "$2b$03$WS4YZ7Sa52htaqSztA8rSebZoIzt0AnpQbY27JqwS4B6//BZzHUN.".to_owned(),
        format!("$argon2id$v=19$m=16,t=1,p=4$c29tZXNhbHQ${digest}"),
        format!("$argon2id$v=19$m=1024,t=1,p=0$c29tZXNhbHQ${digest}"),
        format!("$argon2id$v=19$m=1024,t=1,p=1${}${digest}", "A".repeat(66)),
        format!("$scrypt$ln=15,r=8,p=16$c29tZXNhbHQ${digest}"),
    ] {
        set_hash(&postern, &ada.id, &hash);
        let lines = postern.log().len();
        postern.login(ADA, PASSWORD).refused(401, "wrong_credentials");
        let change = json!({ "old_password": PASSWORD, "new_password": "another good password" });
        let call = postern.put("/api/auth/me/password").bearer(&ada.token).json(change);
        call.send().refused(403, "wrong_password");
        let log = &postern.log()[lines..];
        assert!(log.iter().all(|line| line.contains("cannot be verified")) && log.len() == 2, "{log:?}");
        assert!(log.iter().all(|line| !line.contains(digest) && !line.contains("WS4YZ7")), "{log:?}");
    }
    // A reset replaces the hash.
    let token = postern.reset_token(ADA);
    let body = json!({ "password": "another good password" });
    postern.post("/api/auth/reset-password-with-token").bearer(&token).json(body).send().expect(200);
    postern.login(ADA, "another good password").expect(200);
}

#[test]
fn two_spellings_of_a_text_are_the_same_password_everywhere() {
    // Composed, decomposed, and with a no-break space: the same text from different keyboards.
    let (composed, decomposed) = ("Pr\u{fc}fung im J\u{e4}nner", "Pru\u{308}fung\u{a0}im Ja\u{308}nner");
    let (next, next_decomposed) = ("Gr\u{f6}\u{df}er als vorher", "Gro\u{308}\u{df}er\u{2009}als vorher");
    for (set, check) in [(composed, decomposed), (decomposed, composed)] {
        let postern = Postern::new();
        let body = json!({ "referrer": postern.referrer(), "email": ADA, "password": set });
        let answer = postern.post("/api/auth/signup").json(body).send().expect(200);
        let token = answer["token"].as_str().unwrap();
        postern.login(ADA, check).expect(200);
        let change = json!({ "old_password": check, "new_password": next_decomposed });
        postern.put("/api/auth/me/password").bearer(token).json(change).send().expect(200);
        postern.login(ADA, next).expect(200);
        let reset = postern.reset_token(ADA);
        let body = json!({ "password": set });
        postern.post("/api/auth/reset-password-with-token").bearer(&reset).json(body).send().expect(200);
        postern.login(ADA, check).expect(200);
    }
}

#[test]
fn compatibility_forms_and_letter_case_are_significant() {
    let postern = Postern::new();
    let body = json!({ "referrer": postern.referrer(), "email": ADA, "password": "\u{fb01}ne passwords" });
    postern.post("/api/auth/signup").json(body).send().expect(200);
    postern.login(ADA, "fine passwords").refused(401, "wrong_credentials");
    postern.login(ADA, "\u{fb01}ne Passwords").refused(401, "wrong_credentials");
}

#[test]
fn password_length_is_counted_in_canonical_form() {
    let postern = Postern::new();
    let (referrer, seven) = (postern.referrer(), "u\u{308}".repeat(7));
    let body = json!({ "referrer": referrer, "email": ADA, "password": seven });
    postern.post("/api/auth/signup").json(body).send().refused(422, "invalid_fields");
}

#[test]
fn a_hash_of_the_password_as_typed_verifies_and_is_replaced_by_the_canonical_form() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    // The hash of a decomposed "Prüfung im Jänner" with the tests' parameters, by the reference implementation's `argon2id`.
    let typed = "Pru\u{308}fung im Ja\u{308}nner";
    let cost = postern::crypto::password_hash::Cost { memory_kib: 64, iterations: 1, parallelism: 1 };
    let hash = postern::crypto::password_hash::hash(typed, cost).unwrap();
    set_hash(&postern, &ada.id, &hash);
    postern.login(ADA, typed).expect(200);
    assert_ne!(hash_of(&postern, &ada.id), hash);
    postern.login(ADA, "Pr\u{fc}fung im J\u{e4}nner").expect(200);
    postern.login(ADA, typed).expect(200);
}

#[test]
fn a_stronger_hash_is_replaced_at_login_too() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    let stronger = "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc";
    set_hash(&postern, &ada.id, stronger);
    postern.login(ADA, "password").expect(200);
    assert!(hash_of(&postern, &ada.id).starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{}", hash_of(&postern, &ada.id));
}

#[test]
fn an_unknown_email_takes_as_long_as_a_stored_hash() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    let bcrypt = "$2b$04$SO6x4rZ/SJaM45Thj/KQ9OLmpMwU4SqwQ6VNmxI436mE/cXuPfo9i";
    let admin =
        postern.sql.query("SELECT id FROM users WHERE email = 'admin'", &[])[0]["id"].as_str().unwrap().to_owned();
    let sampled = |email: &str| {
        let app = postern.services().at(postern.now.get());
        let counters = password_attempt::counters(&app, email);
        let sample = password_attempt::sample(&app, email);
        let attempt = users::attempt_password(&app.store, &counters, email, Some(&sample), None, app.now);
        let hash = pollster::block_on(attempt).unwrap().unwrap().sample;
        // An unverifiable hash does no harm either.
        password_attempt::spend(&app, &Password::new("any"), hash.as_deref());
        hash.unwrap()
    };
    set_hash(&postern, &admin, bcrypt);
    set_hash(&postern, &ada.id, bcrypt);
    assert!((0..20).all(|number| sampled(&format!("nobody{number}@example.com")) == bcrypt));
    // Both kinds of hashes are used, and the same email always uses the same one.
    for (number, digit) in "0123456789abcdef".chars().enumerate() {
        postern.sql.execute(
            "INSERT INTO users (id, email, password_hash, created_at, updated_at) VALUES (?1, ?1, ?2, 0, 0)",
            &[format!("{digit}0").into(), if number % 2 == 0 { bcrypt.into() } else { "plain text".into() }],
        );
    }
    let found: Vec<String> = (0..64).map(|number| sampled(&format!("nobody{number}@example.com"))).collect();
    assert!(found.iter().any(|hash| hash == bcrypt) && found.iter().any(|hash| hash == "plain text"), "{found:?}");
    assert_eq!(
        found[..8],
        (0..8).map(|number| sampled(&format!("nobody{number}@example.com"))).collect::<Vec<_>>()[..]
    );
}

#[test]
fn concurrent_logins_that_replace_the_hash_all_succeed() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    let stronger = "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc";
    set_hash(&postern, &ada.id, stronger);
    let login = || postern.post("/api/auth/login").json(json!({ "email": ADA, "password": "password" }));
    let answers = postern.at_once((0..8).map(|_| login()).collect());
    assert!(
        answers.iter().all(|answer| answer.status == 200),
        "{:?}",
        answers.iter().map(|a| a.status).collect::<Vec<_>>()
    );
    assert!(hash_of(&postern, &ada.id).starts_with("$argon2id$v=19$m=64,"));
}
