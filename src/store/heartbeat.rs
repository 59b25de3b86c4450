//! The table `heartbeat`: by it a replica of the database tells how far behind the primary it can be.

use super::{Store, run};
use crate::{
    domain::Timestamp,
    ports::{Statement, StoreError},
};

/// The oldest beat, in milliseconds, with which a replica still counts: two minutes, so that one run of the cron trigger may
/// be missed. What was written longer ago is known to every replica that is read.
const MAX_AGE: i64 = 120_000;

/// A replica counts if its beat is later than this.
pub(super) fn oldest(now: Timestamp) -> Timestamp {
    now - MAX_AGE
}

/// Writes the time down.
///
/// # Errors
/// [`StoreError`].
pub async fn beat(store: &Store, now: Timestamp) -> Result<(), StoreError> {
    let statement = Statement::new(
        "INSERT INTO heartbeat (id, beat_at) VALUES (1, ?1)
         ON CONFLICT (id) DO UPDATE SET beat_at = max(beat_at, excluded.beat_at)",
    );
    run(store, statement.bind(now)).await.map(drop)
}
