//! The table `freezes`: a user and everybody below, that is whom the user has invited, whom those have, and so on, are
//! deactivated together, and come back together.
//!
//! `users.frozen_by` tells who was deactivated by which freeze. Whoever was inactive before has none there, and so comes
//! back by no undoing. A user may stand below several freezes: the first to come has deactivated them, and they come back
//! when none of it and of those that came later is left. So a freeze and its undoing leave everything as it was.

use serde::Deserialize;

use super::{
    Store,
    administration::is_active_admin,
    events::{self, insert_event},
    run, run_all,
};
use crate::{
    domain::{Timestamp, event::Event},
    ports::{Rows, Statement, StoreError},
};

#[derive(Deserialize)]
struct Count {
    users: i64,
}

/// The number, if the act took effect.
fn counted(took_effect: bool, count: Rows) -> Result<Option<i64>, StoreError> {
    let count = count.first::<Count>()?;
    Ok(count.filter(|_| took_effect).map(|count| count.users))
}

/// Freezes a user and everybody below but admins, and tells how many it deactivated. Again, it also takes whoever has come
/// since. None if there is no such user or the admin is none any more.
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
    // Queued, not nested: the deepest chain takes no more than its length. UNION would end even in a circle.
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
    // By what is there and not by what was changed: a second run, after an answer that was lost, tells the same.
    let count = Statement::new("SELECT count(*) AS users FROM users WHERE frozen_by = ?1 AND frozen_at = ?2");
    let count = count.bind(root).bind(event.at);
    let [recorded, _, _, count] = run_all(store, [record, bound(insert), bound(deactivate), count]).await?;
    counted(recorded.any(), count)
}

#[derive(Deserialize)]
struct Since {
    frozen_at: Timestamp,
}

/// Returns since when the freeze that starts at this user is in force, if there is one: its version.
///
/// # Errors
/// [`StoreError`].
pub async fn since(store: &Store, root: &str) -> Result<Option<Timestamp>, StoreError> {
    let statement = Statement::new("SELECT frozen_at FROM freezes WHERE user_id = ?1").bind(root);
    Ok(run(store, statement).await?.first::<Since>()?.map(|freeze| freeze.frozen_at))
}

/// Undoes a freeze and tells how many came back: those whom it deactivated, but for whoever stands below another that
/// came later, or was activated by name since. None if there is no such freeze, its version is not `based_on`, or
/// the admin is no longer one.
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
