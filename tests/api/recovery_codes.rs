//! `POST /api/auth/me/recovery-codes`, and the use of a recovery code.

use serde_json::{Value, json};

use crate::support::{
    Answer, MINUTE, Postern,
    world::{TESS, World},
};

fn finish(postern: &Postern, token: &str, code: &str) -> Answer {
    postern.post("/api/auth/login/second-factor").json(json!({ "token": token, "recovery_code": code })).send()
}

fn left(postern: &Postern, session: &str) -> Value {
    postern.get("/api/auth/me/security").bearer(session).send().expect(200)["recovery_codes_left"].clone()
}

#[test]
fn a_recovery_code_completes_a_login_once() {
    let world = World::new();
    let postern = &world.postern;
    let body = finish(postern, &world.pending_token, &world.recovery_codes[4]).expect(200);
    let session = body["token"].as_str().unwrap();
    let security = postern.get("/api/auth/me/security").bearer(session).send().expect(200);
    assert_eq!((&security["level"], &security["methods"]), (&json!(2), &json!(["password", "recovery_code"])));
    assert_eq!(security["recovery_codes_left"], 9);
    let token = postern.pending_token(TESS);
    finish(postern, &token, &world.recovery_codes[4]).refused(401, "wrong_code");
    finish(postern, &token, &world.recovery_codes[5]).expect(200);
    assert_eq!(left(postern, session), 8);
}

#[test]
fn the_owner_hears_of_a_used_code_and_how_many_are_left() {
    let world = World::new();
    let postern = &world.postern;
    for (code, left) in world.recovery_codes.iter().zip((0..10).rev()) {
        postern.wait(10 * MINUTE);
        finish(postern, &postern.pending_token(TESS), code).expect(200);
        let mail = &postern.mails(TESS)[0];
        assert_eq!(mail["subject"], "A recovery code for your Postern account was used");
        // A line break is where a line is full.
        let text = mail["text"].as_str().unwrap().replace('\n', " ");
        let expected = match left {
            0 => "It was the last one.".to_owned(),
            1 => "You have 1 recovery code left.".to_owned(),
            left => format!("You have {left} recovery codes left."),
        };
        assert!(text.contains(&expected), "{text}");
    }
    let answer = postern.login(TESS, crate::support::PASSWORD);
    answer.refused(403, "second_factor_required");
    assert_eq!(answer.body["detail"]["methods"], json!(["totp"]));
}

#[test]
fn a_recovery_code_can_be_typed_in_any_way_that_people_do() {
    let forms: [fn(&str) -> String; 6] = [
        str::to_uppercase,
        |code| code.replace('-', ""),
        |code| code.replace('-', " "),
        |code| format!("  {}\r\n", code.replace('-', "\u{2013}")),
        |code| format!("\u{feff}{}\u{200b}", code.replace('0', "O").replace('1', "l")),
        |code| code.replace('0', "o").replace('1', "I"),
    ];
    let world = World::new();
    for (form, code) in forms.iter().zip(&world.recovery_codes) {
        world.postern.wait(MINUTE);
        finish(&world.postern, &world.postern.pending_token(TESS), &form(code)).expect(200);
    }
}

#[test]
fn new_codes_replace_all_older_ones() {
    let world = World::new();
    let (postern, tess) = (&world.postern, &world.tess.token);
    let renew = || postern.post("/api/auth/me/recovery-codes").bearer(tess).send();
    let codes = renew().expect(200)["recovery_codes"].clone();
    assert_eq!(codes.as_array().unwrap().len(), 10);
    assert_eq!(left(postern, tess), 10);
    finish(postern, &world.pending_token, &world.recovery_codes[0]).refused(401, "wrong_code");
    finish(postern, &world.pending_token, codes[0].as_str().unwrap()).expect(200);
    assert_eq!(left(postern, tess), 9);
    renew().expect(200);
    assert_eq!(left(postern, tess), 10);
    let subjects: Vec<_> = postern.mails(TESS).iter().map(|mail| mail["subject"].clone()).collect();
    assert!(subjects.contains(&json!("You have new Postern recovery codes")), "{subjects:?}");
}

#[test]
fn two_requests_for_new_codes_leave_one_set() {
    let world = World::new();
    let (postern, tess) = (&world.postern, &world.tess.token);
    let call = || postern.post("/api/auth/me/recovery-codes").bearer(tess);
    let answers = postern.at_once(vec![call(), call()]);
    assert_eq!(left(postern, tess), 10);
    let works = |answer: &Answer| {
        let code = answer.body["recovery_codes"][0].as_str().unwrap().to_owned();
        finish(postern, &postern.pending_token(TESS), &code).status == 200
    };
    assert_eq!(answers.iter().filter(|answer| works(answer)).count(), 1);
}

#[test]
fn a_user_without_a_second_factor_has_no_recovery_codes() {
    let world = World::new();
    let call = world.postern.post("/api/auth/me/recovery-codes").bearer(&world.ada.token);
    call.send().refused(409, "second_factor_off");
    let rows = world.postern.sql.query("SELECT DISTINCT user_id FROM recovery_codes", &[]);
    assert_eq!(rows, [json!({ "user_id": world.tess.id })]);
}
