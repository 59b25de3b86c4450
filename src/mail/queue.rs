//! The mail queue. A mail is queued in D1 in the batch of the change that causes it, and sent after the response. The cron trigger
//! retries it until a provider accepts it, permanently refuses the recipient, or its content expires.
//!
//! A row contains the job, not the mail, and is encrypted. A reset token that is a JWT is created when it is sent, so no row contains one.

use std::time::Duration;

use super::{
    Attempts, Unsent, budget,
    message::{self, Message, Recipient},
};
use crate::{
    access::{email_sign_in::Opened, mail_rows, one_time, reset_token},
    app::App,
    crypto::random,
    domain::{
        Timestamp,
        daily_count::{MAIL_FAILED, MAIL_SENT},
        email::Email,
        email_change::UNDO_PERIOD,
        mail_budget::{Budget, REQUESTED_BY_ANYONE, REQUESTED_BY_OWNER},
        mail_job::{Activity, CodeMail, CodeReason, MailJob, NewReset, QueuedJob, SecurityNotice},
        user::User,
    },
    error::Error,
    language::Language,
    settings,
    store::{
        email_changes::Undoable,
        email_problems::{self, Mailbox},
        mails::{self, LEASE, Mail, Notice},
        records::{self, Key},
        sessions::{self, Begun},
        users,
    },
};
use futures_util::{
    FutureExt,
    future::{Either, join_all, select},
};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// How long the link in an account invitation is valid.
const ACCOUNT_INVITATION_LIFETIME: i64 = 7 * DAY;
/// How long the answer to a request to sign up is retried.
const SIGN_UP_ANSWER_LIFETIME: i64 = 3 * DAY;
/// The wait after the first failed attempt. It doubles with each attempt up to `MAX_BACKOFF`.
const BACKOFF: i64 = MINUTE;
const MAX_BACKOFF: i64 = 6 * HOUR;
/// A run of the cron trigger starts no more mails after this time. With ten seconds for a provider, it ends before the next run, a
/// minute later.
const STARTS_FOR: Duration = Duration::from_secs(45);
/// After this time a run drops mails in flight, which only happens if several providers in a row hang. Their leases end later, and
/// they are retried with the same idempotency key.
const ENDS_AFTER: Duration = Duration::from_secs(56);
/// The number of concurrent mails. The platform allows six open connections.
const AT_ONCE: i64 = 5;
/// The maximum number of calls to stores and providers in one run, for mails. The platform allows a thousand, and the cleanup needs
/// some of them.
const CALLS_A_RUN: usize = 950;
/// Calls per mail besides those to the providers: to ask whether its recipient is reachable, to read its user, to store its link, and to
/// settle it.
const CALLS_A_MAIL: usize = 4;

/// A mail of this request, to be queued in its batch and then delivered.
#[derive(Debug, Clone)]
pub struct QueuedMail {
    /// The row for the batch of the change.
    pub mail: Mail,
    job: QueuedJob,
}

impl QueuedMail {
    /// Returns the mail with a reset link for this address, with or without an account: both cost the same.
    ///
    /// # Errors
    /// 429 if the recipient got too many mails; 500 without randomness; 503.
    pub async fn password_reset(app: &App, email: &Email, reset: &NewReset) -> Result<QueuedMail, Error> {
        let job = MailJob::PasswordReset { email: email.as_str().to_owned(), reset: reset.clone() };
        let expires_at = app.now + app.settings().reset_token_lifetime * 1_000;
        QueuedMail::asked_for(app, email, job, None, expires_at, REQUESTED_BY_ANYONE).await
    }

    /// Returns the mail with a link to set the first password of an account that an admin has created.
    ///
    /// # Errors
    /// As [`QueuedMail::password_reset`].
    pub async fn account_invitation(app: &App, email: &Email, reset: &NewReset) -> Result<QueuedMail, Error> {
        let job = MailJob::AccountInvitation { email: email.as_str().to_owned(), reset: reset.clone() };
        QueuedMail::asked_for(app, email, job, None, app.now + ACCOUNT_INVITATION_LIFETIME, REQUESTED_BY_ANYONE).await
    }

    /// Returns the mail with a user token.
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
        QueuedMail::asked_for(app, email, job, None, app.now + days * DAY, REQUESTED_BY_ANYONE).await
    }

    /// Returns the mail with a code.
    ///
    /// # Errors
    /// As [`QueuedMail::password_reset`].
    pub async fn email_code(
        app: &App,
        to: &Email,
        mail: CodeMail,
        expires_at: Timestamp,
        budget: Budget,
    ) -> Result<QueuedMail, Error> {
        QueuedMail::asked_for(app, to, MailJob::EmailCode(mail), None, expires_at, budget).await
    }

    /// Returns the mail with the answer to a request to sign up in this language.
    ///
    /// # Errors
    /// As [`QueuedMail::password_reset`].
    pub async fn sign_up_answer(
        app: &App,
        to: &Email,
        name: Option<String>,
        locale: Option<Language>,
        is_approved: bool,
    ) -> Result<QueuedMail, Error> {
        let job = MailJob::SignUpAnswer { email: to.as_str().to_owned(), name, is_approved };
        QueuedMail::asked_for(app, to, job, locale, app.now + SIGN_UP_ANSWER_LIFETIME, REQUESTED_BY_OWNER).await
    }

    /// Returns the mail with the reset link for the owner of an account whose address was changed back. It is never refused, because
    /// otherwise a thief could fill the budget of the recipient. A change can be undone once.
    ///
    /// # Errors
    /// 500 without randomness.
    pub fn password_reset_after_undo(app: &App, email: &str, reset: &NewReset) -> Result<QueuedMail, Error> {
        let job = MailJob::PasswordReset { email: email.to_owned(), reset: reset.clone() };
        let expires_at = app.now + app.settings().reset_token_lifetime * 1_000;
        QueuedMail::new(app, job, None, expires_at)
    }

    /// Returns the mail with the code that confirms a new address of this user. It names neither the user nor the old address:
    /// the new one can be that of a stranger.
    ///
    /// # Errors
    /// As [`QueuedMail::password_reset`].
    pub async fn email_change_code(app: &App, user: &User, email: &Email, code: &str) -> Result<QueuedMail, Error> {
        let job = MailJob::EmailChangeCode { email: email.as_str().to_owned(), code: code.to_owned() };
        QueuedMail::asked_for(app, email, job, user.locale, app.now + one_time::LIFETIME, REQUESTED_BY_ANYONE).await
    }

    /// Returns the notice to the current address of a user about a change that was asked for, or `None` for the default account, which
    /// has no mailbox.
    ///
    /// # Errors
    /// As [`QueuedMail::password_reset`].
    pub async fn email_change_notice(
        app: &App,
        user: &User,
        token: &str,
        code: Option<&String>,
    ) -> Result<Option<QueuedMail>, Error> {
        let Ok(to) = Email::parse(&user.email) else { return Ok(None) };
        let (email, name) = (user.email.clone(), user.name.clone());
        let activity = Some(mail_rows::activity(app, user));
        let job = MailJob::EmailChangeNotice { email, name, token: token.to_owned(), code: code.cloned(), activity };
        let expires_at = app.now + one_time::LIFETIME;
        QueuedMail::asked_for(app, &to, job, user.locale, expires_at, REQUESTED_BY_OWNER).await.map(Some)
    }

    /// Returns the notice to the old address of a user about a change, with a link that undoes it if that address was verified, or
    /// `None` for the default account. It is never refused: the requests for a change are limited.
    ///
    /// # Errors
    /// 500 without randomness.
    pub fn email_changed(app: &App, user: &User, token: &str) -> Result<Option<QueuedMail>, Error> {
        if Email::parse(&user.email).is_err() {
            return Ok(None);
        }
        let token = user.is_verified.then(|| token.to_owned());
        let activity = Some(mail_rows::activity(app, user));
        let job = MailJob::EmailChanged { email: user.email.clone(), name: user.name.clone(), token, activity };
        QueuedMail::new(app, job, user.locale, app.now + UNDO_PERIOD).map(Some)
    }

    /// Returns the notice to the address that an account had until its change was undone, or `None` if it has the old one already.
    ///
    /// # Errors
    /// 500 without randomness.
    pub fn email_change_undone(app: &App, undone: &Undoable) -> Result<Option<QueuedMail>, Error> {
        if undone.email == undone.old_email {
            return Ok(None);
        }
        // The address may be that of a thief, who must not learn from where the owner has undone the change.
        let activity = Some(Activity::at(app.now));
        let job = MailJob::EmailChangeUndone { email: undone.email.clone(), name: undone.name.clone(), activity };
        QueuedMail::new(app, job, undone.locale, app.now + mail_rows::NOTICE_LIFETIME).map(Some)
    }

    /// Returns a requested mail, which counts on the budget of its recipient.
    async fn asked_for(
        app: &App,
        to: &Email,
        job: MailJob,
        locale: Option<Language>,
        expires_at: Timestamp,
        budget: Budget,
    ) -> Result<QueuedMail, Error> {
        budget::take(app, to, budget).await?;
        QueuedMail::new(app, job, locale, expires_at)
    }

    /// Returns the mail for a recipient with this language, or in the language of the request.
    fn new(app: &App, job: MailJob, locale: Option<Language>, expires_at: Timestamp) -> Result<QueuedMail, Error> {
        let job = QueuedJob { job, language: locale.or(**app.language) };
        let mail = mail_rows::seal(app, random::id()?, &job, app.now + LEASE, expires_at)?;
        Ok(QueuedMail { mail, job })
    }

    /// Sends the mail after the response. It must have been queued.
    pub fn deliver_later(self, app: &App) {
        let app_after = app.clone();
        app.wait_until.run(Box::pin(async move { deliver(&app_after, &self.mail, self.job).await }));
    }
}

/// A notice about the security of an account. It is never refused, so flooding the recipient cannot suppress it. Equal notices
/// within a few minutes become one. The default account gets none, because it has no mailbox.
#[derive(Debug, Clone)]
pub struct QueuedNotice(Option<Notice>);

impl QueuedNotice {
    /// Returns a notice to this user about what the request does, which is in their name.
    ///
    /// # Errors
    /// 500 without randomness.
    pub fn to(app: &App, user: &User, notice: SecurityNotice) -> Result<QueuedNotice, Error> {
        mail_rows::security_notice(app, user, notice, mail_rows::activity(app, user)).map(QueuedNotice)
    }

    /// Returns a notice to this user about what an admin does. It does not say from where.
    ///
    /// # Errors
    /// 500 without randomness.
    pub fn by_admin(app: &App, user: &User, notice: SecurityNotice) -> Result<QueuedNotice, Error> {
        mail_rows::security_notice(app, user, notice, Activity::at(app.now)).map(QueuedNotice)
    }

    /// Returns the rows for the batch of the change.
    pub fn notice(&self) -> Option<&Notice> {
        self.0.as_ref()
    }

    /// Sends the notice after the response, unless an equal one was just sent. Then the cron trigger sends it.
    pub fn deliver_later(self, app: &App) {
        if let Some(notice) = self.0 {
            deliver_if_queued(app, notice.mail);
        }
    }
}

/// Sends the mail about a new device after the response, if this session has started on one.
pub fn deliver_new_device_later(app: &App, session: &sessions::New, begun: &Begun) {
    let notice = session.device.notice.as_ref().filter(|_| begun.is_on_new_device);
    if let Some(notice) = notice {
        deliver_if_queued(app, notice.mail.clone());
    }
}

/// Like [`deliver_new_device_later`], for what a proven email has opened.
pub fn deliver_new_device_of(app: &App, opened: &Opened) {
    if let Opened::Session(started) = opened
        && let Some(begun) = &started.begun
    {
        deliver_new_device_later(app, &started.session, begun);
    }
}

/// Sends a notice after the response, unless an equal one was just sent. Then the cron trigger sends it.
fn deliver_if_queued(app: &App, mail: Mail) {
    let app_after = app.clone();
    app.wait_until.run(Box::pin(async move {
        match mails::is_queued(&app_after.store, &mail.id).await {
            Ok(true) => deliver_sealed(&app_after, mail).await,
            Ok(false) => {}
            Err(error) => settle(&app_after, &mail, Err(error)),
        }
    }));
}

/// Sends the due mails, those that expire soonest first, until none is left or the time of a run is over.
///
/// # Errors
/// 503 if they cannot be read. A mail that fails is logged and retried later.
pub async fn deliver_due(app: &App) -> Result<(), Error> {
    let end = app.timer.sleep(ENDS_AFTER);
    match select(Box::pin(drain(app)), end).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right(_) => {
            (app.log)(&format!("run {}: mails in flight were dropped; they will be retried", app.request_id));
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
    // One more to claim them.
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
    match text.map(|text| serde_json::from_str(&text)) {
        Some(Ok(job)) => deliver(app, &mail, job).await,
        // A newer version has queued it, and this one runs after a rollback.
        Some(Err(_)) => {
            settle(app, &mail, mails::postpone(&app.store, &mail, next_attempt(&mail, app.now), &[], app.now).await)
        }
        // Its secret is no longer accepted, so it cannot be decrypted.
        None => settle(app, &mail, mails::delete(&app.store, &mail, &[], app.now).await),
    }
}

async fn deliver(app: &App, mail: &Mail, job: QueuedJob) {
    let sent = async {
        match compose_for_reachable(app, mail, job).await {
            Ok(Some(message)) => super::send(app, &message, &format!("{}/{}", mail.id, mail.created_at)).await,
            Ok(None) => Ok(Attempts::default()),
            Err(error) => {
                let cause = error.cause().unwrap_or_else(|| error.code()).to_owned();
                Err(Unsent { cause, recipient_is_refused: false, attempts: Attempts::default() })
            }
        }
    };
    let unsent = match sent.await {
        Ok(attempts) => return settle(app, mail, mails::delete(&app.store, mail, &counts(&attempts), app.now).await),
        Err(unsent) => unsent,
    };
    let counts = counts(&unsent.attempts);
    let cause = unsent.cause.replace(char::is_control, " ");
    let (request, id, attempt) = (&app.request_id, &mail.id, mail.attempts + 1);
    if unsent.recipient_is_refused {
        (app.log)(&format!("request {request}: mail {id} failed permanently at attempt {attempt}: {cause}"));
        return settle(app, mail, mails::delete(&app.store, mail, &counts, app.now).await);
    }
    (app.log)(&format!("request {request}: mail {id} was not sent at attempt {attempt}: {cause}"));
    settle(app, mail, mails::postpone(&app.store, mail, next_attempt(mail, app.now), &counts, app.now).await);
}

/// Returns what the overview counts of these attempts.
fn counts(attempts: &Attempts) -> Vec<String> {
    let sent = attempts.sent.iter().map(|provider| format!("{MAIL_SENT}{provider}"));
    sent.chain(attempts.failed.iter().map(|provider| format!("{MAIL_FAILED}{provider}"))).collect()
}

/// Logs if the row could not be changed. Then the mail is retried when its lease ends, with the same idempotency key.
fn settle(app: &App, mail: &Mail, settled: Result<(), crate::ports::StoreError>) {
    if let Err(error) = settled {
        (app.log)(&format!("request {}: mail {} stays queued: {}", app.request_id, mail.id, error.0));
    }
}

/// Like [`compose`], but returns `None` if mail does not reach the recipient.
async fn compose_for_reachable(app: &App, mail: &Mail, job: QueuedJob) -> Result<Option<Message>, Error> {
    let QueuedJob { job, language } = job;
    // The language of a security notice is that of its user already.
    let Mailbox { is_unreachable, locale } = if job.is_security_notice() {
        Mailbox::default()
    } else {
        email_problems::mailbox(&app.store, job.recipient()).await?
    };
    // The work is the same in both cases, because the next request may wait for it.
    let message = compose(app, mail, job, locale.or(language).unwrap_or_default()).await?;
    if is_unreachable && message.is_some() {
        (app.log)(&format!("request {}: mail {} was dropped: the address has a problem", app.request_id, mail.id));
    }
    Ok(message.filter(|_| !is_unreachable))
}

/// Returns the mail to send, or `None` if it is no longer useful.
async fn compose(app: &App, mail: &Mail, job: MailJob, language: Language) -> Result<Option<Message>, Error> {
    let to = &Email::from_store(job.recipient().to_owned());
    let unnamed = Recipient { settings: app.settings(), language, to, name: None };
    let named = |name| Recipient { name, ..unnamed };
    match &job {
        MailJob::PasswordReset { reset, .. } => compose_link(app, mail, unnamed, reset, message::password_reset).await,
        MailJob::AccountInvitation { reset, .. } => {
            compose_link(app, mail, unnamed, reset, message::account_invitation).await
        }
        MailJob::Invitation { inviter, token, days, .. } => {
            message::invitation(unnamed, inviter.as_deref().unwrap_or_default(), token, *days).map(Some)
        }
        MailJob::EmailCode(code) => compose_code(app, mail, unnamed, code).await,
        MailJob::SignUpAnswer { name, is_approved, .. } => {
            let message = if *is_approved { message::sign_up_approved } else { message::sign_up_rejected };
            message(named(name.as_deref())).map(Some)
        }
        MailJob::PasswordChanged { name, activity, .. } => {
            let notice = &SecurityNotice::PasswordChanged;
            message::security_notice(named(name.as_deref()), notice, activity.as_ref()).map(Some)
        }
        MailJob::EmailChangeCode { code, .. } => message::email_change_code(unnamed, code, lifetime(mail)).map(Some),
        MailJob::EmailChangeNotice { name, token, code, activity, .. } => {
            let to = named(name.as_deref());
            message::email_change_notice(to, token, code.as_deref(), lifetime(mail), activity.as_ref()).map(Some)
        }
        MailJob::EmailChanged { name, token, activity, .. } => {
            message::email_changed(named(name.as_deref()), token.as_deref(), activity.as_ref()).map(Some)
        }
        MailJob::EmailChangeUndone { name, activity, .. } => {
            message::email_change_undone(named(name.as_deref()), activity.as_ref()).map(Some)
        }
        MailJob::SecurityNotice { name, notice, activity, .. } => {
            message::security_notice(named(name.as_deref()), notice, activity.as_ref()).map(Some)
        }
    }
}

/// Returns the mail with a code, or what its recipient gets instead. Without an account, there is one only if people may sign up.
async fn compose_code(app: &App, mail: &Mail, to: Recipient<'_>, code: &CodeMail) -> Result<Option<Message>, Error> {
    let lifetime = lifetime(mail);
    let user = users::find_by_email(&app.store, to.to).await?;
    // Before the email is verified, the name may be that of a stranger.
    let verified = user.as_ref().filter(|user| user.is_verified);
    let can_claim = user.as_ref().is_some_and(|user| user.is_active && !user.is_verified);
    let may_sign_up = user.is_none() && app.settings().sign_up.judge(to.to).is_ok();
    let to = Recipient { name: verified.and_then(|user| user.name.as_deref()), ..to };
    let message = match code.reason {
        CodeReason::Reauthentication => message::confirmation_code(to, code, lifetime)?,
        CodeReason::SignUp if user.is_some() && !can_claim => message::account_exists(to)?,
        CodeReason::SignUp => message::sign_up_code(to, code, lifetime)?,
        CodeReason::SignIn if may_sign_up => message::sign_up_code(to, code, lifetime)?,
        CodeReason::SignIn if can_claim => message::claim_code(to, code, lifetime)?,
        CodeReason::SignIn => message::sign_in_code(to, code, lifetime)?,
    };
    Ok((user.is_some() || may_sign_up).then_some(message))
}

/// Returns for how many seconds the content is valid from the request, so that every attempt has the same text.
fn lifetime(mail: &Mail) -> i64 {
    (mail.expires_at - mail.created_at) / 1_000
}

/// Returns the mail with a reset link, if it is the live reset of an active account.
async fn compose_link(
    app: &App,
    mail: &Mail,
    to: Recipient<'_>,
    reset: &NewReset,
    message: impl Fn(Recipient<'_>, &str, i64) -> Result<Message, Error>,
) -> Result<Option<Message>, Error> {
    let link = reset_link(app, mail, to.to.as_str(), reset.clone()).await?;
    let message = message(Recipient { name: link.user.name.as_deref(), ..to }, &link.token, link.lifetime)?;
    Ok(link.is_live.then_some(message))
}

/// A reset link to be mailed.
struct ResetLink {
    user: User,
    token: String,
    /// In seconds from the request, so that every attempt has the same text.
    lifetime: i64,
    /// Whether this is the live reset of an active account.
    is_live: bool,
}

/// Returns the token and stores its record. For an address without an account it does the same work, because the time that the next
/// request waits for it must not reveal whether there is an account. That record grants nothing, because no user has it.
async fn reset_link(app: &App, mail: &Mail, email: &str, reset: NewReset) -> Result<ResetLink, Error> {
    let found = users::find_by_email_and_password_reset(&app.store, email, &reset.id).await?;
    let is_live = found.is_some();
    let user = found.unwrap_or_else(|| User::nobody(email));
    let record = records::PasswordReset { user_id: user.id.clone(), expires_at: mail.expires_at };
    records::put(&app.store, &Key::password_reset(&reset.id), &record, app.now).await?;
    let token = reset_token::of(app, &user, reset, mail.created_at, mail.expires_at)?;
    Ok(ResetLink { user, token, lifetime: lifetime(mail), is_live })
}

/// Returns when to retry: with growing waits, but after at most half of the remaining time, so that a provider that comes back gets
/// every mail that is still useful.
fn next_attempt(mail: &Mail, now: Timestamp) -> Timestamp {
    let backoff = BACKOFF.saturating_mul(1 << mail.attempts.clamp(0, 20)).min(MAX_BACKOFF);
    now + backoff.min((mail.expires_at - now) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the attempts at a mail that always fails, in milliseconds from its cause.
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
    fn a_failed_mail_is_retried_after_a_minute_and_then_with_growing_waits() {
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
