//! One-time tokens: what opens, and for how long.

use postern::{
    access::one_time::{self, Ceremony, LIFETIME, PasskeyChallenge, PendingSignIn},
    app::App,
};

use crate::support::{MINUTE, NEW_SECRET, Postern, SECRET};

fn app(postern: &Postern) -> App {
    postern.services().at(postern.now.get())
}

fn pending() -> PendingSignIn {
    PendingSignIn { user_id: "ada".to_owned(), password_epoch: 1, methods: "password".to_owned(), first_step: None }
}

fn challenge(ceremony: Ceremony) -> PasskeyChallenge {
    PasskeyChallenge { challenge: "AAAA".to_owned(), ceremony }
}

#[test]
fn a_one_time_token_opens_until_it_expires() {
    let postern = Postern::new();
    let token = one_time::seal(&app(&postern), &pending()).unwrap();
    let opened = one_time::open::<PendingSignIn>(&app(&postern), &token).unwrap();
    assert_eq!((opened.content, opened.expires_at), (pending(), postern.now.get() + LIFETIME));
    postern.wait(10 * MINUTE - 1);
    assert!(one_time::open::<PendingSignIn>(&app(&postern), &token).is_some());
    postern.wait(1);
    assert!(one_time::open::<PendingSignIn>(&app(&postern), &token).is_none());
}

#[test]
fn every_one_time_token_has_its_own_id() {
    let postern = Postern::new();
    let app = app(&postern);
    let ids = [0; 2].map(|_| {
        let token = one_time::seal(&app, &pending()).unwrap();
        one_time::open::<PendingSignIn>(&app, &token).unwrap().id
    });
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn a_one_time_token_of_one_kind_is_not_one_of_another() {
    let postern = Postern::new();
    let app = app(&postern);
    let sign_in = one_time::seal(&app, &pending()).unwrap();
    assert!(one_time::open::<PasskeyChallenge>(&app, &sign_in).is_none());
    for ceremony in [Ceremony::SignIn, Ceremony::SecondStep { user_id: "ada".to_owned() }] {
        let token = one_time::seal(&app, &challenge(ceremony.clone())).unwrap();
        assert!(one_time::open::<PendingSignIn>(&app, &token).is_none());
        assert_eq!(one_time::open::<PasskeyChallenge>(&app, &token).unwrap().content, challenge(ceremony));
    }
}

#[test]
fn a_one_time_token_with_any_change_does_not_open() {
    let postern = Postern::new();
    let app = app(&postern);
    let token = one_time::seal(&app, &pending()).unwrap();
    let opens = |token: &str| one_time::open::<PendingSignIn>(&app, token).is_some();
    assert!(opens(&token));
    for at in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        assert!(!opens(&String::from_utf8(changed).unwrap()), "{at}");
        assert!(!opens(&token[..at]), "{at}");
    }
    for changed in [format!("{token}A"), format!("{token} "), format!(" {token}"), format!("{token}=")] {
        assert!(!opens(&changed), "{changed}");
    }
}

/// Otherwise a leaked secret would still make the token of a first step.
#[test]
fn a_one_time_token_ends_with_its_secret() {
    let postern = Postern::new();
    let token = one_time::seal(&app(&postern), &pending()).unwrap();
    postern.redeploy(&[("AUTH_SECRET", NEW_SECRET), ("AUTH_SECRET_PREVIOUS", SECRET)]);
    assert!(one_time::open::<PendingSignIn>(&app(&postern), &token).is_none());
}

#[test]
fn used_one_time_tokens_are_forgotten_after_they_have_expired() {
    let postern = Postern::new();
    let rows = || postern.sql.query("SELECT key FROM spent ORDER BY key", &[]);
    for (key, expires_at) in [("0", 1), ("m", postern.now.get()), ("z", postern.now.get() + 1)] {
        postern.sql.execute("INSERT INTO spent (key, expires_at) VALUES (?1, ?2)", &[key.into(), expires_at.into()]);
    }
    postern.run_cron();
    assert_eq!(rows().len(), 1, "{:?}", rows());
    postern.wait(1);
    postern.run_cron();
    assert_eq!(rows().len(), 0);
}
