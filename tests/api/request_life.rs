//! The life of a request: what is checked before the body is read, when the clock is read, which scheme is required, and which
//! page can use the session cookie.

use http::{HeaderName, Method, header};
use postern::error::Error;
use serde_json::json;

use crate::support::{
    Answer, Call, DAY, HOUR, ORIGIN, PASSWORD, Postern, RESEND,
    world::{World, endpoints},
};

const WANTED: HeaderName = HeaderName::from_static("x-session-cookie");
const HSTS: &str = "strict-transport-security";

/// The settings of a deployed service.
fn deployed() -> Vec<(&'static str, &'static str)> {
    RESEND.into_iter().chain([("ENVIRONMENT", "production")]).collect()
}

/// Returns whether handling this call reads its body.
fn reads_its_body(call: Call<'_>) -> bool {
    call.broken(|| Error::RequestTimeout).send().status == 408
}

#[test]
fn a_body_that_arrives_too_late_is_408_at_every_endpoint_and_changes_nothing() {
    for endpoint in endpoints() {
        let world = World::new();
        let before = world.postern.sql.dump();
        let answer = endpoint.good(&world).broken(|| Error::RequestTimeout).send();
        if endpoint.method == Method::HEAD {
            assert_eq!((answer.status, answer.text.as_str()), (408, ""));
        } else {
            answer.refused(408, "request_timeout");
        }
        assert_eq!(world.postern.sql.dump(), before, "{}", endpoint.name());
    }
}

#[test]
fn errors_that_depend_only_on_the_headers_do_not_wait_for_the_body() {
    let postern = Postern::new();
    let login = || postern.post("/api/auth/login");
    assert!(reads_its_body(login()), "this test sees it when a body is read");
    for (call, status) in [
        (postern.post("/api/auth/nothing"), 404),
        (postern.post("/nothing"), 404),
        (postern.post("/api/auth/admin/users/%"), 404),
        (postern.get("/api/auth/login"), 405),
        (postern.request(Method::PATCH, "/api/auth/me"), 405),
        (login().header(header::CONTENT_LENGTH, "16385"), 413),
    ] {
        assert_eq!(call.broken(|| Error::RequestTimeout).send().status, status);
    }
    assert!(reads_its_body(login().header(header::CONTENT_LENGTH, "16384")));
    postern.exhaust_burst_guard();
    assert!(!reads_its_body(login()), "the burst guard comes before the body");
    let deployed = Postern::with_settings(&deployed());
    assert!(!reads_its_body(deployed.post("/api/auth/login").at_origin("http://app.example.com")));
}

#[test]
fn a_session_that_ends_before_the_body_arrives_has_no_effect() {
    let postern = Postern::new();
    let ada = postern.sign_up("ada@example.com");
    let rename = |token: &str| postern.put("/api/auth/me/name").bearer(token).json(json!({ "name": "Ada" }));
    rename(&ada.token).slowly(6 * DAY).send().expect(200);
    let fresh = postern.token("ada@example.com", PASSWORD);
    rename(&fresh).slowly(8 * DAY).send().refused(401, "invalid_token");
}

/// Why a request that began two hours ago is processed only now.
#[derive(Debug, Clone, Copy)]
enum Stale {
    /// Its client held back the last byte until now.
    Body,
    /// The clock of its isolate lags.
    Clock,
}

impl Stale {
    const BOTH: [Stale; 2] = [Stale::Body, Stale::Clock];

    fn send(self, call: Call<'_>) -> Answer {
        let postern = call.postern();
        let now = postern.now.get();
        postern.wait(-2 * HOUR);
        let answer = match self {
            Stale::Body => call.slowly(2 * HOUR).send(),
            Stale::Clock => call.send(),
        };
        postern.now.set(now);
        answer
    }
}

/// Sends all free requests but one, then a stale one, eight times. Returns how many responses had `status`.
fn answered_around_stale_ones<'a>(free: usize, status: u16, stale: Stale, call: impl Fn(usize) -> Call<'a>) -> usize {
    let mut numbers = 0..;
    let mut next = || call(numbers.next().unwrap());
    let mut answered = 0;
    for _ in 0..8 {
        answered += (1..free).filter(|_| next().send().status == status).count();
        answered += usize::from(stale.send(next()).status == status);
    }
    answered
}

#[test]
fn stale_requests_allow_an_address_no_additional_password_guess() {
    for stale in Stale::BOTH {
        let postern = Postern::new();
        let guess = |number| {
            let email = format!("user{number}@example.com");
            postern.post("/api/auth/login").json(json!({ "email": email, "password": "wrong password" }))
        };
        assert_eq!(answered_around_stale_ones(200, 401, stale, guess), 200, "{stale:?}");
        guess(10_000).send().refused(429, "too_many_requests");
    }
}

#[test]
fn stale_requests_allow_no_additional_guess_at_an_accounts_password() {
    for stale in Stale::BOTH {
        let postern = Postern::new();
        postern.sign_up("ada@example.com");
        postern.come_from("198.51.100.1");
        let wrong = || json!({ "email": "ada@example.com", "password": "wrong password" });
        let guess = |_| postern.post("/api/auth/login").json(wrong());
        assert_eq!(answered_around_stale_ones(20, 401, stale, guess), 20, "{stale:?}");
    }
}

#[test]
fn stale_requests_send_no_additional_reset_mail() {
    for stale in Stale::BOTH {
        let postern = Postern::new();
        postern.sign_up("ada@example.com");
        let ask = |_| postern.post("/api/auth/send-password-reset-link").json(json!({ "email": "ada@example.com" }));
        assert_eq!(answered_around_stale_ones(10, 200, stale, ask), 10, "{stale:?}");
        assert_eq!(postern.mails("ada@example.com").len(), 10, "{stale:?}");
    }
}

#[test]
fn api_calls_over_plain_http_are_rejected_outside_local_development() {
    for endpoint in endpoints().iter().filter(|endpoint| endpoint.pattern.starts_with("/api/")) {
        let world = World::new();
        let call = endpoint.good(&world).at_origin("http://app.example.com");
        world.postern.redeploy(&deployed());
        let before = world.postern.sql.dump();
        let answer = call.send();
        if endpoint.method == Method::HEAD {
            assert_eq!((answer.status, answer.text.as_str()), (400, ""));
        } else {
            answer.refused(400, "https_required");
        }
        assert!(answer.header(HSTS).is_some());
        assert_eq!((world.postern.sql.dump(), answer.calls), (before, 0), "{}", endpoint.name());
    }
}

#[test]
fn pages_over_plain_http_redirect_to_https_outside_local_development() {
    let postern = Postern::with_settings(&deployed());
    for (path, location) in [
        ("/", "https://app.example.com/"),
        ("/signin", "https://app.example.com/signin"),
        ("/reset-password?token=a%20b", "https://app.example.com/reset-password?token=a%20b"),
        ("/health", "https://app.example.com/health"),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let answer = postern.request(method, path).at_origin("http://app.example.com").send();
            assert_eq!((answer.status, answer.header("location")), (308, Some(location)));
        }
    }
    postern.post("/signin").at_origin("http://app.example.com").send().refused(400, "https_required");
}

#[test]
fn every_response_of_a_deployed_service_has_strict_transport_security() {
    let postern = Postern::with_settings(&deployed());
    for path in ["/api/auth/config", "/api/auth/me", "/api/auth/nothing", "/health", "/nothing"] {
        let max_age =
            postern.get(path).send().header(HSTS).and_then(|value| value.strip_prefix("max-age=")?.parse().ok());
        assert!(max_age.is_some_and(|seconds: u32| seconds >= 31_536_000), "{path}");
    }
    assert_eq!(Postern::new().get("/api/auth/config").send().header(HSTS), None, "not in local development");
    Postern::new().get("/api/auth/config").at_origin("http://localhost:8787").send().expect(200);
}

#[test]
fn the_host_header_does_not_let_other_pages_use_the_cookie() {
    for host in ["https://evil.example", "https://auth.example.com", "https://localhost:8787"] {
        let world = World::new();
        world.postern.redeploy(&deployed());
        let cookie = format!("__Host-session={}", world.ada.token);
        let delete = || world.postern.delete("/api/auth/me").header(header::COOKIE, &cookie).at_origin(host);
        delete().header(header::ORIGIN, host).send().refused(403, "foreign_origin");
        let login = json!({ "email": world.ada.email, "password": PASSWORD });
        let login = world.postern.post("/api/auth/login").json(login).at_origin(host).header(WANTED, "set");
        let answer = login.header(header::ORIGIN, host).send();
        assert_eq!((answer.status, answer.header("set-cookie")), (200, None), "{host}");
        delete().header(header::ORIGIN, ORIGIN).send().expect(200);
    }
}

#[test]
fn an_id_with_a_slash_differs_from_the_id_with_its_escape_sequence() {
    let postern = Postern::new();
    let admin = postern.admin_token();
    let ids = ["a/b", "a%2Fb", "auth0|5f7c", "with space", "\u{fc}ber"];
    for (number, id) in ids.into_iter().enumerate() {
        let user = postern.sign_up(&format!("user{number}@example.com"));
        postern.sql.execute("PRAGMA foreign_keys = OFF", &[]);
        postern.sql.execute("UPDATE users SET id = ?2 WHERE id = ?1", &[user.id.as_str().into(), id.into()]);
    }
    for (path, id) in [
        ("a%2Fb", "a/b"),
        ("a%252Fb", "a%2Fb"),
        ("auth0|5f7c", "auth0|5f7c"),
        ("auth0%7C5f7c", "auth0|5f7c"),
        ("with%20space", "with space"),
        ("%C3%BCber", "\u{fc}ber"),
    ] {
        let path = format!("/api/auth/admin/users/{path}");
        assert_eq!(postern.get(&path).bearer(&admin).send().expect(200)["id"], id);
        postern.get(&format!("{path}/sessions")).bearer(&admin).send().expect(200);
    }
    postern.get("/api/auth/admin/users/a/b").bearer(&admin).send().refused(404, "not_found");
    postern.delete("/api/auth/admin/users/a%252Fb").bearer(&admin).send().expect(200);
    postern.get("/api/auth/admin/users/a%2Fb").bearer(&admin).send().expect(200);
    postern.get("/api/auth/admin/users/a%252Fb").bearer(&admin).send().refused(404, "not_found");
}
