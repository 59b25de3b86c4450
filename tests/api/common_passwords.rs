//! Common and breached passwords.

use postern::ports::HttpResponse;
use serde_json::json;

use crate::support::{Answer, PASSWORD, world::World};

/// Sets a password at an endpoint.
type Sets = fn(&World, &str) -> Answer;

/// Every endpoint that sets a password.
const DOORS: [(&str, Sets); 3] = [
    ("sign-up", |world, password| {
        let body = json!({ "referrer": world.referrer, "email": "eve@example.com", "password": password });
        world.postern.post("/api/auth/signup").json(body).send()
    }),
    ("change", |world, password| {
        let body = json!({ "old_password": PASSWORD, "new_password": password });
        world.postern.put("/api/auth/me/password").bearer(&world.ada.token).json(body).send()
    }),
    ("reset", |world, password| {
        let call = world.postern.post("/api/auth/reset-password-with-token");
        call.bearer(&world.reset_token).json(json!({ "password": password })).send()
    }),
];

#[test]
fn every_endpoint_rejects_common_passwords_with_the_reason() {
    for (endpoint, set) in DOORS {
        let world = World::new();
        for password in ["password1", "PassWord1", "12345678", "qwertyuiop", "zzzzzzzz"] {
            let answer = set(&world, password);
            answer.refused(422, "invalid_fields");
            let problem = &answer.body["detail"][0];
            assert_eq!(problem["type"], "password_common", "{endpoint}: {}", answer.text);
            assert_eq!(problem["msg"], "is one of the most common passwords; choose another", "{endpoint}");
            assert!(!answer.text.contains(password), "{endpoint} repeats the password: {}", answer.text);
        }
        // Nothing has changed, and the request can be repeated.
        world.postern.login(&world.ada.email, PASSWORD).expect(200);
        set(&world, "password1 of the miller").expect(200);
    }
}

/// A password that is not in the Worker's list, and its SHA-1 in two parts.
const BREACHED: (&str, &str, &str) = ("hunter2 hunter2", "59F82", "E9E7C06A040FD3664C3E4BE5BB2653EB008");

fn world_with_range() -> World {
    let world = World::with_settings(&[("BREACHED_PASSWORDS", "range")]);
    // The lookup of Ada's sign-up.
    world.postern.resend.gets.take();
    world
}

fn let_it_answer(world: &World, status: u16, body: &str) {
    *world.postern.resend.answer_to_get.borrow_mut() = Some(HttpResponse { status, body: body.to_owned() });
}

#[test]
fn a_breached_password_is_rejected_if_the_check_is_enabled() {
    let (password, sent, kept) = BREACHED;
    for (endpoint, set) in DOORS {
        let world = world_with_range();
        let_it_answer(&world, 200, &format!("0018A45C4D1DEF81644B54AB7F969B88D65:1\r\n{kept}:17243\r\n"));
        let answer = set(&world, password);
        answer.refused(422, "invalid_fields");
        let problem = &answer.body["detail"][0];
        assert_eq!(problem["type"], "password_breached", "{endpoint}: {}", answer.text);
        assert_eq!(problem["msg"], "is known from a breach of another service; choose another", "{endpoint}");
        assert_eq!(problem["loc"][1], if endpoint == "change" { "new_password" } else { "password" });
        world.postern.login(&world.ada.email, PASSWORD).expect(200);

        // Only five digits were sent, and the response is padded.
        let gets = world.postern.resend.gets.take();
        assert_eq!(gets.len(), 1, "{endpoint}: {gets:?}");
        assert_eq!(gets[0].url, format!("https://api.pwnedpasswords.com/range/{sent}"));
        assert!(gets[0].headers.contains(&("Add-Padding", "true".to_owned())), "{gets:?}");

        // The request can be repeated, and padding entries do not count as breaches.
        let_it_answer(&world, 200, &format!("0018A45C4D1DEF81644B54AB7F969B88D65:1\r\n{kept}:0\r\n"));
        set(&world, password).expect(200);
    }
}

#[test]
fn if_the_breach_service_fails_only_the_list_in_the_worker_is_checked() {
    let (password, _, kept) = BREACHED;
    let answers = [
        None,
        Some((503, String::new())),
        Some((429, format!("{kept}:9"))),
        Some((302, String::new())),
        Some((200, String::new())),
        Some((200, "<html>Just a moment</html>".to_owned())),
        Some((200, format!("{kept}:9\nsurprise"))),
    ];
    for (endpoint, set) in DOORS {
        for answer in &answers {
            let world = world_with_range();
            if let Some((status, body)) = answer {
                let_it_answer(&world, *status, body);
            }
            set(&world, "password1").refused(422, "invalid_fields");
            set(&world, password).expect(200);
            let log = world.postern.log().join("\n");
            assert!(log.contains("a password was not looked up"), "{endpoint}, {answer:?}: {log:?}");
            assert!(!log.contains("59F82") && !log.contains(password), "{log}");
        }
    }
}

#[test]
fn only_new_passwords_that_pass_all_other_rules_are_looked_up() {
    for (_, set) in DOORS {
        let world = world_with_range();
        for refused in ["short", "password1", "QWERTYUIOP", &"ab".repeat(65)] {
            set(&world, refused).refused(422, "invalid_fields");
        }
        assert!(world.postern.resend.gets.borrow().is_empty());

        let world = World::new();
        let_it_answer(&world, 200, &format!("{}:9", BREACHED.2));
        set(&world, BREACHED.0).expect(200);
        assert!(world.postern.resend.gets.borrow().is_empty(), "it is off unless the settings say otherwise");
    }
    let world = world_with_range();
    world.postern.login(&world.ada.email, PASSWORD).expect(200);
    world.postern.login(&world.ada.email, BREACHED.0).refused(401, "wrong_credentials");
    assert!(world.postern.resend.gets.borrow().is_empty(), "a login looks nothing up");
}
