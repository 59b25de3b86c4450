//! The session cookie: who gets it, what it gives access to, and protection against cross-site requests.

use http::{HeaderName, Method, header};
use serde_json::json;

use crate::support::{
    Answer, Call, DAY, ORIGIN, PASSWORD, Postern,
    world::{ADA, Endpoint, NEW_PASSWORD, Opens, World, endpoints},
};

const WANTED: HeaderName = HeaderName::from_static("x-session-cookie");
const ACTING_AS: HeaderName = HeaderName::from_static("x-acting-as");
const FOREIGN: &str = "https://evil.example";
const CLEARED: &str = "__Host-session=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0";

fn with_cookie<'a>(call: Call<'a>, token: &str) -> Call<'a> {
    call.header(header::COOKIE, &format!("theme=dark; __Host-session={token}"))
}

fn from_own_page(call: Call<'_>) -> Call<'_> {
    call.header(header::ORIGIN, ORIGIN)
}

fn login(postern: &Postern) -> Call<'_> {
    postern.post("/api/auth/login").json(json!({ "email": ADA, "password": PASSWORD }))
}

/// The token in the response's session cookie and its lifetime in seconds.
#[track_caller]
fn kept(answer: &Answer) -> (String, i64) {
    let cookie = answer.header("set-cookie").unwrap_or_else(|| panic!("no cookie: {answer:?}"));
    let (token, attributes) = cookie.strip_prefix("__Host-session=").unwrap().split_once("; ").unwrap();
    let (attributes, seconds) = attributes.rsplit_once("; Max-Age=").unwrap();
    assert_eq!(attributes, "Path=/; Secure; HttpOnly; SameSite=Strict");
    (token.to_owned(), seconds.parse().unwrap())
}

fn session_endpoints() -> impl Iterator<Item = Endpoint> {
    endpoints().into_iter().filter(|endpoint| matches!(endpoint.opens, Opens::Sessions | Opens::SessionsAndResets))
}

fn is_safe(endpoint: &Endpoint) -> bool {
    endpoint.method == Method::GET || endpoint.method == Method::HEAD
}

#[test]
fn the_services_own_pages_get_the_cookie_at_login_and_sign_up() {
    for pattern in ["/api/auth/login", "/api/auth/signup"] {
        let world = World::new();
        let endpoint = endpoints().into_iter().find(|endpoint| endpoint.pattern == pattern).unwrap();
        let answer = from_own_page(endpoint.good(&world).header(WANTED, "set")).send();
        let (token, seconds) = kept(&answer);
        assert_eq!(answer.body["token"], json!(token), "{pattern}: the usual body is there too");
        assert_eq!(seconds, 7 * DAY / 1_000);
        with_cookie(world.postern.get("/api/auth/me"), &token).send().expect(200);
    }
}

#[test]
fn other_callers_get_no_cookie() {
    let world = World::new();
    let calls = [
        login(&world.postern),
        login(&world.postern).header(WANTED, "set"),
        from_own_page(login(&world.postern)),
        from_own_page(login(&world.postern).header(WANTED, "")),
        from_own_page(login(&world.postern).header(WANTED, "get")),
        from_own_page(login(&world.postern).header(WANTED, "set").header(WANTED, "set")),
        from_own_page(from_own_page(login(&world.postern).header(WANTED, "set"))),
        login(&world.postern).header(WANTED, "set").header(header::ORIGIN, FOREIGN),
        login(&world.postern).header(WANTED, "set").header(header::ORIGIN, "null"),
        login(&world.postern).header(WANTED, "set").header(header::ORIGIN, &ORIGIN.replace("https", "http")),
        login(&world.postern).header(WANTED, "set").header(header::ORIGIN, &format!("{ORIGIN}:8443")),
    ];
    for call in calls {
        let answer = call.send();
        assert_eq!((answer.status, answer.header("set-cookie")), (200, None), "{}", answer.text);
    }
    let wrong = json!({ "email": ADA, "password": "wrong password" });
    let answer = from_own_page(world.postern.post("/api/auth/login").json(wrong).header(WANTED, "set")).send();
    assert_eq!((answer.status, answer.header("set-cookie")), (401, None));
}

#[test]
fn the_services_own_pages_can_use_the_cookie_at_every_session_endpoint() {
    for endpoint in session_endpoints() {
        let world = World::new();
        let answer = from_own_page(with_cookie(endpoint.locked(&world), endpoint.session(&world))).send();
        assert_eq!(answer.status, 200, "{}: {}", endpoint.name(), answer.text);
    }
}

#[test]
fn a_cross_site_request_with_the_cookie_has_no_effect() {
    let foreign: [&[&str]; 7] =
        [&[], &[FOREIGN], &["null"], &[""], &["https://app.example.com."], &[ORIGIN, ORIGIN], &[ORIGIN, FOREIGN]];
    for endpoint in session_endpoints() {
        let world = World::new();
        let before = world.postern.sql.dump();
        for origins in foreign {
            for token in [world.ada.token.as_str(), "garbage"] {
                let call = with_cookie(endpoint.locked(&world), token);
                let answer = origins.iter().fold(call, |call, origin| call.header(header::ORIGIN, origin)).send();
                if !is_safe(&endpoint) {
                    answer.refused(403, "foreign_origin");
                    // It does not remove the browser's cookie either.
                    assert_eq!(answer.header("set-cookie"), None, "{}", endpoint.name());
                } else if token != "garbage" {
                    assert_eq!(answer.status, 200, "{}: {}", endpoint.name(), answer.text);
                }
                let names = answer.headers.keys().filter(|name| name.as_str().starts_with("access-control-"));
                assert_eq!(names.count(), 0, "{}", endpoint.name());
            }
        }
        assert_eq!(world.postern.sql.dump(), before, "{}", endpoint.name());
    }
}

#[test]
fn pages_in_cors_origins_cannot_use_the_cookie_either() {
    let settings = [("CORS_ORIGINS", "https://spa.example")];
    for endpoint in session_endpoints() {
        let world = World::with_settings(&settings);
        let call = with_cookie(endpoint.locked(&world), &world.ada.token).header(header::ORIGIN, "https://spa.example");
        let answer = call.send();
        // Without this header, a browser does not let a page read responses to requests with cookies.
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        if !is_safe(&endpoint) {
            answer.refused(403, "foreign_origin");
        }
    }
}

#[test]
fn an_invalid_cookie_is_rejected_and_errors_do_not_remove_the_cookie() {
    let world = World::new();
    let ended = world.postern.token(ADA, PASSWORD);
    world.postern.post("/api/auth/logout").bearer(&ended).send().expect(200);
    let touched = world.ada.token.replace('.', "..");
    for endpoint in session_endpoints() {
        for dead in ["", "garbage", "..", &ended, &touched, &world.user_token, &world.otp_token, &world.session_id] {
            let answer = from_own_page(with_cookie(endpoint.locked(&world), dead)).send();
            // The browser may have a newer cookie when this response arrives.
            assert_eq!((answer.status, answer.header("set-cookie")), (401, None), "{} {dead}", endpoint.name());
            assert!(answer.header("www-authenticate").is_some());
        }
        let good = &world.ada.token;
        for cookies in [
            format!("session={good}"),
            format!("__host-session={good}"),
            format!("__Host-session={good}; __Host-session={good}"),
            format!("__Host-session=x; __Host-session={good}"),
        ] {
            let answer = from_own_page(endpoint.locked(&world).header(header::COOKIE, &cookies)).send();
            assert_eq!((answer.status, answer.header("set-cookie")), (401, None), "{} {cookies}", endpoint.name());
        }
    }
    assert_eq!(world.postern.me(&world.ada.token), 200);
}

#[test]
fn a_page_that_acts_for_a_different_account_than_the_session_is_rejected_everywhere() {
    for endpoint in session_endpoints() {
        let world = World::new();
        let before = world.postern.sql.dump();
        let own = &endpoint.user(&world).id;
        let other = if *own == world.ada.id { &world.grace.id } else { &world.ada.id };
        for stated in [other.as_str(), "", "garbage", "\u{fc}", &format!("{own}, {own}")] {
            let call = from_own_page(with_cookie(endpoint.locked(&world), endpoint.session(&world)));
            let answer = call.raw_header(ACTING_AS, stated.as_bytes()).send();
            assert_eq!(answer.status, 409, "{} {stated}: {}", endpoint.name(), answer.text);
            if endpoint.method != Method::HEAD {
                answer.refused(409, "account_changed");
            }
            assert_eq!(answer.header("set-cookie"), None, "{}", endpoint.name());
            // Clients with a bearer token can send it too.
            let answer = endpoint.unlocked(&world).raw_header(ACTING_AS, stated.as_bytes()).send();
            assert_eq!(answer.status, 409, "{} {stated}: {}", endpoint.name(), answer.text);
        }
        assert_eq!(world.postern.sql.dump(), before, "{}", endpoint.name());
        let call = from_own_page(with_cookie(endpoint.locked(&world), endpoint.session(&world)));
        let answer = call.header(ACTING_AS, own).send();
        assert_eq!(answer.status, 200, "{}: {}", endpoint.name(), answer.text);
    }
}

#[test]
fn an_id_that_is_not_a_valid_header_value_is_sent_percent_encoded() {
    let world = World::new();
    let (old, id) = (world.ada.id.as_str(), "auth0|ad\u{e4} 1");
    world.postern.sql.execute(
        "INSERT INTO users (id, email, password_hash, created_at, updated_at)
         SELECT ?2, 'x@example.com', password_hash, 1, 1 FROM users WHERE id = ?1",
        &[old.into(), id.into()],
    );
    let token = world.postern.token("x@example.com", PASSWORD);
    let me = || with_cookie(world.postern.get("/api/auth/me"), &token);
    me().header(ACTING_AS, "auth0%7Cad%C3%A4%201").send().expect(200);
    me().raw_header(ACTING_AS, id.as_bytes()).send().refused(409, "account_changed");
}

#[test]
fn a_reset_token_in_a_cookie_is_rejected() {
    let world = World::new();
    for endpoint in endpoints().into_iter().filter(|endpoint| endpoint.opens != Opens::Anybody) {
        let answer = from_own_page(with_cookie(endpoint.locked(&world), &world.reset_token)).send();
        assert_eq!(answer.status, 401, "{}", endpoint.name());
    }
    // A session in the cookie is not accepted for a reset either, and the attempt does not remove it.
    let endpoint = endpoints().into_iter().find(|endpoint| endpoint.opens == Opens::Resets).unwrap();
    let answer = from_own_page(with_cookie(endpoint.locked(&world), &world.ada.token)).send();
    assert_eq!((answer.status, answer.header("set-cookie")), (401, None));
    endpoint.good(&world).send().expect(200);
}

#[test]
fn the_cookie_is_ignored_if_there_is_an_authorization_header() {
    let world = World::new();
    let id = |call: Call<'_>| call.send().expect(200)["id"].clone();
    let me = || with_cookie(world.postern.get("/api/auth/me"), &world.admin_token);
    assert_eq!(id(me().bearer(&world.ada.token)), json!(world.ada.id));
    assert_ne!(id(me()), json!(world.ada.id));
    for header in ["", "Bearer", "Bearer garbage", "Basic YTpi", "garbage"] {
        let answer = me().header(header::AUTHORIZATION, header).send();
        // The cookie was not used, so it stays.
        assert_eq!((answer.status, answer.header("set-cookie")), (401, None), "{header:?}");
    }
    // Requests with a bearer token need no origin, because browsers never add the token by themselves.
    let call = with_cookie(world.postern.put("/api/auth/me/name"), "garbage").bearer(&world.ada.token);
    call.header(header::ORIGIN, FOREIGN).json(json!({ "name": "Ada" })).send().expect(200);
}

#[test]
fn a_reset_token_as_bearer_overrides_the_cookie_too() {
    let world = World::new();
    let call = with_cookie(world.postern.get("/api/auth/me"), &world.admin_token).bearer(&world.reset_token);
    assert_eq!(call.send().expect(200)["email"], ADA);
}

#[test]
fn logout_and_deactivation_remove_the_cookie_that_was_used() {
    for (method, path) in [(Method::POST, "/api/auth/logout"), (Method::DELETE, "/api/auth/me")] {
        let world = World::new();
        let by_bearer = world.postern.request(method.clone(), path).bearer(&world.other_session).send();
        assert_eq!((by_bearer.status, by_bearer.header("set-cookie")), (200, None));
        let world = World::new();
        let by_cookie = from_own_page(with_cookie(world.postern.request(method, path), &world.ada.token)).send();
        assert_eq!((by_cookie.status, by_cookie.header("set-cookie")), (200, Some(CLEARED)), "{path}");
        assert_ne!(world.postern.me(&world.ada.token), 200);
    }
}

#[test]
fn the_cookie_is_refreshed_like_a_bearer_token() {
    let world = World::new();
    let me = |token: &str| with_cookie(world.postern.get("/api/auth/me"), token).send();
    let young = me(&world.ada.token);
    assert_eq!((young.status, young.header("set-cookie"), young.header("x-refresh-token")), (200, None, None));
    world.postern.wait(4 * DAY);
    let answer = me(&world.ada.token);
    let (fresh, seconds) = kept(&answer);
    assert_eq!((answer.header("x-refresh-token"), seconds), (None, 7 * DAY / 1_000));
    world.postern.wait(4 * DAY);
    let late = me(&world.ada.token);
    assert_eq!((late.status, late.header("set-cookie")), (401, None));
    assert_eq!(me(&fresh).status, 200);
}

#[test]
fn the_cookie_of_a_deactivated_user_is_403_and_stays() {
    let world = World::new();
    world.postern.set_active(&world.ada.id, false);
    let answer = with_cookie(world.postern.get("/api/auth/me"), &world.ada.token).send();
    answer.refused(403, "inactive");
    assert_eq!(answer.header("set-cookie"), None);
}

#[test]
fn a_password_change_with_the_cookie_keeps_the_cookie() {
    let world = World::new();
    let body = json!({ "old_password": PASSWORD, "new_password": NEW_PASSWORD });
    let call = world.postern.put("/api/auth/me/password").json(body);
    from_own_page(with_cookie(call, &world.ada.token)).send().expect(200);
    with_cookie(world.postern.get("/api/auth/me"), &world.ada.token).send().expect(200);
}

#[test]
fn in_local_development_over_plain_http_the_cookie_works_in_every_browser() {
    let local = "http://localhost:8787";
    let world = World::with_settings(&[("APP_URL", local)]);
    let login = || login(&world.postern).header(WANTED, "set").header(header::ORIGIN, local).at_origin(local);
    let answer = login().send();
    let cookie = answer.header("set-cookie").unwrap();
    let token = answer.body["token"].as_str().unwrap();
    assert_eq!(cookie, format!("local-session={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=604800"));
    let me = |cookie: &str| world.postern.get("/api/auth/me").at_origin(local).header(header::COOKIE, cookie).send();
    assert_eq!(me(&format!("local-session={token}")).status, 200);
    me(&format!("__Host-session={token}")).refused(401, "invalid_token");
    let logout = world.postern.post("/api/auth/logout").at_origin(local).header(header::ORIGIN, local);
    let answer = logout.header(header::COOKIE, &format!("local-session={token}")).send();
    let cleared = "local-session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0";
    assert_eq!((answer.status, answer.header("set-cookie")), (200, Some(cleared)));
    // Over TLS, the same service uses the other cookie.
    let call = with_cookie(world.postern.get("/api/auth/me"), &world.ada.token);
    assert_eq!(call.send().status, 200);
    let call = world.postern.get("/api/auth/me").header(header::COOKIE, &format!("local-session={}", world.ada.token));
    call.send().refused(401, "invalid_token");
}
