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

/// The most levels below the root that one request shows, and as many as it does when none are asked for. Whoever wants to
/// see deeper begins at one of the deepest.
const MAX_DEPTH: i64 = 10;

/// Where the tree begins and how far it goes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TreeQuery {
    /// The id of a user; left out, everybody whom nobody invited.
    pub root: Option<String>,
    /// Levels below; 10 unless told otherwise.
    #[param(minimum = 1, maximum = 10)]
    pub depth: Option<i64>,
}

/// Get the invite tree.
///
/// Returns the users below `root`, or below all users without a referrer. Each user comes before the users whom it invited, and
/// those are in the order in which they signed up.
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

    let (total, nodes) = invite_tree::list(app.sql.as_ref(), root.as_deref(), depth, page).await?;
    if total == 0 {
        return Err(Error::NotFound);
    }
    Ok(Response::json(&Listing::new(total, page, nodes)))
}
