//! The description of the API (OpenAPI 3.1), made of the annotations beside the endpoints.
//!
//! An annotation tells what is the endpoint's own: its body, its answer, and under `4XX` the codes of its refusals. What
//! follows from those is added here: the refusals that every body, every session and every request may meet, and of each
//! its status, sentence and headers, from `error.rs`.
//!
//! Tests alone call it: they hold `endpoints/openapi.json` to it. The Worker carries that file and nothing of this one.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use crate::{
    endpoints::{
        admin, config, create_token, deactivate, events, health, jwks, login, logout, me, name, one_time_password,
        openapi, outbox, password, password_reset, send_invite, sessions, signup, tokens, verify_token,
    },
    error::{self, Error},
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Postern",
        description = "User identity at the edge: sign-up by invitation, login, email verification, password reset, \
            sessions and user tokens.\n\n\
            Every answer is `no-store` and carries an `X-Request-Id`. Times are UNIX milliseconds. Unknown members of a \
            body are ignored. A path that is not here is answered 404 (`not_found`), a method that is not here 405 \
            (`method_not_allowed`) with `Allow`; HEAD is answered wherever GET is."
    ),
    servers((url = "/")),
    tags(
        (name = "Signing in", description = "How a session begins and ends."),
        (name = "My account", description = "What a user sees and does of their own."),
        (name = "Invitations", description = "User tokens: what a user hands to whoever is to sign up."),
        (name = "Password reset", description = "For those who forgot theirs."),
        (name = "Administration", description = "For admins alone."),
        (name = "Verifying", description = "For other services."),
        (name = "Service", description = "For whoever runs or tests it."),
    ),
    paths(
        login::post,
        signup::post,
        logout::post,
        me::get,
        deactivate::delete,
        name::put,
        password::put,
        one_time_password::send,
        one_time_password::verify,
        sessions::list,
        sessions::delete,
        events::list,
        create_token::post,
        tokens::list,
        tokens::delete,
        verify_token::get,
        verify_token::post,
        send_invite::post,
        password_reset::send_link,
        password_reset::complete,
        admin::users::list,
        admin::users::create,
        admin::users::get,
        admin::users::put,
        admin::users::delete,
        admin::password_reset::send_link,
        admin::sessions::list,
        admin::sessions::delete_all,
        admin::sessions::delete,
        admin::invite_tree::get,
        admin::freeze::post,
        admin::freeze::delete,
        admin::events::list,
        jwks::get,
        config::get,
        openapi::get,
        health::get,
        outbox::get,
    ),
    components(schemas(error::Body, error::FieldProblem))
)]
struct Annotations;

/// The member of an operation that says that it is open before the default password is changed.
const OPEN_BEFORE_PASSWORD_CHANGE: &str = "x-open-before-password-change";
/// An example of what every answer carries.
const REQUEST_ID: &str = "7f8a1b9c-40d2-4c55-9f6e-0a3c5d1e2b4f";

/// The whole description.
///
/// # Errors
/// Every annotation that cannot be completed, and why.
pub fn describe() -> Result<Value, Vec<String>> {
    let mut document = serde_json::to_value(Annotations::openapi()).map_err(|error| vec![error.to_string()])?;
    let refusals = Refusals::of(&Error::examples());
    let mut responses = Map::new();
    let mut problems = Vec::new();
    let paths = document.get_mut("paths").and_then(Value::as_object_mut).into_iter().flatten();
    for (path, item) in paths {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            let Some(operation) = operation.as_object_mut() else { continue };
            if let Err(unknown) = complete(path, method, operation, &refusals, &mut responses) {
                problems.push(format!("{method} {path} names the refusal {unknown}, which is not among the examples"));
            }
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    // No operation answers with it; the introduction tells when it comes.
    if let Some(refusal) = refusals.0.get("method_not_allowed") {
        responses.insert(component_name(&[refusal]), response(&[refusal]));
    }
    name_timestamps(&mut document);
    if let Some(components) = document.get_mut("components").and_then(Value::as_object_mut) {
        components.insert("responses".to_owned(), responses.into());
        components.insert("headers".to_owned(), headers());
        components.insert("securitySchemes".to_owned(), security_schemes());
    }
    Ok(document)
}

/// The annotations see through the alias `Timestamp`. Nothing else is described by a reference to `i64`.
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

/// Adds to an operation what follows from its annotation.
///
/// # Errors
/// The code of a refusal that is unknown.
fn complete(
    path: &str,
    method: &str,
    operation: &mut Map<String, Value>,
    refusals: &Refusals,
    shared: &mut Map<String, Value>,
) -> Result<(), String> {
    let mut codes = vec!["body_too_large", "internal_error", "request_timeout", "unavailable"];
    if path.starts_with("/api/") {
        codes.push("https_required");
    }
    if operation.contains_key("requestBody") {
        codes.extend(["unreadable_body", "unsupported_media_type", "invalid_fields"]);
    }
    if operation.contains_key("security") {
        codes.push("invalid_token");
    }
    if names_scheme(operation, "session") {
        codes.extend(["account_changed", "inactive"]);
        if method != "get" {
            codes.extend(["foreign_origin", "too_many_requests"]);
        }
        if let Some(requirements) = operation.get_mut("security").and_then(Value::as_array_mut) {
            requirements.push(json!({ "cookie": [] }));
        }
        if operation.remove(OPEN_BEFORE_PASSWORD_CHANGE).is_none() {
            codes.push("password_change_required");
        }
    }
    if let Some(body) = operation.get_mut("requestBody") {
        let schemas = body.pointer_mut("/content/application~1json/schema");
        // What may be left out is not null because of it.
        if let Some(schema) = schemas
            && let Some(some) = schema.pointer("/oneOf/0").cloned()
        {
            *schema = some;
        }
    }
    // A parameter that may be left out is not null because of it either.
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(types) = parameter.pointer_mut("/schema/type")
            && let Some(some) = types.get(0).cloned()
        {
            *types = some;
        }
    }
    if path.starts_with("/api/auth/admin/") {
        codes.push("admin_required");
    }
    operation.insert("operationId".to_owned(), operation_id(path, method).into());
    tell(operation);

    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return Ok(()) };
    let own = responses.remove("4XX");
    let own = own.as_ref().and_then(|own| own.get("description")?.as_str()).unwrap_or_default();
    codes.extend(own.split_whitespace());

    for success in responses.values_mut().filter_map(Value::as_object_mut) {
        success.entry("description").or_insert_with(|| "Done.".into());
        let headers = success.entry("headers").or_insert_with(|| json!({}));
        if let Some(headers) = headers.as_object_mut() {
            headers.insert("X-Request-Id".to_owned(), json!({ "$ref": "#/components/headers/X-Request-Id" }));
        }
    }
    for (status, refusals) in refusals.by_status(&codes)? {
        let name = component_name(&refusals);
        responses.insert(status, json!({ "$ref": format!("#/components/responses/{name}") }));
        shared.entry(name).or_insert_with(|| response(&refusals));
    }
    Ok(())
}

fn names_scheme(operation: &Map<String, Value>, scheme: &str) -> bool {
    let requirements = operation.get("security").and_then(Value::as_array).into_iter().flatten();
    requirements.into_iter().any(|requirement| requirement.get(scheme).is_some())
}

/// A stable name for generated code: `putMeName` for `PUT /api/auth/me/name`.
fn operation_id(path: &str, method: &str) -> String {
    let path = path.strip_prefix("/api/auth/").unwrap_or(path);
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.fold(method.to_owned(), |name, word| name + &capitalised(word))
}

/// Makes of the handler's documentation a summary, its first sentence, and a description, the rest. What it says of its
/// errors is for those who read the source: the responses tell it better.
fn tell(operation: &mut Map<String, Value>) {
    let text = |member: &str| operation.get(member).and_then(Value::as_str).unwrap_or_default();
    let whole = format!("{}\n{}", text("summary"), text("description"));
    let whole = whole.split("# Errors").next().unwrap_or_default();
    let end = whole.find(". ").into_iter().chain(whole.find(".\n")).min().unwrap_or(whole.len());
    let (summary, rest) = whole.split_at(end);
    let (summary, rest) = (summary.replace('\n', " "), rest.trim_start_matches('.').trim().to_owned());
    operation.insert("summary".to_owned(), summary.trim().into());
    operation.remove("description");
    if !rest.is_empty() {
        operation.insert("description".to_owned(), rest.into());
    }
}

/// Refusals by their code.
struct Refusals(BTreeMap<&'static str, Refusal>);

/// A refusal as the description shows it.
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
            body: json!(error.body(REQUEST_ID)),
            header: error.header().map(|(name, _)| name.as_str().to_owned()),
        };
        Refusals(errors.iter().map(|error| (error.code(), refusal(error))).collect())
    }

    /// The refusals with these codes under their statuses, each once.
    ///
    /// # Errors
    /// A code that is unknown.
    fn by_status<'a>(&'a self, codes: &[&str]) -> Result<BTreeMap<String, Vec<&'a Refusal>>, String> {
        let mut sorted: BTreeMap<String, Vec<&Refusal>> = BTreeMap::new();
        for code in codes {
            let refusal = self.0.get(*code).ok_or_else(|| (*code).to_owned())?;
            let same = sorted.entry(refusal.status.clone()).or_default();
            if !same.iter().any(|known| known.code == refusal.code) {
                same.push(refusal);
            }
        }
        for same in sorted.values_mut() {
            same.sort_by_key(|refusal| refusal.code);
        }
        Ok(sorted)
    }
}

/// `InactiveOrWrongPassword`, for the refusals that one status of an operation may mean.
fn component_name(refusals: &[&Refusal]) -> String {
    let name = |refusal: &&Refusal| refusal.code.split('_').map(capitalised).collect::<String>();
    refusals.iter().map(name).collect::<Vec<_>>().join("Or")
}

fn capitalised(word: &str) -> String {
    let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
    first.to_ascii_uppercase() + rest
}

/// The response that stands for refusals of one status.
fn response(refusals: &[&Refusal]) -> Value {
    let codes: Vec<&str> = refusals.iter().map(|refusal| refusal.code).collect();
    let description: Vec<String> = refusals
        .iter()
        .map(|refusal| {
            let sentence = refusal.body.get("error").and_then(Value::as_str).unwrap_or_default();
            format!("`{}`: {}", refusal.code, sentence.replace(REQUEST_ID, "…"))
        })
        .collect();
    let detail =
        if codes == ["invalid_fields"] { json!({ "type": "array", "minItems": 1 }) } else { json!({ "type": "null" }) };
    let examples: Map<String, Value> =
        refusals.iter().map(|refusal| (refusal.code.to_owned(), json!({ "value": refusal.body }))).collect();
    let headers: Map<String, Value> = std::iter::once("x-request-id")
        .chain(refusals.iter().filter_map(|refusal| refusal.header.as_deref()))
        .map(|name| {
            let name = name
                .split('-')
                .map(capitalised)
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
        "ETag": { "required": true, "description": "The version of the present state, for `If-Match`.", "schema": text },
        "Allow": { "required": true, "description": "The methods that this path answers.", "schema": text },
        "Retry-After": { "required": true, "description": "Seconds to wait before another attempt.", "schema": seconds },
        "WWW-Authenticate": { "required": true, "description": "RFC 6750, section 3.", "schema": text },
        "X-Request-Id": {
            "required": true,
            "description": "What to tell when something is reported: the log knows it.",
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
            "description": "A session token: what a login and a sign-up answer, and X-Refresh-Token.",
        },
        "cookie": {
            "type": "apiKey",
            "in": "cookie",
            "name": "__Host-session",
            "description": "A session token in the cookie that a page of the service's own gets with X-Session-Cookie \
                (`local-session` in local development over plain http). It counts where there is no Authorization header, and for more than reading only with an Origin that is the \
                service's own. A page that shows a user should send the user's id in the header X-Acting-As, encoded as by \
                encodeURIComponent: if the session has come to belong to another user, the answer is 409 (account_changed) and \
                nothing is done.",
        },
        "password_reset": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A reset token, from the link in a mail: for GET /me, and once for the reset.",
        },
    })
}
