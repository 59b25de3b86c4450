//! Conventions of every endpoint: headers, methods, bodies, bearer tokens.

use std::collections::{BTreeMap, BTreeSet};

use base64ct::{Base64UrlUnpadded, Encoding};
use http::{HeaderName, Method, header};
use postern::{crypto::keys::Keys, web::MAX_BODY};
use serde_json::{Value, json};

use crate::support::{
    Answer, Call, DAY, Postern, claims,
    world::{ADA, Endpoint, Opens, Takes, World, endpoints},
};

/// Sends a request and checks the headers that every response must have.
#[track_caller]
pub fn send(call: Call<'_>) -> Answer {
    let answer = call.send();
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:?}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{answer:?}");
    assert_eq!(answer.header("x-request-id"), Some("test-request"), "{answer:?}");
    assert!(answer.header("content-type").is_some(), "{answer:?}");
    for name in answer.headers.keys() {
        assert_eq!(answer.headers.get_all(name).iter().count(), 1, "{name} of {answer:?}");
        assert!(!name.as_str().starts_with("access-control-"), "{answer:?}");
    }
    if answer.status >= 400 && !answer.text.is_empty() {
        let mut members: Vec<_> = answer.body.as_object().unwrap().keys().map(String::as_str).collect();
        members.sort_unstable();
        let expected: &[_] =
            if answer.status == 412 { &["code", "current", "detail", "error"] } else { &["code", "detail", "error"] };
        assert_eq!(members, expected, "{}", answer.text);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let code = answer.body["code"].as_str().unwrap();
        assert!(code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{code}");
    }
    answer
}

fn json_endpoints() -> Vec<Endpoint> {
    endpoints()
        .into_iter()
        .filter(|endpoint| matches!(endpoint.takes, Takes::Json(_) | Takes::JsonOrNothing(_)))
        .collect()
}

fn protected_endpoints() -> Vec<Endpoint> {
    endpoints().into_iter().filter(|endpoint| endpoint.opens != Opens::Anybody).collect()
}

#[test]
fn every_endpoint_accepts_a_valid_request() {
    for endpoint in endpoints() {
        let world = World::new();
        let answer = send(endpoint.good(&world));
        assert_eq!(answer.status, 200, "{}: {}", endpoint.name(), answer.text);
        let is_html = endpoint.pattern.starts_with("/dev/");
        let is_text = endpoint.pattern.ends_with(".txt");
        let expected = match () {
            () if is_html => "text/html; charset=utf-8",
            () if is_text => "text/plain; charset=utf-8",
            () => "application/json",
        };
        assert_eq!(answer.header("content-type"), Some(expected), "{}", endpoint.name());
        if endpoint.method != Method::HEAD && !is_html && !is_text {
            assert!(serde_json::from_str::<Value>(&answer.text).is_ok(), "{}: {}", endpoint.name(), answer.text);
        }
    }
}

#[test]
fn a_call_without_parameters_needs_no_body() {
    for endpoint in
        endpoints().iter().filter(|endpoint| matches!(endpoint.takes, Takes::Nothing | Takes::JsonOrNothing(_)))
    {
        let world = World::new();
        let answer = send(endpoint.unlocked(&world));
        assert_eq!(answer.status, 200, "{}: {}", endpoint.name(), answer.text);
    }
}

#[test]
fn an_unknown_path_is_404() {
    let world = World::new();
    for path in [
        "/",
        "/api",
        "/api/auth",
        "/api/auth/",
        "/api/auth/login/",
        "/api/auth//login",
        "/API/auth/login",
        "/api/auth/me/",
        "/api/auth/me/tokens/",
        "/api/auth/me/tokens/a/b",
        "/api/auth/me/sessions/",
        "/api/auth/%6Cogin",
        "/api/auth/login;a=b",
        "/api/auth/../auth/login",
        "/dev",
        "/dev/outbox/",
        "/health/",
        "/api/auth/\u{202e}",
    ] {
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::PATCH] {
            let call = world.postern.request(method, path).bearer(&world.ada.token);
            send(call).refused(404, "not_found");
        }
    }
}

#[test]
fn a_wrong_method_is_405_with_the_allowed_methods() {
    let mut methods: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for endpoint in endpoints() {
        methods.entry(endpoint.pattern).or_default().insert(endpoint.method.to_string());
    }
    let world = World::new();
    let exotic = Method::from_bytes(b"PROPFIND").unwrap();
    for endpoint in endpoints() {
        let right = &methods[endpoint.pattern];
        for method in [
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::DELETE,
            Method::PATCH,
            Method::OPTIONS,
            Method::TRACE,
            exotic.clone(),
        ] {
            if right.contains(method.as_str()) {
                continue;
            }
            let is_head = method == Method::HEAD;
            let answer = send(world.postern.request(method, &endpoint.path(&world)));
            assert_eq!(answer.status, 405, "{}", endpoint.name());
            let allow = answer.header("allow").unwrap();
            assert_eq!(&allow.split(", ").map(str::to_owned).collect::<BTreeSet<_>>(), right, "{}", endpoint.name());
            if !is_head {
                answer.refused(405, "method_not_allowed");
            }
        }
    }
}

#[test]
fn a_body_over_16_kib_is_413_at_every_endpoint_with_or_without_a_bearer() {
    assert_eq!(MAX_BODY, 16 * 1024);
    let world = World::new();
    let body = vec![b' '; MAX_BODY + 1];
    for endpoint in endpoints().into_iter().filter(|endpoint| !matches!(endpoint.takes, Takes::Webhook(_))) {
        for call in [endpoint.bare(&world), endpoint.unlocked(&world)] {
            let answer = send(call.body("application/json", &body));
            assert_eq!(answer.status, 413, "{}", endpoint.name());
            if endpoint.method != Method::HEAD {
                answer.refused(413, "body_too_large");
            }
        }
    }
}

#[test]
fn a_body_of_exactly_16_kib_is_accepted() {
    for endpoint in endpoints() {
        let world = World::new();
        let call = endpoint.unlocked(&world);
        let call = match endpoint.takes {
            Takes::Nothing | Takes::Webhook(_) => continue,
            Takes::Json(body) | Takes::JsonOrNothing(body) => {
                let mut text = body(&world).to_string();
                text.insert_str(0, &" ".repeat(MAX_BODY - text.len()));
                call.body("application/json", text.as_bytes())
            }
            Takes::Form(fields) => {
                let mut text = format!("otp={}&token={}&padding=", fields(&world)[0].1, fields(&world)[1].1);
                text.push_str(&"x".repeat(MAX_BODY - text.len()));
                call.body("application/x-www-form-urlencoded", text.as_bytes())
            }
        };
        let answer = send(call);
        assert_eq!(answer.status, 200, "{}: {}", endpoint.name(), answer.text);
    }
}

#[test]
fn json_requires_the_content_type_json() {
    for endpoint in json_endpoints() {
        let world = World::new();
        let (Takes::Json(body) | Takes::JsonOrNothing(body)) = endpoint.takes else { unreachable!() };
        let good = body(&world).to_string();
        for content_type in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=b",
            "application/jsonp",
            "application/json-seq",
            "text/json",
            "json",
            "*/*",
        ] {
            let answer = send(endpoint.unlocked(&world).body(content_type, good.as_bytes()));
            answer.refused(415, "unsupported_media_type");
        }
        let call = endpoint.unlocked(&world).body("application/json", good.as_bytes());
        send(call.header(header::CONTENT_TYPE, "text/plain")).refused(415, "unsupported_media_type");
        let answer = send(endpoint.unlocked(&world).body("Application/JSON;charset=UTF-8", good.as_bytes()));
        assert_eq!(answer.status, 200, "{}: {}", endpoint.name(), answer.text);
    }
}

#[test]
fn malformed_json_is_400_and_json_that_is_not_an_object_422() {
    let world = World::new();
    let deep = "[".repeat(8_000);
    let deep_object = format!("{}1{}", r#"{"email":"#.repeat(1_000), "}".repeat(1_000));
    for endpoint in json_endpoints() {
        let with = |body: &[u8]| send(endpoint.unlocked(&world).body("application/json", body));
        for body in [
            b"{".as_slice(),
            b"{\"email\":",
            b"{'email':'x'}",
            b"{\"email\":\"x\",}",
            b"{} {}",
            b"nul",
            b"{\"email\":\"\xff\"}",
            b"\xef\xbb\xbf{}",
            b"\xff\xfe{\0}\0",
            b"{\"email\":\"\\ud800\"}",
            b"{\"email\":\"\\udc00\\ud800\"}",
            b"{\"email\":\"\n\"}",
            b"{\"email\":01}",
            b"{\"email\":NaN}",
            b"{\"email\":1e999}",
            b" ",
            deep.as_bytes(),
            deep_object.as_bytes(),
        ] {
            with(body).refused(400, "unreadable_body");
        }
        for body in ["[]", "null", "true", "1", "\"{}\"", "[{}]"] {
            let answer = with(body.as_bytes());
            answer.refused(422, "invalid_fields");
            assert_eq!(answer.body["detail"][0]["loc"], json!(["body"]), "{}", answer.text);
        }
        if matches!(endpoint.takes, Takes::Json(_)) {
            with(b"").refused(400, "unreadable_body");
            send(endpoint.unlocked(&world)).refused(400, "unreadable_body");
            with(b"{}").refused(422, "invalid_fields");
        }
    }
}

#[test]
fn a_malformed_form_is_400() {
    let world = World::new();
    let with =
        |content_type: &str, body: &[u8]| send(world.postern.post("/api/auth/verify-otp").body(content_type, body));
    let urlencoded = "application/x-www-form-urlencoded";
    let multipart = "multipart/form-data; boundary=b";
    for (content_type, body) in [
        (urlencoded, b"".as_slice()),
        (urlencoded, b"otp=\xff&token=x"),
        (multipart, b""),
        (multipart, b"otp=1&token=2"),
        (multipart, b"--b\r\nContent-Disposition: form-data; name=\"otp\"\r\n\r\n1"),
        (multipart, b"--b\r\nContent-Disposition: form-data; name=\"otp\"\r\n\r\n\xff\r\n--b--\r\n"),
        ("multipart/form-data", b"--b--\r\n"),
    ] {
        with(content_type, body).refused(400, "unreadable_body");
    }
    send(world.postern.post("/api/auth/verify-otp")).refused(400, "unreadable_body");
    for content_type in ["application/json", "text/plain", "multipart/mixed; boundary=b"] {
        with(content_type, b"{}").refused(415, "unsupported_media_type");
    }
}

/// Values that no endpoint may accept as a bearer token.
fn bad_bearers(world: &World, endpoint: &Endpoint) -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let good = endpoint.key(world).unwrap();
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (head, payload) = signed.split_once('.').unwrap();
    let bearer = |token: &str| vec![format!("Bearer {token}").into_bytes()];
    let encode = |value: Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
    let mut richer = claims(good);
    richer["scopes"] = json!(["admin", 1]);
    let mut others = claims(good);
    others["sub"] = json!(world.grace.id);
    let (mut bare, now) = (claims(good), world.postern.now.get());
    for standard in ["iat", "exp"] {
        bare.as_object_mut().unwrap().remove(standard);
    }
    let forger = Keys::derive("another secret, of 32 characters", None);
    let forger = if endpoint.opens == Opens::Resets { forger.password_reset } else { forger.session };
    let other_signature: String = signature.chars().rev().collect();
    let mut bad = vec![
        ("no header", vec![]),
        ("two headers", vec![bearer(good).remove(0), bearer(good).remove(0)]),
        ("an empty header", vec![b"".to_vec()]),
        ("no token", vec![b"Bearer".to_vec()]),
        ("an empty token", vec![b"Bearer ".to_vec()]),
        ("no scheme", vec![good.as_bytes().to_vec()]),
        ("Basic", vec![b"Basic YWRhQGV4YW1wbGUuY29tOng=".to_vec()]),
        ("another scheme", vec![format!("Token {good}").into_bytes()]),
        ("no space", vec![format!("Bearer{good}").into_bytes()]),
        ("a list", vec![format!("Bearer {good}, Bearer {good}").into_bytes()]),
        ("a tail", bearer(&format!("{good} x"))),
        ("not ASCII", vec!["Bearer \u{1f511}".as_bytes().to_vec()]),
        ("no UTF-8", vec![b"Bearer \xff\xfe".to_vec()]),
        ("garbage", bearer("x")),
        ("dots", bearer("..")),
        ("more dots", bearer("....")),
        ("64 KiB", bearer(&"a".repeat(64 * 1024))),
        ("64 KiB of dots", bearer(&".".repeat(64 * 1024))),
        ("64 KiB of payload", bearer(&format!("{head}.{}.{signature}", "a".repeat(64 * 1024)))),
        ("bad base64", bearer(&format!("{head}.{payload}.!!!"))),
        ("padded base64", bearer(&format!("{good}=="))),
        ("a part too few", bearer(signed)),
        ("a part too many", bearer(&format!("{good}.{signature}"))),
        ("no signature", bearer(&format!("{signed}."))),
        ("a short signature", bearer(&good[..good.len() - 4])),
        ("another signature", bearer(&format!("{signed}.{other_signature}"))),
        ("alg none", bearer(&format!("{}.{payload}.", encode(json!({ "alg": "none", "typ": "JWT" }))))),
        ("alg none, signed", bearer(&format!("{}.{payload}.{signature}", encode(json!({ "alg": "none" }))))),
        ("another role", bearer(&format!("{head}.{}.{signature}", encode(richer)))),
        ("another user", bearer(&format!("{head}.{}.{signature}", encode(others)))),
        ("another secret", bearer(&forger.sign(bare, now, now + DAY).unwrap())),
        ("a user token", bearer(&world.user_token)),
        ("an OTP session token", bearer(&world.otp_token)),
        ("a session id", bearer(&world.session_id)),
    ];
    if endpoint.opens == Opens::Resets {
        bad.push(("a session token", bearer(&world.ada.token)));
    } else if endpoint.opens != Opens::SessionsAndResets {
        bad.push(("a reset token", bearer(&world.reset_token)));
    }
    bad
}

#[track_caller]
fn is_401(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 401, "{what}: {}", answer.text);
    assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer "), "{what}: {answer:?}");
    if !answer.text.is_empty() {
        answer.refused(401, "invalid_token");
    }
}

#[test]
fn a_protected_endpoint_answers_401_to_every_invalid_bearer() {
    let world = World::new();
    for endpoint in protected_endpoints() {
        for (name, values) in bad_bearers(&world, &endpoint) {
            let call = values
                .iter()
                .fold(endpoint.locked(&world), |call, value| call.raw_header(header::AUTHORIZATION, value));
            is_401(&send(call), &format!("{}: {name}", endpoint.name()));
        }
        let with_worse_body = endpoint.bare(&world).body("text/plain", b"{");
        is_401(&send(with_worse_body), &endpoint.name());
    }
    // None of the requests had an effect.
    assert_eq!(world.postern.me(&world.ada.token), 200);
    assert_eq!(world.postern.log(), [""; 0]);
}

#[test]
fn a_protected_endpoint_answers_401_to_an_expired_bearer() {
    let world = World::new();
    world.postern.kv.forget_to_expire();
    world.postern.wait(7 * DAY);
    for endpoint in protected_endpoints() {
        is_401(&send(endpoint.good(&world)), &endpoint.name());
    }
}

#[test]
fn a_protected_endpoint_answers_401_after_the_session_has_ended() {
    for endpoint in protected_endpoints() {
        let world = World::new();
        world.postern.post("/api/auth/logout").bearer(endpoint.session(&world)).send().expect(200);
        let answer = send(endpoint.good(&world));
        match endpoint.opens {
            Opens::Resets => assert_eq!(answer.status, 200, "{}", answer.text),
            _ => is_401(&answer, &endpoint.name()),
        }
    }
}

#[test]
fn a_session_of_an_inactive_user_is_403_at_every_endpoint() {
    let world = World::new();
    for endpoint in protected_endpoints() {
        let owner = claims(endpoint.session(&world))["sub"].clone();
        world.postern.set_active(owner.as_str().unwrap(), false);
        let answer = send(endpoint.good(&world));
        match endpoint.opens {
            Opens::Resets => is_401(&answer, &endpoint.name()),
            _ => assert_eq!(answer.status, 403, "{}: {}", endpoint.name(), answer.text),
        }
    }
}

#[test]
fn the_bearer_scheme_is_case_insensitive() {
    for endpoint in protected_endpoints() {
        let world = World::new();
        let value = format!("bEARER  {}", endpoint.key(&world).unwrap());
        assert_eq!(
            send(endpoint.locked(&world).header(header::AUTHORIZATION, &value)).status,
            200,
            "{}",
            endpoint.name()
        );
    }
}

#[test]
fn public_endpoints_need_no_bearer_and_ignore_an_invalid_one() {
    let is_public =
        |endpoint: &Endpoint| endpoint.opens == Opens::Anybody && !matches!(endpoint.takes, Takes::Webhook(_));
    for endpoint in endpoints().into_iter().filter(is_public) {
        let world = World::new();
        assert_eq!(send(endpoint.good(&world).bearer("garbage")).status, 200, "{}", endpoint.name());
    }
}

#[test]
fn head_is_like_get_without_a_body() {
    for endpoint in endpoints().into_iter().filter(|endpoint| endpoint.method == Method::HEAD) {
        let world = World::new();
        let get = Endpoint { method: Method::GET, ..endpoint.clone() };
        for (head, get) in [(endpoint.good(&world), get.good(&world)), (endpoint.bare(&world), get.bare(&world))] {
            let (head, get) = (send(head), send(get));
            assert_eq!((head.status, head.headers), (get.status, get.headers), "{}", endpoint.name());
            assert_eq!(head.text, "");
            assert_ne!(get.text, "");
        }
    }
}

#[test]
fn endpoints_that_invite_guessing_are_rate_limited_with_retry_after() {
    let guarded: Vec<String> = endpoints()
        .into_iter()
        .filter_map(|endpoint| {
            let world = World::new();
            world.postern.exhaust_burst_guard();
            let answer = send(endpoint.good(&world));
            if answer.status != 429 {
                assert_eq!(answer.status, 200, "{}", endpoint.name());
                return None;
            }
            assert_eq!(answer.header("retry-after"), Some("10"), "{}", endpoint.name());
            Some(endpoint.name())
        })
        .collect();
    let expected = [
        "POST /api/auth/login",
        "POST /api/auth/login/email",
        "POST /api/auth/login/email/verify",
        "POST /api/auth/login/passkey/options",
        "POST /api/auth/login/passkey",
        "POST /api/auth/login/second-factor/passkey/options",
        "POST /api/auth/login/second-factor",
        "POST /api/auth/login/{provider}",
        "POST /api/auth/login/{provider}/callback",
        "POST /api/auth/signup",
        "POST /api/auth/signup/verify",
        "POST /api/auth/undo-email-change",
        "POST /api/auth/verify-otp",
        "GET /api/auth/verify-token",
        "POST /api/auth/verify-token",
        "POST /api/auth/invitation",
        "POST /api/auth/send-password-reset-link",
        "HEAD /api/auth/verify-token",
    ];
    assert_eq!(guarded, expected);
}

#[test]
fn writes_of_a_signed_in_user_have_a_budget_and_reads_do_not_count() {
    for endpoint in protected_endpoints() {
        let world = World::new();
        let caller = claims(endpoint.session(&world))["sub"].as_str().unwrap().to_owned();
        let other = if caller == world.ada.id { &world.grace.id } else { &world.ada.id };
        world.postern.exhaust_write_budget(other);
        assert_eq!(send(endpoint.good(&world)).status, 200, "{}", endpoint.name());

        let world = World::new();
        let caller = claims(endpoint.session(&world))["sub"].as_str().unwrap().to_owned();
        world.postern.exhaust_write_budget(&caller);
        let before = world.postern.sql.dump();
        let answer = send(endpoint.good(&world));
        let only_reads = endpoint.method == Method::GET || endpoint.method == Method::HEAD;
        // A reset link lets the owner recover if someone else floods the service in their name.
        if only_reads || endpoint.opens == Opens::Resets {
            assert_eq!(answer.status, 200, "{}", endpoint.name());
            continue;
        }
        assert_eq!(answer.header("retry-after"), Some("60"), "{}", endpoint.name());
        answer.refused(429, "too_many_requests");
        assert_eq!(world.postern.sql.dump(), before, "{}", endpoint.name());
    }
}

#[test]
fn no_response_is_readable_by_other_origins() {
    let world = World::new();
    for endpoint in endpoints() {
        let origin = HeaderName::from_static("origin");
        // `send` fails on any Access-Control header.
        send(endpoint.good(&world).header(origin.clone(), "https://evil.example"));
        send(world.postern.request(Method::OPTIONS, &endpoint.path(&world)).header(origin, "https://evil.example"));
    }
}

/// Text that has broken services before, as JSON string content.
fn odd_texts() -> Vec<String> {
    let pieces = [
        "\\u0000",
        "\\ud800",
        "\\udfff\\ud800",
        "\\ud83d\\udd11",
        "\u{1f511}",
        "\u{202e}",
        "\u{200b}",
        "\u{feff}",
        "\u{fffd}",
        "\u{10ffff}",
        "\u{e000}",
        "\u{2028}",
        "e\u{301}",
        "\u{130}",
        "\u{df}",
        "\u{212a}",
        "\u{ff0f}",
        "\\n",
        "\\r\\n",
        "\\\\",
        "\\\"",
        "'",
        "';--",
        "%00",
        "%",
        "@",
        "a@b.co",
        ".",
        "/../",
        "{{7*7}}",
        "<b>",
        "{}",
        " ",
        "\u{a0}",
        "0",
        "-1",
        "admin",
        "null",
    ];
    let mut texts: Vec<String> = pieces.iter().map(|piece| (*piece).to_owned()).collect();
    texts.extend(pieces.iter().map(|piece| piece.repeat(40)));
    texts.push(String::new());
    texts.push("\u{1f511}".repeat(3_000));
    // A small generator (Knuth's MMIX), so that the texts are the same each time.
    let mut state: u64 = 1;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for _ in 0..100 {
        texts.push((0..next(12) + 1).map(|_| pieces[next(pieces.len())]).collect());
    }
    texts
}

/// Values that are not strings.
const ODD_VALUES: [&str; 16] = [
    "null",
    "true",
    "0",
    "-0",
    "1.0",
    "-1",
    "1e308",
    "9007199254740993",
    "18446744073709551616",
    "-9223372036854775809",
    "0.1",
    "[]",
    "{}",
    "[\"a\"]",
    "{\"a\":\"b\"}",
    "[[[[[[]]]]]]",
];

#[track_caller]
fn is_no_5xx(call: Call<'_>, what: &str) {
    let postern = call.postern();
    let answer = send(call);
    assert!(answer.status < 500, "{what}: {} {:?}", answer.text, postern.log());
    // Avoid throttles in the following requests.
    postern.sql.execute("DELETE FROM throttles", &[]);
}

#[test]
fn no_text_in_json_causes_a_5xx() {
    let texts = odd_texts();
    let mut sent = 0;
    for endpoint in json_endpoints() {
        let (Takes::Json(body) | Takes::JsonOrNothing(body)) = endpoint.takes else { unreachable!() };
        let names: Vec<String> = body(&World::new()).as_object().unwrap().keys().cloned().collect();
        for name in &names {
            let world = World::new();
            let mut good = body(&world);
            good.as_object_mut().unwrap().remove(name);
            let rest = good.to_string();
            let rest = rest.trim_start_matches('{').trim_end_matches('}');
            let comma = if rest.is_empty() { "" } else { "," };
            let values = texts.iter().map(|text| format!("\"{text}\"")).chain(ODD_VALUES.map(str::to_owned));
            for value in values {
                let text = format!("{{\"{name}\":{value}{comma}{rest}}}");
                is_no_5xx(endpoint.unlocked(&world).body("application/json", text.as_bytes()), &text);
                sent += 1;
            }
            for text in &texts {
                let text = format!("{{\"{text}\":1,\"{name}\":1{comma}{rest}}}");
                is_no_5xx(endpoint.unlocked(&world).body("application/json", text.as_bytes()), &text);
            }
        }
    }
    assert!(sent > 1_000, "{sent}");
}

#[test]
fn no_text_in_other_places_causes_a_5xx() {
    let world = World::new();
    let postern = &world.postern;
    for text in odd_texts() {
        let decoded = serde_json::from_str::<String>(&format!("\"{text}\"")).unwrap_or(text);
        let text = &decoded;
        let encoded: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        for (otp, token) in [(text, &world.otp_token), (&world.code, text), (text, text)] {
            let form = [("otp", otp.as_str()), ("token", token)];
            is_no_5xx(postern.post("/api/auth/verify-otp").form(&form), text);
            let parts = format!(
                "--b\r\nContent-Disposition: form-data; name=\"otp\"\r\n\r\n{otp}\r\n\
                 --b\r\nContent-Disposition: form-data; name=\"token\"; filename=\"{text}\"\r\n\r\n{token}\r\n--b--\r\n"
            );
            let call = postern.post("/api/auth/verify-otp");
            is_no_5xx(call.body("multipart/form-data; boundary=b", parts.as_bytes()), text);
        }
        for path in ["/api/auth/verify-token?token=", "/dev/outbox?to=", "/api/auth/me?x="] {
            for value in [text, &encoded] {
                is_no_5xx(postern.get(&format!("{path}{value}")).bearer(&world.ada.token), text);
            }
        }
        for path in
            ["users?search=", "users?referrer=", "users/", "events?user=", "events?action=", "invite-tree?root="]
        {
            for value in [text, &encoded] {
                is_no_5xx(postern.get(&format!("/api/auth/admin/{path}{value}")).bearer(&world.admin_token), text);
            }
        }
        for path in ["/api/auth/me/tokens/", "/api/auth/me/sessions/"] {
            for value in [text, &encoded] {
                is_no_5xx(postern.delete(&format!("{path}{value}")).bearer(&world.ada.token), text);
            }
        }
        for name in [header::AUTHORIZATION, header::USER_AGENT, header::ACCEPT, header::CONTENT_TYPE] {
            let value: Vec<u8> = text.bytes().filter(|byte| *byte >= 32 && *byte != 127).collect();
            for endpoint in endpoints().into_iter().filter(|endpoint| endpoint.method != Method::DELETE) {
                if endpoint.pattern.ends_with("/login")
                    || endpoint.pattern.ends_with("/me")
                    || endpoint.pattern.starts_with("/dev/")
                {
                    is_no_5xx(endpoint.bare(&world).raw_header(name.clone(), &value), text);
                }
            }
        }
    }
}

#[test]
fn any_user_agent_can_log_in() {
    let postern = Postern::new();
    let ada = postern.sign_up(ADA);
    for agent in [b"\xff\xfe".as_slice(), "\u{1f511}".as_bytes(), "a".repeat(10_000).as_bytes(), b"", b"\t"] {
        let body = json!({ "email": ADA, "password": crate::support::PASSWORD });
        let call = postern.post("/api/auth/login").json(body).raw_header(header::USER_AGENT, agent);
        assert_eq!(send(call).status, 200);
    }
    postern.get("/api/auth/me/sessions").bearer(&ada.token).send().expect(200);
}
