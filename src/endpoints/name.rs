//! `PUT /api/auth/me/name`

use postern_macros::operation;
use utoipa::ToSchema;

use crate::{
    access::{
        audit,
        bearer::{self, Session},
    },
    app::App,
    domain::{event::Action, name},
    error::Error,
    store::users,
    web::{self, Request, Response, True},
};

/// The new name.
#[derive(ToSchema)]
pub struct NewName {
    /// The new name. Null removes it.
    #[schema(schema_with = name::optional_schema, required)]
    pub name: Option<String>,
}

/// Change your name.
///
/// `null` removes it.
#[operation(
    request_body = NewName,
    responses((status = 200, body = True))
)]
pub async fn put(app: &App, request: &Request, session: &Session) -> Result<Response, Error> {
    let mut fields = web::json(request)?;
    let name = fields.required_nullable("name", name::parse);
    let name = fields.take(name)?;
    let user_id = &session.user.id;
    let event = audit::own(app, Action::NameChanged, session);
    if !users::rename(&app.store, user_id, name.as_deref(), &event).await? {
        return Err(bearer::refusal_of_session(app, session, Error::Unauthorized).await);
    }
    Ok(Response::ok())
}
