//! `GET /api/auth/me/security`

use postern_macros::operation;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    access::bearer::Session, app::App, domain::Timestamp, error::Error, responses::EmailProblem, store::second_factors,
    web::Response,
};

/// How the account is protected, and how and when the user last authenticated in this session.
#[derive(Serialize, ToSchema)]
pub struct Security {
    /// Whether there is a password.
    has_password: bool,
    /// Whether every session needs two factors.
    second_factor: bool,
    /// Whether the operator requires a second factor of this user.
    is_enforced: bool,
    /// The authenticator app, or null if there is none.
    #[schema(required)]
    totp: Option<Totp>,
    /// The number of unused recovery codes.
    recovery_codes_left: i64,
    /// The number of passkeys.
    passkeys: i64,
    /// The number of linked identities.
    identities: i64,
    /// Why emails do not reach your address, or null if they do.
    #[schema(required)]
    email_problem: Option<EmailProblem>,
    /// When the user last proved in this session who they are.
    authenticated_at: Timestamp,
    /// The level of this session: 2 after two factors or with a passkey, otherwise 1.
    #[schema(minimum = 1, maximum = 2)]
    level: i64,
    /// How the user has authenticated in this session: `password`, `totp`, `passkey`, `recovery_code`, `email_code`, `provider`.
    methods: Vec<&'static str>,
}

/// An authenticator app.
#[derive(Serialize, ToSchema)]
pub struct Totp {
    /// When it was set up.
    created_at: Timestamp,
    /// When a code was last accepted, or null if none was since the set-up.
    #[schema(required)]
    last_used_at: Option<Timestamp>,
}

/// Get the security of your account.
///
/// Returns what you can sign in with, and how and when you last authenticated in this session.
#[operation(responses((status = 200, body = Security)))]
pub async fn get(app: &App, session: &Session) -> Result<Response, Error> {
    let ways = second_factors::find(&app.store, &session.user.id).await?.ok_or(Error::Unauthorized)?;
    let last_used_at = ways.totp_last_used_at;
    Ok(Response::json(&Security {
        has_password: ways.has_password,
        second_factor: ways.requires_second_factor,
        is_enforced: app.settings().second_factor.is_required_of(session.user.role),
        totp: ways.totp_confirmed_at.map(|created_at| Totp { created_at, last_used_at }),
        recovery_codes_left: ways.recovery_codes,
        passkeys: ways.passkeys,
        identities: ways.identities,
        email_problem: ways.email_problem().map(EmailProblem::from),
        authenticated_at: session.authenticated_at,
        level: session.proof.level().number(),
        methods: session.proof.names(),
    }))
}
