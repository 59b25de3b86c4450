//! What is in D1 and KV: one function a statement or batch, its SQL beside it.
//!
//! Whatever must hold stands in a `WHERE` or a constraint, never in a check before the write. What must happen at most
//! once is one conditional statement with `RETURNING`; statements of one batch that depend on it repeat its condition. So every
//! batch may be run twice, and all go through `retry`.

pub mod administration;
pub mod cleanup;
pub mod events;
pub mod freezes;
pub mod heartbeat;
pub mod invite_tree;
pub mod mail_budget;
pub mod mails;
pub mod one_time_passwords;
pub mod outbox;
pub mod records;
mod retry;
pub mod schema;
pub mod sessions;
pub mod throttles;
pub mod user_list;
pub mod user_tokens;
pub mod users;

use crate::{
    domain::Timestamp,
    ports::{Rows, Sql, Statement, StoreError, Value},
};

/// One statement as a batch of its own.
async fn run(sql: &dyn Sql, statement: Statement) -> Result<Rows, StoreError> {
    let [rows] = run_all(sql, [statement]).await?;
    Ok(rows)
}

/// A batch whose number of answers is known: all of it takes effect, or nothing.
async fn run_all<const N: usize>(sql: &dyn Sql, statements: [Statement; N]) -> Result<[Rows; N], StoreError> {
    retry::batch(sql, &statements)
        .await?
        .try_into()
        .map_err(|_| StoreError("a batch has not as many answers as statements".to_owned()))
}

/// Asks the replica, if there is one, and where it fails or has no row the primary: so a replica never refuses anybody.
///
/// The last parameter of the statement is bound here: to the oldest [`heartbeat`] with which a replica counts, or to NULL for
/// the primary.
async fn run_near(
    sql: &dyn Sql,
    replica: Option<&dyn Sql>,
    statement: Statement,
    now: Timestamp,
) -> Result<Rows, StoreError> {
    if let Some(replica) = replica {
        let on_replica = statement.clone().bind(heartbeat::oldest(now));
        if let Ok(rows) = run(replica, on_replica).await
            && rows.any()
        {
            return Ok(rows);
        }
    }
    run(sql, statement.bind(Value::Null)).await
}
