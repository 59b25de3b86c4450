//! `POST /api/auth/admin/users/{id}/freeze` and `DELETE /api/auth/admin/users/{id}/freeze`

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    access::{audit, bearer},
    app::App,
    domain::{event::Action, user::UserId},
    error::Error,
    store::freezes,
    web::{Request, Response},
};

/// A subtree is frozen.
#[derive(Serialize, ToSchema)]
pub struct Frozen {
    /// How many users that has deactivated.
    frozen: i64,
}

/// A freeze is undone.
#[derive(Serialize, ToSchema)]
pub struct Unfrozen {
    /// How many users came back.
    unfrozen: i64,
}

/// Deactivates a user and everybody below in the invite tree, but no admin, and tells how many that were. Their user tokens
/// work no longer. Again, it also takes whoever has come since.
///
/// # Errors
/// 401, 403; 404 for an unknown user; 503.
#[utoipa::path(
    post,
    path = "/api/auth/admin/users/{id}/freeze",
    tag = "Administration",
    security(("session" = [])),
    params(UserId),
    responses((status = 200, body = Frozen), (status = "4XX", description = "not_found"))
)]
pub async fn post(app: &App, request: &Request, id: &str) -> Result<Response, Error> {
    let admin = bearer::admin(app, request).await?;
    let event = audit::by_admin(app, Action::Frozen, &admin, id);
    match freezes::freeze(app.sql.as_ref(), id, &event).await? {
        Some(frozen) => Ok(Response::json(&Frozen { frozen })),
        None => Err(bearer::refusal_of_admin(app, &admin, Error::NotFound).await),
    }
}

/// Undoes a freeze and returns how many users became active again: those whom it deactivated, except users who are also
/// below a later freeze, or whom an admin has activated individually since.
///
/// # Errors
/// 401, 403; 404 when the user is the root of no freeze; 503.
#[utoipa::path(
    delete,
    path = "/api/auth/admin/users/{id}/freeze",
    tag = "Administration",
    security(("session" = [])),
    params(UserId),
    responses((status = 200, body = Unfrozen), (status = "4XX", description = "not_found"))
)]
pub async fn delete(app: &App, request: &Request, id: &str) -> Result<Response, Error> {
    let admin = bearer::admin(app, request).await?;
    let event = audit::by_admin(app, Action::Unfrozen, &admin, id);
    match freezes::unfreeze(app.sql.as_ref(), id, &event).await? {
        Some(unfrozen) => Ok(Response::json(&Unfrozen { unfrozen })),
        None => Err(bearer::refusal_of_admin(app, &admin, Error::NotFound).await),
    }
}
