//! The table `mails`: the queue of mails.

use serde::Deserialize;

use super::{
    Store, daily_counts,
    devices::{self, is_new_device},
    events, run, run_all,
};
use crate::{
    domain::{Timestamp, event::Event},
    ports::{Statement, StoreError},
};

/// How long a mail is reserved for the request or run that sends it, in milliseconds: longer than the timeouts of all providers
/// together.
pub const LEASE: i64 = 120_000;

/// A queued mail.
#[derive(Debug, Clone, Deserialize)]
pub struct Mail {
    /// Its id, a part of the idempotency key for the provider.
    pub id: String,
    /// The job, encrypted.
    pub sealed: String,
    /// Failed attempts so far.
    pub attempts: i64,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When its content expires.
    pub expires_at: Timestamp,
    /// When the cron trigger takes it.
    pub next_attempt_at: Timestamp,
}

/// Queues a mail, unless one with the same id is queued.
pub(super) fn insert(mail: &Mail) -> Statement {
    bind(
        mail,
        Statement::new(
            "INSERT INTO mails (id, sealed, attempts, created_at, expires_at, next_attempt_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO NOTHING",
        ),
    )
}

/// Like [`insert`], if the previous statement of the batch has changed a row: that of a change, its event, or another mail about it.
/// The event must be one that is never dropped. If the batch runs twice, the rows of the first run are there already.
pub(super) fn insert_if_changed(mail: &Mail) -> Statement {
    let statement = Statement::new(
        "INSERT INTO mails (id, sealed, attempts, created_at, expires_at, next_attempt_at)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE changes() > 0 ON CONFLICT (id) DO NOTHING",
    );
    bind(mail, statement)
}

/// A notice about the security of an account: at most one immediately, and one at the end of each window.
#[derive(Debug, Clone)]
pub struct Notice {
    /// The mail that is sent immediately.
    pub mail: Mail,
    /// The same mail for the end of the window. Its id is that of the kind and the recipient, so there is at most one.
    pub deferred: Mail,
    /// The counter of the window, in `throttles`.
    pub window_key: String,
    /// The length of the window.
    pub window: i64,
}

/// Returns the statements that write the event of a change and queue the notice about it. They must follow directly after the statement
/// of the change, because the first one asks `changes()`.
pub(super) fn event_and_notice(event: &Event, notice: Option<&Notice>) -> Vec<Statement> {
    let mut statements = vec![events::insert_if_changed(event)];
    statements.extend(notice.into_iter().flat_map(insert_notice));
    statements
}

/// The statement that queues a notice under a condition: immediately, or at the end of the window that an equal notice has started.
macro_rules! insert_notice_if {
    ($condition:expr) => {
        concat!(
            "INSERT INTO mails (id, sealed, attempts, created_at, expires_at, next_attempt_at)
             SELECT iif(window_end IS NULL, ?1, ?7), iif(window_end IS NULL, ?2, ?8), ?3, ?4, ?5, coalesce(window_end, ?6)
             FROM (SELECT (SELECT expires_at FROM throttles WHERE key = ?9 AND expires_at > ?4) AS window_end)
             WHERE NOT EXISTS (SELECT 1 FROM mails WHERE id = ?1) AND ",
            $condition,
            " ON CONFLICT (id) DO UPDATE SET sealed = excluded.sealed"
        )
    };
}

/// Queues a notice if the previous statement of the batch has written the event of the change: immediately, or at the end of the
/// window that an equal notice has started. These two statements stand directly after that of the event.
///
/// Of several notices for the end of the window, the last one is sent. If the batch runs twice, either the event is not written again,
/// or the rows of the first run are found: the immediate mail by its id, which is drawn at random, and the deferred one by the
/// conflict.
fn insert_notice(notice: &Notice) -> [Statement; 2] {
    insert_notice_by(notice, Statement::new(insert_notice_if!("changes() > 0")), |statement| statement)
}

/// Like [`insert_notice`], if an earlier statement of the batch has started this session, on a device that is new to the user and not the
/// first one.
pub(super) fn insert_new_device_notice(
    notice: &Notice,
    session_id: &str,
    user_id: &str,
    device: &devices::New,
) -> [Statement; 2] {
    let statement = Statement::new(insert_notice_if!(concat!(
        "EXISTS (SELECT 1 FROM sessions WHERE id = ?10) AND ",
        is_new_device!("?11", "?12", "?13")
    )));
    insert_notice_by(notice, statement, |statement| {
        let statement = statement.bind(session_id).bind(user_id).bind(device.key.as_str());
        statement.bind(device.previous_key.as_deref())
    })
}

/// Returns the statements of a notice. `bind_condition` binds the parameters of its condition, from the tenth on.
fn insert_notice_by(
    notice: &Notice,
    mail: Statement,
    bind_condition: impl FnOnce(Statement) -> Statement,
) -> [Statement; 2] {
    let window = Statement::new(
        "INSERT INTO throttles (key, attempts, blocked_until, expires_at)
         SELECT ?1, 1, 0, ?2 + ?3 WHERE EXISTS (SELECT 1 FROM mails WHERE id = ?4)
         ON CONFLICT (key) DO UPDATE SET expires_at = excluded.expires_at WHERE throttles.expires_at <= ?2",
    );
    [
        bind_condition(
            bind(&notice.mail, mail)
                .bind(notice.deferred.id.as_str())
                .bind(notice.deferred.sealed.as_str())
                .bind(notice.window_key.as_str()),
        ),
        window
            .bind(notice.window_key.as_str())
            .bind(notice.mail.created_at)
            .bind(notice.window)
            .bind(notice.mail.id.as_str()),
    ]
}

/// Returns whether the mail is queued.
///
/// # Errors
/// [`StoreError`].
pub async fn is_queued(store: &Store, id: &str) -> Result<bool, StoreError> {
    Ok(run(store, Statement::new("SELECT 1 AS found FROM mails WHERE id = ?1").bind(id)).await?.any())
}

/// Like [`insert`], if the previous statement of the batch has made this the live reset of the user.
pub(super) fn insert_if_reset_is(mail: &Mail, user_id: &str, reset_id: &str) -> Statement {
    let statement = Statement::new(
        "INSERT INTO mails (id, sealed, attempts, created_at, expires_at, next_attempt_at)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE EXISTS (SELECT 1 FROM users WHERE id = ?7 AND password_reset_id = ?8)",
    );
    bind(mail, statement).bind(user_id).bind(reset_id)
}

/// Like [`insert`], if the previous statement of the batch has created this user token.
pub(super) fn insert_if_token_is_there(mail: &Mail, lookup: &str) -> Statement {
    let statement = Statement::new(
        "INSERT INTO mails (id, sealed, attempts, created_at, expires_at, next_attempt_at)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE EXISTS (SELECT 1 FROM user_tokens WHERE lookup = ?7)",
    );
    bind(mail, statement).bind(lookup)
}

fn bind(mail: &Mail, statement: Statement) -> Statement {
    statement
        .bind(mail.id.as_str())
        .bind(mail.sealed.as_str())
        .bind(mail.attempts)
        .bind(mail.created_at)
        .bind(mail.expires_at)
        .bind(mail.next_attempt_at)
}

/// Takes up to `limit` due mails, those that expire soonest first. Other runs do not take them until the lease ends.
///
/// # Errors
/// [`StoreError`].
pub async fn claim_due(store: &Store, now: Timestamp, limit: i64) -> Result<Vec<Mail>, StoreError> {
    let statement = Statement::new(
        "UPDATE mails SET next_attempt_at = ?1 + ?2
         WHERE id IN (
           SELECT id FROM mails WHERE next_attempt_at <= ?1 AND expires_at > ?1
           ORDER BY expires_at - created_at, expires_at LIMIT ?3)
         RETURNING id, sealed, attempts, created_at, expires_at, next_attempt_at",
    );
    run(store, statement.bind(now).bind(LEASE).bind(limit)).await?.all()
}

/// Removes a mail from the queue, and adds 1 to these daily counts.
///
/// # Errors
/// [`StoreError`].
pub async fn delete(store: &Store, mail: &Mail, counts: &[String], now: Timestamp) -> Result<(), StoreError> {
    let delete = Statement::new("DELETE FROM mails WHERE id = ?1").bind(mail.id.as_str());
    settle(store, delete, counts, now).await
}

/// Counts a failed attempt, schedules the next one, and adds 1 to these daily counts. Of two runs of the same attempt, one counts.
///
/// # Errors
/// [`StoreError`].
pub async fn postpone(
    store: &Store,
    mail: &Mail,
    until: Timestamp,
    counts: &[String],
    now: Timestamp,
) -> Result<(), StoreError> {
    let postpone = Statement::new(
        "UPDATE mails SET attempts = attempts + 1, next_attempt_at = ?2 WHERE id = ?1 AND attempts = ?3",
    );
    settle(store, postpone.bind(mail.id.as_str()).bind(until).bind(mail.attempts), counts, now).await
}

/// Without counts, it runs the same statements, so that the time does not reveal whether a mail was sent.
async fn settle(store: &Store, change: Statement, counts: &[String], now: Timestamp) -> Result<(), StoreError> {
    run_all(store, [change, daily_counts::add_if_changed(counts, now)]).await.map(drop)
}
