//! The tables `daily_counts` and `counting`: numbers for the overview of admins.
//!
//! The cron trigger counts the events since its last run, and moves the cursor in the same batch. So nothing counts twice, whether two
//! runs overlap, one is retried, or one ends halfway. Once a day, it counts users and sessions.

use serde::Deserialize;

use super::{Store, run_all};
use crate::{
    domain::{
        Timestamp,
        daily_count::{KEPT_DAYS, MOST_COUNTED, day_before},
        page::FARTHEST,
    },
    ports::{Statement, StoreError},
};

/// The maximum number of events that one run counts, and of those since then that the overview adds.
pub const EVENTS_A_RUN: i64 = 10_000;

/// The events that are not counted yet, oldest first. `?1` is [`EVENTS_A_RUN`]. If all events were deleted because they were old, ids
/// start again, and the cursor is beyond them.
macro_rules! uncounted {
    () => {
        "(SELECT id, at, action, result FROM events
          WHERE id > (SELECT iif(event_id > coalesce((SELECT max(id) FROM events), 0), 0, event_id) FROM counting)
          ORDER BY id LIMIT ?1)"
    };
}

/// The counts of the events that are not counted yet. The names are those of `domain::daily_count`.
macro_rules! new_counts {
    () => {
        concat!(
            "SELECT day, name, count(*) AS count
             FROM (
               SELECT date(at / 1000, 'unixepoch') AS day, CASE
                 WHEN action = 'login' AND result = 'second_factor_required' THEN NULL
                 WHEN action = 'login' THEN iif(result = 'success', 'sign_ins', 'failed_sign_ins')
                 WHEN result <> 'success' THEN NULL
                 WHEN action IN ('signup', 'sign_up_approved') THEN 'sign_ups'
                 WHEN action = 'password_reset_completed' THEN 'password_resets' END AS name
               FROM ",
            uncounted!(),
            ")
             WHERE name IS NOT NULL GROUP BY day, name"
        )
    };
}

/// Adds 1 to counts of today, if the previous statement of the batch has changed a row.
pub(super) fn add_if_changed(names: &[String], now: Timestamp) -> Statement {
    let statement = Statement::new(
        "INSERT INTO daily_counts (day, name, count) SELECT ?1, value, 1 FROM json_each(?2) WHERE changes() > 0
         ON CONFLICT (day, name) DO UPDATE SET count = count + 1",
    );
    statement.bind(day_before(now, 0)).bind(serde_json::to_string(names).unwrap_or_default())
}

#[derive(Deserialize)]
struct SnapshotDay {
    snapshot_day: String,
}

/// Counts up to [`EVENTS_A_RUN`] events, and on the first run of a day users and sessions. Deletes counts that are too old. Without new
/// events, it writes nothing.
///
/// # Errors
/// [`StoreError`].
pub async fn roll_up(store: &Store, now: Timestamp) -> Result<(), StoreError> {
    let start_again =
        Statement::new("UPDATE counting SET event_id = 0 WHERE event_id > coalesce((SELECT max(id) FROM events), 0)");
    let add = Statement::new(concat!(
        "INSERT INTO daily_counts (day, name, count) ",
        new_counts!(),
        " ON CONFLICT (day, name) DO UPDATE SET count = count + excluded.count"
    ));
    let advance = Statement::new(concat!(
        "UPDATE counting SET event_id = (SELECT max(id) FROM ",
        uncounted!(),
        ") WHERE EXISTS (SELECT 1 FROM ",
        uncounted!(),
        ")"
    ));
    let forget = Statement::new("DELETE FROM daily_counts WHERE day < ?1").bind(day_before(now, KEPT_DAYS));
    let last_snapshot = Statement::new("SELECT snapshot_day FROM counting");
    let statements = [start_again, add.bind(EVENTS_A_RUN), advance.bind(EVENTS_A_RUN), forget, last_snapshot];
    let [.., last_snapshot] = run_all(store, statements).await?;
    let today = day_before(now, 0);
    match last_snapshot.first::<SnapshotDay>()? {
        Some(last) if last.snapshot_day < today => take_snapshot(store, now, &today).await,
        _ => Ok(()),
    }
}

/// Counts users and sessions, each up to [`MOST_COUNTED`], unless another run has done so today.
async fn take_snapshot(store: &Store, now: Timestamp, today: &str) -> Result<(), StoreError> {
    let count = Statement::new(
        "WITH known AS MATERIALIZED (SELECT second_factor, email_problem FROM users LIMIT ?2)
         INSERT INTO daily_counts (day, name, count)
         SELECT ?1, name, count
         FROM (
           SELECT 'users' AS name, count(*) AS count FROM known
           UNION ALL SELECT 'users_with_second_factor', count(*) FROM known WHERE second_factor = 1
           UNION ALL SELECT 'suppressed_addresses', count(*) FROM known WHERE email_problem IS NOT NULL
           UNION ALL SELECT 'users_with_passkey', count(DISTINCT user_id) FROM (SELECT user_id FROM passkeys LIMIT ?2)
           UNION ALL SELECT 'active_sessions', count(*) FROM (SELECT expires_at FROM sessions LIMIT ?2) WHERE expires_at > ?3)
         WHERE (SELECT snapshot_day FROM counting) < ?1
         ON CONFLICT (day, name) DO NOTHING",
    );
    let advance = Statement::new("UPDATE counting SET snapshot_day = ?1 WHERE snapshot_day < ?1").bind(today);
    run_all(store, [count.bind(today).bind(MOST_COUNTED).bind(now), advance]).await.map(drop)
}

/// A count of a day.
#[derive(Debug, Deserialize)]
pub struct DailyCount {
    /// The day, as `YYYY-MM-DD`.
    pub day: String,
    /// What was counted.
    pub name: String,
    /// The number.
    pub count: i64,
}

/// The state of the mail queue, counted up to [`FARTHEST`] mails.
#[derive(Debug, Deserialize)]
pub struct MailQueue {
    /// The number of mails that wait.
    pub queued: i64,
    /// When the oldest was queued.
    pub oldest_at: Option<Timestamp>,
    /// How many of them no provider has accepted at least once.
    pub retrying: i64,
}

/// What the overview shows.
#[derive(Debug)]
pub struct Overview {
    /// The counts since the first day. A day can have two of the same name: those that are stored, and the events since.
    pub counts: Vec<DailyCount>,
    /// Whether there are no other events.
    pub is_complete: bool,
    /// The mail queue.
    pub mails: MailQueue,
}

#[derive(Deserialize)]
struct Waiting {
    others: i64,
}

/// Returns the counts since a day, with up to [`EVENTS_A_RUN`] events that are not counted yet.
///
/// # Errors
/// [`StoreError`].
pub async fn overview(store: &Store, first_day: &str) -> Result<Overview, StoreError> {
    let stored = Statement::new("SELECT day, name, count FROM daily_counts WHERE day >= ?1").bind(first_day);
    let new = Statement::new(new_counts!()).bind(EVENTS_A_RUN);
    let waiting = Statement::new(concat!(
        "SELECT count(*) AS others FROM (
           SELECT id FROM events WHERE id > (SELECT max(id) FROM ",
        uncounted!(),
        ") LIMIT 1)"
    ))
    .bind(EVENTS_A_RUN);
    let mails = Statement::new(
        "SELECT count(*) AS queued, min(created_at) AS oldest_at, coalesce(sum(attempts > 0), 0) AS retrying
         FROM (SELECT created_at, attempts FROM mails LIMIT ?1)",
    )
    .bind(FARTHEST);
    let [stored, new, waiting, mails] = run_all(store, [stored, new, waiting, mails]).await?;
    let mut counts: Vec<DailyCount> = stored.all()?;
    let new: Vec<DailyCount> = new.all()?;
    counts.extend(new.into_iter().filter(|count| *count.day >= *first_day));
    let is_complete = waiting.first::<Waiting>()?.is_none_or(|waiting| waiting.others == 0);
    let none = MailQueue { queued: 0, oldest_at: None, retrying: 0 };
    Ok(Overview { counts, is_complete, mails: mails.first()?.unwrap_or(none) })
}
