//! Property tests of each parser, mostly through the routes, with inputs that proptest generates.
//!
//! proptest shrinks a failing input, prints it, and saves it in `properties.regressions` next to this file. Later runs start
//! with the saved inputs. `PROPTEST_CASES` sets the number of cases.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use base64ct::{Base64UrlUnpadded, Encoding};
use http::{HeaderMap, Method, header};
use postern::{
    crypto::keys::Keys,
    domain::{
        email::{Email, LoginName, Sender},
        name::Name,
        password::{NewPassword, Password, Policy},
        return_to::Origins,
    },
    web::{Fields, Request},
};
use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::{Index, select, subsequence},
    test_runner::FileFailurePersistence,
};
use serde_json::{Map, Value, json};

use crate::{
    conventions::send,
    support::{
        Answer, HOUR, NEW_SECRET, PASSWORD, SECRET, claims,
        world::{ADA, Endpoint, Opens, Takes, World, endpoints},
    },
};

/// The number of cases, chosen to take at most a second.
fn cases(number: u32) -> ProptestConfig {
    ProptestConfig {
        cases: number,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    }
}

// Inputs.

/// Text for a field: all kinds of characters, and text with a special meaning somewhere.
fn text() -> impl Strategy<Value = String> {
    let meaningful = select(vec![
        "",
        " ",
        "\0",
        "\r\n",
        "%00",
        "%",
        "\u{feff}",
        "\u{202e}",
        "'; DROP TABLE users; --",
        "../",
        "{{7*7}}",
        "null",
        "admin",
        ADA,
        " ADA@Example.com ",
        PASSWORD,
        "0000000000",
        "000000",
    ]);
    prop_oneof![
        4 => "\\PC{0,40}",
        2 => any::<String>(),
        3 => meaningful.prop_map(str::to_owned),
        1 => ("\\PC", 1..400_usize).prop_map(|(character, times)| character.repeat(times)),
    ]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((text(), inner), 0..6).prop_map(Value::from_iter),
        ]
    })
}

/// An edit to a byte sequence.
#[derive(Debug, Clone)]
enum Edit {
    Replace(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index),
    CutOff(Index),
    Double(Index),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let at = any::<Index>;
    let edit = prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Replace(at, byte)),
        (at(), vec(any::<u8>(), 1..8)).prop_map(|(at, bytes)| Edit::Insert(at, bytes)),
        at().prop_map(Edit::Remove),
        at().prop_map(Edit::CutOff),
        at().prop_map(Edit::Double),
    ];
    vec(edit, 1..4)
}

fn edited(mut bytes: Vec<u8>, edits: &[Edit]) -> Vec<u8> {
    for edit in edits {
        let place = |at: &Index| at.index(bytes.len() + 1);
        match edit {
            Edit::Replace(at, byte) => {
                let at = place(at);
                if let Some(old) = bytes.get_mut(at) {
                    *old = *byte;
                }
            }
            Edit::Insert(at, new) => {
                let at = place(at);
                bytes.splice(at..at, new.iter().copied());
            }
            Edit::Remove(at) => {
                let at = place(at);
                bytes.splice(at..(at + 1).min(bytes.len()).max(at), []);
            }
            Edit::CutOff(at) => bytes.truncate(place(at)),
            Edit::Double(at) => {
                let tail = bytes[place(at)..].to_vec();
                bytes.extend(tail);
            }
        }
    }
    bytes
}

/// A valid header value.
fn header_value() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![6 => 0x20..=0x7e_u8, 1 => 0x80..=0xff_u8, 1 => Just(b'\t')];
    vec(byte, 0..60)
}

fn an_endpoint(chosen: impl Fn(&Endpoint) -> bool) -> impl Strategy<Value = Endpoint> {
    select(endpoints().into_iter().filter(chosen).collect::<Vec<_>>())
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.name())
    }
}

// Checks.

/// All stored data.
#[derive(Debug, PartialEq)]
struct State {
    tables: String,
    kv: HashMap<String, (String, i64)>,
}

impl State {
    fn of(world: &World) -> State {
        State { tables: world.postern.sql.dump(), kv: world.postern.kv.entries() }
    }

    /// Without counters of attempts and their audit events.
    fn without_counts(self) -> State {
        let counts = |line: &&str| {
            let is_refusal = line.starts_with("events: ") && !line.contains(", success, ");
            is_refusal || line.starts_with("throttles: ") || line.starts_with("one_time_passwords: ")
        };
        State { tables: self.tables.lines().filter(|line| !counts(line)).collect::<Vec<_>>().join("\n"), ..self }
    }
}

/// Checks that any response follows the contract: no 5xx, the format of errors, and no change of the state beyond what the
/// error implies.
fn is_an_answer(answer: &Answer, endpoint: &Endpoint, world: &World, before: State) {
    let (name, status) = (endpoint.name(), answer.status);
    assert!(status < 500, "{name}: {}", answer.text);
    assert_eq!(world.postern.log(), [""; 0], "{name}");
    if status == 200 {
        return;
    }
    if endpoint.method != Method::HEAD {
        let code = answer.body["code"].as_str().unwrap();
        answer.refused(status, code);
    }
    // Rejected sign-ups count, because the reason for the rejection is worth guessing.
    let nothing_was_judged = matches!(status, 400 | 404 | 405 | 413 | 415);
    if nothing_was_judged || (status == 422 && endpoint.pattern != "/api/auth/signup") {
        assert_eq!(before, State::of(world), "{name}: {}", answer.text);
    } else {
        assert_eq!(before.without_counts(), State::of(world).without_counts(), "{name}: {}", answer.text);
    }
}

// Bodies.

#[derive(Debug, Clone)]
enum Body {
    Bytes(Vec<u8>),
    Json(Value),
    Pairs(Vec<(String, String)>),
    /// The endpoint's valid body, modified.
    Edited(Vec<Edit>),
}

const FIELDS: [&str; 10] = [
    "email",
    "password",
    "referrer",
    "name",
    "old_password",
    "new_password",
    "otp",
    "token",
    "expires_in_days",
    "role",
];

fn body() -> impl Strategy<Value = Body> {
    let field = || select(&FIELDS[..]).prop_map(str::to_owned);
    let value = || prop_oneof![2 => text().prop_map(Value::from), 1 => any_json()];
    prop_oneof![
        1 => vec(any::<u8>(), 0..200).prop_map(Body::Bytes),
        1 => any_json().prop_map(Body::Json),
        4 => vec((field(), value()), 0..8).prop_map(|members| Body::Json(Value::from_iter(members))),
        2 => vec((field(), text()), 0..6).prop_map(Body::Pairs),
        4 => edits().prop_map(Body::Edited),
    ]
}

const URLENCODED: &str = "application/x-www-form-urlencoded";

fn urlencoded(pairs: &[(impl AsRef<str>, impl AsRef<str>)]) -> Vec<u8> {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish().into_bytes()
}

impl Body {
    /// The body for an endpoint, and the matching content type.
    fn of(self, endpoint: &Endpoint, world: &World) -> (&'static str, Vec<u8>) {
        const JSON: &str = "application/json";
        let (content_type, good) = match endpoint.takes {
            Takes::Nothing => (JSON, b"{}".to_vec()),
            Takes::Json(body) | Takes::JsonOrNothing(body) => (JSON, body(world).to_string().into_bytes()),
            Takes::Webhook(body) => (JSON, body().to_string().into_bytes()),
            Takes::Form(fields) => (URLENCODED, urlencoded(&fields(world))),
        };
        match self {
            Body::Bytes(bytes) => (content_type, bytes),
            Body::Json(json) => (JSON, json.to_string().into_bytes()),
            Body::Pairs(pairs) => (URLENCODED, urlencoded(&pairs)),
            Body::Edited(edits) => (content_type, edited(good, &edits)),
        }
    }
}

fn other_content_type() -> impl Strategy<Value = String> {
    let known = select(vec!["application/json", URLENCODED, "multipart/form-data; boundary=b", "text/plain", ";", ""]);
    prop_oneof![known.prop_map(str::to_owned), "[\\t -~\u{80}-\u{fff}]{0,60}"]
}

#[test]
fn no_body_breaks_an_endpoint_and_errors_change_nothing() {
    let fresh = RefCell::new(World::new());
    let input = (an_endpoint(|_| true), body(), option::weighted(0.2, other_content_type()));
    proptest!(cases(512), |((endpoint, body, other_content_type) in input)| {
        let world = fresh.borrow();
        let before = State::of(&world);
        let (content_type, bytes) = body.of(&endpoint, &world);
        let content_type = other_content_type.as_deref().unwrap_or(content_type);
        let answer = send(endpoint.unlocked(&world).body(content_type, &bytes));
        is_an_answer(&answer, &endpoint, &world, before);
        let may_go_on = (400..429).contains(&answer.status) || endpoint.method.is_safe();
        drop(world);
        if !may_go_on {
            fresh.replace(World::new());
        }
    });
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Absent,
    Null,
    WrongType,
    Faulty,
    Good,
}

fn kind() -> impl Strategy<Value = Kind> {
    select(vec![Kind::Absent, Kind::Null, Kind::WrongType, Kind::Faulty, Kind::Good])
}

proptest! {
    #![proptest_config(cases(125))]

    #[test]
    fn a_422_reports_exactly_the_invalid_fields(email in kind(), password in kind(), name in kind()) {
        let world = World::new();
        let mut members = Map::from_iter([("referrer".to_owned(), json!(world.referrer))]);
        let mut faulty = Vec::new();
        for (field, kind, is_required, good, bad) in [
            ("email", email, true, "bob@example.com", "bob"),
            ("password", password, true, PASSWORD, "short"),
            ("name", name, false, "Bob", " "),
        ] {
            let value = match kind {
                Kind::Absent => None,
                Kind::Null => Some(Value::Null),
                Kind::WrongType => Some(json!([good])),
                Kind::Faulty => Some(json!(bad)),
                Kind::Good => Some(json!(good)),
            };
            let is_good = kind == Kind::Good || (!is_required && matches!(kind, Kind::Absent | Kind::Null));
            if !is_good {
                faulty.push(field);
            }
            members.extend(value.map(|value| (field.to_owned(), value)));
        }
        let answer = send(world.postern.post("/api/auth/signup").json(members.into()));
        if faulty.is_empty() {
            answer.expect(200);
        } else {
            assert_eq!(answer.faulty_fields(), faulty);
        }
    }
}

/// Encodes `text` as a JSON string, where `raw` says which characters are not escaped (RFC 8259, section 7).
fn json_string(text: &str, raw: &[bool]) -> String {
    let mut written = String::from("\"");
    for (at, character) in text.chars().enumerate() {
        let must_be_escaped = matches!(character, '"' | '\\' | '\0'..='\x1f');
        if raw.get(at % raw.len().max(1)).copied().unwrap_or(true) && !must_be_escaped {
            written.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                written.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    written.push('"');
    written
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn every_json_spelling_of_a_name_is_decoded_correctly(
        // A name must not contain the separators of lines and paragraphs, Zl and Zp.
        name in "[ \\PC&&[^\\p{Zl}\\p{Zp}]]{0,3}[\\PC&&[^\\s]][\\PC&&[^\\p{Zl}\\p{Zp}]]{0,90}",
        raw in vec(any::<bool>(), 0..8),
        others in vec(("[a-z]{7}", any_json()), 0..3),
        space in "[ \t\r\n]{0,3}",
    ) {
        let world = World::new();
        let mut text = format!("{space}{{{space}");
        for (other, value) in others {
            text.push_str(&format!("\"{other}\":{value},{space}"));
        }
        text.push_str(&format!("\"name\"{space}:{}{space}}}{space}", json_string(&name, &raw)));
        let call = world.postern.put("/api/auth/me/name").bearer(&world.ada.token);
        send(call.body("application/json", text.as_bytes())).expect(200);
        let me = send(world.postern.get("/api/auth/me").bearer(&world.ada.token)).expect(200);
        assert_eq!(me["name"], name.trim());
    }
}

// Forms and the query.

fn request(content_type: &str, query: &str, body: Vec<u8>) -> Request {
    let headers = Rc::new(HeaderMap::from_iter([(header::CONTENT_TYPE, content_type.parse().unwrap())]));
    Request {
        method: Method::POST,
        origin: String::new(),
        path: "/".to_owned(),
        query: query.to_owned(),
        headers,
        body,
    }
}

const POLICY: Policy<'_> = Policy { min_length: 8, service_name: "Postern", email: None, origins: Origins::NONE };
const FORM_FIELDS: [&str; 4] = ["otp", "token", "a b", "\u{f6}\u{1f511}"];

/// The values of [`FORM_FIELDS`] in a form.
fn form_values(content_type: &str, body: Vec<u8>) -> Vec<Option<String>> {
    let request = request(content_type, "", body);
    let fields = pollster::block_on(request.form_fields()).unwrap_or_else(|error| panic!("{error:?}"));
    FORM_FIELDS.iter().map(|name| fields.field(name, &POLICY).ok()).collect()
}

/// A form field, with the extra attributes that a multipart form can have.
#[derive(Debug, Clone)]
struct FormField {
    name: &'static str,
    value: String,
    file_name: Option<String>,
    content_type: Option<&'static str>,
}

fn form_field() -> impl Strategy<Value = FormField> {
    let content_type = select(vec!["text/plain", "text/plain; charset=utf-8", "application/octet-stream"]);
    let value = prop_oneof![2 => text(), 1 => "[0-9 ]{0,8}", 1 => "[-\r\nb]{0,12}"];
    (select(&FORM_FIELDS[..]), value, option::weighted(0.1, "[a-z.]{1,9}"), option::weighted(0.1, content_type))
        .prop_map(|(name, value, file_name, content_type)| FormField { name, value, file_name, content_type })
}

/// RFC 7578, section 4.
fn multipart(fields: &[FormField], boundary: &str) -> Vec<u8> {
    let mut body = String::new();
    for FormField { name, value, file_name, content_type } in fields {
        let file_name = file_name.as_ref().map(|name| format!("; filename=\"{name}\"")).unwrap_or_default();
        let content_type = content_type.map(|kind| format!("\r\nContent-Type: {kind}")).unwrap_or_default();
        let disposition = format!("Content-Disposition: form-data; name=\"{name}\"{file_name}{content_type}");
        body.push_str(&format!("--{boundary}\r\n{disposition}\r\n\r\n{value}\r\n"));
    }
    body.push_str(&format!("--{boundary}--\r\n"));
    body.into_bytes()
}

/// A query or form in which `style` says which bytes are encoded.
fn percent_encoded(text: &str, style: &[u8]) -> String {
    let mut written = String::new();
    for (at, byte) in text.bytes().enumerate() {
        let may_be_raw = byte.is_ascii_alphanumeric() || b"*-._~!$'():@/?,;".contains(&byte);
        match style.get(at % style.len().max(1)) {
            Some(0) if byte == b' ' => written.push('+'),
            Some(0..=1) if may_be_raw => written.push(byte.into()),
            Some(2) => written.push_str(&format!("%{byte:02x}")),
            _ => written.push_str(&format!("%{byte:02X}")),
        }
    }
    written
}

fn first_of<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn both_form_encodings_are_read_the_same_and_the_first_of_duplicate_fields_counts(
        fields in vec(form_field(), 1..6),
        boundary in "[0-9A-Za-z]([-0-9A-Za-z]{0,68}[0-9A-Za-z])?",
        is_quoted in any::<bool>(),
    ) {
        prop_assume!(!fields.iter().any(|field| field.value.contains(&format!("--{boundary}"))));
        let expected: Vec<_> = FORM_FIELDS
            .iter()
            .map(|name| fields.iter().find(|field| field.name == *name).map(|field| field.value.clone()))
            .collect();
        let quote = if is_quoted { "\"" } else { "" };
        let content_type = format!("multipart/form-data; boundary={quote}{boundary}{quote}");
        assert_eq!(&form_values(&content_type, multipart(&fields, &boundary)), &expected);
        let pairs: Vec<_> = fields.iter().map(|field| (field.name, &field.value)).collect();
        assert_eq!(&form_values(URLENCODED, urlencoded(&pairs)), &expected);
    }

    #[test]
    fn every_encoding_of_a_query_parameter_is_decoded_correctly(
        pairs in vec((prop_oneof![Just("token".to_owned()), text()], text()), 1..6),
        style in vec(0..4_u8, 0..8),
    ) {
        let by_hand: Vec<_> = pairs
            .iter()
            .map(|(name, value)| format!("{}={}", percent_encoded(name, &style), percent_encoded(value, &style)))
            .collect();
        for query in [by_hand.join("&"), String::from_utf8(urlencoded(&pairs)).unwrap()] {
            for (name, _) in &pairs {
                let value = Fields::of_query(&query).field::<String>(name, &POLICY).ok();
                assert_eq!(value.as_deref(), first_of(&pairs, name), "{}", query);
            }
        }
    }
}

#[test]
fn a_user_token_is_recognized_in_every_query_encoding_and_nothing_else_is() {
    let world = World::new();
    let ask = |query: &str| send(world.postern.get(&format!("/api/auth/verify-token?{query}")));
    let input = (vec(("[a-z]{1,4}", text()), 0..3), vec(0..4_u8, 0..8), edits(), "[^#?]{0,40}");
    proptest!(cases(256), |((before, style, edits, garbage) in input)| {
        let mut prefix = String::from_utf8(urlencoded(&before)).unwrap();
        if !prefix.is_empty() {
            prefix.push('&');
        }
        let query = format!("{prefix}token={}", percent_encoded(&world.user_token, &style));
        assert_eq!(ask(&query).expect(200), json!(true), "{query}");
        let other = String::from_utf8_lossy(&edited(world.user_token.clone().into_bytes(), &edits)).into_owned();
        if other != world.user_token {
            let query = format!("token={}", percent_encoded(&other, &style));
            assert_eq!(ask(&query).expect(200), json!(false), "{query}");
        }
        let answer = ask(&garbage);
        assert!(answer.status == 422 || answer.expect(200) == json!(false), "{garbage}");
    });
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn a_code_can_be_typed_with_spaces_anywhere_and_no_other_code_is_accepted(
        spaces in vec(select(vec![" ", "\t", "\n", "\u{a0}", "\u{2009}", ""]), 7),
        other in "[0-9]{5,7}",
    ) {
        let world = World::new();
        let verify = |code: &str| {
            send(world.postern.post("/api/auth/verify-otp").form(&[("otp", code), ("token", &world.otp_token)]))
        };
        if other != world.code {
            verify(&other).refused(403, "wrong_otp");
        }
        let mut typed = spaces[6].to_owned();
        for (digit, space) in world.code.chars().zip(&spaces) {
            typed.push(digit);
            typed.push_str(space);
        }
        assert_eq!(verify(&typed).expect(200), json!(true), "{typed:?}");
    }
}

#[test]
fn no_path_leads_to_another_users_resources() {
    let world = World::new();
    let before = State::of(&world);
    let methods = vec![Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS];
    let prefixes = vec!["", "/", "/api/auth/", "/api/auth/me/tokens/", "/api/auth/me/sessions/", "/dev/outbox"];
    let rest = prop_oneof![3 => "[^?]{1,40}", 1 => "(%2e|%2f|/|\\.\\.|login|me|;){1,5}"];
    proptest!(cases(512), |((method, prefix, rest) in (select(methods), select(prefixes), rest))| {
        let path = format!("{prefix}{rest}");
        prop_assume!(!endpoints().iter().any(|endpoint| endpoint.path(&world) == path));
        let answer = send(world.postern.request(method.clone(), &path).bearer(&world.ada.token));
        assert!(matches!(answer.status, 404 | 405), "{method} {path}: {}", answer.text);
        assert_eq!(State::of(&world), before);
    });
}

// The bearer.

/// A header that is almost `Authorization: Bearer …`.
#[derive(Debug, Clone)]
struct Authorization {
    scheme: String,
    space: String,
    /// Edits to the valid token, usually none.
    edits: Vec<Edit>,
    tail: String,
}

impl Authorization {
    fn bytes(&self, token: &str) -> Vec<u8> {
        let token = edited(token.as_bytes().to_vec(), &self.edits);
        // Invalid header values would not get this far.
        let token = token.into_iter().filter(|byte| (0x20..0x7f).contains(byte) || *byte >= 0x80);
        let start = format!("{}{}", self.scheme, self.space).into_bytes();
        start.into_iter().chain(token).chain(self.tail.bytes()).collect()
    }
}

fn authorization() -> impl Strategy<Value = Authorization> {
    let scheme = prop_oneof![4 => "[Bb][Ee][Aa][Rr][Ee][Rr]", 1 => "[A-Za-z]{0,8}"];
    let edits = prop_oneof![4 => Just(Vec::new()), 1 => edits()];
    let tail = prop_oneof![4 => Just(String::new()), 1 => "[ ,.=a]{1,4}"];
    (scheme, "[ ]{0,3}|\t", edits, tail).prop_map(|(scheme, space, edits, tail)| Authorization {
        scheme,
        space,
        edits,
        tail,
    })
}

/// RFC 6750, section 2.1: the scheme in any case, at least one space, then only the token.
fn says(value: &[u8], token: &str) -> bool {
    let Ok(value) = std::str::from_utf8(value) else { return false };
    let Some(start) = value.strip_suffix(token) else { return false };
    start.len() > 6 && start[..6].eq_ignore_ascii_case("bearer") && start[6..].bytes().all(|byte| byte == b' ')
}

#[test]
fn only_a_single_authorization_header_with_the_token_is_accepted() {
    let world = World::new();
    let input = (vec(authorization(), 1..3), option::weighted(0.2, header_value()), any::<bool>());
    proptest!(cases(1_024), |((built, garbage, is_reset) in input)| {
        let token = if is_reset { &world.reset_token } else { &world.ada.token };
        let mut values: Vec<_> = built.iter().map(|value| value.bytes(token)).collect();
        values.extend(garbage);
        let call = values
            .iter()
            .fold(world.postern.get("/api/auth/me"), |call, value| call.raw_header(header::AUTHORIZATION, value));
        let opens = values.len() == 1 && says(&values[0], token);
        assert_eq!(send(call).status, if opens { 200 } else { 401 }, "{values:?}");
    });
}

/// The source of a part of a forged token.
#[derive(Debug, Clone)]
enum Part {
    /// The same part of a valid token.
    Of(usize),
    Json(Value),
    Bytes(Vec<u8>),
    Raw(String),
}

fn part() -> impl Strategy<Value = Part> {
    let member = prop_oneof![
        select(vec![json!("none"), json!("EdDSA"), json!("HS256"), json!("JWT"), json!(1), json!(4_000_000_000_u64)]),
        any_json(),
    ];
    let name = select(vec!["alg", "typ", "kid", "jwk", "crit", "sub", "sid", "jti", "iat", "exp", "purpose", "iss"]);
    let object = vec((name.prop_map(str::to_owned), member), 0..6).prop_map(Value::from_iter);
    prop_oneof![
        4 => (0..5_usize).prop_map(Part::Of),
        2 => object.prop_map(Part::Json),
        1 => prop_oneof![Just(0), Just(64), 0..100_usize]
            .prop_flat_map(|length| vec(any::<u8>(), length)).prop_map(Part::Bytes),
        1 => "[!-~]{0,90}".prop_map(Part::Raw),
    ]
}

#[derive(Debug, Clone)]
enum Forgery {
    Edited(usize, Vec<Edit>),
    Parts(Vec<Part>),
    /// The claims of a valid token, signed with a different key.
    SignedBySomebody(usize, String),
}

fn forgery() -> impl Strategy<Value = Forgery> {
    prop_oneof![
        2 => (0..5_usize, edits()).prop_map(|(which, edits)| Forgery::Edited(which, edits)),
        2 => vec(part(), 3).prop_map(Forgery::Parts),
        1 => vec(part(), 0..5).prop_map(Forgery::Parts),
        1 => (0..4_usize, "[ -~]{32,40}").prop_map(|(which, secret)| Forgery::SignedBySomebody(which, secret)),
    ]
}

impl Forgery {
    fn token(&self, live: &[&str; 5], now: i64) -> String {
        match self {
            Forgery::Edited(which, edits) => {
                let token = edited(live[*which].as_bytes().to_vec(), edits);
                token.into_iter().filter(|byte| (0x21..0x7f).contains(byte)).map(char::from).collect()
            }
            Forgery::Parts(parts) => {
                let parts = parts.iter().enumerate().map(|(at, part)| match part {
                    Part::Of(which) => live[*which].split('.').nth(at).unwrap_or_default().to_owned(),
                    Part::Json(value) => Base64UrlUnpadded::encode_string(value.to_string().as_bytes()),
                    Part::Bytes(bytes) => Base64UrlUnpadded::encode_string(bytes),
                    Part::Raw(text) => text.clone(),
                });
                parts.collect::<Vec<_>>().join(".")
            }
            Forgery::SignedBySomebody(which, secret) => {
                let mut claims = claims(live[*which]);
                claims.as_object_mut().unwrap().retain(|name, _| name != "iat" && name != "exp");
                Keys::derive(secret, None).session.sign(claims, now, now + HOUR).unwrap()
            }
        }
    }
}

#[test]
fn only_tokens_signed_by_us_are_accepted() {
    let world = World::new();
    let before = State::of(&world);
    let live = [&world.ada.token, &world.other_session, &world.reset_token, &world.admin_token, &world.user_token];
    let live = live.map(String::as_str);
    proptest!(cases(1_024), |(endpoint in an_endpoint(|endpoint| endpoint.opens != Opens::Anybody), forgery in forgery())| {
        let token = forgery.token(&live, world.postern.now.get());
        prop_assume!(!live.contains(&token.as_str()));
        let answer = send(endpoint.locked(&world).bearer(&token));
        assert_eq!(answer.status, 401, "{token}: {}", answer.text);
        assert_eq!(State::of(&world), before);
    });
}

#[test]
fn a_token_signed_by_us_is_accepted_only_with_the_claims_of_a_live_session() {
    let world = World::new();
    // Tokens signed by the previous deployment are valid too.
    world.postern.redeploy(&[("AUTH_SECRET", NEW_SECRET), ("AUTH_SECRET_PREVIOUS", SECRET)]);
    let now = world.postern.now.get();
    let keys = [SECRET, NEW_SECRET].map(|secret| Keys::derive(secret, None).session);
    let input = (
        select(vec!["iss", "aud", "sub", "scopes", "purpose", "sid", "extra", "nbf"]),
        option::weighted(
            0.9,
            prop_oneof![any_json(), text().prop_map(Value::from), (0..4_000_000_000_u64).prop_map(Value::from)],
        ),
        -10 * HOUR..10 * HOUR,
        prop_oneof![-2_000..2_000_i64, -10 * HOUR..10 * HOUR],
        0..2_usize,
    );
    proptest!(cases(1_024), |((claim, value, issued, expires, key) in input)| {
        let mut changed = claims(&world.ada.token);
        let members = changed.as_object_mut().unwrap();
        members.retain(|name, _| name != "iat" && name != "exp");
        let good = match value {
            Some(value) => members.insert(claim.to_owned(), value),
            None => members.remove(claim),
        };
        let begins = members.get("nbf");
        // Times before 1970 or between two seconds: both results are fine.
        prop_assume!(begins.is_none_or(|time| !time.is_number() || time.as_u64().is_some_and(|time| time < 1 << 33)));
        let is_ripe = begins.is_none_or(|time| time.as_u64().is_some_and(|seconds| seconds as i64 * 1_000 <= now));
        let says_the_same = matches!(claim, "extra" | "nbf") || members.get(claim) == good.as_ref();
        let is_alive = (now + expires) / 1_000 * 1_000 > now;
        let token = keys[key].sign(changed, now + issued, now + expires).unwrap();
        let answer = send(world.postern.get("/api/auth/me").bearer(&token));
        if says_the_same && is_ripe && is_alive {
            assert_eq!(answer.expect(200)["id"], world.ada.id);
        } else if claim == "scopes" && answer.status == 200 {
            // These claims are only for clients. The service reads the account instead.
            assert_eq!((&answer.body["role"], &answer.body["tier"]), (&json!("user"), &json!(0)));
        } else {
            answer.refused(401, "invalid_token");
        }
    });
}

// The rules.

proptest! {
    #![proptest_config(cases(1_024))]

    #[test]
    fn a_parsed_email_parses_to_itself_and_is_safe_in_a_mail(
        text in prop_oneof![
            3 => "[ \t]{0,2}[-A-Za-z0-9.!#$%&'*+/=?^_`{|}~]{1,66}@[-A-Za-z0-9.]{1,66}[ \n]{0,2}",
            1 => "[a-z@., <>\"\\\\\r\n:\u{212a}]{0,20}@[a-z.\u{e4}]{0,10}",
            1 => text(),
        ],
    ) {
        if let Ok(email) = Email::parse(&text) {
            let address = email.as_str();
            assert_eq!(Email::parse(address), Ok(email.clone()));
            assert_eq!(LoginName::new(&text).as_str(), address);
            assert_eq!(Email::parse(&format!("\t{}\r\n", text.to_ascii_uppercase())), Ok(email.clone()));
            assert!(address.is_ascii() && address.len() <= 254);
            assert!(!address.bytes().any(|byte| byte <= b' ' || b"<>()[]\\,;:\"\x7f".contains(&byte)), "{}", address);
            let (local, domain) = address.split_once('@').unwrap();
            assert_eq!(local, email.local_part());
            assert!(!local.is_empty() && domain.contains('.') && !domain.contains('@'));
        }
    }

    #[test]
    fn every_common_email_is_accepted(
        local in "[A-Za-z0-9]([-+_.]?[A-Za-z0-9]){0,31}",
        labels in vec("[A-Za-z0-9]([-A-Za-z0-9]{0,20}[A-Za-z0-9])?", 2..6),
    ) {
        let text = format!("{local}@{}", labels.join("."));
        let email = Email::parse(&text);
        assert_eq!(email.as_ref().map(Email::as_str), Ok(text.to_ascii_lowercase().as_str()));
    }

    #[test]
    fn a_parsed_sender_can_be_formatted_and_parsed_again(
        name in prop_oneof![2 => "[ a\"\\\\<>,.\u{e4}@]{0,8}", 1 => text()],
        address in prop_oneof![3 => Just("noreply@example.com".to_owned()), 1 => text()],
    ) {
        for text in [format!("{name} <{address}>"), format!("\"{name}\" <{address}>"), name] {
            if let Some(sender) = Sender::parse(&text) {
                let written = sender.to_string();
                assert!(!written.contains(char::is_control), "{:?}", written);
                assert_eq!(Sender::parse(&written), Some(sender), "{:?} written {:?}", text, written);
            }
        }
    }

    #[test]
    fn a_name_is_the_input_without_surrounding_space(
        text in prop_oneof![2 => text(), 1 => "\\s{0,3}\\PC{98,102}\\s{0,3}"],
    ) {
        let trimmed = text.trim();
        let has_its_length = (1..=100).contains(&trimmed.chars().count());
        match Name::parse(&text) {
            Ok(parsed) => {
                let name = parsed.as_str();
                assert_eq!(name, trimmed);
                assert!(has_its_length && !name.contains(char::is_control), "{:?}", name);
                assert_eq!(Name::parse(name), Ok(parsed.clone()));
            }
            Err(_) => {
                let is_plain = trimmed.chars().all(|character| character.is_alphanumeric() || character == ' ');
                assert!(!(has_its_length && is_plain), "{:?}", trimmed);
            }
        }
    }

    #[test]
    fn a_password_is_accepted_in_canonical_form_or_rejected_regardless_of_case(
        text in prop_oneof![3 => text(), 2 => "[ -~]{7,9}", 1 => "\\PC{127,129}", 1 => "(?i)(ada|postern|example|@|\\.|com){1,5}"],
        min_length in 8..=64_usize,
    ) {
        let email = Email::parse(ADA).unwrap();
        let policy = Policy { min_length, service_name: "Postern", email: Some(&email), origins: Origins::NONE };
        let typed = Password::new(&text);
        let length = typed.canonical().chars().count();
        match NewPassword::parse(&text, &policy) {
            Ok(accepted) => {
                let accepted = accepted.as_str();
                assert_eq!(accepted, typed.canonical());
                assert!((min_length..=128).contains(&accepted.chars().count()));
                let folded = accepted.to_lowercase();
                assert!(![ADA, "ada", "postern"].contains(&folded.as_str()));
            }
            Err((_, "string_too_short")) => assert!(length < min_length),
            Err((_, "string_too_long")) => assert!(length > 128),
            Err((_, kind)) => assert!(matches!(kind, "password_guessable" | "password_common")),
        }
        let verdict = |text: &str| NewPassword::parse(text, &policy).map(drop);
        // A letter may have a composed form in only one case, which changes the length.
        let other_cases = [text.to_ascii_uppercase(), text.to_ascii_lowercase()];
        for other in other_cases.iter().filter(|other| Password::new(other).canonical().chars().count() == length) {
            assert_eq!(verdict(&text), verdict(other));
        }
    }
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn an_accepted_password_works_and_a_similar_one_does_not(
        new in prop_oneof!["[ \\PC]{8,40}", any::<String>(), "[ \te\u{301}\u{e9}\u{130}\u{df}\u{fb01}\u{212a}]{8,12}"],
        kinds in subsequence(vec![0_u8, 1, 2, 3, 4], 2),
    ) {
        let world = World::new();
        let json = json!({ "old_password": PASSWORD, "new_password": new });
        let answer = send(world.postern.put("/api/auth/me/password").bearer(&world.ada.token).json(json));
        if answer.status == 422 {
            world.postern.login(ADA, PASSWORD).expect(200);
            return Ok(());
        }
        answer.expect(200);
        world.postern.login(ADA, &new).expect(200);
        for kind in kinds {
            let nearly = match kind {
                0 => new.trim().to_owned(),
                1 => format!("{new} "),
                2 => new.to_lowercase(),
                3 => new.replace('\u{e9}', "e\u{301}"),
                _ => new.chars().take(new.chars().count() - 1).collect(),
            };
            if Password::new(&nearly).canonical() != Password::new(&new).canonical() {
                world.postern.login(ADA, &nearly).refused(401, "wrong_credentials");
            }
        }
    }
}
