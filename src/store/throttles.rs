//! The table `throttles`: see `domain::throttle` for what it is for.

use serde::Deserialize;

use super::{run, run_all};
use crate::{
    app::App,
    crypto::keyed_hash::HashKey,
    domain::Timestamp,
    domain::throttle::{Policy, retry_after},
    error::Error,
    ports::{Rows, Sql, Statement},
};

/// One counter: a rule, and whom it is about.
#[derive(Debug, Clone)]
pub struct Counter {
    policy: Policy,
    key: String,
}

impl Counter {
    /// The counter of `policy` for `subject`, of which only a keyed hash is kept.
    pub fn new(key: &HashKey, policy: Policy, subject: &[&str]) -> Counter {
        let parts: Vec<&str> = std::iter::once(policy.name).chain(subject.iter().copied()).collect();
        Counter { policy, key: key.hash(&parts) }
    }
}

/// Counts an attempt, unless the counter or its `source` is blocked; answers a row if it was counted. So whoever is blocked
/// neither uses up the attempts of others nor fills the table.
///
/// With `known`, that counter is used instead where it is there and not forgotten.
fn count(counter: &Counter, known: Option<&Counter>, source: Option<&Counter>, now: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO throttles (key, attempts, blocked_until, expires_at)
         SELECT
           CASE WHEN EXISTS (SELECT 1 FROM throttles WHERE key = ?2 AND expires_at > ?3) THEN ?2 ELSE ?1 END,
           1, CASE WHEN ?4 <= 1 THEN ?3 + ?5 ELSE 0 END, ?3 + ?7
         WHERE NOT EXISTS (SELECT 1 FROM throttles WHERE key = ?8 AND blocked_until > ?3)
         ON CONFLICT (key) DO UPDATE SET
           attempts = CASE WHEN throttles.expires_at <= ?3 THEN 1 ELSE throttles.attempts + 1 END,
           blocked_until = CASE
             WHEN throttles.expires_at <= ?3 OR throttles.attempts + 1 < ?4 THEN 0
             ELSE ?3 + min(?6, ?5 << min(throttles.attempts + 1 - ?4, 30)) END,
           expires_at = ?3 + ?7
         WHERE throttles.blocked_until <= ?3
         RETURNING key",
    )
    .bind(counter.key.as_str())
    .bind(known.map(|known| known.key.as_str()))
    .bind(now)
    .bind(counter.policy.free)
    .bind(counter.policy.delay)
    .bind(counter.policy.max_delay)
    .bind(counter.policy.forget)
    .bind(source.map(|source| source.key.as_str()))
}

/// The statement that counts an attempt on one counter, to go at the head of a batch; [`verdict`] reads its answer.
pub(super) fn count_one(counter: &Counter, now: Timestamp) -> Statement {
    count(counter, None, None, now)
}

#[derive(Deserialize)]
struct Blocked {
    blocked_until: Option<Timestamp>,
}

/// Reads which attempts were counted. If one was not, it asks when the last of these counters is free again: nobody else has
/// to wait for that.
pub(super) async fn verdict(
    sql: &dyn Sql,
    counted: &[&Rows],
    counters: [Option<&Counter>; 3],
    now: Timestamp,
) -> Result<(), Error> {
    if counted.iter().all(|rows| rows.any()) {
        return Ok(());
    }
    let statement =
        Statement::new("SELECT max(blocked_until) AS blocked_until FROM throttles WHERE key IN (?1, ?2, ?3)");
    let statement = counters
        .iter()
        .fold(statement, |statement, counter| statement.bind(counter.map(|counter| counter.key.as_str())));
    let blocked: Option<Blocked> = run(sql, statement).await?.first()?;
    let until = blocked.and_then(|row| row.blocked_until).unwrap_or(now);
    Err(Error::TooManyRequests(retry_after(until, now)))
}

/// Counts an attempt by whom it is about and by where it comes from, at once.
///
/// # Errors
/// 429 when one of them is blocked; 503.
pub async fn attempt(app: &App, subject: &Counter, source: &Counter) -> Result<(), Error> {
    let sql = app.sql.as_ref();
    let statements = [count(subject, None, Some(source), app.now), count(source, None, None, app.now)];
    let [by_subject, by_source] = run_all(sql, statements).await?;
    verdict(sql, &[&by_subject, &by_source], [Some(subject), Some(source), None], app.now).await
}

/// The three counters of attempts at a password.
#[derive(Debug, Clone)]
pub struct PasswordCounters {
    /// By the account, from anywhere.
    pub account: Counter,
    /// By the account and an address that knew the password before.
    pub known_address: Counter,
    /// By the address, for any account.
    pub address: Counter,
}

impl PasswordCounters {
    /// The statements that count an attempt at a password, to go at the head of a batch; [`PasswordCounters::verdict`] reads their answers.
    pub fn count(&self, now: Timestamp) -> [Statement; 2] {
        [
            count(&self.account, Some(&self.known_address), Some(&self.address), now),
            count(&self.address, None, None, now),
        ]
    }

    /// Reads the answers to [`PasswordCounters::count`].
    ///
    /// # Errors
    /// 429 when one of the counters is blocked; 503.
    pub async fn verdict(&self, sql: &dyn Sql, counted: [&Rows; 2], now: Timestamp) -> Result<(), Error> {
        let counters = [Some(&self.account), Some(&self.known_address), Some(&self.address)];
        verdict(sql, &counted, counters, now).await
    }

    /// Takes the count back after the right password, and remembers that this address knew it.
    pub fn forgive(&self, now: Timestamp) -> [Statement; 3] {
        [
            Statement::new("DELETE FROM throttles WHERE key = ?1").bind(self.account.key.as_str()),
            Statement::new(
                "INSERT INTO throttles (key, attempts, blocked_until, expires_at) VALUES (?1, 0, 0, ?2)
                 ON CONFLICT (key) DO UPDATE SET attempts = 0, blocked_until = 0, expires_at = excluded.expires_at",
            )
            .bind(self.known_address.key.as_str())
            .bind(now + self.known_address.policy.forget),
            Statement::new("UPDATE throttles SET attempts = max(attempts - 1, 0), blocked_until = 0 WHERE key = ?1")
                .bind(self.address.key.as_str()),
        ]
    }

    /// Lets the owner in again from anywhere, because the account has a new password.
    pub fn forget(&self) -> Statement {
        Statement::new("DELETE FROM throttles WHERE key = ?1").bind(self.account.key.as_str())
    }
}
