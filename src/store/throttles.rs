//! The table `throttles`: counters of attempts. `domain::throttle` has the rules.

use serde::Deserialize;

use super::{Store, administration::is_active_admin, run, run_all};
use crate::{
    crypto::keyed_hash::HashKey,
    domain::Timestamp,
    domain::throttle::{Blocked, Policy},
    ports::{Rows, Statement, StoreError},
};

/// One counter: a rule, and what it counts for.
#[derive(Debug, Clone)]
pub struct Counter {
    policy: Policy,
    key: String,
    /// The account whose password is guessed. A new password resets this counter.
    password_of: Option<String>,
}

impl Counter {
    /// Returns the counter of `policy` for `subject`. Only a keyed hash of both is stored.
    pub fn new(key: &HashKey, policy: Policy, subject: &[&str]) -> Counter {
        let parts: Vec<&str> = std::iter::once(policy.name).chain(subject.iter().copied()).collect();
        Counter { policy, key: key.hash(&parts), password_of: None }
    }

    /// Returns the key of its row.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// Ties the counter to the password of the account with this email, if there is one.
    #[must_use]
    pub fn of_password(self, email: &str) -> Counter {
        Counter { password_of: Some(email.to_owned()), ..self }
    }
}

/// The password epoch of the account with the email in the parameter, or 0 if there is none.
macro_rules! epoch_of {
    ($email:literal) => {
        concat!("coalesce((SELECT password_epoch FROM users WHERE email = ", $email, "), 0)")
    };
}

/// The key of the counter to use: that of the known address, if it has one that has not expired, otherwise that of the account.
macro_rules! key_in_use {
    ($key:literal, $known:literal, $now:literal) => {
        concat!(
            "CASE WHEN EXISTS (SELECT 1 FROM throttles WHERE key = ",
            $known,
            " AND expires_at > ",
            $now,
            ") THEN ",
            $known,
            " ELSE ",
            $key,
            " END"
        )
    };
}

/// Counts an attempt, unless the counter or its `source` is blocked. Returns the key of the counter if the attempt counts. So a
/// blocked caller neither uses up the attempts of others nor fills the table.
///
/// With `known`, uses that counter instead if it exists and has not expired. Its policy has the same times.
///
/// `now` can be older than the last attempt. The block still starts at the last attempt, and counters are not reset earlier.
fn count(counter: &Counter, known: Option<&Counter>, source: Option<&Counter>, now: Timestamp) -> Statement {
    count_if(counter, known, source, now, false)
}

/// Like [`count`]. With `previous_changed`, only if the previous statement of the batch has changed a row.
fn count_if(
    counter: &Counter,
    known: Option<&Counter>,
    source: Option<&Counter>,
    now: Timestamp,
    previous_changed: bool,
) -> Statement {
    Statement::new(concat!(
        "INSERT INTO throttles (key, attempts, blocked_until, expires_at, epoch)
         SELECT ",
        key_in_use!("?1", "?2", "?3"),
        ", 1, CASE WHEN ?4 <= 1 THEN ?3 + ?5 ELSE 0 END, ?3 + ?7, ",
        epoch_of!("?9"),
        " WHERE NOT EXISTS (SELECT 1 FROM throttles WHERE key = ?8 AND blocked_until > ?3)
           AND (?10 = 0 OR changes() > 0)
         ON CONFLICT (key) DO UPDATE SET
           attempts = CASE
             WHEN throttles.expires_at <= ?3 OR throttles.epoch <> excluded.epoch THEN 1
             ELSE throttles.attempts + 1 END,
           blocked_until = CASE
             WHEN throttles.expires_at <= ?3 OR throttles.epoch <> excluded.epoch THEN excluded.blocked_until
             WHEN throttles.attempts + 1 < ?4 THEN 0
             ELSE max(?3, throttles.expires_at - ?7) + min(?6, ?5 << min(throttles.attempts + 1 - ?4, 30)) END,
           expires_at = max(throttles.expires_at, excluded.expires_at),
           epoch = excluded.epoch
         WHERE throttles.blocked_until <= ?3 OR throttles.epoch <> excluded.epoch
         RETURNING key",
    ))
    .bind(counter.key.as_str())
    .bind(known.map(|known| known.key.as_str()))
    .bind(now)
    .bind(counter.policy.free)
    .bind(counter.policy.delay)
    .bind(counter.policy.max_delay)
    .bind(counter.policy.forget)
    .bind(source.map(|source| source.key.as_str()))
    .bind(counter.password_of.as_deref())
    .bind(previous_changed)
}

/// Returns the statement that counts an attempt with one counter, for the beginning of a batch. [`verdict`] reads its result.
pub(super) fn count_one(counter: &Counter, now: Timestamp) -> Statement {
    count(counter, None, None, now)
}

#[derive(Deserialize)]
struct Wait {
    blocked_until: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Counted {
    key: String,
}

/// Reads which attempts were counted. If one was not, queries how long the caller has to wait; other callers do not pay for that.
/// Only counters of this attempt matter.
pub(super) async fn verdict(
    store: &Store,
    counted: &[&Rows],
    counter: &Counter,
    known: Option<&Counter>,
    source: Option<&Counter>,
    now: Timestamp,
) -> Result<Result<(), Blocked>, StoreError> {
    if counted.iter().all(|rows| rows.any()) {
        return Ok(Ok(()));
    }
    let statement = Statement::new(concat!(
        "SELECT max(blocked_until) AS blocked_until FROM throttles
         WHERE key IN (?4, ",
        key_in_use!("?1", "?2", "?3"),
        ") AND (key = ?4 OR epoch = ",
        epoch_of!("?5"),
        ")"
    ))
    .bind(counter.key.as_str())
    .bind(known.map(|known| known.key.as_str()))
    .bind(now)
    .bind(source.map(|source| source.key.as_str()))
    .bind(counter.password_of.as_deref());
    let wait: Option<Wait> = run(store, statement).await?.first()?;
    let until = wait.and_then(|row| row.blocked_until).unwrap_or(now);
    Ok(Err(Blocked::until(until, now)))
}

/// Returns the statements that count a guess at one thing, and with all others of the same kind: on neither if one is blocked.
pub(super) fn count_guess(of_one: &Counter, of_all: &Counter, now: Timestamp) -> [Statement; 2] {
    [count(of_one, None, Some(of_all), now), count_if(of_all, None, None, now, true)]
}

/// Returns the statements that count an attempt for its subject and for its source, unless one of them is blocked. [`verdict`] reads
/// their results.
pub(super) fn count_both(subject: &Counter, source: &Counter, now: Timestamp) -> [Statement; 2] {
    [count(subject, None, Some(source), now), count(source, None, None, now)]
}

/// Returns how long a counter is blocked, if it is.
///
/// # Errors
/// [`StoreError`].
pub async fn blocked(store: &Store, counter: &Counter, now: Timestamp) -> Result<Option<Blocked>, StoreError> {
    let statement = Statement::new("SELECT blocked_until FROM throttles WHERE key = ?1 AND blocked_until > ?2");
    let wait: Option<Wait> = run(store, statement.bind(counter.key.as_str()).bind(now)).await?.first()?;
    Ok(wait.and_then(|wait| wait.blocked_until).map(|until| Blocked::until(until, now)))
}

/// Counts an attempt for its subject and for its source, unless one of them is blocked.
///
/// # Errors
/// [`StoreError`].
pub async fn attempt(
    store: &Store,
    subject: &Counter,
    source: &Counter,
    now: Timestamp,
) -> Result<Result<(), Blocked>, StoreError> {
    let [by_subject, by_source] = run_all(store, count_both(subject, source, now)).await?;
    verdict(store, &[&by_subject, &by_source], subject, None, Some(source), now).await
}

/// Counts an attempt with three counters, unless one of them is blocked. Each is the source of the one before it, so that a source that is
/// blocked uses up nothing of its subject.
///
/// # Errors
/// [`StoreError`].
pub async fn attempt_each(
    store: &Store,
    counters: [&Counter; 3],
    now: Timestamp,
) -> Result<Result<(), Blocked>, StoreError> {
    let [subject, pair, source] = counters;
    let statements =
        [count(subject, None, Some(pair), now), count(pair, None, Some(source), now), count(source, None, None, now)];
    let counted = run_all(store, statements).await?;
    if counted.iter().all(Rows::any) {
        return Ok(Ok(()));
    }
    let keys = counters.map(|counter| counter.key.as_str());
    let wait = keys.into_iter().fold(
        Statement::new("SELECT max(blocked_until) AS blocked_until FROM throttles WHERE key IN (?1, ?2, ?3)"),
        |statement, key| statement.bind(key),
    );
    let wait: Option<Wait> = run(store, wait).await?.first()?;
    Ok(Err(Blocked::until(wait.and_then(|row| row.blocked_until).unwrap_or(now), now)))
}

/// Counts an attempt with one counter, unless it is blocked.
///
/// # Errors
/// [`StoreError`].
pub async fn attempt_one(store: &Store, counter: &Counter, now: Timestamp) -> Result<Result<(), Blocked>, StoreError> {
    let counted = run(store, count_one(counter, now)).await?;
    verdict(store, &[&counted], counter, None, None, now).await
}

/// Takes back a guess at a second factor that was right, and one wrong guess before it, if an earlier statement of the batch has started
/// or strengthened this session. Otherwise, the mistyped codes of years would add up and lock the user out. A stranger can guess once
/// more for each time that the user proves the factor.
pub(super) fn take_back_guess(counter: &Counter, session_id: &str, now: Timestamp) -> [Statement; 2] {
    let bind = |sql| Statement::new(sql).bind(counter.key.as_str()).bind(session_id).bind(now);
    [
        bind(
            "DELETE FROM throttles
             WHERE key = ?1 AND attempts <= 2 AND EXISTS (SELECT 1 FROM sessions WHERE id = ?2 AND authenticated_at = ?3)",
        ),
        bind(
            "UPDATE throttles SET attempts = attempts - 2, blocked_until = 0
             WHERE key = ?1 AND EXISTS (SELECT 1 FROM sessions WHERE id = ?2 AND authenticated_at = ?3)",
        ),
    ]
}

/// Takes back a guess that was right, if this one-time token was used, which an earlier statement of the batch has done.
pub(super) fn take_back_if_spent(counter: &Counter, token_id: &str) -> Statement {
    Statement::new(
        "UPDATE throttles SET attempts = max(attempts - 1, 0), blocked_until = 0
         WHERE key = ?1 AND EXISTS (SELECT 1 FROM spent WHERE key = ?2)",
    )
    .bind(counter.key.as_str())
    .bind(token_id)
}

/// Resets a counter, for an admin who is still active.
pub(super) fn reset(counter: &Counter, admin_id: Option<&str>) -> Statement {
    Statement::new(concat!("DELETE FROM throttles WHERE key = ?1 AND ", is_active_admin!("?2")))
        .bind(counter.key.as_str())
        .bind(admin_id)
}

/// The three counters of password attempts.
#[derive(Debug, Clone)]
pub struct PasswordCounters {
    /// For the account, from any address.
    pub account: Counter,
    /// For the account and an address from which the password was right before.
    pub known_address: Counter,
    /// For the address, across all accounts.
    pub address: Counter,
}

/// A password attempt that was counted.
#[derive(Debug, Clone, Copy)]
pub struct PasswordAttempt<'a> {
    counters: &'a PasswordCounters,
    is_on_known_address: bool,
}

/// Proof that the caller knows the password or has set it. Counters change only if the batch has done this.
#[derive(Debug, Clone, Copy)]
pub(super) enum PasswordProof<'a> {
    /// A session with this id was started.
    Session(&'a str),
    /// The account has this password hash. Its salt is random, so no other batch has set it.
    NewHash(&'a str),
    /// The account still has the password of this epoch, which was just verified.
    Epoch(i64),
}

/// The condition that the user in `users` meets the proof in the three parameters.
macro_rules! is_proven {
    ($session:literal, $hash:literal, $epoch:literal) => {
        concat!(
            "(users.password_hash = ",
            $hash,
            " OR users.password_epoch = ",
            $epoch,
            " OR EXISTS (SELECT 1 FROM sessions WHERE id = ",
            $session,
            " AND user_id = users.id))"
        )
    };
}

impl PasswordProof<'_> {
    fn bind(self, statement: Statement) -> Statement {
        let (session, hash, epoch) = match self {
            PasswordProof::Session(id) => (Some(id), None, None),
            PasswordProof::NewHash(hash) => (None, Some(hash), None),
            PasswordProof::Epoch(epoch) => (None, None, Some(epoch)),
        };
        statement.bind(session).bind(hash).bind(epoch)
    }
}

impl PasswordCounters {
    /// Returns the statements that count a password attempt, for the beginning of a batch. [`PasswordCounters::verdict`] reads
    /// their results.
    pub(super) fn count(&self, now: Timestamp) -> [Statement; 2] {
        [
            count(&self.account, Some(&self.known_address), Some(&self.address), now),
            count(&self.address, None, None, now),
        ]
    }

    /// Reads the results of [`PasswordCounters::count`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn verdict(
        &self,
        store: &Store,
        counted: [&Rows; 2],
        now: Timestamp,
    ) -> Result<Result<PasswordAttempt<'_>, Blocked>, StoreError> {
        let verdict = verdict(store, &counted, &self.account, Some(&self.known_address), Some(&self.address), now);
        if let Err(blocked) = verdict.await? {
            return Ok(Err(blocked));
        }
        let [by_account, _] = counted;
        let on = by_account.first::<Counted>()?;
        let is_on_known_address = on.is_some_and(|counted| counted.key == self.known_address.key);
        Ok(Ok(PasswordAttempt { counters: self, is_on_known_address }))
    }

    /// Stores that this address knows the password, and resets its counter.
    pub(super) fn remember_address(&self, proof: PasswordProof<'_>, now: Timestamp) -> Statement {
        let statement = Statement::new(concat!(
            "INSERT INTO throttles (key, attempts, blocked_until, expires_at, epoch)
             SELECT ?1, 0, 0, ?2, password_epoch FROM users WHERE email = ?3 AND ",
            is_proven!("?4", "?5", "?6"),
            " ON CONFLICT (key) DO UPDATE SET attempts = 0, blocked_until = 0,
               expires_at = max(throttles.expires_at, excluded.expires_at), epoch = excluded.epoch",
        ))
        .bind(self.known_address.key.as_str())
        .bind(now + self.known_address.policy.forget)
        .bind(self.known_address.password_of.as_deref());
        proof.bind(statement)
    }
}

impl PasswordAttempt<'_> {
    /// Takes this attempt back, because its password was right, and stores the address as known. Other attempts still count, so a
    /// login of the owner allows a stranger no further guess.
    pub(super) fn forgive(self, proof: PasswordProof<'_>, now: Timestamp) -> Vec<Statement> {
        let PasswordCounters { account, address, .. } = self.counters;
        let take_back = |counter: &Counter, sql| {
            let statement = Statement::new(sql);
            proof.bind(statement.bind(counter.key.as_str()).bind(account.password_of.as_deref()))
        };
        let decrement = concat!(
            "UPDATE throttles SET attempts = max(attempts - 1, 0), blocked_until = 0
             WHERE key = ?1 AND EXISTS (SELECT 1 FROM users WHERE email = ?2 AND ",
            is_proven!("?3", "?4", "?5"),
            ")"
        );
        let delete_last = concat!(
            "DELETE FROM throttles
             WHERE key = ?1 AND attempts <= 1 AND EXISTS (SELECT 1 FROM users WHERE email = ?2 AND ",
            is_proven!("?3", "?4", "?5"),
            ")"
        );
        let mut statements = Vec::new();
        if !self.is_on_known_address {
            statements.extend([take_back(account, delete_last), take_back(account, decrement)]);
        }
        statements.push(self.counters.remember_address(proof, now));
        statements.push(take_back(address, decrement));
        statements
    }
}
