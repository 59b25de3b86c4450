//! The audit log: `/api/auth/admin/events` and `/api/auth/me/events`.

use http::Method;
use postern::domain::event::Action;
use serde_json::{Value, json};
use strum::VariantArray as _;

use crate::support::{
    Answer, DAY, HOUR, PASSWORD, Postern, SECOND, claims,
    world::{ADA, Endpoint, GRACE, Opens, World, endpoints},
};

/// Action, result, actor and subject.
type Expected = (&'static str, Option<&'static str>, Option<&'static str>);

/// The events that a valid request leaves; none for reads.
fn events_of(endpoint: &Endpoint) -> Vec<Expected> {
    const ADMIN: Option<&str> = Some("admin");
    const ADA: Option<&str> = Some("ada");
    const GRACE: Option<&str> = Some("grace");
    const PIA: Option<&str> = Some("pia");
    const TESS: Option<&str> = Some("tess");
    match endpoint.name().as_str() {
        "POST /api/auth/login" => vec![("login", ADA, ADA)],
        "POST /api/auth/login/email" => vec![("email_code_requested", None, ADA)],
        "POST /api/auth/login/email/verify" => vec![("login", GRACE, GRACE)],
        "POST /api/auth/signup/verify" => vec![("account_claimed", ADA, ADA), ("login", ADA, ADA)],
        "POST /api/auth/reauthenticate/email" => vec![("email_code_requested", GRACE, GRACE)],
        "POST /api/auth/admin/sign-ups/{id}/approve" => vec![("sign_up_approved", ADMIN, Some("clara"))],
        "POST /api/auth/admin/sign-ups/{id}/reject" => vec![("sign_up_rejected", ADMIN, None)],
        "POST /api/auth/login/passkey" => vec![("login", ADA, ADA)],
        "POST /api/auth/login/{provider}/callback" => vec![("login", GRACE, GRACE)],
        "POST /api/auth/me/identities/{id}/callback" => vec![("identity_linked", ADA, ADA)],
        "DELETE /api/auth/me/identities/{id}" => vec![("identity_unlinked", ADA, ADA)],
        "DELETE /api/auth/admin/users/{id}/identities/{identity_id}" => vec![("identity_unlinked", ADMIN, GRACE)],
        // Nothing changes before the user comes back.
        "POST /api/auth/login/{provider}" | "POST /api/auth/me/identities/{id}" => vec![],
        "POST /api/auth/me/passkeys" => vec![("passkey_added", ADA, ADA)],
        "PUT /api/auth/me/passkeys/{id}" => vec![("passkey_renamed", ADA, ADA)],
        "DELETE /api/auth/me/passkeys/{id}" => vec![("passkey_removed", ADA, ADA)],
        "POST /api/auth/signup" => vec![("signup", Some("bob"), Some("bob"))],
        "POST /api/auth/logout" => vec![("logout", ADA, ADA)],
        "POST /api/auth/reauthenticate" => vec![("reauthenticated", ADA, ADA)],
        "POST /api/auth/send-password-reset-link" => vec![("password_reset_requested", None, ADA)],
        "POST /api/auth/reset-password-with-token" => vec![("password_reset_completed", ADA, ADA)],
        "POST /api/auth/verify-otp" => vec![("otp_verified", ADA, ADA)],
        "DELETE /api/auth/me" => vec![("deactivated", ADA, ADA)],
        "POST /api/auth/login/second-factor" => vec![("login", TESS, TESS)],
        // Nothing changes before the app is confirmed.
        "POST /api/auth/me/totp" => vec![],
        "PUT /api/auth/me/totp" => vec![("totp_added", ADA, ADA)],
        "DELETE /api/auth/me/totp" => vec![("totp_removed", TESS, TESS)],
        "POST /api/auth/me/recovery-codes" => vec![("recovery_codes_created", TESS, TESS)],
        "DELETE /api/auth/me/password" => vec![("password_removed", PIA, PIA)],
        "PUT /api/auth/me/second-factor" => vec![("second_factor_required", PIA, PIA)],
        "DELETE /api/auth/me/second-factor" => vec![("second_factor_removed", TESS, TESS)],
        "DELETE /api/auth/admin/users/{id}/second-factors" => vec![("second_factors_reset", ADMIN, GRACE)],
        "DELETE /api/auth/me/email-problem" => vec![("email_problem_cleared", TESS, TESS)],
        "DELETE /api/auth/admin/users/{id}/email-problem" => vec![("email_problem_cleared", ADMIN, TESS)],
        "POST /webhooks/mail/{provider}" => vec![("email_bounced", None, ADA)],
        "PUT /api/auth/me/name" => vec![("name_changed", ADA, ADA)],
        "PUT /api/auth/me/password" => vec![("password_changed", ADA, ADA)],
        "POST /api/auth/me/email" => vec![("email_change_requested", ADA, ADA)],
        "POST /api/auth/me/email/verify" => vec![("email_changed", ADA, ADA)],
        "DELETE /api/auth/me/email" => vec![("email_change_cancelled", ADA, ADA)],
        "POST /api/auth/undo-email-change" => vec![("email_change_cancelled", ADA, ADA)],
        "POST /api/auth/me/send-otp" => vec![("otp_sent", ADA, ADA)],
        "POST /api/auth/me/send-invite" => vec![("invitation_sent", GRACE, GRACE)],
        "POST /api/auth/me/create-token" => vec![("token_created", ADA, ADA)],
        "DELETE /api/auth/me/tokens/{token}" => vec![("token_deleted", ADA, ADA)],
        "DELETE /api/auth/me/sessions/{id}" => vec![("session_ended", ADA, ADA)],
        "POST /api/auth/admin/users" => vec![("user_created", ADMIN, Some("joan"))],
        // Role and status do not change.
        "PUT /api/auth/admin/users/{id}" => vec![("name_changed", ADMIN, GRACE), ("tier_changed", ADMIN, GRACE)],
        "DELETE /api/auth/admin/users/{id}" => vec![("user_deleted", ADMIN, GRACE)],
        "POST /api/auth/admin/users/{id}/send-password-reset-link" => vec![("password_reset_requested", ADMIN, GRACE)],
        "DELETE /api/auth/admin/users/{id}/sessions" => vec![("sessions_ended", ADMIN, GRACE)],
        "DELETE /api/auth/admin/users/{id}/sessions/{session_id}" => vec![("session_ended", ADMIN, GRACE)],
        "POST /api/auth/admin/users/{id}/freeze" => vec![("frozen", ADMIN, GRACE)],
        "DELETE /api/auth/admin/users/{id}/freeze" => vec![("unfrozen", ADMIN, Some("frozen"))],
        name => {
            let only_reads = endpoint.method == Method::GET || endpoint.method == Method::HEAD;
            assert!(
                only_reads
                    || name.ends_with("/options")
                    || [
                        "POST /api/auth/me/tokens",
                        "POST /api/auth/verify-token",
                        "POST /api/auth/invitation",
                        "PUT /api/auth/me/locale",
                    ]
                    .contains(&name),
                "{name} leaves no event"
            );
            vec![]
        }
    }
}

/// Rows of the log after an id, oldest first.
fn rows(postern: &Postern, after: i64) -> Vec<Value> {
    postern.sql.query("SELECT * FROM events WHERE id > ?1 ORDER BY id", &[after.into()])
}

fn last_id(postern: &Postern) -> i64 {
    postern.sql.query("SELECT coalesce(max(id), 0) AS id FROM events", &[])[0]["id"].as_i64().unwrap()
}

/// The names of users, by the local part of their email.
fn names(postern: &Postern) -> Vec<(String, String)> {
    let users = postern.sql.query("SELECT id, email FROM users", &[]);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    users.iter().map(|user| (text(&user["id"]), text(&user["email"]).split('@').next().unwrap().to_owned())).collect()
}

fn admin_events(postern: &Postern, admin: &str, query: &str) -> Answer {
    postern.get(&format!("/api/auth/admin/events{query}")).bearer(admin).send()
}

fn own_events(postern: &Postern, session: &str, query: &str) -> Answer {
    postern.get(&format!("/api/auth/me/events{query}")).bearer(session).send()
}

fn actions(answer: Answer) -> Vec<String> {
    let page = answer.expect(200);
    page["items"].as_array().unwrap().iter().map(|event| event["action"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_action_leaves_an_event_with_actor_action_subject_time_and_result() {
    for endpoint in endpoints() {
        let world = World::new();
        let postern = &world.postern;
        let (before, mut names) = (last_id(postern), names(postern));
        assert_eq!(endpoint.good(&world).send().status, 200, "{}", endpoint.name());
        names.extend(self::names(postern));
        let name = |id: &Value| {
            let id = id.as_str()?;
            Some(names.iter().find(|(known, _)| known == id).unwrap().1.clone())
        };
        let found: Vec<_> = rows(postern, before)
            .into_iter()
            .map(|row| {
                assert_eq!((&row["result"], &row["at"]), (&json!("success"), &json!(postern.now.get())));
                (row["action"].as_str().unwrap().to_owned(), name(&row["actor_id"]), name(&row["subject_id"]))
            })
            .collect();
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let expected: Vec<_> = events_of(&endpoint)
            .into_iter()
            .map(|(action, actor, subject)| (action.to_owned(), owned(actor), owned(subject)))
            .collect();
        assert_eq!(found, expected, "{}", endpoint.name());
    }
}

#[test]
fn an_action_without_effect_leaves_no_event() {
    for endpoint in endpoints() {
        let world = World::new();
        let postern = &world.postern;
        let before = last_id(postern);
        // Nobody is logged in.
        endpoint.locked(&world).bearer("x").send();
        if endpoint.key(&world).is_some() {
            assert_eq!(rows(postern, before), [Value::Null; 0], "{}", endpoint.name());
        }
        // While D1 fails, there is neither the change nor its event.
        postern.outside.is_out.set(true);
        endpoint.good(&world).send();
        postern.outside.is_out.set(false);
        if endpoint.key(&world).is_some() {
            assert_eq!(rows(postern, before), [Value::Null; 0], "{}", endpoint.name());
        }
    }
    let world = World::new();
    let postern = &world.postern;
    let before = last_id(postern);
    for path in ["sessions/x", "tokens/0123456789"] {
        postern.delete(&format!("/api/auth/me/{path}")).bearer(&world.ada.token).send().refused(404, "not_found");
    }
    for call in [postern.delete("/api/auth/admin/users/x"), postern.post("/api/auth/admin/users/x/freeze")] {
        call.bearer(&world.admin_token).send().refused(404, "not_found");
    }
    let taken = json!({ "referrer": world.referrer, "email": ADA, "password": PASSWORD });
    postern.post("/api/auth/signup").json(taken).send().refused(409, "email_taken");
    let taken = json!({ "email": ADA });
    postern.post("/api/auth/admin/users").bearer(&world.admin_token).json(taken).send().refused(409, "email_taken");
    postern.delete("/api/auth/me").bearer(&world.admin_token).send().refused(409, "last_admin");
    let same = json!({ "role": "user", "tier": 0, "is_active": true });
    let path = format!("/api/auth/admin/users/{}", world.grace.id);
    postern.put(&path).bearer(&world.admin_token).json(same).send().expect(200);
    assert_eq!(rows(postern, before), [Value::Null; 0]);
}

#[test]
fn one_of_two_concurrent_identical_actions_leaves_an_event() {
    let world = World::new();
    let postern = &world.postern;
    let before = last_id(postern);
    let leave = || postern.delete("/api/auth/me").bearer(&world.ada.token);
    postern.at_once(vec![leave(), leave()]);
    let form = [("otp", world.code.as_str()), ("token", &world.otp_token)];
    let sign_up = || {
        let body = json!({ "referrer": world.referrer, "email": "bob@example.com", "password": PASSWORD });
        postern.post("/api/auth/signup").json(body)
    };
    postern.at_once(vec![sign_up(), sign_up(), sign_up()]);
    postern.at_once(vec![
        postern.post("/api/auth/verify-otp").form(&form),
        postern.post("/api/auth/verify-otp").form(&form),
    ]);
    let actions: Vec<Value> = rows(postern, before).into_iter().map(|row| row["action"].clone()).collect();
    assert_eq!(json!(actions), json!(["deactivated", "signup"]));
}

#[test]
fn a_failed_login_is_logged_after_the_response_at_the_same_cost_with_and_without_an_account() {
    let world = World::new();
    let postern = &world.postern;
    let before = last_id(postern);
    let wrong = postern.login(ADA, "wrong password");
    let unknown = postern.login("nobody@example.com", "wrong password");
    assert_eq!((wrong.status, wrong.cost), (401, unknown.cost));
    let old = json!({ "old_password": "wrong password", "new_password": "another good password" });
    postern.put("/api/auth/me/password").bearer(&world.ada.token).json(old).send().refused(403, "wrong_password");
    postern.login(&world.frozen.email, PASSWORD).refused(403, "inactive");
    let found: Vec<Value> = rows(postern, before)
        .into_iter()
        .map(|row| json!([row["action"], row["result"], row["actor_id"], row["subject_id"]]))
        .collect();
    let (ada, frozen) = (&world.ada.id, &world.frozen.id);
    assert_eq!(
        json!(found),
        json!([
            ["login", "wrong_credentials", null, ada],
            ["login", "wrong_credentials", null, null],
            ["password_changed", "wrong_password", ada, ada],
            ["login", "inactive", null, frozen],
        ])
    );
}

#[test]
fn a_reset_request_for_an_unknown_email_costs_the_same_and_names_no_user() {
    let postern = Postern::new();
    postern.sign_up(ADA);
    let ask =
        |email: &str| postern.post("/api/auth/send-password-reset-link").json(json!({ "email": email })).send().cost[0];
    let before = last_id(&postern);
    assert_eq!(ask(ADA), ask("nobody@example.com"));
    let found = rows(&postern, before);
    assert_eq!((found.len(), &found[1]["subject_id"]), (2, &Value::Null));
    assert!(!format!("{found:?}").contains("example.com"));
}

#[test]
fn addresses_are_logged_as_a_keyed_hash_that_is_stable_per_address() {
    let postern = Postern::new();
    let admin = postern.admin_token();
    for address in ["198.51.100.7", "198.51.100.8", "198.51.100.7"] {
        postern.come_from(address);
        postern.login("admin", "admin").expect(200);
    }
    let page = admin_events(&postern, &admin, "?limit=3").expect(200);
    let addresses: Vec<&str> =
        page["items"].as_array().unwrap().iter().map(|event| event["address"].as_str().unwrap()).collect();
    assert_eq!((addresses[0], addresses[0].len()), (addresses[2], 11));
    assert_ne!(addresses[0], addresses[1]);
    assert!(!page.to_string().contains("198.51.100"));
}

#[test]
fn admins_read_all_events_newest_first_and_filter_by_user_and_action() {
    let world = World::new();
    let (postern, admin) = (&world.postern, &world.admin_token);
    postern
        .put(&format!("/api/auth/admin/users/{}", world.ada.id))
        .bearer(admin)
        .json(json!({ "tier": 2 }))
        .send()
        .expect(200);
    let page = admin_events(postern, admin, "?limit=1").expect(200);
    let root = claims(admin)["sub"].clone();
    let event = &page["items"][0];
    let expected = json!({ "id": last_id(postern), "at": postern.now.get(), "action": "tier_changed", "result": "success",
        "actor": { "id": root, "email": "admin" }, "subject": { "id": world.ada.id, "email": ADA },
        "address": event["address"], "session_id": claims(admin)["sid"], "old_value": { "tier": 0 },
        "new_value": { "tier": 2 }, "browser": null, "system": null, "country": null, "city": null });
    assert_eq!((event, &page["limit"], &page["next"]), (&expected, &json!(1), &event["id"]));

    let of_ada = format!("?user={}&limit=100", world.ada.id);
    let all = rows(postern, 0);
    let about_ada =
        all.iter().filter(|row| [&row["actor_id"], &row["subject_id"]].contains(&&json!(world.ada.id))).count();
    assert_eq!(actions(admin_events(postern, admin, &of_ada)).len(), about_ada);
    assert_eq!(actions(admin_events(postern, admin, &format!("{of_ada}&action=tier_changed"))), ["tier_changed"]);
    // Everything the admin did, to any user.
    let root = root.as_str().unwrap();
    let by_admin = actions(admin_events(postern, admin, &format!("?user={root}&limit=100")));
    assert!(by_admin.contains(&"tier_changed".to_owned()) && by_admin.contains(&"frozen".to_owned()), "{by_admin:?}");
    assert!(by_admin.contains(&"login".to_owned()) && !by_admin.contains(&"signup".to_owned()), "{by_admin:?}");
    let logins = actions(admin_events(postern, admin, "?action=login&limit=100"));
    let expected = all.iter().filter(|row| row["action"] == "login").count();
    assert!(logins.len() == expected && logins.iter().all(|action| action == "login"), "{logins:?}");
    assert_eq!(actions(admin_events(postern, admin, "?user=x")), [""; 0]);
}

#[test]
fn events_can_be_filtered_by_every_known_action_and_no_other() {
    let world = World::new();
    for action in Action::VARIANTS {
        admin_events(&world.postern, &world.admin_token, &format!("?action={}", action.as_str())).expect(200);
    }
    let answer = admin_events(&world.postern, &world.admin_token, "?action=theft&before=0&limit=101");
    answer.refused(422, "invalid_fields");
    assert_eq!(answer.body["detail"].as_array().unwrap().len(), 3);
}

#[test]
fn pages_have_no_gaps_or_duplicates_even_if_events_are_added_meanwhile() {
    let world = World::new();
    let (postern, admin) = (&world.postern, &world.admin_token);
    let user = format!("user={}", world.ada.id);
    for filter in ["action=login", &user, ""] {
        let all = |query: &str| admin_events(postern, admin, query).expect(200);
        let whole = all(&format!("?limit=100&{filter}"));
        assert_eq!(whole["next"], Value::Null);
        let mut found = Vec::new();
        let mut query = format!("?limit=2&{filter}");
        loop {
            let page = all(&query);
            found.extend(page["items"].as_array().unwrap().clone());
            postern.login(ADA, PASSWORD).expect(200);
            let Some(next) = page["next"].as_i64() else { break };
            query = format!("?limit=2&before={next}&{filter}");
        }
        assert_eq!(json!(found), whole["items"], "{filter}");
    }
}

#[test]
fn users_read_their_own_events_and_see_only_the_ids_of_others() {
    let world = World::new();
    let postern = &world.postern;
    postern.come_from("203.0.113.9");
    let body = json!({ "name": "Ada" });
    postern
        .put(&format!("/api/auth/admin/users/{}", world.ada.id))
        .bearer(&world.admin_token)
        .json(body)
        .send()
        .expect(200);
    let page = own_events(postern, &world.ada.token, "?limit=100").expect(200);
    let items = page["items"].as_array().unwrap();
    let root = claims(&world.admin_token)["sub"].clone();
    assert_eq!(items[0]["actor"], json!({ "id": root, "email": null }));
    assert_eq!((&items[0]["subject"]["email"], &items[0]["address"]), (&json!(ADA), &Value::Null));
    assert!(items[1]["address"].is_string());
    assert!(items.iter().all(|event| event["subject"]["id"] == json!(world.ada.id)), "{items:?}");
    assert!(!page.to_string().contains(GRACE));
    // The parameter `user` is ignored.
    let others = own_events(postern, &world.ada.token, &format!("?limit=100&user={}", world.grace.id)).expect(200);
    assert_eq!(others, page);
    let first = own_events(postern, &world.ada.token, "?limit=1").expect(200);
    let next = own_events(postern, &world.ada.token, &format!("?limit=1&before={}", first["next"])).expect(200);
    assert_eq!(json!([first["items"][0], next["items"][0]]), json!([items[0], items[1]]));
    own_events(postern, &world.ada.token, "?before=x&limit=0").refused(422, "invalid_fields");
}

#[test]
fn the_log_keeps_the_id_of_a_deleted_account_but_no_email() {
    let world = World::new();
    let (postern, admin) = (&world.postern, &world.admin_token);
    postern.delete(&format!("/api/auth/admin/users/{}", world.ada.id)).bearer(admin).send().expect(200);
    let page = admin_events(postern, admin, &format!("?user={}&limit=100", world.ada.id)).expect(200);
    let items = page["items"].as_array().unwrap();
    assert_eq!((&items[0]["action"], items.len() > 3), (&json!("user_deleted"), true));
    assert!(items.iter().all(|event| event["subject"] == json!({ "id": world.ada.id, "email": null })), "{items:?}");
}

#[test]
fn events_are_kept_as_long_as_configured_and_deleted_in_bounded_steps() {
    for (settings, days) in [(&[][..], 90), (&[("EVENT_RETENTION_DAYS", "7")][..], 7)] {
        let postern = Postern::with_settings(settings);
        postern.sql.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)
             INSERT INTO events (at, action, result, address) SELECT ?1, 'login', 'success', 'x' FROM n",
            &[postern.now.get().into()],
        );
        postern.wait(SECOND);
        postern.login("admin", "admin").expect(200);
        let count = || rows(&postern, 0).len();
        postern.wait(days * DAY - SECOND);
        postern.run_cron();
        assert_eq!(count(), 12_001);
        postern.wait(SECOND - 1);
        for left in [7_001, 2_001, 1, 1] {
            postern.run_cron();
            assert_eq!(count(), left);
        }
        postern.wait(2);
        postern.run_cron();
        assert_eq!(count(), 0);
    }
}

#[test]
fn an_event_that_cannot_be_written_after_the_response_is_logged() {
    let postern = Postern::new();
    postern.sign_up(ADA);
    // The rate limiter, the count, then the event.
    postern.outside.fault.set(Some((3, crate::support::Fault::Before)));
    postern.login(ADA, "wrong password").refused(401, "wrong_credentials");
    let log = postern.log().join("\n");
    assert!(log.contains("login wrong_credentials is not in the audit log") && !log.contains(ADA), "{log}");
}

/// The id of the session of a token.
fn session_of(token: &str) -> Value {
    claims(token)["sid"].clone()
}

#[test]
fn every_event_has_the_session_that_acted_or_was_started() {
    for endpoint in endpoints() {
        let world = World::new();
        let postern = &world.postern;
        let before = last_id(postern);
        let answer = endpoint.good(&world).send();
        let expected = match endpoint.pattern {
            "/api/auth/login"
            | "/api/auth/login/passkey"
            | "/api/auth/login/second-factor"
            | "/api/auth/login/email/verify"
            | "/api/auth/login/{provider}/callback"
            | "/api/auth/signup"
            | "/api/auth/signup/verify"
                if answer.body.is_object() =>
            {
                session_of(answer.body["token"].as_str().unwrap())
            }
            _ if matches!(endpoint.opens, Opens::Sessions | Opens::SessionsAndResets | Opens::Admins) => {
                session_of(endpoint.session(&world))
            }
            _ => Value::Null,
        };
        for row in rows(postern, before) {
            assert_eq!(row["session_id"], expected, "{}: {row}", endpoint.name());
        }
    }
    let world = World::new();
    let before = last_id(&world.postern);
    let body = json!({ "old_password": "wrong", "new_password": "another good password" });
    world
        .postern
        .put("/api/auth/me/password")
        .bearer(&world.ada.token)
        .json(body)
        .send()
        .refused(403, "wrong_password");
    world.postern.login(ADA, "wrong").refused(401, "wrong_credentials");
    let sessions: Vec<Value> = rows(&world.postern, before).iter().map(|row| row["session_id"].clone()).collect();
    assert_eq!(sessions, [session_of(&world.ada.token), Value::Null]);
}

#[test]
fn an_event_has_the_role_and_tier_before_and_after_a_change_and_at_creation() {
    let world = World::new();
    let postern = &world.postern;
    let path = format!("/api/auth/admin/users/{}", world.grace.id);
    let change = |body: Value| postern.put(&path).bearer(&world.admin_token).json(body).send().expect(200);
    change(json!({ "role": "admin", "tier": 2, "name": "Grace" }));
    change(json!({ "role": "user", "tier": 2 }));
    let newest = |query: &str| admin_events(postern, &world.admin_token, query).expect(200)["items"].clone();
    let of_grace = newest(&format!("?user={}&limit=4", world.grace.id));
    let change = |event: &Value| (event["action"].clone(), event["old_value"].clone(), event["new_value"].clone());
    let values: Vec<_> = of_grace.as_array().unwrap().iter().map(change).collect();
    assert_eq!(
        values,
        [
            (json!("role_changed"), json!({ "role": "admin" }), json!({ "role": "user" })),
            (json!("tier_changed"), json!({ "tier": 0 }), json!({ "tier": 2 })),
            (json!("role_changed"), json!({ "role": "user" }), json!({ "role": "admin" })),
            // Names are not part of the audit log.
            (json!("name_changed"), Value::Null, Value::Null),
        ]
    );
    let signup = &newest(&format!("?user={}&action=signup", world.ada.id))[0];
    assert_eq!(change(signup).2, json!({ "role": "user", "tier": 0 }));

    let body = json!({ "email": "joan@example.com", "password": PASSWORD, "role": "admin", "tier": 1 });
    postern.post("/api/auth/admin/users").bearer(&world.admin_token).json(body).send().expect(200);
    let created = &newest("?action=user_created")[0];
    assert_eq!(change(created), (json!("user_created"), Value::Null, json!({ "role": "admin", "tier": 1 })));
    assert_eq!(created["session_id"], session_of(&world.admin_token));
}

#[test]
fn users_see_the_session_of_their_own_events_but_not_of_an_admins() {
    let world = World::new();
    let postern = &world.postern;
    let path = format!("/api/auth/admin/users/{}", world.ada.id);
    postern.put(&path).bearer(&world.admin_token).json(json!({ "tier": 1 })).send().expect(200);
    postern.put("/api/auth/me/name").bearer(&world.ada.token).json(json!({ "name": "Ada" })).send().expect(200);
    let page = own_events(postern, &world.ada.token, "?limit=2").expect(200);
    let seen: Vec<_> =
        page["items"].as_array().unwrap().iter().map(|event| (&event["action"], &event["session_id"])).collect();
    let own = session_of(&world.ada.token);
    assert_eq!(seen, [(&json!("name_changed"), &own), (&json!("tier_changed"), &Value::Null)]);
    assert_eq!(page["items"][1]["new_value"], json!({ "tier": 1 }));
}

fn rename(postern: &Postern, session: &str, number: usize) -> Answer {
    let body = json!({ "name": format!("Ada {number}") });
    postern.put("/api/auth/me/name").bearer(session).json(body).send()
}

/// The number of events with this action about a user.
fn count_of(postern: &Postern, user_id: &str, action: &'static str) -> usize {
    let sql = "SELECT id FROM events WHERE subject_id = ?1 AND action = ?2";
    postern.sql.query(sql, &[user_id.into(), action.into()]).len()
}

#[test]
fn repeated_actions_of_a_user_leave_200_events_an_hour_and_one_that_says_more_followed() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    let grace = postern.sign_up(GRACE);
    for round in 1..=3 {
        for number in 0..300 {
            rename(&postern, &ada.token, number).expect(200);
        }
        let counts = ["name_changed", "events_dropped"].map(|action| count_of(&postern, &ada.id, action));
        assert_eq!(counts, [200 * round, round]);
        let newest = rows(&postern, last_id(&postern) - 1).remove(0);
        assert_eq!((&newest["action"], &newest["actor_id"]), (&json!("events_dropped"), &json!(ada.id)));
        // Other users have their own budget.
        rename(&postern, &grace.token, round).expect(200);
        assert_eq!(count_of(&postern, &grace.id, "name_changed"), round);
        postern.wait(HOUR);
    }
    assert_eq!(actions(own_events(&postern, &ada.token, "?limit=1")), ["events_dropped"]);
}

#[test]
fn events_that_an_investigation_needs_are_never_dropped_and_give_no_new_budget() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    let other = postern.token(ADA, PASSWORD);
    let (token, code) = postern.one_time_password(&ada.token, ADA);
    for number in 0..300 {
        rename(&postern, &ada.token, number).expect(200);
    }
    let before = last_id(&postern);
    postern.post("/api/auth/verify-otp").form(&[("otp", &code), ("token", &token)]).send().expect(200);
    let sid = claims(&other)["sid"].as_str().unwrap().to_owned();
    postern.delete(&format!("/api/auth/me/sessions/{sid}")).bearer(&ada.token).send().expect(200);
    let body = json!({ "old_password": PASSWORD, "new_password": "another good password" });
    postern.put("/api/auth/me/password").bearer(&ada.token).json(body).send().expect(200);
    rename(&postern, &ada.token, 0).expect(200);
    let reset = postern.reset_token(ADA);
    let body = json!({ "password": PASSWORD });
    postern.post("/api/auth/reset-password-with-token").bearer(&reset).json(body).send().expect(200);
    let token = postern.token(ADA, PASSWORD);
    postern.delete("/api/auth/me").bearer(&token).send().expect(200);
    let found: Vec<_> = rows(&postern, before).iter().map(|row| row["action"].as_str().unwrap().to_owned()).collect();
    let expected = [
        "otp_verified",
        "session_ended",
        "password_changed",
        "password_reset_requested",
        "password_reset_completed",
        "deactivated",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_user_who_keeps_starting_and_ending_sessions_leaves_a_bounded_number_of_events() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    let begin = "INSERT INTO sessions (id, user_id, created_at, expires_at) VALUES ('other', ?1, ?2, ?2 + 86400000)";
    for round in 0..25 {
        for _ in 0..100 {
            postern.sql.execute(begin, &[ada.id.as_str().into(), postern.now.get().into()]);
            postern.delete("/api/auth/me/sessions/other").bearer(&ada.token).send().expect(200);
        }
        postern.login(ADA, PASSWORD).expect(200);
        if round == 11 {
            assert_eq!(count_of(&postern, &ada.id, "session_ended"), 1_200, "the reserve is not used up by then");
        }
    }
    // Each of the two limits has an event that reports it.
    assert_eq!(count_of(&postern, &ada.id, "events_dropped"), 2);
    let ended = count_of(&postern, &ada.id, "session_ended");
    assert!((1_900..=2_100).contains(&ended), "{ended}");
    postern.wait(HOUR);
    postern.sql.execute(begin, &[ada.id.as_str().into(), postern.now.get().into()]);
    postern.delete("/api/auth/me/sessions/other").bearer(&ada.token).send().expect(200);
    assert_eq!(count_of(&postern, &ada.id, "session_ended"), ended + 1);
}

#[test]
fn admin_actions_on_other_users_have_no_budget() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    let admin = postern.admin_token();
    for number in 0..300 {
        let body = json!({ "name": format!("Ada {number}") });
        postern.put(&format!("/api/auth/admin/users/{}", ada.id)).bearer(&admin).json(body).send().expect(200);
    }
    assert_eq!(count_of(&postern, &ada.id, "name_changed"), 300);
}

#[test]
fn a_thousand_logins_an_hour_succeed_and_leave_an_event_each() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    for _ in 0..1_050 {
        postern.login(ADA, PASSWORD).expect(200);
    }
    let counts = ["login", "events_dropped"].map(|action| count_of(&postern, &ada.id, action));
    assert_eq!(counts, [1_000, 1]);
}

#[test]
fn strangers_cannot_use_up_a_users_event_budget() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    postern.come_from("198.51.100.1");
    for _ in 0..10 {
        postern.post("/api/auth/send-password-reset-link").json(json!({ "email": ADA })).send().expect(200);
    }
    while postern.login(ADA, "wrong password").status == 401 {}
    for number in 0..196 {
        rename(&postern, &ada.token, number).expect(200);
    }
    assert_eq!((count_of(&postern, &ada.id, "name_changed"), count_of(&postern, &ada.id, "events_dropped")), (196, 0));
}

/// The ids of the events that a query finds, on all pages, and the number of pages.
fn all_pages(postern: &Postern, admin: &str, query: &str, limit: i64) -> (Vec<i64>, usize) {
    let (mut ids, mut before, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = admin_events(postern, admin, &format!("?limit={limit}&{query}{before}")).expect(200);
        ids.extend(page["items"].as_array().unwrap().iter().map(|event| event["id"].as_i64().unwrap()));
        pages += 1;
        match page["next"].as_i64() {
            Some(next) => before = format!("&before={next}"),
            None => return (ids, pages),
        }
    }
}

/// Adds events, past the service: one a second from `from` to `to`. Every 10th is a signup, every 100th a freeze, and the others are logins, of
/// which every 7th failed. The subject is one of three users, and for every 5th event someone else is the actor.
fn add_events(postern: &Postern, from: i64, to: i64) {
    postern.sql.execute(
        "WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
         INSERT INTO events (id, at, action, result, actor_id, subject_id, address)
         SELECT i, i * 1000, CASE WHEN i % 100 = 0 THEN 'frozen' WHEN i % 10 = 0 THEN 'signup' ELSE 'login' END,
           CASE WHEN i % 7 = 0 THEN 'wrong_credentials' ELSE 'success' END,
           iif(i % 5 = 0, 'other', 'u' || (i % 3)), 'u' || (i % 3), 'x' FROM n",
        &[from.into(), to.into()],
    );
}

#[test]
fn every_combination_of_filters_finds_the_events_that_match_in_order_and_once() {
    let postern = Postern::new();
    let (ada, admin) = (postern.sign_up(ADA), postern.admin_token());
    postern.sql.execute("DELETE FROM events", &[]);
    add_events(&postern, 1, 400);
    postern.sql.execute("UPDATE events SET subject_id = ?1 WHERE subject_id = 'u1'", &[ada.id.as_str().into()]);
    // Rows that are missing, as at the end of the retention or of a database that was restored.
    postern.sql.execute("DELETE FROM events WHERE id < 30 OR id BETWEEN 200 AND 230", &[]);
    let events = rows(&postern, 0);
    let users = [
        ("", None),
        ("&user=u2", Some("u2")),
        ("&user=%20Ada@Example.com", Some(ada.id.as_str())),
        ("&user=other", Some("other")),
    ];
    let actions: [(&str, &[&str]); 6] = [
        ("", &["login", "signup", "frozen"]),
        ("&action=login", &["login"]),
        ("&action=frozen", &["frozen"]),
        ("&action=signup,frozen,deactivated", &["signup", "frozen"]),
        ("&action=login,frozen", &["login", "frozen"]),
        ("&action=activated,deactivated", &[]),
    ];
    let results: [(&str, &[&str]); 5] = [
        ("", &["success", "wrong_credentials"]),
        ("&result=success", &["success"]),
        ("&result=failure", &["wrong_credentials"]),
        ("&result=wrong_credentials", &["wrong_credentials"]),
        ("&result=x", &[]),
    ];
    // Also between two events, within a gap, before the first and after the last one.
    let times = [
        ("", 0, i64::MAX),
        ("&from=100000", 100_000, i64::MAX),
        ("&from=99999&to=300000", 99_999, 300_000),
        ("&from=210000&to=220000", 210_000, 220_000),
        ("&from=215000&to=240001", 215_000, 240_001),
        ("&to=1", 0, 1),
        ("&from=400001", 400_001, i64::MAX),
        ("&from=300000&to=100000", 300_000, 100_000),
        ("&from=0&to=9007199254740992", 0, i64::MAX),
    ];
    for (user_query, user) in users {
        for (action_query, actions) in actions {
            for (result_query, results) in results {
                for (time_query, from, to) in times {
                    let matches = |event: &&Value| {
                        let text = |name: &str| event[name].as_str().unwrap();
                        user.is_none_or(|user| text("actor_id") == user || text("subject_id") == user)
                            && actions.contains(&text("action"))
                            && results.contains(&text("result"))
                            && (from..to).contains(&event["at"].as_i64().unwrap())
                    };
                    let expected: Vec<i64> =
                        events.iter().rev().filter(matches).map(|event| event["id"].as_i64().unwrap()).collect();
                    let query = format!("{user_query}{action_query}{result_query}{time_query}");
                    assert_eq!(all_pages(&postern, &admin, &query, 40).0, expected, "{query}");
                }
            }
        }
    }
}

#[test]
fn a_page_ends_after_5_000_events_that_do_not_match_and_says_where_to_go_on() {
    let postern = Postern::new();
    let admin = postern.admin_token();
    postern.sql.execute("DELETE FROM events", &[]);
    add_events(&postern, 1, 12_000);
    postern.sql.execute("UPDATE events SET result = 'rare', actor_id = 'u0', subject_id = 'u0' WHERE id = 3", &[]);
    let first = |query: &str| admin_events(&postern, &admin, query).expect(200);
    let page = first("?result=rare");
    assert_eq!((&page["items"], &page["next"]), (&json!([]), &json!(7_001)));
    for (query, pages) in [
        ("result=rare", 3),
        ("result=rare&from=3000&to=5000", 1),
        ("result=rare&user=u0", 1),
        ("result=rare&action=login", 3),
        ("result=rare&action=login,frozen", 3),
    ] {
        assert_eq!(all_pages(&postern, &admin, query, 20), (vec![3], pages), "{query}");
    }
    assert_eq!(all_pages(&postern, &admin, "result=rare&action=signup,frozen", 20), (vec![], 1));
    // A page that is full goes on after its last event, as before.
    let page = first("?result=failure&limit=2");
    assert_eq!(page["next"], page["items"][1]["id"]);
    // The last event that a request looks at is on the page if it matches.
    postern.sql.execute("UPDATE events SET result = 'rare' WHERE id IN (7001, 7000)", &[]);
    let page = first("?result=rare");
    assert_eq!((&page["items"][0]["id"], &page["next"]), (&json!(7_001), &json!(7_001)));
    assert_eq!(all_pages(&postern, &admin, "result=rare", 20).0, [7_001, 7_000, 3]);
}

#[test]
fn a_page_of_filtered_events_reads_a_bounded_number_of_rows() {
    let postern = Postern::new();
    let admin = postern.admin_token();
    postern.sql.execute("DELETE FROM events", &[]);
    add_events(&postern, 1, 80_000);
    let actions = Action::VARIANTS.iter().map(|action| action.as_str()).filter(|action| *action != "login");
    let all_actions = format!("?action={}&limit=100", actions.collect::<Vec<_>>().join(","));
    let queries = [
        "?result=x",
        "?action=login&result=x",
        "?action=signup&result=x",
        "?action=signup,frozen&result=x",
        "?user=u0&result=x",
        "?user=other&action=deactivated",
        "?user=u0&action=login,signup",
        "?from=1000000&to=79000000",
        "?from=1000000&to=79000000&result=x",
        &all_actions,
        &format!("{all_actions}&result=x"),
    ];
    let steps = || {
        queries.map(|query| {
            let before = postern.sql.steps.get();
            admin_events(&postern, &admin, query).expect(200);
            postern.sql.steps.get() - before
        })
    };
    let before = steps();
    add_events(&postern, 80_001, 200_000);
    for ((query, before), after) in queries.iter().zip(before).zip(steps()) {
        assert!(after < before + before / 5, "{query}: {before} steps, then {after}");
    }
}

#[test]
fn invalid_filters_of_events_are_reported_together() {
    let postern = Postern::new();
    let admin = postern.admin_token();
    let answer = admin_events(&postern, &admin, "?action=login,x&from=-1&to=tomorrow&before=0&limit=0");
    assert_eq!(answer.faulty_fields(), ["action", "from", "to", "before", "limit"]);
    for query in ["?action=login,", "?action=,", "?from=9007199254740993"] {
        admin_events(&postern, &admin, query).refused(422, "invalid_fields");
    }
    for query in ["?user=nobody@example.com", "?user=%00", "?result=%27", "?user=%20", "?result=%25"] {
        assert_eq!(actions(admin_events(&postern, &admin, query)), [""; 0], "{query}");
    }
}

#[test]
fn events_of_an_older_version_without_a_budget_do_not_count() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    postern.sql.execute(
        "INSERT INTO events (at, action, result, actor_id, subject_id, address) VALUES (1, 'login', 'success', ?1, ?1, '')",
        &[ada.id.as_str().into()],
    );
    rename(&postern, &ada.token, 1).expect(200);
    assert_eq!(count_of(&postern, &ada.id, "name_changed"), 1);
}

#[test]
fn event_times_never_decrease() {
    let world = World::new();
    let login = |password: &str| world.postern.login(ADA, password).status;
    assert_eq!(login(PASSWORD), 200);
    // As if by an earlier request of another isolate whose clock is behind.
    world.postern.wait(-10 * SECOND);
    assert_eq!((login("wrong password"), login(PASSWORD)), (401, 200));
    let times: Vec<i64> = rows(&world.postern, 0).iter().map(|row| row["at"].as_i64().unwrap()).collect();
    assert!(times.len() >= 3 && times.is_sorted(), "{times:?}");
}
