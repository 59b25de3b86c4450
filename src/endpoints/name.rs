//! `PUT /api/auth/me/name`

use crate::{
    access::bearer,
    app::App,
    domain::name,
    error::Error,
    store::users,
    web::{self, Request, Response},
};

/// Gives the user another name.
///
/// # Errors
/// 401, 403, 415, 400, 413, 422; 503.
pub async fn put(app: &App, request: &Request) -> Result<Response, Error> {
    let session = bearer::session(app, request).await?;
    let mut fields = web::json(request)?;
    let name = fields.required("name", name::parse);
    let name = fields.take(name)?;
    if !users::rename(app.sql.as_ref(), &session.account.user.id, &name, app.now).await? {
        return Err(Error::Inactive);
    }
    Ok(Response::ok())
}
