//! What an identity provider sends, good and bad.

use serde_json::{Value, json};

use crate::support::{
    Answer, HOUR, MINUTE, Postern, SECOND,
    provider::{self, *},
    world::{GRACE, World},
};

fn world() -> World {
    let world = World::with_settings(&SETTINGS);
    world.postern.sql.execute("DELETE FROM identities", &[]);
    world.postern.sql.execute("DELETE FROM unlinked_identities", &[]);
    provider::start(&world.postern);
    world
}

/// Signs in with a token whose header and claims the test changes.
fn sign_in(postern: &Postern, change: impl Fn(&mut Value, &mut Value)) -> Answer {
    let visit = provider::begin(postern);
    let (mut header, mut claims) = (json!({ "alg": "ES256", "kid": "es" }), provider::claims(postern, &visit));
    change(&mut header, &mut claims);
    provider::issues(postern, &signed(&header, &claims));
    provider::come_back(postern, &visit)
}

fn remove(value: &mut Value, name: &str) {
    value.as_object_mut().unwrap().remove(name);
}

#[test]
fn the_request_has_pkce_a_nonce_and_a_state() {
    let world = world();
    let visit = provider::begin(&world.postern);
    let (address, query) = visit.url.split_once('?').unwrap();
    assert_eq!(address, "https://op.example/authorize");
    let parameters: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let names: Vec<&str> = parameters.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "theme",
        "response_type",
        "client_id",
        "redirect_uri",
        "state",
        "code_challenge",
        "code_challenge_method",
        "nonce",
        "scope",
    ];
    assert_eq!(names, expected);
    assert_eq!(parameters[3].1, "https://app.example.com/api/auth/callback/acme");
    assert_eq!(parameters[6].1, "S256");
    assert_eq!(parameters[8].1, "openid email profile");
    // The secrets are in the token alone, encrypted.
    let token = visit.body["token"].as_str().unwrap();
    assert!(!token.contains(&visit.nonce) && !visit.url.contains("verifier"));
}

#[test]
fn the_code_is_exchanged_with_the_verifier_of_its_visit() {
    let world = world();
    let postern = &world.postern;
    let visit = provider::begin(postern);
    provider::issues(postern, &signed(&json!({ "alg": "ES256", "kid": "es" }), &provider::claims(postern, &visit)));
    let answer = provider::come_back(postern, &visit).expect(200);
    assert_eq!((&answer["user"]["email"], &answer["return_to"]), (&json!(GRACE), &Value::Null));
    let forms = postern.resend.forms.borrow();
    let sent: Vec<(String, String)> = form_urlencoded::parse(forms[0].body.as_bytes()).into_owned().collect();
    let value = |name: &str| sent.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    assert_eq!(value("grant_type").as_deref(), Some("authorization_code"));
    assert_eq!(value("code").as_deref(), Some("a code"));
    assert_eq!(value("redirect_uri").as_deref(), Some("https://app.example.com/api/auth/callback/acme"));
    let challenge = postern::crypto::sha256::base64url(value("code_verifier").unwrap().as_bytes());
    assert!(visit.url.contains(&format!("code_challenge={challenge}")), "{}", visit.url);
    // RFC 6749, section 2.3.1: `client:s%3Acret`.
    let authorization = ("Authorization", "Basic Y2xpZW50OnMlM0FjcmV0".to_owned());
    assert!(forms[0].headers.contains(&authorization) && value("client_secret").is_none(), "{:?}", forms[0].headers);
}

#[test]
fn rs256_and_es256_are_accepted() {
    let world = world();
    sign_in(&world.postern, |_, _| {}).expect(200);
    sign_in(&world.postern, |header, _| *header = json!({ "alg": "RS256", "kid": "rs", "typ": "JWT" })).expect(200);
    // One key of this algorithm is there, so the id can be missing.
    sign_in(&world.postern, |header, _| *header = json!({ "alg": "RS256" })).expect(200);
    sign_in(&world.postern, |_, claims| claims["aud"] = json!(["client"])).expect(200);
    sign_in(&world.postern, |_, claims| {
        claims["aud"] = json!(["other", "client"]);
        claims["azp"] = json!("client");
    })
    .expect(200);
    // A clock that is off by a minute.
    let now = world.postern.now.get() / 1_000;
    sign_in(&world.postern, |_, claims| claims["exp"] = json!(now - 59)).expect(200);
    sign_in(&world.postern, |_, claims| claims["iat"] = json!(now + 60)).expect(200);
}

#[test]
fn an_id_token_that_cannot_be_trusted_is_refused() {
    type Change = fn(&mut Value, &mut Value, i64);
    let bad: [(&str, Change); 34] = [
        ("alg none", |header, _, _| header["alg"] = json!("none")),
        ("alg None", |header, _, _| header["alg"] = json!("None")),
        ("alg HS256 with the public key", |header, _, _| header["alg"] = json!("HS256")),
        ("alg ES384", |header, _, _| header["alg"] = json!("ES384")),
        ("alg RS256 with the key of ES256", |header, _, _| header["alg"] = json!("RS256")),
        ("alg ES256 with the key of RS256", |header, _, _| header["kid"] = json!("rs")),
        ("alg missing", |header, _, _| remove(header, "alg")),
        ("alg no text", |header, _, _| header["alg"] = json!(1)),
        ("kid unknown", |header, _, _| header["kid"] = json!("other")),
        ("kid no text", |header, _, _| header["kid"] = json!(1)),
        ("crit", |header, _, _| header["crit"] = json!(["exp"])),
        ("iss missing", |_, claims, _| remove(claims, "iss")),
        ("iss of another", |_, claims, _| claims["iss"] = json!("https://op.example")),
        ("iss with a slash", |_, claims, _| claims["iss"] = json!(format!("{ISSUER}/"))),
        ("aud missing", |_, claims, _| remove(claims, "aud")),
        ("aud of another", |_, claims, _| claims["aud"] = json!("other")),
        ("aud with a longer name", |_, claims, _| claims["aud"] = json!("client2")),
        ("aud of several without azp", |_, claims, _| claims["aud"] = json!(["client", "other"])),
        ("aud empty", |_, claims, _| claims["aud"] = json!([])),
        ("azp of another", |_, claims, _| claims["azp"] = json!("other")),
        ("nonce missing", |_, claims, _| remove(claims, "nonce")),
        ("nonce of another visit", |_, claims, _| {
            claims["nonce"] = json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
        }),
        ("nonce empty", |_, claims, _| claims["nonce"] = json!("")),
        ("exp missing", |_, claims, _| remove(claims, "exp")),
        ("exp a text", |_, claims, now| claims["exp"] = json!((now + 300).to_string())),
        ("exp over", |_, claims, now| claims["exp"] = json!(now - 60)),
        ("iat missing", |_, claims, _| remove(claims, "iat")),
        ("iat in the future", |_, claims, now| claims["iat"] = json!(now + 61)),
        ("nbf in the future", |_, claims, now| claims["nbf"] = json!(now + 61)),
        ("sub missing", |_, claims, _| remove(claims, "sub")),
        ("sub empty", |_, claims, _| claims["sub"] = json!("")),
        ("sub a number", |_, claims, _| claims["sub"] = json!(1)),
        ("sub of 256 characters", |_, claims, _| claims["sub"] = json!("x".repeat(256))),
        ("sub with a space", |_, claims, _| claims["sub"] = json!("a b")),
    ];
    let world = world();
    let postern = &world.postern;
    let before = postern.sql.query("SELECT count(*) AS number FROM sessions", &[]);
    for (name, change) in bad {
        let now = postern.now.get() / 1_000;
        let answer = sign_in(postern, |header, claims| change(header, claims, now));
        assert_eq!((answer.status, &answer.body["code"]), (401, &json!("provider_refused")), "{name}: {}", answer.text);
    }
    assert_eq!(postern.sql.query("SELECT count(*) AS number FROM sessions", &[]), before);
    assert_eq!(postern.sql.query("SELECT id FROM identities", &[]).len(), 0);
    // The log says why, without the token.
    let log = postern.log().join("\n");
    assert!(log.contains("the provider acme was not trusted: the ID token has expired"), "{log}");
    assert!(!log.contains("eyJ") && !log.contains("SlAV32hkKG") && !log.contains(GRACE), "{log}");
}

#[test]
fn a_token_that_is_cut_or_changed_is_refused() {
    let world = world();
    let postern = &world.postern;
    let visit = provider::begin(postern);
    let good = signed(&json!({ "alg": "ES256", "kid": "es" }), &provider::claims(postern, &visit));
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (header, claims) = message.split_once('.').unwrap();
    let mut other = provider::claims(postern, &visit);
    other["email"] = json!("ada@example.com");
    let other = encoded(other.to_string().as_bytes());
    for bad in [
        String::new(),
        "x".to_owned(),
        "..".to_owned(),
        message.to_owned(),
        format!("{message}."),
        format!("{message}.{}", &signature[2..]),
        format!("{good}AA"),
        format!("{good}.{signature}"),
        format!("{header}.{other}.{signature}"),
        format!("{header}.{claims}=.{signature}"),
        format!(" {good}"),
        format!("{}.{claims}.{signature}", encoded(b"[]")),
        format!("{header}.{}.{signature}", encoded(b"null")),
    ] {
        provider::issues(postern, &bad);
        provider::come_back(postern, &visit).refused(401, "provider_refused");
    }
    // None of them has used up the visit.
    provider::issues(postern, &good);
    provider::come_back(postern, &visit).expect(200);
}

#[test]
fn the_issuer_of_the_response_is_compared() {
    let world = world();
    let postern = &world.postern;
    for (iss, announced, status) in [
        (None, false, 200),
        (Some(ISSUER), false, 200),
        (Some(ISSUER), true, 200),
        (Some("https://evil.example"), false, 401),
        (Some("https://evil.example"), true, 401),
        (Some(""), true, 401),
        (None, true, 401),
    ] {
        let mut document = provider::discovery();
        document["authorization_response_iss_parameter_supported"] = json!(announced);
        postern.wait(HOUR);
        postern.net_answers(DISCOVERY, 200, &document.to_string());
        let mut visit = provider::begin(postern);
        provider::issues(postern, &signed(&json!({ "alg": "ES256", "kid": "es" }), &provider::claims(postern, &visit)));
        if let Some(iss) = iss {
            visit.body["iss"] = json!(iss);
        }
        assert_eq!(provider::come_back(postern, &visit).status, status, "{iss:?} {announced}");
    }
}

#[test]
fn keys_are_kept_and_fetched_again_for_an_unknown_one_at_most_once_a_minute() {
    let world = world();
    let postern = &world.postern;
    let fetched = || postern.resend.gets.borrow().iter().filter(|get| get.url == KEYS).count();
    sign_in(postern, |_, _| {}).expect(200);
    sign_in(postern, |_, _| {}).expect(200);
    assert_eq!(fetched(), 1);
    // The provider begins to use another key.
    postern.net_answers(KEYS, 200, &json!({ "keys": [es256_jwk("new"), es256_jwk("es")] }).to_string());
    let with_new = |header: &mut Value, _: &mut Value| header["kid"] = json!("new");
    sign_in(postern, with_new).refused(401, "provider_refused");
    assert_eq!(fetched(), 1);
    postern.wait(MINUTE);
    sign_in(postern, with_new).expect(200);
    for _ in 0..3 {
        sign_in(postern, |header, _| header["kid"] = json!("unknown")).refused(401, "provider_refused");
    }
    assert_eq!(fetched(), 2);
    // While the provider is down, the known keys are used for a day.
    postern.wait(HOUR);
    postern.net_answers(KEYS, 500, "");
    postern.net_answers(DISCOVERY, 500, "");
    sign_in(postern, with_new).expect(200);
    postern.wait(24 * HOUR);
    let answer = postern.post("/api/auth/login/acme").json(json!({})).send();
    answer.refused(503, "provider_unavailable");
}

#[test]
fn keys_that_cannot_be_used_are_refused() {
    let world = world();
    let postern = &world.postern;
    let mut short = rs256_jwk("es");
    short["n"] = json!("ofgWCuLjybRlzo0tZWJjNg");
    let mut exponent = rs256_jwk("rs");
    exponent["e"] = json!("Aw");
    let mut off_the_curve = es256_jwk("es");
    off_the_curve["y"] = off_the_curve["x"].clone();
    let mut for_encryption = es256_jwk("es");
    for_encryption["use"] = json!("enc");
    let two = json!([rs256_jwk("a"), rs256_jwk("b")]);
    for (keys, header) in [
        (json!([short]), json!({ "alg": "RS256", "kid": "es" })),
        (json!([exponent]), json!({ "alg": "RS256", "kid": "rs" })),
        (json!([off_the_curve]), json!({ "alg": "ES256", "kid": "es" })),
        (json!([for_encryption]), json!({ "alg": "ES256", "kid": "es" })),
        (two, json!({ "alg": "RS256" })),
        (json!([]), json!({ "alg": "ES256", "kid": "es" })),
        (json!("none"), json!({ "alg": "ES256", "kid": "es" })),
    ] {
        postern.wait(HOUR);
        postern.net_answers(KEYS, 200, &json!({ "keys": keys }).to_string());
        sign_in(postern, |old, _| *old = header.clone()).refused(401, "provider_refused");
    }
}

#[test]
fn a_provider_that_is_down_or_answers_nonsense_is_a_503() {
    let good = provider::discovery();
    let with = |name: &str, value: Value| {
        let mut document = good.clone();
        document[name] = value;
        document.to_string()
    };
    for (status, body) in [
        (200, "<html>".to_owned()),
        (200, "[]".to_owned()),
        (200, String::new()),
        (404, good.to_string()),
        (302, String::new()),
        (500, good.to_string()),
        (200, with("issuer", json!("https://op.example"))),
        (200, with("token_endpoint", json!("http://op.example/token"))),
        (200, with("authorization_endpoint", json!("javascript:alert(1)"))),
        (200, with("authorization_endpoint", json!("https://op.example/#x"))),
        (200, with("jwks_uri", Value::Null)),
    ] {
        let world = world();
        world.postern.net_answers(DISCOVERY, status, &body);
        let answer = world.postern.post("/api/auth/login/acme").json(json!({})).send();
        answer.refused(503, "provider_unavailable");
        assert_eq!(answer.header("retry-after"), Some("5"), "{body}");
    }
    for (status, body, expected) in [
        (200, "<html>", 503),
        (200, "{}", 401),
        (302, "{}", 503),
        (500, "{}", 503),
        (500, "oops", 503),
        (400, r#"{"error":"invalid_grant"}"#, 401),
        (400, r#"{"error":"invalid_client"}"#, 503),
        (401, r#"{"error":"invalid_client","error_description":"<script>"}"#, 503),
        (400, r#"{"error":"<script>"}"#, 503),
        (200, r#"{"error":"bad_verification_code"}"#, 401),
    ] {
        let world = world();
        let visit = provider::begin(&world.postern);
        world.postern.net_answers(TOKEN, status, body);
        let answer = provider::come_back(&world.postern, &visit);
        assert_eq!(answer.status, expected, "{status} {body}: {}", answer.text);
        let log = world.postern.log().join("\n");
        assert!(log.contains("the provider acme") && !log.contains("<script>") && !log.contains("s:cret"), "{log}");
    }
}

#[test]
fn userinfo_gives_the_email_if_it_is_of_the_same_user() {
    let world = world();
    let postern = &world.postern;
    let without = |_: &mut Value, claims: &mut Value| {
        remove(claims, "email");
        remove(claims, "email_verified");
    };
    let said = |sub: &str| json!({ "sub": sub, "email": GRACE, "email_verified": true }).to_string();
    postern.net_answers(USERINFO, 200, &said("248289761001"));
    assert_eq!(sign_in(postern, without).expect(200)["user"]["email"], GRACE);
    let gets = postern.resend.gets.borrow();
    let userinfo = gets.iter().find(|get| get.url == USERINFO).unwrap();
    assert!(userinfo.headers.contains(&("Authorization", "Bearer SlAV32hkKG".to_owned())));
    drop(gets);
    postern.wait(SECOND);
    postern.net_answers(USERINFO, 200, &said("someone else"));
    sign_in(postern, without).refused(401, "provider_refused");
    // `email_verified` of the ID token is not about an email that only the userinfo has.
    postern.sql.execute("DELETE FROM identities", &[]);
    postern.sql.execute("DELETE FROM unlinked_identities", &[]);
    postern.wait(SECOND);
    postern.net_answers(USERINFO, 200, &json!({ "sub": "248289761001", "email": GRACE }).to_string());
    sign_in(postern, |_, claims| remove(claims, "email")).refused(409, "account_exists");
}

#[test]
fn email_verified_counts_only_where_the_settings_trust_it() {
    for (trusted, claim, code) in [
        ("trusted", json!(true), None),
        ("trusted", json!(false), Some("account_exists")),
        ("trusted", json!("true"), Some("account_exists")),
        ("trusted", Value::Null, Some("account_exists")),
        ("ignored", json!(true), Some("account_exists")),
    ] {
        let world = World::with_settings(&[&SETTINGS[..4], &[("OIDC_ACME_VERIFIED_EMAILS", trusted)]].concat());
        world.postern.sql.execute("DELETE FROM identities", &[]);
        provider::start(&world.postern);
        let answer = sign_in(&world.postern, |_, claims| claims["email_verified"] = claim.clone());
        assert_eq!(answer.body["code"].as_str(), code, "{trusted} {claim}");
    }
}

/// A named provider: its settings, where it publishes its keys and exchanges codes, and what it says.
struct Named {
    id: &'static str,
    settings: &'static [(&'static str, &'static str)],
    keys: &'static str,
    token: &'static str,
    claims: fn() -> Value,
    subject: &'static str,
    issuer: &'static str,
}

/// The claims have the shape of the ID token in the documentation of each provider.
const NAMED: [Named; 3] = [
    Named {
        id: "google",
        settings: &[("GOOGLE_CLIENT_ID", "client"), ("GOOGLE_CLIENT_SECRET", "s:cret")],
        keys: "https://www.googleapis.com/oauth2/v3/certs",
        token: "https://oauth2.googleapis.com/token",
        // https://developers.google.com/identity/openid-connect/openid-connect, "An ID token's payload"
        claims: || {
            json!({
                "iss": "https://accounts.google.com", "azp": "client", "aud": "client", "sub": "10769150350006150715113082367",
                "at_hash": "HK6E_P6Dh8Y93mRNtsDB1Q", "hd": "example.com", "email": "new@example.com", "email_verified": true,
                "name": "Jane Smith",
            })
        },
        subject: "10769150350006150715113082367",
        issuer: "https://accounts.google.com",
    },
    Named {
        id: "microsoft",
        settings: &[("MICROSOFT_CLIENT_ID", "client"), ("MICROSOFT_CLIENT_SECRET", "s:cret")],
        keys: "https://login.microsoftonline.com/common/discovery/v2.0/keys",
        token: "https://login.microsoftonline.com/common/oauth2/v2.0/token",
        // https://learn.microsoft.com/entra/identity-platform/id-tokens, "Sample v2.0 ID token"
        claims: || {
            json!({
                "ver": "2.0", "iss": "https://login.microsoftonline.com/9122040d-6c67-4c5b-b112-36a304b66dad/v2.0", "aud": "client",
                "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ", "oid": "00000000-0000-0000-66f3-3332eca7ea81",
                "tid": "9122040d-6c67-4c5b-b112-36a304b66dad", "name": "Jane Smith", "preferred_username": "new@example.com",
                "email": "new@example.com", "xms_edov": true, "aio": "Df2UVXL1ix!lMCWMSOJBcFatzcGfvFGhjKv8q5g0x732dR5MB5BisvGQO7YWByjd8iQDLq!eGbIDakyp5mnOrcdqHeYSnltepQmRp6AIZ8jY",
            })
        },
        subject: "00000000-0000-0000-66f3-3332eca7ea81",
        issuer: "https://login.microsoftonline.com/9122040d-6c67-4c5b-b112-36a304b66dad/v2.0",
    },
    Named {
        id: "apple",
        settings: &[
            ("APPLE_CLIENT_ID", "client"),
            ("APPLE_TEAM_ID", "TEAM123456"),
            ("APPLE_KEY_ID", "KEY1234567"),
            (
                "APPLE_PRIVATE_KEY",
                "-----BEGIN PRIVATE KEY-----\nMEECAQAwEwYHKoZIzj0CAQYIKoZIzj0DAQcEJzAlAgEBBCBxcXFxcXFxcXFxcXFxcXFx\ncXFxcXFxcXFxcXFxcXFxcQ==\n-----END PRIVATE KEY-----\n",
            ),
        ],
        keys: "https://appleid.apple.com/auth/keys",
        token: "https://appleid.apple.com/auth/token",
        // https://developer.apple.com/documentation/signinwithapple/authenticating-users-with-sign-in-with-apple
        claims: || {
            json!({
                "iss": "https://appleid.apple.com", "aud": "client", "sub": "001234.0a1b2c3d4e5f60718293a4b5c6d7e8f9.0123",
                "email": "new@example.com", "email_verified": "true", "is_private_email": "false", "nonce_supported": true,
                "auth_time": 1_700_000_000,
            })
        },
        subject: "001234.0a1b2c3d4e5f60718293a4b5c6d7e8f9.0123",
        issuer: "https://appleid.apple.com",
    },
];

impl Named {
    /// Signs in a new user. `change` changes the claims.
    fn sign_in(&self, world: &World, change: impl Fn(&mut Value)) -> (String, Answer) {
        let postern = &world.postern;
        let path = format!("/api/auth/login/{}", self.id);
        let begun = postern.post(&path).json(json!({})).send().expect(200);
        let url = begun["url"].as_str().unwrap().to_owned();
        let query = url.split_once('?').unwrap().1;
        let nonce = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "nonce").unwrap().1.into_owned();
        let now = postern.now.get() / 1_000;
        let mut claims = (self.claims)();
        (claims["nonce"], claims["iat"], claims["exp"]) = (json!(nonce), json!(now), json!(now + 300));
        change(&mut claims);
        postern.net_answers(self.keys, 200, &json!({ "keys": [rs256_jwk("first"), rs256_jwk("second")] }).to_string());
        let id_token = signed(&json!({ "alg": "RS256", "kid": "second" }), &claims);
        let tokens =
            json!({ "access_token": "SlAV32hkKG", "token_type": "Bearer", "expires_in": 3599, "id_token": id_token });
        postern.net_answers(self.token, 200, &tokens.to_string());
        let user = r#"{"name":{"firstName":"Jane","lastName":"Smith"},"email":"new@example.com"}"#;
        let mut body = json!({ "token": begun["token"], "state": begun["id"], "code": "a code" });
        if self.id == "apple" {
            body["user"] = json!(user);
        }
        (url, postern.post(&format!("{path}/callback")).json(body).send())
    }

    fn world(&self) -> World {
        let providers = format!("github,{}", self.id);
        let providers = [("IDENTITY_PROVIDERS", providers.as_str()), ("SIGN_UP", "open")];
        let world = World::with_settings(&[&providers, self.settings].concat());
        world.postern.sql.execute("DELETE FROM identities", &[]);
        world
    }
}

#[test]
fn google_microsoft_and_apple_sign_in_with_the_answers_of_their_documentation() {
    for named in &NAMED {
        let world = named.world();
        let (url, answer) = named.sign_in(&world, |_| {});
        let answer = answer.expect(200);
        let user = &answer["user"];
        assert_eq!(
            (&user["email"], &user["name"], &user["is_verified"]),
            (&json!("new@example.com"), &json!("Jane Smith"), &json!(true)),
            "{}",
            named.id
        );
        let identities = world.postern.sql.query("SELECT provider, issuer, subject FROM identities", &[]);
        let expected = json!({ "provider": named.id, "issuer": named.issuer, "subject": named.subject });
        assert_eq!(identities, [expected]);
        let parameters: Vec<_> =
            form_urlencoded::parse(url.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
        let value = |name: &str| parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let redirect_uri = format!("https://app.example.com/api/auth/callback/{}", named.id);
        assert_eq!((value("redirect_uri"), value("code_challenge_method")), (Some(&*redirect_uri), Some("S256")));
        let is_apple = named.id == "apple";
        assert_eq!(value("scope"), Some(if is_apple { "name email" } else { "openid email profile" }));
        assert_eq!(value("response_mode"), is_apple.then_some("form_post"), "{}", named.id);
        let forms = world.postern.resend.forms.borrow();
        let form: Vec<_> = form_urlencoded::parse(forms[0].body.as_bytes()).into_owned().collect();
        let secret = form.iter().find(|(name, _)| name == "client_secret").unwrap().1.as_str();
        assert!(if is_apple { secret.split('.').count() == 3 } else { secret == "s:cret" }, "{}: {secret}", named.id);
        // None of the secrets is in the log or in the database.
        let log = world.postern.log().join("\n") + &world.postern.sql.dump();
        for secret in ["SlAV32hkKG", "s:cret", "eyJhbGciOiJSUzI1NiIs"] {
            assert!(!log.contains(secret), "{}: {secret}", named.id);
        }
    }
}

#[test]
fn a_named_provider_is_not_trusted_with_the_issuer_of_another_one() {
    for named in &NAMED {
        let world = named.world();
        for issuer in [
            "https://op.example",
            "https://accounts.google.com.example",
            "https://login.microsoftonline.com/x/v2.0",
            "",
        ] {
            let (_, answer) = named.sign_in(&world, |claims| claims["iss"] = json!(issuer));
            answer.refused(401, "provider_refused");
        }
        assert!(world.postern.sql.query("SELECT id FROM identities", &[]).is_empty());
    }
}

#[test]
fn an_error_of_the_token_endpoint_names_the_settings_in_the_log() {
    for (named, setting) in NAMED.iter().zip(["GOOGLE_CLIENT_SECRET", "MICROSOFT_CLIENT_SECRET", "APPLE_PRIVATE_KEY"]) {
        let world = named.world();
        let postern = &world.postern;
        let path = format!("/api/auth/login/{}", named.id);
        let begun = postern.post(&path).json(json!({})).send().expect(200);
        postern.net_answers(named.token, 401, r#"{"error":"invalid_client","error_description":"s:cret"}"#);
        let body = json!({ "token": begun["token"], "state": begun["id"], "code": "a code" });
        postern.post(&format!("{path}/callback")).json(body).send().refused(503, "provider_unavailable");
        let log = postern.log().join("\n");
        assert!(log.contains("invalid_client") && log.contains(setting) && !log.contains("s:cret"), "{log}");
    }
}
