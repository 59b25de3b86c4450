//! The mail queue. A mail is written to D1 in the batch of the change that causes it, sent after the response, and retried by the
//! cron trigger until a provider takes it, refuses the recipient for good, or its content expires.
//!
//! A row holds the job and not the mail: a reset link is made when it is sent, so no stored row holds one.

use std::time::Duration;

use futures_util::{
    FutureExt,
    future::{Either, join_all, select},
};
use serde::{Deserialize, Serialize};

use super::{
    Unsent, budget,
    message::{self, Message},
};
use crate::{
    access::bearer,
    app::App,
    crypto::random,
    domain::{
        Timestamp,
        email::Email,
        mail_budget::{Budget, EQUAL_NOTICES, REQUESTED_BY_ANYONE},
        user::User,
    },
    error::Error,
    settings::{self, Settings},
    store::{
        mails::{self, LEASE, Mail, Notice},
        records::{self, Key},
        users,
    },
};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// How long the link in an account invitation is valid.
const ACCOUNT_INVITATION_LIFETIME: i64 = 7 * DAY;
/// How long a notice of a changed password is retried.
const PASSWORD_CHANGED_LIFETIME: i64 = 3 * DAY;
/// The wait after the first failed attempt. It doubles with each attempt up to `MAX_BACKOFF`.
const BACKOFF: i64 = MINUTE;
const MAX_BACKOFF: i64 = 6 * HOUR;
/// A run of the cron trigger starts no further mail after this time. With ten seconds for a provider it ends before the next
/// run, a minute later.
const STARTS_FOR: Duration = Duration::from_secs(45);
/// Then a run drops what is still in flight, which only happens if several providers in a row hang. The lease ends later, and
/// the mail is retried under the same idempotency key.
const ENDS_AFTER: Duration = Duration::from_secs(56);
/// Mails sent at the same time. The platform opens six connections at once.
const AT_ONCE: i64 = 5;
/// Calls to stores and providers in one run, for mails. The platform allows a thousand, and cleaning up needs some of them.
const CALLS_A_RUN: usize = 950;
/// Calls for a mail besides those to the providers: to read its user, to store its link, and to settle it.
const CALLS_A_MAIL: usize = 3;

/// What is to be mailed to whom.
// `errand` is the tag of rows that earlier versions have queued.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "errand", rename_all = "snake_case")]
pub enum MailJob {
    /// A reset link, if this is still the live reset of an active account.
    PasswordReset {
        /// The address as it was given; it need not have an account.
        email: String,
        /// The `jti` of the token to be made.
        reset_id: String,
    },
    /// A link to set the first password, if this is still the live reset of an active account.
    AccountInvitation {
        /// The address of the account.
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

/// A mail of this request, to be written in its batch and then delivered.
#[derive(Debug, Clone)]
pub struct QueuedMail {
    /// The row for the batch of what causes it.
    pub mail: Mail,
    job: MailJob,
}

impl QueuedMail {
    /// A reset link for whoever has this address, known or not: both cost the same.
    ///
    /// # Errors
    /// 429 when the recipient got too many mails; 500 without randomness; 503.
    pub async fn password_reset(app: &App, email: &Email, reset_id: &str) -> Result<QueuedMail, Error> {
        let job = MailJob::PasswordReset { email: email.as_str().to_owned(), reset_id: reset_id.to_owned() };
        QueuedMail::asked_for(
            app,
            email,
            job,
            app.now + app.settings().reset_token_lifetime * 1_000,
            REQUESTED_BY_ANYONE,
        )
        .await
    }

    /// A link by which the user of an account that an admin has created sets the first password.
    ///
    /// # Errors
    /// As [`QueuedMail::password_reset`].
    pub async fn account_invitation(app: &App, email: &Email, reset_id: &str) -> Result<QueuedMail, Error> {
        let job = MailJob::AccountInvitation { email: email.as_str().to_owned(), reset_id: reset_id.to_owned() };
        QueuedMail::asked_for(app, email, job, app.now + ACCOUNT_INVITATION_LIFETIME, REQUESTED_BY_ANYONE).await
    }

    /// An invitation that carries a user token.
    ///
    /// # Errors
    /// As [`QueuedMail::password_reset`].
    pub async fn invitation(
        app: &App,
        email: &Email,
        inviter: Option<String>,
        token: &str,
        days: i64,
    ) -> Result<QueuedMail, Error> {
        let job = MailJob::Invitation { email: email.as_str().to_owned(), inviter, token: token.to_owned(), days };
        QueuedMail::asked_for(app, email, job, app.now + days * DAY, REQUESTED_BY_ANYONE).await
    }

    /// A mail that somebody asks for.
    async fn asked_for(
        app: &App,
        to: &Email,
        job: MailJob,
        expires_at: Timestamp,
        budget: Budget,
    ) -> Result<QueuedMail, Error> {
        budget::take(app, to, budget).await?;
        QueuedMail::new(app, random::id()?, job, app.now + LEASE, expires_at)
    }

    fn new(
        app: &App,
        id: String,
        job: MailJob,
        next_attempt_at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<QueuedMail, Error> {
        let text = serde_json::to_string(&job).map_err(|error| Error::Internal(format!("a mail job: {error}")))?;
        let key = app.keys().mail.first().ok_or_else(|| Error::Internal("there is no key for mails".to_owned()))?;
        let sealed = key.seal(&text, &id)?;
        let mail = Mail { id, sealed, attempts: 0, created_at: app.now, expires_at, next_attempt_at };
        Ok(QueuedMail { mail, job })
    }

    /// Sends the mail after the response. It must have been written.
    pub fn deliver_later(self, app: &App) {
        let app_after = app.clone();
        app.wait_until.run(Box::pin(async move { deliver(&app_after, &self.mail, self.job).await }));
    }
}

/// A notice about an account's security. It is never refused, so nobody can suppress it by flooding the recipient; equal ones
/// within a few minutes become one.
#[derive(Debug, Clone)]
pub struct QueuedNotice {
    /// The rows for the batch of what causes it.
    pub notice: Notice,
    job: MailJob,
}

impl QueuedNotice {
    /// A notice of a changed password, but not for the default account, which has no mailbox.
    ///
    /// # Errors
    /// 500 without randomness.
    pub fn password_changed(app: &App, email: &Email, name: Option<String>) -> Result<Option<QueuedNotice>, Error> {
        if Email::parse(email.as_str()).is_err() {
            return Ok(None);
        }
        let job = MailJob::PasswordChanged { email: email.as_str().to_owned(), name };
        QueuedNotice::new(app, email, "password_changed", job, PASSWORD_CHANGED_LIFETIME).map(Some)
    }

    fn new(app: &App, to: &Email, kind: &str, job: MailJob, lifetime: i64) -> Result<QueuedNotice, Error> {
        let (now, expires_at) = (app.now, app.now + lifetime);
        let row = |id| QueuedMail::new(app, id, job.clone(), now + LEASE, expires_at).map(|queued| queued.mail);
        let hash = |part: &str| app.keys().throttle.hash(&[EQUAL_NOTICES.name, part, kind, to.as_str()]);
        let notice = Notice {
            mail: row(random::id()?)?,
            deferred: row(hash("deferred"))?,
            window_key: hash("window"),
            window: EQUAL_NOTICES.window,
        };
        Ok(QueuedNotice { notice, job })
    }

    /// Sends the notice after the response, unless an equal one has just been sent. Then the cron trigger sends it.
    pub fn deliver_later(self, app: &App) {
        let app_after = app.clone();
        app.wait_until.run(Box::pin(async move {
            let mail = &self.notice.mail;
            match mails::is_queued(&app_after.store, &mail.id).await {
                Ok(true) => deliver(&app_after, mail, self.job).await,
                Ok(false) => {}
                Err(error) => settle(&app_after, mail, Err(error)),
            }
        }));
    }
}

/// Sends the mails that are due, the shortest-lived first, until there are no more or the time of a run is over.
///
/// # Errors
/// 503 when they cannot be read. A mail that fails is logged and retried later.
pub async fn deliver_due(app: &App) -> Result<(), Error> {
    let end = app.timer.sleep(ENDS_AFTER);
    match select(Box::pin(drain(app)), end).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right(_) => {
            (app.log)(&format!("run {}: mails in flight were given up; they are retried", app.request_id));
            Ok(())
        }
    }
}

async fn drain(app: &App) -> Result<(), Error> {
    let mut stop = app.timer.sleep(STARTS_FOR);
    let providers = match &app.settings().mail {
        settings::Mail::Outbox => 1,
        settings::Mail::Providers { providers, .. } => providers.len(),
    };
    // One more to claim the mails.
    let calls_a_round = AT_ONCE as usize * (CALLS_A_MAIL + providers) + 1;
    for _ in 0..CALLS_A_RUN / calls_a_round {
        if (&mut stop).now_or_never().is_some() {
            break;
        }
        let due = mails::claim_due(&app.store, app.now, AT_ONCE).await?;
        if due.is_empty() {
            break;
        }
        join_all(due.into_iter().map(|mail| deliver_sealed(app, mail))).await;
    }
    Ok(())
}

async fn deliver_sealed(app: &App, mail: Mail) {
    let text = app.keys().mail.iter().find_map(|key| key.open(&mail.sealed, &mail.id));
    match text.and_then(|text| serde_json::from_str(&text).ok()) {
        Some(job) => deliver(app, &mail, job).await,
        // Its secret is no longer accepted, so nobody can read it.
        None => settle(app, &mail, mails::delete(&app.store, &mail.id).await),
    }
}

async fn deliver(app: &App, mail: &Mail, job: MailJob) {
    let sent = async {
        match compose(app, mail, job).await {
            Ok(Some(message)) => super::send(app, &message, &format!("{}/{}", mail.id, mail.created_at)).await,
            Ok(None) => Ok(()),
            Err(error) => {
                let cause = error.cause().unwrap_or_else(|| error.code()).to_owned();
                Err(Unsent { cause, recipient_is_refused: false })
            }
        }
    };
    let Err(unsent) = sent.await else {
        return settle(app, mail, mails::delete(&app.store, &mail.id).await);
    };
    let cause = unsent.cause.replace(char::is_control, " ");
    let (request, id, attempt) = (&app.request_id, &mail.id, mail.attempts + 1);
    if unsent.recipient_is_refused {
        (app.log)(&format!("request {request}: mail {id} is given up at attempt {attempt}: {cause}"));
        return settle(app, mail, mails::delete(&app.store, &mail.id).await);
    }
    (app.log)(&format!("request {request}: mail {id} was not sent at attempt {attempt}: {cause}"));
    settle(app, mail, mails::postpone(&app.store, &mail.id, next_attempt(mail, app.now)).await);
}

/// If the row cannot be changed, the mail is retried when its lease ends, under the same idempotency key.
fn settle(app: &App, mail: &Mail, settled: Result<(), crate::ports::StoreError>) {
    if let Err(error) = settled {
        (app.log)(&format!("request {}: mail {} stays owed: {}", app.request_id, mail.id, error.0));
    }
}

/// The mail as it is to be sent now, or none if it is no longer of use.
async fn compose(app: &App, mail: &Mail, job: MailJob) -> Result<Option<Message>, Error> {
    let settings = app.settings();
    match job {
        MailJob::PasswordReset { email, reset_id } => {
            compose_link(app, mail, email, &reset_id, message::password_reset).await
        }
        MailJob::AccountInvitation { email, reset_id } => {
            compose_link(app, mail, email, &reset_id, message::account_invitation).await
        }
        MailJob::Invitation { email, inviter, token, days } => {
            let inviter = inviter.unwrap_or_default();
            message::invitation(settings, &Email::from_store(email), &inviter, &token, days).map(Some)
        }
        MailJob::PasswordChanged { email, name } => {
            message::password_changed(settings, &Email::from_store(email), name.as_deref()).map(Some)
        }
    }
}

/// The mail with a reset link, if that is the live reset of an active account.
async fn compose_link(
    app: &App,
    mail: &Mail,
    email: String,
    reset_id: &str,
    message: impl Fn(&Settings, &Email, Option<&str>, &str, i64) -> Result<Message, Error>,
) -> Result<Option<Message>, Error> {
    let link = reset_link(app, mail, &email, reset_id).await?;
    let name = link.user.name.as_deref();
    let message = message(app.settings(), &Email::from_store(email), name, &link.token, link.lifetime)?;
    Ok(link.is_live.then_some(message))
}

/// A reset link that is about to be mailed.
struct ResetLink {
    user: User,
    token: String,
    /// In seconds from the request, so that the mail is the same at each attempt.
    lifetime: i64,
    /// Whether this is the live reset of an active account.
    is_live: bool,
}

/// Makes the token and its record in KV. For an address without an account, it does the same work for nobody: what this work
/// takes from the next request must not tell whether there is an account. That record opens nothing, because no user has it.
async fn reset_link(app: &App, mail: &Mail, email: &str, reset_id: &str) -> Result<ResetLink, Error> {
    let found = users::find_by_email_and_password_reset(&app.store, email, reset_id).await?;
    let is_live = found.is_some();
    let user = found.unwrap_or_else(|| User::nobody(email));
    let token = bearer::password_reset_token(app, &user, reset_id, mail.created_at, mail.expires_at)?;
    let record = records::PasswordReset { user_id: user.id.clone(), expires_at: mail.expires_at };
    records::put(&app.store, &Key::password_reset(reset_id), &record, app.now).await?;
    Ok(ResetLink { user, token, lifetime: (mail.expires_at - mail.created_at) / 1_000, is_live })
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
        let mail = Mail {
            id: String::new(),
            sealed: String::new(),
            attempts: 0,
            created_at: 0,
            expires_at: lifetime,
            next_attempt_at: 0,
        };
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
