//! `POST /api/auth/invitation`

use postern_macros::{FromFields, operation};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    domain::{
        Timestamp,
        sign_up_mode::SignUpMode,
        user_token::{Referrer, is_well_formed},
    },
    error::Error,
    mail::message::shown_name,
    store::user_tokens::{self, Open},
    web::{Request, Response},
};

/// The invitation.
#[derive(FromFields)]
pub struct Invitation {
    /// The user token, or an invitation link.
    pub token: Referrer,
}

/// What the invited person can know of an invitation. Everything else is null if it is not valid.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct InvitationStatus {
    /// Whether someone can sign up with it.
    is_valid: bool,
    /// The name of the user who invites. Null if there is none, or if it could be taken for a link, an address or a code.
    #[schema(required, example = "Ada")]
    inviter: Option<String>,
    /// When it expires.
    #[schema(required)]
    expires_at: Option<Timestamp>,
    /// How many more users can sign up with it. Null if there is no limit.
    #[schema(required)]
    uses_left: Option<i64>,
}

impl From<Open> for InvitationStatus {
    fn from(open: Open) -> Self {
        InvitationStatus {
            is_valid: true,
            inviter: open.inviter.as_deref().and_then(shown_name).map(str::to_owned),
            expires_at: Some(open.expires_at),
            uses_left: open.uses_left,
        }
    }
}

/// Get an invitation.
///
/// Returns who invites and until when, for a page to sign up. An unknown invitation is not valid, and neither is one that has expired or
/// has been used up, or whose owner is not active. With `SIGN_UP=closed`, none is.
#[operation(
    request_body = Invitation,
    responses((status = 200, body = InvitationStatus))
)]
pub async fn post(app: &App, request: &Request) -> Result<Response, Error> {
    let Invitation { token } = request.json(app)?;
    let may_sign_up = app.settings().sign_up != SignUpMode::Closed;
    let open = match token.as_str() {
        token if may_sign_up && is_well_formed(token) => {
            user_tokens::find_open(&app.store, &app.keys().user_token, token, app.now).await?
        }
        _ => None,
    };
    Ok(Response::json(&open.map(InvitationStatus::from).unwrap_or_default()))
}
