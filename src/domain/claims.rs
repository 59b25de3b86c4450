//! The claims of our tokens.

use serde::{Deserialize, Serialize};

use super::{Timestamp, proof::Proof, user::Role};

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
    /// How the user of a session has proven who they are. `None` in tokens that are not session tokens, and in those from before there
    /// were second factors.
    #[serde(flatten)]
    pub authentication: Option<Authentication>,
    /// The purpose of the token.
    #[serde(flatten)]
    pub purpose: Purpose,
}

/// How the user of a session has proven who they are (OpenID Connect Core 1.0, section 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authentication {
    /// When, in seconds since 1970.
    pub auth_time: i64,
    /// By which methods (RFC 8176).
    pub amr: Vec<String>,
    /// The level, as a text: `1` or `2`.
    pub acr: String,
}

impl Authentication {
    /// Returns the claims of a session.
    pub fn of(authenticated_at: Timestamp, proof: &Proof) -> Authentication {
        Authentication {
            auth_time: authenticated_at.div_euclid(1_000),
            amr: proof.amr().into_iter().map(str::to_owned).collect(),
            acr: proof.level().acr().to_owned(),
        }
    }
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
    /// A session that can do little until its user has changed the default password or set up a second factor. `sid`: the
    /// session's id.
    #[serde(alias = "password_change")]
    Restricted {
        /// The id.
        sid: String,
    },
    /// `jti`: the reset's id.
    PasswordReset {
        /// The id.
        jti: String,
    },
}
