//! Replays what a browser and an authenticator that others wrote returned for our options.

use base64ct::{Base64UrlUnpadded, Encoding};
use postern::access::one_time::{self, Ceremony, PasskeyChallenge};
use serde_json::{Value, json};

use crate::support::{Answer, PASSWORD, Postern, world::ADA};

/// The user of the recordings.
const USER_ID: &str = "0198c0de-0000-4000-8000-00000000ada0";

struct Recording {
    device: &'static str,
    what: &'static str,
    credential: Value,
    /// The challenge that it answers.
    challenge: String,
}

/// The recordings, by device and in their order.
fn devices() -> Vec<Vec<Recording>> {
    let text = include_str!("../vectors/passkey_crate.tsv");
    let mut devices: Vec<Vec<Recording>> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&'static str> = line.split('\t').collect();
        let [device, what, credential] = columns[..] else { panic!("{line}") };
        if devices.last().is_none_or(|recordings| recordings[0].device != device) {
            devices.push(Vec::new());
        }
        let recordings = devices.last_mut().unwrap();
        let challenge = Base64UrlUnpadded::encode_string(&[recordings.len() as u8 + 1; 32]);
        recordings.push(Recording { device, what, credential: serde_json::from_str(credential).unwrap(), challenge });
    }
    devices
}

/// A service with the user of the recordings, and the token of a session of theirs.
fn start() -> (Postern, String) {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    postern.sql.execute("PRAGMA foreign_keys = OFF", &[]);
    postern.sql.execute("UPDATE users SET id = ?1 WHERE id = ?2", &[USER_ID.into(), ada.id.as_str().into()]);
    postern.sql.execute("UPDATE sessions SET user_id = ?1 WHERE user_id = ?2", &[USER_ID.into(), ada.id.into()]);
    postern.sql.execute("PRAGMA foreign_keys = ON", &[]);
    let token = postern.token(ADA, PASSWORD);
    (postern, token)
}

fn body(postern: &Postern, recording: &Recording, ceremony: Ceremony) -> Value {
    let app = postern.services().at(postern.now.get());
    let token = one_time::seal(&app, &PasskeyChallenge { challenge: recording.challenge.clone(), ceremony }).unwrap();
    json!({ "token": token, "credential": recording.credential })
}

fn add(postern: &Postern, session: &str, recording: &Recording) -> Answer {
    let body = body(postern, recording, Ceremony::Registration { user_id: USER_ID.to_owned() });
    postern.post("/api/auth/me/passkeys").bearer(session).json(body).send()
}

#[test]
fn what_a_foreign_browser_and_authenticator_return_is_judged_right() {
    let devices = devices();
    assert_eq!(devices.len(), 5);
    for recordings in devices {
        let (postern, session) = start();
        for recording in &recordings {
            let is_right = ["created", "right"].contains(&recording.what);
            let answer = if recording.credential["response"].get("attestationObject").is_some() {
                add(&postern, &session, recording)
            } else {
                postern.post("/api/auth/login/passkey").json(body(&postern, recording, Ceremony::SignIn)).send()
            };
            let what = format!("{} {}: {}", recording.device, recording.what, answer.text);
            assert_eq!(answer.status == 200, is_right, "{what}");
            if is_right && recording.what != "created" {
                assert_eq!(answer.body["user"]["id"], USER_ID, "{what}");
            }
        }
        let cloned = postern.sql.query("SELECT id FROM events WHERE action = 'passkey_cloned'", &[]).len();
        assert_eq!(cloned, recordings.iter().filter(|recording| recording.what == "copy").count());
    }
}
