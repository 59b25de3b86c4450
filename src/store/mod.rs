//! What is in D1 and KV: one function a statement or batch, its SQL beside it.
//!
//! Whatever must hold stands in a `WHERE` or a constraint, never in a check before the write. What must happen at most
//! once is one conditional statement with `RETURNING`; statements of one batch that depend on it repeat its condition. So every
//! batch may be run twice, and all go through `repeat`.

pub mod administration;
pub mod events;
pub mod expired;
pub mod freezes;
pub mod heartbeat;
pub mod invite_tree;
pub mod mails;
pub mod one_time_passwords;
pub mod outbox;
pub mod records;
mod repeat;
pub mod schema;
pub mod sessions;
pub mod throttles;
pub mod user_list;
pub mod user_tokens;
pub mod users;

use crate::ports::{Outage, Rows, Sql, Statement};

/// One statement as a batch of its own.
async fn run(sql: &dyn Sql, statement: Statement) -> Result<Rows, Outage> {
    let [rows] = run_all(sql, [statement]).await?;
    Ok(rows)
}

/// A batch whose number of answers is known: all of it takes effect, or nothing.
async fn run_all<const N: usize>(sql: &dyn Sql, statements: [Statement; N]) -> Result<[Rows; N], Outage> {
    repeat::batch(sql, statements.into())
        .await?
        .try_into()
        .map_err(|_| Outage("a batch has not as many answers as statements".to_owned()))
}

/// What a replica knows, if it is not too far behind and does not fail: then, and where it has no row, the primary is asked.
/// So a replica never refuses anybody.
async fn run_on_replica(replica: &dyn Sql, statement: Statement) -> Option<Rows> {
    let rows = run(replica, statement).await.ok()?;
    rows.any().then_some(rows)
}
