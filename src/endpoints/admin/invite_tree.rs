//! `GET /api/auth/admin/invite-tree`

use postern_macros::{FromFields, operation};

use crate::{
    app::App,
    error::Error,
    store::invite_tree,
    web::{
        Integer, Request, Response,
        page::{Listing, ListingQuery},
    },
};

/// The maximum and default number of levels below the root in one response. To see more, start at a deeper user.
const MAX_DEPTH: i64 = 10;

/// The part of the invite tree to return.
#[derive(FromFields)]
pub struct TreeQuery {
    /// The id of the user at the top. The default is all users without a referrer.
    pub root: Option<String>,
    /// The number of levels below the top. The default is 10.
    pub depth: Option<Integer<1, MAX_DEPTH>>,
}

/// Get the invite tree.
///
/// Returns the users below `root`, or below all users without a referrer. Each user comes before the users that they invited, in
/// the order of their sign-up.
#[operation(
    params(TreeQuery, ListingQuery),
    responses((status = 200, body = Listing<invite_tree::Node>), (status = "4XX", description = "invalid_fields not_found"))
)]
pub async fn get(app: &App, request: &Request) -> Result<Response, Error> {
    let (TreeQuery { root, depth }, listing) = request.query::<(_, ListingQuery)>(app)?;
    let (depth, page) = (depth.map_or(MAX_DEPTH, Integer::get), listing.page());
    let (total, nodes) = invite_tree::list(&app.store, root.as_deref(), depth, page).await?;
    if total == 0 {
        return Err(Error::NotFound);
    }
    Ok(Response::json(&Listing::new(total, page, nodes)))
}
