//! The claims of our tokens.

use serde::{Deserialize, Serialize};

use super::user::Role;

/// The claims besides `iat` and `exp` (RFC 7519, section 4.1).
#[derive(Debug, Serialize, Deserialize)]
pub struct Claims {
    /// `APP_URL`.
    pub iss: String,
    /// `APP_URL`.
    pub aud: String,
    /// The user's id.
    pub sub: String,
    /// The role and the tier, for clients to read. Tokens that are not session tokens have the lowest of both.
    pub scopes: (Role, u8),
    /// The purpose of the token.
    #[serde(flatten)]
    pub purpose: Purpose,
}

/// The purpose of a token, as a claim (RFC 8725, section 3.12), and the id of the record that it needs.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "purpose", rename_all = "snake_case")]
pub enum Purpose {
    /// `sid`: the session's id. Tokens of one session share it.
    Session {
        /// The id.
        sid: String,
    },
    /// A session whose user must change the default password first. `sid`: the session's id.
    PasswordChange {
        /// The id.
        sid: String,
    },
    /// `jti`: the reset's id.
    PasswordReset {
        /// The id.
        jti: String,
    },
}
