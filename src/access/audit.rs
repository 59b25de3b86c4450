//! Builds the audit events of a request. `domain::event` has the actions.

use super::bearer::Session;
use crate::{
    app::App,
    domain::event::{Action, Event, SUCCESS},
    error::Error,
    store::{events, sessions},
};

/// The length of the keyed hash of an address, in characters: 66 bits, enough to distinguish addresses.
const ADDRESS_LENGTH: usize = 11;

/// Returns the event of a user's action on their own account.
pub fn own(app: &App, action: Action, session: &Session) -> Event {
    by_admin(app, action, session, &session.user.id)
}

/// Returns the event of a user's action on their own account without a session: with a code or a reset link.
pub fn without_session(app: &App, action: Action, user_id: &str) -> Event {
    event(app, action, Some(user_id), Some(user_id))
}

/// Returns the event of a login or a sign-up, which starts a session.
pub fn new_session(app: &App, action: Action, user_id: &str, session: &sessions::New) -> Event {
    Event { session_id: Some(session.id.clone()), ..without_session(app, action, user_id) }
}

/// Returns the event of a login with the right password that needs a second step. No session has started.
pub fn first_step(app: &App, user_id: &str) -> Event {
    Event { result: "second_factor_required", ..without_session(app, Action::Login, user_id) }
}

/// Returns the event of an admin's action on another account.
pub fn by_admin(app: &App, action: Action, admin: &Session, user_id: &str) -> Event {
    Event { session_id: Some(admin.id.clone()), ..event(app, action, Some(&admin.user.id), Some(user_id)) }
}

/// Returns the event of an admin's action that concerns no account.
pub fn about_nobody(app: &App, action: Action, admin: &Session) -> Event {
    Event { session_id: Some(admin.id.clone()), ..event(app, action, Some(&admin.user.id), None) }
}

/// Returns the event of a request without a session. The account that it concerns is looked up when it is written.
pub fn by_somebody(app: &App, action: Action) -> Event {
    event(app, action, None, None)
}

fn event(app: &App, action: Action, actor_id: Option<&str>, subject_id: Option<&str>) -> Event {
    let mut address = app.keys().event.hash(&["address", app.address.as_str()]);
    address.truncate(ADDRESS_LENGTH);
    Event {
        at: app.now,
        action,
        result: SUCCESS,
        actor_id: actor_id.map(str::to_owned),
        subject_id: subject_id.map(str::to_owned),
        address,
        session_id: None,
        new_value: None,
        device: app.client.device.clone(),
        country: app.client.country.clone(),
        city: app.client.city.clone(),
    }
}

/// Writes the event of a refused login after the response, with or without an account. So neither the response time nor the work
/// after it, which can delay the next request, reveals whether there is an account. Returns the refusal.
pub fn refused_login(app: &App, user_id: Option<&str>, refusal: Error) -> Error {
    later(app, Event { result: refusal.code(), ..event(app, Action::Login, None, user_id) });
    refusal
}

/// Writes an event with the code of the refusal, after the response. Returns the refusal.
pub fn refused(app: &App, event: Event, refusal: Error) -> Error {
    later(app, Event { result: refusal.code(), ..event });
    refusal
}

/// Writes an event after the response. For actions that change nothing in D1 and so are in no batch.
pub fn later(app: &App, event: Event) {
    let problem = format!("{} {} is not in the audit log", event.action.as_str(), event.result);
    app.after_response(problem, |app| async move { events::insert(&app.store, &event).await });
}
