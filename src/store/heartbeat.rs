//! The table `heartbeat`, which shows how far a replica can be behind the primary.

use super::{Store, run};
use crate::{
    domain::Timestamp,
    ports::{Statement, StoreError},
};

/// The maximum age of the heartbeat in a replica that is used: two minutes, in milliseconds, so that one run of the cron trigger
/// can be missed. Every replica that is read has everything written before that.
const MAX_AGE: i64 = 120_000;

/// Returns the time after which the heartbeat of a replica must be.
pub(super) fn oldest(now: Timestamp) -> Timestamp {
    now - MAX_AGE
}

/// Writes the heartbeat.
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
