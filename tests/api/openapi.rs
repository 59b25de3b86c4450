//! Compares the OpenAPI description with the code. `npm run openapi` updates it.

use std::{collections::BTreeSet, env, fs};

use http::Method;
use postern::{error::Error, language::Language};
use serde_json::Value;

use crate::support::{
    Postern,
    description::description,
    openapi,
    world::{CHANGE_PASSWORD, REDIRECT, endpoints},
};

const FILE: &str = "src/endpoints/openapi.json";

#[test]
fn the_served_description_matches_the_code() {
    let described = openapi::describe();
    let text = serde_json::to_string_pretty(&described).unwrap() + "\n";
    if env::var_os("WRITE_OPENAPI").is_some() {
        fs::write(FILE, &text).unwrap();
    }
    assert!(fs::read_to_string(FILE).unwrap() == text, "{FILE} is out of date: run `npm run openapi`");
    if env::var_os("WRITE_OPENAPI").is_none() {
        assert_eq!(Postern::new().get("/api/auth/openapi.json").send().expect(200), described);
    }
}

/// A described GET includes HEAD (RFC 9110, section 9.3.2).
#[test]
fn exactly_the_existing_endpoints_are_described() {
    let mut in_tests: BTreeSet<String> =
        endpoints().iter().filter(|endpoint| endpoint.method != Method::HEAD).map(|endpoint| endpoint.name()).collect();
    in_tests.insert(format!("GET {CHANGE_PASSWORD}"));
    in_tests.extend(["GET", "POST"].map(|method| format!("{method} {REDIRECT}")));
    let mut described = BTreeSet::new();
    for (path, item) in description()["paths"].as_object().unwrap() {
        described.extend(item.as_object().unwrap().keys().map(|method| format!("{} {path}", method.to_uppercase())));
    }
    assert_eq!(described, in_tests);
}

#[test]
fn every_error_has_a_unique_code_and_a_message() {
    let examples = Error::examples();
    let codes: BTreeSet<&str> = examples.iter().map(Error::code).collect();
    assert_eq!(codes.len(), examples.len());
    for error in &examples {
        assert!(error.status().is_client_error() || error.status().is_server_error(), "{error:?}");
        let body = serde_json::to_value(error.body("id", Language::English)).unwrap();
        let message = body["error"].as_str().unwrap();
        assert!(message.starts_with(|c: char| c.is_alphabetic()) && message.ends_with('.'), "{message}");
    }
}

#[test]
fn operation_ids_are_unique_and_all_references_resolve() {
    let mut names = BTreeSet::new();
    for item in description()["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name), "{name}");
            assert!(!operation["summary"].as_str().unwrap().is_empty(), "{name}");
        }
    }
    references(description(), &mut |reference| {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(description().pointer(pointer).is_some(), "{reference}");
    });
}

fn references<'a>(value: &'a Value, visit: &mut impl FnMut(&'a str)) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str() {
                    Some(reference) if name == "$ref" => visit(reference),
                    _ => references(member, visit),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, visit)),
        _ => {}
    }
}
