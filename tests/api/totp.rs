//! `/api/auth/me/totp`, `/api/auth/me/second-factor` and `/api/auth/admin/users/{id}/second-factors`

use serde_json::{Value, json};

use crate::support::{
    Answer, HOUR, MINUTE, PASSWORD, Postern, RESEND, SignedUp, claims, totp_code,
    world::{ADA, GRACE, PIA, TESS, World, add_passkey},
};

fn confirm(postern: &Postern, session: &str, code: &str) -> Answer {
    postern.put("/api/auth/me/totp").bearer(session).json(json!({ "code": code })).send()
}

fn security(postern: &Postern, session: &str) -> Value {
    postern.get("/api/auth/me/security").bearer(session).send().expect(200)
}

fn subjects(postern: &Postern, email: &str) -> Vec<String> {
    postern.mails(email).iter().map(|mail| mail["subject"].as_str().unwrap().to_owned()).collect()
}

fn begun(postern: &Postern, session: &str) -> Value {
    postern.post("/api/auth/me/totp").bearer(session).send().expect(200)
}

/// Gives a user a passkey, and makes one session one that was started with it.
fn use_passkey(postern: &Postern, user: &SignedUp) {
    add_passkey(postern, &user.id, "0198c0de-0000-4000-8000-000000000001", 1);
    let sid = claims(&user.token)["sid"].as_str().unwrap().to_owned();
    postern.sql.execute("UPDATE sessions SET level = 2, methods = 'passkey' WHERE id = ?1", &[sid.into()]);
}

#[test]
fn an_app_that_is_not_confirmed_changes_nothing() {
    let postern = Postern::with_settings(&[("SERVICE_NAME", "Acme Accounts")]);
    let ada = postern.sign_up(ADA);
    let answer = begun(&postern, &ada.token);
    let secret = answer["secret"].as_str().unwrap();
    assert!(secret.len() == 32 && secret.bytes().all(|byte| b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".contains(&byte)));
    let uri = format!("otpauth://totp/Acme%20Accounts:ada@example.com?secret={secret}&issuer=Acme%20Accounts");
    assert_eq!(answer["uri"], uri);
    let security = security(&postern, &ada.token);
    assert_eq!((&security["totp"], &security["second_factor"]), (&Value::Null, &json!(false)));
    postern.login(ADA, PASSWORD).expect(200);
    assert_eq!(subjects(&postern, ADA), [""; 0]);
    postern.delete("/api/auth/me/totp").bearer(&ada.token).send().refused(404, "not_found");
}

#[test]
fn a_confirmed_app_keeps_this_session_and_ends_those_with_one_factor() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    let other = postern.token(ADA, PASSWORD);
    let grace = postern.sign_up(GRACE);
    let secret = postern.begin_totp(&ada.token);
    let answer = confirm(&postern, &ada.token, &totp_code(&secret, postern.now.get())).expect(200);
    let codes: Vec<&str> = answer["recovery_codes"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
    assert_eq!(codes.len(), 10);
    for (at, code) in codes.iter().enumerate() {
        let is_well_formed = code.len() == 11 && code.as_bytes()[5] == b'-';
        assert!(is_well_formed && !codes[..at].contains(code), "{codes:?}");
    }
    assert_eq!([&ada.token, &other, &grace.token].map(|token| postern.me(token)), [200, 401, 200]);
    let security = security(&postern, &ada.token);
    let expected = json!({
        "has_password": true, "second_factor": true, "is_enforced": false,
        "totp": { "created_at": postern.now.get(), "last_used_at": null }, "recovery_codes_left": 10, "passkeys": 0, "identities": 0,
        "authenticated_at": postern.now.get(), "level": 2, "methods": ["password", "totp"],
        "email_problem": null,
    });
    assert_eq!(security, expected);
    postern.login(ADA, PASSWORD).refused(403, "second_factor_required");
    assert_eq!(subjects(&postern, ADA), ["An authenticator app was added to your Postern account"]);
}

#[test]
fn a_wrong_first_code_changes_nothing() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    let first = postern.begin_totp(&ada.token);
    let second = postern.begin_totp(&ada.token);
    let now = postern.now.get();
    let tables = || [postern.sql.query("SELECT * FROM totp", &[]), postern.sql.query("SELECT * FROM users", &[])];
    let before = tables();
    // A second secret replaces the first one.
    for code in [&totp_code(&first, now), &totp_code(&second, now + 2 * MINUTE), "x"] {
        confirm(&postern, &ada.token, code).refused(403, "wrong_totp");
    }
    assert_eq!(tables(), before);
    let events = postern.sql.query("SELECT action, result FROM events ORDER BY id DESC LIMIT 1", &[]);
    assert_eq!(events, [json!({ "action": "totp_added", "result": "wrong_totp" })]);
    confirm(&postern, &ada.token, &totp_code(&second, now)).expect(200);
}

#[test]
fn an_app_is_begun_then_confirmed_once() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    confirm(&postern, &ada.token, "123456").refused(409, "totp_not_begun");
    let secret = postern.begin_totp(&ada.token);
    let code = totp_code(&secret, postern.now.get());
    let call = || postern.put("/api/auth/me/totp").bearer(&ada.token).json(json!({ "code": code }));
    let answers = postern.at_once(vec![call(), call(), call()]);
    let mut statuses = [0, 1, 2].map(|n| answers[n].status);
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409], "{answers:?}");
    assert_eq!(postern.sql.query("SELECT id FROM recovery_codes", &[]).len(), 10);
    confirm(&postern, &ada.token, &code).refused(409, "totp_on");
    postern.post("/api/auth/me/totp").bearer(&ada.token).send().refused(409, "totp_on");
}

#[test]
fn a_session_that_ends_during_the_confirmation_adds_no_factor() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    let secret = postern.begin_totp(&ada.token);
    postern.sql.execute("CREATE TRIGGER meanwhile AFTER INSERT ON throttles BEGIN DELETE FROM sessions; END", &[]);
    confirm(&postern, &ada.token, &totp_code(&secret, postern.now.get())).refused(401, "invalid_token");
    assert_eq!(postern.sql.query("SELECT confirmed_at FROM totp", &[]), [json!({ "confirmed_at": null })]);
    assert_eq!(postern.sql.query("SELECT id FROM recovery_codes", &[]), [Value::Null; 0]);
    assert_eq!(postern.sql.query("SELECT id FROM users WHERE second_factor = 1", &[]), [Value::Null; 0]);
}

#[test]
fn recovery_codes_from_before_the_app_stay_valid() {
    let world = World::new();
    let (postern, pia) = (&world.postern, &world.pia.token);
    let answer = postern.put("/api/auth/me/second-factor").bearer(pia).send().expect(200);
    let secret = postern.begin_totp(pia);
    let confirmed = confirm(postern, pia, &totp_code(&secret, postern.now.get())).expect(200);
    assert_eq!(confirmed, json!({ "recovery_codes": null }));
    let body = json!({ "token": postern.pending_token(PIA), "recovery_code": answer["recovery_codes"][0] });
    postern.post("/api/auth/login/second-factor").json(body).send().expect(200);
}

#[test]
fn without_the_only_factor_a_password_is_enough_again() {
    let world = World::new();
    let (postern, tess) = (&world.postern, &world.tess.token);
    assert_eq!(postern.delete("/api/auth/me/totp").bearer(tess).send().expect(200), json!(true));
    let security = security(postern, tess);
    let found = ["second_factor", "totp", "recovery_codes_left"].map(|name| security[name].clone());
    assert_eq!(found, [json!(false), json!(null), json!(0)]);
    postern.login(TESS, PASSWORD).expect(200);
    assert_eq!(subjects(postern, TESS)[0], "The authenticator app was removed from your Postern account");
    postern.delete("/api/auth/me/totp").bearer(tess).send().refused(404, "not_found");
    // The sign-in that waited for a code has nothing to wait for.
    let body = json!({ "token": world.pending_token, "code": totp_code(&world.totp, postern.now.get()) });
    postern.post("/api/auth/login/second-factor").json(body).send().refused(401, "wrong_code");
}

#[test]
fn with_a_passkey_the_requirement_and_the_recovery_codes_outlive_the_app() {
    let world = World::new();
    let (postern, tess) = (&world.postern, &world.tess);
    add_passkey(postern, &tess.id, "0198c0de-0000-4000-8000-000000000001", 9);
    postern.delete("/api/auth/me/totp").bearer(&tess.token).send().expect(200);
    let answer = postern.login(TESS, PASSWORD);
    answer.refused(403, "second_factor_required");
    assert_eq!(answer.body["detail"]["methods"], json!(["passkey", "recovery_code"]));
}

#[test]
fn a_factor_that_the_operator_requires_can_only_be_replaced() {
    let world = World::new();
    let (postern, tess) = (&world.postern, &world.tess);
    postern.redeploy(&[("SECOND_FACTOR", "everybody")]);
    let remove = |path: &str| postern.delete(path).bearer(&tess.token).send();
    remove("/api/auth/me/totp").refused(409, "second_factor_enforced");
    remove("/api/auth/me/second-factor").refused(409, "second_factor_enforced");
    add_passkey(postern, &tess.id, "0198c0de-0000-4000-8000-000000000001", 9);
    remove("/api/auth/me/second-factor").refused(409, "second_factor_enforced");
    remove("/api/auth/me/totp").expect(200);
}

#[test]
fn a_user_who_must_set_up_a_factor_gets_a_full_session_by_confirming_one() {
    let postern = Postern::new();
    postern.sign_up(ADA);
    postern.redeploy(&[("SECOND_FACTOR", "everybody")]);
    let token = postern.token(ADA, PASSWORD);
    assert_eq!(claims(&token)["purpose"], "restricted");
    postern.get("/api/auth/me/sessions").bearer(&token).send().refused(403, "second_factor_setup_required");
    postern.add_totp(&token);
    let me = postern.get("/api/auth/me").bearer(&token).send();
    let refreshed = me.header("x-refresh-token").unwrap();
    assert_eq!((&claims(refreshed)["purpose"], &claims(refreshed)["acr"]), (&json!("session"), &json!("2")));
    postern.get("/api/auth/me/sessions").bearer(refreshed).send().expect(200);
}

#[test]
fn a_user_with_a_passkey_can_decide_that_the_password_is_too_little() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    let require = |token: &str| postern.put("/api/auth/me/second-factor").bearer(token).send();
    require(&ada.token).refused(409, "no_passkey");
    let by_password = postern.token(ADA, PASSWORD);
    use_passkey(&postern, &ada);
    // The session would end with the others, and the passkey might be lost.
    let answer = require(&by_password);
    answer.refused(403, "reauthentication_required");
    assert_eq!(answer.body["detail"]["methods"], json!(["passkey"]));

    let codes = require(&ada.token).expect(200);
    assert_eq!(codes["recovery_codes"].as_array().unwrap().len(), 10);
    assert_eq!([&ada.token, &by_password].map(|token| postern.me(token)), [200, 401]);
    require(&ada.token).refused(409, "second_factor_on");
    let answer = postern.login(ADA, PASSWORD);
    answer.refused(403, "second_factor_required");
    assert_eq!(answer.body["detail"]["methods"], json!(["passkey", "recovery_code"]));
    assert_eq!(subjects(&postern, ADA), ["Your Postern account now needs a second step"]);
}

#[test]
fn a_user_can_stop_requiring_a_second_factor() {
    let world = World::new();
    let (postern, tess) = (&world.postern, &world.tess);
    add_passkey(postern, &tess.id, "0198c0de-0000-4000-8000-000000000001", 9);
    let stop = |token: &str| postern.delete("/api/auth/me/second-factor").bearer(token).send();
    stop(&world.ada.token).refused(409, "second_factor_off");
    assert_eq!(stop(&tess.token).expect(200), json!(true));
    let security = security(postern, &tess.token);
    let found = ["second_factor", "totp", "recovery_codes_left", "passkeys"].map(|name| security[name].clone());
    assert_eq!(found, [json!(false), json!(null), json!(0), json!(1)]);
    postern.login(TESS, PASSWORD).expect(200);
    stop(&tess.token).refused(409, "second_factor_off");
    assert_eq!(subjects(postern, TESS)[0], "Your Postern account no longer needs a second step");
}

#[test]
fn a_user_without_a_password_cannot_stop_requiring_a_second_factor() {
    let world = World::new();
    let (postern, pia) = (&world.postern, &world.pia);
    postern.put("/api/auth/me/second-factor").bearer(&pia.token).send().expect(200);
    postern.sql.execute("UPDATE users SET password_hash = '' WHERE id = ?1", &[pia.id.as_str().into()]);
    postern.delete("/api/auth/me/second-factor").bearer(&pia.token).send().refused(409, "no_password");
}

#[test]
fn an_admin_can_remove_all_second_factors_of_a_user_who_lost_them() {
    let world = World::with_settings(&RESEND);
    let (postern, tess) = (&world.postern, &world.tess);
    add_passkey(postern, &tess.id, "0198c0de-0000-4000-8000-000000000001", 9);
    // Somebody has guessed until the account was blocked.
    for _ in 0..11 {
        let body = json!({ "token": world.pending_token, "code": "000000" });
        postern.post("/api/auth/login/second-factor").json(body).send();
    }
    let reset = |id: &str| {
        let path = format!("/api/auth/admin/users/{id}/second-factors");
        postern.delete(&path).bearer(&world.admin_token).send()
    };
    assert_eq!(reset(&tess.id).expect(200), json!(true));
    for query in [
        "SELECT 1 FROM totp WHERE user_id = ?1",
        "SELECT 1 FROM recovery_codes WHERE user_id = ?1",
        "SELECT 1 FROM passkeys WHERE user_id = ?1",
        "SELECT 1 FROM sessions WHERE user_id = ?1",
    ] {
        assert!(postern.sql.query(query, &[tess.id.as_str().into()]).is_empty(), "{query}");
    }
    assert_eq!(subjects(postern, TESS)[0], "An admin has reset the second factors of your Postern account");
    // The password is enough, and a new app can be confirmed at once.
    let session = postern.token(TESS, PASSWORD);
    postern.add_totp(&session);
    // The users of the other factors keep them.
    assert_eq!(postern.sql.query("SELECT 1 FROM passkeys", &[]).len(), 2);

    reset("nobody").refused(404, "not_found");
    let own = claims(&world.admin_token)["sub"].as_str().unwrap().to_owned();
    reset(&own).refused(409, "own_account");
    let body = postern.delete(&format!("/api/auth/admin/users/{}/second-factors", tess.id));
    body.bearer(&world.grace.token).send().refused(403, "admin_required");
}

#[test]
fn a_code_confirms_who_it_is_in_the_same_session() {
    let world = World::new();
    let (postern, tess) = (&world.postern, &world.tess.token);
    postern.wait(HOUR);
    postern.post("/api/auth/me/recovery-codes").bearer(tess).send().refused(403, "reauthentication_required");
    let reauthenticate = |body: Value| postern.post("/api/auth/reauthenticate").bearer(tess).json(body).send();
    let code = totp_code(&world.totp, postern.now.get());
    reauthenticate(json!({ "code": "000000" })).refused(403, "wrong_proof");
    // A recovery code is for signing in.
    reauthenticate(json!({ "code": world.recovery_codes[0] })).refused(403, "wrong_proof");
    reauthenticate(json!({ "code": code, "password": PASSWORD })).refused(422, "invalid_fields");
    reauthenticate(json!({})).refused(422, "invalid_fields");
    assert_eq!(reauthenticate(json!({ "code": code })).expect(200), json!(true));
    reauthenticate(json!({ "code": code })).refused(403, "wrong_proof");
    postern.post("/api/auth/me/recovery-codes").bearer(tess).send().expect(200);
    // Ada's app is not confirmed, so it proves nothing.
    let code = totp_code(&world.new_totp, postern.now.get());
    let call = postern.post("/api/auth/reauthenticate").bearer(&world.ada.token).json(json!({ "code": code }));
    call.send().refused(403, "wrong_proof");
}
