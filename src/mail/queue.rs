//! Mail that is not lost: what is owed is written to D1 in the batch of what causes it, tried after the answer, and
//! tried again by the cron trigger until a provider takes it or what it carries has expired.
//!
//! What is written is the errand, not the mail: a reset link is made when it is sent, so no stored row holds one.

use serde::{Deserialize, Serialize};

use super::message::{self, Message};
use crate::{
    access::bearer,
    app::App,
    crypto::random,
    domain::{Timestamp, email::Email},
    error::Error,
    store::{
        mails::{self, Mail},
        records, users,
    },
};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// For how long the news of a changed password is of use.
const PASSWORD_CHANGED_LIFETIME: i64 = 3 * DAY;
/// The first wait after a vain attempt; it doubles with each up to `MAX_BACKOFF`.
const BACKOFF: i64 = MINUTE;
const MAX_BACKOFF: i64 = 6 * HOUR;
/// Mails that one run of the cron trigger takes: with a provider that does not answer it ends before the next takes more.
const MAILS_A_RUN: i64 = 10;

/// What is to be mailed to whom.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "errand", rename_all = "snake_case")]
pub enum Errand {
    /// A reset link, if this is still the live reset of an active account.
    PasswordReset {
        /// The address as it was given; it need not have an account.
        email: String,
        /// The `jti` of the token to be made.
        reset_id: String,
    },
    /// A sign-up link.
    Invitation {
        /// The invitee.
        email: String,
        /// The name of the user who invites.
        inviter: Option<String>,
        /// The user token.
        token: String,
        /// Its life.
        days: i64,
    },
    /// The news that the password was changed.
    PasswordChanged {
        /// The owner.
        email: String,
        /// The owner's name.
        name: Option<String>,
    },
}

/// A mail that this request owes, to be written and then delivered.
#[derive(Debug, Clone)]
pub struct Owed {
    /// The row for the batch of what causes it.
    pub mail: Mail,
    errand: Errand,
}

impl Owed {
    /// A reset link for whoever has this address, known or not: both cost the same.
    ///
    /// # Errors
    /// 500 when there is no randomness.
    pub fn password_reset(app: &App, email: &Email, reset_id: &str) -> Result<Owed, Error> {
        let errand = Errand::PasswordReset { email: email.as_str().to_owned(), reset_id: reset_id.to_owned() };
        Owed::new(app, errand, app.now + app.settings().reset_token_lifetime * 1_000)
    }

    /// An invitation that carries a user token.
    ///
    /// # Errors
    /// 500 when there is no randomness.
    pub fn invitation(
        app: &App,
        email: &Email,
        inviter: Option<String>,
        token: &str,
        days: i64,
    ) -> Result<Owed, Error> {
        let errand = Errand::Invitation { email: email.as_str().to_owned(), inviter, token: token.to_owned(), days };
        Owed::new(app, errand, app.now + days * DAY)
    }

    /// The news of a changed password, but not for the default account, which has no mailbox.
    ///
    /// # Errors
    /// 500 when there is no randomness.
    pub fn password_changed(app: &App, email: &Email, name: Option<String>) -> Result<Option<Owed>, Error> {
        if Email::parse(email.as_str()).is_err() {
            return Ok(None);
        }
        let errand = Errand::PasswordChanged { email: email.as_str().to_owned(), name };
        Owed::new(app, errand, app.now + PASSWORD_CHANGED_LIFETIME).map(Some)
    }

    fn new(app: &App, errand: Errand, expires_at: Timestamp) -> Result<Owed, Error> {
        let id = random::id()?;
        let text = serde_json::to_string(&errand).map_err(|error| Error::Internal(format!("an errand: {error}")))?;
        let key = app.keys().mail.first().ok_or_else(|| Error::Internal("there is no key for mails".to_owned()))?;
        let sealed = key.seal(&text, &id)?;
        Ok(Owed { mail: Mail { id, sealed, attempts: 0, created_at: app.now, expires_at }, errand })
    }

    /// Sends the mail after the answer. It must have been written.
    pub fn deliver_later(self, app: &App) {
        let later = app.clone();
        app.later.run(Box::pin(async move { deliver(&later, &self.mail, self.errand).await }));
    }
}

/// Tries the mails that are due.
///
/// # Errors
/// 503 when they cannot be read. A mail that fails is logged and due again later.
pub async fn deliver_due(app: &App) -> Result<(), Error> {
    for mail in mails::claim_due(app.sql.as_ref(), app.now, MAILS_A_RUN).await? {
        let text = app.keys().mail.iter().find_map(|key| key.open(&mail.sealed, &mail.id));
        match text.and_then(|text| serde_json::from_str(&text).ok()) {
            Some(errand) => deliver(app, &mail, errand).await,
            // Its secret is no longer in force: nobody can read it any more.
            None => settle(app, &mail, mails::delete(app.sql.as_ref(), &mail.id).await),
        }
    }
    Ok(())
}

async fn deliver(app: &App, mail: &Mail, errand: Errand) {
    let sent = async {
        match compose(app, mail, errand).await? {
            Some(message) => super::send(app, &message, &mail.id).await,
            None => Ok(()),
        }
    };
    match sent.await {
        Ok(()) => settle(app, mail, mails::delete(app.sql.as_ref(), &mail.id).await),
        Err(error) => {
            let cause = error.cause().unwrap_or_else(|| error.code()).replace(char::is_control, " ");
            let (request, id, attempt) = (&app.request_id, &mail.id, mail.attempts + 1);
            (app.log)(&format!("request {request}: mail {id} was not sent at attempt {attempt}: {cause}"));
            let again = next_attempt(mail, app.now);
            settle(app, mail, mails::postpone(app.sql.as_ref(), &mail.id, again).await);
        }
    }
}

/// If the row could not be changed, the mail is due again when its lease ends: under the same idempotency key.
fn settle(app: &App, mail: &Mail, settled: Result<(), crate::ports::Outage>) {
    if let Err(outage) = settled {
        (app.log)(&format!("request {}: mail {} stays owed: {}", app.request_id, mail.id, outage.0));
    }
}

/// The mail as it is to be sent now; none if it is of no use any more.
async fn compose(app: &App, mail: &Mail, errand: Errand) -> Result<Option<Message>, Error> {
    let settings = app.settings();
    match errand {
        Errand::PasswordReset { email, reset_id } => {
            let user = users::find_by_email_and_password_reset(app.sql.as_ref(), &email, &reset_id).await?;
            let Some(user) = user else { return Ok(None) };
            let token = bearer::password_reset_token(app, &user, &reset_id, mail.created_at, mail.expires_at)?;
            let record = records::PasswordReset { user_id: user.id, expires_at: mail.expires_at };
            records::put_password_reset(app, &reset_id, &record).await?;
            // Counted from the request, so that the mail is the same at each attempt, as an idempotency key promises.
            let lifetime = (mail.expires_at - mail.created_at) / 1_000;
            message::password_reset(settings, &Email::from_store(email), user.name.as_deref(), &token, lifetime)
                .map(Some)
        }
        Errand::Invitation { email, inviter, token, days } => {
            let inviter = inviter.unwrap_or_default();
            message::invitation(settings, &Email::from_store(email), &inviter, &token, days).map(Some)
        }
        Errand::PasswordChanged { email, name } => {
            message::password_changed(settings, &Email::from_store(email), name.as_deref()).map(Some)
        }
    }
}

/// Ever more seldom, but never later than after half of the time that is left: a provider that comes back finds every
/// mail that is still of use.
fn next_attempt(mail: &Mail, now: Timestamp) -> Timestamp {
    let backoff = BACKOFF.saturating_mul(1 << mail.attempts.clamp(0, 20)).min(MAX_BACKOFF);
    now + backoff.min((mail.expires_at - now) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When a mail that always fails is tried again, in milliseconds from its cause.
    fn attempts(lifetime: i64) -> Vec<Timestamp> {
        let mail = Mail { id: String::new(), sealed: String::new(), attempts: 0, created_at: 0, expires_at: lifetime };
        let next = |(now, attempts)| Some((next_attempt(&Mail { attempts, ..mail.clone() }, now), attempts + 1));
        std::iter::successors(Some((0, 0)), |last| next(*last)).map(|(time, _)| time).skip(1).take(30).collect()
    }

    #[test]
    fn a_mail_that_fails_is_tried_again_after_a_minute_then_ever_more_seldom() {
        let attempts = attempts(90 * DAY);
        assert_eq!(attempts[..4], [MINUTE, 3 * MINUTE, 7 * MINUTE, 15 * MINUTE]);
        assert_eq!(attempts[29] - attempts[28], MAX_BACKOFF);
    }

    #[test]
    fn a_mail_is_tried_until_its_very_end() {
        let attempts = attempts(15 * MINUTE);
        assert!(attempts.iter().any(|time| (10 * MINUTE..14 * MINUTE).contains(time)), "{attempts:?}");
        assert!(attempts.iter().all(|time| *time < 15 * MINUTE));
    }
}
