//! Requests of a user during which an admin closes the account or ends its sessions.

use serde_json::json;

use crate::support::{
    Call,
    world::{Endpoint, Opens, World, endpoints},
};

/// Possible results of a request: it was faster, or the error says that the session, link, code or account has ended.
const OUTCOMES: [&str; 10] = [
    "success",
    "invalid_token",
    "inactive",
    "not_found",
    "wrong_credentials",
    "wrong_passkey",
    "wrong_code",
    "wrong_password",
    "otp_token_refused",
    "undo_refused",
];

/// The rows that belong to a user.
const OF_A_USER: [&str; 8] = [
    "SELECT * FROM sessions WHERE user_id = ?1",
    "SELECT * FROM user_tokens WHERE user_id = ?1",
    "SELECT * FROM one_time_passwords WHERE user_id = ?1",
    "SELECT * FROM totp WHERE user_id = ?1",
    "SELECT * FROM recovery_codes WHERE user_id = ?1",
    "SELECT * FROM passkeys WHERE user_id = ?1",
    "SELECT * FROM email_changes WHERE user_id = ?1",
    "SELECT * FROM undoable_email_changes WHERE user_id = ?1",
];

/// What an admin does to the user.
const ACTS: [&str; 4] = ["deactivate", "delete", "end the sessions", "freeze"];

fn act<'a>(world: &'a World, user_id: &str, act: &str) -> Call<'a> {
    let path = format!("/api/auth/admin/users/{user_id}");
    let call = match act {
        "deactivate" => world.postern.put(&path).json(json!({ "is_active": false })),
        "delete" => world.postern.delete(&path),
        "freeze" => world.postern.post(&format!("{path}/freeze")),
        _ => world.postern.delete(&format!("{path}/sessions")),
    };
    call.bearer(&world.admin_token)
}

/// The endpoints with which a user changes something.
fn writing_endpoints() -> impl Iterator<Item = Endpoint> {
    let opens = [Opens::Sessions, Opens::Resets, Opens::Anybody];
    endpoints().into_iter().filter(move |endpoint| !endpoint.method.is_safe() && opens.contains(&endpoint.opens))
}

fn starts_session(endpoint: &Endpoint) -> bool {
    endpoint.pattern.starts_with("/api/auth/login") || endpoint.pattern == "/api/auth/signup/verify"
}

#[test]
fn a_request_during_which_the_account_is_closed_fails_cleanly_and_leaves_no_credentials() {
    for endpoint in writing_endpoints() {
        for name in ACTS {
            let world = World::new();
            let postern = &world.postern;
            let user = endpoint.user(&world);
            let answers = postern.at_once(vec![act(&world, &user.id, name), endpoint.good(&world)]);
            let what = format!("{} while an admin does {name}", endpoint.name());
            assert_eq!(answers[0].status, 200, "{what}: {:?}", answers[0]);
            let outcome = answers[1].outcome;
            assert!(OUTCOMES.contains(&outcome), "{what}: {outcome}");
            let rows = |query: &'static str| postern.sql.query(query, &[user.id.as_str().into()]);
            if name == "delete" {
                for query in OF_A_USER {
                    assert!(rows(query).is_empty(), "{what}: {query}");
                }
            } else if name != "end the sessions" {
                // What was created meanwhile does not return with the account.
                let path = format!("/api/auth/admin/users/{}", user.id);
                let body = json!({ "is_active": true });
                postern.put(&path).bearer(&world.admin_token).json(body).send().expect(200);
                assert!(rows(OF_A_USER[0]).is_empty(), "{what}");
                assert!(user.id != world.ada.id || postern.me(&world.reset_token) == 401, "{what}");
            } else if !starts_session(&endpoint) {
                assert!(rows(OF_A_USER[0]).is_empty(), "{what}");
            }
            if starts_session(&endpoint) {
                continue;
            }
            assert_eq!(postern.me(&user.token), 401, "{what}");
        }
    }
}
