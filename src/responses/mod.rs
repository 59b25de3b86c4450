//! The response bodies of more than one endpoint, with their schemas in the API description. A body of one endpoint is in the file
//! of that endpoint.

mod email_problem;
mod event;
mod identity;
mod passkey;
mod recovery_codes;
mod session;
mod sign_up;
mod user;

pub use email_problem::EmailProblem;
pub use event::{Event, Party, Rights};
pub use identity::{Identity, ProviderVisitBegun};
pub use passkey::{CredentialDescriptor, Passkey, PasskeyRequest};
pub use recovery_codes::{RecoveryCodes, RecoveryCodesIfNew};
pub use session::Session;
pub use sign_up::{EmailCodeSent, SignUpRequest, Waiting, WaitingFor};
pub use user::{SignedIn, User};
