//! `GET /api/auth/admin/invite-tree`

use postern_macros::operation;
use utoipa::IntoParams;

use crate::{
    app::App,
    domain::page::{DEFAULT_LIMIT, FARTHEST, LIMITS, Listing, ListingQuery, Page},
    error::Error,
    store::invite_tree,
    web::{Request, Response},
};

/// The maximum and default number of levels below the root in one response. To see more, start at a deeper user.
const MAX_DEPTH: i64 = 10;

/// The part of the invite tree to return.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TreeQuery {
    /// The id of the user at the top. The default is all users without a referrer.
    pub root: Option<String>,
    /// The number of levels below the top. The default is 10.
    #[param(minimum = 1, maximum = 10)]
    pub depth: Option<i64>,
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
    let mut fields = request.query_fields();
    let root = fields.optional("root", |text| Ok(text.to_owned()));
    let depth = fields.optional_integer("depth", 1..=MAX_DEPTH);
    let offset = fields.optional_integer("offset", 0..=FARTHEST);
    let limit = fields.optional_integer("limit", LIMITS);
    let (root, depth) = (fields.take(root)?, fields.take(depth)?.unwrap_or(MAX_DEPTH));
    let page = Page { offset: fields.take(offset)?.unwrap_or(0), limit: fields.take(limit)?.unwrap_or(DEFAULT_LIMIT) };

    let (total, nodes) = invite_tree::list(&app.store, root.as_deref(), depth, page).await?;
    if total == 0 {
        return Err(Error::NotFound);
    }
    Ok(Response::json(&Listing::new(total, page, nodes)))
}
