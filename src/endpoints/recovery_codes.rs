//! `POST /api/auth/me/recovery-codes`

use postern_macros::operation;

use crate::{
    access::{
        audit,
        bearer::{self, Session},
        second_factor,
    },
    app::App,
    domain::event::Action,
    error::Error,
    mail::{message::SecurityNotice, queue::QueuedNotice},
    responses::RecoveryCodes,
    store::recovery_codes,
    web::Response,
};

/// Get new recovery codes.
///
/// Returns ten codes, which are not shown again. All older codes stop working.
#[operation(
    responses((status = 200, body = RecoveryCodes), (status = "4XX", description = "second_factor_off"))
)]
pub async fn post(app: &App, session: &Session) -> Result<Response, Error> {
    let (recovery_codes, set) = second_factor::draw_recovery_codes(app, &session.user.id)?;
    let event = audit::own(app, Action::RecoveryCodesCreated, session);
    let queued = QueuedNotice::to(app, &session.user, SecurityNotice::RecoveryCodesReplaced)?;
    if !recovery_codes::replace(&app.store, &set, queued.notice(), &event).await? {
        return Err(bearer::refusal_of_session(app, session, Error::SecondFactorOff).await);
    }
    queued.deliver_later(app);
    Ok(Response::json(&RecoveryCodes { recovery_codes }))
}
