//! Bodies: JSON objects and forms. That they are not too large is seen to before (`routes`).

use http::header;
use serde_json::{Map, Value};

use super::{Fields, Request, is_visible_ascii};
use crate::error::{Error, FieldProblem};

/// The members of the JSON object in the body.
///
/// # Errors
/// 415 for another content type than `application/json`; 400 for an empty body, invalid UTF-8
/// or malformed JSON (RFC 8259); 422 for JSON that is no object.
pub fn json(request: &Request) -> Result<Fields, Error> {
    let media_type = media_type(request);
    if media_type.as_deref().is_some_and(|media_type| media_type != "application/json") {
        return Err(Error::UnsupportedMediaType("application/json"));
    }
    if request.body.is_empty() {
        return Err(Error::UnreadableBody("The body is empty; send a JSON object."));
    }
    if media_type.is_none() {
        return Err(Error::UnsupportedMediaType("application/json"));
    }
    let text = text(&request.body)?;
    match serde_json::from_str(text) {
        Ok(Value::Object(members)) => Ok(Fields::new(members)),
        Ok(_) => Err(Error::Invalid(vec![FieldProblem {
            loc: vec!["body"],
            msg: "must be a JSON object".to_owned(),
            kind: "object_type",
        }])),
        Err(_) => Err(Error::UnreadableBody("The body is not well-formed JSON.")),
    }
}

/// As [`json`], but no body at all counts as an empty object.
///
/// # Errors
/// As [`json`], but never for an empty body.
pub fn optional_json(request: &Request) -> Result<Fields, Error> {
    if request.body.is_empty() { Ok(Fields::new(Map::new())) } else { json(request) }
}

const FORM: &str = "multipart/form-data or application/x-www-form-urlencoded";

/// The fields of the form in the body: `multipart/form-data` (RFC 7578) or `application/x-www-form-urlencoded`.
/// Of a name that comes twice the first value counts.
///
/// # Errors
/// 415 for another content type; 400 for an empty body, a malformed form or invalid UTF-8.
pub async fn form(request: &Request) -> Result<Fields, Error> {
    let content_type = request.header(&header::CONTENT_TYPE).unwrap_or_default();
    let media_type = media_type(request);
    let multipart = match media_type.as_deref() {
        Some("multipart/form-data") => true,
        Some("application/x-www-form-urlencoded") => false,
        None if request.body.is_empty() => false,
        _ => return Err(Error::UnsupportedMediaType(FORM)),
    };
    if request.body.is_empty() {
        return Err(Error::UnreadableBody("The body is empty; send a form."));
    }
    let mut members = Map::new();
    if multipart {
        for (name, value) in multipart_fields(&content_type, &request.body).await? {
            members.entry(name).or_insert(Value::String(value));
        }
    } else {
        for (name, value) in form_urlencoded::parse(text(&request.body)?.as_bytes()) {
            members.entry(name).or_insert_with(|| Value::String(value.into_owned()));
        }
    }
    Ok(Fields::new(members))
}

async fn multipart_fields(content_type: &str, body: &[u8]) -> Result<Vec<(String, String)>, Error> {
    const MALFORMED: Error = Error::UnreadableBody("The body is not a well-formed multipart form.");
    let boundary = multer::parse_boundary(content_type).map_err(|_| MALFORMED)?;
    let whole = body.to_vec();
    let stream = futures_util::stream::once(async move { Ok::<_, std::convert::Infallible>(whole) });
    let mut multipart = multer::Multipart::new(stream, boundary);
    let mut fields = Vec::new();
    while let Some(field) = multipart.next_field().await.map_err(|_| MALFORMED)? {
        let name = field.name().unwrap_or_default().to_owned();
        let bytes = field.bytes().await.map_err(|_| MALFORMED)?;
        fields.push((name, text(&bytes)?.to_owned()));
    }
    Ok(fields)
}

fn media_type(request: &Request) -> Option<String> {
    // One that is there and cannot be read is none of those that are taken.
    let value =
        Some(request.headers.get(&header::CONTENT_TYPE)?).filter(|value| is_visible_ascii(value)).unwrap_or_default();
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

fn text(bytes: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(bytes).map_err(|_| Error::UnreadableBody("The body is not valid UTF-8."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, Method, StatusCode};
    use std::rc::Rc;

    fn request(content_type: Option<&str>, body: &[u8]) -> Request {
        let mut headers = HeaderMap::new();
        if let Some(content_type) = content_type {
            headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        }
        let (origin, path, query) = (String::new(), "/".to_owned(), String::new());
        Request { method: Method::POST, origin, path, query, headers: Rc::new(headers), body: body.to_vec() }
    }

    fn status(result: Result<Fields, Error>) -> StatusCode {
        result.err().map_or(StatusCode::OK, |error| error.status())
    }

    #[test]
    fn json_refusals_have_the_status_of_the_contract() {
        let json_type = Some("application/json; charset=utf-8");
        let nested = "[".repeat(5_000);
        for (content_type, body, expected) in [
            (json_type, b"{}".as_slice(), 200),
            (Some("APPLICATION/JSON"), b"{}", 200),
            (json_type, b"", 400),
            (None, b"", 400),
            (json_type, b"{\"a\":\"\xff\"}", 400),
            (json_type, b"{\"a\":", 400),
            (json_type, b"{\"a\":\"\\ud800\"}", 400),
            (json_type, nested.as_bytes(), 400),
            (None, b"{}", 415),
            (Some("text/plain"), b"{}", 415),
            (Some("application/x-www-form-urlencoded"), b"", 415),
            (json_type, b"[]", 422),
            (json_type, b"null", 422),
        ] {
            assert_eq!(status(json(&request(content_type, body))), expected, "{content_type:?} {:.40?}", body);
        }
    }

    #[test]
    fn form_refusals_have_the_status_of_the_contract() {
        let multipart = Some("multipart/form-data; boundary=x");
        let good = b"--x\r\nContent-Disposition: form-data; name=\"otp\"\r\n\r\n123456\r\n--x--\r\n".as_slice();
        for (content_type, body, expected) in [
            (multipart, good, 200),
            (Some("application/x-www-form-urlencoded"), b"otp=123456", 200),
            (multipart, b"", 400),
            (multipart, b"--x\r\nno end", 400),
            (Some("multipart/form-data"), good, 400),
            (Some("application/x-www-form-urlencoded"), b"otp=\xff", 400),
            (Some("application/json"), b"{}", 415),
            (None, b"otp=1", 415),
        ] {
            let result = pollster::block_on(form(&request(content_type, body)));
            assert_eq!(status(result), expected, "{content_type:?} {:.40?}", body);
        }
    }

    #[test]
    fn a_form_reads_the_same_in_both_encodings() {
        let multipart = b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1+ 2\r\n--x\r\n\
            Content-Disposition: form-data; name=\"a\"\r\n\r\nsecond\r\n--x--\r\n";
        for (content_type, body) in [
            ("multipart/form-data; boundary=x", multipart.as_slice()),
            ("application/x-www-form-urlencoded", b"a=1%2B+2&a=second"),
        ] {
            let mut fields = pollster::block_on(form(&request(Some(content_type), body))).unwrap();
            assert_eq!(fields.required("a", |text| Ok(text.to_owned())).value().as_deref(), Some("1+ 2"));
        }
    }
}
