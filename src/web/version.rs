//! Conditional requests (RFC 9110, section 13.1.1): the version of a resource on which a change is based.
//!
//! The version of a user is its `updated_at`, which increases with every change. Responses have it in `ETag`, requests in `If-Match`.

use http::header;
use utoipa::IntoParams;

use super::{Header, Request};

/// A version that no resource has, so a change that is based on it is always refused.
pub const NONE: i64 = -1;

/// The header `If-Match` in the API description.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IfMatch {
    /// The `ETag` of the state on which the change is based. If it is no longer the current one, the response is 412.
    #[param(rename = "If-Match", example = "\"1700000000000\"")]
    pub if_match: Option<String>,
}

/// Returns the header `ETag` for a version.
pub fn etag(version: i64) -> Header {
    (header::ETAG, tag(version).into())
}

/// Returns the value of `ETag` for a version.
pub fn tag(version: i64) -> String {
    format!("\"{version}\"")
}

/// Returns the version that `If-Match` requires: `None` without the header or with `*`, [`NONE`] if the value is not a valid tag.
///
/// A proxy that compresses a response marks its tag as weak (`W/"…"`). The version stays exact, so the mark is ignored.
pub fn required(request: &Request) -> Option<i64> {
    let value = request.headers.get(&header::IF_MATCH)?;
    let value = value.trim();
    if value == "*" {
        return None;
    }
    let tag = value.strip_prefix("W/").unwrap_or(value);
    let version = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).and_then(|tag| tag.parse().ok());
    Some(version.filter(|version| *version >= 0).unwrap_or(NONE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, Method};
    use std::rc::Rc;

    #[test]
    fn if_match_requires_one_version_any_version_or_none() {
        let asked = |value: Option<&str>| {
            let headers: HeaderMap =
                value.map(|value| (header::IF_MATCH, value.parse().unwrap())).into_iter().collect();
            let (method, origin, path, query) = (Method::PUT, String::new(), String::new(), String::new());
            required(&Request { method, origin, path, query, headers: Rc::new(headers), body: Vec::new() })
        };
        assert_eq!((asked(None), asked(Some("*"))), (None, None));
        assert_eq!((asked(Some("\"17\"")), asked(Some(" W/\"17\" "))), (Some(17), Some(17)));
        for value in ["", "17", "\"x\"", "\"-1\"", "\"17", "\"17\", \"18\"", "\"99999999999999999999\""] {
            assert_eq!(asked(Some(value)), Some(NONE), "{value}");
        }
    }
}
