//! An identity that a sign-in links, with what tells the owner of it.

use super::{message::SecurityNotice, queue::QueuedNotice};
use crate::{
    access::{audit, provider_visit},
    app::App,
    domain::{
        event::{Action, Event},
        user::User,
    },
    error::Error,
    store::identities::{self, Link},
};

/// An identity that is linked when a session starts, with its event and the notice to the owner.
pub struct LinkedIdentity<'a> {
    identity: &'a identities::New,
    event: Event,
    notice: QueuedNotice,
}

impl<'a> LinkedIdentity<'a> {
    /// Returns what links `identity` to an account that is there already.
    ///
    /// # Errors
    /// 500 without randomness.
    pub fn new(app: &App, identity: &'a identities::New, user: &User) -> Result<LinkedIdentity<'a>, Error> {
        let event = audit::without_session(app, Action::IdentityLinked, &user.id);
        let provider = provider_visit::name(app, &identity.provider).to_owned();
        let notice = QueuedNotice::to(app, user, SecurityNotice::IdentityLinked { provider })?;
        Ok(LinkedIdentity { identity, event, notice })
    }

    /// Returns the rows for the batch that starts the session.
    pub fn as_link(&self) -> Link<'_> {
        Link { identity: self.identity, event: Some(&self.event), notice: self.notice.notice() }
    }

    /// Sends the notice after the response.
    pub fn deliver_later(self, app: &App) {
        self.notice.deliver_later(app);
    }
}
