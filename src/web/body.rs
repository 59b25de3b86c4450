//! Parses bodies: JSON objects and forms. The size of a body is checked before (`routes`).

use http::header;
use serde_json::{Map, Value};

use super::{Fields, FromFields, Request, is_visible_ascii};
use crate::{
    domain::password::Policy,
    error::{Error, FieldProblem},
    language::Phrase,
};

impl Request {
    /// Parses a JSON body.
    ///
    /// # Errors
    /// As [`Request::json_fields`]; 422 with every invalid field.
    pub fn json<'a, T: FromFields>(&self, policy: impl Into<Policy<'a>>) -> Result<T, Error> {
        self.json_fields()?.parse(&policy.into())
    }

    /// Parses a JSON body that can be left out, which means the same as an empty object.
    ///
    /// # Errors
    /// As [`Request::json`], but never for an empty body.
    pub fn optional_json<'a, T: FromFields>(&self, policy: impl Into<Policy<'a>>) -> Result<T, Error> {
        let fields = if self.body.is_empty() { Fields::Body(Map::new()) } else { self.json_fields()? };
        fields.parse(&policy.into())
    }

    /// Parses a form.
    ///
    /// # Errors
    /// As [`Request::form_fields`]; 422 with every invalid field.
    pub async fn form<'a, T: FromFields>(&self, policy: impl Into<Policy<'a>>) -> Result<T, Error> {
        self.form_fields().await?.parse(&policy.into())
    }

    /// Parses the query. An empty optional parameter counts as absent.
    ///
    /// # Errors
    /// 422 with every invalid parameter.
    pub fn query<'a, T: FromFields>(&self, policy: impl Into<Policy<'a>>) -> Result<T, Error> {
        Fields::of_query(&self.query).parse(&policy.into())
    }

    /// Reads the members of the JSON object in the body.
    ///
    /// # Errors
    /// 415 for another content type than `application/json`; 400 for an empty body, invalid UTF-8 or malformed JSON (RFC 8259);
    /// 422 for JSON that is not an object.
    pub fn json_fields(&self) -> Result<Fields<'static>, Error> {
        let media_type = media_type(self);
        if media_type.as_deref().is_some_and(|media_type| media_type != "application/json") {
            return Err(Error::UnsupportedMediaType("application/json"));
        }
        if self.body.is_empty() {
            return Err(Error::UnreadableBody(Phrase::BodyEmptyJson));
        }
        if media_type.is_none() {
            return Err(Error::UnsupportedMediaType("application/json"));
        }
        let text = text(&self.body)?;
        match serde_json::from_str(text) {
            Ok(Value::Object(members)) => Ok(Fields::Body(members)),
            Ok(_) => Err(Error::Invalid(vec![FieldProblem {
                loc: vec!["body"],
                phrase: Phrase::Object,
                kind: "object_type",
            }])),
            Err(_) => Err(Error::UnreadableBody(Phrase::BodyNotJson)),
        }
    }

    /// Reads the fields of the form in the body: `multipart/form-data` (RFC 7578) or `application/x-www-form-urlencoded`. Of a field
    /// that is sent more than once, the first value counts.
    ///
    /// # Errors
    /// 415 for another content type; 400 for an empty body, a malformed form or invalid UTF-8.
    pub async fn form_fields(&self) -> Result<Fields<'static>, Error> {
        let content_type = self.header(&header::CONTENT_TYPE).unwrap_or_default();
        let media_type = media_type(self);
        let multipart = match media_type.as_deref() {
            Some("multipart/form-data") => true,
            Some("application/x-www-form-urlencoded") => false,
            None if self.body.is_empty() => false,
            _ => return Err(Error::UnsupportedMediaType(FORM)),
        };
        if self.body.is_empty() {
            return Err(Error::UnreadableBody(Phrase::BodyEmptyForm));
        }
        let mut members = Map::new();
        if multipart {
            for (name, value) in multipart_fields(&content_type, &self.body).await? {
                members.entry(name).or_insert(Value::String(value));
            }
        } else {
            for (name, value) in form_urlencoded::parse(text(&self.body)?.as_bytes()) {
                members.entry(name).or_insert_with(|| Value::String(value.into_owned()));
            }
        }
        Ok(Fields::Body(members))
    }
}

const FORM: &str = "multipart/form-data or application/x-www-form-urlencoded";

async fn multipart_fields(content_type: &str, body: &[u8]) -> Result<Vec<(String, String)>, Error> {
    const MALFORMED: Error = Error::UnreadableBody(Phrase::BodyNotMultipart);
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
    // A content type that is not visible ASCII is an unsupported one, which is not the same as none.
    let value =
        Some(request.headers.get(&header::CONTENT_TYPE)?).filter(|value| is_visible_ascii(value)).unwrap_or_default();
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

fn text(bytes: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(bytes).map_err(|_| Error::UnreadableBody(Phrase::BodyNotUtf8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::return_to::Origins;
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

    fn status(result: Result<Fields<'_>, Error>) -> StatusCode {
        result.err().map_or(StatusCode::OK, |error| error.status())
    }

    #[test]
    fn json_bodies_are_accepted_or_get_the_status_of_the_contract() {
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
            assert_eq!(status(request(content_type, body).json_fields()), expected, "{content_type:?} {:.40?}", body);
        }
    }

    #[test]
    fn form_bodies_are_accepted_or_get_the_status_of_the_contract() {
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
            let request = request(content_type, body);
            assert_eq!(status(pollster::block_on(request.form_fields())), expected, "{content_type:?} {:.40?}", body);
        }
    }

    #[test]
    fn a_form_is_parsed_the_same_in_both_encodings() {
        let multipart = b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1+ 2\r\n--x\r\n\
            Content-Disposition: form-data; name=\"a\"\r\n\r\nsecond\r\n--x--\r\n";
        for (content_type, body) in [
            ("multipart/form-data; boundary=x", multipart.as_slice()),
            ("application/x-www-form-urlencoded", b"a=1%2B+2&a=second"),
        ] {
            let policy = Policy { min_length: 8, service_name: "Postern", email: None, origins: Origins::NONE };
            let request = request(Some(content_type), body);
            let fields = pollster::block_on(request.form_fields()).unwrap();
            assert_eq!(fields.field::<String>("a", &policy).as_deref(), Ok("1+ 2"));
        }
    }
}
