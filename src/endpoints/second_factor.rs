//! `PUT` and `DELETE /api/auth/me/second-factor`

use postern_macros::operation;

use crate::{
    access::{
        audit,
        bearer::{self, Session},
        recent, second_factor,
    },
    app::App,
    domain::{
        event::Action,
        proof::{Level, Method},
    },
    error::Error,
    mail::{message::SecurityNotice, queue::QueuedNotice},
    responses::RecoveryCodes,
    store::second_factors,
    web::{Response, True},
};

/// Require a second factor.
///
/// For users with a passkey: from then on, the password alone is not enough, and sessions that were started with it end. The response
/// has ten recovery codes, which are not shown again. A session that was itself started with the password alone must prove the passkey
/// first (403 `reauthentication_required`).
///
/// An authenticator app turns this on by itself (`PUT /api/auth/me/totp`).
#[operation(
    responses(
        (status = 200, body = RecoveryCodes),
        (status = "4XX", description = "second_factor_on no_passkey"),
    )
)]
pub async fn put(app: &App, session: &Session) -> Result<Response, Error> {
    let user_id = &session.user.id;
    if session.requires_second_factor {
        return Err(Error::SecondFactorOn);
    }
    if session.proof.level() < Level::Two {
        let ways = second_factors::find(&app.store, user_id).await?.ok_or(Error::Unauthorized)?;
        return Err(if ways.passkeys > 0 {
            recent::required(vec![Method::Passkey.as_str()])
        } else {
            Error::NoPasskey
        });
    }
    let (recovery_codes, set) = second_factor::draw_recovery_codes(app, user_id)?;
    let event = audit::own(app, Action::SecondFactorRequired, session);
    let queued = QueuedNotice::to(app, &session.user, SecurityNotice::SecondFactorRequired)?;
    if second_factors::require(&app.store, &session.id, &set, queued.notice(), &event).await? {
        queued.deliver_later(app);
        return Ok(Response::json(&RecoveryCodes { recovery_codes }));
    }
    let ways = second_factors::find(&app.store, user_id).await?.ok_or(Error::Unauthorized)?;
    let refusal = if ways.requires_second_factor { Error::SecondFactorOn } else { Error::NoPasskey };
    Err(bearer::refusal_of_session(app, session, refusal).await)
}

/// Stop requiring a second factor.
///
/// Removes the authenticator app and the recovery codes. Passkeys stay, and so do all sessions.
#[operation(
    responses(
        (status = 200, body = True),
        (status = "4XX", description = "second_factor_off second_factor_enforced no_password"),
    )
)]
pub async fn delete(app: &App, session: &Session) -> Result<Response, Error> {
    let user = &session.user;
    if app.settings().second_factor.is_required_of(user.role) {
        return Err(Error::SecondFactorEnforced);
    }
    let event = audit::own(app, Action::SecondFactorRemoved, session);
    let queued = QueuedNotice::to(app, user, SecurityNotice::SecondFactorRemoved)?;
    if second_factors::stop_requiring(&app.store, &user.id, queued.notice(), &event).await? {
        queued.deliver_later(app);
        return Ok(Response::ok());
    }
    let ways = second_factors::find(&app.store, &user.id).await?.ok_or(Error::Unauthorized)?;
    let refusal = if ways.requires_second_factor { Error::NoPassword } else { Error::SecondFactorOff };
    Err(bearer::refusal_of_session(app, session, refusal).await)
}
