//! `GET /api/auth/admin/users/{id}/invitation`

use postern_macros::operation;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    domain::Timestamp,
    error::Error,
    store::user_tokens::{self, Origin},
    web::{Response, path::UserId},
};

/// How a user came to the service.
#[derive(Serialize, ToSchema)]
struct UserOrigin {
    /// The user who invited them, or null if nobody did or that account was deleted.
    #[schema(required)]
    inviter: Option<Inviter>,
    /// The user token that they signed up with. Null if there was none, or it has expired or been deleted.
    #[schema(required)]
    invitation: Option<UsedInvitation>,
}

/// A user who invited another.
#[derive(Serialize, ToSchema)]
struct Inviter {
    /// The id.
    id: String,
    /// The email.
    email: String,
    /// The name.
    #[schema(required)]
    name: Option<String>,
}

/// A user token that someone signed up with.
#[derive(Serialize, ToSchema)]
struct UsedInvitation {
    /// The name that its owner gave it.
    #[schema(required)]
    name: Option<String>,
    /// The time of its creation.
    created_at: Timestamp,
    /// The time when it expires.
    expires_at: Timestamp,
    /// How many people can sign up with it. Null if there is no limit.
    #[schema(required)]
    max_uses: Option<i64>,
    /// How many people have signed up with it.
    uses: i64,
}

impl From<Origin> for UserOrigin {
    fn from(origin: Origin) -> Self {
        let Origin { referrer_id, referrer_email, referrer_name, created_at, expires_at, name, max_uses, uses } =
            origin;
        let inviter = match (referrer_id, referrer_email) {
            (Some(id), Some(email)) => Some(Inviter { id, email, name: referrer_name }),
            _ => None,
        };
        let invitation = match (created_at, expires_at, uses) {
            (Some(created_at), Some(expires_at), Some(uses)) => {
                Some(UsedInvitation { name, created_at, expires_at, max_uses, uses })
            }
            _ => None,
        };
        UserOrigin { inviter, invitation }
    }
}

/// Get the inviter of a user.
///
/// Returns the inviter, and the user token that the user signed up with. Users that an admin created have an inviter, but no token.
#[operation(params(UserId), responses((status = 200, body = UserOrigin), (status = "4XX", description = "not_found")))]
pub async fn get(app: &App, id: &str) -> Result<Response, Error> {
    let origin = user_tokens::origin_of(&app.store, id).await?.ok_or(Error::NotFound)?;
    Ok(Response::json(&UserOrigin::from(origin)))
}
