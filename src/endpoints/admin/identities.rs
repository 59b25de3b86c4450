//! `GET /api/auth/admin/users/{id}/identities` and `DELETE /api/auth/admin/users/{id}/identities/{identity_id}`

use postern_macros::operation;
use utoipa::IntoParams;

use crate::{
    access::{audit, bearer::Admin, provider_visit},
    app::App,
    domain::event::Action,
    error::Error,
    mail::{message::SecurityNotice, queue::QueuedNotice},
    responses::Identity,
    store::{
        identities::{self, Unlinked},
        users,
    },
    web::{Response, True, path::UserId},
};

/// The identity in the path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct IdentityId {
    /// The id of the identity.
    #[param(example = "3f0c7a52-9a5e-4f0b-8f5d-2c1b6e7d8a90")]
    pub identity_id: String,
}

/// List a user's identities.
///
/// The accounts at identity providers that the user can sign in with. The oldest comes first.
#[operation(
    params(UserId),
    responses((status = 200, body = Vec<Identity>), (status = "4XX", description = "not_found"))
)]
pub async fn list(app: &App, id: &str) -> Result<Response, Error> {
    users::find(&app.store, id).await?.ok_or(Error::NotFound)?;
    let identities = identities::list(&app.store, id).await?;
    Ok(Response::json(&provider_visit::with_names(app, identities)))
}

/// Unlink a user's identity.
///
/// Use this if the account at the provider no longer belongs to the user. It must not be their only way to sign in: if it is, send a reset
/// link first. Sessions continue; end them separately. The user is notified by email.
#[operation(
    params(UserId, IdentityId),
    responses((status = 200, body = True), (status = "4XX", description = "not_found last_way_in"))
)]
pub async fn delete(app: &App, admin: &Admin, id: &str, identity_id: &str) -> Result<Response, Error> {
    let user = users::find(&app.store, id).await?.ok_or(Error::NotFound)?;
    let provider = identities::find_provider(&app.store, id, identity_id).await?.ok_or(Error::NotFound)?;
    let provider = provider_visit::name(app, &provider).to_owned();
    let queued = QueuedNotice::by_admin(app, &user, SecurityNotice::IdentityUnlinked { provider })?;
    let event = audit::by_admin(app, Action::IdentityUnlinked, admin, id);
    let others = provider_visit::other_ways(app);
    match identities::unlink(&app.store, id, identity_id, &others, queued.notice(), &event).await? {
        Unlinked::Done => {
            queued.deliver_later(app);
            Ok(Response::ok())
        }
        Unlinked::NotFound => Err(Error::NotFound),
        Unlinked::LastWayIn => Err(Error::LastWayIn),
    }
}
