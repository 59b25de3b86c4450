//! The audit log: who did what to whom, when, from where and with which result. To add an action, add a row to the table below.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

use super::{Timestamp, device::Device, user::Role};
use crate::{error::Fault, language::Phrase};

/// The points per user and hour for actions that users can repeat at will: 1,000 logins, or 200 other actions.
pub const BUDGET: i64 = 1_000;
/// Extra points for ending sessions, so that nobody can use up the budget first and then end sessions without a trace.
const RESERVE: i64 = 1_000;
/// The period of the budget: an hour, in milliseconds.
pub const BUDGET_PERIOD: Timestamp = 3_600_000;
/// The points of a login, a logout, an ended session and a refused attempt.
const FEW_POINTS: i64 = 1;
/// The points of any other action that users can repeat at will.
const MANY_POINTS: i64 = 5;
/// The points of an action that an investigation needs. Its events are never dropped: other limits bound how often it happens.
const NO_POINTS: i64 = 0;

/// Builds [`Action`] from one row per action: `/// What happened.`, then `Variant: POINTS;`. In the database and the API the action
/// has the name of the variant in snake case. The points are what it takes from the budget of a user who repeats it.
macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident: $points:expr;)*) => {
        /// What happened. The actor and the subject tell whether a user or an admin did it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
        #[strum(serialize_all = "snake_case")]
        pub enum Action {
            $($(#[$doc])* $variant,)*
        }

        impl Action {
            fn points(self) -> i64 {
                match self {
                    $(Action::$variant => $points,)*
                }
            }
        }
    };
}

actions! {
    /// A user logged in, or tried to with a wrong password.
    Login: FEW_POINTS;
    /// A user signed up.
    Signup: NO_POINTS;
    /// A user logged out.
    Logout: FEW_POINTS;
    /// One session was ended.
    SessionEnded: FEW_POINTS;
    /// All sessions were ended.
    SessionsEnded: NO_POINTS;
    /// The name was changed.
    NameChanged: MANY_POINTS;
    /// The password was changed by giving the old one, or the old one was wrong.
    PasswordChanged: NO_POINTS;
    /// A code was requested by email, to sign in, to sign up or to confirm that it is the user.
    EmailCodeRequested: NO_POINTS;
    /// The owner of the mailbox took over an account whose email was not verified. Everything that was set up before ended.
    AccountClaimed: NO_POINTS;
    /// Someone asked an admin for an account.
    SignUpRequested: NO_POINTS;
    /// An admin approved a sign-up.
    SignUpApproved: NO_POINTS;
    /// An admin rejected a sign-up.
    SignUpRejected: NO_POINTS;
    /// A reset link was requested.
    PasswordResetRequested: NO_POINTS;
    /// The password was set through a reset link.
    PasswordResetCompleted: NO_POINTS;
    /// A one-time password was mailed.
    OtpSent: MANY_POINTS;
    /// The email was verified with a one-time password.
    OtpVerified: NO_POINTS;
    /// A change of the email was asked for. Codes were mailed.
    EmailChangeRequested: NO_POINTS;
    /// The email was changed, or a code was wrong.
    EmailChanged: NO_POINTS;
    /// A change of the email was stopped before it was completed.
    EmailChangeCancelled: NO_POINTS;
    /// The owner of the old email has undone a change.
    EmailChangeUndone: NO_POINTS;
    /// An admin has marked the email as verified.
    EmailMarkedVerified: NO_POINTS;
    /// An admin has marked the email as unverified.
    EmailMarkedUnverified: NO_POINTS;
    /// A user token was created.
    TokenCreated: MANY_POINTS;
    /// A user token was deleted.
    TokenDeleted: MANY_POINTS;
    /// A user token was created and mailed.
    InvitationSent: MANY_POINTS;
    /// The account was deactivated.
    Deactivated: NO_POINTS;
    /// The account was activated again.
    Activated: NO_POINTS;
    /// The role was changed.
    RoleChanged: NO_POINTS;
    /// The tier was changed.
    TierChanged: NO_POINTS;
    /// An admin created the account.
    UserCreated: NO_POINTS;
    /// The operator imported the account from a file.
    UserImported: NO_POINTS;
    /// An admin deleted the account.
    UserDeleted: NO_POINTS;
    /// The user and everybody below in the invite tree were frozen.
    Frozen: NO_POINTS;
    /// A freeze was undone.
    Unfrozen: NO_POINTS;
    /// The user has proven again who they are, or tried to.
    Reauthenticated: MANY_POINTS;
    /// An authenticator app was added.
    TotpAdded: NO_POINTS;
    /// The authenticator app was removed.
    TotpRemoved: NO_POINTS;
    /// The user requires a second factor from now on.
    SecondFactorRequired: NO_POINTS;
    /// The user no longer requires a second factor.
    SecondFactorRemoved: NO_POINTS;
    /// New recovery codes replaced the old ones.
    RecoveryCodesCreated: NO_POINTS;
    /// A recovery code was used.
    RecoveryCodeUsed: NO_POINTS;
    /// A passkey was added.
    PasskeyAdded: NO_POINTS;
    /// A passkey was renamed.
    PasskeyRenamed: MANY_POINTS;
    /// A passkey was removed.
    PasskeyRemoved: NO_POINTS;
    /// The counter of a passkey went back, so there may be a copy of it. It was refused.
    PasskeyCloned: FEW_POINTS;
    /// An identity at a provider was linked.
    IdentityLinked: NO_POINTS;
    /// An identity at a provider was unlinked.
    IdentityUnlinked: NO_POINTS;
    /// The password was removed, so that only passkeys are left.
    PasswordRemoved: NO_POINTS;
    /// An admin removed all second factors of the user.
    SecondFactorsReset: NO_POINTS;
    /// Mail to the user's address bounced.
    EmailBounced: NO_POINTS;
    /// The user marked a mail as spam.
    EmailComplained: NO_POINTS;
    /// Mail goes to the user's address again.
    EmailProblemCleared: NO_POINTS;
    /// Further events of the same hour were dropped.
    EventsDropped: NO_POINTS;
}

impl Action {
    /// Returns the name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Parses a name.
    ///
    /// # Errors
    /// If there is no such action. The message lists all names.
    pub fn parse(text: &str) -> Result<Action, Fault> {
        text.parse().map_err(|_| {
            let names: Vec<&str> = Action::VARIANTS.iter().map(|action| action.as_str()).collect();
            (Phrase::Choice { choices: names.join(", ") }, "choice")
        })
    }
}

/// One or more actions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actions(pub Vec<Action>);

impl Actions {
    /// Parses names that are separated by commas.
    ///
    /// # Errors
    /// As [`Action::parse`].
    pub fn parse(text: &str) -> Result<Actions, Fault> {
        let mut actions = Vec::new();
        for name in text.split(',') {
            let action = Action::parse(name.trim())?;
            if !actions.contains(&action) {
                actions.push(action);
            }
        }
        Ok(Actions(actions))
    }

    /// Returns the number of actions.
    pub fn count(&self) -> i64 {
        i64::try_from(self.0.len()).unwrap_or(i64::MAX)
    }

    /// Returns the names as a JSON array.
    pub fn names(&self) -> String {
        let names: Vec<String> = self.0.iter().map(|action| format!("\"{}\"", action.as_str())).collect();
        format!("[{}]", names.join(","))
    }
}

/// The result of an action that succeeded. Otherwise the result is the code of the refusal.
pub const SUCCESS: &str = "success";

/// The actor of events that the operator's scripts write. No user has this id.
pub const OPERATOR: &str = "operator";

/// The role and tier of a user, if an action set them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights {
    /// The role, if the action set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The tier, if the action set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<i32>,
}

/// An event to write to the audit log.
#[derive(Debug, Clone)]
pub struct Event {
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub action: Action,
    /// [`SUCCESS`], or the code of the refusal.
    pub result: &'static str,
    /// The user who did it; `None` if nobody was signed in.
    pub actor_id: Option<String>,
    /// The user whose account it concerns.
    pub subject_id: Option<String>,
    /// The client's address, as a keyed hash.
    pub address: String,
    /// The session that acted, or that the action began.
    pub session_id: Option<String>,
    /// The subject's new role and tier, if the action set them.
    pub new_value: Option<Rights>,
    /// The client's device.
    pub device: Device,
    /// The client's country, as far as it may be stored.
    pub country: Option<String>,
    /// The client's city, as far as it may be stored.
    pub city: Option<String>,
}

impl Event {
    /// Adds the role and tier that the action sets.
    #[must_use]
    pub fn sets(self, role: Option<Role>, tier: Option<i64>) -> Event {
        let tier = tier.and_then(|tier| i32::try_from(tier).ok());
        Event { new_value: Some(Rights { role, tier }), ..self }
    }

    /// Returns how many points may be used in an hour once this event is written.
    pub fn limit(&self) -> i64 {
        if self.action == Action::SessionEnded { BUDGET + RESERVE } else { BUDGET }
    }

    /// Returns the points that the event takes from its subject's budget. An event with 0 points is never dropped, such as that of an
    /// admin who changes another account.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_parsed_from_its_name_and_the_message_for_an_unknown_one_lists_all_names() {
        for action in Action::VARIANTS {
            assert_eq!(Action::parse(action.as_str()), Ok(*action));
        }
        assert_eq!(Action::OtpSent.as_str(), "otp_sent");
        let (Phrase::Choice { choices }, "choice") = Action::parse("OtpSent").unwrap_err() else { panic!() };
        assert!(choices.starts_with("login, signup, ") && choices.ends_with(", events_dropped"), "{choices}");
    }

    #[test]
    fn actions_are_separated_by_commas() {
        let actions = Actions::parse("login, signup,login").unwrap();
        assert_eq!(actions, Actions(vec![Action::Login, Action::Signup]));
        assert_eq!((actions.names().as_str(), actions.count()), (r#"["login","signup"]"#, 2));
        for text in ["", "login,", ",", "login;signup", "login,x"] {
            assert_eq!(Actions::parse(text).unwrap_err().1, "choice", "{text:?}");
        }
    }
}
