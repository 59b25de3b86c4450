//! Events of the audit log.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    domain::{Timestamp, event, user::Role},
    store::events::Listed,
};

/// A user in an event.
#[derive(Debug, Serialize, ToSchema)]
pub struct Party {
    /// The id.
    pub id: String,
    /// The email, or null if the account was deleted.
    #[schema(required)]
    pub email: Option<String>,
}

/// The role and tier of a user, if an action set them.
#[derive(Debug, Serialize, ToSchema)]
pub struct Rights {
    /// The role, if the action set it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The tier, if the action set it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 2)]
    pub tier: Option<i32>,
}

impl From<event::Rights> for Rights {
    fn from(event::Rights { role, tier }: event::Rights) -> Self {
        Rights { role, tier }
    }
}

/// An event.
#[derive(Debug, Serialize, ToSchema)]
pub struct Event {
    /// The id. Newer events have greater ids.
    pub id: i64,
    /// The time of the event.
    pub at: Timestamp,
    /// The action.
    pub action: String,
    /// `success`, or the code of the error.
    pub result: String,
    /// The user who acted, or null if nobody was signed in.
    #[schema(required)]
    pub actor: Option<Party>,
    /// The user whose account it concerns, or null if there is none.
    #[schema(required)]
    pub subject: Option<Party>,
    /// The client's address as a keyed hash.
    #[schema(required)]
    pub address: Option<String>,
    /// The id of the session that acted, or that the action began. Null if there was none.
    #[schema(required)]
    pub session_id: Option<String>,
    /// The subject's role and tier before the action. Null unless the action changed one of them.
    #[schema(required)]
    pub old_value: Option<Rights>,
    /// The subject's role and tier after the action. Null unless the action created the account or changed one of them.
    #[schema(required)]
    pub new_value: Option<Rights>,
    /// The browser of the client, such as `Firefox`, or another program, such as `curl`. Null if unknown.
    #[schema(required)]
    pub browser: Option<String>,
    /// The operating system of the client, such as `Windows`. Null if unknown.
    #[schema(required)]
    pub system: Option<String>,
    /// The country of the client (ISO 3166-1 alpha-2), estimated from the address. Null if it is unknown or not stored.
    #[schema(required)]
    pub country: Option<String>,
    /// The city of the client. Null if it is unknown or not stored.
    #[schema(required)]
    pub city: Option<String>,
}

impl Event {
    /// Leaves out what this user may not know of other users.
    #[must_use]
    pub fn as_seen_by(mut self, user_id: &str) -> Self {
        if self.actor.as_ref().is_some_and(|actor| actor.id != user_id) {
            (self.address, self.session_id) = (None, None);
            (self.browser, self.system, self.country, self.city) = (None, None, None, None);
        }
        for party in [&mut self.actor, &mut self.subject].into_iter().flatten().filter(|party| party.id != user_id) {
            party.email = None;
        }
        self
    }
}

impl From<Listed> for Event {
    fn from(event: Listed) -> Self {
        let party = |id: Option<String>, email| id.map(|id| Party { id, email });
        Event {
            id: event.id,
            at: event.at,
            action: event.action,
            result: event.result,
            actor: party(event.actor_id, event.actor_email),
            subject: party(event.subject_id, event.subject_email),
            address: Some(event.address),
            session_id: event.session_id,
            old_value: event.old_value.map(Rights::from),
            new_value: event.new_value.map(Rights::from),
            browser: event.browser,
            system: event.system,
            country: event.country,
            city: event.city,
        }
    }
}
