//! Generates the API description (OpenAPI 3.1) from the route table and the attribute `operation` of each handler.
//!
//! The attribute has what is specific to the endpoint: its body, its response and, under `4XX`, the codes of its errors. The rest is
//! added here: the method, the path and the guard from the row, the tag from the area, the errors of the guard, of bodies and of
//! all requests, and the status, message and headers of each error from `error.rs`.

use std::collections::BTreeMap;

use http::Method;
use postern::{
    access::recent::RecentAuthentication,
    error::{self, Error},
    language::Language,
    routes::{self, AREAS, Guard, Route},
};
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Postern",
        description = "User identity at the edge: sign-up by invitation, login, email verification, password reset, \
            sessions and user tokens.\n\n\
            Every response has an `X-Request-Id` and `Cache-Control: no-store`. Times are UNIX timestamps in milliseconds. \
            Unknown fields of a body are ignored. Unknown paths get 404 (`not_found`), and unknown methods of a path get \
            405 (`method_not_allowed`) with `Allow`. HEAD works wherever GET does."
    ),
    servers((url = "/")),
    components(schemas(error::Body, error::Detail, error::InvalidField<'static>, error::Reauthentication, error::SecondStep))
)]
struct Introduction;

/// The request id in the examples.
const REQUEST_ID: &str = "7f8a1b9c-40d2-4c55-9f6e-0a3c5d1e2b4f";

/// Returns the whole description.
///
/// # Panics
/// If the attribute of a handler names an error that does not exist.
pub fn describe() -> Value {
    let mut document = json!(Introduction::openapi());
    let refusals = Refusals::of(&Error::examples());
    let mut responses = Map::new();
    document["tags"] = AREAS.iter().map(|area| json!({ "name": area.tag, "description": area.description })).collect();
    for (area, route, description) in routes::descriptions() {
        for (name, schema) in description.schemas {
            document["components"]["schemas"][name] = json!(schema);
        }
        let mut operation = json!(description.operation).as_object().unwrap().clone();
        operation.insert("tags".to_owned(), json!([area.tag]));
        complete(route, &mut operation, &refusals, &mut responses);
        document["paths"][route.pattern][route.method.as_str().to_lowercase()] = operation.into();
    }
    // No operation responds with it. The introduction says when it occurs.
    let refusal = &refusals.0["method_not_allowed"];
    responses.insert(component_name(&[refusal]), response(&[refusal]));
    name_timestamps(&mut document);
    document["components"]["responses"] = responses.into();
    document["components"]["headers"] = headers();
    document["components"]["securitySchemes"] = security_schemes();
    document
}

/// Gives timestamps their name. utoipa does not see the alias `Timestamp`, and nothing else is a reference to `i64`.
fn name_timestamps(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if let Some(schema) = members.remove("i64") {
                members.insert("Timestamp".to_owned(), schema);
            }
            members.values_mut().for_each(name_timestamps);
        }
        Value::Array(items) => items.iter_mut().for_each(name_timestamps),
        Value::String(text) if text == "#/components/schemas/i64" => "#/components/schemas/Timestamp".clone_into(text),
        _ => {}
    }
}

/// Adds to an operation what follows from its route.
fn complete(route: &Route, operation: &mut Map<String, Value>, refusals: &Refusals, shared: &mut Map<String, Value>) {
    let mut codes = vec!["body_too_large", "internal_error", "request_timeout", "unavailable"];
    if route.pattern.starts_with("/api/") {
        codes.push("https_required");
    }
    if operation.contains_key("requestBody") {
        codes.extend(["unreadable_body", "unsupported_media_type", "invalid_fields"]);
    }
    let (schemes, of_guard) = guarded(&route.guard);
    codes.extend(of_guard);
    if schemes.contains(&"session") && route.method != Method::GET {
        codes.extend(["foreign_origin", "too_many_requests"]);
    }
    if !schemes.is_empty() {
        let requirements = schemes.iter().map(|scheme| json!({ *scheme: [] })).collect::<Vec<_>>();
        operation.insert("security".to_owned(), requirements.into());
    }
    // What can be left out is not nullable because of that.
    let body = operation.get_mut("requestBody");
    if let Some(schema) = body.and_then(|body| body.pointer_mut("/content/application~1json/schema"))
        && let Some(some) = schema.pointer("/oneOf/0").cloned()
    {
        *schema = some;
    }
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(types) = parameter.pointer_mut("/schema/type")
            && let Some(some) = types.get(0).cloned()
        {
            *types = some;
        }
    }
    operation.insert("operationId".to_owned(), operation_id(route).into());
    tidy(operation);

    let responses = operation["responses"].as_object_mut().unwrap();
    let own = responses.remove("4XX");
    let own = own.as_ref().map(|own| own["description"].as_str().unwrap()).unwrap_or_default();
    codes.extend(own.split_whitespace());
    for success in responses.values_mut().map(|success| success.as_object_mut().unwrap()) {
        success.entry("description").or_insert_with(|| "Done.".into());
        let headers = success.entry("headers").or_insert_with(|| json!({}));
        headers["X-Request-Id"] = json!({ "$ref": "#/components/headers/X-Request-Id" });
    }
    for (status, refusals) in refusals.by_status(&codes) {
        let name = component_name(&refusals);
        responses.insert(status, json!({ "$ref": format!("#/components/responses/{name}") }));
        shared.entry(name).or_insert_with(|| response(&refusals));
    }
}

/// Returns the security schemes of a guard, and the codes of its errors.
fn guarded(guard: &Guard) -> (&'static [&'static str], Vec<&'static str>) {
    let session = ["invalid_token", "account_changed", "inactive"];
    let of_session = |when: RecentAuthentication, own: &[&'static str]| {
        // Pages of apps are refused where recent authentication is needed, also when they only read.
        let recent: &[&str] =
            if when == RecentAuthentication::Never { &[] } else { &["reauthentication_required", "foreign_origin"] };
        [&session, own, recent].concat()
    };
    match guard {
        Guard::Open(_) => (&[], vec![]),
        Guard::RateLimited(_) => (&[], vec!["too_many_requests"]),
        Guard::SessionBeforePasswordChange(when, _) => (&["session", "cookie"], of_session(*when, &[])),
        Guard::SessionDuringSetup(when, _) => {
            (&["session", "cookie"], of_session(*when, &["password_change_required"]))
        }
        Guard::Session(when, _) => {
            (&["session", "cookie"], of_session(*when, &["password_change_required", "second_factor_setup_required"]))
        }
        Guard::Admin(when, _) => {
            let own = ["password_change_required", "second_factor_setup_required", "admin_required", "foreign_origin"];
            (&["session", "cookie"], of_session(*when, &own))
        }
        Guard::PasswordReset(_) => (&["password_reset"], vec!["invalid_token"]),
        Guard::SessionOrPasswordReset(_) => {
            (&["session", "password_reset", "cookie"], of_session(RecentAuthentication::Never, &[]))
        }
    }
}

/// Returns a stable name for generated code: `putMeName` for `PUT /api/auth/me/name`.
fn operation_id(route: &Route) -> String {
    let path = route.pattern.strip_prefix("/api/auth/").unwrap_or(route.pattern);
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.fold(route.method.as_str().to_lowercase(), |name, word| name + &capitalized(word))
}

/// Removes the full stop of the summary, and a description that is empty.
fn tidy(operation: &mut Map<String, Value>) {
    let summary = operation["summary"].as_str().unwrap().trim_end_matches('.').to_owned();
    operation.insert("summary".to_owned(), summary.into());
    if operation.get("description").is_some_and(|description| description == "") {
        operation.remove("description");
    }
}

/// Errors by code.
struct Refusals(BTreeMap<&'static str, Refusal>);

/// An error, as the description shows it.
struct Refusal {
    code: &'static str,
    status: String,
    body: Value,
    header: Option<String>,
}

impl Refusals {
    fn of(errors: &[Error]) -> Refusals {
        let refusal = |error: &Error| Refusal {
            code: error.code(),
            status: error.status().as_str().to_owned(),
            body: json!(error.body(REQUEST_ID, Language::English)),
            header: error.header().map(|(name, _)| name.as_str().to_owned()),
        };
        Refusals(errors.iter().map(|error| (error.code(), refusal(error))).collect())
    }

    /// Returns the errors with these codes, by status.
    fn by_status<'a>(&'a self, codes: &[&str]) -> BTreeMap<String, Vec<&'a Refusal>> {
        let mut sorted: BTreeMap<String, Vec<&Refusal>> = BTreeMap::new();
        for code in codes {
            let refusal = self.0.get(*code).unwrap_or_else(|| panic!("src/error.rs has no error {code}"));
            let same = sorted.entry(refusal.status.clone()).or_default();
            if !same.iter().any(|known| known.code == refusal.code) {
                same.push(refusal);
            }
        }
        for same in sorted.values_mut() {
            same.sort_by_key(|refusal| refusal.code);
        }
        sorted
    }
}

/// Returns the name of the response for errors of the same status, such as `InactiveOrWrongPassword`.
fn component_name(refusals: &[&Refusal]) -> String {
    let name = |refusal: &&Refusal| refusal.code.split('_').map(capitalized).collect::<String>();
    refusals.iter().map(name).collect::<Vec<_>>().join("Or")
}

fn capitalized(word: &str) -> String {
    let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
    first.to_ascii_uppercase() + rest
}

/// Returns the schema of `detail` for an error.
fn detail(code: &str) -> Value {
    match code {
        "invalid_fields" => json!({ "type": "array", "minItems": 1 }),
        "second_factor_required" => json!({ "$ref": "#/components/schemas/SecondStep" }),
        "reauthentication_required" => json!({ "$ref": "#/components/schemas/Reauthentication" }),
        _ => json!({ "type": "null" }),
    }
}

/// Returns the response for errors of the same status.
fn response(refusals: &[&Refusal]) -> Value {
    let codes: Vec<&str> = refusals.iter().map(|refusal| refusal.code).collect();
    let description: Vec<String> = refusals
        .iter()
        .map(|refusal| {
            let sentence = refusal.body.get("error").and_then(Value::as_str).unwrap_or_default();
            format!("`{}`: {}", refusal.code, sentence.replace(REQUEST_ID, "…"))
        })
        .collect();
    let mut details: Vec<Value> = codes.iter().map(|code| detail(code)).collect();
    details.sort_by_key(Value::to_string);
    details.dedup();
    let detail = if let [detail] = details.as_slice() { detail.clone() } else { json!({ "oneOf": details }) };
    let examples: Map<String, Value> =
        refusals.iter().map(|refusal| (refusal.code.to_owned(), json!({ "value": refusal.body }))).collect();
    let headers: Map<String, Value> = std::iter::once("x-request-id")
        .chain(refusals.iter().filter_map(|refusal| refusal.header.as_deref()))
        .map(|name| {
            let name = name
                .split('-')
                .map(capitalized)
                .collect::<Vec<_>>()
                .join("-")
                .replace("Www", "WWW")
                .replace("Etag", "ETag");
            let reference = json!({ "$ref": format!("#/components/headers/{name}") });
            (name, reference)
        })
        .collect();
    json!({
        "description": description.join("\n\n"),
        "headers": headers,
        "content": { "application/json": {
            "schema": { "allOf": [
                { "$ref": "#/components/schemas/Refusal" },
                { "type": "object", "properties": { "code": { "enum": codes }, "detail": detail } },
            ] },
            "examples": examples,
        } },
    })
}

fn headers() -> Value {
    let seconds = json!({ "type": "integer", "minimum": 1 });
    let text = json!({ "type": "string" });
    json!({
        "ETag": { "required": true, "description": "The version of the current state, for `If-Match`.", "schema": text },
        "Allow": { "required": true, "description": "The methods of this path.", "schema": text },
        "Retry-After": { "required": true, "description": "The number of seconds to wait before the next attempt.", "schema": seconds },
        "WWW-Authenticate": { "required": true, "description": "RFC 6750, section 3.", "schema": text },
        "X-Request-Id": {
            "required": true,
            "description": "The id of the request in the log. Include it when you report a problem.",
            "schema": { "type": "string", "format": "uuid" },
        },
    })
}

fn security_schemes() -> Value {
    json!({
        "session": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A session token, from the response to a login or sign-up, or from X-Refresh-Token.",
        },
        "cookie": {
            "type": "apiKey",
            "in": "cookie",
            "name": "__Host-session",
            "description": "A session token in a cookie, which the service's own pages, and those of app_origins in GET /config, request with \
                X-Session-Cookie. In local development over plain http, its name is `local-session`. It is ignored if there is an Authorization header. Requests \
                other than GET and HEAD also need an Origin header with one of these origins. Pages of app_origins cannot call admin endpoints \
                and those that need recent authentication (403 foreign_origin). A page that shows a user should send \
                the user's id in X-Acting-As, encoded with encodeURIComponent. If the session belongs to another user by then, the \
                response is 409 (account_changed) and nothing is done.",
        },
        "password_reset": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A reset token, from the link in an email. It is valid for GET /me, and once for the reset.",
        },
    })
}
