//! The table `events`, the audit log. Events are written in the batch of their action, and deleted when they are old.

use serde::Deserialize;

use super::{Store, decode::rights, run};
use crate::{
    domain::{
        Timestamp,
        event::{Action, BUDGET, BUDGET_PERIOD, Event, Rights},
    },
    ports::{Statement, StoreError},
};

/// The statement that writes an event that is never dropped. [`bind`] binds its first eight parameters. `subject` and `old` are SQL
/// expressions, and `from` is the rest of the SELECT: the source of the values and the condition. No event is earlier than the one
/// before it.
macro_rules! insert_event {
    (subject: $subject:literal, old: $old:literal, from: $from:expr) => {
        concat!(
            "INSERT INTO events (at, action, result, actor_id, subject_id, address, session_id, old_value, new_value)
             SELECT max(?1, coalesce((SELECT at FROM events ORDER BY id DESC LIMIT 1), ?1)), ?2, ?3, ?4, ",
            $subject,
            ", ?6, ?7, ",
            $old,
            ", ?8 ",
            $from
        )
    };
    ($from:expr) => {
        $crate::store::events::insert_event!(subject: "?5", old: "NULL", from: $from)
    };
}
pub(super) use insert_event;

/// Writes an event within the budget of its subject (`domain::event`). An event over the budget is dropped; the first one that is
/// dropped in an hour is replaced by an event that says so. The newest event of the subject holds how much of the budget is used.
///
/// An event whose limit (`?12`) is above the budget uses its reserve only after an event has said that others were dropped. Until
/// then it uses the rest of the budget, so that event can always be written.
macro_rules! insert_within_budget {
    ($subject:literal, $condition:literal) => {
        concat!(
            "INSERT INTO events (at, action, result, actor_id, subject_id, address, session_id, new_value, budget_started_at, budget_used)
             SELECT max(?1, coalesce((SELECT at FROM events ORDER BY id DESC LIMIT 1), ?1)), iif(fits, ?2, 'events_dropped'), iif(fits, ?3, 'success'), ?4, subject_id, ?6, ?7, iif(fits, ?8, NULL),
               started_at, iif(fits, iif(used <= ?10, min(used + ?9, ?10), used + ?9), ?12 + 1)
             FROM (
               SELECT subject_id, started_at, used, ?9 = 0 OR used + ?9 <= ?12 AS fits
               FROM (
                 SELECT ",
            $subject,
            " AS subject_id, coalesce(max(budget_started_at), ?1) AS started_at, coalesce(max(budget_used), 0) AS used
                 FROM (
                   SELECT budget_started_at, budget_used
                   FROM (
                     SELECT budget_started_at, budget_used FROM events
                     WHERE subject_id = ",
            $subject,
            " ORDER BY id DESC LIMIT 1)
                   WHERE budget_started_at > ?1 - ?11)))
             WHERE (fits OR used <= ?12) AND ",
            $condition
        )
    };
}

fn within_budget(event: &Event, sql: &'static str) -> Statement {
    bind(event, Statement::new(sql)).bind(event.points()).bind(BUDGET).bind(BUDGET_PERIOD).bind(event.limit())
}

/// Writes an event outside of any batch.
///
/// # Errors
/// [`StoreError`].
pub async fn insert(store: &Store, event: &Event) -> Result<(), StoreError> {
    run(store, insert_always(event)).await.map(drop)
}

/// Writes an event in a batch, whatever the other statements do.
pub(super) fn insert_always(event: &Event) -> Statement {
    within_budget(event, insert_within_budget!("?5", "1"))
}

/// Writes an event if the previous statement of the batch has changed a row, so that the action took effect. `changes()` counts the
/// rows of the last INSERT, UPDATE or DELETE, without triggers and cascades. If a batch is retried, a repeatable action can leave a
/// second event.
pub(super) fn insert_if_changed(event: &Event) -> Statement {
    within_budget(event, insert_within_budget!("?5", "changes() > 0"))
}

/// Writes an event if its session is there, which an earlier statement of the batch has started.
pub(super) fn insert_if_session_is_there(event: &Event) -> Statement {
    within_budget(event, insert_within_budget!("?5", "EXISTS (SELECT 1 FROM sessions WHERE id = ?7)"))
}

/// Writes an event about the active account with this email, or about no account. Both cases do the same work, so that the time
/// does not reveal which it was.
pub(super) fn insert_about_email(event: &Event, email: &str) -> Statement {
    let sql = insert_within_budget!("coalesce(?5, (SELECT id FROM users WHERE email = ?13 AND is_active = 1))", "1");
    within_budget(event, sql).bind(email)
}

/// Binds an event to the first eight parameters.
pub(super) fn bind(event: &Event, statement: Statement) -> Statement {
    statement
        .bind(event.at)
        .bind(event.action.as_str())
        .bind(event.result)
        .bind(event.actor_id.as_deref())
        .bind(event.subject_id.as_deref())
        .bind(event.address.as_str())
        .bind(event.session_id.as_deref())
        .bind(event.new_value.and_then(|rights| serde_json::to_string(&rights).ok()))
}

/// An event with the emails of its users.
#[derive(Debug, Deserialize)]
pub struct Listed {
    /// The id. Newer events have greater ids.
    pub id: i64,
    /// The time of the event.
    pub at: Timestamp,
    /// The name of the action.
    pub action: String,
    /// `success`, or the code of the error.
    pub result: String,
    /// The user who acted, if one was signed in.
    pub actor_id: Option<String>,
    /// The email of that user, unless the account was deleted.
    pub actor_email: Option<String>,
    /// The user whose account it concerns.
    pub subject_id: Option<String>,
    /// The email of that user, unless the account was deleted.
    pub subject_email: Option<String>,
    /// The client's address as a keyed hash.
    pub address: String,
    /// The session that acted, or that the action began.
    pub session_id: Option<String>,
    /// The subject's role and tier before the action, if it changed one of them.
    #[serde(deserialize_with = "rights")]
    pub old_value: Option<Rights>,
    /// The subject's role and tier after the action, if it set one of them.
    #[serde(deserialize_with = "rights")]
    pub new_value: Option<Rights>,
}

/// The filters of the list of events. All of them apply.
#[derive(Debug, Default)]
pub struct Filter {
    /// Events in which this user is the actor or the subject.
    pub user_id: Option<String>,
    /// Events with this action.
    pub action: Option<Action>,
}

/// The statement for a page of the events that a query finds by id.
macro_rules! page_of {
    ($ids:literal) => {
        concat!(
            "SELECT events.*, actor.email AS actor_email, subject.email AS subject_email
             FROM (",
            $ids,
            " ORDER BY id DESC LIMIT ?2) AS page JOIN events ON events.id = page.id
             LEFT JOIN users AS actor ON actor.id = events.actor_id
             LEFT JOIN users AS subject ON subject.id = events.subject_id
             ORDER BY events.id DESC"
        )
    };
}

/// Returns at most `limit` events with an id below `before`, newest first.
///
/// # Errors
/// [`StoreError`].
pub async fn list(store: &Store, filter: &Filter, before: i64, limit: i64) -> Result<Vec<Listed>, StoreError> {
    let statement = match (&filter.user_id, filter.action) {
        // Both branches have an index in the order of the page.
        (Some(user_id), action) => Statement::new(page_of!(
            "SELECT id FROM events WHERE subject_id = ?3 AND id < ?1 AND (?4 IS NULL OR action = ?4)
             UNION ALL
             SELECT id FROM events
             WHERE actor_id = ?3 AND actor_id <> subject_id AND id < ?1 AND (?4 IS NULL OR action = ?4)"
        ))
        .bind(before)
        .bind(limit)
        .bind(user_id.as_str())
        .bind(action.map(Action::as_str)),
        // The index leaves logins out. There are so many that a scan finds a page of them quickly.
        (None, Some(Action::Login)) => {
            Statement::new(page_of!("SELECT id FROM events WHERE action = 'login' AND id < ?1"))
                .bind(before)
                .bind(limit)
        }
        (None, Some(action)) => {
            Statement::new(page_of!("SELECT id FROM events WHERE action = ?3 AND action <> 'login' AND id < ?1"))
                .bind(before)
                .bind(limit)
                .bind(action.as_str())
        }
        (None, None) => Statement::new(page_of!("SELECT id FROM events WHERE id < ?1")).bind(before).bind(limit),
    };
    run(store, statement).await?.all()
}
