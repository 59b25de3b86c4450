//! Sessions.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{domain::Timestamp, store::sessions::Listed};

/// An active session.
#[derive(Debug, Serialize, ToSchema)]
pub struct Session {
    /// The id.
    pub id: String,
    /// The `User-Agent` of the login.
    #[schema(required)]
    pub user_agent: Option<String>,
    /// The time of the login.
    pub created_at: Timestamp,
    /// The time when it expires, if it is not refreshed.
    pub expires_at: Timestamp,
    /// Whether it is the session of this request.
    pub current: bool,
}

impl From<Listed> for Session {
    fn from(session: Listed) -> Self {
        let Listed { id, user_agent, created_at, expires_at, current } = session;
        Session { id, user_agent, created_at, expires_at, current }
    }
}
