//! What our tokens say.

use serde::{Deserialize, Serialize};

use super::user::Role;

/// The claims beside `iat` and `exp` (RFC 7519, section 4.1).
#[derive(Debug, Serialize, Deserialize)]
pub struct Claims {
    /// `APP_URL`.
    pub iss: String,
    /// `APP_URL`.
    pub aud: String,
    /// The user's id.
    pub sub: String,
    /// The role and the tier, for clients to read. A token that opens less than a session has the least of both.
    pub scopes: (Role, u8),
    /// What the token is for.
    #[serde(flatten)]
    pub purpose: Purpose,
}

/// What a token is for, told in the token itself (RFC 8725, section 3.12), and the record that must stand behind it.
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
