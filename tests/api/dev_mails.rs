//! `GET /dev/mails`

use std::collections::BTreeSet;

use postern::{
    domain::email::Email,
    language::Language,
    mail::{examples::examples, message::Recipient},
};

use crate::support::{Postern, RESEND};

#[test]
fn it_shows_every_mail_in_every_language_in_light_in_dark_and_without_html() {
    let postern = Postern::new();
    let services = postern.services();
    let to = &Email::parse("ada@example.com").unwrap();
    assert_eq!(postern.get("/dev/mails").send().text, postern.get("/dev/mails?language=en").send().text);
    for language in Language::ALL.iter().copied() {
        let (tag, direction) = (language.tag(), if language.is_rtl() { "rtl" } else { "ltr" });
        let page = postern.get(&format!("/dev/mails?language={tag}")).send();
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
        let recipient = Recipient { settings: services.settings(), language, to, name: Some("Ada Lovelace") };
        let mails = examples(recipient).unwrap();
        assert!(mails.len() > 25);
        let hello = language.template("mail.hello").trim_end_matches(['!', ',', '،']);
        for kind in mails.iter().map(|mail| mail.kind) {
            let start = format!("<section id=\"{kind}\"");
            let section = page.text.split_once(&start).unwrap_or_else(|| panic!("no {kind}")).1;
            let section = section.split_once("</section>").unwrap().0;
            assert_eq!(section.matches("<iframe sandbox").count(), 2, "{kind}");
            let text = format!("<pre tabindex=\"0\" lang=\"{tag}\" dir=\"{direction}\">{hello}");
            for part in [", light\"", ", dark\"", "@media not all {", "@media all {", &text] {
                assert_eq!(section.matches(part).count(), 1, "{part} in {kind}");
            }
        }
        let ids: Vec<_> = page.text.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
        assert!(!page.text.contains("prefers-color-scheme"), "a frame follows the browser instead of its scheme");
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("script-src"), "{policy}");
        for other in Language::ALL {
            assert!(page.text.contains(&format!("<a href=\"?language={}\"", other.tag())));
        }
        assert_eq!(page.text.matches("aria-current=\"page\"").count(), 1);
    }
}

#[test]
fn an_unknown_language_is_refused() {
    Postern::new().get("/dev/mails?language=xx").send().refused(422, "invalid_fields");
}

#[test]
fn it_exists_only_with_the_provider_outbox() {
    Postern::with_settings(&RESEND).get("/dev/mails").send().refused(404, "not_found");
}
