//! Every endpoint reads emails, codes and invitations in the same canonical form, however users type or paste them.
//! docs/security.md, 33.

use serde_json::json;

use crate::support::{Answer, PASSWORD, Postern};

/// The same address in Unicode, decomposed, full-width and different-case spellings.
const SPELLINGS: [&str; 5] = [
    "ada@m\u{fc}ller.example",
    "ADA@M\u{dc}LLER.EXAMPLE",
    "ada@mu\u{308}ller\u{3002}example",
    "\u{feff}ada@\u{ff4d}\u{fc}ller.example\u{200b}",
    "Ada@XN--MLLER-KVA.example",
];
const CANONICAL: &str = "ada@xn--mller-kva.example";

/// Local parts that look like `kate` and `ada`.
const LOOK_ALIKES: [&str; 3] = ["\u{212a}ate@example.com", "\u{ff41}da@example.com", "a\u{200b}da@example.com"];

fn sign_up(postern: &Postern, referrer: &str, email: &str) -> Answer {
    let body = json!({ "referrer": referrer, "email": email, "password": PASSWORD });
    postern.post("/api/auth/signup").json(body).send()
}

#[test]
fn all_spellings_of_an_internationalized_domain_are_one_address_everywhere() {
    for spelling in SPELLINGS {
        let postern = Postern::new();
        let (admin, referrer) = (postern.admin_token(), postern.referrer());
        assert_eq!(sign_up(&postern, &referrer, spelling).expect(200)["user"]["email"], CANONICAL);
        for other in SPELLINGS.iter().chain([&CANONICAL]) {
            assert_eq!(postern.login(other, PASSWORD).expect(200)["user"]["email"], CANONICAL, "{other}");
            sign_up(&postern, &referrer, other).refused(409, "email_taken");
            let body = json!({ "email": other, "password": PASSWORD });
            postern.post("/api/auth/admin/users").bearer(&admin).json(body).send().refused(409, "email_taken");
        }
        let body = json!({ "email": spelling });
        postern.post("/api/auth/send-password-reset-link").json(body.clone()).send().expect(200);
        postern.post("/api/auth/me/send-invite").bearer(&admin).json(body).send().expect(200);
        assert_eq!(postern.mails(CANONICAL).len(), 2, "{spelling}");

        let postern = Postern::new();
        let body = json!({ "email": spelling, "password": PASSWORD });
        let made = postern.post("/api/auth/admin/users").bearer(&postern.admin_token()).json(body).send().expect(200);
        assert_eq!(made["email"], CANONICAL);

        let postern = Postern::with_settings(&[("ADMIN_EMAIL", spelling), ("ADMIN_PASSWORD", PASSWORD)]);
        assert_eq!(postern.login(CANONICAL, PASSWORD).expect(200)["user"]["role"], "admin");
        postern.login(spelling, PASSWORD).expect(200);
    }
}

#[test]
fn guesses_count_together_across_all_spellings_of_an_email() {
    let postern = Postern::new();
    let statuses: Vec<u16> = (0..40)
        .map(|guess| {
            postern.come_from(&format!("203.0.113.{guess}"));
            postern.login(SPELLINGS[guess % SPELLINGS.len()], "a wrong password").status
        })
        .collect();
    let same = Postern::new();
    let expected: Vec<u16> = (0..40)
        .map(|guess| {
            same.come_from(&format!("203.0.113.{guess}"));
            same.login(CANONICAL, "a wrong password").status
        })
        .collect();
    assert_eq!(statuses, expected);
    assert!(statuses.contains(&429), "{statuses:?}");
}

#[test]
fn a_look_alike_local_part_matches_no_account_anywhere() {
    let postern = Postern::new();
    let (admin, referrer) = (postern.admin_token(), postern.referrer());
    postern.sign_up("kate@example.com");
    postern.sign_up("ada@example.com");
    for email in LOOK_ALIKES {
        postern.login(email, PASSWORD).refused(401, "wrong_credentials");
        assert_eq!(sign_up(&postern, &referrer, email).faulty_fields(), ["email"], "{email}");
        let body = json!({ "email": email });
        for path in ["/api/auth/send-password-reset-link", "/api/auth/me/send-invite", "/api/auth/admin/users"] {
            let answer = postern.post(path).bearer(&admin).json(body.clone()).send();
            assert_eq!(answer.faulty_fields(), ["email"], "{path} {email}");
        }
    }
}

#[test]
fn an_email_stored_before_domains_were_converted_can_log_in_and_reset() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    // UTS 46 rejects this label; the earlier email check did not.
    let old = "ada@xn--a.example";
    postern.sql.execute("UPDATE users SET email = ?2 WHERE id = ?1", &[ada.id.as_str().into(), old.into()]);
    postern.login("Ada@XN--a.example", PASSWORD).expect(200);
    assert!(!postern.reset_token(old).is_empty());
}
