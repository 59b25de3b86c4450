//! Apps on other subdomains: what their pages can do with the session, and the cookie for their servers.

use http::{HeaderName, Method, header};
use postern::access::recent::RecentAuthentication;
use serde_json::json;

use crate::support::{
    Answer, Call, DAY, ORIGIN, PASSWORD, Postern,
    world::{ADA, Endpoint, Opens, World, endpoints},
};

const WANTED: HeaderName = HeaderName::from_static("x-session-cookie");
const APP: &str = "https://shop.example.com";
const SETTINGS: [(&str, &str); 2] = [("APP_ORIGINS", APP), ("CORS_ORIGINS", "https://spa.example")];
const WITH_DOMAIN: [(&str, &str); 2] = [("APP_ORIGINS", APP), ("SESSION_COOKIE_DOMAIN", "example.com")];
const SHARED: &str = "Domain=example.com; Path=/; Secure; HttpOnly; SameSite=Lax";
const STRICT: &str = "Path=/; Secure; HttpOnly; SameSite=Strict";

/// Origins that are not listed, also hosts of the same site. An empty list stands for no origin.
const OTHERS: [&[&str]; 10] = [
    &[],
    &["null"],
    &["https://evil.example.com"],
    &["https://spa.example"],
    &["https://shop.example.com:8443"],
    &["http://shop.example.com"],
    &["https://shop.example.com.evil.example"],
    &["https://SHOP.example.com"],
    &[APP, APP],
    &["https://shop.example.com, https://evil.example"],
];

fn with_cookie<'a>(call: Call<'a>, token: &str) -> Call<'a> {
    call.header(header::COOKIE, &format!("theme=dark; __Host-session={token}"))
}

fn from<'a>(call: Call<'a>, origins: &[&str]) -> Call<'a> {
    origins.iter().fold(call, |call, origin| call.header(header::ORIGIN, origin))
}

fn login(postern: &Postern) -> Call<'_> {
    postern.post("/api/auth/login").json(json!({ "email": ADA, "password": PASSWORD })).header(WANTED, "set")
}

fn cookies(answer: &Answer) -> Vec<String> {
    let values = answer.headers.get_all(header::SET_COOKIE).iter();
    values.map(|value| value.to_str().unwrap().to_owned()).collect()
}

fn endpoints_of_sessions() -> impl Iterator<Item = Endpoint> {
    let is_of_session =
        |endpoint: &Endpoint| matches!(endpoint.opens, Opens::Sessions | Opens::SessionsAndResets | Opens::Admins);
    endpoints().into_iter().filter(is_of_session)
}

/// Calls that a script injected into an app could do lasting harm with.
fn is_for_own_pages_only(endpoint: &Endpoint) -> bool {
    endpoint.opens == Opens::Admins || endpoint.recent.is_some_and(|when| when != RecentAuthentication::Never)
}

#[test]
fn pages_of_apps_use_the_cookie_except_for_admin_calls_and_calls_that_need_recent_authentication() {
    let (mut allowed, mut refused) = (0, 0);
    for endpoint in endpoints_of_sessions() {
        let world = World::with_settings(&SETTINGS);
        let before = world.postern.sql.dump();
        let answer = from(with_cookie(endpoint.locked(&world), endpoint.session(&world)), &[APP]).send();
        assert_eq!(answer.header("access-control-allow-origin"), Some(APP), "{}", endpoint.name());
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"), "{}", endpoint.name());
        assert_eq!(answer.header("vary"), Some("Origin"), "{}", endpoint.name());
        if is_for_own_pages_only(&endpoint) {
            refused += 1;
            assert_eq!(answer.status, 403, "{}: {}", endpoint.name(), answer.text);
            if endpoint.method != Method::HEAD {
                answer.refused(403, "foreign_origin");
            }
            assert_eq!(cookies(&answer), [""; 0], "{}", endpoint.name());
            assert_eq!(world.postern.sql.dump(), before, "{}", endpoint.name());
            // Its own pages can call it, and so can a bearer token.
            let own = from(with_cookie(endpoint.locked(&world), endpoint.session(&world)), &[ORIGIN]).send();
            assert_eq!(own.status, 200, "{}: {}", endpoint.name(), own.text);
        } else {
            allowed += 1;
            assert_eq!(answer.status, 200, "{}: {}", endpoint.name(), answer.text);
        }
    }
    assert!(allowed > 15 && refused > 30, "{allowed} {refused}");
}

#[test]
fn a_bearer_token_works_from_pages_of_apps_at_every_endpoint() {
    for endpoint in endpoints_of_sessions().filter(is_for_own_pages_only) {
        let world = World::with_settings(&SETTINGS);
        let answer = from(endpoint.locked(&world).bearer(endpoint.session(&world)), &[APP]).send();
        assert_eq!(answer.status, 200, "{}: {}", endpoint.name(), answer.text);
    }
}

#[test]
fn other_hosts_of_the_same_site_can_change_and_read_nothing() {
    for endpoint in endpoints_of_sessions() {
        let world = World::with_settings(&WITH_DOMAIN);
        let before = world.postern.sql.dump();
        for origins in OTHERS {
            let answer = from(with_cookie(endpoint.locked(&world), endpoint.session(&world)), origins).send();
            assert_eq!(answer.header("access-control-allow-origin"), None, "{} {origins:?}", endpoint.name());
            assert_eq!(answer.header("access-control-allow-credentials"), None, "{} {origins:?}", endpoint.name());
            if endpoint.method != Method::GET && endpoint.method != Method::HEAD {
                answer.refused(403, "foreign_origin");
                assert_eq!(cookies(&answer), [""; 0], "{}", endpoint.name());
            }
        }
        assert_eq!(world.postern.sql.dump(), before, "{}", endpoint.name());
    }
}

#[test]
fn pages_of_apps_get_the_cookie_at_sign_in_and_other_hosts_do_not() {
    let world = World::with_settings(&SETTINGS);
    let answer = from(login(&world.postern), &[APP]).send();
    let token = answer.body["token"].as_str().unwrap();
    assert_eq!(cookies(&answer), [format!("__Host-session={token}; {STRICT}; Max-Age=604800")]);
    let me = from(with_cookie(world.postern.get("/api/auth/me"), token), &[APP]).send();
    assert_eq!(me.expect(200)["email"], ADA);
    let logout = from(with_cookie(world.postern.post("/api/auth/logout"), token), &[APP]).send();
    assert_eq!(cookies(&logout), [format!("__Host-session=; {STRICT}; Max-Age=0")]);
    assert_eq!(world.postern.me(token), 401);
    for origins in OTHERS {
        let answer = from(login(&world.postern), origins).send();
        assert_eq!(answer.status, 200);
        assert_eq!(cookies(&answer), [""; 0], "{origins:?}");
    }
}

#[test]
fn without_the_setting_no_other_origin_uses_the_cookie() {
    let world = World::new();
    let call = with_cookie(world.postern.put("/api/auth/me/name"), &world.ada.token).json(json!({ "name": "Ada" }));
    from(call, &[APP]).send().refused(403, "foreign_origin");
    let answer = from(login(&world.postern), &[APP]).send();
    assert_eq!(answer.status, 200);
    assert_eq!(cookies(&answer), [""; 0]);
}

#[test]
fn own_pages_can_do_everything_if_their_origin_is_listed_too() {
    let world = World::with_settings(&[("APP_ORIGINS", ORIGIN)]);
    let users = from(with_cookie(world.postern.get("/api/auth/admin/users"), &world.admin_token), &[ORIGIN]);
    users.send().expect(200);
}

#[test]
fn a_preflight_of_an_app_allows_credentials_and_the_header_for_the_cookie() {
    let world = World::with_settings(&SETTINGS);
    let preflight = |origin: &str| {
        let call = world.postern.request(Method::OPTIONS, "/api/auth/login").header(header::ORIGIN, origin);
        call.header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST").send()
    };
    let answer = preflight(APP);
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), Some(APP));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(
        answer.header("access-control-allow-headers"),
        Some("Authorization, Content-Type, If-Match, X-Acting-As, X-Session-Cookie")
    );
    let answer = preflight("https://spa.example");
    assert_eq!((answer.status, answer.header("access-control-allow-credentials")), (204, None));
    let answer = preflight("https://evil.example.com");
    answer.refused(405, "method_not_allowed");
    assert_eq!(answer.header("access-control-allow-credentials"), None);
}

#[test]
fn the_cookie_for_servers_is_set_refreshed_and_removed_with_the_session_cookie() {
    let world = World::with_settings(&WITH_DOMAIN);
    let both = |token: &str, seconds: i64| {
        [
            format!("__Host-session={token}; {STRICT}; Max-Age={seconds}"),
            format!("__Secure-session={token}; {SHARED}; Max-Age={seconds}"),
        ]
    };
    for origin in [ORIGIN, APP] {
        let answer = from(login(&world.postern), &[origin]).send();
        assert_eq!(cookies(&answer), both(answer.body["token"].as_str().unwrap(), 7 * DAY / 1_000), "{origin}");
    }
    // A session from before the setting was changed goes on, and gets both cookies at its next refresh.
    world.postern.wait(4 * DAY);
    let answer = with_cookie(world.postern.get("/api/auth/me"), &world.ada.token).send();
    let set = cookies(&answer);
    let fresh = set[0].strip_prefix("__Host-session=").unwrap().split(';').next().unwrap();
    assert_eq!(set, both(fresh, 7 * DAY / 1_000));
    for (method, path) in [(Method::POST, "/api/auth/logout"), (Method::DELETE, "/api/auth/me")] {
        let world = World::with_settings(&WITH_DOMAIN);
        let answer = from(with_cookie(world.postern.request(method, path), &world.ada.token), &[ORIGIN]).send();
        assert_eq!(answer.status, 200);
        assert_eq!(cookies(&answer), both("", 0), "{path}");
    }
}

#[test]
fn a_session_that_another_host_plants_in_the_cookie_for_servers_does_nothing_here() {
    let world = World::with_settings(&WITH_DOMAIN);
    let (own, planted) = (&world.ada.token, &world.grace.token);
    let me = |cookies: &str| {
        let call = world.postern.get("/api/auth/me").header(header::COOKIE, cookies);
        from(call, &[APP]).send()
    };
    me(&format!("__Secure-session={planted}")).refused(401, "invalid_token");
    for cookies in [
        format!("__Host-session={own}; __Secure-session={planted}"),
        format!("__Secure-session={planted}; __Secure-session={planted}; __Host-session={own}"),
        format!("__Secure-session=x; __Host-session={own}; session={planted}"),
    ] {
        assert_eq!(me(&cookies).expect(200)["id"], json!(world.ada.id), "{cookies}");
    }
    // Two session cookies count as none.
    me(&format!("__Host-session={planted}; __Host-session={own}")).refused(401, "invalid_token");
}

#[test]
fn there_is_no_cookie_for_servers_over_plain_http() {
    let local = "http://auth.example.test:8787";
    let world = World::with_settings(&[("APP_URL", local), ("SESSION_COOKIE_DOMAIN", "example.test")]);
    let answer = from(login(&world.postern).at_origin("http://localhost:8787"), &[local]).send();
    let set = cookies(&answer);
    assert!(set.len() == 1 && set[0].starts_with("local-session="), "{set:?}");
}

#[test]
fn a_sign_in_with_a_provider_leads_only_to_own_pages_and_listed_apps() {
    let world = World::with_settings(&SETTINGS);
    let begin = |path: &str, return_to: &str| {
        let call = world.postern.post(path).json(json!({ "return_to": return_to }));
        if path.contains("/me/") { call.bearer(&world.ada.token).send() } else { call.send() }
    };
    for path in ["/api/auth/login/github", "/api/auth/me/identities/github"] {
        for good in ["/account", "/admin#sign-ups", "https://shop.example.com/cart?a=1#b"] {
            begin(path, good).expect(200);
        }
        for bad in
            ["//evil.example", "/\\evil.example", "https://evil.example.com", "https://spa.example", "javascript:1", ""]
        {
            let answer = begin(path, bad);
            answer.refused(422, "invalid_fields");
            assert_eq!(answer.body["detail"][0]["loc"], json!(["body", "return_to"]), "{path} {bad}");
        }
    }
}
