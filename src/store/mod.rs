//! Queries of D1 and KV: one function per statement or batch, with its SQL.
//!
//! Every rule that must hold is a `WHERE` or a constraint, never a check before the write. What may happen only once is one
//! conditional statement with `RETURNING`, and the statements of its batch that depend on it repeat its condition. So every batch
//! can run twice, and all of them go through `retry`.

pub mod administration;
pub mod cleanup;
pub mod daily_counts;
mod decode;
pub mod devices;
pub mod email_changes;
pub mod email_problems;
pub mod email_proofs;
pub mod events;
pub mod freezes;
pub mod heartbeat;
pub mod identities;
pub mod invite_tree;
pub mod mail_budget;
pub mod mails;
pub mod one_time;
pub mod one_time_passwords;
pub mod outbox;
pub mod passkeys;
pub mod records;
pub mod recovery_codes;
pub mod resealing;
mod retry;
pub mod schema;
pub mod second_factors;
pub mod sessions;
pub mod sign_ups;
pub mod throttles;
pub mod totp;
pub mod user_list;
pub mod user_tokens;
pub mod users;

use std::rc::Rc;

use crate::{
    domain::Timestamp,
    ports::{Kv, Rows, Sql, Statement, StoreError, Timer, Value},
};

/// The stores of a request. A clone is cheap.
#[derive(Clone)]
pub struct Store {
    /// D1.
    pub sql: Rc<dyn Sql>,
    /// The nearest replica of D1, if the settings say so. It serves reads that may be behind.
    pub replica: Option<Rc<dyn Sql>>,
    /// KV.
    pub kv: Rc<dyn Kv>,
    /// Waits before a retry.
    pub timer: Rc<dyn Timer>,
}

/// Which copy of the database a read uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFrom {
    /// The primary, which has every write.
    Primary,
    /// The nearest replica, if there is one. It may be behind, as far as [`heartbeat`] allows.
    Nearest,
}

/// Runs one statement.
async fn run(store: &Store, statement: Statement) -> Result<Rows, StoreError> {
    let [rows] = run_all(store, [statement]).await?;
    Ok(rows)
}

/// Runs statements in one transaction.
async fn run_all<const N: usize>(store: &Store, statements: [Statement; N]) -> Result<[Rows; N], StoreError> {
    retry::batch(store, &statements)
        .await?
        .try_into()
        .map_err(|_| StoreError("a batch has a different number of results than statements".to_owned()))
}

/// Runs a statement that only reads. A replica that fails or finds nothing is followed by the primary, so a replica never rejects
/// anyone.
///
/// Binds the last parameter of the statement: the oldest [`heartbeat`] that a replica must have, or NULL for the primary.
async fn run_on(store: &Store, read_from: ReadFrom, statement: Statement, now: Timestamp) -> Result<Rows, StoreError> {
    if read_from == ReadFrom::Nearest
        && let Some(replica) = &store.replica
    {
        let on_replica = statement.clone().bind(heartbeat::oldest(now));
        if let Ok(results) = retry::batch_on(&**replica, &*store.timer, &[on_replica]).await
            && let Some(rows) = results.into_iter().next()
            && rows.any()
        {
            return Ok(rows);
        }
    }
    run(store, statement.bind(Value::Null)).await
}
