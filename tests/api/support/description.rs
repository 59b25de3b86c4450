//! The description of the API, to which every answer that any test gets is held.

use std::sync::OnceLock;

use http::Method;
use serde_json::Value;

use super::{Answer, openapi};

/// Returns the API description, generated once.
pub fn description() -> &'static Value {
    static DESCRIPTION: OnceLock<Value> = OnceLock::new();
    DESCRIPTION.get_or_init(openapi::describe)
}

/// Holds an answer to the description: its status, its content type, its code and its headers are among those that the operation has.
/// A path or a method that is not described must be refused as one.
#[track_caller]
pub fn hold(method: &Method, path: &str, answer: &Answer) {
    let name = format!("{method} {path}: {} {}", answer.status, answer.text);
    // Of plain http outside local development the introduction tells.
    if answer.status == 308 || answer.outcome == "https_required" && !path.starts_with("/api/") {
        return;
    }
    let Some(item) = item(path) else { return assert_eq!(answer.status, 404, "{name}") };
    // A method is written one way (RFC 9110, section 9.1): `Post` is another than `POST`.
    let described = if method == Method::HEAD { &Method::GET } else { method };
    // CORS: the browser asks, not a client.
    if method == Method::OPTIONS && answer.status == 204 {
        return;
    }
    let operation = item.as_object().unwrap().iter().find(|(name, _)| name.to_uppercase() == described.as_str());
    let Some((_, operation)) = operation else {
        // No path has a malformed escape.
        return assert!(answer.status == 405 || answer.status == 404 && path.contains('%'), "{name}");
    };
    let response = &operation["responses"][answer.status.to_string()];
    let response =
        response["$ref"].as_str().map_or(response, |reference| description().pointer(&reference[1..]).unwrap());
    assert!(response.is_object(), "no such status is described: {name}");
    let content_type = answer.header("content-type").unwrap_or_default();
    let is_described = match &response["content"] {
        // A redirect has no content.
        Value::Null => content_type.is_empty() && answer.text.is_empty(),
        content => content.get(content_type).is_some(),
    };
    assert!(is_described, "no such content type is described: {name}");
    for (header, described) in response["headers"].as_object().into_iter().flatten() {
        let described = described["$ref"].as_str().map_or(described, |at| description().pointer(&at[1..]).unwrap());
        let is_there = answer.headers.contains_key(header.as_str());
        assert!(is_there || described["required"] != true, "{header} is described and missing: {name}");
    }
    if answer.status >= 400 && method != Method::HEAD {
        let schemas = &response["content"]["application/json"]["schema"]["allOf"];
        let codes = schemas[1]["properties"]["code"]["enum"].as_array().unwrap();
        assert!(codes.contains(&answer.body["code"]), "no such code is described: {name}");
    }
}

/// The path as it is described, with everything that is described of it.
fn item(path: &str) -> Option<&'static Value> {
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let template: Vec<&str> = template.split('/').collect();
        template.len() == parts.len()
            && template
                .iter()
                .zip(&parts)
                .all(|(template, part)| if template.starts_with('{') { !part.is_empty() } else { template == part })
    };
    let paths = description()["paths"].as_object().unwrap();
    // A path that is written out comes before one with a variable segment.
    let fitting = paths.iter().filter(|(template, _)| fits(template));
    fitting.min_by_key(|(template, _)| template.matches('{').count()).map(|(_, item)| item)
}
