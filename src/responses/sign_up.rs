//! Sign-ups and sign-ins by email.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{domain::Timestamp, store::sign_ups};

/// A code was sent by email, if the email may sign in or sign up.
#[derive(Debug, Serialize, ToSchema)]
pub struct EmailCodeSent {
    /// The token of this request. It proves the email together with the code, or with the secret in the link of the email.
    pub token: String,
    /// The parameter `id` in the link of the email. So a page that the link opens knows whether its browser has asked.
    pub id: String,
    /// When the token, the code and the link expire.
    pub expires_at: Timestamp,
}

/// What a request to sign up waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaitingFor {
    /// The approval of an admin. The user gets an email in either case.
    WaitingForApproval,
}

/// The email is verified, and the account waits.
#[derive(Debug, Serialize, ToSchema)]
pub struct Waiting {
    /// What it waits for.
    pub status: WaitingFor,
}

impl Waiting {
    /// The response to a request that waits for an admin.
    pub const FOR_APPROVAL: Waiting = Waiting { status: WaitingFor::WaitingForApproval };
}

/// A request to sign up that waits for an admin.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignUpRequest {
    /// The id of the request.
    pub id: String,
    /// The email, which is verified.
    #[schema(example = "ada@example.com")]
    pub email: String,
    /// The name, if the applicant gave one.
    #[schema(required, example = "Ada")]
    pub name: Option<String>,
    /// What the applicant wrote to the admins.
    #[schema(required)]
    pub note: Option<String>,
    /// When the request was sent.
    pub requested_at: Timestamp,
}

impl From<sign_ups::Listed> for SignUpRequest {
    fn from(request: sign_ups::Listed) -> Self {
        let sign_ups::Listed { id, email, name, note, requested_at, .. } = request;
        SignUpRequest { id, email, name, note, requested_at }
    }
}
