//! The table `events`, the audit log. Events are written in the batch of their action, and deleted when they are old.

use serde::Deserialize;

use super::{
    Store,
    decode::{flag, rights},
    run,
};
use crate::{
    domain::{
        Timestamp,
        email::LoginName,
        event::{Action, Actions, BUDGET, BUDGET_PERIOD, Event, Rights},
    },
    ports::{Statement, StoreError},
};

/// The statement that writes an event that is never dropped. [`bind`] binds its first twelve parameters. `subject` and `old` are SQL
/// expressions, and `from` is the rest of the SELECT: the source of the values and the condition. No event is earlier than the one
/// before it.
macro_rules! insert_event {
    (subject: $subject:literal, old: $old:literal, from: $from:expr) => {
        concat!(
            "INSERT INTO events (at, action, result, actor_id, subject_id, address, session_id, old_value, new_value, browser, system, country, city)
             SELECT max(?1, coalesce((SELECT at FROM events ORDER BY id DESC LIMIT 1), ?1)), ?2, ?3, ?4, ",
            $subject,
            ", ?6, ?7, ",
            $old,
            ", ?8, ?9, ?10, ?11, ?12 ",
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
/// An event whose limit (`?16`) is above the budget uses its reserve only after an event has said that others were dropped. Until
/// then it uses the rest of the budget, so that event can always be written.
macro_rules! insert_within_budget {
    ($subject:literal, $condition:literal) => {
        concat!(
            "INSERT INTO events (at, action, result, actor_id, subject_id, address, session_id, new_value, browser, system, country, city, budget_started_at, budget_used)
             SELECT max(?1, coalesce((SELECT at FROM events ORDER BY id DESC LIMIT 1), ?1)), iif(fits, ?2, 'events_dropped'), iif(fits, ?3, 'success'), ?4, subject_id, ?6, ?7, iif(fits, ?8, NULL), ?9, ?10, ?11, ?12,
               started_at, iif(fits, iif(used <= ?14, min(used + ?13, ?14), used + ?13), ?16 + 1)
             FROM (
               SELECT subject_id, started_at, used, ?13 = 0 OR used + ?13 <= ?16 AS fits
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
                   WHERE budget_started_at > ?1 - ?15)))
             WHERE (fits OR used <= ?16) AND ",
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
    let sql = insert_within_budget!("coalesce(?5, (SELECT id FROM users WHERE email = ?17 AND is_active = 1))", "1");
    within_budget(event, sql).bind(email)
}

/// Binds an event to the first twelve parameters.
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
        .bind(event.device.browser.as_deref())
        .bind(event.device.system.as_deref())
        .bind(event.country.as_deref())
        .bind(event.city.as_deref())
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
    /// The browser of the client, or another program.
    pub browser: Option<String>,
    /// The operating system of the client.
    pub system: Option<String>,
    /// The country of the client, as far as it is stored.
    pub country: Option<String>,
    /// The city of the client, as far as it is stored.
    pub city: Option<String>,
}

/// The maximum number of events that a request with a filter looks at. It bounds what a page reads, however few events match.
const MOST_SCANNED: i64 = 5_000;

/// The filters of the list of events. All of them apply.
#[derive(Debug, Default)]
pub struct Filter {
    /// Events in which this user is the actor or the subject.
    pub user: Option<UserRef>,
    /// Events with one of these actions.
    pub actions: Option<Actions>,
    /// Events with this result, or all failures.
    pub result: Option<String>,
    /// Events at this time or later.
    pub from: Option<Timestamp>,
    /// Events before this time.
    pub to: Option<Timestamp>,
}

/// How a user is named.
#[derive(Debug)]
pub enum UserRef {
    /// By id.
    Id(String),
    /// By the id or the email.
    IdOrEmail(String, LoginName),
}

/// A page of events.
#[derive(Debug)]
pub struct Found {
    /// The events, newest first.
    pub events: Vec<Listed>,
    /// The id of the last event that the request has looked at, if there may be more after it.
    pub scanned_to: Option<i64>,
}

/// A row of the list.
#[derive(Deserialize)]
struct Row {
    #[serde(flatten)]
    event: Listed,
    #[serde(deserialize_with = "flag")]
    matches: bool,
    #[serde(deserialize_with = "flag")]
    is_last: bool,
}

/// The id of the first event at the time or later, or one that is greater than all ids. Events are in the order of their times, so it is
/// found by bisection.
macro_rules! first_at {
    ($time:literal) => {
        concat!(
            "(WITH search (low, high) AS (
                SELECT coalesce((SELECT min(id) FROM events), 0), coalesce((SELECT max(id) FROM events), 0) + 1
                UNION ALL
                SELECT iif(", first_at!(is_earlier $time), ", (low + high) / 2 + 1, low),
                  iif(", first_at!(is_earlier $time), ", high, (low + high) / 2)
                FROM search WHERE low < high)
              SELECT low FROM search WHERE low >= high)"
        )
    };
    (is_earlier $time:literal) => {
        concat!("coalesce((SELECT at FROM events WHERE id >= (low + high) / 2 ORDER BY id LIMIT 1) < ", $time, ", FALSE)")
    };
}

/// The statement for a page of the events that a query finds in their order. The parameters are the id before which the page starts, the
/// maximum length, the user, the actions, the result, the times, the number of events to look at, and the email of the user.
///
/// `matching` also filters by action and result. It adds the last event that it looks at, so that the next page can start there. It has no
/// ORDER BY before its LIMIT, because that would read all of them; they come in the order of the query.
macro_rules! page_of {
    (every: $ids:expr) => {
        page_of!(@ concat!($ids, " LIMIT ?8"), "SELECT id, TRUE AS matches, FALSE AS is_last FROM found")
    };
    (matching: $ids:expr) => {
        page_of!(
            @ concat!($ids, " LIMIT ?8"),
            "SELECT id, matches, is_last
             FROM (
               SELECT id, row_number() OVER () = ?8 AS is_last,
                 (?4 IS NULL OR action IN (SELECT value FROM json_each(?4)))
                   AND (?5 IS NULL OR iif(?5 = 'failure', result <> 'success', result = ?5)) AS matches
               FROM found)
             WHERE matches OR is_last LIMIT ?2"
        )
    };
    (@ $found:expr, $page:literal) => {
        concat!(
            "WITH RECURSIVE bounds (low, high, user_id) AS MATERIALIZED (
               SELECT iif(?6 IS NULL, 0, ", first_at!("?6"), "), min(?1, iif(?7 IS NULL, ?1, ", first_at!("?7"), ")),
                 coalesce((SELECT id FROM users WHERE email = ?9), ?3)),
             ", $found, "), page AS (", $page, ")
             SELECT events.*, actor.email AS actor_email, subject.email AS subject_email, matches, is_last
             FROM page CROSS JOIN events ON events.id = page.id
             LEFT JOIN users AS actor ON actor.id = events.actor_id
             LEFT JOIN users AS subject ON subject.id = events.subject_id
             ORDER BY events.id DESC"
        )
    };
}

/// All events.
macro_rules! all {
    () => {
        "found AS (
           SELECT id, action, result FROM events
           WHERE id >= (SELECT low FROM bounds) AND id < (SELECT high FROM bounds) ORDER BY id DESC"
    };
}

/// The events of a user. Both branches have an index in the order of the page.
macro_rules! of_user {
    () => {
        "found AS (
           SELECT id, action, result FROM events
           WHERE subject_id = (SELECT user_id FROM bounds)
             AND id >= (SELECT low FROM bounds) AND id < (SELECT high FROM bounds)
           UNION ALL
           SELECT id, action, result FROM events
           WHERE actor_id = (SELECT user_id FROM bounds) AND actor_id <> subject_id
             AND id >= (SELECT low FROM bounds) AND id < (SELECT high FROM bounds)
           ORDER BY id DESC"
    };
}

/// The events with actions other than a login. Each step asks the index of every action for its next event, and takes the newest.
macro_rules! with_actions {
    () => {
        concat!(
            "jump (id) AS (
               SELECT ", with_actions!(newest_below "(SELECT high FROM bounds)"), "
               UNION ALL
               SELECT ", with_actions!(newest_below "jump.id"), " FROM jump WHERE jump.id IS NOT NULL
               LIMIT ?8),
             found AS (SELECT events.id, action, result FROM jump CROSS JOIN events ON events.id = jump.id"
        )
    };
    (newest_below $id:literal) => {
        concat!(
            "(SELECT max((
                SELECT id FROM events INDEXED BY events_by_action
                WHERE action = wanted.value AND action <> 'login' AND id >= (SELECT low FROM bounds) AND id < ", $id, "
                ORDER BY id DESC LIMIT 1))
              FROM json_each(?4) AS wanted)"
        )
    };
}

/// Returns at most `limit` events with an id below `before`, newest first.
///
/// # Errors
/// [`StoreError`].
pub async fn list(store: &Store, filter: &Filter, before: i64, limit: i64) -> Result<Found, StoreError> {
    let Filter { user, actions, result, from, to } = filter;
    // The index by action leaves logins out. There are so many that a scan finds a page of them quickly.
    let is_indexed = actions.as_ref().is_some_and(|actions| !actions.0.contains(&Action::Login));
    let is_scan = result.is_some() || actions.is_some() && (user.is_some() || !is_indexed);
    let sql = match (user, is_indexed, is_scan) {
        (Some(_), _, true) => page_of!(matching: of_user!()),
        (Some(_), _, false) => page_of!(every: of_user!()),
        (None, true, true) => page_of!(matching: with_actions!()),
        (None, true, false) => page_of!(every: with_actions!()),
        (None, false, true) => page_of!(matching: all!()),
        (None, false, false) => page_of!(every: all!()),
    };
    // Each event of several actions costs a look at each of them.
    let steps = actions.as_ref().filter(|_| user.is_none() && is_indexed).map_or(1, Actions::count);
    let scanned = if is_scan { (MOST_SCANNED / steps).max(1) } else { limit };
    let (user_id, email) = match user {
        Some(UserRef::Id(id)) => (Some(id.as_str()), None),
        Some(UserRef::IdOrEmail(id, email)) => (Some(id.as_str()), Some(email.as_str())),
        None => (None, None),
    };
    let statement = Statement::new(sql)
        .bind(before)
        .bind(limit)
        .bind(user_id)
        .bind(actions.as_ref().map(Actions::names))
        .bind(result.as_deref())
        .bind(*from)
        .bind(*to)
        .bind(scanned)
        .bind(email);
    let rows: Vec<Row> = run(store, statement).await?.all()?;
    let scanned_to = rows.last().filter(|row| row.is_last).map(|row| row.event.id);
    Ok(Found { events: rows.into_iter().filter(|row| row.matches).map(|row| row.event).collect(), scanned_to })
}
