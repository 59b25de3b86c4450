//! `GET /dev/outbox`

use http::header;
use serde_json::{Value, json};

use crate::support::{Answer, Postern, RESEND, SECOND, SignedUp};

fn page(postern: &Postern, query: &str) -> Answer {
    postern.get(&format!("/dev/outbox{query}")).header(header::ACCEPT, "text/html,*/*;q=0.8").send()
}

fn list(postern: &Postern, query: &str) -> Vec<Value> {
    let call = postern.get(&format!("/dev/outbox{query}")).header(header::ACCEPT, "application/json");
    call.send().expect(200).as_array().unwrap().clone()
}

fn recipients(mails: &[Value]) -> Vec<&str> {
    mails.iter().map(|mail| mail["to"].as_str().unwrap()).collect()
}

fn invite(postern: &Postern, from: &SignedUp, to: &str) {
    postern.wait(SECOND);
    let body = json!({ "email": to });
    postern.post("/api/auth/me/send-invite").bearer(&from.token).json(body).send().expect(200);
}

#[test]
fn it_exists_only_with_the_provider_outbox() {
    let postern = Postern::with_settings(&RESEND);
    page(&postern, "").refused(404, "not_found");
    let call = postern.get("/dev/outbox").header(header::ACCEPT, "application/json");
    call.send().refused(404, "not_found");
}

#[test]
fn a_deployed_environment_does_not_show_mails_of_local_development() {
    let postern = Postern::new();
    let ada = postern.sign_up_verified("ada@example.com");
    invite(&postern, &ada, "grace@example.com");
    let deployed = [("ENVIRONMENT", "production"), RESEND[0], RESEND[1], RESEND[2]];
    postern.redeploy(&deployed);
    page(&postern, "").refused(404, "not_found");
}

#[test]
fn a_mail_has_its_recipient_subject_both_bodies_and_time() {
    let postern = Postern::new();
    let ada = postern.sign_up_verified("ada@example.com");
    invite(&postern, &ada, "grace@example.com");
    let mails = list(&postern, "");
    let members: Vec<_> = mails[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!((mails.len(), members), (1, vec!["html", "sent_at", "subject", "text", "to"]));
    let mail = &mails[0];
    assert_eq!((&mail["to"], &mail["sent_at"]), (&json!("grace@example.com"), &json!(postern.now.get())));
    assert!(
        ["subject", "text", "html"].iter().all(|member| mail[member].as_str().is_some_and(|text| !text.is_empty()))
    );
}

#[test]
fn the_newest_mail_comes_first() {
    let postern = Postern::new();
    let ada = postern.sign_up_verified("ada@example.com");
    let order = ["c@example.com", "a@example.com", "b@example.com", "a@example.com"];
    order.iter().for_each(|to| invite(&postern, &ada, to));
    let newest_first: Vec<_> = order.iter().rev().copied().collect();
    assert_eq!(recipients(&list(&postern, "")), newest_first);
    let page = page(&postern, "").text;
    let places: Vec<_> = ["b@example.com", "c@example.com"].iter().map(|to| page.find(to).unwrap()).collect();
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn it_shows_the_last_hundred_mails() {
    let postern = Postern::new();
    for n in 0..101 {
        postern.sql.execute(
            "INSERT INTO outbox (id, recipient, subject, text, html, sent_at) VALUES (?1, ?2, 's', 't', 'h', ?3)",
            &[format!("{n:03}").as_str().into(), format!("{n}@example.com").as_str().into(), i64::from(n).into()],
        );
    }
    let mails = list(&postern, "");
    assert_eq!(
        (mails.len(), &mails[0]["to"], &mails[99]["to"]),
        (100, &json!("100@example.com"), &json!("1@example.com"))
    );
}

#[test]
fn it_can_be_filtered_by_the_recipient() {
    let postern = Postern::new();
    let ada = postern.sign_up_verified("ada@example.com");
    ["grace@example.com", "katherine@example.com", "grace@example.com"]
        .iter()
        .for_each(|to| invite(&postern, &ada, to));
    for query in ["?to=grace@example.com", "?to=GRACE%40Example.com", "?to=+grace@example.com%20"] {
        assert_eq!(recipients(&list(&postern, query)), ["grace@example.com"; 2], "{query}");
        let page = page(&postern, query).text;
        assert!(page.contains("grace@") && !page.contains("katherine@"), "{query}");
    }
    for query in ["?to=race@example.com", "?to=%25", "?to='%20OR%201=1--"] {
        assert_eq!(list(&postern, query), Vec::<Value>::new(), "{query}");
    }
    assert_eq!((list(&postern, "?to=").len(), list(&postern, "").len()), (3, 3));
}

#[test]
fn a_browser_gets_a_page_even_without_mails() {
    let postern = Postern::new();
    let answer = page(&postern, "");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(answer.text.contains("No emails yet"), "{}", answer.text);
    let without_accept = postern.get("/dev/outbox").send();
    assert_eq!(without_accept.header("content-type"), Some("text/html; charset=utf-8"));
}

#[test]
fn scripts_in_a_mail_do_not_run_on_the_page() {
    let postern = Postern::new();
    let hostile = "</pre></summary></title><img src=x onerror=alert(1)>\"'&";
    postern.sql.execute(
        "INSERT INTO outbox (id, recipient, subject, text, html, sent_at) VALUES ('1', ?1, ?1, ?1, ?1, 1)",
        &[hostile.into()],
    );
    let answer = page(&postern, "");
    assert!(!answer.text.contains("<img") && !answer.text.contains("&\""), "{}", answer.text);
    let shown = answer.text.replace("&#60;", "<").replace("&#62;", ">").replace("&#34;", "\"").replace("&#39;", "'");
    // The recipient, the subject (twice, once as a title), the text, and the HTML in its frame.
    assert_eq!(shown.replace("&#38;", "&").matches(hostile).count(), 5, "{}", answer.text);
    let frame = "<iframe sandbox=\"allow-popups allow-popups-to-escape-sandbox\" title=";
    assert_eq!(answer.text.matches(frame).count(), 1, "{}", answer.text);
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("script-src"), "{policy}");
    assert_eq!(list(&postern, "")[0]["html"], hostile);
}

#[test]
fn the_page_shows_when_a_mail_was_sent_and_its_links_can_be_followed() {
    let postern = Postern::new();
    let text =
        "Open\n\nhttps://a.example/x?y=1&z=2#w\n\nor (http://b.example/\"onclick=\"alert(1)). javascript:alert(1)";
    postern.sql.execute(
        "INSERT INTO outbox (id, recipient, subject, text, html, sent_at) VALUES ('1', 'a', 's', ?1, ?2, 1764337200000)",
        &[text.into(), "<!doctype html><html><head><title>s</title></head><a href=\"https://a.example/\">a</a></html>".into()],
    );
    let page = page(&postern, "").text;
    assert!(page.contains("<time>2025-11-28 13:40</time> UTC"), "{page}");
    for link in ["https://a.example/x?y=1&#38;z=2#w", "http://b.example/"] {
        assert!(page.contains(&format!("<a href=\"{link}\">{link}</a>")), "{link}: {page}");
    }
    assert_eq!(page.matches("<a href=").count(), 3, "the links and that to all mails: {page}");
    assert!(page.contains("&#60;head&#62;&#60;base target=&#34;_blank&#34;&#62;"), "{page}");
    assert!(page.find("<iframe").unwrap() < page.find("<pre>").unwrap(), "HTML comes first");
}
