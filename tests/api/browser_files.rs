//! What browsers and other programs look for at addresses of their own.

use http::{Method, header};

use crate::support::{Postern, RESEND};

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

#[test]
fn a_browser_that_opens_an_unknown_path_gets_a_page() {
    let postern = Postern::new();
    for path in ["/nothing", "/", "/signin/nothing", "/account/nothing?x=y"] {
        for method in [Method::GET, Method::HEAD] {
            let answer = postern.request(method.clone(), path).header(header::ACCEPT, BROWSER).send();
            assert_eq!(
                (answer.status, answer.header("content-type")),
                (404, Some("text/html; charset=utf-8")),
                "{path}"
            );
            assert_eq!(answer.text.starts_with("<!doctype html>"), method == Method::GET, "{path}");
            assert!(
                answer.header("content-security-policy").is_some_and(|policy| policy.contains("default-src 'none'"))
            );
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
    }
}

#[test]
fn programs_and_calls_of_the_api_get_json_for_an_unknown_path() {
    let postern = Postern::new();
    for accept in ["*/*", "application/json", "text/html;q=0", ""] {
        postern.get("/nothing").header(header::ACCEPT, accept).send().refused(404, "not_found");
    }
    postern.get("/nothing").send().refused(404, "not_found");
    for path in ["/api/auth/nothing", "/api/"] {
        postern.get(path).header(header::ACCEPT, BROWSER).send().refused(404, "not_found");
    }
    // The method and not the path is wrong, and a path that exists for others has an error of its own.
    postern.post("/nothing").header(header::ACCEPT, BROWSER).send().refused(404, "not_found");
    postern.post("/health").header(header::ACCEPT, BROWSER).send().refused(405, "method_not_allowed");
}

#[test]
fn a_password_manager_finds_the_page_to_change_the_password() {
    let answer = Postern::new().get("/.well-known/change-password").send();
    assert_eq!((answer.status, answer.header("location")), (302, Some("https://app.example.com/account#password")));
    Postern::new()
        .get("/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200")
        .send()
        .refused(404, "not_found");
}

#[test]
fn the_security_contact_is_published_with_a_date_on_which_it_expires() {
    let postern = Postern::with_settings(&[("SECURITY_CONTACT", "security@example.com, https://example.com/report")]);
    let now = 1_764_337_200_000;
    postern.wait(now - postern.now.get());
    let answer = postern.get("/.well-known/security.txt").send();
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/plain; charset=utf-8")));
    assert_eq!(
        answer.text,
        "Contact: mailto:security@example.com\nContact: https://example.com/report\nExpires: 2026-05-27T00:00:00Z\n\
         Canonical: https://app.example.com/.well-known/security.txt\n"
    );
    Postern::with_settings(&[("SECURITY_CONTACT", "")])
        .get("/.well-known/security.txt")
        .send()
        .refused(404, "not_found");
}

#[test]
fn the_page_of_the_design_exists_only_with_the_provider_outbox() {
    assert_eq!(Postern::new().get("/dev/design").send().status, 200);
    Postern::with_settings(&RESEND).get("/dev/design").send().refused(404, "not_found");
}
