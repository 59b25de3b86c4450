//! The rules of identity: synchronous and pure. What a rule needs to know is handed to it.

pub mod breached_password;
pub mod claims;
pub mod common_password;
pub mod email;
pub mod event;
pub mod mail_budget;
pub mod name;
pub mod one_time_password;
pub mod origin;
pub mod page;
pub mod password;
pub mod session;
pub mod text;
pub mod throttle;
pub mod user;
pub mod user_token;

/// Milliseconds since 1970-01-01T00:00Z.
pub type Timestamp = i64;
