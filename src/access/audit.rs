//! What is written down of a request: see `domain::event`.

use super::bearer::Session;
use crate::{
    app::App,
    domain::event::{Action, Event, SUCCESS},
    error::Error,
    store::{events, sessions},
};

/// Characters of the keyed hash of an address: 66 bits, enough to tell addresses apart.
const ADDRESS_LENGTH: usize = 11;

/// What a user does to the own account.
pub fn own(app: &App, action: Action, session: &Session) -> Event {
    by_admin(app, action, session, &session.user.id)
}

/// A user's act on their own account without a session: with a code or a reset link.
pub fn without_session(app: &App, action: Action, user_id: &str) -> Event {
    event(app, action, Some(user_id), Some(user_id))
}

/// A login or a sign-up, which begins a session.
pub fn new_session(app: &App, action: Action, user_id: &str, session: &sessions::New) -> Event {
    Event { session_id: Some(session.id.clone()), ..without_session(app, action, user_id) }
}

/// What an admin does to another's account.
pub fn by_admin(app: &App, action: Action, admin: &Session, user_id: &str) -> Event {
    Event { session_id: Some(admin.id.clone()), ..event(app, action, Some(&admin.user.id), Some(user_id)) }
}

/// What somebody who has not signed in asks for. Whose account it concerns is found when it is written.
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
    }
}

/// Writes down, after the answer, that a login was refused, of an account that there is or of none: neither the time until
/// the answer nor the work that follows it, which a next request may have to wait for, tells whether there is an account.
/// Answers the refusal.
pub fn refused_login(app: &App, user_id: Option<&str>, refusal: Error) -> Error {
    later(app, Event { result: refusal.code(), ..event(app, Action::Login, None, user_id) });
    refusal
}

/// Writes an event with the code of the refusal, after the answer. Returns the refusal.
pub fn refused(app: &App, event: Event, refusal: Error) -> Error {
    later(app, Event { result: refusal.code(), ..event });
    refusal
}

/// Writes an event after the answer: of acts that are in no batch, because nothing in D1 changes by them.
pub fn later(app: &App, event: Event) {
    let problem = format!("{} {} is not in the audit log", event.action.as_str(), event.result);
    app.after_response(problem, |app| async move { events::insert(&app.store, &event).await });
}
