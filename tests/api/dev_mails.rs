//! `GET /dev/mails`

use std::{collections::BTreeSet, fs};

use crate::support::{Postern, RESEND};

#[test]
fn it_shows_every_mail_in_light_in_dark_and_without_html() {
    let page = Postern::new().get("/dev/mails").send();
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let folders = fs::read_dir("src/mail/templates").unwrap().map(|entry| entry.unwrap().path());
    let kinds: Vec<_> = folders.filter(|path| path.is_dir()).map(|path| path.file_name().unwrap().to_owned()).collect();
    assert!(kinds.len() > 15, "{kinds:?}");
    for kind in &kinds {
        let kind = kind.to_str().unwrap();
        let section = page.text.split_once(&format!("<section id=\"{kind}\"")).unwrap_or_else(|| panic!("no {kind}")).1;
        let section = section.split_once("</section>").unwrap().0;
        assert_eq!(section.matches("<iframe sandbox").count(), 2, "{kind}");
        for part in [", light\"", ", dark\"", "@media not all {", "@media all {", "<pre tabindex=\"0\">Hello"] {
            assert_eq!(section.matches(part).count(), 1, "{part} in {kind}");
        }
    }
    let ids: Vec<_> = page.text.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
    assert!(!page.text.contains("prefers-color-scheme"), "a frame follows the browser instead of its scheme");
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("script-src"), "{policy}");
}

#[test]
fn it_exists_only_with_the_provider_outbox() {
    Postern::with_settings(&RESEND).get("/dev/mails").send().refused(404, "not_found");
}
