//! The table `mails`: what is owed to somebody's mailbox.

use serde::Deserialize;

use super::run;
use crate::{
    domain::Timestamp,
    ports::{Outage, Sql, Statement},
};

/// For how long a mail is left to whoever has begun to send it, in milliseconds: longer than every provider's time-out together.
const LEASE: i64 = 600_000;

/// A mail that is owed.
#[derive(Debug, Clone, Deserialize)]
pub struct Mail {
    /// Its id, which is also the idempotency key for the provider.
    pub id: String,
    /// What is to be mailed, encrypted.
    pub sealed: String,
    /// How often it was tried in vain.
    pub attempts: i64,
    /// When it was caused.
    pub created_at: Timestamp,
    /// From when on it is of no use.
    pub expires_at: Timestamp,
}

/// Owes a mail, left to the request that causes it.
pub(super) fn insert(mail: &Mail) -> Statement {
    bind(
        mail,
        Statement::new(
            "INSERT INTO mails (id, sealed, attempts, created_at, expires_at, next_attempt_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        ),
    )
}

/// As [`insert`], if the statement before in the batch has set this password hash.
pub(super) fn insert_if_password_is(mail: &Mail, user_id: &str, password_hash: &str) -> Statement {
    let statement = Statement::new(
        "INSERT INTO mails (id, sealed, attempts, created_at, expires_at, next_attempt_at)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE EXISTS (SELECT 1 FROM users WHERE id = ?7 AND password_hash = ?8)",
    );
    bind(mail, statement).bind(user_id).bind(password_hash)
}

/// As [`insert`], if the statement before in the batch has made this the live reset of the user.
pub(super) fn insert_if_reset_is(mail: &Mail, user_id: &str, reset_id: &str) -> Statement {
    let statement = Statement::new(
        "INSERT INTO mails (id, sealed, attempts, created_at, expires_at, next_attempt_at)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE EXISTS (SELECT 1 FROM users WHERE id = ?7 AND password_reset_id = ?8)",
    );
    bind(mail, statement).bind(user_id).bind(reset_id)
}

/// As [`insert`], if the statement before in the batch has made this user token.
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
        .bind(mail.created_at + LEASE)
}

/// Takes up to `limit` mails that are due, longest due first, and keeps others from taking them for ten minutes.
///
/// # Errors
/// [`Outage`].
pub async fn claim_due(sql: &dyn Sql, now: Timestamp, limit: i64) -> Result<Vec<Mail>, Outage> {
    let statement = Statement::new(
        "UPDATE mails SET next_attempt_at = ?1 + ?2
         WHERE id IN (
           SELECT id FROM mails WHERE next_attempt_at <= ?1 AND expires_at > ?1 ORDER BY next_attempt_at LIMIT ?3)
         RETURNING id, sealed, attempts, created_at, expires_at",
    );
    run(sql, statement.bind(now).bind(LEASE).bind(limit)).await?.all()
}

/// Owes a mail no longer.
///
/// # Errors
/// [`Outage`].
pub async fn delete(sql: &dyn Sql, id: &str) -> Result<(), Outage> {
    run(sql, Statement::new("DELETE FROM mails WHERE id = ?1").bind(id)).await.map(drop)
}

/// Counts a vain attempt and says when the next one is due.
///
/// # Errors
/// [`Outage`].
pub async fn postpone(sql: &dyn Sql, id: &str, until: Timestamp) -> Result<(), Outage> {
    let statement = Statement::new("UPDATE mails SET attempts = attempts + 1, next_attempt_at = ?2 WHERE id = ?1");
    run(sql, statement.bind(id).bind(until)).await.map(drop)
}
