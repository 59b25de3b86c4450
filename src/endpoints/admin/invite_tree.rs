//! `GET /api/auth/admin/invite-tree` and `GET /api/auth/admin/users/{id}/referrers`

use postern_macros::{FromFields, operation};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    domain::{Timestamp, user::Role},
    error::Error,
    store::invite_tree,
    web::{
        Integer, Request, Response,
        page::{Listing, ListingQuery},
        path::UserId,
    },
};

/// The maximum and default number of levels below the root in one response. To see more, start at a deeper user.
const MAX_DEPTH: i64 = 10;

/// The part of the invite tree to return.
#[derive(FromFields)]
pub struct TreeQuery {
    /// The id of the user at the top. The default is all users without a referrer.
    pub root: Option<String>,
    /// The number of levels below the top. With 0, only the top itself is returned. The default is 10.
    pub depth: Option<Integer<0, MAX_DEPTH>>,
}

/// A user in the invite tree.
#[derive(Serialize, ToSchema)]
struct Node {
    /// The user.
    user: Member,
    /// The id of the user who invited this user.
    #[schema(required)]
    referrer_id: Option<String>,
    /// The number of levels below the top, which has 0.
    depth: i64,
    /// The number of users whom this user invited.
    invited: i64,
    /// The number of users below this user, counted up to 1,000.
    descendants: i64,
    /// The id of the user at the top of the freeze that deactivated this user.
    #[schema(required)]
    frozen_by: Option<String>,
    /// The time of the freeze that starts at this user, or null if there is none. It is the version that `If-Match` takes when
    /// the freeze is undone.
    #[schema(required)]
    freeze_since: Option<Timestamp>,
}

/// The part of a user that the tree shows.
#[derive(Serialize, ToSchema)]
struct Member {
    /// The id.
    id: String,
    /// The email.
    email: String,
    /// The name.
    #[schema(required)]
    name: Option<String>,
    /// The role.
    role: Role,
    /// False if the account is deactivated.
    is_active: bool,
}

impl From<invite_tree::Node> for Node {
    fn from(node: invite_tree::Node) -> Self {
        let invite_tree::Node { id, email, name, role, is_active, .. } = node;
        let invite_tree::Node { referrer_id, depth, invited, descendants, frozen_by, freeze_since, .. } = node;
        let user = Member { id, email, name, role, is_active };
        Node { user, referrer_id, depth, invited, descendants, frozen_by, freeze_since }
    }
}

/// A chain of inviters.
#[derive(Serialize, ToSchema)]
pub struct Referrers {
    /// The users, each invited by the one before. The last one is the user of the request. `depth` counts from the first one.
    items: Vec<Node>,
    /// Whether the first one was invited by nobody. False if the chain has more than 100 users, of which the last 100 are returned, or if
    /// users have invited each other in a circle.
    is_complete: bool,
}

/// Get the inviters of a user.
///
/// Returns the way from the top of the invite tree to the user.
#[operation(
    params(UserId),
    responses((status = 200, body = Referrers), (status = "4XX", description = "not_found"))
)]
pub async fn referrers(app: &App, id: &str) -> Result<Response, Error> {
    let chain = invite_tree::chain_to(&app.store, id).await?;
    let is_complete = chain.first().ok_or(Error::NotFound)?.referrer_id.is_none();
    Ok(Response::json(&Referrers { items: chain.into_iter().map(Node::from).collect(), is_complete }))
}

/// Get the invite tree.
///
/// Returns the users below `root`, or below all users without a referrer. Each user comes before the users that they invited, in
/// the order of their sign-up.
///
/// To load the tree step by step, start with `depth` 0, and get the users whom a user invited with that user as `root` and `depth` 1.
#[operation(
    params(TreeQuery, ListingQuery),
    responses((status = 200, body = Listing<Node>), (status = "4XX", description = "invalid_fields not_found"))
)]
pub async fn get(app: &App, request: &Request) -> Result<Response, Error> {
    let (TreeQuery { root, depth }, listing) = request.query::<(_, ListingQuery)>(app)?;
    let (depth, page) = (depth.map_or(MAX_DEPTH, Integer::get), listing.page());
    let (total, nodes) = invite_tree::list(&app.store, root.as_deref(), depth, page).await?;
    if total == 0 {
        return Err(Error::NotFound);
    }
    Ok(Response::json(&Listing::new(total, page, nodes.into_iter().map(Node::from).collect())))
}
