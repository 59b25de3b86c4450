//! `PASSWORD_RESET_TOKEN=opaque`: the same rules as for JWTs (`password_reset.rs`), in a link that is much shorter.

use http::Method;
use postern::{
    crypto::keys::Keys,
    domain::mail_job::{MailJob, NewReset},
};
use serde_json::{Value, json};

use crate::support::{
    Call, MINUTE, NEW_SECRET, PASSWORD, Postern, RESEND, SECOND, SECRET, SignedUp, claims,
    world::{Opens, World, endpoints},
};

const NEW_PASSWORD: &str = "another good password";
const ADA: &str = "ada@example.com";
const JWT: (&str, &str) = ("PASSWORD_RESET_TOKEN", "jwt");
const OPAQUE: (&str, &str) = ("PASSWORD_RESET_TOKEN", "opaque");

fn reset<'a>(postern: &'a Postern, token: &str, password: &str) -> Call<'a> {
    postern.post("/api/auth/reset-password-with-token").bearer(token).json(json!({ "password": password }))
}

#[track_caller]
fn is_rejected(postern: &Postern, token: &str) {
    assert_eq!(postern.me(token), 401, "{token}");
    reset(postern, token, "a thief's password").send().refused(401, "invalid_token");
}

fn with_token() -> (Postern, SignedUp, String) {
    let postern = Postern::with_settings(&[OPAQUE]);
    let ada = postern.sign_up(ADA);
    let token = postern.reset_token(ADA);
    (postern, ada, token)
}

/// The token in the newest mail.
fn token_in_mail(postern: &Postern, to: &str) -> String {
    let mails = postern.mails(to);
    let (_, rest) = mails[0]["text"].as_str().unwrap().split_once("/reset-password?token=").unwrap();
    rest.split_whitespace().next().unwrap().to_owned()
}

fn is_opaque(token: &str) -> bool {
    token.len() == 48 && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[test]
fn an_opaque_link_shows_the_account_and_resets_the_password_once() {
    let (postern, ada, token) = with_token();
    assert!(is_opaque(&token), "{token}");
    for method in [Method::GET, Method::HEAD, Method::GET] {
        let answer = postern.request(method, "/api/auth/me").bearer(&token).send();
        assert_eq!((answer.status, answer.header("x-refresh-token")), (200, None));
    }
    let user = postern.get("/api/auth/me").bearer(&token).send().expect(200);
    assert_eq!((&user["id"], &user["email"]), (&json!(ada.id), &json!(ADA)));
    assert_eq!(reset(&postern, &token, "short").send().faulty_fields(), ["password"]);

    assert_eq!(reset(&postern, &token, NEW_PASSWORD).send().expect(200), json!(true));
    is_rejected(&postern, &token);
    postern.login(ADA, PASSWORD).refused(401, "wrong_credentials");
    postern.login(ADA, NEW_PASSWORD).expect(200);
    assert_eq!(postern.me(&ada.token), 401);
}

#[test]
fn an_opaque_link_works_for_one_of_fifty_concurrent_requests() {
    let (postern, _, token) = with_token();
    let password = |n: usize| format!("the new password number {n}");
    let answers = postern.at_once((0..50).map(|n| reset(&postern, &token, &password(n))).collect());
    let winners: Vec<usize> = (0..50).filter(|at| answers[*at].status == 200).collect();
    assert_eq!(winners.len(), 1);
    postern.login(ADA, &password(winners[0])).expect(200);
}

#[test]
fn neither_store_contains_an_opaque_token_or_what_it_can_be_found_by() {
    // The provider `outbox` of local development shows its mails to everyone.
    let postern = Postern::with_settings(&[RESEND.as_slice(), &[OPAQUE]].concat());
    postern.sign_up(ADA);
    let stores = || {
        let entries = postern.kv.entries();
        let kv: String = entries.iter().map(|(key, (value, _))| format!("{key} = {value}\n")).collect();
        kv + &postern.sql.dump()
    };
    postern.resend.is_down.set(true);
    postern.post("/api/auth/send-password-reset-link").json(json!({ "email": ADA })).send().expect(200);
    let queued = stores();
    postern.resend.is_down.set(false);
    postern.wait(2 * MINUTE);
    postern.run_cron();
    let token = token_in_mail(&postern, ADA);
    let (random, check) = token.split_at(43);
    for copy in [queued, stores()] {
        assert!(copy.contains("reset:") && !copy.contains(random), "{copy}");
    }
    // What the stores do contain opens nothing.
    let rows = postern.sql.query("SELECT password_reset_id FROM users WHERE email = ?1", &[ADA.into()]);
    let id = rows[0]["password_reset_id"].as_str().unwrap();
    for guess in [id.to_owned(), format!("{id}{check}"), format!("{random}{}", &id[..5])] {
        is_rejected(&postern, &guess);
    }
    assert_eq!(postern.me(&token), 200);
}

#[test]
fn a_token_with_a_wrong_check_is_rejected_without_a_store() {
    for setting in [JWT, OPAQUE] {
        let (postern, _, token) = with_token();
        postern.redeploy(&[setting]);
        let jwt = Keys::derive("another secret, of 32 characters", None).password_reset.sign(json!({}), 0, 60 * MINUTE);
        let unsigned = postern.get("/api/auth/me").bearer(&jwt.unwrap()).send();
        unsigned.refused(401, "invalid_token");
        for at in 0..token.len() {
            let other = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
            let mut wrong = token.clone();
            wrong.replace_range(at..=at, other);
            let answer = postern.get("/api/auth/me").bearer(&wrong).send();
            answer.refused(401, "invalid_token");
            assert_eq!((answer.calls, &answer.text.len()), (unsigned.calls, &unsigned.text.len()), "{wrong}");
        }
        for wrong in ["", &token[..47], &token[..43], &format!("{token}A"), &format!("{token}="), &token.to_lowercase()]
        {
            is_rejected(&postern, wrong);
        }
        let wide = "é".repeat(24);
        is_rejected(&postern, &wide);
        assert_eq!(postern.me(&token), 200);
    }
}

#[test]
fn an_opaque_link_is_valid_as_long_as_a_jwt_even_if_kv_keeps_it_longer() {
    for (settings, minutes) in [(vec![OPAQUE], 15), (vec![OPAQUE, ("RESET_TOKEN_LIFETIME_SECONDS", "7200")], 120)] {
        let postern = Postern::with_settings(&settings);
        postern.sign_up(ADA);
        let token = postern.reset_token(ADA);
        postern.kv.forget_to_expire();
        postern.wait(minutes * MINUTE - 1);
        assert_eq!(postern.me(&token), 200);
        postern.wait(1);
        is_rejected(&postern, &token);
    }
}

#[test]
fn a_used_record_that_reappears_and_a_link_without_its_record_are_rejected() {
    let (postern, _, token) = with_token();
    let entries = postern.kv.entries();
    assert_eq!(entries.len(), 1);
    postern.kv.clear();
    is_rejected(&postern, &token);
    postern.kv.put_back(entries.clone());
    reset(&postern, &token, NEW_PASSWORD).send().expect(200);
    assert_eq!(postern.kv.entries().len(), 0);
    postern.kv.put_back(entries);
    is_rejected(&postern, &token);
}

#[test]
fn an_opaque_link_of_one_user_does_nothing_for_another() {
    let (postern, ada, token) = with_token();
    let bob = postern.sign_up("bob@example.com");
    let bobs = postern.reset_token("bob@example.com");
    // Somebody who can write to KV names Bob in Ada's record.
    let (genuine, forged): (Vec<_>, Vec<_>) = postern
        .kv
        .entries()
        .into_iter()
        .filter(|(_, (value, _))| value.contains(&ada.id))
        .map(|(key, (value, end))| ((key.clone(), (value.clone(), end)), (key, (value.replace(&ada.id, &bob.id), end))))
        .unzip();
    assert_eq!(forged.len(), 1);
    postern.kv.put_back(forged.into_iter().collect());
    is_rejected(&postern, &token);
    postern.kv.put_back(genuine.into_iter().collect());
    let body = json!({ "password": NEW_PASSWORD, "user_id": bob.id, "email": bob.email, "token": bobs });
    postern.post("/api/auth/reset-password-with-token").bearer(&token).json(body).send().expect(200);
    postern.login(ADA, NEW_PASSWORD).expect(200);
    postern.login("bob@example.com", PASSWORD).expect(200);
    assert_eq!(postern.me(&bobs), 200);
}

#[test]
fn a_newer_link_of_either_kind_ends_the_older_one() {
    for first in [JWT, OPAQUE] {
        for second in [JWT, OPAQUE] {
            let postern = Postern::with_settings(&[first]);
            let ada = postern.sign_up(ADA);
            let older = postern.reset_token(ADA);
            postern.wait(SECOND);
            postern.redeploy(&[second]);
            let newer = postern.reset_token(ADA);
            assert_eq!((is_opaque(&older), is_opaque(&newer)), (first == OPAQUE, second == OPAQUE));
            is_rejected(&postern, &older);
            reset(&postern, &newer, NEW_PASSWORD).send().expect(200);
            is_rejected(&postern, &newer);
            postern.wait(SECOND);
            // So do a new password and a deactivation.
            let last = postern.reset_token(ADA);
            let session = postern.token(ADA, NEW_PASSWORD);
            let body = json!({ "old_password": NEW_PASSWORD, "new_password": PASSWORD });
            postern.put("/api/auth/me/password").bearer(&session).json(body).send().expect(200);
            is_rejected(&postern, &last);
            postern.wait(SECOND);
            let last = postern.reset_token(ADA);
            postern.set_active(&ada.id, false);
            is_rejected(&postern, &last);
        }
    }
}

#[test]
fn a_change_of_the_setting_breaks_no_link_that_is_on_its_way() {
    for (before, after) in [(JWT, OPAQUE), (OPAQUE, JWT)] {
        // The link was asked for before, mailed after a provider came back, and used afterwards.
        let with = |kind: (&'static str, &'static str)| [RESEND.as_slice(), &[kind]].concat();
        let postern = Postern::with_settings(&with(before));
        postern.sign_up(ADA);
        postern.resend.is_down.set(true);
        let body = json!({ "email": ADA });
        postern.post("/api/auth/send-password-reset-link").json(body).send().expect(200);
        postern.redeploy(&with(after));
        postern.resend.is_down.set(false);
        postern.wait(2 * MINUTE);
        postern.run_cron();
        let token = &token_in_mail(&postern, ADA);
        assert_eq!(is_opaque(token), before == OPAQUE, "{token}");
        assert_eq!(postern.me(token), 200);
        reset(&postern, token, NEW_PASSWORD).send().expect(200);
        is_rejected(&postern, token);
    }
}

#[test]
fn every_link_that_sets_a_password_is_opaque() {
    let postern = Postern::with_settings(&[OPAQUE]);
    let ada = postern.sign_up_verified(ADA);
    let admin = postern.admin_token();
    let works = |token: &str| {
        assert!(is_opaque(token), "{token}");
        reset(&postern, token, NEW_PASSWORD).send().expect(200);
        is_rejected(&postern, token);
    };

    let new = json!({ "email": "new@example.com" });
    postern.post("/api/auth/admin/users").bearer(&admin).json(new).send().expect(200);
    let invitation = token_in_mail(&postern, "new@example.com");
    postern.wait(6 * 24 * 60 * MINUTE);
    works(&invitation);

    let admin = postern.admin_token();
    let path = format!("/api/auth/admin/users/{}/send-password-reset-link", ada.id);
    postern.post(&path).bearer(&admin).send().expect(200);
    works(&token_in_mail(&postern, ADA));

    postern.wait(MINUTE);
    let session = postern.token(ADA, NEW_PASSWORD);
    let (change, _) = postern.ask_email_change(&session, "ada@example.org");
    let body = json!({ "token": change, "code": postern.code("ada@example.org"), "old_code": postern.code(ADA) });
    postern.wait(MINUTE);
    postern.post("/api/auth/me/email/verify").bearer(&session).json(body).send().expect(200);
    let undo = json!({ "token": postern.undo_token(ADA) });
    postern.wait(MINUTE);
    postern.post("/api/auth/undo-email-change").json(undo).send().expect(200);
    works(&token_in_mail(&postern, ADA));
}

#[test]
fn an_opaque_link_does_not_reveal_whether_an_account_exists() {
    let asked = |setting| {
        let postern = Postern::with_settings(&[setting]);
        let ada = postern.sign_up(ADA);
        let inactive = postern.sign_up("grace@example.com");
        postern.set_active(&inactive.id, false);
        ["nobody@example.com", &ada.email, &inactive.email].map(|email| {
            let body = json!({ "email": email });
            let answer = postern.post("/api/auth/send-password-reset-link").json(body).send();
            (answer.status, answer.text, answer.headers, answer.calls)
        })
    };
    let [opaque, jwt] = [OPAQUE, JWT].map(asked);
    for answer in opaque.iter().chain(&jwt) {
        assert_eq!(answer, &jwt[0]);
    }
}

#[test]
fn opaque_links_obey_the_same_limits() {
    let refused_after = |setting| {
        let postern = Postern::with_settings(&[setting]);
        postern.sign_up(ADA);
        let ask = |_: &i32| {
            let body = json!({ "email": ADA });
            postern.post("/api/auth/send-password-reset-link").json(body).send().status == 200
        };
        (0..1_000).take_while(ask).count()
    };
    assert_eq!(refused_after(OPAQUE), refused_after(JWT));
}

#[test]
fn an_opaque_link_survives_a_rotation_of_the_secret_and_only_with_the_previous_one() {
    let (postern, _, token) = with_token();
    postern.redeploy(&[("AUTH_SECRET", NEW_SECRET), ("AUTH_SECRET_PREVIOUS", SECRET)]);
    assert_eq!(postern.me(&token), 200);
    postern.redeploy(&[("AUTH_SECRET", NEW_SECRET)]);
    is_rejected(&postern, &token);
    postern.redeploy(&[("AUTH_SECRET", NEW_SECRET), ("AUTH_SECRET_PREVIOUS", SECRET)]);
    reset(&postern, &token, NEW_PASSWORD).send().expect(200);
}

#[test]
fn a_deployment_with_a_different_address_rejects_an_opaque_link_even_with_the_same_secret_and_stores() {
    let (postern, _, token) = with_token();
    postern.redeploy(&[OPAQUE, ("APP_URL", "https://staging.example.com")]);
    is_rejected(&postern, &token);
    postern.redeploy(&[OPAQUE]);
    assert_eq!(postern.me(&token), 200);
}

#[test]
fn an_opaque_token_opens_the_same_endpoints_as_a_jwt() {
    let opened = |setting| {
        let protected = endpoints().into_iter().filter(|endpoint| endpoint.opens != Opens::Anybody);
        let opens = protected.filter(|endpoint| {
            let world = World::with_settings(&[setting]);
            assert_eq!(is_opaque(&world.reset_token), setting == OPAQUE);
            endpoint.locked(&world).bearer(&world.reset_token).send().status != 401
        });
        opens.map(|endpoint| endpoint.name()).collect::<Vec<_>>()
    };
    let opened_by_opaque = opened(OPAQUE);
    assert_eq!(opened_by_opaque, opened(JWT));
    assert_eq!(opened_by_opaque.len(), 3, "{opened_by_opaque:?}");
}

#[test]
fn by_default_links_and_queued_mails_are_as_before() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    assert_eq!(claims(&postern.reset_token(ADA))["sub"], json!(ada.id));

    let job = |token: Option<&str>| MailJob::PasswordReset {
        email: ADA.to_owned(),
        reset: NewReset { id: "1".to_owned(), token: token.map(str::to_owned) },
    };
    let old = json!({ "errand": "password_reset", "email": ADA, "reset_id": "1" });
    assert_eq!(serde_json::to_value(job(None)).unwrap(), old);
    let MailJob::PasswordReset { reset, .. } = serde_json::from_value(old.clone()).unwrap() else { panic!() };
    assert_eq!((reset.id.as_str(), reset.token), ("1", None));
    // The previous version reads what it needs for a JWT.
    let new: Value = serde_json::to_value(job(Some("2"))).unwrap();
    for (name, value) in old.as_object().unwrap() {
        assert_eq!(&new[name], value);
    }
}
