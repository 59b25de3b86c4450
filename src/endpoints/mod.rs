//! The endpoints: one file per endpoint or group. A handler loads data, applies the rules, writes and responds. Its route is a
//! row in `routes/`.

pub mod admin;
pub mod config;
pub mod create_token;
pub mod deactivate;
pub mod dev_mails;
pub mod email_change;
pub mod email_problem;
pub mod email_sign_in;
pub mod events;
pub mod health;
pub mod jwks;
pub mod login;
pub mod logout;
pub mod mail_webhooks;
pub mod me;
pub mod name;
pub mod one_time_password;
pub mod openapi;
pub mod outbox;
pub mod passkey_sign_in;
pub mod passkeys;
pub mod password;
pub mod password_reset;
pub mod reauthenticate;
pub mod recovery_codes;
pub mod second_factor;
pub mod second_step;
pub mod security;
pub mod send_invite;
pub mod sessions;
pub mod signup;
pub mod tokens;
pub mod totp;
pub mod verify_token;
pub mod well_known;
