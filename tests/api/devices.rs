//! Devices and places: in notices, sessions and events, and the mail about a new device.

use http::header;
use serde_json::{Value, json};

use crate::support::{
    Call, DAY, Fault, HOUR, NEW_SECRET, PASSWORD, Postern, SECRET, SignedUp, claims,
    world::{ADA, World, endpoints},
};

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

pub const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1";

/// A login in this browser.
fn login<'a>(postern: &'a Postern, email: &str, user_agent: &str) -> Call<'a> {
    let body = json!({ "email": email, "password": PASSWORD });
    postern.post("/api/auth/login").header(header::USER_AGENT, user_agent).json(body)
}

fn devices(postern: &Postern, user_id: &str) -> Vec<Value> {
    postern.sql.query("SELECT * FROM devices WHERE user_id = ?1 ORDER BY last_sign_in_at, key", &[user_id.into()])
}

/// The mails about a new device.
fn notices(postern: &Postern, email: &str) -> Vec<String> {
    let mails = postern.mails(email);
    let mails = mails.iter().filter(|mail| mail["subject"] == "New sign-in to your Postern account");
    mails.map(|mail| mail["text"].as_str().unwrap().to_owned()).collect()
}

/// A service with a user who has signed up without a browser.
fn with_user(settings: &[(&str, &str)]) -> (Postern, SignedUp) {
    let postern = Postern::with_settings(settings);
    postern.connect_from("FR", "Lyon", 64_496);
    let user = postern.sign_up_verified(ADA);
    (postern, user)
}

#[test]
fn a_sign_in_from_a_new_device_is_mailed_once_and_neither_a_sign_up_nor_a_known_device_is() {
    let (postern, user) = with_user(&[("LOCATION", "city")]);
    assert_eq!((devices(&postern, &user.id).len(), notices(&postern, ADA).len()), (1, 0));
    for _ in 0..3 {
        login(&postern, ADA, SAFARI).send().expect(200);
        postern.wait(HOUR);
        postern.run_cron();
    }
    let mails = notices(&postern, ADA);
    assert_eq!((devices(&postern, &user.id).len(), mails.len()), (2, 1));
    assert!(
        mails[0]
            .contains("When: January 15, 2027, 08:00 UTC\nDevice: Safari on iOS\nPlace: Lyon, France (approximate)\n"),
        "{}",
        mails[0]
    );
    // The same browser elsewhere is another device.
    postern.connect_from("FR", "Paris", 64_496);
    login(&postern, ADA, SAFARI).send().expect(200);
    assert_eq!(notices(&postern, ADA).len(), 1, "the city makes no device");
    postern.connect_from("JP", "Osaka", 64_496);
    login(&postern, ADA, SAFARI).send().expect(200);
    assert_eq!(notices(&postern, ADA).len(), 2);
    postern.wait(HOUR);
    postern.connect_from("JP", "Osaka", 64_497);
    login(&postern, ADA, SAFARI).send().expect(200);
    assert_eq!((devices(&postern, &user.id).len(), notices(&postern, ADA).len()), (4, 3));
}

#[test]
fn fifty_sign_ins_at_once_from_a_new_device_give_one_row_and_one_mail() {
    let (postern, user) = with_user(&[]);
    let calls = (0..50).map(|_| login(&postern, ADA, FIREFOX)).collect();
    let begun = postern.at_once(calls).iter().filter(|answer| answer.status == 200).count();
    assert!(begun > 1, "{begun}");
    postern.wait(HOUR);
    postern.run_cron();
    assert_eq!((devices(&postern, &user.id).len(), notices(&postern, ADA).len()), (2, 1));
}

#[test]
fn a_batch_that_is_retried_mails_once() {
    for fault in Fault::ALL {
        for call in 1..12 {
            let (postern, user) = with_user(&[]);
            postern.outside.fault.set(Some((call, fault)));
            login(&postern, ADA, FIREFOX).send();
            postern.outside.fault.set(None);
            postern.outside.is_out.set(false);
            postern.wait(HOUR);
            login(&postern, ADA, FIREFOX).send().expect(200);
            postern.wait(HOUR);
            postern.run_cron();
            let found = (devices(&postern, &user.id).len(), notices(&postern, ADA).len());
            assert_eq!(found, (2, 1), "{fault:?} at call {call}");
        }
    }
}

#[test]
fn several_new_devices_within_a_few_minutes_become_two_mails() {
    let (postern, user) = with_user(&[]);
    for program in ["one", "two", "three", "four"] {
        login(&postern, ADA, program).send().expect(200);
    }
    assert_eq!(notices(&postern, ADA).len(), 1);
    postern.wait(HOUR);
    postern.run_cron();
    let mails = notices(&postern, ADA);
    assert_eq!((devices(&postern, &user.id).len(), mails.len()), (5, 2));
    assert!(mails[0].contains("Device: four\n"), "{}", mails[0]);
}

#[test]
fn the_setting_turns_the_mail_off_and_devices_stay_known() {
    let (postern, user) = with_user(&[("NEW_DEVICE_MAIL", "off")]);
    login(&postern, ADA, FIREFOX).send().expect(200);
    assert_eq!((devices(&postern, &user.id).len(), notices(&postern, ADA).len()), (2, 0));
    postern.redeploy(&[]);
    login(&postern, ADA, FIREFOX).send().expect(200);
    assert_eq!(notices(&postern, ADA).len(), 0);
}

#[test]
fn an_address_that_nobody_has_verified_learns_only_that_there_is_a_new_device() {
    let postern = Postern::with_settings(&[("LOCATION", "city")]);
    postern.connect_from("FR", "Lyon", 64_496);
    postern.sign_up(ADA);
    login(&postern, ADA, FIREFOX).send().expect(200);
    let mails = notices(&postern, ADA);
    assert!(mails.len() == 1 && !mails[0].contains("Device:") && !mails[0].contains("Place:"), "{mails:?}");
}

#[test]
fn a_mailbox_that_bounces_still_gets_the_notice_as_of_every_security_notice() {
    let (postern, user) = with_user(&[]);
    let id = user.id.as_str();
    postern.sql.execute("UPDATE users SET email_problem = 'bounce', email_problem_at = 1 WHERE id = ?1", &[id.into()]);
    login(&postern, ADA, FIREFOX).send().expect(200);
    assert_eq!(notices(&postern, ADA).len(), 1);
}

#[test]
fn the_default_account_has_devices_and_no_mailbox() {
    let postern = Postern::new();
    for program in ["one", "two"] {
        let body = json!({ "email": "admin", "password": "admin" });
        postern.post("/api/auth/login").header(header::USER_AGENT, program).json(body).send().expect(200);
    }
    let row = &postern
        .sql
        .query("SELECT (SELECT count(*) FROM devices) AS devices, (SELECT count(*) FROM mails) AS mails", &[])[0];
    assert_eq!((&row["devices"], &row["mails"]), (&json!(2), &json!(0)));
}

#[test]
fn a_refused_login_leaves_no_device() {
    let (postern, user) = with_user(&[]);
    let wrong = json!({ "email": ADA, "password": "wrong horse battery" });
    postern
        .post("/api/auth/login")
        .header(header::USER_AGENT, FIREFOX)
        .json(wrong)
        .send()
        .refused(401, "wrong_credentials");
    postern.add_totp(&user.token);
    login(&postern, ADA, FIREFOX).send().refused(403, "second_factor_required");
    assert_eq!((devices(&postern, &user.id).len(), notices(&postern, ADA).len()), (1, 0));
}

#[test]
fn a_rotated_secret_makes_no_new_devices_while_the_previous_one_is_accepted() {
    let (postern, user) = with_user(&[]);
    login(&postern, ADA, FIREFOX).send().expect(200);
    postern.wait(HOUR);
    postern.redeploy(&[("AUTH_SECRET", NEW_SECRET), ("AUTH_SECRET_PREVIOUS", SECRET)]);
    login(&postern, ADA, FIREFOX).send().expect(200);
    postern.redeploy(&[("AUTH_SECRET", NEW_SECRET)]);
    login(&postern, ADA, FIREFOX).send().expect(200);
    assert_eq!((devices(&postern, &user.id).len(), notices(&postern, ADA).len()), (3, 1));
}

#[test]
fn a_change_of_the_location_setting_makes_no_new_devices_and_off_stores_no_place() {
    let (postern, user) = with_user(&[("LOCATION", "off")]);
    login(&postern, ADA, FIREFOX).send().expect(200);
    for table in [
        "SELECT country, city FROM sessions WHERE country IS NOT NULL OR city IS NOT NULL",
        "SELECT country, city FROM events WHERE country IS NOT NULL OR city IS NOT NULL",
        "SELECT country, city FROM devices WHERE country IS NOT NULL OR city IS NOT NULL",
    ] {
        assert_eq!(postern.sql.query(table, &[]), Vec::<Value>::new());
    }
    let dump = postern.sql.dump();
    assert!(!dump.contains("Lyon") && !dump.contains("64496"), "{dump}");
    let mails = notices(&postern, ADA).len();
    postern.redeploy(&[("LOCATION", "city")]);
    let token = login(&postern, ADA, FIREFOX).send().expect(200)["token"].as_str().unwrap().to_owned();
    assert_eq!((devices(&postern, &user.id).len(), notices(&postern, ADA).len()), (2, mails));
    let sessions = postern.get("/api/auth/me/sessions").bearer(&token).send().expect(200);
    let current = sessions.as_array().unwrap().iter().find(|session| session["current"] == true).unwrap();
    assert_eq!((&current["country"], &current["city"]), (&json!("FR"), &json!("Lyon")));
    assert!(!postern.sql.dump().contains("64496"), "the network is stored in clear");
}

#[test]
fn a_user_has_at_most_fifty_devices_and_those_of_400_days_ago_end() {
    let (postern, user) = with_user(&[]);
    postern.sql.execute(
        "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 60)
         INSERT INTO devices (user_id, key, first_sign_in_at, last_sign_in_at)
         SELECT ?1, 'device-' || n, ?2 - n * 3600000, ?2 - n * 3600000 FROM number",
        &[user.id.as_str().into(), postern.now.get().into()],
    );
    postern.wait(HOUR);
    login(&postern, ADA, FIREFOX).send().expect(200);
    let kept = devices(&postern, &user.id);
    assert_eq!((kept.len(), &kept[49]["browser"]), (50, &json!("Firefox")));
    assert!(kept.iter().all(|device| device["key"] != "device-60"));
    postern.wait(400 * DAY);
    let mails = notices(&postern, ADA).len();
    // The devices of then are still known for this sign-in, so it is mailed.
    login(&postern, ADA, SAFARI).send().expect(200);
    let kept = devices(&postern, &user.id);
    assert_eq!(kept.iter().map(|device| &device["browser"]).collect::<Vec<_>>(), [&json!("Firefox"), &json!("Safari")]);
    assert_eq!(notices(&postern, ADA).len(), mails + 1);
}

#[test]
fn the_last_sign_in_moves_once_an_hour() {
    let (postern, user) = with_user(&[]);
    let last = |postern: &Postern| devices(postern, &user.id)[0]["last_sign_in_at"].as_i64().unwrap();
    let begin = last(&postern);
    for (wait, moved) in [(HOUR - 1, 0), (1, HOUR), (HOUR - 1, HOUR)] {
        postern.wait(wait);
        postern.token(ADA, PASSWORD);
        assert_eq!(last(&postern) - begin, moved);
    }
}

#[test]
fn a_claimed_account_forgets_the_devices_of_before() {
    let world = World::new();
    world.postern.connect_from("JP", "Osaka", 64_497);
    let body = world.claim_code.clone();
    world.postern.post("/api/auth/signup/verify").header(header::USER_AGENT, SAFARI).json(body).send().expect(200);
    let kept = devices(&world.postern, &world.ada.id);
    assert_eq!((kept.len(), &kept[0]["browser"]), (1, &json!("Safari")));
    assert_eq!(notices(&world.postern, ADA).len(), 0);
}

/// No way in can forget the device, and the mail to a user who has another one.
#[test]
fn every_way_in_remembers_the_device_and_mails_a_new_one() {
    let mut ways = Vec::new();
    for endpoint in endpoints() {
        let world = World::new();
        world.postern.connect_from("JP", "Osaka", 64_497);
        let count = |sql| world.postern.sql.query(sql, &[])[0]["number"].as_i64().unwrap();
        let sessions = || count("SELECT count(*) AS number FROM sessions WHERE country = 'JP'");
        let devices = || count("SELECT count(*) AS number FROM devices WHERE country = 'JP' AND browser = 'Safari'");
        let others = || {
            count(
                "SELECT count(*) AS number FROM devices AS other JOIN devices AS new ON new.user_id = other.user_id
                 WHERE new.country = 'JP' AND other.country IS NULL",
            )
        };
        let mails = |world: &World| {
            let all = world.postern.sql.query("SELECT recipient, subject FROM outbox", &[]);
            all.iter().filter(|mail| mail["subject"] == "New sign-in to your Postern account").count()
        };
        let before = mails(&world);
        endpoint.good(&world).header(header::USER_AGENT, SAFARI).send();
        assert_eq!(sessions(), devices(), "{}", endpoint.name());
        assert_eq!(mails(&world) - before, usize::from(others() > 0), "{}", endpoint.name());
        if sessions() > 0 {
            ways.push((endpoint.name(), others() > 0));
        }
    }
    let ways: Vec<_> = ways.iter().map(|(name, mails)| (name.as_str(), *mails)).collect();
    assert_eq!(
        ways,
        [
            ("POST /api/auth/login", true),
            ("POST /api/auth/login/email/verify", true),
            ("POST /api/auth/login/passkey", true),
            ("POST /api/auth/login/second-factor", true),
            ("POST /api/auth/login/{provider}/callback", true),
            ("POST /api/auth/signup", false),
            ("POST /api/auth/signup/verify", false),
        ]
    );
}

#[test]
fn sessions_and_events_tell_device_and_place() {
    let (postern, user) = with_user(&[("LOCATION", "city")]);
    let token = login(&postern, ADA, FIREFOX).send().expect(200)["token"].as_str().unwrap().to_owned();
    let admin = postern.admin_token();
    let expected = json!(["Firefox", "Windows", "FR", "Lyon"]);
    let told = |value: &Value| json!([value["browser"], value["system"], value["country"], value["city"]]);
    let own = postern.get("/api/auth/me/sessions").bearer(&token).send().expect(200);
    let of_admin =
        postern.get(&format!("/api/auth/admin/users/{}/sessions", user.id)).bearer(&admin).send().expect(200);
    for list in [own, of_admin] {
        let session = list.as_array().unwrap().iter().find(|session| session["user_agent"] == FIREFOX).unwrap().clone();
        assert_eq!((told(&session), &session["last_seen_at"]), (expected.clone(), &session["created_at"]));
    }
    let own = postern.get("/api/auth/me/events").bearer(&token).send().expect(200);
    let of_admin = postern.get("/api/auth/admin/events?action=login&limit=2").bearer(&admin).send().expect(200);
    assert_eq!(told(&own["items"][0]), expected);
    assert_eq!(told(&of_admin["items"][1]), expected);
    assert_eq!(told(&of_admin["items"][0]), json!([null, null, "FR", "Lyon"]));
}

#[test]
fn users_do_not_learn_device_and_place_of_an_admin() {
    let (postern, user) = with_user(&[("LOCATION", "city")]);
    let admin = postern.admin_token();
    let path = format!("/api/auth/admin/users/{}", user.id);
    postern.put(&path).bearer(&admin).header(header::USER_AGENT, FIREFOX).json(json!({ "tier": 1 })).send().expect(200);
    let events = postern.get("/api/auth/me/events").bearer(&user.token).send().expect(200);
    let event = &events["items"][0];
    assert_eq!(event["action"], "tier_changed");
    for member in ["browser", "system", "country", "city"] {
        assert_eq!(event[member], Value::Null, "{member}");
    }
    let events = postern.get("/api/auth/admin/events").bearer(&admin).send().expect(200);
    assert_eq!((&events["items"][0]["browser"], &events["items"][0]["city"]), (&json!("Firefox"), &json!("Lyon")));
}

#[test]
fn an_odd_user_agent_is_stored_up_to_200_characters_and_signs_in() {
    let (postern, user) = with_user(&[]);
    let long = format!("{FIREFOX}{}", "x".repeat(5_000));
    for (user_agent, stored, browser) in [
        (long.as_str(), &long[..200], json!("Firefox")),
        ("", "", json!(null)),
        ("Клиент", "Клиент", json!(null)),
        (&"\u{e4}".repeat(5_000), &"\u{e4}".repeat(200), json!(null)),
    ] {
        let body = json!({ "email": ADA, "password": PASSWORD });
        let call = postern.post("/api/auth/login").raw_header(header::USER_AGENT, user_agent.as_bytes()).json(body);
        let token = call.send().expect(200)["token"].as_str().unwrap().to_owned();
        let sessions = postern.get("/api/auth/me/sessions").bearer(&token).send().expect(200);
        let current = sessions.as_array().unwrap().iter().find(|session| session["current"] == true).unwrap().clone();
        assert_eq!((current["user_agent"].as_str().unwrap(), &current["browser"]), (stored, &browser));
    }
    assert_eq!(devices(&postern, &user.id).len(), 2, "all that are unknown are one device");
}

fn last_seen(postern: &Postern, session: &str) -> i64 {
    let rows = postern.sql.query("SELECT last_seen_at FROM sessions WHERE id = ?1", &[session.into()]);
    rows[0]["last_seen_at"].as_i64().unwrap()
}

#[test]
fn the_last_use_of_a_session_moves_once_an_hour_and_not_with_refused_requests() {
    let (postern, user) = with_user(&[]);
    let id = claims(&user.token)["sid"].as_str().unwrap().to_owned();
    let begin = last_seen(&postern, &id);
    postern.wait(HOUR - 1);
    let answer = postern.get("/api/auth/me").bearer(&user.token).send();
    assert_eq!(answer.cost.map(|cost| cost.statements), [1, 0]);
    assert_eq!(last_seen(&postern, &id), begin);
    postern.wait(1);
    postern.get("/api/auth/admin/users").bearer(&user.token).send().refused(403, "admin_required");
    postern
        .delete("/api/auth/me/passkeys/unknown")
        .bearer(&user.token)
        .send()
        .refused(403, "reauthentication_required");
    assert_eq!(last_seen(&postern, &id), begin);
    let answer = postern.get("/api/auth/me").bearer(&user.token).send();
    assert_eq!(answer.cost.map(|cost| cost.statements), [1, 1], "it is stored after the response");
    assert_eq!(last_seen(&postern, &id), begin + HOUR);
    let answer = postern.get("/api/auth/me").bearer(&user.token).send();
    assert_eq!(answer.cost.map(|cost| cost.statements), [1, 0]);
}

#[test]
fn parallel_requests_at_the_hour_store_the_last_use_once() {
    let (postern, user) = with_user(&[]);
    let id = claims(&user.token)["sid"].as_str().unwrap().to_owned();
    postern.sql.execute("CREATE TABLE moved (at INTEGER)", &[]);
    postern.sql.execute(
        "CREATE TRIGGER count_moves AFTER UPDATE OF last_seen_at ON sessions BEGIN INSERT INTO moved VALUES (new.last_seen_at); END",
        &[],
    );
    postern.wait(HOUR);
    let answers = postern.at_once((0..20).map(|_| postern.get("/api/auth/me").bearer(&user.token)).collect());
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(last_seen(&postern, &id), postern.now.get());
    assert_eq!(postern.sql.query("SELECT count(*) AS number FROM moved", &[])[0]["number"], 1);
}

#[test]
fn sessions_and_events_of_the_previous_version_tell_nothing_and_are_seen_at_the_next_request() {
    let (postern, user) = with_user(&[]);
    postern.sql.execute("UPDATE sessions SET country = NULL, last_seen_at = NULL", &[]);
    postern.sql.execute("DELETE FROM devices", &[]);
    let sessions = || postern.get("/api/auth/me/sessions").bearer(&user.token).send().expect(200);
    assert_eq!(sessions()[0]["last_seen_at"], Value::Null);
    assert_eq!(sessions()[0]["last_seen_at"], postern.now.get());
    // After an upgrade, no device is known.
    login(&postern, ADA, FIREFOX).send().expect(200);
    assert_eq!((devices(&postern, &user.id).len(), notices(&postern, ADA).len()), (1, 0));
}
