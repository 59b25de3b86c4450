//! The passwords that everybody tries first.

use serde_json::json;

use crate::support::{Answer, PASSWORD, world::World};

/// Sets a password at a door.
type Sets = fn(&World, &str) -> Answer;

/// Every door at which a password is set.
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
fn a_common_password_is_refused_wherever_one_is_set_and_told_why() {
    for (door, set) in DOORS {
        let world = World::new();
        for password in ["password1", "PassWord1", "12345678", "qwertyuiop", "zzzzzzzz"] {
            let answer = set(&world, password);
            answer.refused(422, "invalid_fields");
            let problem = &answer.body["detail"][0];
            assert_eq!(problem["type"], "password_common", "{door}: {}", answer.text);
            assert_eq!(problem["msg"], "is one of the most common passwords; choose another", "{door}");
            assert!(!answer.text.contains(password), "{door} repeats the password: {}", answer.text);
        }
        // Nothing has happened, and the door still opens.
        world.postern.login(&world.ada.email, PASSWORD).expect(200);
        set(&world, "password1 of the miller").expect(200);
    }
}
