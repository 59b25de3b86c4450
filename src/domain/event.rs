//! The audit log: who did what to whom, when, from where, with which result.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Timestamp, user::Role};
use crate::error::Fault;

/// What was done. Whether to the own account or to another's is told by who did it to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A login, or a wrong password at one.
    Login,
    /// A sign-up.
    Signup,
    /// A logout.
    Logout,
    /// One session was ended.
    SessionEnded,
    /// All sessions were ended.
    SessionsEnded,
    /// Another name.
    NameChanged,
    /// Another password by one who knew the old one, or a wrong old one.
    PasswordChanged,
    /// A reset link was asked for.
    PasswordResetRequested,
    /// Another password by a reset link.
    PasswordResetCompleted,
    /// A code was mailed.
    OtpSent,
    /// The email was verified with a code.
    OtpVerified,
    /// A user token was made.
    TokenCreated,
    /// A user token was ended.
    TokenDeleted,
    /// A user token was made and mailed.
    InvitationSent,
    /// The account was deactivated.
    Deactivated,
    /// The account was activated again.
    Activated,
    /// Another role.
    RoleChanged,
    /// Another tier.
    TierChanged,
    /// An admin made the account.
    UserCreated,
    /// The operator imported the account from a file.
    UserImported,
    /// An admin deleted the account.
    UserDeleted,
    /// The user and everybody below were frozen.
    Frozen,
    /// That was undone.
    Unfrozen,
    /// More acts followed in this hour that are not in the log.
    EventsDropped,
}

/// The points that the repeatable acts of one user have in an hour: 1,000 logins, or 200 other acts.
pub const BUDGET: i64 = 1_000;
/// The points that a user has on top for ending sessions: nobody can use up the budget first to end sessions without a trace.
const RESERVE: i64 = 1_000;
/// The hour, in milliseconds.
pub const BUDGET_PERIOD: Timestamp = 3_600_000;
/// The points of a login, of a logout, of a session that is ended, and of a refused attempt.
const FEW_POINTS: i64 = 1;
/// The points of any other repeatable act.
const MANY_POINTS: i64 = 5;

impl Action {
    /// All there are.
    pub const ALL: [Action; 24] = [
        Action::Login,
        Action::Signup,
        Action::Logout,
        Action::SessionEnded,
        Action::SessionsEnded,
        Action::NameChanged,
        Action::PasswordChanged,
        Action::PasswordResetRequested,
        Action::PasswordResetCompleted,
        Action::OtpSent,
        Action::OtpVerified,
        Action::TokenCreated,
        Action::TokenDeleted,
        Action::InvitationSent,
        Action::Deactivated,
        Action::Activated,
        Action::RoleChanged,
        Action::TierChanged,
        Action::UserCreated,
        Action::UserImported,
        Action::UserDeleted,
        Action::Frozen,
        Action::Unfrozen,
        Action::EventsDropped,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Login => "login",
            Action::Signup => "signup",
            Action::Logout => "logout",
            Action::SessionEnded => "session_ended",
            Action::SessionsEnded => "sessions_ended",
            Action::NameChanged => "name_changed",
            Action::PasswordChanged => "password_changed",
            Action::PasswordResetRequested => "password_reset_requested",
            Action::PasswordResetCompleted => "password_reset_completed",
            Action::OtpSent => "otp_sent",
            Action::OtpVerified => "otp_verified",
            Action::TokenCreated => "token_created",
            Action::TokenDeleted => "token_deleted",
            Action::InvitationSent => "invitation_sent",
            Action::Deactivated => "deactivated",
            Action::Activated => "activated",
            Action::RoleChanged => "role_changed",
            Action::TierChanged => "tier_changed",
            Action::UserCreated => "user_created",
            Action::UserImported => "user_imported",
            Action::UserDeleted => "user_deleted",
            Action::Frozen => "frozen",
            Action::Unfrozen => "unfrozen",
            Action::EventsDropped => "events_dropped",
        }
    }

    /// The points that it takes from the budget of a user who repeats it at will. 0 for what an investigation needs: its events are
    /// never dropped, because other limits bound how often it can happen.
    fn points(self) -> i64 {
        match self {
            Action::Login | Action::Logout | Action::SessionEnded => FEW_POINTS,
            Action::NameChanged
            | Action::OtpSent
            | Action::TokenCreated
            | Action::TokenDeleted
            | Action::InvitationSent => MANY_POINTS,
            Action::Signup
            | Action::SessionsEnded
            | Action::PasswordChanged
            | Action::PasswordResetRequested
            | Action::PasswordResetCompleted
            | Action::OtpVerified
            | Action::Deactivated
            | Action::Activated
            | Action::RoleChanged
            | Action::TierChanged
            | Action::UserCreated
            | Action::UserImported
            | Action::UserDeleted
            | Action::Frozen
            | Action::Unfrozen
            | Action::EventsDropped => 0,
        }
    }

    /// Reads an action by its name.
    ///
    /// # Errors
    /// A fault for anything else.
    pub fn parse(text: &str) -> Result<Action, Fault> {
        Action::ALL.into_iter().find(|action| action.as_str() == text).ok_or_else(|| {
            let names: Vec<&str> = Action::ALL.into_iter().map(Action::as_str).collect();
            (format!("must be one of {}", names.join(", ")), "choice")
        })
    }
}

/// The result of an act that took effect; of any other it is the code of the refusal.
pub const SUCCESS: &str = "success";

/// The actor of what the operator does with a script on the database. No user has this id.
pub const OPERATOR: &str = "operator";

/// The role and tier of a user, as far as an act set them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rights {
    /// The role, if the act set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The tier, if the act set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 2)]
    pub tier: Option<i32>,
}

/// One act, to be written down.
#[derive(Debug, Clone)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What.
    pub action: Action,
    /// [`SUCCESS`], or the code of the refusal.
    pub result: &'static str,
    /// Who did it; none when nobody had signed in.
    pub actor_id: Option<String>,
    /// To whose account.
    pub subject_id: Option<String>,
    /// From where, as a keyed hash.
    pub address: String,
    /// The session that acted, or that began by the act.
    pub session_id: Option<String>,
    /// What the act set the subject's role and tier to.
    pub new_value: Option<Rights>,
}

impl Event {
    /// With the role and tier that the act sets.
    #[must_use]
    pub fn sets(self, role: Option<Role>, tier: Option<i64>) -> Event {
        let tier = tier.and_then(|tier| i32::try_from(tier).ok());
        Event { new_value: Some(Rights { role, tier }), ..self }
    }
}

impl Event {
    /// How many points of an hour may be used once it is written.
    pub fn limit(&self) -> i64 {
        if self.action == Action::SessionEnded { BUDGET + RESERVE } else { BUDGET }
    }

    /// The points that it takes from the budget of its subject; 0 if it is never dropped, as what an admin does to another's account.
    pub fn points(&self) -> i64 {
        if self.actor_id.is_some() && self.actor_id != self.subject_id {
            0
        } else if self.result == SUCCESS {
            self.action.points()
        } else {
            FEW_POINTS
        }
    }
}
