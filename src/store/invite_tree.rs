//! Who invited whom, as a tree.

use serde::Deserialize;

use super::{Store, decode::flag, run_all};
use crate::{
    domain::{
        Timestamp,
        page::{FARTHEST, Page},
        user::Role,
    },
    ports::{Statement, StoreError},
};

/// A user in the tree.
#[derive(Debug, Deserialize)]
pub struct Node {
    /// The id.
    pub id: String,
    /// The email.
    pub email: String,
    /// The name.
    pub name: Option<String>,
    /// The role.
    pub role: Role,
    /// Whether the account is active.
    #[serde(deserialize_with = "flag")]
    pub is_active: bool,
    /// The id of the user who invited this user.
    pub referrer_id: Option<String>,
    /// The number of levels below the top of the tree.
    pub depth: i64,
    /// The number of users whom this user invited.
    pub invited: i64,
    /// The id of the user at the top of the freeze that deactivated this user.
    pub frozen_by: Option<String>,
    /// The time of the freeze that starts at this user.
    pub freeze_since: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Count {
    total: i64,
}

/// The statements for a page of the tree below the users that the condition finds, and for the number of users in it. The deepest
/// user in the queue is next, so users whom someone invited follow that user, oldest first.
macro_rules! tree_of {
    ($roots:literal) => {
        [
            concat!(
                tree_of!(with $roots),
                "SELECT users.id, email, name, role, is_active, referrer_id, frozen_by, tree.depth,
                   (SELECT count(*) FROM users AS invited WHERE invited.referrer_id = tree.id) AS invited,
                   (SELECT frozen_at FROM freezes WHERE user_id = tree.id) AS freeze_since
                 FROM tree CROSS JOIN users ON users.id = tree.id"
            ),
            concat!(tree_of!(with $roots), "SELECT count(*) AS total FROM tree"),
        ]
    };
    (with $roots:literal) => {
        concat!(
            "WITH RECURSIVE tree (id, created_at, depth) AS (
               SELECT id, created_at, 0 FROM users WHERE ", $roots, "
               UNION ALL
               SELECT users.id, users.created_at, tree.depth + 1
               FROM tree JOIN users ON users.referrer_id = tree.id WHERE tree.depth < ?2
               ORDER BY 3 DESC, 2, 1 LIMIT ?3 OFFSET ?4)
             "
        )
    };
}

/// Returns a page of the tree below a user, or below all users without a referrer, down to a depth. Users come before those whom
/// they invited. Also returns the number of users in the tree, counted up to [`FARTHEST`]. An unknown root has an empty tree.
///
/// Reads the users before and on the page, and everyone whom they invited.
///
/// # Errors
/// [`StoreError`].
pub async fn list(store: &Store, root: Option<&str>, depth: i64, page: Page) -> Result<(i64, Vec<Node>), StoreError> {
    let [select, count] = match root {
        Some(_) => tree_of!("id = ?1"),
        None => tree_of!("referrer_id IS ?1"),
    };
    let bound = |sql, limit, offset| Statement::new(sql).bind(root).bind(depth).bind(limit).bind(offset);
    let [nodes, count] = run_all(store, [bound(select, page.limit, page.offset), bound(count, FARTHEST, 0)]).await?;
    let total = count.first::<Count>()?.map_or(0, |count| count.total);
    Ok((total, nodes.all()?))
}
