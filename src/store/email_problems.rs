//! The columns `email_problem` and `email_problem_at` of `users`: addresses that mail does not reach.

use serde::Deserialize;

use super::{
    Store,
    administration::is_active_admin,
    decode,
    events::{self, insert_event},
    one_time, retry, run, run_all,
};
use crate::{
    domain::{
        Timestamp,
        email::Email,
        email_problem::{EmailProblem, Reason},
        event::Event,
    },
    language::{self, Language},
    ports::{Rows, Statement, StoreError},
};

/// The columns of a problem.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Columns {
    email_problem: Option<Reason>,
    email_problem_at: Option<Timestamp>,
}

impl Columns {
    /// Returns the problem, if there is one.
    pub fn problem(self) -> Option<EmailProblem> {
        Some(EmailProblem { reason: self.email_problem?, at: self.email_problem_at.unwrap_or_default() })
    }

    /// Reads the columns of the first row.
    pub fn of(rows: &Rows) -> Result<Option<EmailProblem>, StoreError> {
        Ok(rows.first::<Columns>()?.and_then(Columns::problem))
    }
}

/// Returns the statement that reads the problem of a user's address.
pub(super) fn select(user_id: &str) -> Statement {
    Statement::new("SELECT email_problem, email_problem_at FROM users WHERE id = ?1").bind(user_id)
}

/// Returns the problem of a user's address, if there is one.
///
/// # Errors
/// [`StoreError`].
pub async fn find(store: &Store, user_id: &str) -> Result<Option<EmailProblem>, StoreError> {
    Columns::of(&run(store, select(user_id)).await?)
}

/// What a mail must know of its recipient.
#[derive(Debug, Default, Deserialize)]
pub struct Mailbox {
    /// Whether mail does not reach the address.
    #[serde(deserialize_with = "decode::flag")]
    pub is_unreachable: bool,
    /// The language of the user, if it is known.
    #[serde(with = "language::stored")]
    pub locale: Option<Language>,
}

/// Returns what a mail to this address must know. Without a user, mail may reach it.
///
/// # Errors
/// [`StoreError`].
pub async fn mailbox(store: &Store, email: &str) -> Result<Mailbox, StoreError> {
    let statement =
        Statement::new("SELECT email_problem IS NOT NULL AS is_unreachable, locale FROM users WHERE email = ?1");
    Ok(run(store, statement.bind(email)).await?.first()?.unwrap_or_default())
}

/// What a webhook call reports for one reason.
pub struct Report<'a> {
    /// The reason.
    pub reason: Reason,
    /// The addresses.
    pub addresses: Vec<&'a Email>,
    /// The id of the call and the reason. A repeated call has the same, and no effect.
    pub key: String,
    /// The event for each user.
    pub event: Event,
}

/// Marks the addresses of users, and writes an event for each. An address that is already marked stays as it is, except that a complaint
/// replaces a bounce. Repeated calls are recognized until `forget_at`.
///
/// # Errors
/// [`StoreError`].
pub async fn record(store: &Store, reports: &[Report<'_>], forget_at: Timestamp) -> Result<(), StoreError> {
    let mut statements = Vec::new();
    for Report { reason, addresses, key, event } in reports {
        let addresses: Vec<&str> = addresses.iter().map(|email| email.as_str()).collect();
        let addresses = serde_json::to_string(&addresses).map_err(|error| StoreError(format!("addresses: {error}")))?;
        let mark = Statement::new(
            "UPDATE users SET email_problem = ?2, email_problem_at = ?3
             WHERE changes() > 0 AND email IN (SELECT value FROM json_each(?1))
               AND (email_problem IS NULL OR (email_problem = 'bounce' AND ?2 = 'complaint'))",
        )
        .bind(addresses.as_str())
        .bind(reason.as_str())
        .bind(event.at);
        let write = Statement::new(insert_event!(
            subject: "users.id",
            old: "NULL",
            from: "FROM users WHERE changes() > 0 AND email IN (SELECT value FROM json_each(?13))
                   AND email_problem = ?14 AND email_problem_at = ?1"
        ));
        let write = events::bind(event, write).bind(addresses.as_str()).bind(reason.as_str());
        statements.extend([one_time::spend(key, forget_at), mark, write]);
    }
    retry::batch(store, &statements).await.map(drop)
}

/// Forgets the problem of a user's address, so that mail goes there again. Returns false if there is no such active user.
///
/// # Errors
/// [`StoreError`].
pub async fn clear_own(store: &Store, user_id: &str, event: &Event) -> Result<bool, StoreError> {
    let exists = Statement::new("SELECT 1 AS found FROM users WHERE id = ?1 AND is_active = 1").bind(user_id);
    let clear = Statement::new(
        "UPDATE users SET email_problem = NULL, email_problem_at = NULL
         WHERE id = ?1 AND is_active = 1 AND email_problem IS NOT NULL",
    )
    .bind(user_id);
    let [exists, ..] = run_all(store, [exists, clear, events::insert_if_changed(event)]).await?;
    Ok(exists.any())
}

/// Like [`clear_own`], by an admin. Returns false if there is no such user or the caller is no longer an admin.
///
/// # Errors
/// [`StoreError`].
pub async fn clear(store: &Store, user_id: &str, event: &Event) -> Result<bool, StoreError> {
    let admin = event.actor_id.as_deref();
    let exists = Statement::new(concat!("SELECT 1 AS found FROM users WHERE id = ?1 AND ", is_active_admin!("?2")))
        .bind(user_id)
        .bind(admin);
    let clear = Statement::new(concat!(
        "UPDATE users SET email_problem = NULL, email_problem_at = NULL
         WHERE id = ?1 AND email_problem IS NOT NULL AND ",
        is_active_admin!("?2")
    ))
    .bind(user_id)
    .bind(admin);
    let [exists, ..] = run_all(store, [exists, clear, events::insert_if_changed(event)]).await?;
    Ok(exists.any())
}
