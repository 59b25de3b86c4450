//! How somebody comes in: the bearers, the beginning of a session, the attempts at a password, and the first account.

pub mod bearer;
pub mod first_account;
pub mod password_attempts;
pub mod sign_in;
