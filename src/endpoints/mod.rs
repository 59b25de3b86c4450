//! One file an endpoint or a pair that belongs together. Each loads, lets the rules decide, writes, and answers.

pub mod admin;
pub mod config;
pub mod create_token;
pub mod deactivate;
pub mod events;
pub mod health;
pub mod jwks;
pub mod login;
pub mod logout;
pub mod me;
pub mod name;
pub mod one_time_password;
pub mod openapi;
pub mod outbox;
pub mod password;
pub mod password_reset;
pub mod send_invite;
pub mod sessions;
pub mod signup;
pub mod tokens;
pub mod verify_token;
