//! `GET`, `POST` and `DELETE /api/auth/admin/users/{id}/freeze`

use postern_macros::operation;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    access::{audit, bearer::Admin},
    app::App,
    domain::{Timestamp, event::Action},
    error::{Current, Error},
    store::freezes,
    web::{Request, Response, path::UserId, version},
};

/// What a freeze would do.
#[derive(Serialize, ToSchema)]
pub struct FreezePreview {
    /// The number of users in the branch: the user and everyone below, counted up to 10,000.
    users: i64,
    /// How many of them a freeze would deactivate: those who are active, except admins.
    active: i64,
    /// The time of the freeze that starts at this user, or null if there is none.
    #[schema(required)]
    freeze_since: Option<Timestamp>,
}

/// The result of a freeze.
#[derive(Serialize, ToSchema)]
pub struct Frozen {
    /// The number of users that it deactivated.
    frozen: i64,
}

/// The result of undoing a freeze.
#[derive(Serialize, ToSchema)]
pub struct Unfrozen {
    /// The number of users that are active again.
    unfrozen: i64,
}

/// Preview a freeze.
///
/// Returns how many users a freeze would deactivate now.
#[operation(
    params(UserId),
    responses((status = 200, body = FreezePreview), (status = "4XX", description = "not_found"))
)]
pub async fn get(app: &App, id: &str) -> Result<Response, Error> {
    let freezes::Preview { users, active, frozen_at } =
        freezes::preview(&app.store, id).await?.ok_or(Error::NotFound)?;
    Ok(Response::json(&FreezePreview { users, active, freeze_since: frozen_at }))
}

/// Freeze a user and everyone below.
///
/// Deactivates the user and everyone below in the invite tree, except admins. Their user tokens stop working. Returns how many
/// users were deactivated. A second freeze also deactivates users who have signed up in the meantime.
#[operation(
    params(UserId),
    responses((status = 200, body = Frozen), (status = "4XX", description = "not_found"))
)]
pub async fn post(app: &App, admin: &Admin, id: &str) -> Result<Response, Error> {
    let event = audit::by_admin(app, Action::Frozen, admin, id);
    match freezes::freeze(&app.store, id, &event).await? {
        Some(frozen) => Ok(Response::json(&Frozen { frozen })),
        None => Err(Error::NotFound),
    }
}

/// Undo a freeze.
///
/// Returns how many users are active again. These are all users whom the freeze deactivated, except those who are also below a
/// later freeze, and those whom an admin has activated in the meantime.
///
/// With `If-Match`, the freeze is undone only if it is still the one that the invite tree showed. The version is its
/// `freeze_since`. Otherwise the response is 412 with the current freeze in `current`.
#[operation(
    params(UserId, version::IfMatch),
    responses((status = 200, body = Unfrozen), (status = "4XX", description = "not_found precondition_failed"))
)]
pub async fn delete(app: &App, request: &Request, admin: &Admin, id: &str) -> Result<Response, Error> {
    let event = audit::by_admin(app, Action::Unfrozen, admin, id);
    let based_on = version::required(request);
    match freezes::unfreeze(&app.store, id, based_on, &event).await? {
        Some(unfrozen) => Ok(Response::json(&Unfrozen { unfrozen })),
        None => {
            let refusal = match freezes::since(&app.store, id).await? {
                Some(since) if based_on.is_some() => Error::PreconditionFailed(Box::new(Current {
                    state: json!({ "user_id": id, "freeze_since": since }),
                    etag: version::tag(since),
                })),
                _ => Error::NotFound,
            };
            Err(refusal)
        }
    }
}
