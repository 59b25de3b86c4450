//! `POST /api/auth/logout`

use postern_macros::operation;

use crate::{
    access::{audit, bearer::Session, sign_in},
    app::App,
    domain::event::Action,
    error::Error,
    store::sessions,
    web::{Response, True},
};

/// Log out.
///
/// Ends this session immediately.
#[operation(responses((status = 200, body = True)))]
pub async fn post(app: &App, session: &Session) -> Result<Response, Error> {
    let user_id = &session.user.id;
    sessions::end(&app.store, user_id, &session.id, &audit::own(app, Action::Logout, session)).await?;
    Ok(sign_in::signed_out(app, session))
}
