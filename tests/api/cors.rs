//! CORS: pages of the origins in `CORS_ORIGINS` can read every response; other pages can read none.

use std::collections::BTreeSet;

use http::{Method, header};

use crate::support::{
    Answer, Call, Postern,
    world::{Endpoint, World, endpoints},
};

const LISTED: &str = "https://spa.example";
const SETTINGS: [(&str, &str); 1] = [("CORS_ORIGINS", "https://spa.example, https://other.example:8443")];

fn preflight<'a>(world: &'a World, path: &str, origin: &str) -> Call<'a> {
    world
        .postern
        .request(Method::OPTIONS, path)
        .header(header::ORIGIN, origin)
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "PUT")
        .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization,content-type")
}

/// Returns whether a page of `origin` may read the response. Checks that the response varies by origin.
#[track_caller]
fn may_be_read_by(answer: &Answer, origin: &str) -> bool {
    assert_eq!(answer.header("vary"), Some("Origin"), "{answer:?}");
    assert_eq!(answer.header("access-control-allow-credentials"), None, "{answer:?}");
    let allowed = answer.header("access-control-allow-origin");
    assert_eq!(allowed.is_some(), answer.header("access-control-expose-headers").is_some(), "{answer:?}");
    assert_ne!(allowed, Some("*"));
    allowed == Some(origin)
}

fn methods(of: &Endpoint) -> BTreeSet<String> {
    endpoints()
        .iter()
        .filter(|endpoint| endpoint.pattern == of.pattern)
        .map(|endpoint| endpoint.method.to_string())
        .collect()
}

#[test]
fn a_listed_origin_gets_the_methods_and_headers_of_every_endpoint_in_a_preflight() {
    let world = World::with_settings(&SETTINGS);
    for endpoint in endpoints() {
        let answer = preflight(&world, &endpoint.path(&world), LISTED).send();
        assert_eq!((answer.status, answer.text.as_str()), (204, ""), "{}", endpoint.name());
        assert!(may_be_read_by(&answer, LISTED), "{}", endpoint.name());
        let allowed = answer.header("access-control-allow-methods").unwrap();
        let allowed: BTreeSet<String> = allowed.split(", ").map(str::to_owned).collect();
        assert_eq!(allowed, methods(&endpoint), "{}", endpoint.name());
        assert_eq!(
            answer.header("access-control-allow-headers"),
            Some("Authorization, Content-Type, If-Match, X-Acting-As")
        );
        assert_eq!(answer.header("content-type"), None);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[test]
fn a_listed_origin_can_read_every_response_and_error() {
    for endpoint in endpoints() {
        let world = World::with_settings(&SETTINGS);
        let wrong_method = world.postern.request(Method::PATCH, &endpoint.path(&world));
        let too_large = endpoint.bare(&world).body("application/json", &[b' '; 17_000]);
        for call in [endpoint.bare(&world), wrong_method, too_large, endpoint.good(&world)] {
            let answer = call.header(header::ORIGIN, LISTED).send();
            assert!(may_be_read_by(&answer, LISTED), "{} {}", endpoint.name(), answer.status);
        }
        world.postern.outside.is_out.set(true);
        let answer = endpoint.good(&world).header(header::ORIGIN, LISTED).send();
        assert!(may_be_read_by(&answer, LISTED), "{} {}", endpoint.name(), answer.status);
    }
    let postern = Postern::with_settings(&SETTINGS);
    let answer = postern.get("/api/auth/nothing").header(header::ORIGIN, LISTED).send();
    assert!(answer.status == 404 && may_be_read_by(&answer, LISTED));
}

#[test]
fn a_listed_origin_can_read_the_refresh_token_request_id_and_retry_after() {
    let postern = Postern::with_settings(&SETTINGS);
    let answer = postern.get("/api/auth/jwks").header(header::ORIGIN, LISTED).send();
    let exposed = answer.header("access-control-expose-headers");
    assert_eq!(exposed, Some("X-Refresh-Token, X-Request-Id, Retry-After, ETag, X-Total-Count"));
}

#[test]
fn an_origin_that_is_not_listed_exactly_can_read_nothing() {
    let world = World::with_settings(&SETTINGS);
    for origin in [
        "https://evil.example",
        "null",
        "*",
        "",
        "http://spa.example",
        "https://spa.example:443",
        "https://spa.example:8443",
        "https://spa.example/",
        "https://SPA.example",
        "https://spa.example.evil.example",
        "https://evilspa.example",
        "https://x.spa.example",
        "https://spa.example, https://other.example:8443",
        "https://spa.example https://evil.example",
    ] {
        preflight(&world, "/api/auth/me", origin).send().refused(405, "method_not_allowed");
        for call in [preflight(&world, "/api/auth/me", origin), world.postern.get("/api/auth/jwks")] {
            let answer = call.header(header::ORIGIN, origin).send();
            let names = answer.headers.keys().filter(|name| name.as_str().starts_with("access-control-"));
            assert_eq!(names.count(), 0, "{origin}: {answer:?}");
            assert_eq!(answer.header("vary"), Some("Origin"));
        }
    }
    let twice = world.postern.get("/api/auth/jwks").header(header::ORIGIN, LISTED).header(header::ORIGIN, LISTED);
    assert_eq!(twice.send().header("access-control-allow-origin"), None);
}

#[test]
fn other_options_requests_are_not_preflights() {
    let world = World::with_settings(&SETTINGS);
    let without_method = world.postern.request(Method::OPTIONS, "/api/auth/me").header(header::ORIGIN, LISTED);
    without_method.send().refused(405, "method_not_allowed");
    preflight(&world, "/api/auth/nothing", LISTED).send().refused(404, "not_found");
}
