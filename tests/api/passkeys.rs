//! Passkeys: adding, listing, renaming and removing them, signing in, and confirming that it is the user.

use http::Method;
use postern::access::{
    one_time::Ceremony,
    passkey::{self, Issued},
};
use serde_json::{Value, json};

use crate::support::{
    Answer, DAY, MINUTE, ORIGIN, PASSWORD, Postern, SECOND,
    authenticator::{Authenticator, BACKED_UP, BACKUP_ELIGIBLE, USER_PRESENT, USER_VERIFIED},
    claims,
    world::{ADA, PASSKEY_ID, World, add_passkey},
};

fn creation_options(postern: &Postern, session: &str) -> Value {
    postern.post("/api/auth/me/passkeys/options").bearer(session).send().expect(200)
}

fn add(postern: &Postern, session: &str, body: Value) -> Answer {
    postern.post("/api/auth/me/passkeys").bearer(session).json(body).send()
}

/// Adds this authenticator's passkey to the account of the session.
fn enroll(postern: &Postern, session: &str, authenticator: &mut Authenticator) -> Answer {
    let options = creation_options(postern, session);
    let credential = authenticator.create(&options["publicKey"]);
    add(postern, session, json!({ "token": options["token"], "credential": credential }))
}

fn request_options(postern: &Postern) -> Value {
    postern.post("/api/auth/login/passkey/options").send().expect(200)
}

fn sign_in_with(postern: &Postern, token: &Value, credential: &Value) -> Answer {
    postern.post("/api/auth/login/passkey").json(json!({ "token": token, "credential": credential })).send()
}

fn sign_in(postern: &Postern, authenticator: &Authenticator) -> Answer {
    let options = request_options(postern);
    sign_in_with(postern, &options["token"], &authenticator.get(&options["publicKey"]))
}

fn list(postern: &Postern, session: &str) -> Vec<Value> {
    let list = postern.get("/api/auth/me/passkeys").bearer(session).send().expect(200);
    list.as_array().unwrap().clone()
}

fn delete(postern: &Postern, session: &str, id: &str) -> Answer {
    postern.delete(&format!("/api/auth/me/passkeys/{id}")).bearer(session).send()
}

fn reauthenticate(postern: &Postern, session: &str, token: &Value, credential: &Value) -> Answer {
    let body = json!({ "token": token, "credential": credential });
    postern.post("/api/auth/reauthenticate").bearer(session).json(body).send()
}

/// The newest events, oldest first: action and result.
fn events(postern: &Postern, number: i64) -> Vec<(String, String)> {
    let rows = postern.sql.query(
        "SELECT * FROM (SELECT id, action, result FROM events ORDER BY id DESC LIMIT ?1) ORDER BY id",
        &[number.into()],
    );
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rows.iter().map(|row| (text(&row["action"]), text(&row["result"]))).collect()
}

fn event(action: &str, result: &str) -> (String, String) {
    (action.to_owned(), result.to_owned())
}

fn sessions(postern: &Postern) -> usize {
    postern.sql.query("SELECT id FROM sessions", &[]).len()
}

#[test]
fn a_passkey_is_added_and_signs_in() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    let mut authenticator = Authenticator::new(1);
    let added = enroll(&postern, &ada.token, &mut authenticator).expect(200);
    let expected = json!({
        "id": added["id"], "credential_id": authenticator.credential_id(), "name": "Passkey",
        "created_at": postern.now.get(), "last_used_at": null, "is_synced": true,
        "aaguid": "00000000-0000-0000-0000-000000000000",
    });
    assert_eq!(added, expected);
    assert_eq!(list(&postern, &ada.token), [expected]);
    assert_eq!(events(&postern, 1), [event("passkey_added", "success")]);

    postern.wait(MINUTE);
    let signed_in = sign_in(&postern, &authenticator).expect(200);
    assert_eq!(signed_in["user"]["id"], json!(ada.id));
    let token = signed_in["token"].as_str().unwrap();
    let claims = claims(token);
    assert_eq!((&claims["amr"], &claims["acr"]), (&json!(["pop", "user", "mfa"]), &json!("2")));
    let security = postern.get("/api/auth/me/security").bearer(token).send().expect(200);
    assert_eq!((&security["level"], &security["methods"]), (&json!(2), &json!(["passkey"])));
    assert_eq!(security["passkeys"], 1);
    assert_eq!(list(&postern, token)[0]["last_used_at"], json!(postern.now.get()));
    assert_eq!(events(&postern, 1), [event("login", "success")]);
}

#[test]
fn the_options_are_those_that_browsers_parse() {
    let world = World::new();
    let postern = &world.postern;
    postern.put("/api/auth/me/name").bearer(&world.ada.token).json(json!({ "name": "Ada L." })).send().expect(200);
    let creation = creation_options(postern, &world.ada.token);
    let expected = json!({
        "rp": { "id": "app.example.com", "name": "Postern" },
        "user": { "id": passkey::user_handle_text(&world.ada.id), "name": ADA, "displayName": "Ada L." },
        "challenge": creation["publicKey"]["challenge"],
        "pubKeyCredParams": [
            { "type": "public-key", "alg": -8 }, { "type": "public-key", "alg": -7 }, { "type": "public-key", "alg": -257 },
        ],
        "timeout": 300_000,
        "excludeCredentials": [
            { "type": "public-key", "id": world.passkey.credential_id(), "transports": ["internal"] },
        ],
        "authenticatorSelection": {
            "residentKey": "required", "requireResidentKey": true, "userVerification": "required",
        },
        "attestation": "none",
    });
    assert_eq!(creation["publicKey"], expected);
    let request = request_options(postern);
    let expected = json!({
        "challenge": request["publicKey"]["challenge"], "timeout": 300_000, "rpId": "app.example.com",
        "allowCredentials": [], "userVerification": "required",
    });
    assert_eq!(request["publicKey"], expected);
    // 256 bits each.
    let challenges = [&creation, &request].map(|options| options["publicKey"]["challenge"].as_str().unwrap());
    assert_eq!(challenges.map(str::len), [43; 2]);
    assert_ne!(challenges[0], challenges[1]);

    let call = postern.post("/api/auth/reauthenticate/passkey/options").bearer(&world.ada.token);
    let allowed = &call.send().expect(200)["publicKey"]["allowCredentials"];
    assert_eq!(
        *allowed,
        json!([{ "type": "public-key", "id": world.passkey.credential_id(), "transports": ["internal"] }])
    );
    let call = postern.post("/api/auth/reauthenticate/passkey/options").bearer(&world.grace.token);
    call.send().refused(409, "no_passkey");
}

#[test]
fn asking_for_options_stores_nothing() {
    let world = World::new();
    let before = world.postern.sql.dump();
    for _ in 0..3 {
        let answer = world.postern.post("/api/auth/login/passkey/options").send();
        assert_eq!((answer.status, answer.cost[0].round_trips), (200, 0));
        creation_options(&world.postern, &world.ada.token);
    }
    assert_eq!(world.postern.sql.dump(), before);
}

#[test]
fn a_challenge_works_once_even_fifty_times_at_once() {
    let world = World::new();
    let postern = &world.postern;
    let options = request_options(postern);
    let credential = world.passkey.get(&options["publicKey"]);
    let before = sessions(postern);
    let body = json!({ "token": options["token"], "credential": credential });
    let calls = (0..50).map(|_| postern.post("/api/auth/login/passkey").json(body.clone())).collect();
    let answers = postern.at_once(calls);
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        refused.refused(401, "wrong_passkey");
    }
    assert_eq!(sessions(postern), before + 1);
    postern.wait(MINUTE);
    sign_in_with(postern, &options["token"], &credential).refused(401, "wrong_passkey");

    // So do those for a registration and a reauthentication.
    let options = creation_options(postern, &world.ada.token);
    let mut numbers = 10..;
    let mut call = || {
        let credential = Authenticator::new(numbers.next().unwrap()).create(&options["publicKey"]);
        let body = json!({ "token": options["token"], "credential": credential });
        postern.post("/api/auth/me/passkeys").bearer(&world.ada.token).json(body)
    };
    let answers = postern.at_once((0..20).map(|_| call()).collect());
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(list(postern, &world.ada.token).len(), 2);

    let options = postern.post("/api/auth/reauthenticate/passkey/options").bearer(&world.ada.token).send().expect(200);
    let credential = world.passkey.get(&options["publicKey"]);
    assert_eq!(reauthenticate(postern, &world.ada.token, &options["token"], &credential).status, 200);
    reauthenticate(postern, &world.ada.token, &options["token"], &credential).refused(403, "wrong_proof");
}

#[test]
fn a_challenge_is_valid_for_ten_minutes() {
    let world = World::new();
    let postern = &world.postern;
    let options = request_options(postern);
    let credential = world.passkey.get(&options["publicKey"]);
    postern.wait(10 * MINUTE);
    sign_in_with(postern, &options["token"], &credential).refused(401, "wrong_passkey");
    let options = request_options(postern);
    postern.wait(10 * MINUTE - 1);
    assert_eq!(sign_in_with(postern, &options["token"], &world.passkey.get(&options["publicKey"])).status, 200);
}

#[test]
fn a_challenge_works_only_for_what_it_was_issued() {
    let world = World::new();
    let postern = &world.postern;
    let (user_id, session_id) = (world.ada.id.clone(), world.session_id.clone());
    let grace = world.grace.id.clone();
    let other_session = world.other_session_id.clone();
    let sign_in = Ceremony::SignIn;
    let registration = Ceremony::Registration { user_id: user_id.clone() };
    let reauthentication = Ceremony::Reauthentication { user_id: user_id.clone(), session_id: session_id.clone() };
    let second_step = Ceremony::SecondStep { user_id: user_id.clone() };
    let all = [
        sign_in.clone(),
        registration.clone(),
        reauthentication.clone(),
        second_step,
        Ceremony::Registration { user_id: grace.clone() },
        Ceremony::Reauthentication { user_id: grace, session_id: session_id.clone() },
        Ceremony::Reauthentication { user_id, session_id: other_session },
    ];
    for ceremony in &all {
        let request = world.passkey_request(ceremony.clone());
        let credential = world.passkey.get(&request["publicKey"]);
        let answer = sign_in_with(postern, &request["token"], &credential);
        assert_eq!(answer.status == 200, *ceremony == sign_in, "{ceremony:?}: {}", answer.text);

        let request = world.passkey_request(ceremony.clone());
        let credential = world.passkey.get(&request["publicKey"]);
        let answer = reauthenticate(postern, &world.ada.token, &request["token"], &credential);
        assert_eq!(answer.status == 200, *ceremony == reauthentication, "{ceremony:?}: {}", answer.text);

        let Issued { token, challenge } = passkey::issue(&world.app(), ceremony.clone()).unwrap();
        let user = json!({ "id": passkey::user_handle_text(&world.ada.id) });
        let options = json!({ "rp": { "id": "app.example.com" }, "user": user, "challenge": challenge });
        let credential = Authenticator::new(9).create(&options);
        let answer = add(postern, &world.ada.token, json!({ "token": token, "credential": credential }));
        assert_eq!(answer.status == 200, *ceremony == registration, "{ceremony:?}: {}", answer.text);
    }
}

#[test]
fn everything_that_a_sign_in_says_must_be_right() {
    let world = World::new();
    let postern = &world.postern;
    type Change = fn(&mut Authenticator);
    let changes: [(&str, Change); 14] = [
        ("another origin", |it| it.origin = "https://app.example.com.evil.example".to_owned()),
        ("the origin of a subdomain", |it| it.origin = "https://x.app.example.com".to_owned()),
        ("plain http", |it| it.origin = "http://app.example.com".to_owned()),
        ("another port", |it| it.origin = "https://app.example.com:8443".to_owned()),
        ("a frame", |it| it.client_data = json!({ "crossOrigin": true, "topOrigin": "https://evil.example" })),
        ("a frame of our own", |it| it.client_data = json!({ "crossOrigin": true })),
        ("another type", |it| it.client_data = json!({ "type": "webauthn.create" })),
        ("another challenge", |it| it.client_data = json!({ "challenge": "AAAA" })),
        ("no user verification", |it| it.flags &= !USER_VERIFIED),
        ("no user presence", |it| it.flags &= !USER_PRESENT),
        ("backed up, but not eligible", |it| it.flags &= !BACKUP_ELIGIBLE),
        ("no longer eligible", |it| it.flags &= !(BACKUP_ELIGIBLE | BACKED_UP)),
        ("no user handle", |it| it.user_handle = None),
        ("the user handle of nobody", |it| it.user_handle = Some(b"nobody".to_vec())),
    ];
    let before = sessions(postern);
    for (what, change) in changes {
        let mut authenticator = Authenticator::new(1);
        authenticator.user_handle = world.passkey.user_handle.clone();
        assert_eq!(authenticator.credential_id, world.passkey.credential_id);
        change(&mut authenticator);
        let answer = sign_in(postern, &authenticator);
        assert_eq!((answer.status, answer.body["code"].as_str()), (401, Some("wrong_passkey")), "{what}");
    }
    // The passkey of another.
    let mut other = Authenticator::new(2);
    other.user_handle = world.passkey.user_handle.clone();
    sign_in(postern, &other).refused(401, "unknown_passkey");
    other.credential_id = world.passkey.credential_id.clone();
    sign_in(postern, &other).refused(401, "wrong_passkey");
    // Another RP ID, which the browser would not allow.
    let mut options = request_options(postern);
    options["publicKey"]["rpId"] = json!("example.com");
    sign_in_with(postern, &options["token"], &world.passkey.get(&options["publicKey"])).refused(401, "wrong_passkey");
    // The signature of another challenge.
    let (first, second) = (request_options(postern), request_options(postern));
    let credential = world.passkey.get(&first["publicKey"]);
    sign_in_with(postern, &second["token"], &credential).refused(401, "wrong_passkey");
    assert_eq!(sessions(postern), before);
    // The unused challenges still work.
    assert_eq!(sign_in_with(postern, &first["token"], &credential).status, 200);
}

#[test]
fn the_passkey_of_one_user_with_the_user_handle_of_another_is_refused() {
    let world = World::new();
    let mut authenticator = add_passkey(&world.postern, &world.grace.id, "grace", 2);
    authenticator.user_handle = Some(world.ada.id.as_bytes().to_vec());
    sign_in(&world.postern, &authenticator).refused(401, "wrong_passkey");
    authenticator.user_handle = Some(world.grace.id.as_bytes().to_vec());
    assert_eq!(sign_in(&world.postern, &authenticator).expect(200)["user"]["id"], json!(world.grace.id));
}

#[test]
fn everything_that_a_registration_says_must_be_right() {
    let world = World::new();
    let postern = &world.postern;
    type Change = fn(&mut Authenticator);
    let changes: [(&str, Change); 9] = [
        ("another origin", |it| it.origin = "https://evil.example".to_owned()),
        ("a frame", |it| it.client_data = json!({ "topOrigin": "https://evil.example" })),
        ("another type", |it| it.client_data = json!({ "type": "webauthn.get" })),
        ("another challenge", |it| it.client_data = json!({ "challenge": "AAAA" })),
        ("no user verification", |it| it.flags &= !USER_VERIFIED),
        ("no user presence", |it| it.flags &= !USER_PRESENT),
        ("backed up, but not eligible", |it| it.flags &= !BACKUP_ELIGIBLE),
        ("extensions that are missing", |it| it.flags |= 0x80),
        ("a flag that says there is no credential", |it| it.credential_id = vec![7; 1_024]),
    ];
    for (what, change) in changes {
        let mut authenticator = Authenticator::new(2);
        change(&mut authenticator);
        let answer = enroll(postern, &world.ada.token, &mut authenticator);
        let is_refused = [(403, Some("passkey_refused")), (422, Some("invalid_fields"))]
            .contains(&(answer.status, answer.body["code"].as_str()));
        assert!(is_refused, "{what}: {}", answer.text);
    }
    // The id beside the response is not the one in it.
    let options = creation_options(postern, &world.ada.token);
    let mut credential = Authenticator::new(2).create(&options["publicKey"]);
    credential["id"] = json!("AAAA");
    credential["rawId"] = json!("AAAA");
    let body = json!({ "token": options["token"], "credential": credential });
    add(postern, &world.ada.token, body).refused(403, "passkey_refused");
    assert_eq!(list(postern, &world.ada.token).len(), 1);
}

#[test]
fn a_passkey_belongs_to_one_user() {
    let world = World::new();
    let postern = &world.postern;
    for session in [&world.ada.token, &world.grace.token] {
        enroll(postern, session, &mut Authenticator::new(1)).refused(409, "passkey_known");
    }
    assert_eq!(list(postern, &world.grace.token), [json!(null); 0]);
    assert_eq!(sign_in(postern, &world.passkey).expect(200)["user"]["id"], json!(world.ada.id));
}

#[test]
fn a_user_has_at_most_twenty_passkeys_also_if_many_are_added_at_once() {
    let world = World::new();
    let postern = &world.postern;
    for number in 2..19 {
        assert_eq!(enroll(postern, &world.ada.token, &mut Authenticator::new(number)).status, 200);
    }
    let calls = (20..25)
        .map(|number| {
            let options = creation_options(postern, &world.ada.token);
            let credential = Authenticator::new(number).create(&options["publicKey"]);
            let body = json!({ "token": options["token"], "credential": credential });
            postern.post("/api/auth/me/passkeys").bearer(&world.ada.token).json(body)
        })
        .collect();
    let answers = postern.at_once(calls);
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 409, 409, 409]);
    assert_eq!(list(postern, &world.ada.token).len(), 20);
    let refused = postern.post("/api/auth/me/passkeys/options").bearer(&world.ada.token).send();
    refused.refused(409, "too_many_passkeys");
    assert_eq!(enroll(postern, &world.grace.token, &mut Authenticator::new(30)).status, 200);
}

#[test]
fn a_counter_that_goes_back_is_refused_and_leaves_an_event() {
    let world = World::new();
    let postern = &world.postern;
    let mut authenticator = add_passkey(postern, &world.grace.id, "grace", 2);
    for (counter, is_accepted) in
        [(0, true), (0, true), (5, true), (6, true), (6, false), (5, false), (0, false), (7, true)]
    {
        authenticator.counter = counter;
        let answer = sign_in(postern, &authenticator);
        assert_eq!(answer.status == 200, is_accepted, "{counter}: {}", answer.text);
        if is_accepted {
            assert_eq!(events(postern, 1), [event("login", "success")]);
        } else if counter == 6 {
            // It did not advance, as when a request is sent twice.
            answer.refused(401, "wrong_passkey");
            assert_eq!(events(postern, 1), [event("login", "wrong_passkey")]);
        } else {
            answer.refused(401, "wrong_passkey");
            assert_eq!(events(postern, 2), [event("passkey_cloned", "success"), event("login", "wrong_passkey")]);
        }
    }
    // The copy has signed more often than the original.
    authenticator.counter = 100;
    assert_eq!(sign_in(postern, &authenticator).status, 200);
    authenticator.counter = 8;
    sign_in(postern, &authenticator).refused(401, "wrong_passkey");
}

#[test]
fn of_several_uses_at_once_the_counter_never_goes_back() {
    let world = World::new();
    let postern = &world.postern;
    let mut authenticator = add_passkey(postern, &world.grace.id, "grace", 2);
    let mut call = |counter| {
        authenticator.counter = counter;
        let options = request_options(postern);
        let body = json!({ "token": options["token"], "credential": authenticator.get(&options["publicKey"]) });
        postern.post("/api/auth/login/passkey").json(body)
    };
    let calls = vec![call(5), call(7), call(6)];
    let statuses: Vec<u16> = postern.at_once(calls).iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 200, 401]);
    let rows = postern.sql.query("SELECT sign_count FROM passkeys WHERE id = 'grace'", &[]);
    assert_eq!(rows[0]["sign_count"], 7);
}

#[test]
fn whether_a_passkey_is_synced_is_kept_up_to_date() {
    let mut world = World::new();
    assert_eq!(list(&world.postern, &world.ada.token)[0]["is_synced"], true);
    world.passkey.flags &= !BACKED_UP;
    assert_eq!(sign_in(&world.postern, &world.passkey).status, 200);
    assert_eq!(list(&world.postern, &world.ada.token)[0]["is_synced"], false);
}

#[test]
fn a_deactivated_user_is_told_so_only_after_the_passkey_was_right() {
    let world = World::new();
    let postern = &world.postern;
    postern.set_active(&world.ada.id, false);
    let before = sessions(postern);
    sign_in(postern, &world.passkey).refused(403, "inactive");
    let mut wrong = Authenticator::new(2);
    wrong.credential_id = world.passkey.credential_id.clone();
    wrong.user_handle = world.passkey.user_handle.clone();
    sign_in(postern, &wrong).refused(401, "wrong_passkey");
    assert_eq!(sessions(postern), before);
    assert_eq!(events(postern, 2), [event("login", "inactive"), event("login", "wrong_passkey")]);
}

#[test]
fn the_passkeys_of_a_deleted_user_are_gone() {
    let world = World::new();
    let path = format!("/api/auth/admin/users/{}", world.ada.id);
    world.postern.delete(&path).bearer(&world.admin_token).send().expect(200);
    sign_in(&world.postern, &world.passkey).refused(401, "unknown_passkey");
    let of_ada = world.postern.sql.query("SELECT id FROM passkeys WHERE user_id = ?1", &[world.ada.id.as_str().into()]);
    assert_eq!(of_ada.len(), 0);
}

#[test]
fn a_passkey_satisfies_a_user_who_requires_a_second_factor() {
    let world = World::new();
    let postern = &world.postern;
    postern.sql.execute("UPDATE users SET second_factor = 1 WHERE id = ?1", &[world.ada.id.as_str().into()]);
    postern.login(ADA, PASSWORD).refused(403, "second_factor_required");
    let token = sign_in(postern, &world.passkey).expect(200)["token"].as_str().unwrap().to_owned();
    assert_eq!(postern.me(&token), 200);
    // Also where the operator requires one.
    postern.redeploy(&[("SECOND_FACTOR", "everybody")]);
    let token = sign_in(postern, &world.passkey).expect(200)["token"].as_str().unwrap().to_owned();
    assert_eq!(claims(&token)["purpose"], "session");
}

#[test]
fn adding_a_passkey_sets_up_the_second_factor_that_the_operator_requires() {
    let postern = Postern::with_settings(&[("SECOND_FACTOR", "everybody")]);
    postern.redeploy(&[]);
    let ada = postern.sign_up(ADA);
    postern.redeploy(&[("SECOND_FACTOR", "everybody")]);
    let session = postern.token(ADA, PASSWORD);
    postern.get("/api/auth/me/events").bearer(&session).send().refused(403, "second_factor_setup_required");
    let mut authenticator = Authenticator::new(1);
    let added = enroll(&postern, &session, &mut authenticator).expect(200);
    postern.get("/api/auth/me/events").bearer(&session).send().expect(200);
    let security = postern.get("/api/auth/me/security").bearer(&session).send().expect(200);
    assert_eq!((&security["level"], &security["methods"]), (&json!(2), &json!(["password", "passkey"])));
    // The last one stays.
    let id = added["id"].as_str().unwrap();
    delete(&postern, &session, id).refused(409, "second_factor_enforced");
    assert_eq!(enroll(&postern, &session, &mut Authenticator::new(2)).status, 200);
    assert_eq!(delete(&postern, &session, id).status, 200);
    assert_eq!(postern.me(&ada.token), 200);
}

#[test]
fn a_passkey_refreshes_the_same_session_and_raises_its_level() {
    let world = World::new();
    let postern = &world.postern;
    let session = &world.ada.token;
    postern.wait(20 * MINUTE);
    delete(postern, session, PASSKEY_ID).refused(403, "reauthentication_required");
    let before = sessions(postern);
    let options = postern.post("/api/auth/reauthenticate/passkey/options").bearer(session).send().expect(200);
    let answer = reauthenticate(postern, session, &options["token"], &world.passkey.get(&options["publicKey"]));
    assert_eq!(answer.expect(200), json!(true));
    assert_eq!(sessions(postern), before);
    assert_eq!(events(postern, 1), [event("reauthenticated", "success")]);
    let security = postern.get("/api/auth/me/security").bearer(session).send().expect(200);
    assert_eq!((&security["level"], &security["methods"]), (&json!(2), &json!(["password", "passkey"])));
    assert_eq!(security["authenticated_at"], json!(postern.now.get()));
    delete(postern, session, PASSKEY_ID).expect(200);
}

#[test]
fn only_the_passkey_of_the_user_confirms_that_it_is_them() {
    let world = World::new();
    let postern = &world.postern;
    let grace = add_passkey(postern, &world.grace.id, "grace", 2);
    let mut strangers = [Authenticator::new(3), Authenticator::new(2)];
    strangers[1].user_handle = Some(world.ada.id.as_bytes().to_vec());
    let mut unverified = Authenticator::new(1);
    unverified.flags &= !USER_VERIFIED;
    let before = postern.sql.query("SELECT authenticated_at, methods, level FROM sessions", &[]);
    postern.wait(SECOND);
    for authenticator in [&grace, &strangers[0], &strangers[1], &unverified] {
        let options =
            postern.post("/api/auth/reauthenticate/passkey/options").bearer(&world.ada.token).send().expect(200);
        let credential = authenticator.get(&options["publicKey"]);
        reauthenticate(postern, &world.ada.token, &options["token"], &credential).refused(403, "wrong_proof");
    }
    assert_eq!(postern.sql.query("SELECT authenticated_at, methods, level FROM sessions", &[]), before);
    // Unlike at a sign-in, the user handle is optional: the session says who it is.
    let mut authenticator = Authenticator::new(1);
    authenticator.user_handle = None;
    let options = postern.post("/api/auth/reauthenticate/passkey/options").bearer(&world.ada.token).send().expect(200);
    let credential = authenticator.get(&options["publicKey"]);
    assert_eq!(reauthenticate(postern, &world.ada.token, &options["token"], &credential).status, 200);
}

#[test]
fn a_reauthentication_takes_exactly_one_proof() {
    let world = World::new();
    let options =
        world.postern.post("/api/auth/reauthenticate/passkey/options").bearer(&world.ada.token).send().expect(200);
    let credential = world.passkey.get(&options["publicKey"]);
    for body in [
        json!({ "credential": credential }),
        json!({ "token": options["token"] }),
        json!({ "token": options["token"], "credential": credential, "password": PASSWORD }),
        json!({ "token": options["token"], "password": PASSWORD }),
    ] {
        let call = world.postern.post("/api/auth/reauthenticate").bearer(&world.ada.token).json(body);
        call.send().refused(422, "invalid_fields");
    }
}

/// Ada, who requires a second factor and has a passkey, after the first step. Returns the token of her login.
fn first_step(world: &World) -> Value {
    world.postern.sql.execute("UPDATE users SET second_factor = 1 WHERE id = ?1", &[world.ada.id.as_str().into()]);
    let answer = world.postern.login(ADA, PASSWORD);
    answer.refused(403, "second_factor_required");
    assert_eq!(answer.body["detail"]["methods"], json!(["passkey"]));
    answer.body["detail"]["token"].clone()
}

fn second_step_options(postern: &Postern, token: &Value) -> Value {
    let call = postern.post("/api/auth/login/second-factor/passkey/options").json(json!({ "token": token }));
    call.send().expect(200)
}

fn second_step(postern: &Postern, token: &Value, challenge: &Value, credential: &Value) -> Answer {
    let body = json!({ "token": token, "challenge": challenge, "credential": credential });
    postern.post("/api/auth/login/second-factor").json(body).send()
}

#[test]
fn a_passkey_is_a_second_step() {
    let world = World::new();
    let postern = &world.postern;
    let token = first_step(&world);
    let options = second_step_options(postern, &token);
    let allowed = json!([{ "type": "public-key", "id": world.passkey.credential_id(), "transports": ["internal"] }]);
    assert_eq!(options["publicKey"]["allowCredentials"], allowed);
    let credential = world.passkey.get(&options["publicKey"]);
    let signed_in = second_step(postern, &token, &options["token"], &credential).expect(200);
    assert_eq!(signed_in["user"]["id"], json!(world.ada.id));
    let session = signed_in["token"].as_str().unwrap();
    let security = postern.get("/api/auth/me/security").bearer(session).send().expect(200);
    assert_eq!((&security["level"], &security["methods"]), (&json!(2), &json!(["password", "passkey"])));
    assert_eq!(events(postern, 2), [event("login", "second_factor_required"), event("login", "success")]);

    // The challenge and the login work once.
    second_step(postern, &token, &options["token"], &credential).refused(401, "wrong_code");
    let other = second_step_options(postern, &token);
    let credential = world.passkey.get(&other["publicKey"]);
    second_step(postern, &token, &other["token"], &credential).refused(401, "wrong_code");
    let fresh = json!(world.pending(&world.ada.id));
    second_step(postern, &fresh, &options["token"], &world.passkey.get(&options["publicKey"]))
        .refused(401, "wrong_code");
}

#[test]
fn a_second_step_works_once_even_fifty_times_at_once() {
    let world = World::new();
    let postern = &world.postern;
    let token = first_step(&world);
    let calls = (0..50)
        .map(|_| {
            let options = second_step_options(postern, &token);
            let credential = world.passkey.get(&options["publicKey"]);
            let body = json!({ "token": token, "challenge": options["token"], "credential": credential });
            postern.post("/api/auth/login/second-factor").json(body)
        })
        .collect();
    let answers = postern.at_once(calls);
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
}

/// CVE-2026-46419: a library misread a check that failed, and let users sign in as others with their own passkey.
#[test]
fn the_passkey_of_one_user_is_no_second_step_of_another() {
    let world = World::new();
    let postern = &world.postern;
    let mut grace = add_passkey(postern, &world.grace.id, "grace", 2);
    let before = sessions(postern);
    // Tess has no passkey, Ada has another one.
    for user_id in [&world.tess.id, &world.ada.id] {
        for handle in [None, Some(&world.grace.id), Some(user_id)] {
            grace.user_handle = handle.map(|id| id.as_bytes().to_vec());
            let token = json!(world.pending(user_id));
            let request = world.passkey_request(Ceremony::SecondStep { user_id: user_id.clone() });
            let credential = grace.get(&request["publicKey"]);
            second_step(postern, &token, &request["token"], &credential).refused(401, "wrong_code");
            // Nor with the challenge of the owner.
            let request = world.passkey_request(Ceremony::SecondStep { user_id: world.grace.id.clone() });
            let credential = grace.get(&request["publicKey"]);
            second_step(postern, &token, &request["token"], &credential).refused(401, "wrong_code");
        }
    }
    let call = postern.post("/api/auth/login/second-factor/passkey/options");
    call.json(json!({ "token": world.pending(&world.tess.id) })).send().refused(409, "no_passkey");
    assert_eq!(sessions(postern), before);
}

#[test]
fn a_second_step_takes_only_its_own_challenge_and_token() {
    let world = World::new();
    let postern = &world.postern;
    let token = first_step(&world);
    let (user_id, session_id) = (world.ada.id.clone(), world.session_id.clone());
    for ceremony in [
        Ceremony::SignIn,
        Ceremony::Registration { user_id: user_id.clone() },
        Ceremony::Reauthentication { user_id, session_id },
    ] {
        let request = world.passkey_request(ceremony);
        let credential = world.passkey.get(&request["publicKey"]);
        second_step(postern, &token, &request["token"], &credential).refused(401, "wrong_code");
    }
    let options = second_step_options(postern, &token);
    let credential = world.passkey.get(&options["publicKey"]);
    for bad in [json!("x"), options["token"].clone(), json!(world.ada.token), json!(world.reset_token)] {
        second_step(postern, &bad, &options["token"], &credential).refused(401, "wrong_code");
        let call = postern.post("/api/auth/login/second-factor/passkey/options").json(json!({ "token": bad }));
        call.send().refused(401, "wrong_code");
    }
    // The token of a login is no challenge, nor a passkey without user verification a proof.
    second_step(postern, &token, &token, &credential).refused(401, "wrong_code");
    let mut unverified = Authenticator::new(1);
    unverified.flags &= !USER_VERIFIED;
    second_step(postern, &token, &options["token"], &unverified.get(&options["publicKey"])).refused(401, "wrong_code");
    assert_eq!(second_step(postern, &token, &options["token"], &credential).status, 200);
}

#[test]
fn a_second_step_ends_with_the_password_and_the_account() {
    let world = World::new();
    let postern = &world.postern;
    let token = first_step(&world);
    let step = || {
        let options = second_step_options(postern, &token);
        second_step(postern, &token, &options["token"], &world.passkey.get(&options["publicKey"]))
    };
    postern.set_active(&world.ada.id, false);
    step().refused(403, "inactive");
    postern.set_active(&world.ada.id, true);
    postern.sql.execute("UPDATE users SET password_hash = 'other' WHERE id = ?1", &[world.ada.id.as_str().into()]);
    step().refused(401, "wrong_code");
}

#[test]
fn a_second_step_takes_exactly_one_proof() {
    let world = World::new();
    let token = first_step(&world);
    let options = second_step_options(&world.postern, &token);
    let (challenge, credential) = (&options["token"], world.passkey.get(&options["publicKey"]));
    for body in [
        json!({ "token": token, "credential": credential }),
        json!({ "token": token, "challenge": challenge }),
        json!({ "token": token, "challenge": challenge, "credential": credential, "code": "123456" }),
        json!({ "token": token, "challenge": challenge, "code": "123456" }),
    ] {
        world.postern.post("/api/auth/login/second-factor").json(body).send().refused(422, "invalid_fields");
    }
}

#[test]
fn a_passkey_does_not_count_as_a_guess_and_forgives_none() {
    let world = World::new();
    let postern = &world.postern;
    let token = first_step(&world);
    let attempts =
        || postern.sql.query("SELECT coalesce(sum(attempts), 0) AS sum FROM throttles", &[])[0]["sum"].clone();
    let before = attempts();
    let options = second_step_options(postern, &token);
    let mut wrong = Authenticator::new(2);
    wrong.credential_id = world.passkey.credential_id.clone();
    second_step(postern, &token, &options["token"], &wrong.get(&options["publicKey"])).refused(401, "wrong_code");
    assert_eq!(second_step(postern, &token, &options["token"], &world.passkey.get(&options["publicKey"])).status, 200);
    assert_eq!(attempts(), before);
}

fn remove_password(postern: &Postern, session: &str) -> Answer {
    postern.delete("/api/auth/me/password").bearer(session).send()
}

fn confirm_with_passkey(world: &World, session: &str) {
    let postern = &world.postern;
    let options = postern.post("/api/auth/reauthenticate/passkey/options").bearer(session).send().expect(200);
    let answer = reauthenticate(postern, session, &options["token"], &world.passkey.get(&options["publicKey"]));
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[test]
fn a_user_with_a_passkey_can_remove_the_password() {
    let world = World::new();
    let postern = &world.postern;
    let session = &world.ada.token;
    // The passkey must be used first, so that nobody is locked out.
    let answer = remove_password(postern, session);
    answer.refused(403, "reauthentication_required");
    assert_eq!(answer.body["detail"]["methods"], json!(["passkey"]));
    confirm_with_passkey(&world, session);
    let pending = json!(world.pending(&world.ada.id));

    let answer = remove_password(postern, session).expect(200);
    let codes = answer["recovery_codes"].as_array().unwrap();
    assert_eq!(codes.len(), 10);
    assert_eq!(events(postern, 1), [event("password_removed", "success")]);
    let mail = postern.mails(ADA)[0]["text"].as_str().unwrap().to_owned();
    assert!(mail.contains("was removed"), "{mail}");

    // The session with one factor, the reset link and a login that waits for its second step have ended.
    assert_eq!(
        (postern.me(session), postern.me(&world.other_session), postern.me(&world.reset_token)),
        (200, 401, 401)
    );
    let request = world.passkey_request(Ceremony::SecondStep { user_id: world.ada.id.clone() });
    let credential = world.passkey.get(&request["publicKey"]);
    second_step(postern, &pending, &request["token"], &credential).refused(401, "wrong_code");
    for password in [PASSWORD, "", "x"] {
        postern.login(ADA, password).refused(401, "wrong_credentials");
    }
    assert_eq!(sign_in(postern, &world.passkey).status, 200);
    remove_password(postern, session).refused(409, "no_password");
    // An identity is a way in too.
    postern.sql.execute("DELETE FROM identities", &[]);
    delete(postern, session, PASSKEY_ID).refused(409, "last_way_in");

    // The mailbox alone opens nothing.
    let reset = postern.reset_token(ADA);
    let body = json!({ "password": "another good password" });
    postern.post("/api/auth/reset-password-with-token").bearer(&reset).json(body).send().expect(200);
    let answer = postern.login(ADA, "another good password");
    answer.refused(403, "second_factor_required");
    let body = json!({ "token": answer.body["detail"]["token"], "recovery_code": codes[0] });
    postern.post("/api/auth/login/second-factor").json(body).send().expect(200);
}

#[test]
fn recovery_codes_that_exist_stay_when_the_password_is_removed() {
    let world = World::new();
    let postern = &world.postern;
    let session = world.tess.token.as_str();
    assert_eq!(enroll(postern, session, &mut Authenticator::new(3)).status, 200);
    assert_eq!(remove_password(postern, session).expect(200), json!({ "recovery_codes": null }));
    assert_eq!(events(postern, 1), [event("password_removed", "success")]);
    let security = postern.get("/api/auth/me/security").bearer(session).send().expect(200);
    assert_eq!((&security["has_password"], &security["recovery_codes_left"]), (&json!(false), &json!(10)));
}

#[test]
fn a_password_without_a_passkey_cannot_be_removed() {
    let world = World::new();
    let postern = &world.postern;
    for session in [&world.grace.token, &world.tess.token] {
        remove_password(postern, session).refused(409, "no_passkey");
    }
    // Nor with a passkey that was removed since.
    let session = sign_in(postern, &world.passkey).expect(200)["token"].as_str().unwrap().to_owned();
    delete(postern, &session, PASSKEY_ID).expect(200);
    remove_password(postern, &session).refused(409, "no_passkey");
    postern.login(ADA, PASSWORD).expect(200);
}

#[test]
fn passkeys_are_renamed_and_removed_only_by_their_owner() {
    let world = World::new();
    let postern = &world.postern;
    let path = format!("/api/auth/me/passkeys/{PASSKEY_ID}");
    let rename = |session: &str, path: &str| postern.put(path).bearer(session).json(json!({ "name": " Key " })).send();
    rename(&world.grace.token, &path).refused(404, "not_found");
    delete(postern, &world.grace.token, PASSKEY_ID).refused(404, "not_found");
    rename(&world.ada.token, "/api/auth/me/passkeys/unknown").refused(404, "not_found");
    delete(postern, &world.ada.token, "unknown").refused(404, "not_found");
    assert_eq!(list(postern, &world.ada.token)[0]["name"], "Phone");

    rename(&world.ada.token, &path).expect(200);
    assert_eq!(list(postern, &world.ada.token)[0]["name"], "Key");
    assert_eq!(events(postern, 1), [event("passkey_renamed", "success")]);
    assert_eq!(
        postern.put(&path).bearer(&world.ada.token).json(json!({ "name": "" })).send().faulty_fields(),
        ["name"]
    );

    delete(postern, &world.ada.token, PASSKEY_ID).expect(200);
    assert_eq!(events(postern, 1), [event("passkey_removed", "success")]);
    sign_in(postern, &world.passkey).refused(401, "unknown_passkey");
}

#[test]
fn the_owner_gets_a_mail_about_each_passkey_that_is_added_or_removed() {
    let world = World::new();
    let postern = &world.postern;
    postern.verify(&world.ada.id);
    let before = postern.mails(ADA).len();
    add(postern, &world.ada.token, world.passkey_creation()).expect(200);
    postern.wait(SECOND);
    delete(postern, &world.ada.token, PASSKEY_ID).expect(200);
    let mails = postern.mails(ADA);
    assert_eq!(mails.len(), before + 2);
    let text = |at: usize| mails[at]["text"].as_str().unwrap();
    assert!(text(1).contains("The passkey \u{201c}Laptop\u{201d} was added"), "{}", text(1));
    assert!(text(0).contains("The passkey \u{201c}Phone\u{201d} was removed"), "{}", text(0));
    // A refusal tells nothing.
    delete(postern, &world.ada.token, PASSKEY_ID).refused(404, "not_found");
    enroll(postern, &world.ada.token, &mut Authenticator::new(2)).refused(409, "passkey_known");
    assert_eq!(postern.mails(ADA).len(), before + 2);
}

/// Otherwise a user could have a text of their choice mailed to anyone.
#[test]
fn a_mail_to_an_unverified_address_has_no_name_of_a_passkey_and_many_passkeys_are_few_mails() {
    let world = World::new();
    let postern = &world.postern;
    let before = postern.mails(ADA).len();
    add(postern, &world.ada.token, world.passkey_creation()).expect(200);
    let mails = postern.mails(ADA);
    assert_eq!(mails.len(), before + 1);
    assert!(!mails[0].to_string().contains("Laptop"), "{}", mails[0]);
    for number in 3..13 {
        enroll(postern, &world.ada.token, &mut Authenticator::new(number)).expect(200);
        postern.wait(SECOND);
    }
    postern.wait(crate::support::HOUR);
    postern.run_cron();
    assert_eq!(postern.mails(ADA).len(), before + 2);
}

#[test]
fn the_last_way_to_sign_in_cannot_be_removed() {
    let world = World::new();
    let postern = &world.postern;
    postern.sql.execute("UPDATE users SET password_hash = '' WHERE id = ?1", &[world.ada.id.as_str().into()]);
    postern.sql.execute("DELETE FROM identities", &[]);
    delete(postern, &world.ada.token, PASSKEY_ID).refused(409, "last_way_in");
    let added = enroll(postern, &world.ada.token, &mut Authenticator::new(2)).expect(200);
    assert_eq!(delete(postern, &world.ada.token, PASSKEY_ID).status, 200);
    delete(postern, &world.ada.token, added["id"].as_str().unwrap()).refused(409, "last_way_in");
}

#[test]
fn removing_the_last_second_factor_ends_the_requirement() {
    let world = World::new();
    let postern = &world.postern;
    let session = sign_in(postern, &world.passkey).expect(200)["token"].as_str().unwrap().to_owned();
    postern.sql.execute("UPDATE users SET second_factor = 1 WHERE id = ?1", &[world.ada.id.as_str().into()]);
    delete(postern, &session, PASSKEY_ID).expect(200);
    assert_eq!(postern.login(ADA, PASSWORD).status, 200);
}

#[test]
fn a_session_that_ended_during_a_registration_adds_nothing() {
    let world = World::new();
    let postern = &world.postern;
    let body = world.passkey_creation();
    postern.sql.execute("CREATE TRIGGER meanwhile AFTER INSERT ON spent BEGIN DELETE FROM sessions; END", &[]);
    add(postern, &world.ada.token, body).refused(401, "invalid_token");
    let of_ada = postern.sql.query("SELECT id FROM passkeys WHERE user_id = ?1", &[world.ada.id.as_str().into()]);
    assert_eq!(of_ada.len(), 1);
}

#[test]
fn a_malformed_credential_is_an_invalid_field() {
    let world = World::new();
    let postern = &world.postern;
    let token = &request_options(postern)["token"];
    for credential in
        [json!(null), json!("x"), json!([]), json!({}), json!({ "id": "AA", "rawId": "AA", "type": "public-key" })]
    {
        assert_eq!(sign_in_with(postern, token, &credential).faulty_fields(), ["credential"]);
        let body = json!({ "token": token, "credential": credential });
        assert_eq!(add(postern, &world.ada.token, body).faulty_fields(), ["credential"]);
    }
    let call = postern.post("/api/auth/login/passkey").json(json!({}));
    assert_eq!(call.send().faulty_fields(), ["token", "credential"]);
}

#[test]
fn what_is_wrong_without_the_database_costs_no_query() {
    let world = World::new();
    let postern = &world.postern;
    let credential = world.passkey.get(&request_options(postern)["publicKey"]);
    let mut bad_tokens = vec![json!(""), json!("x"), json!(world.ada.token), json!(world.reset_token)];
    let good = request_options(postern)["token"].as_str().unwrap().to_owned();
    bad_tokens.extend([json!(good[1..]), json!(good[..good.len() - 1]), json!(format!("{good}A"))]);
    for token in bad_tokens {
        let answer = sign_in_with(postern, &token, &credential);
        answer.refused(401, "wrong_passkey");
        assert_eq!((answer.cost[0].round_trips, answer.cost[1].round_trips), (0, 0), "{token}");
    }
}

#[test]
fn pages_of_listed_origins_can_use_the_passkeys() {
    let settings = [("CORS_ORIGINS", "https://other.example.com"), ("PASSKEY_RP_ID", "example.com")];
    let mut world = World::with_settings(&settings);
    let related = world.postern.get("/.well-known/webauthn").send();
    assert_eq!(related.header("content-type"), Some("application/json"));
    assert_eq!(related.expect(200), json!({ "origins": [ORIGIN, "https://other.example.com"] }));
    let options = request_options(&world.postern);
    assert_eq!(options["publicKey"]["rpId"], "example.com");
    for (origin, status) in [(ORIGIN, 200), ("https://other.example.com", 200), ("https://example.com", 401)] {
        world.passkey.origin = origin.to_owned();
        assert_eq!(sign_in(&world.postern, &world.passkey).status, status, "{origin}");
    }
}

#[test]
fn in_local_development_pages_at_loopback_addresses_can_use_passkeys() {
    let mut world = World::with_settings(&[("APP_URL", "http://localhost:8787")]);
    for (origin, status) in
        [("http://localhost:8787", 200), ("http://localhost:9000", 200), ("http://localhost:9001", 401)]
    {
        world.passkey.origin = origin.to_owned();
        let options = request_options(&world.postern);
        assert_eq!(options["publicKey"]["rpId"], "localhost");
        let body = json!({ "token": options["token"], "credential": world.passkey.get(&options["publicKey"]) });
        let call = world.postern.post("/api/auth/login/passkey").at_origin("http://localhost:9000").json(body);
        assert_eq!(call.send().status, status, "{origin}");
    }
}

#[test]
fn a_sign_in_with_a_passkey_sets_the_session_cookie_if_asked() {
    let world = World::new();
    let call = world.postern.post("/api/auth/login/passkey").json(world.passkey_sign_in());
    let answer = call.header(http::header::ORIGIN, ORIGIN).header("x-session-cookie".parse().unwrap(), "set").send();
    assert!(answer.header("set-cookie").is_some(), "{}", answer.text);
    assert_eq!(answer.status, 200);
}

#[test]
fn an_old_session_must_be_confirmed_before_passkeys_change() {
    let world = World::new();
    let postern = &world.postern;
    let body = world.passkey_creation();
    postern.wait(16 * MINUTE);
    for call in [
        postern.post("/api/auth/me/passkeys/options"),
        postern.post("/api/auth/me/passkeys").json(body),
        postern.request(Method::DELETE, &format!("/api/auth/me/passkeys/{PASSKEY_ID}")),
    ] {
        let answer = call.bearer(&world.ada.token).send();
        answer.refused(403, "reauthentication_required");
        assert_eq!(answer.body["detail"]["methods"], json!(["password", "passkey"]));
    }
    assert_eq!(list(postern, &world.ada.token).len(), 1);
    // Names are not sensitive.
    let path = format!("/api/auth/me/passkeys/{PASSKEY_ID}");
    postern.put(&path).bearer(&world.ada.token).json(json!({ "name": "Key" })).send().expect(200);
}

#[test]
fn used_challenges_are_deleted_after_they_expire() {
    let world = World::new();
    let postern = &world.postern;
    assert_eq!(sign_in(postern, &world.passkey).status, 200);
    let spent = || postern.sql.query("SELECT key FROM spent", &[]).len();
    postern.wait(MINUTE);
    postern.run_cron();
    assert_eq!(spent(), 1);
    postern.wait(DAY);
    postern.run_cron();
    assert_eq!(spent(), 0);
}
