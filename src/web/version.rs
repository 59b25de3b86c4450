//! Conditional requests (RFC 9110, section 13.1.1): which state of a resource a change is based on.
//!
//! The version of a user is its `updated_at`, which grows with every change. It is sent as `ETag`, and comes back in `If-Match`.

use http::header;
use utoipa::IntoParams;

use super::{Header, Request};

/// No resource has this version, so a change that is based on it is always refused.
pub const NONE: i64 = -1;

/// The header `If-Match`, as the description of the API shows it.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IfMatch {
    /// The `ETag` of the state that the change is based on. If it is no longer the present one, the answer is 412.
    #[param(rename = "If-Match", example = "\"1700000000000\"")]
    pub if_match: Option<String>,
}

/// The header `ETag` for a version.
pub fn etag(version: i64) -> Header {
    (header::ETAG, tag(version).into())
}

/// The value of an `ETag` for a version.
pub fn tag(version: i64) -> String {
    format!("\"{version}\"")
}

/// The version that `If-Match` requires: `None` without the header or with `*`, [`NONE`] for a value that is no tag of ours.
///
/// A proxy that compresses an answer marks its tag as weak (`W/"…"`). The version stays exact, so that mark is ignored.
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
    fn if_match_names_one_version_any_or_none() {
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
