//! The table `freezes`. A freeze deactivates a user and everybody below them in the invite tree, and undoing it activates them
//! together.
//!
//! `users.frozen_by` is the freeze that deactivated a user. Users who were inactive before have none, so no undo activates them. If
//! a user is below several freezes, the first one has deactivated them, and they are active again when all of these are undone. So
//! freezing and undoing restores the previous state.

use serde::Deserialize;

use super::{
    Store,
    administration::is_active_admin,
    events::{self, insert_event},
    run, run_all,
};
use crate::{
    domain::{Timestamp, event::Event, page::FARTHEST},
    ports::{Rows, Statement, StoreError},
};

#[derive(Deserialize)]
struct Count {
    users: i64,
}

/// The number, if the action took effect.
fn counted(took_effect: bool, count: Rows) -> Result<Option<i64>, StoreError> {
    let count = count.first::<Count>()?;
    Ok(count.filter(|_| took_effect).map(|count| count.users))
}

/// Freezes a user and everybody below except admins, and returns how many users it deactivated. Repeating it includes users who
/// joined since. Returns `None` if there is no such user or the caller is no longer an admin.
///
/// # Errors
/// [`StoreError`].
pub async fn freeze(store: &Store, root: &str, event: &Event) -> Result<Option<i64>, StoreError> {
    let admin = event.actor_id.as_deref();
    let record = events::bind(
        event,
        Statement::new(insert_event!(concat!(
            "FROM users WHERE id = ?5 AND ",
            is_active_admin!("?4"),
            " RETURNING id"
        ))),
    );
    let insert = Statement::new(concat!(
        "INSERT INTO freezes (user_id, frozen_at) SELECT id, ?2 FROM users WHERE id = ?1 AND ",
        is_active_admin!("?3"),
        " ON CONFLICT (user_id) DO UPDATE SET frozen_at = excluded.frozen_at"
    ));
    // A queue instead of recursion: the deepest chain takes only its length. UNION would end even in a circle.
    let deactivate = Statement::new(concat!(
        "UPDATE users SET is_active = 0, frozen_by = ?1, frozen_at = ?2, password_reset_id = NULL,
           updated_at = max(?2, updated_at + 1)
         WHERE is_active = 1 AND role <> 'admin'
           AND id IN (
             WITH RECURSIVE below (id) AS (
               SELECT ?1 UNION SELECT users.id FROM below JOIN users ON users.referrer_id = below.id)
             SELECT id FROM below)
           AND ",
        is_active_admin!("?3")
    ));
    let bound = |statement: Statement| statement.bind(root).bind(event.at).bind(admin);
    // Counts the current rows instead of the changed ones, so that a retry after a lost result returns the same.
    let count = Statement::new("SELECT count(*) AS users FROM users WHERE frozen_by = ?1 AND frozen_at = ?2");
    let count = count.bind(root).bind(event.at);
    let [recorded, _, _, count] = run_all(store, [record, bound(insert), bound(deactivate), count]).await?;
    counted(recorded.any(), count)
}

/// What a freeze would do.
#[derive(Debug, Deserialize)]
pub struct Preview {
    /// The number of users in the branch, counted up to [`FARTHEST`].
    pub users: i64,
    /// How many of them it would deactivate.
    pub active: i64,
    /// The start of the freeze at this user, if there is one.
    pub frozen_at: Option<Timestamp>,
}

/// Returns what a freeze of this user would do. `None` if there is no such user.
///
/// Reads the users of the branch, at most [`FARTHEST`].
///
/// # Errors
/// [`StoreError`].
pub async fn preview(store: &Store, root: &str) -> Result<Option<Preview>, StoreError> {
    let statement = Statement::new(
        "WITH RECURSIVE below (id) AS (
           SELECT id FROM users WHERE id = ?1
           UNION SELECT users.id FROM below JOIN users ON users.referrer_id = below.id LIMIT ?2)
         SELECT count(*) AS users, sum(is_active = 1 AND role <> 'admin') AS active,
           (SELECT frozen_at FROM freezes WHERE user_id = ?1) AS frozen_at
         FROM below CROSS JOIN users ON users.id = below.id
         HAVING count(*) > 0",
    );
    run(store, statement.bind(root).bind(FARTHEST)).await?.first()
}

#[derive(Deserialize)]
struct Since {
    frozen_at: Timestamp,
}

/// Returns the start of the freeze at this user, if there is one. It is the version of the freeze.
///
/// # Errors
/// [`StoreError`].
pub async fn since(store: &Store, root: &str) -> Result<Option<Timestamp>, StoreError> {
    let statement = Statement::new("SELECT frozen_at FROM freezes WHERE user_id = ?1").bind(root);
    Ok(run(store, statement).await?.first::<Since>()?.map(|freeze| freeze.frozen_at))
}

/// Undoes a freeze and returns how many users are active again: those whom it deactivated, except users below another freeze that
/// came later and users whom an admin has activated by hand. Returns `None` if there is no such freeze, its version is not
/// `based_on`, or the caller is no longer an admin.
///
/// Reads everybody below the other freezes.
///
/// # Errors
/// [`StoreError`].
pub async fn unfreeze(
    store: &Store,
    root: &str,
    based_on: Option<Timestamp>,
    event: &Event,
) -> Result<Option<i64>, StoreError> {
    let delete = Statement::new(concat!(
        "DELETE FROM freezes WHERE user_id = ?1 AND (?3 IS NULL OR frozen_at = ?3) AND ",
        is_active_admin!("?2"),
        " RETURNING user_id"
    ))
    .bind(root)
    .bind(event.actor_id.as_deref())
    .bind(based_on);
    let hand_over = Statement::new(
        "UPDATE users SET frozen_by = held.root
         FROM (
           WITH RECURSIVE below (id, root, frozen_at) AS (
             SELECT user_id, user_id, frozen_at FROM freezes
             UNION SELECT users.id, below.root, below.frozen_at FROM below JOIN users ON users.referrer_id = below.id)
           SELECT id, root, max(frozen_at) AS frozen_at FROM below GROUP BY id) AS held
         WHERE users.id = held.id AND users.frozen_by = ?1 AND users.frozen_at <= held.frozen_at
           AND NOT EXISTS (SELECT 1 FROM freezes WHERE user_id = ?1)",
    )
    .bind(root);
    let activate = Statement::new(
        "UPDATE users SET is_active = 1, frozen_by = NULL, frozen_at = NULL, updated_at = max(?2, updated_at + 1)
         WHERE frozen_by = ?1 AND NOT EXISTS (SELECT 1 FROM freezes WHERE user_id = ?1)",
    )
    .bind(root)
    .bind(event.at);
    let count = Statement::new("SELECT changes() AS users");
    let [deleted, _, _, _, count] =
        run_all(store, [delete, events::insert_if_changed(event), hand_over, activate, count]).await?;
    counted(deleted.any(), count)
}
