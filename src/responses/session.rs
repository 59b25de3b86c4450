//! Sessions.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    domain::{Timestamp, device::Device},
    store::sessions::Listed,
};

/// An active session.
#[derive(Debug, Serialize, ToSchema)]
pub struct Session {
    /// The id.
    pub id: String,
    /// The `User-Agent` of the login.
    #[schema(required)]
    pub user_agent: Option<String>,
    /// The browser of the login, such as `Firefox`, or another program, such as `curl`. Null if unknown.
    #[schema(required)]
    pub browser: Option<String>,
    /// The operating system of the login, such as `Windows`. Null if unknown.
    #[schema(required)]
    pub system: Option<String>,
    /// The country of the login (ISO 3166-1 alpha-2), estimated from the address. Null if it is unknown or not stored.
    #[schema(required)]
    pub country: Option<String>,
    /// The city of the login. Null if it is unknown or not stored.
    #[schema(required)]
    pub city: Option<String>,
    /// The time of the login.
    pub created_at: Timestamp,
    /// The time of the last request, up to an hour ago. Null if the session has not been used since Postern stores it.
    #[schema(required)]
    pub last_seen_at: Option<Timestamp>,
    /// The time when it expires, if it is not refreshed.
    pub expires_at: Timestamp,
    /// Whether it is the session of this request.
    pub current: bool,
}

impl From<Listed> for Session {
    fn from(session: Listed) -> Self {
        let Listed { id, user_agent, country, city, created_at, last_seen_at, expires_at, current } = session;
        let Device { browser, system } = Device::parse(user_agent.as_deref().unwrap_or_default());
        Session { id, user_agent, browser, system, country, city, created_at, last_seen_at, expires_at, current }
    }
}
