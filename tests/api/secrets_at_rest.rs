//! A copy of the stores or the log contains no usable credential.

use postern::crypto::keys::Keys;
use serde_json::json;
use sha2::{Digest, Sha256};

use base64ct::{Base64, Base64UrlUnpadded, Encoding};

use crate::support::{
    Fault, HOUR, MINUTE, PASSWORD, Postern, RESEND, SECRET,
    world::{ADA, NEW_PASSWORD, World, endpoints},
};

/// Every secret that a client or a mail received, with a description.
#[derive(Default)]
struct Secrets(Vec<(&'static str, String)>);

impl Secrets {
    fn add(&mut self, what: &'static str, secret: &str) {
        assert!(secret.len() >= 6, "{what}");
        self.0.push((what, secret.to_owned()));
        // Nor the signature of a JWT, without which it is useless.
        if let Some((_, signature)) = secret.rsplit_once('.').filter(|_| secret.starts_with("ey")) {
            self.0.push((what, signature.to_owned()));
        }
    }

    /// For secrets that can be guessed, an unkeyed hash is as bad as the secret.
    fn add_guessable(&mut self, what: &'static str, secret: &str) {
        self.add(what, secret);
        let hash = Sha256::digest(secret);
        self.0.push((what, hash.iter().map(|byte| format!("{byte:02x}")).collect()));
        self.0.push((what, Base64::encode_string(&hash).trim_end_matches('=').to_owned()));
        self.0.push((what, Base64UrlUnpadded::encode_string(&hash)));
        self.0.push((what, Base64::encode_string(secret.as_bytes()).trim_end_matches('=').to_owned()));
    }

    #[track_caller]
    fn are_not_in(&self, place: &str, text: &str) {
        for (what, secret) in &self.0 {
            // Six digits can be part of anything; on their own, they are the code.
            let is_code = secret.len() == 6 && secret.bytes().all(|byte| byte.is_ascii_digit());
            let is_there = if is_code {
                text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == secret)
            } else {
                text.contains(secret)
            };
            let lines = || text.lines().filter(|line| line.contains(secret)).collect::<Vec<_>>();
            assert!(!is_there, "{what} is in {place}: {:?}", lines());
        }
    }
}

/// The contents of the database and KV.
fn stores(postern: &Postern) -> (String, String) {
    let kv = postern.kv.entries().iter().map(|(key, (value, _))| format!("{key} = {value}\n")).collect();
    (postern.sql.dump(), kv)
}

#[test]
fn a_copy_of_the_stores_contains_no_credentials_or_ip_addresses() {
    // Unlike other providers, the provider `outbox` of local development shows its mails to everyone.
    let world = World::with_settings(&RESEND);
    let postern = &world.postern;
    let mut secrets = Secrets::default();
    let mut copies = Vec::new();
    copies.push(stores(postern));

    secrets.add_guessable("a password", PASSWORD);
    for (what, secret) in [
        ("a session token", &world.ada.token),
        ("a session token", &world.other_session),
        ("a session token", &world.admin_token),
        ("a reset token", &world.reset_token),
        ("an OTP session token", &world.otp_token),
        ("the token of a change of the email", &world.email_change_token),
        ("an undo link", &world.undo_token),
    ] {
        secrets.add(what, secret);
    }
    for (what, secret) in [
        ("a code", &world.code),
        ("a code", &world.email_change_code),
        ("a user token", &world.user_token),
        ("a user token", &world.referrer),
    ] {
        secrets.add_guessable(what, secret);
    }
    for code in &world.recovery_codes {
        secrets.add_guessable("a recovery code", code);
        secrets.add_guessable("a recovery code", &code.replace('-', ""));
    }
    for totp in [&world.totp, &world.new_totp] {
        secrets.add_guessable("the secret of an authenticator app", &totp.to_base32());
    }
    secrets.add("the token of a sign-in", &world.pending_token);
    let step = json!({ "token": world.pending_token, "recovery_code": world.recovery_codes[0] });
    postern.post("/api/auth/login/second-factor").json(step).send().expect(200);
    copies.push(stores(postern));

    // Guesses from many addresses.
    postern.come_from("198.51.100.77");
    postern.login(ADA, "a wrong password").refused(401, "wrong_credentials");
    secrets.add("a wrong password", "a wrong password");
    postern.login("stranger@example.net", "a wrong password").refused(401, "wrong_credentials");
    let link = |email: &str| postern.post("/api/auth/send-password-reset-link").json(json!({ "email": email }));
    link("stranger@example.net").send().expect(200);
    postern.come_from("2001:db8:77::1");
    postern.login("stranger@example.net", "a wrong password").refused(401, "wrong_credentials");
    copies.push(stores(postern));

    // An invitation and its sign-up.
    let invite = json!({ "email": "grace@example.org" });
    postern.post("/api/auth/me/send-invite").bearer(&world.grace.token).json(invite).send().expect(200);
    let mail = postern.mails("grace@example.org")[0]["text"].as_str().unwrap().to_owned();
    let (_, referrer) = mail.split_once("referrer=").unwrap();
    let referrer = &referrer[..10];
    secrets.add_guessable("an invitation", referrer);
    copies.push(stores(postern));
    let body = json!({ "referrer": referrer, "email": "grace@example.org", "password": "Grace's own password" });
    let grace = postern.post("/api/auth/signup").json(body).send().expect(200);
    secrets.add_guessable("a password", "Grace's own password");
    secrets.add("a session token", grace["token"].as_str().unwrap());

    // A new code, with guesses, then used.
    let (otp_token, code) = postern.one_time_password(&world.ada.token, ADA);
    secrets.add("an OTP session token", &otp_token);
    secrets.add_guessable("a code", &code);
    copies.push(stores(postern));
    postern.post("/api/auth/verify-otp").form(&[("otp", &code), ("token", &otp_token)]).send().expect(200);
    copies.push(stores(postern));

    // A reset and a change.
    postern.wait(MINUTE);
    let reset = postern.reset_token(ADA);
    secrets.add("a reset token", &reset);
    copies.push(stores(postern));
    let call = postern.post("/api/auth/reset-password-with-token").bearer(&reset);
    call.json(json!({ "password": NEW_PASSWORD })).send().expect(200);
    secrets.add_guessable("a password", NEW_PASSWORD);
    let session = postern.token(ADA, NEW_PASSWORD);
    secrets.add("a session token", &session);
    let body = json!({ "old_password": NEW_PASSWORD, "new_password": "the last password" });
    postern.put("/api/auth/me/password").bearer(&session).json(body).send().expect(200);
    secrets.add_guessable("a password", "the last password");
    postern.wait(MINUTE);
    copies.push(stores(postern));

    for secret in [SECRET, "re_test_key"] {
        secrets.add("a secret of the deployment", secret);
    }
    for (sql, kv) in &copies {
        secrets.are_not_in("D1", sql);
        secrets.are_not_in("KV", kv);
        assert!(!kv.contains('@'), "{kv}");
        let throttles: String = sql.lines().filter(|line| line.starts_with("throttles: ")).collect();
        let mut visitors = Secrets::default();
        for visitor in [ADA, "stranger@example.net", "grace@example.org", "192.0.2.1", "198.51.100.77"] {
            visitors.add_guessable("a visitor", visitor);
        }
        visitors.add_guessable("a visitor", "2001:db8:77::/64");
        visitors.add("a visitor", "2001:db8:77");
        visitors.are_not_in("the throttles", &throttles);
        assert!(!throttles.contains('@'), "{throttles}");
    }

    // Make sure that the copies contain the expected data in readable form.
    let (sql, _) = copies.last().unwrap();
    for something in [
        ADA,
        "$argon2id$",
        "users: ",
        "sessions: ",
        "user_tokens: ",
        "one_time_passwords: ",
        "throttles: ",
        "totp: ",
        "recovery_codes: ",
        "spent: ",
    ] {
        assert!(sql.contains(something), "{something} is missing");
    }
    assert!(copies[0].1.contains("otp:") && copies[0].1.contains("reset:"), "{}", copies[0].1);
}

#[test]
fn a_stored_password_is_an_argon2id_hash_with_its_own_salt() {
    let postern = Postern::new();
    postern.sign_up(ADA);
    postern.sign_up("grace@example.org");
    let rows = postern.sql.query("SELECT password_hash FROM users", &[]);
    let hashes: Vec<&str> = rows.iter().map(|row| row["password_hash"].as_str().unwrap()).collect();
    assert_eq!(hashes.len(), 3);
    for (at, hash) in hashes.iter().enumerate() {
        assert!(hash.starts_with("$argon2id$v=19$"), "{hash}");
        assert!(hashes[..at].iter().all(|other| other.rsplit('$').nth(1) != hash.rsplit('$').nth(1)), "{hashes:?}");
    }
}

#[test]
fn a_code_in_kv_cannot_be_brute_forced_without_the_secret() {
    let world = World::new();
    let kv = world.postern.kv.entries();
    let (_, (record, _)) = kv.iter().find(|(key, _)| key.starts_with("otp:")).unwrap();
    let record: serde_json::Value = serde_json::from_str(record).unwrap();
    let (generation, hash) = (record["generation"].as_str().unwrap(), record["code_hash"].as_str().unwrap());
    let parts = ["code", generation, &world.code];
    assert!(Keys::derive(SECRET, None).one_time_password.matches(&parts, hash));
    assert!(!Keys::derive("another secret, of 32 characters", None).one_time_password.matches(&parts, hash));
}

#[test]
fn the_log_of_failures_contains_no_secrets_or_addresses() {
    let mut lines = 0;
    for settings in [&[][..], &RESEND] {
        for endpoint in endpoints() {
            for call in 1..=12 {
                let world = World::with_settings(settings);
                let postern = &world.postern;
                postern.come_from("198.51.100.77");
                postern.outside.fault.set(Some((call, Fault::Before)));
                endpoint.good(&world).send();
                if postern.outside.fault.take().is_some() {
                    break;
                }
                let log = postern.log().join("\n");
                assert!(log.contains("test-request"), "{}: {log:?}", endpoint.name());
                lines += postern.log().len();

                let mut secrets = Secrets::default();
                for (what, secret) in [
                    ("a session token", &world.ada.token),
                    ("a reset token", &world.reset_token),
                    ("a code", &world.code),
                    ("an OTP session token", &world.otp_token),
                    ("a user token", &world.user_token),
                    ("a user token", &world.referrer),
                    ("a recovery code", &world.recovery_codes[0]),
                    ("the secret of an authenticator app", &world.totp.to_base32()),
                    ("the token of a sign-in", &world.pending_token),
                ] {
                    secrets.add(what, secret);
                }
                for (what, secret) in [
                    ("a password", PASSWORD),
                    ("a password", NEW_PASSWORD),
                    ("an email", ADA),
                    ("an email", "eve@example.com"),
                    ("an email", "bob@example.com"),
                    ("an address", "198.51.100.77"),
                    ("a secret of the deployment", SECRET),
                    ("a secret of the deployment", "re_test_key"),
                    ("a hash", "argon2"),
                ] {
                    secrets.add(what, secret);
                }
                // Codes and links that were created during the failures.
                for mail in [postern.mails(ADA), postern.mails("eve@example.com")].concat() {
                    let text = mail["text"].as_str().unwrap();
                    for word in text.split(|c: char| c.is_whitespace() || "=&".contains(c)) {
                        let is_code = word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit());
                        if is_code || word.len() > 40 {
                            secrets.add("a mail", word);
                        }
                    }
                }
                secrets.are_not_in("the log", &log);
                for statement in ["SELECT", "INSERT", "UPDATE", "DELETE FROM", "/rustc/", ".rs:"] {
                    assert!(!log.contains(statement), "{log}");
                }
            }
        }
    }
    assert!(lines > 100, "{lines}");
}

#[test]
fn only_failures_are_logged() {
    let world = World::new();
    for endpoint in endpoints() {
        endpoint.locked(&world).send();
        endpoint.bare(&world).body("application/json", b"{").send();
    }
    world.postern.login(ADA, "a wrong password");
    world.postern.wait(HOUR);
    assert_eq!(world.postern.log(), [""; 0]);
}

/// The rows of user tokens.
fn user_tokens(postern: &Postern) -> String {
    postern
        .sql
        .dump()
        .lines()
        .filter(|line| line.starts_with("user_tokens: "))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn the_invited_address_is_readable_only_by_the_inviter_and_deleted_after_use() {
    let world = World::with_settings(&RESEND);
    let postern = &world.postern;
    let invite = json!({ "email": "joan@example.org" });
    postern.verify(&world.ada.id);
    postern.post("/api/auth/me/send-invite").bearer(&world.ada.token).json(invite).send().expect(200);
    let names = || {
        let list = postern.post("/api/auth/me/tokens").bearer(&world.ada.token).send().expect(200);
        list.as_array().unwrap().iter().map(|token| token["name"].clone()).collect::<Vec<_>>()
    };
    assert!(names().contains(&json!("Invitation of joan@example.org")), "{:?}", names());
    let mut address = Secrets::default();
    address.add_guessable("the address of an invitation", "joan@example.org");
    address.are_not_in("the user tokens", &user_tokens(postern));

    let mail = postern.mails("joan@example.org")[0]["text"].as_str().unwrap().to_owned();
    let (_, referrer) = mail.split_once("referrer=").unwrap();
    let body = json!({ "referrer": &referrer[..10], "email": "joan@example.org", "password": PASSWORD });
    let joan = postern.post("/api/auth/signup").json(body).send().expect(200);
    assert!(names().contains(&json!("Invitation")), "{:?}", names());
    let sealed = postern.sql.query("SELECT 1 FROM user_tokens WHERE sealed_recipient IS NOT NULL", &[]);
    assert!(sealed.is_empty());

    // Deleting the account removes the last trace of the address.
    let path = format!("/api/auth/admin/users/{}", joan["user"]["id"].as_str().unwrap());
    postern.delete(&path).bearer(&world.admin_token).send().expect(200);
    assert!(!postern.sql.dump().contains("joan@example.org"));
}

#[test]
fn the_address_is_removed_from_the_name_of_an_older_invitation() {
    let world = World::new();
    let postern = &world.postern;
    let rename = |name: &str| postern.sql.execute("UPDATE user_tokens SET name = ?1", &[name.into()]);
    let update = include_str!("../../migrations/0011_event_details.sql")
        .lines()
        .find(|line| line.starts_with("UPDATE user_tokens "))
        .unwrap();
    for (before, after) in [("Invitation of joan@example.org", "Invitation"), ("For Joan", "For Joan")] {
        rename(before);
        postern.sql.execute(update, &[]);
        let rows = postern.sql.query("SELECT DISTINCT name FROM user_tokens", &[]);
        assert_eq!(rows, [json!({ "name": after })]);
    }
}
