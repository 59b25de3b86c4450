//! `DELETE /api/auth/admin/users/{id}/second-factors`

use postern_macros::operation;

use crate::{
    access::{audit, bearer::Admin, second_factor},
    app::App,
    domain::event::Action,
    error::Error,
    mail::{message::SecurityNotice, queue::QueuedNotice},
    store::{administration, users},
    web::{Response, True, path::UserId},
};

/// Remove all second factors of a user.
///
/// For a user who has lost them. Deletes the authenticator app, the recovery codes and all passkeys, and ends all sessions. Then the
/// password is enough to sign in. Make sure first that it is the user who asks for this.
#[operation(
    params(UserId),
    responses((status = 200, body = True), (status = "4XX", description = "not_found own_account"))
)]
pub async fn delete(app: &App, admin: &Admin, id: &str) -> Result<Response, Error> {
    if id == admin.user.id {
        return Err(Error::OwnAccount);
    }
    let user = users::find(&app.store, id).await?.ok_or(Error::NotFound)?;
    let queued = QueuedNotice::by_admin(app, &user, SecurityNotice::SecondFactorsReset)?;
    let event = audit::by_admin(app, Action::SecondFactorsReset, admin, id);
    let guesses = second_factor::guesses(app, id);
    if !administration::reset_second_factors(&app.store, id, &guesses, queued.notice(), &event).await? {
        // The user was deleted in the meantime.
        return Err(Error::NotFound);
    }
    queued.deliver_later(app);
    Ok(Response::ok())
}
