//! Who invited whom, as a tree.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Store, run_all};
use crate::{
    domain::{
        Timestamp,
        page::{FARTHEST, Page},
        user::{Role, flag},
    },
    ports::{Statement, StoreError},
};

/// A user in the tree.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(from = "Row")]
pub struct Node {
    /// Who it is.
    pub user: Member,
    /// Who invited the user.
    #[schema(required)]
    pub referrer_id: Option<String>,
    /// Levels below the root, which has 0.
    pub depth: i64,
    /// How many the user has invited.
    pub invited: i64,
    /// The user at the root of the freeze that deactivated this one.
    #[schema(required)]
    pub frozen_by: Option<String>,
    /// Since when the freeze that starts at this user is in force; null if there is none. It is the version that `If-Match`
    /// takes when the freeze is undone.
    #[schema(required)]
    pub freeze_since: Option<Timestamp>,
}

/// As much of a user as is shown in the tree.
#[derive(Debug, Serialize, ToSchema)]
pub struct Member {
    /// The id.
    pub id: String,
    /// The email.
    pub email: String,
    /// The name.
    #[schema(required)]
    pub name: Option<String>,
    /// The role.
    pub role: Role,
    /// False once deactivated.
    pub is_active: bool,
}

#[derive(Deserialize)]
struct Row {
    id: String,
    email: String,
    name: Option<String>,
    role: Role,
    #[serde(deserialize_with = "flag")]
    is_active: bool,
    referrer_id: Option<String>,
    depth: i64,
    invited: i64,
    frozen_by: Option<String>,
    freeze_since: Option<Timestamp>,
}

impl From<Row> for Node {
    fn from(row: Row) -> Node {
        let Row { id, email, name, role, is_active, referrer_id, depth, invited, frozen_by, freeze_since } = row;
        Node { user: Member { id, email, name, role, is_active }, referrer_id, depth, invited, frozen_by, freeze_since }
    }
}

#[derive(Deserialize)]
struct Count {
    total: i64,
}

/// The statements for a page of the tree below whom the condition finds, and for the number of users in it. Of those who
/// wait in the queue the deepest is next, so each is followed by whom they invited, oldest first.
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

/// A page of the tree below a user, or of the trees of all whom nobody invited, down to a depth, everybody before whom
/// they invited; and how many there are in all, counted up to [`FARTHEST`]. An unknown root has an empty tree.
///
/// Reads the users before and on the page, and all whom these have invited.
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
