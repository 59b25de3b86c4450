//! `POST /api/auth/logout`

use crate::{
    access::{audit, bearer::Session, sign_out},
    app::App,
    domain::event::Action,
    error::Error,
    store::sessions,
    web::{Response, True},
};

/// Ends this session, at once.
///
/// # Errors
/// 401; 403 inactive; 503.
#[utoipa::path(
    post,
    path = "/api/auth/logout",
    tag = "Signing in",
    security(("session" = [])),
    responses((status = 200, body = True)),
    extensions(("x-open-before-password-change" = json!(true)))
)]
pub async fn post(app: &App, session: &Session) -> Result<Response, Error> {
    let user_id = &session.user.id;
    sessions::end(app.sql.as_ref(), user_id, &session.id, &audit::own(app, Action::Logout, session)).await?;
    Ok(sign_out::answer(session))
}
