//! Who invited whom, as a tree.

use serde::Deserialize;

use super::{Store, decode::flag, run, run_all};
use crate::{
    domain::{
        Timestamp,
        page::{FARTHEST, Page},
        user::Role,
    },
    ports::{Statement, StoreError},
};

/// The number to which the users below a user are counted. With the longest page, it bounds what a request reads.
pub const MOST_DESCENDANTS: i64 = 1_000;
/// The maximum length of a chain of inviters.
pub const LONGEST_CHAIN: i64 = 100;

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
    /// The number of users below this user, counted up to [`MOST_DESCENDANTS`].
    pub descendants: i64,
    /// The id of the user at the top of the freeze that deactivated this user.
    pub frozen_by: Option<String>,
    /// The time of the freeze that starts at this user.
    pub freeze_since: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Count {
    total: i64,
}

/// The users of `tree`, which has their ids and depths. The parameter is [`MOST_DESCENDANTS`]. A queue without duplicates counts the users below:
/// it ends even in a circle, and the user at the top does not count.
macro_rules! nodes_of_tree {
    ($most:literal) => {
        concat!(
            "SELECT users.id, email, name, role, is_active, referrer_id, frozen_by, tree.depth,
           (SELECT count(*) FROM users AS invited WHERE invited.referrer_id = tree.id) AS invited,
           (WITH below (id) AS (
              SELECT tree.id
              UNION SELECT users.id FROM below JOIN users ON users.referrer_id = below.id LIMIT ",
            $most,
            " + 1)
            SELECT count(*) - 1 FROM below) AS descendants,
           (SELECT frozen_at FROM freezes WHERE user_id = tree.id) AS freeze_since
         FROM tree CROSS JOIN users ON users.id = tree.id"
        )
    };
}

/// The statements for a page of a tree, and for the number of users in it.
macro_rules! page_of {
    ($tree:expr) => {
        [
            concat!(
                "WITH RECURSIVE tree (id, created_at, depth) AS (",
                $tree,
                " LIMIT ?3 OFFSET ?4) ",
                nodes_of_tree!("?5")
            ),
            concat!(
                "WITH RECURSIVE tree (id, created_at, depth) AS (",
                $tree,
                " LIMIT ?3 OFFSET ?4) SELECT count(*) AS total FROM tree"
            ),
        ]
    };
}

/// The tree below the users that the condition finds. The deepest user in the queue is next, so users whom someone invited follow that
/// user, oldest first.
macro_rules! tree_of {
    ($roots:literal) => {
        concat!(
            "SELECT id, created_at, 0 FROM users WHERE ",
            $roots,
            " UNION ALL
              SELECT users.id, users.created_at, tree.depth + 1
              FROM tree JOIN users ON users.referrer_id = tree.id WHERE tree.depth < ?2
              ORDER BY 3 DESC, 2, 1"
        )
    };
}

/// Returns a page of the tree below a user, or below all users without a referrer, down to a depth. Users come before those whom
/// they invited. Also returns the number of users in the tree, counted up to [`FARTHEST`]. An unknown root has an empty tree.
///
/// Reads the users before and on the page, and up to [`MOST_DESCENDANTS`] users below each user of the page. A tree of more levels than
/// one also reads everyone whom the users before and on the page invited, and all users without a referrer.
///
/// # Errors
/// [`StoreError`].
pub async fn list(store: &Store, root: Option<&str>, depth: i64, page: Page) -> Result<(i64, Vec<Node>), StoreError> {
    let [select, count] = match (root, depth) {
        (None, 0) => {
            page_of!("SELECT id, created_at, 0 FROM users WHERE referrer_id IS ?1 AND ?2 = 0 ORDER BY created_at, id")
        }
        // Both parts are in the order of the page already, with the user at the top first.
        (Some(_), 0 | 1) => page_of!(
            "SELECT id, -1, 0 FROM users WHERE id = ?1
             UNION ALL SELECT id, created_at, 1 FROM users WHERE referrer_id = ?1 AND ?2 = 1
             ORDER BY 2, 1"
        ),
        (None, _) => page_of!(tree_of!("referrer_id IS ?1")),
        (Some(_), _) => page_of!(tree_of!("id = ?1")),
    };
    let bound = |sql, limit, offset| Statement::new(sql).bind(root).bind(depth).bind(limit).bind(offset);
    let select = bound(select, page.limit, page.offset).bind(MOST_DESCENDANTS);
    let [nodes, count] = run_all(store, [select, bound(count, FARTHEST, 0)]).await?;
    let total = count.first::<Count>()?.map_or(0, |count| count.total);
    Ok((total, nodes.all()?))
}

/// Returns the chain of inviters down to a user, who is the last one: the nearest [`LONGEST_CHAIN`] users, each of them
/// once. Empty if there is no such user.
///
/// # Errors
/// [`StoreError`].
pub async fn chain_to(store: &Store, user_id: &str) -> Result<Vec<Node>, StoreError> {
    let statement = Statement::new(concat!(
        "WITH RECURSIVE above (id, referrer_id, distance) AS (
           SELECT id, referrer_id, 0 FROM users WHERE id = ?1
           UNION ALL
           SELECT users.id, users.referrer_id, above.distance + 1 FROM above JOIN users ON users.id = above.referrer_id
           WHERE users.id <> ?1
           LIMIT ?2),
         chain (id, distance) AS (SELECT id, min(distance) FROM above GROUP BY id),
         tree (id, depth) AS (SELECT id, (SELECT max(distance) FROM chain) - distance FROM chain)
         ",
        nodes_of_tree!("?3"),
        " ORDER BY tree.depth"
    ))
    .bind(user_id)
    .bind(LONGEST_CHAIN)
    .bind(MOST_DESCENDANTS);
    run(store, statement).await?.all()
}
