//! Every endpoint and every refusal, natively: through the routes, on real SQLite with the real migrations, with a
//! clock that is moved by hand and a mailbox for the net. One file an endpoint; names say what a user may rely on.

mod support;

mod admin_access;
mod admin_accounts;
mod admin_events;
mod admin_invite_tree;
mod admin_users;
mod architecture;
mod canonical_forms;
mod common_passwords;
mod config;
mod conventions;
mod cors;
mod costs;
mod create_token;
mod deactivate;
mod documents;
mod faults;
mod guessing;
mod health;
mod jwks;
mod login;
mod logout;
mod mail_budget;
mod maintenance;
mod me;
mod name;
mod one_time_password;
mod openapi;
mod outbox;
mod password;
mod password_reset;
mod properties;
mod races;
mod read_replicas;
mod request_life;
mod secrets_at_rest;
mod send_invite;
mod session_cookie;
mod sessions;
mod signup;
mod telemetry;
mod token_kinds;
mod tokens;
mod verify_token;
