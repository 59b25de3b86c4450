//! Path parameters of several endpoints.

use utoipa::IntoParams;

/// The user that a path names.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct UserId {
    /// The user's id.
    #[param(example = "a1d3e5f7-0b2c-4d6e-8f90-1a2b3c4d5e6f")]
    pub id: String,
}

/// The mail provider that a path names.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct MailProvider {
    /// `resend`, `sendgrid`, `mailgun` or `postmark`.
    #[param(example = "postmark")]
    pub provider: String,
}
