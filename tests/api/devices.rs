//! Devices and places: in notices, sessions and events, and the mail about a new device.

use http::header;
use serde_json::json;

use crate::support::{Call, PASSWORD, Postern, SignedUp};

pub const FIREFOX: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0";

/// Changes the password in the browser, and returns the notice.
fn notice_of_a_new_password(postern: &Postern, user: &SignedUp) -> String {
    let body = json!({ "old_password": PASSWORD, "new_password": "another good password" });
    let call: Call<'_> = postern.put("/api/auth/me/password").bearer(&user.token);
    call.header(header::USER_AGENT, FIREFOX).json(body).send().expect(200);
    postern.mails(&user.email)[0]["text"].as_str().unwrap().to_owned()
}

#[test]
fn a_notice_says_when_and_from_which_device_and_place() {
    for (location, place) in [("city", Some("Place: Lyon, France")), ("country", Some("Place: France")), ("off", None)]
    {
        let postern = Postern::with_settings(&[("LOCATION", location)]);
        postern.connect_from("FR", "Lyon", 64_496);
        let user = postern.sign_up_verified("ada@example.com");
        let text = notice_of_a_new_password(&postern, &user);
        // The clock of the tests.
        assert!(text.contains("When: January 15, 2027, 08:00 UTC\nDevice: Firefox on Windows\n"), "{text}");
        assert_eq!(
            text.lines().find(|line| line.starts_with("Place: ")),
            place.map(|p| format!("{p} (approximate)")).as_deref()
        );
    }
}

#[test]
fn an_address_that_nobody_has_verified_learns_neither_device_nor_place() {
    let postern = Postern::with_settings(&[("LOCATION", "city")]);
    postern.connect_from("FR", "Lyon", 64_496);
    let user = postern.sign_up("ada@example.com");
    let text = notice_of_a_new_password(&postern, &user);
    assert!(text.contains("When: January 15, 2027, 08:00 UTC\n\n"), "{text}");
}

#[test]
fn a_notice_about_what_an_admin_does_does_not_say_from_where() {
    let postern = Postern::new();
    postern.connect_from("FR", "Lyon", 64_496);
    let user = postern.sign_up_verified("ada@example.com");
    postern.add_totp(&user.token);
    let path = format!("/api/auth/admin/users/{}/second-factors", user.id);
    let admin = postern.admin_token();
    postern.delete(&path).bearer(&admin).header(header::USER_AGENT, FIREFOX).send().expect(200);
    let text = postern.mails(&user.email)[0]["text"].as_str().unwrap().to_owned();
    assert!(text.contains("An admin has removed") && text.contains("When: January 15, 2027, 08:00 UTC\n\n"), "{text}");
}
