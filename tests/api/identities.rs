//! Signing in with an identity provider, and the identities of an account. The provider is GitHub, whose answers the test decides;
//! what ID tokens must contain is in oauth_client.rs.

use http::Method;
use serde_json::{Value, json};

use crate::support::{
    Answer, MINUTE, PASSWORD, Postern, SECOND, claims, totp_code,
    world::{ADA, GRACE, TESS, World, add_passkey},
};

const NEW: &str = "new@example.com";
const LOGIN: &str = "/api/auth/login/github";
const LINK: &str = "/api/auth/me/identities/github";

/// A world without identities.
fn world(settings: &[(&str, &str)]) -> World {
    let world = World::with_settings(settings);
    world.postern.sql.execute("DELETE FROM identities", &[]);
    world.postern.sql.execute("DELETE FROM unlinked_identities", &[]);
    world
}

/// What GitHub says: the id of the user, and the primary email, with whether it is verified.
#[derive(Clone, Copy)]
struct GitHub {
    id: i64,
    email: Option<(&'static str, bool)>,
}

const fn user(id: i64, email: &'static str, is_verified: bool) -> GitHub {
    GitHub { id, email: Some((email, is_verified)) }
}

impl GitHub {
    fn answers(self, postern: &Postern) {
        let emails: Vec<Value> = self
            .email
            .into_iter()
            .map(|(email, verified)| json!({ "email": email, "primary": true, "verified": verified }))
            .collect();
        postern.github_says(json!({ "id": self.id, "name": "Octo Cat" }), json!(emails));
    }
}

/// Begins a visit, and returns the body with which the user comes back.
fn begin(postern: &Postern, body: Value) -> Value {
    let begun = postern.post(LOGIN).json(body).send().expect(200);
    json!({ "token": begun["token"], "state": begun["id"], "code": "code" })
}

fn come_back(postern: &Postern, body: Value) -> Answer {
    postern.post(&format!("{LOGIN}/callback")).json(body).send()
}

fn sign_in(postern: &Postern, github: GitHub) -> Answer {
    github.answers(postern);
    come_back(postern, begin(postern, json!({})))
}

fn link(postern: &Postern, session: &str, github: GitHub) -> Answer {
    github.answers(postern);
    let begun = postern.post(LINK).bearer(session).json(json!({})).send().expect(200);
    let body = json!({ "token": begun["token"], "state": begun["id"], "code": "code" });
    postern.post(&format!("{LINK}/callback")).bearer(session).json(body).send()
}

fn count(postern: &Postern, table: &'static str) -> usize {
    let query = match table {
        "sessions" => "SELECT id FROM sessions",
        "users" => "SELECT id FROM users",
        _ => "SELECT id FROM identities",
    };
    postern.sql.query(query, &[]).len()
}

fn identities(postern: &Postern, session: &str) -> Vec<Value> {
    let list = postern.get("/api/auth/me/identities").bearer(session).send().expect(200);
    list.as_array().unwrap().clone()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn the_table_of_linking() {
    const NONE: &str = "nobody@example.com";
    // Grace is verified, Ada is not.
    for (email, is_verified, linking, status, code) in [
        (GRACE, true, "verified", 200, "login"),
        (GRACE, true, "off", 409, "account_exists"),
        (GRACE, false, "verified", 409, "account_exists"),
        (GRACE, false, "off", 409, "account_exists"),
        (ADA, true, "verified", 200, "account_claimed"),
        (ADA, true, "off", 200, "account_claimed"),
        (ADA, false, "verified", 409, "account_exists"),
        (ADA, false, "off", 409, "account_exists"),
        (NONE, true, "verified", 200, "signup"),
        (NONE, true, "off", 200, "signup"),
        (NONE, false, "verified", 200, "signup"),
        (NONE, false, "off", 200, "signup"),
        ("frozen@example.com", false, "verified", 409, "account_exists"),
    ] {
        let about = format!("{email} {is_verified} {linking}");
        let world = world(&[("SIGN_UP", "open"), ("ACCOUNT_LINKING", linking)]);
        let postern = &world.postern;
        let sessions = count(postern, "sessions");
        let answer = sign_in(postern, user(1, email, is_verified));
        assert_eq!(answer.status, status, "{about}: {}", answer.text);
        if status != 200 {
            answer.refused(status, code);
            assert_eq!((count(postern, "sessions"), count(postern, "identities")), (sessions, 0), "{about}");
            continue;
        }
        let token = text(&answer.body["token"]).to_owned();
        assert_eq!((&answer.body["user"]["email"], postern.me(&token)), (&json!(email), 200), "{about}");
        // An email that the provider did not verify stays unverified.
        assert_eq!(answer.body["user"]["is_verified"], is_verified, "{about}");
        assert_eq!(claims(&token)["amr"], json!(["fed"]), "{about}");
        let events = postern.sql.query("SELECT action FROM events WHERE action = ?1", &[code.into()]);
        assert!(!events.is_empty(), "{about}");
        let list = identities(postern, &token);
        assert_eq!(list.len(), 1, "{about}");
        assert_eq!(
            [&list[0]["provider"], &list[0]["provider_name"], &list[0]["subject"], &list[0]["email"]],
            [&json!("github"), &json!("GitHub"), &json!("1"), &json!(email)],
            "{about}"
        );
        // From now on the identity alone decides, whatever the email.
        for github in [user(1, "other@example.com", true), user(1, GRACE, false), GitHub { id: 1, email: None }] {
            let again = sign_in(postern, github).expect(200);
            assert_eq!(again["user"]["email"], email, "{about}");
        }
    }
}

#[test]
fn an_unverified_account_loses_everything_when_a_provider_proves_its_email() {
    let world = world(&[]);
    let postern = &world.postern;
    // The stranger who has signed up with Ada's email has linked an identity of their own.
    assert_eq!(link(postern, &world.ada.token, user(666, "mallory@example.com", true)).status, 200);
    let answer = sign_in(postern, user(1, ADA, true)).expect(200);
    assert_eq!((&answer["user"]["id"], &answer["user"]["is_verified"]), (&json!(world.ada.id), &json!(true)));
    assert_eq!(answer["user"]["name"], "Octo Cat");
    assert_eq!(postern.me(&world.ada.token), 401);
    assert_eq!(postern.me(&world.other_session), 401);
    postern.login(ADA, PASSWORD).refused(401, "wrong_credentials");
    postern.post("/api/auth/login/passkey").json(world.passkey_sign_in()).send().refused(401, "unknown_passkey");
    let list = identities(postern, text(&answer["token"]));
    assert_eq!(list.iter().map(|identity| text(&identity["subject"])).collect::<Vec<_>>(), ["1"]);
    sign_in(postern, user(666, "mallory@example.com", true)).refused(403, "invitation_required");
}

#[test]
fn the_owner_of_an_account_is_told_when_a_provider_is_linked_and_unlinked() {
    let world = world(&[]);
    let postern = &world.postern;
    let token = text(&sign_in(postern, user(1, GRACE, true)).expect(200)["token"]).to_owned();
    let newest = |postern: &Postern| postern.mails(GRACE)[0]["text"].as_str().unwrap().to_owned();
    assert!(newest(postern).contains("You can now sign in with your GitHub account."), "{}", newest(postern));
    let before = postern.mails(GRACE).len();
    // A later sign-in is nothing to tell.
    sign_in(postern, user(1, GRACE, true)).expect(200);
    assert_eq!(postern.mails(GRACE).len(), before);
    postern.wait(10 * MINUTE);
    let id = text(&identities(postern, &token)[0]["id"]).to_owned();
    postern.delete(&format!("/api/auth/me/identities/{id}")).bearer(&token).send().expect(200);
    assert!(newest(postern).contains("You can no longer sign in with your GitHub account."), "{}", newest(postern));
    let actions = "SELECT action FROM events WHERE action LIKE 'identity_%' ORDER BY id";
    let actions: Vec<_> = postern.sql.query(actions, &[]).iter().map(|row| row["action"].clone()).collect();
    assert_eq!(actions, [json!("identity_linked"), json!("identity_unlinked")]);
}

#[test]
fn a_second_factor_is_still_asked_for_and_the_identity_is_linked_only_after_it() {
    let world = &world(&[]);
    let postern = &world.postern;
    postern.verify(&world.tess.id);
    let sessions = count(postern, "sessions");
    let refused = sign_in(postern, user(1, TESS, true));
    let pending = refused.body["detail"]["token"].clone();
    refused.refused(403, "second_factor_required");
    assert_eq!((count(postern, "sessions"), count(postern, "identities")), (sessions, 0));
    let wrong = json!({ "token": pending, "code": "000000" });
    postern.post("/api/auth/login/second-factor").json(wrong).send().refused(401, "wrong_code");
    assert_eq!(count(postern, "identities"), 0);
    let code = totp_code(&world.totp, postern.now.get());
    let body = json!({ "token": pending, "code": code });
    let answer = postern.post("/api/auth/login/second-factor").json(body).send().expect(200);
    let session = claims(text(&answer["token"]));
    assert_eq!((&session["amr"], &session["acr"]), (&json!(["fed", "otp", "mfa"]), &json!("2")));
    assert_eq!(identities(postern, text(&answer["token"])).len(), 1);
    // The same once it is linked, and that it was used is noted.
    postern.wait(MINUTE);
    let again = pending_token(sign_in(postern, user(1, "other@example.com", false)));
    complete(world, &again).expect(200);
    let list = identities(postern, text(&answer["token"]));
    assert_eq!(
        (list[0]["last_used_at"].as_i64(), &list[0]["email"]),
        (Some(postern.now.get()), &json!("other@example.com"))
    );
}

/// The token of a sign-in that waits for its second step.
fn pending_token(refused: Answer) -> String {
    let token = text(&refused.body["detail"]["token"]).to_owned();
    refused.refused(403, "second_factor_required");
    token
}

/// Gives the second factor of Tess.
fn complete(world: &World, token: &str) -> Answer {
    let code = totp_code(&world.totp, world.postern.now.get());
    world.postern.post("/api/auth/login/second-factor").json(json!({ "token": token, "code": code })).send()
}

#[test]
fn a_second_step_opens_nothing_once_what_the_first_one_has_proven_does_not_hold() {
    let world = &world(&[]);
    let postern = &world.postern;
    postern.verify(&world.tess.id);
    let execute = |sql: &'static str| postern.sql.execute(sql, &[world.tess.id.as_str().into()]);
    // The identity would be linked, but the account has another email now, or its email is no longer verified.
    for (change, back) in [
        (
            "UPDATE users SET email = 'moved@example.com' WHERE id = ?1",
            "UPDATE users SET email = 'tess@example.com' WHERE id = ?1",
        ),
        ("UPDATE users SET is_verified = 0 WHERE id = ?1", "UPDATE users SET is_verified = 1 WHERE id = ?1"),
    ] {
        let pending = pending_token(sign_in(postern, user(1, TESS, true)));
        execute(change);
        complete(world, &pending).refused(401, "wrong_code");
        execute(back);
        assert_eq!(count(postern, "identities"), 0);
        postern.wait(MINUTE);
    }
    complete(world, &pending_token(sign_in(postern, user(1, TESS, true)))).expect(200);
    postern.wait(MINUTE);

    // The identity was linked, and is not anymore.
    let pending = pending_token(sign_in(postern, user(1, TESS, true)));
    execute("DELETE FROM identities WHERE user_id = ?1");
    complete(world, &pending).refused(401, "wrong_code");

    // Everything was signed out.
    postern.wait(MINUTE);
    execute("DELETE FROM unlinked_identities WHERE user_id = ?1");
    let pending = pending_token(sign_in(postern, user(1, TESS, true)));
    postern.wait(MINUTE);
    let end = format!("/api/auth/admin/users/{}/sessions", world.tess.id);
    postern.request(Method::DELETE, &end).bearer(&world.admin_token).send().expect(200);
    complete(world, &pending).refused(401, "wrong_code");
    assert_eq!(count(postern, "identities"), 0);
}

#[test]
fn an_unlinked_identity_signs_in_again_only_once_its_owner_has_linked_it() {
    let world = &world(&[("SIGN_UP", "open")]);
    let postern = &world.postern;
    let github = user(1, GRACE, true);
    let session = text(&sign_in(postern, github).expect(200)["token"]).to_owned();
    let linked = text(&identities(postern, &session)[0]["id"]).to_owned();
    let path = format!("/api/auth/me/identities/{linked}");
    postern.request(Method::DELETE, &path).bearer(&session).send().expect(200);
    sign_in(postern, github).refused(409, "account_exists");
    // Another identity with the same email is not meant.
    sign_in(postern, user(2, GRACE, true)).expect(200);
    link(postern, &session, github).expect(200);
    sign_in(postern, github).expect(200);

    // The new owner of an unverified account has not unlinked anything.
    let ada = user(3, ADA, true);
    postern.sql.execute("DELETE FROM unlinked_identities", &[]);
    let linked = text(&link(postern, &world.ada.token, ada).expect(200)["id"]).to_owned();
    let path = format!("/api/auth/me/identities/{linked}");
    postern.request(Method::DELETE, &path).bearer(&world.ada.token).send().expect(200);
    sign_in(postern, ada).expect(200);
    sign_in(postern, ada).expect(200);
}

#[test]
fn two_tabs_of_a_new_user_both_finish() {
    for referrer in [false, true] {
        let world = &world(&[("SIGN_UP", "open")]);
        let postern = &world.postern;
        let body = if referrer { json!({ "referrer": world.referrer }) } else { json!({}) };
        user(1, NEW, true).answers(postern);
        let path = format!("{LOGIN}/callback");
        let bodies: Vec<Value> = (0..10).map(|_| begin(postern, body.clone())).collect();
        let users = count(postern, "users");
        let answers = postern.at_once(bodies.iter().map(|body| postern.post(&path).json(body.clone())).collect());
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, [200; 10], "{}", answers.iter().map(|answer| answer.text.as_str()).collect::<String>());
        assert_eq!((count(postern, "users"), count(postern, "identities")), (users + 1, 1));
        // And none of them works twice.
        for body in bodies {
            come_back(postern, body).refused(401, "provider_refused");
        }
    }
}

#[test]
fn what_a_provider_sends_opens_nothing_without_the_token_of_the_browser_that_began() {
    let world = world(&[]);
    let postern = &world.postern;
    user(1, GRACE, true).answers(postern);
    let (mine, other) = (begin(postern, json!({})), begin(postern, json!({})));
    let sessions = count(postern, "sessions");
    for (token, state) in [
        ("", text(&mine["state"])),
        ("x", text(&mine["state"])),
        (text(&other["token"]), text(&mine["state"])),
        (text(&mine["token"]), text(&other["state"])),
        (text(&mine["token"]), ""),
        (&text(&mine["token"])[1..], text(&mine["state"])),
        (&world.user_token, text(&mine["state"])),
    ] {
        let body = json!({ "token": token, "state": state, "code": "code" });
        come_back(postern, body).refused(401, "provider_refused");
    }
    assert_eq!(count(postern, "sessions"), sessions);
    // Both tabs finish, each once.
    for body in [other, mine] {
        come_back(postern, body.clone()).expect(200);
        come_back(postern, body).refused(401, "provider_refused");
    }
}

#[test]
fn a_visit_can_take_half_an_hour() {
    let world = world(&[]);
    let postern = &world.postern;
    user(1, GRACE, true).answers(postern);
    let (first, second) = (begin(postern, json!({})), begin(postern, json!({})));
    postern.wait(30 * MINUTE - 1);
    come_back(postern, first).expect(200);
    postern.wait(1);
    come_back(postern, second).refused(401, "provider_refused");
}

#[test]
fn of_fifty_concurrent_callbacks_with_one_code_one_signs_in() {
    let world = world(&[("SIGN_UP", "open")]);
    let postern = &world.postern;
    for github in [user(1, GRACE, true), user(1, GRACE, true), user(2, NEW, true)] {
        github.answers(postern);
        let (body, sessions) = (begin(postern, json!({})), count(postern, "sessions"));
        let path = format!("{LOGIN}/callback");
        let calls = (0..50).map(|_| postern.post(&path).json(body.clone())).collect();
        let statuses: Vec<u16> = postern.at_once(calls).iter().map(|answer| answer.status).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert_eq!(count(postern, "sessions"), sessions + 1);
    }
    assert_eq!(count(postern, "identities"), 2);
}

#[test]
fn every_mode_decides_about_a_sign_up_with_a_provider() {
    for (mode, email, is_verified, invited, expected) in [
        ("invitation", NEW, true, false, "invitation_required"),
        ("invitation", NEW, true, true, "session"),
        ("invitation", NEW, false, true, "session"),
        ("open", NEW, true, false, "session"),
        ("open", NEW, false, false, "session"),
        ("domains:example.com", NEW, true, false, "session"),
        ("domains:example.com", NEW, false, false, "provider_email_unverified"),
        ("domains:example.com", NEW, false, true, "session"),
        ("domains:example.org", NEW, true, false, "domain_refused"),
        ("domains:example.org", NEW, true, true, "session"),
        ("approval", NEW, true, false, "waiting"),
        ("approval", NEW, false, false, "provider_email_unverified"),
        ("approval", NEW, true, true, "session"),
        ("closed", NEW, true, false, "sign_up_closed"),
        ("closed", NEW, true, true, "sign_up_closed"),
        ("closed", NEW, false, false, "sign_up_closed"),
    ] {
        let about = format!("{mode} {email} {is_verified} {invited}");
        let world = world(&[]);
        let postern = &world.postern;
        postern.redeploy(&[("SIGN_UP", mode)]);
        user(1, email, is_verified).answers(postern);
        let users = count(postern, "users");
        let body = if invited { json!({ "referrer": world.referrer }) } else { json!({}) };
        let answer = come_back(postern, begin(postern, body));
        match expected {
            "session" => {
                let user = answer.expect(200)["user"].clone();
                assert_eq!([&user["email"], &user["name"]], [&json!(email), &json!("Octo Cat")], "{about}");
                assert_eq!(user["is_verified"], is_verified, "{about}");
                assert_eq!(user["referrer_id"].is_string(), invited, "{about}");
                assert_eq!((count(postern, "users"), count(postern, "identities")), (users + 1, 1), "{about}");
                // There is no password to guess.
                postern.login(email, "").refused(401, "wrong_credentials");
            }
            "waiting" => {
                assert_eq!(answer.expect(202)["status"], "waiting_for_approval", "{about}");
                assert_eq!((count(postern, "users"), count(postern, "identities")), (users, 0), "{about}");
            }
            code => {
                answer.refused(403, code);
                assert_eq!((count(postern, "users"), count(postern, "identities")), (users, 0), "{about}");
            }
        }
    }
}

#[test]
fn an_approved_applicant_signs_in_with_the_provider() {
    // Also where an email alone links nothing.
    let world = world(&[("SIGN_UP", "approval"), ("ACCOUNT_LINKING", "off")]);
    let postern = &world.postern;
    sign_in(postern, user(1, NEW, true)).expect(202);
    let list = postern.get("/api/auth/admin/sign-ups").bearer(&world.admin_token).send().expect(200);
    let waiting = list["items"].as_array().unwrap().iter().find(|request| request["email"] == NEW).unwrap().clone();
    let approve = format!("/api/auth/admin/sign-ups/{}/approve", text(&waiting["id"]));
    postern.post(&approve).bearer(&world.admin_token).send().expect(200);
    let user = sign_in(postern, user(1, NEW, true)).expect(200)["user"].clone();
    assert_eq!((&user["email"], &user["name"]), (&json!(NEW), &json!("Octo Cat")));
}

#[test]
fn an_invitation_counts_and_must_be_good() {
    let world = world(&[("SIGN_UP", "open")]);
    let postern = &world.postern;
    user(1, NEW, true).answers(postern);
    for referrer in ["0000000000", "", "not an invitation"] {
        let answer = come_back(postern, begin(postern, json!({ "referrer": referrer })));
        answer.refused(403, "referrer_refused");
    }
    assert_eq!(count(postern, "identities"), 0);
    let referrer = format!("https://app.example.com/signup?referrer={}", world.referrer);
    come_back(postern, begin(postern, json!({ "referrer": referrer }))).expect(200);
    // Who has an account signs in, with or without an invitation.
    user(1, NEW, true).answers(postern);
    come_back(postern, begin(postern, json!({ "referrer": world.referrer }))).expect(200);
}

#[test]
fn an_account_needs_an_email() {
    let world = world(&[("SIGN_UP", "open")]);
    sign_in(&world.postern, GitHub { id: 1, email: None }).refused(403, "provider_email_missing");
}

#[test]
fn a_deactivated_user_cannot_sign_in() {
    let world = world(&[]);
    let postern = &world.postern;
    sign_in(postern, user(1, GRACE, true)).expect(200);
    postern.set_active(&world.grace.id, false);
    sign_in(postern, user(1, GRACE, true)).refused(403, "inactive");
    sign_in(postern, user(2, GRACE, true)).refused(403, "inactive");
    assert_eq!(count(postern, "identities"), 1);
}

#[test]
fn a_visit_ends_with_all_sessions() {
    let world = world(&[]);
    let postern = &world.postern;
    user(1, GRACE, true).answers(postern);
    let (first, second) = (begin(postern, json!({})), begin(postern, json!({})));
    come_back(postern, first).expect(200);
    postern.wait(SECOND);
    let all = format!("/api/auth/admin/users/{}/sessions", world.grace.id);
    postern.delete(&all).bearer(&world.admin_token).send().expect(200);
    come_back(postern, second).refused(401, "provider_refused");
    sign_in(postern, user(1, GRACE, true)).expect(200);
}

#[test]
fn an_identity_belongs_to_one_account() {
    let world = world(&[]);
    let postern = &world.postern;
    let identity = link(postern, &world.grace.token, user(1, "octo@example.com", true)).expect(200).clone();
    assert_eq!([&identity["subject"], &identity["last_used_at"]], [&json!("1"), &Value::Null]);
    // Linking it again changes nothing.
    let mails = postern.mails(GRACE).len();
    assert_eq!(link(postern, &world.grace.token, user(1, "octo@example.com", true)).expect(200)["id"], identity["id"]);
    assert_eq!(postern.mails(GRACE).len(), mails);
    link(postern, &world.ada.token, user(1, "octo@example.com", true)).refused(409, "identity_taken");
    assert_eq!(identities(postern, &world.ada.token).len(), 0);
    assert_eq!(sign_in(postern, user(1, ADA, true)).expect(200)["user"]["email"], GRACE);
}

#[test]
fn an_identity_is_linked_in_the_session_that_asked_for_it() {
    let world = world(&[]);
    let postern = &world.postern;
    user(1, "octo@example.com", true).answers(postern);
    let begun = postern.post(LINK).bearer(&world.ada.token).json(json!({})).send().expect(200);
    let body = json!({ "token": begun["token"], "state": begun["id"], "code": "code" });
    let callback = format!("{LINK}/callback");
    for session in [&world.other_session, &world.grace.token] {
        postern.post(&callback).bearer(session).json(body.clone()).send().refused(401, "provider_refused");
    }
    come_back(postern, body.clone()).refused(401, "provider_refused");
    // Neither the other way round.
    let sign_in = begin(postern, json!({}));
    postern.post(&callback).bearer(&world.ada.token).json(sign_in).send().refused(401, "provider_refused");
    postern.post(&callback).bearer(&world.ada.token).json(body.clone()).send().expect(200);
    postern.post(&callback).bearer(&world.ada.token).json(body).send().refused(401, "provider_refused");
    assert_eq!(count(postern, "identities"), 1);
}

#[test]
fn a_user_has_at_most_twenty_identities() {
    let world = world(&[]);
    let postern = &world.postern;
    for id in 1..=20 {
        link(postern, &world.ada.token, user(id, "octo@example.com", true)).expect(200);
    }
    link(postern, &world.ada.token, user(21, "octo@example.com", true)).refused(409, "too_many_identities");
    assert_eq!(identities(postern, &world.ada.token).len(), 20);
}

#[test]
fn the_last_way_in_stays() {
    // Without sign-in by email, so that the mailbox is no way in.
    let world = world(&[("SIGN_UP", "open"), ("EMAIL_SIGN_IN", "off")]);
    let postern = &world.postern;
    let session = text(&sign_in(postern, user(1, NEW, true)).expect(200)["token"]).to_owned();
    let unlink = |id: &str| postern.delete(&format!("/api/auth/me/identities/{id}")).bearer(&session).send();
    let id = |index: usize| text(&identities(postern, &session)[index]["id"]).to_owned();
    unlink(&id(0)).refused(409, "last_way_in");
    let admin = format!("/api/auth/admin/users/{}/identities/{}", text(&claims(&session)["sub"]), id(0));
    postern.delete(&admin).bearer(&world.admin_token).send().refused(409, "last_way_in");
    // With another one, either can go, but not both.
    link(postern, &session, user(2, NEW, true)).expect(200);
    unlink(&id(0)).expect(200);
    unlink(&id(0)).refused(409, "last_way_in");
    // An identity at a provider that was removed from the settings is no way in.
    postern.sql.execute(
        "INSERT INTO identities (issuer, subject, id, user_id, provider, created_at) VALUES ('i', 's', 'gone', ?1, 'gone', 1)",
        &[text(&claims(&session)["sub"]).into()],
    );
    let last = text(&identities(postern, &session)[1]["id"]).to_owned();
    unlink(&last).refused(409, "last_way_in");
    unlink("gone").expect(200);
    // With a passkey it can go, and then the passkey cannot.
    let user_id = text(&claims(&session)["sub"]).to_owned();
    let passkey = "0198c0de-0000-4000-8000-00000000b0b1";
    add_passkey(postern, &user_id, passkey, 77);
    let remove = format!("/api/auth/me/passkeys/{passkey}");
    postern.delete(&remove).bearer(&session).send().expect(200);
    add_passkey(postern, &user_id, passkey, 78);
    unlink(&last).expect(200);
    postern.delete(&remove).bearer(&session).send().refused(409, "last_way_in");
}

#[test]
fn the_verified_mailbox_is_a_way_in_unless_mail_does_not_reach_it() {
    for (is_verified, problem, status) in [(true, None, 200), (true, Some("bounce"), 409), (false, None, 409)] {
        let world = &world(&[("SIGN_UP", "open")]).postern;
        let session = text(&sign_in(world, user(1, NEW, is_verified)).expect(200)["token"]).to_owned();
        world.sql.execute(
            "UPDATE users SET email_problem = ?1, email_problem_at = 1 WHERE email = ?2",
            &[problem.into(), NEW.into()],
        );
        let id = text(&identities(world, &session)[0]["id"]).to_owned();
        let answer = world.delete(&format!("/api/auth/me/identities/{id}")).bearer(&session).send();
        assert_eq!(answer.status, status, "{is_verified} {problem:?}");
    }
}

#[test]
fn admins_see_and_unlink_identities_and_the_owner_is_told() {
    let world = world(&[]);
    let postern = &world.postern;
    let identity = link(postern, &world.grace.token, user(1, "octo@example.com", true)).expect(200).clone();
    let path = format!("/api/auth/admin/users/{}/identities", world.grace.id);
    let list = postern.get(&path).bearer(&world.admin_token).send().expect(200);
    assert_eq!(list[0], identity);
    postern.get(&path).bearer(&world.ada.token).send().refused(403, "admin_required");
    postern.get("/api/auth/admin/users/nobody/identities").bearer(&world.admin_token).send().refused(404, "not_found");
    let one = format!("{path}/{}", text(&identity["id"]));
    postern.delete(&format!("{path}/unknown")).bearer(&world.admin_token).send().refused(404, "not_found");
    postern.wait(10 * MINUTE);
    postern.delete(&one).bearer(&world.admin_token).send().expect(200);
    assert!(postern.mails(GRACE)[0]["text"].as_str().unwrap().contains("no longer sign in with your GitHub account"));
    sign_in(postern, user(1, "octo@example.com", true)).refused(403, "invitation_required");
}

#[test]
fn linking_and_unlinking_need_recent_authentication() {
    let world = world(&[]);
    let postern = &world.postern;
    let identity = link(postern, &world.ada.token, user(1, "octo@example.com", true)).expect(200).clone();
    let begun = postern.post(LINK).bearer(&world.ada.token).json(json!({})).send().expect(200);
    postern.wait(16 * MINUTE);
    let bearer = &world.ada.token;
    postern.post(LINK).bearer(bearer).json(json!({})).send().refused(403, "reauthentication_required");
    let body = json!({ "token": begun["token"], "state": begun["id"], "code": "code" });
    postern
        .post(&format!("{LINK}/callback"))
        .bearer(bearer)
        .json(body)
        .send()
        .refused(403, "reauthentication_required");
    let one = format!("/api/auth/me/identities/{}", text(&identity["id"]));
    postern.delete(&one).bearer(bearer).send().refused(403, "reauthentication_required");
    assert_eq!(identities(postern, bearer).len(), 1);
}

#[test]
fn unknown_providers_are_a_404_and_the_redirect_uri_is_ours() {
    let world = world(&[]);
    let postern = &world.postern;
    for provider in ["google", "GitHub", "github2", "oidc", "second-factor2"] {
        postern.post(&format!("/api/auth/login/{provider}")).json(json!({})).send().refused(404, "unknown_provider");
        let body = json!({ "token": "x", "state": "x", "code": "x" });
        postern
            .post(&format!("/api/auth/login/{provider}/callback"))
            .json(body)
            .send()
            .refused(404, "unknown_provider");
        let link = format!("/api/auth/me/identities/{provider}");
        postern.post(&link).bearer(&world.ada.token).json(json!({})).send().refused(404, "unknown_provider");
    }
    let begun = postern.post(LOGIN).json(json!({})).send().expect(200);
    let url = text(&begun["url"]);
    let redirect = "redirect_uri=https%3A%2F%2Fapp.example.com%2Fapi%2Fauth%2Fcallback%2Fgithub";
    assert!(url.contains(redirect) && url.contains(&format!("state={}", text(&begun["id"]))), "{url}");
}

#[test]
fn the_redirect_uri_leads_to_the_page_with_what_it_needs_in_the_fragment() {
    let world = world(&[]);
    let postern = &world.postern;
    let location = |answer: &Answer| {
        assert_eq!(answer.status, 303);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        answer.header("location").unwrap().to_owned()
    };
    let query =
        "code=a%26b&state=s%23t&iss=https%3A%2F%2Fop.example&session_state=x&code=second&error_description=%3Cb%3E";
    let answer = postern.get(&format!("/api/auth/callback/github?{query}")).send();
    let expected =
        "https://app.example.com/callback#provider=github&code=a%26b&state=s%23t&iss=https%3A%2F%2Fop.example";
    assert_eq!(location(&answer), expected);
    // Apple sends a form, from its own site.
    let form = [("code", "c"), ("state", "s"), ("user", r#"{"name":{"firstName":"A"}}"#), ("id_token", "x")];
    let answer = postern.post("/api/auth/callback/apple").form(&form).send();
    let fragment = "provider=apple&code=c&state=s&user=%7B%22name%22%3A%7B%22firstName%22%3A%22A%22%7D%7D";
    assert_eq!(location(&answer), format!("https://app.example.com/callback#{fragment}"));
    let answer = postern.get("/api/auth/callback/github?error=access_denied&state=s").send();
    assert_eq!(location(&answer), "https://app.example.com/callback#provider=github&error=access_denied&state=s");
    // What is too long is left out, and nothing leads elsewhere.
    let long = "x".repeat(5_000);
    let answer = postern.get(&format!("/api/auth/callback/%2F%2Fevil.example?code={long}&state=s")).send();
    assert_eq!(location(&answer), "https://app.example.com/callback#provider=%2F%2Fevil.example&state=s");
    for method in [Method::PUT, Method::DELETE] {
        assert_eq!(postern.request(method, "/api/auth/callback/github").send().status, 405);
    }
}

/// The whole table is in domain/return_to.rs.
#[test]
fn a_sign_in_returns_only_to_own_pages_and_listed_origins() {
    let world = world(&[("APP_ORIGINS", "https://shop.example.com")]);
    let postern = &world.postern;
    user(1, GRACE, true).answers(postern);
    for return_to in ["/account#identities", "/admin", "https://shop.example.com/welcome?a=b#c"] {
        let body = json!({ "return_to": return_to });
        let answer = come_back(postern, begin(postern, body.clone())).expect(200);
        assert_eq!(answer["return_to"], return_to);
        postern.post(LINK).bearer(&world.ada.token).json(body).send().expect(200);
    }
    for return_to in [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/callback",
        "javascript:alert(1)",
        "https://shop.example.com.evil.example",
    ] {
        let body = json!({ "return_to": return_to });
        let answer = postern.post(LOGIN).json(body.clone()).send();
        assert_eq!(answer.faulty_fields(), ["return_to"], "{return_to}");
        let answer = postern.post(LINK).bearer(&world.ada.token).json(body).send();
        assert_eq!(answer.faulty_fields(), ["return_to"], "{return_to}");
    }
}

#[test]
fn the_undo_of_an_email_change_ends_identities_that_a_thief_has_linked() {
    let world = world(&[]);
    let postern = &world.postern;
    link(postern, &world.grace.token, user(1, "octo@example.com", true)).expect(200);
    postern.wait(30 * 24 * 60 * MINUTE);
    let session = postern.token(GRACE, PASSWORD);
    link(postern, &session, user(666, "mallory@example.com", true)).expect(200);
    let asked = postern.post("/api/auth/me/email").bearer(&session).json(json!({ "email": "thief@example.com" }));
    let token = asked.send().expect(200)["token"].clone();
    let body = json!({ "token": token, "code": postern.code("thief@example.com"), "old_code": postern.code(GRACE) });
    postern.post("/api/auth/me/email/verify").bearer(&session).json(body).send().expect(200);
    let undo = json!({ "token": postern.undo_token(GRACE) });
    postern.post("/api/auth/undo-email-change").json(undo).send().expect(200);
    postern.wait(SECOND);
    sign_in(postern, user(666, "mallory@example.com", true)).refused(403, "invitation_required");
    assert_eq!(sign_in(postern, user(1, "octo@example.com", false)).expect(200)["user"]["email"], GRACE);
}
