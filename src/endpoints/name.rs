//! `PUT /api/auth/me/name`

use postern_macros::{FromFields, operation};

use crate::{
    access::{
        audit,
        bearer::{self, Session},
    },
    app::App,
    domain::{event::Action, name::Name},
    error::Error,
    store::users,
    web::{Nullable, Request, Response, True},
};

/// The new name.
#[derive(FromFields)]
pub struct NewName {
    /// The new name. Null removes it.
    pub name: Nullable<Name>,
}

/// Change your name.
///
/// `null` removes it.
#[operation(
    request_body = NewName,
    responses((status = 200, body = True))
)]
pub async fn put(app: &App, request: &Request, session: &Session) -> Result<Response, Error> {
    let NewName { name: Nullable(name) } = request.json(app)?;
    let user_id = &session.user.id;
    let event = audit::own(app, Action::NameChanged, session);
    if !users::rename(&app.store, user_id, name.as_ref().map(Name::as_str), &event).await? {
        return Err(bearer::refusal_of_session(app, session, Error::Unauthorized).await);
    }
    Ok(Response::ok())
}
