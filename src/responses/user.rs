//! Users.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::{
    Timestamp,
    user::{self, Role},
};

/// A user.
#[derive(Debug, Serialize, ToSchema)]
pub struct User<'a> {
    /// An opaque id.
    pub id: &'a str,
    /// The email, trimmed and in lower case. The default account has the email `admin`.
    #[schema(example = "ada@example.com")]
    pub email: &'a str,
    /// The name of the user.
    #[schema(required, example = "Ada")]
    pub name: Option<&'a str>,
    /// The role.
    pub role: Role,
    /// The tier, for use in your applications: 0, 1 or 2.
    #[schema(maximum = 2)]
    pub tier: u8,
    /// False if the account is deactivated.
    pub is_active: bool,
    /// Whether the email is verified.
    pub is_verified: bool,
    /// The id of the user who invited this user.
    #[schema(required)]
    pub referrer_id: Option<&'a str>,
    /// A JSON object for use in your applications.
    #[schema(value_type = Object)]
    pub extra: &'a Value,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The time of the last change.
    pub updated_at: Timestamp,
}

impl<'a> From<&'a user::User> for User<'a> {
    fn from(user: &'a user::User) -> Self {
        User {
            id: &user.id,
            email: &user.email,
            name: user.name.as_deref(),
            role: user.role,
            tier: user.tier,
            is_active: user.is_active,
            is_verified: user.is_verified,
            referrer_id: user.referrer_id.as_deref(),
            extra: &user.extra,
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

/// A new session and its user.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignedIn<'a> {
    /// The session token, a JWT.
    pub token: &'a str,
    /// The user.
    pub user: User<'a>,
    /// Present, and true, only while the default account has its default password.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub must_change_password: bool,
    /// Where to go now, after a sign-in with an identity provider that was begun with a `return_to`. Otherwise missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub return_to: Option<&'a str>,
}
