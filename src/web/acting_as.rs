//! The account that a page acts for, which can differ from that of the session cookie.
//!
//! A tab that was opened as Alice still shows Alice after a login as Bob in another tab. The page therefore sends the id of the user
//! it shows, and a request for another account is refused.

use http::HeaderName;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Request;

/// The header with the user id, encoded as by JavaScript's `encodeURIComponent`, because a header cannot contain every character.
pub const ACTING_AS: HeaderName = HeaderName::from_static("x-acting-as");

/// The characters that `encodeURIComponent` encodes (ECMA-262, section 19.2.6.4).
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// Returns whether the request is meant for another user than this one.
pub fn is_for_another(request: &Request, user_id: &str) -> bool {
    // Not `Request::header`, because a value that is not visible ASCII is not the same as no header.
    request.headers.get(&ACTING_AS).is_some_and(|stated| stated != encoded(user_id))
}

fn encoded(user_id: &str) -> String {
    utf8_percent_encode(user_id, COMPONENT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_encoded_like_in_javascript() {
        assert_eq!(encoded("a1d3e5f7-0b2c_.!~*'()"), "a1d3e5f7-0b2c_.!~*'()");
        assert_eq!(encoded("auth0|5f7c a/b%2F+ü"), "auth0%7C5f7c%20a%2Fb%252F%2B%C3%BC");
    }
}
