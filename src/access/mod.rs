//! Who is calling: sessions and their tokens, passwords that users type, passkeys, user tokens, one-time tokens, changes of the email,
//! captchas, the first account, and the audit events.

pub mod audit;
pub mod bearer;
pub mod captcha;
pub mod email_change;
pub mod email_proof;
pub mod email_sign_in;
pub mod first_account;
pub mod invitation;
pub mod mail_rows;
pub mod new_password;
pub mod one_time;
pub mod passkey;
pub mod password_attempt;
pub mod provider_visit;
pub mod recent;
pub mod reset_token;
pub mod second_factor;
pub mod session_signature;
pub mod sign_in;
pub mod user_token;
