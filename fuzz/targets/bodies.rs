//! Fuzzes the body parser of the endpoints. The first line of the input is the content type.

#![no_main]

use std::rc::Rc;

use http::{HeaderMap, HeaderValue, Method, header};
use libfuzzer_sys::fuzz_target;
use postern::{
    domain::{password::Policy, return_to::Origins},
    error::Error,
    web::{Fields, FromFields, MAX_BODY, Reader, Request},
};
use serde_json::{Map, Value};

const NAMES: [&str; 2] = ["otp", "token"];

fn request(content_type: HeaderValue, body: Vec<u8>) -> Request {
    let headers = Rc::new(HeaderMap::from_iter([(header::CONTENT_TYPE, content_type)]));
    let (origin, path, query) = (String::new(), String::new(), String::new());
    Request { method: Method::POST, origin, path, query, headers, body }
}

const POLICY: Policy<'_> = Policy { min_length: 8, service_name: "Postern", email: None, origins: Origins::NONE };

fn texts(fields: &Fields) -> [Option<String>; 2] {
    NAMES.map(|name| fields.field(name, &POLICY).ok())
}

/// A request without fields.
struct Nothing;

impl FromFields for Nothing {
    fn read(_: &mut Reader<'_>, _: &Policy<'_>) -> Option<Self> {
        Some(Nothing)
    }
}

fn refused(error: &Error, statuses: &[u16]) {
    assert!(statuses.contains(&error.status().as_u16()), "{error:?}");
}

fuzz_target!(|data: &[u8]| {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (content_type, body) = data.split_at(end);
    let body = body.get(1..).unwrap_or_default();
    let Ok(content_type) = HeaderValue::from_bytes(content_type) else { return };
    if body.len() > MAX_BODY {
        return;
    }
    let request = request(content_type, body.to_vec());

    match request.json_fields() {
        Ok(fields) => {
            let members: Map<String, Value> = serde_json::from_slice(body).unwrap();
            assert_eq!(texts(&fields), NAMES.map(|name| members.get(name)?.as_str().map(str::to_owned)));
        }
        Err(error) => refused(&error, &[400, 415, 422]),
    }
    match request.optional_json::<Nothing>(POLICY) {
        Ok(Nothing) => assert!(body.is_empty() || request.json_fields().is_ok()),
        Err(error) => refused(&error, &[400, 415, 422]),
    }
    match pollster::block_on(request.form_fields()) {
        Ok(fields) => same_in_every_encoding(&texts(&fields)),
        Err(error) => refused(&error, &[400, 415]),
    }
});

/// Checks that the values can be encoded and read again, in every encoding.
fn same_in_every_encoding(values: &[Option<String>; 2]) {
    let present = || NAMES.iter().zip(values).filter_map(|(name, value)| Some((*name, value.as_ref()?)));
    if present().next().is_none() {
        return;
    }
    let urlencoded = form_urlencoded::Serializer::new(String::new()).extend_pairs(present()).finish();
    // A boundary that is longer than every value cannot be part of a value.
    let boundary = "b".repeat(present().map(|(_, value)| value.len() + 1).max().unwrap_or(1));
    let mut bodies = vec![("application/x-www-form-urlencoded".to_owned(), urlencoded)];
    if boundary.len() <= 70 {
        let part = |(name, value)| {
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let multipart = format!("{}--{boundary}--\r\n", present().map(part).collect::<String>());
        bodies.push((format!("multipart/form-data; boundary={boundary}"), multipart));
    }
    for (content_type, body) in bodies {
        let request = request(content_type.parse().unwrap(), body.into_bytes());
        assert_eq!(&texts(&pollster::block_on(request.form_fields()).unwrap()), values);
    }
}
