//! The schema of the database.

use serde::Deserialize;

use super::{Store, run, run_all};
use crate::ports::{Statement, StoreError};

/// Checks that D1 responds and has the tables of this build. Returns the migrations that wrangler has applied, oldest first, or
/// `None` if the database was migrated in another way, as in tests.
///
/// # Errors
/// [`StoreError`] if D1 does not respond or a table is missing.
pub async fn check(store: &Store) -> Result<Option<Vec<String>>, StoreError> {
    #[derive(Deserialize)]
    struct Migration {
        name: String,
    }
    let [_, table] = run_all(
        store,
        [
            Statement::new("SELECT id FROM users LIMIT 1"),
            Statement::new("SELECT name FROM sqlite_schema WHERE type = 'table' AND name = 'd1_migrations'"),
        ],
    )
    .await?;
    if !table.any() {
        return Ok(None);
    }
    let migrations = run(store, Statement::new("SELECT name FROM d1_migrations ORDER BY id")).await?;
    Ok(Some(migrations.all::<Migration>()?.into_iter().map(|migration| migration.name).collect()))
}
