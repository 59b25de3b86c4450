//! Rows of the mail queue. Their jobs are encrypted.

use crate::{
    app::App,
    crypto::random,
    domain::{
        Timestamp,
        email::Email,
        mail_budget::EQUAL_NOTICES,
        mail_job::{Activity, MailJob, QueuedJob, SecurityNotice},
        user::User,
    },
    error::Error,
    store::mails::{LEASE, Mail, Notice},
};

/// How long a notice about the security of an account is retried, in milliseconds.
pub const NOTICE_LIFETIME: i64 = 3 * 24 * 3_600_000;

/// Returns the row of a mail.
///
/// # Errors
/// 500 without a key or randomness.
pub fn seal(
    app: &App,
    id: String,
    job: &QueuedJob,
    next_attempt_at: Timestamp,
    expires_at: Timestamp,
) -> Result<Mail, Error> {
    let text = serde_json::to_string(job).map_err(|error| Error::Internal(format!("a mail job: {error}")))?;
    let key = app.keys().mail.first().ok_or_else(|| Error::Internal("there is no key for mails".to_owned()))?;
    let sealed = key.seal(&text, &id)?;
    Ok(Mail { id, sealed, attempts: 0, created_at: app.now, expires_at, next_attempt_at })
}

/// Returns what happened in this request, as far as this user may learn it by mail. An address that is not verified may be that of
/// someone else, who learns the time only.
pub fn activity(app: &App, user: &User) -> Activity {
    if user.is_verified { app.client.activity(app.now) } else { Activity::at(app.now) }
}

/// Returns the rows of a notice to this user. Notices of the same kind to the same address share a window. The default
/// account gets none, because it has no mailbox.
///
/// # Errors
/// 500 without randomness.
pub fn security_notice(
    app: &App,
    user: &User,
    notice: SecurityNotice,
    activity: Activity,
) -> Result<Option<Notice>, Error> {
    let Ok(to) = Email::parse(&user.email) else { return Ok(None) };
    let notice = if user.is_verified { notice } else { notice.without_names() };
    let kind = notice.kind();
    let (email, name, activity) = (user.email.clone(), user.name.clone(), Some(activity));
    let job = match notice {
        SecurityNotice::PasswordChanged => MailJob::PasswordChanged { email, name, activity },
        notice => MailJob::SecurityNotice { email, name, notice, activity },
    };
    let job = QueuedJob { job, language: user.locale.or(**app.language) };
    let row = |id| seal(app, id, &job, app.now + LEASE, app.now + NOTICE_LIFETIME);
    let hash = |part: &str| app.keys().throttle.hash(&[EQUAL_NOTICES.name, part, kind, to.as_str()]);
    let rows = Notice {
        mail: row(random::id()?)?,
        deferred: row(hash("deferred"))?,
        window_key: hash("window"),
        window: EQUAL_NOTICES.window,
    };
    Ok(Some(rows))
}
