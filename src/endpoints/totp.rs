//! `POST`, `PUT` and `DELETE /api/auth/me/totp`

use postern_macros::{FromFields, operation};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    access::{
        audit,
        bearer::{self, Session},
        second_factor,
    },
    app::App,
    domain::{self, event::Action, one_time_password::Code, proof::Method},
    error::Error,
    mail::{message::SecurityNotice, queue::QueuedNotice},
    responses::RecoveryCodesIfNew,
    store::{
        second_factors::{self, Guess},
        totp::{self, Confirmation},
    },
    web::{Request, Response, True},
};

/// What an authenticator app needs to know.
#[derive(Serialize, ToSchema)]
pub struct NewTotp {
    /// The secret in base32, to type it into the app.
    #[schema(example = "MZXW6YTBOJTGG33PMJQXE3DFMZ2WG3DF")]
    secret: String,
    /// The same as a URI, to show it as a QR code.
    #[schema(
        example = "otpauth://totp/Postern:ada@example.com?secret=MZXW6YTBOJTGG33PMJQXE3DFMZ2WG3DF&issuer=Postern"
    )]
    uri: String,
}

/// The first code of an authenticator app.
#[derive(FromFields)]
pub struct FirstCode {
    /// The six digits that the app shows. Spaces, hyphens and invisible characters between them are ignored.
    pub code: Code,
}

/// Begin to add an authenticator app.
///
/// Returns a secret for the app (TOTP, RFC 6238: SHA-1, 6 digits, 30 seconds). Nothing changes until `PUT /api/auth/me/totp` confirms it
/// with a code. Another call returns another secret, and the one before no longer works.
#[operation(
    responses((status = 200, body = NewTotp), (status = "4XX", description = "totp_on"))
)]
pub async fn post(app: &App, session: &Session) -> Result<Response, Error> {
    let user = &session.user;
    let (secret, new) = second_factor::draw_totp(app, &user.id)?;
    if !totp::begin(&app.store, &new, &session.id, app.now).await? {
        return Err(bearer::refusal_of_session(app, session, Error::TotpOn).await);
    }
    let secret = secret.to_base32();
    let uri = domain::totp::uri(&app.settings().service_name, &user.email, &secret);
    Ok(Response::json(&NewTotp { secret, uri }))
}

/// Confirm an authenticator app with a code.
///
/// From then on, every session of the user needs two factors. This session has them now, so it stays; sessions with one factor end. The
/// response has ten recovery codes, which are not shown again, or null if the user already has some.
///
/// The checks run in this order:
///
/// 1. The session: 401 or 403. Then the body: 400, 413, 415 or 422.
/// 2. The number of wrong codes of this user: 429. A code counts before it is checked.
/// 3. The app: 409 if there is none to confirm.
/// 4. The code: 403.
#[operation(
    request_body = FirstCode,
    responses(
        (status = 200, body = RecoveryCodesIfNew),
        (status = "4XX", description = "wrong_totp totp_on totp_not_begun too_many_requests"),
    )
)]
pub async fn put(app: &App, request: &Request, session: &Session) -> Result<Response, Error> {
    let FirstCode { code } = request.json(app)?;
    let user_id = &session.user.id;
    let guesses = second_factor::guesses(app, user_id);
    let Guess { stored, .. } = second_factors::guess_totp(&app.store, &guesses, user_id, app.now).await??;
    let Some(stored) = stored.first() else {
        return Err(bearer::refusal_of_session(app, session, Error::TotpNotBegun).await);
    };
    if stored.confirmed_at.is_some() {
        return Err(Error::TotpOn);
    }
    let event = audit::own(app, Action::TotpAdded, session);
    let Some(right) = second_factor::first_code(app, user_id, stored, code.as_str()) else {
        return Err(audit::refused(app, event, Error::WrongTotp));
    };
    let (recovery_codes, set) = second_factor::draw_recovery_codes(app, user_id)?;
    let proof = session.proof.clone().and(Method::Totp);
    let queued = QueuedNotice::to(app, &session.user, SecurityNotice::TotpAdded)?;
    let session_now = (session.id.as_str(), &proof);
    match totp::confirm(&app.store, right, session_now, &set, &guesses, queued.notice(), &event).await? {
        Confirmation::Done { has_new_codes } => {
            queued.deliver_later(app);
            Ok(Response::json(&RecoveryCodesIfNew { recovery_codes: has_new_codes.then_some(recovery_codes) }))
        }
        Confirmation::Refused => Err(bearer::refusal_of_session(app, session, Error::TotpNotBegun).await),
    }
}

/// Remove your authenticator app.
///
/// If it was the only second factor, the account no longer requires one, and the recovery codes are deleted.
#[operation(
    responses((status = 200, body = True), (status = "4XX", description = "not_found second_factor_enforced"))
)]
pub async fn delete(app: &App, session: &Session) -> Result<Response, Error> {
    let user = &session.user;
    let is_enforced = app.settings().second_factor.is_required_of(user.role);
    let event = audit::own(app, Action::TotpRemoved, session);
    let queued = QueuedNotice::to(app, user, SecurityNotice::TotpRemoved)?;
    if totp::delete(&app.store, &user.id, is_enforced, queued.notice(), &event).await? {
        queued.deliver_later(app);
        return Ok(Response::ok());
    }
    let ways = second_factors::find(&app.store, &user.id).await?.ok_or(Error::Unauthorized)?;
    let refusal = if ways.totp_confirmed_at.is_none() { Error::NotFound } else { Error::SecondFactorEnforced };
    Err(bearer::refusal_of_session(app, session, refusal).await)
}
