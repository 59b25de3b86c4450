//! Every kind of token is rejected everywhere except at its own endpoints.

use http::{Method, header};
use p256::{
    ecdsa::{SigningKey, signature::Signer},
    pkcs8::DecodePrivateKey,
};
use postern::{
    access::one_time::Ceremony,
    crypto::{jwt, keys::Keys},
};
use serde_json::{Value, json};

use crate::support::{
    Answer, DAY, MINUTE, NEW_SECRET, PASSWORD, SECRET, claims, totp_code,
    world::{ADA, GRACE_AT_GITHUB, Opens, World, endpoints},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    SessionToken,
    Es256SessionToken,
    PasswordChangeToken,
    ResetToken,
    OpaqueResetToken,
    OtpToken,
    UserToken,
    Code,
    SessionId,
    ResetId,
    OpaqueResetId,
    UserId,
    Password,
    PendingToken,
    PasskeyToken,
    TotpCode,
    TotpSecret,
    RecoveryCode,
    EmailToken,
    EmailCode,
    EmailChangeToken,
    EmailChangeCode,
    UndoToken,
    VisitToken,
    VisitState,
}

use Kind::*;

const KINDS: [Kind; 25] = [
    SessionToken,
    Es256SessionToken,
    PasswordChangeToken,
    ResetToken,
    OpaqueResetToken,
    OtpToken,
    UserToken,
    Code,
    SessionId,
    ResetId,
    OpaqueResetId,
    UserId,
    Password,
    PendingToken,
    PasskeyToken,
    TotpCode,
    TotpSecret,
    RecoveryCode,
    EmailToken,
    EmailCode,
    EmailChangeToken,
    EmailChangeCode,
    UndoToken,
    VisitToken,
    VisitState,
];

/// The endpoints besides `GET /me` that accept a session whose user must change the password.
const OPEN_BEFORE_PASSWORD_CHANGE: [&str; 2] = ["PUT /api/auth/me/password", "POST /api/auth/logout"];

/// A session token of Ada's that is accepted only for a password change.
fn password_change_token(world: &World) -> String {
    world.postern.redeploy(&[("DEFAULT_ADMIN", "restricted")]);
    world
        .postern
        .sql
        .execute("UPDATE users SET must_change_password = 1 WHERE id = ?1", &[world.ada.id.as_str().into()]);
    world.postern.token(&world.ada.email, PASSWORD)
}

/// Another live reset token of Ada's, which is opaque. The service issues JWTs again afterwards.
fn opaque_reset_token(world: &World) -> String {
    world.postern.redeploy(&[("PASSWORD_RESET_TOKEN", "opaque")]);
    let token = world.postern.reset_token(ADA);
    world.postern.redeploy(&[]);
    token
}

fn token(world: &World, kind: Kind) -> String {
    match kind {
        SessionToken => world.ada.token.clone(),
        Es256SessionToken => {
            let now = world.postern.now.get();
            signed_with_es256(&Keys::derive(SECRET, None), &own_claims(&world.ada.token), now, now + DAY)
        }
        PasswordChangeToken => password_change_token(world),
        ResetToken => world.reset_token.clone(),
        OpaqueResetToken => opaque_reset_token(world),
        OtpToken => world.otp_token.clone(),
        UserToken => world.user_token.clone(),
        Code => world.code.clone(),
        SessionId => world.other_session_id.clone(),
        ResetId => claims(&world.reset_token)["jti"].as_str().unwrap().to_owned(),
        OpaqueResetId => {
            opaque_reset_token(world);
            let rows = world.postern.sql.query("SELECT password_reset_id FROM users WHERE email = ?1", &[ADA.into()]);
            rows[0]["password_reset_id"].as_str().unwrap().to_owned()
        }
        UserId => world.ada.id.clone(),
        Password => PASSWORD.to_owned(),
        PendingToken => world.pending_token.clone(),
        PasskeyToken => {
            let ceremony = Ceremony::SecondStep { user_id: world.tess.id.clone() };
            world.passkey_request(ceremony)["token"].as_str().unwrap().to_owned()
        }
        TotpCode => totp_code(&world.totp, world.postern.now.get()),
        TotpSecret => world.totp.to_base32(),
        RecoveryCode => world.recovery_codes[0].clone(),
        EmailToken => world.email_code["token"].as_str().unwrap().to_owned(),
        EmailCode => world.email_code["code"].as_str().unwrap().to_owned(),
        EmailChangeToken => world.email_change_token.clone(),
        EmailChangeCode => world.email_change_code.clone(),
        UndoToken => world.undo_token.clone(),
        VisitToken => world.visit["token"].as_str().unwrap().to_owned(),
        VisitState => world.visit["state"].as_str().unwrap().to_owned(),
    }
}

/// Tries each kind of token at an endpoint, each in its own world. Only `own` may be accepted.
fn opens_to(
    own: &[Kind],
    endpoint: &str,
    attempt: impl Fn(&World, &str) -> Answer,
    is_let_in: impl Fn(&Answer) -> bool,
) {
    for kind in KINDS {
        let world = World::new();
        let answer = attempt(&world, &token(&world, kind));
        // The algorithm and the form make no difference.
        let counts_as = match kind {
            Es256SessionToken => SessionToken,
            OpaqueResetToken => ResetToken,
            other => other,
        };
        assert_eq!(is_let_in(&answer), own.contains(&counts_as), "{kind:?} at {endpoint}: {answer:?}");
    }
}

/// Returns whether an endpoint that answers a wrong token with `refusal` accepted this one.
fn unless(refusal: u16, code: &'static str) -> impl Fn(&Answer) -> bool {
    move |answer| {
        if answer.outcome == "password_change_required" {
            assert_eq!(answer.status, 403, "{answer:?}");
            return false;
        }
        if answer.status == refusal {
            if !answer.text.is_empty() {
                answer.refused(refusal, code);
            }
            return false;
        }
        assert_eq!(answer.status, 200, "{answer:?}");
        true
    }
}

#[test]
fn a_bearer_is_a_session_token_or_at_few_endpoints_a_reset_or_password_change_token() {
    for endpoint in endpoints() {
        let own: &[Kind] = match endpoint.opens {
            Opens::Anybody => continue,
            Opens::Sessions if OPEN_BEFORE_PASSWORD_CHANGE.contains(&endpoint.name().as_str()) => {
                &[SessionToken, PasswordChangeToken]
            }
            Opens::Sessions => &[SessionToken],
            Opens::Resets => &[ResetToken],
            Opens::SessionsAndResets => &[SessionToken, PasswordChangeToken, ResetToken],
            Opens::Admins => &[SessionToken],
        };
        let attempt = |world: &World, token: &str| {
            endpoint.let_ada_call(world);
            endpoint.locked(world).bearer(token).send()
        };
        opens_to(own, &endpoint.name(), attempt, unless(401, "invalid_token"));
    }
}

#[test]
fn a_referrer_is_a_user_token() {
    let attempt = |world: &World, token: &str| {
        let body = json!({ "referrer": token, "email": "bob@example.com", "password": PASSWORD });
        world.postern.post("/api/auth/signup").json(body).send()
    };
    opens_to(&[UserToken], "signup", attempt, unless(403, "referrer_refused"));
}

#[test]
fn only_user_tokens_are_verified_as_user_tokens() {
    let attempt = |world: &World, token: &str| {
        let token: String = form_urlencoded::byte_serialize(token.as_bytes()).collect();
        world.postern.get(&format!("/api/auth/verify-token?token={token}")).send()
    };
    opens_to(&[UserToken], "verify-token", attempt, |answer| {
        assert_eq!(answer.status, 200);
        answer.body == true
    });
    let attempt =
        |world: &World, token: &str| world.postern.post("/api/auth/invitation").json(json!({ "token": token })).send();
    opens_to(&[UserToken], "invitation", attempt, |answer| {
        assert_eq!(answer.status, 200);
        answer.body["is_valid"] == true
    });
}

#[test]
fn only_an_otp_session_token_works_with_a_code_and_only_a_code_with_it() {
    let verify = |world: &World, code: &str, token: &str| {
        world.postern.post("/api/auth/verify-otp").form(&[("otp", code), ("token", token)]).send()
    };
    let attempt = |world: &World, token: &str| verify(world, &world.code, token);
    opens_to(&[OtpToken], "verify-otp, token", attempt, unless(403, "otp_token_refused"));
    let attempt = |world: &World, code: &str| verify(world, code, &world.otp_token);
    opens_to(&[Code], "verify-otp, otp", attempt, unless(403, "wrong_otp"));
}

#[test]
fn a_change_of_the_email_takes_its_token_and_its_code_and_the_link_of_its_notice_stops_it() {
    let verify = |world: &World, token: &str, code: &str| {
        let body = json!({ "token": token, "code": code });
        world.postern.post("/api/auth/me/email/verify").bearer(&world.ada.token).json(body).send()
    };
    let attempt = |world: &World, token: &str| verify(world, token, &world.email_change_code);
    opens_to(&[EmailChangeToken], "me/email/verify, token", attempt, unless(403, "otp_token_refused"));
    let attempt = |world: &World, code: &str| verify(world, &world.email_change_token, code);
    opens_to(&[EmailChangeCode], "me/email/verify, code", attempt, unless(403, "wrong_otp"));
    let attempt = |world: &World, token: &str| {
        world.postern.post("/api/auth/undo-email-change").json(json!({ "token": token })).send()
    };
    opens_to(&[UndoToken], "undo-email-change", attempt, unless(403, "undo_refused"));
}

#[test]
fn a_second_step_takes_the_token_of_its_login_and_a_code_of_the_app_or_a_recovery_code() {
    let finish = |world: &World, body: Value| world.postern.post("/api/auth/login/second-factor").json(body).send();
    let refused = || unless(401, "wrong_code");
    let attempt =
        |world: &World, token: &str| finish(world, json!({ "token": token, "recovery_code": world.recovery_codes[1] }));
    opens_to(&[PendingToken], "second factor, token", attempt, refused());
    let attempt = |world: &World, code: &str| finish(world, json!({ "token": world.pending_token, "code": code }));
    opens_to(&[TotpCode], "second factor, code", attempt, refused());
    let attempt =
        |world: &World, code: &str| finish(world, json!({ "token": world.pending_token, "recovery_code": code }));
    opens_to(&[RecoveryCode], "second factor, recovery_code", attempt, refused());
}

#[test]
fn a_sign_in_by_email_takes_the_token_of_the_browser_that_has_asked_and_the_code_in_the_mail() {
    for path in ["/api/auth/login/email/verify", "/api/auth/signup/verify"] {
        let verify = |world: &World, body: Value| world.postern.post(path).json(body).send();
        let refused = || unless(401, "wrong_code");
        let attempt =
            |world: &World, token: &str| verify(world, json!({ "token": token, "code": world.email_code["code"] }));
        opens_to(&[EmailToken], path, attempt, refused());
        let attempt =
            |world: &World, code: &str| verify(world, json!({ "token": world.email_code["token"], "code": code }));
        opens_to(&[EmailCode], path, attempt, refused());
        let attempt = |world: &World, secret: &str| {
            verify(world, json!({ "token": world.email_code["token"], "secret": secret }))
        };
        opens_to(&[], path, attempt, refused());
    }
}

#[test]
fn a_sign_in_with_a_provider_takes_the_token_of_the_browser_that_began_and_its_state() {
    let own = |world: &World| (token(world, VisitToken), token(world, VisitState));
    let come_back = |world: &World, token: &str, state: &str| {
        world.github_user(GRACE_AT_GITHUB);
        let body = json!({ "token": token, "state": state, "code": "a code" });
        world.postern.post("/api/auth/login/github/callback").json(body).send()
    };
    let refused = || unless(401, "provider_refused");
    let attempt = |world: &World, token: &str| come_back(world, token, &own(world).1);
    opens_to(&[VisitToken], "login with a provider, token", attempt, refused());
    let attempt = |world: &World, state: &str| come_back(world, &own(world).0, state);
    opens_to(&[VisitState], "login with a provider, state", attempt, refused());
}

#[test]
fn a_token_for_a_second_step_signs_nobody_in_with_a_passkey() {
    let attempt = |world: &World, token: &str| {
        let mut body = world.passkey_sign_in();
        body["token"] = token.into();
        world.postern.post("/api/auth/login/passkey").json(body).send()
    };
    opens_to(&[], "login with a passkey", attempt, unless(401, "wrong_passkey"));
}

#[test]
fn only_listed_items_can_be_deleted() {
    for (path, own) in [("/api/auth/me/tokens", UserToken), ("/api/auth/me/sessions", SessionId)] {
        let attempt = |world: &World, token: &str| {
            world.postern.delete(&format!("{path}/{token}")).bearer(&world.ada.token).send()
        };
        opens_to(&[own], path, attempt, unless(404, "not_found"));
    }
}

#[test]
fn only_the_password_works_as_a_password() {
    let attempt = |world: &World, token: &str| {
        let answer = world.postern.login(&world.ada.email, token);
        let body = json!({ "old_password": token, "new_password": "another good password" });
        let change = world.postern.put("/api/auth/me/password").bearer(&world.ada.token).json(body).send();
        assert_eq!(change.status == 200, answer.status == 200, "{change:?}");
        answer
    };
    opens_to(&[Password], "login", attempt, unless(401, "wrong_credentials"));
}

/// The claims of a token except the times.
fn own_claims(token: &str) -> Value {
    let mut claims = claims(token);
    for standard in ["iat", "exp"] {
        claims.as_object_mut().unwrap().remove(standard);
    }
    claims
}

/// Returns the protected endpoints that do not answer 401 to this bearer token, with their statuses.
fn opened_by(world: &World, token: &str) -> Vec<String> {
    let protected = endpoints()
        .into_iter()
        .filter(|endpoint| endpoint.opens != Opens::Anybody && endpoint.method != Method::DELETE);
    protected
        .filter(|endpoint| endpoint.locked(world).bearer(token).send().status != 401)
        .map(|endpoint| endpoint.name())
        .collect()
}

#[test]
fn a_token_signed_with_the_key_of_another_purpose_is_rejected() {
    let world = World::new();
    let keys = Keys::derive(SECRET, None);
    let (now, end) = (world.postern.now.get(), world.postern.now.get() + 10 * MINUTE);
    let (session, reset) = (own_claims(&world.ada.token), own_claims(&world.reset_token));
    let sid = json!({ "purpose": "session", "sid": world.session_id });
    let jti = json!({ "purpose": "password_reset", "jti": reset["jti"] });
    let with = |claims: &Value, members: &Value| {
        let mut claims = claims.clone();
        claims.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        claims
    };
    for claims in [&session, &with(&reset, &sid)] {
        let token = keys.password_reset.sign(claims, now, end).unwrap();
        assert_eq!(opened_by(&world, &token), [""; 0], "{claims}");
    }
    for claims in [&reset, &with(&session, &jti)] {
        let token = keys.session.sign(claims, now, end).unwrap();
        assert_eq!(opened_by(&world, &token), [""; 0], "{claims}");
    }
    // With the right keys, the same claims are accepted.
    let session = keys.session.sign(&session, now, end).unwrap();
    let reset = keys.password_reset.sign(&reset, now, end).unwrap();
    assert_eq!((world.postern.me(&session), world.postern.me(&reset)), (200, 200));
}

/// Signs claims with the key for session tokens of ES256.
fn signed_with_es256(keys: &Keys, claims: &Value, now: i64, end: i64) -> String {
    let Some(key) = &keys.session_es256[0] else { panic!() };
    let message = jwt::message("ES256", &key.id, claims, now, end).unwrap();
    let signature: p256::ecdsa::Signature = SigningKey::from_pkcs8_der(&key.pkcs8).unwrap().sign(message.as_bytes());
    jwt::with_signature(message, &signature.to_bytes())
}

#[test]
fn a_password_change_token_and_a_session_token_need_the_key_of_their_own_purpose() {
    let world = World::new();
    let keys = Keys::derive(SECRET, None);
    let (now, end) = (world.postern.now.get(), world.postern.now.get() + 10 * MINUTE);
    let session = own_claims(&world.ada.token);
    let mut change = session.clone();
    change["purpose"] = json!("password_change");
    for (claims, key) in [(&session, &keys.restricted), (&change, &keys.session), (&change, &keys.password_reset)] {
        let token = key.sign(claims, now, end).unwrap();
        assert_eq!(opened_by(&world, &token), [""; 0], "{claims}");
    }
    for claims in [&change, &own_claims(&world.reset_token)] {
        assert_eq!(opened_by(&world, &signed_with_es256(&keys, claims, now, end)), [""; 0], "{claims}");
    }
    assert_eq!(world.postern.me(&signed_with_es256(&keys, &session, now, end)), 200);
    let token = keys.restricted.sign(&change, now, end).unwrap();
    assert_eq!(world.postern.me(&token), 200);
}

#[test]
fn inconsistent_claims_are_rejected() {
    let world = World::new();
    let bob = world.postern.sign_up("bob@example.com");
    let keys = Keys::derive(SECRET, None);
    let (now, end) = (world.postern.now.get(), world.postern.now.get() + 10 * MINUTE);
    let changes = [
        ("sub", json!(bob.id)),
        ("sub", json!("")),
        ("sub", json!(null)),
        ("sub", json!(1)),
        ("iss", json!("https://evil.example")),
        ("iss", json!(null)),
        ("aud", json!("https://evil.example")),
        ("aud", json!(["https://app.example.com"])),
        ("aud", json!(null)),
        ("purpose", json!("other")),
        ("purpose", json!(null)),
        ("sid", json!("x")),
        ("sid", json!(claims(&bob.token)["sid"])),
        ("jti", json!("x")),
        ("nbf", json!(now / 1_000 + 60)),
    ];
    for (token, key) in [(&world.ada.token, &keys.session), (&world.reset_token, &keys.password_reset)] {
        for (name, value) in &changes {
            let mut claims = own_claims(token);
            let is_read = claims.get(name).is_some() || *name == "nbf";
            claims[*name] = value.clone();
            let signed = key.sign(&claims, now, end).unwrap();
            if is_read {
                assert_eq!(opened_by(&world, &signed), [""; 0], "{claims}");
            }
        }
    }
    assert_eq!((world.postern.me(&world.ada.token), world.postern.me(&world.reset_token)), (200, 200));
}

#[test]
fn a_deployment_with_a_different_address_rejects_tokens_even_with_the_same_secret() {
    let world = World::new();
    world.postern.redeploy(&[("APP_URL", "https://staging.example.com")]);
    for token in [&world.ada.token, &world.reset_token] {
        assert_eq!(opened_by(&world, token), [""; 0]);
    }
    world.postern.redeploy(&[]);
    assert_eq!((world.postern.me(&world.ada.token), world.postern.me(&world.reset_token)), (200, 200));
}

#[test]
fn a_secret_can_be_rotated_without_signing_users_out() {
    let world = World::new();
    let postern = &world.postern;
    let verify =
        |token: &str| postern.get(&format!("/api/auth/verify-token?token={token}")).send().expect(200) == json!(true);
    let listed = || {
        let answer = postern.post("/api/auth/me/tokens").bearer(&world.ada.token).send().expect(200);
        answer.as_array().unwrap().iter().map(|row| row["token"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    postern.redeploy(&[("AUTH_SECRET", NEW_SECRET), ("AUTH_SECRET_PREVIOUS", SECRET)]);
    assert_eq!(postern.me(&world.ada.token), 200);
    assert!(verify(&world.user_token));
    assert_eq!(listed(), [world.user_token.as_str()]);
    let newer = postern.create_user_token(&world.ada.token);
    let body = json!({ "referrer": world.user_token, "email": "bob@example.com", "password": PASSWORD });
    postern.post("/api/auth/signup").json(body).send().expect(200);
    let session = postern.token(&world.ada.email, PASSWORD);

    postern.redeploy(&[("AUTH_SECRET", NEW_SECRET)]);
    assert_eq!((postern.me(&world.ada.token), postern.me(&session)), (401, 200));
    assert_eq!((verify(&world.user_token), verify(&newer)), (false, true));
}

#[test]
fn a_session_refreshed_during_a_rotation_survives_it() {
    let world = World::new();
    let postern = &world.postern;
    postern.wait(4 * DAY);
    postern.redeploy(&[("AUTH_SECRET", NEW_SECRET), ("AUTH_SECRET_PREVIOUS", SECRET)]);
    let answer = postern.get("/api/auth/me").bearer(&world.ada.token).send();
    let refreshed = answer.header("x-refresh-token").unwrap();
    postern.redeploy(&[("AUTH_SECRET", NEW_SECRET)]);
    assert_eq!((postern.me(&world.ada.token), postern.me(refreshed)), (401, 200));
}

#[test]
fn without_the_previous_secret_older_tokens_are_rejected() {
    for kind in KINDS.into_iter().filter(|kind| *kind != PasswordChangeToken) {
        let world = World::new();
        let token = token(&world, kind);
        world.postern.redeploy(&[("AUTH_SECRET", NEW_SECRET)]);
        assert_eq!(opened_by(&world, &token), [""; 0], "{kind:?}");
    }
    let world = World::new();
    let postern = &world.postern;
    postern.redeploy(&[("AUTH_SECRET", NEW_SECRET)]);
    let form = [("otp", world.code.as_str()), ("token", &world.otp_token)];
    postern.post("/api/auth/verify-otp").form(&form).send().refused(403, "otp_token_refused");
    let body = json!({ "referrer": world.user_token, "email": "bob@example.com", "password": PASSWORD });
    postern.post("/api/auth/signup").json(body).send().refused(403, "referrer_refused");
    let answer = postern.get(&format!("/api/auth/verify-token?token={}", world.user_token)).send();
    assert_eq!(answer.expect(200), json!(false));
    // Passwords still work.
    let session = postern.token(&world.ada.email, PASSWORD);
    let list = postern.post("/api/auth/me/tokens").bearer(&session).send().expect(200);
    assert_eq!(list, json!([]));
}

/// The statements of `npm run admin -- end-all-sessions`, which the runbook for a leaked secret uses.
fn statements_that_end_all_sessions() -> Vec<&'static str> {
    let (_, runbook) = include_str!("../../docs/operate.md").split_once("### A secret leaked").unwrap();
    assert!(runbook.split("\n### ").next().unwrap().contains("npm run admin -- end-all-sessions --remote"));
    let sql = include_str!("../../scripts/lib/end-all-sessions.sql");
    sql.split_inclusive(";\n").collect()
}

#[test]
fn after_the_runbook_for_a_leaked_secret_even_an_old_version_rejects_everything() {
    let world = World::new();
    let postern = &world.postern;
    postern.redeploy(&[("AUTH_SECRET", NEW_SECRET)]);
    for statement in statements_that_end_all_sessions() {
        postern.sql.execute(statement, &[]);
    }
    let events = postern
        .sql
        .query("SELECT action, result, actor_id, subject_id, address FROM events ORDER BY id DESC LIMIT 1", &[]);
    let event = json!({ "action": "sessions_ended", "result": "success", "actor_id": "operator", "subject_id": null, "address": "terminal" });
    assert_eq!(events, [event]);
    let session = postern.token(&world.ada.email, PASSWORD);
    assert_eq!(postern.me(&session), 200);

    // The old version.
    postern.redeploy(&[]);
    for kind in [SessionToken, ResetToken, OtpToken, UserToken] {
        assert_eq!(opened_by(&world, &token(&world, kind)), [""; 0], "{kind:?}");
    }
    let form = [("otp", world.code.as_str()), ("token", &world.otp_token)];
    postern.post("/api/auth/verify-otp").form(&form).send().refused(403, "otp_token_refused");
    let answer = postern.get(&format!("/api/auth/verify-token?token={}", world.user_token)).send();
    assert_eq!(answer.expect(200), json!(false));
    // Someone with the old secret can sign tokens but does not know the id of a session.
    let keys = Keys::derive(SECRET, None);
    let (now, end) = (postern.now.get(), postern.now.get() + 10 * MINUTE);
    let forged = keys.session.sign(own_claims(&world.ada.token), now, end).unwrap();
    assert_eq!(opened_by(&world, &forged), [""; 0]);
}

#[test]
fn a_reset_link_survives_a_rotation_and_a_code_does_not() {
    let world = World::new();
    let postern = &world.postern;
    postern.redeploy(&[("AUTH_SECRET", NEW_SECRET), ("AUTH_SECRET_PREVIOUS", SECRET)]);
    let form = [("otp", world.code.as_str()), ("token", &world.otp_token)];
    postern.post("/api/auth/verify-otp").form(&form).send().refused(403, "otp_token_refused");
    let (otp, code) = postern.one_time_password(&world.ada.token, &world.ada.email);
    postern.post("/api/auth/verify-otp").form(&[("otp", &code), ("token", &otp)]).send().expect(200);
    let call = postern.post("/api/auth/reset-password-with-token").bearer(&world.reset_token);
    call.json(json!({ "password": "another good password" })).send().expect(200);
}

#[test]
fn a_token_is_read_only_from_the_authorization_header() {
    let world = World::new();
    for endpoint in endpoints().into_iter().filter(|endpoint| endpoint.opens != Opens::Anybody) {
        let token = endpoint.key(&world).unwrap();
        let cookie = format!("token={token}; session={token}; authorization=Bearer {token}");
        let path = format!("{}?token={token}&access_token={token}&bearer={token}", endpoint.path(&world));
        let call = world.postern.request(endpoint.method.clone(), &path).header(header::COOKIE, &cookie);
        let answer = call.json(json!({ "token": token, "access_token": token })).send();
        assert_eq!(answer.status, 401, "{}: {}", endpoint.name(), answer.text);
    }
}
