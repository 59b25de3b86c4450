//! The rules: pure, synchronous functions and types. Whatever a rule depends on, such as the time, is an argument.

pub mod breached_password;
pub mod calendar;
pub mod claims;
pub mod client;
pub mod common_password;
pub mod daily_count;
pub mod device;
pub mod email;
pub mod email_change;
pub mod email_problem;
pub mod event;
pub mod identity;
pub mod linking;
pub mod mail_budget;
pub mod mail_job;
pub mod name;
pub mod note;
pub mod one_time_password;
pub mod origin;
pub mod page;
pub mod passkey;
pub mod password;
pub mod proof;
pub mod recovery_code;
pub mod return_to;
pub mod session;
pub mod sign_up_mode;
pub mod text;
pub mod throttle;
pub mod totp;
pub mod user;
pub mod user_token;
pub mod webauthn;

/// A time in UNIX milliseconds.
pub type Timestamp = i64;
