//! The end of the session that a request came with.

use super::bearer::{Carrier, Session};
use crate::web::{Response, session_cookie};

/// The answer once `session` has ended: whoever came by cookie loses it.
pub fn answer(session: &Session) -> Response {
    Response::ok().headers((session.carrier == Carrier::Cookie).then(session_cookie::clear))
}
