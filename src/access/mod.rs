//! How somebody comes in: the bearers, the beginning and the end of a session, the attempts at a password, a new one, and the
//! first account; and what is written down of it.

pub mod audit;
pub mod bearer;
pub mod first_account;
pub mod new_password;
pub mod password_attempts;
pub mod password_check;
pub mod sign_in;
pub mod sign_out;
pub mod user_token;
