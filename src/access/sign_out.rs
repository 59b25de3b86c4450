//! The end of the session that a request came with.

use super::bearer::{Carrier, Session};
use crate::web::Response;

/// The answer once `session` has ended. It removes the cookie if the request came with one.
pub fn answer(session: &Session) -> Response {
    Response::ok().headers(match session.carrier {
        Carrier::Header => None,
        Carrier::Cookie(kind) => Some(kind.clear()),
    })
}
