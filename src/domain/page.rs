//! A page of a list: where it begins and how long it is.

use std::ops::RangeInclusive;

use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

/// Items on one page.
pub const LIMITS: RangeInclusive<i64> = 1..=100;
/// Items on a page of which no length is asked for.
pub const DEFAULT_LIMIT: i64 = 20;
/// How far a list is counted and leafed through. Whoever looks further is better served by a filter, and no page reads
/// more because there are more users.
pub const FARTHEST: i64 = 10_000;

/// A page of a list that is leafed through by offset.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// Items before it.
    pub offset: i64,
    /// Items on it, at most.
    pub limit: i64,
}

/// A page of a list, as clients ask for it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListingQuery {
    /// Items before it; none unless told otherwise.
    #[param(minimum = 0, maximum = 10000)]
    pub offset: Option<i64>,
    /// Items on it, at most; 20 unless told otherwise.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
}

/// A page of a timeline, as clients ask for it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TimelineQuery {
    /// The `next` of the page before; left out, the newest.
    #[param(minimum = 1)]
    pub before: Option<i64>,
    /// Items on it, at most; 20 unless told otherwise.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
}

/// A page as it is answered.
#[derive(Debug, Serialize, ToSchema)]
pub struct Listing<T> {
    /// Items in the whole list, counted up to [`FARTHEST`].
    total: i64,
    /// Items before this page.
    offset: i64,
    /// Items on it, at most.
    limit: i64,
    /// The items.
    items: Vec<T>,
}

impl<T> Listing<T> {
    /// The page with its items.
    pub fn new(total: i64, page: Page, items: Vec<T>) -> Self {
        Listing { total, offset: page.offset, limit: page.limit, items }
    }
}

/// A page of a list of what happened, newest first. What is added meanwhile moves nothing on it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Timeline<T> {
    /// Items on it, at most.
    limit: i64,
    /// The items.
    items: Vec<T>,
    /// The `before` of the page that follows; none when nothing does.
    #[schema(required)]
    next: Option<i64>,
}

impl<T> Timeline<T> {
    /// The page of `limit` items, given one more if there is one. `id` tells where an item stands.
    pub fn new(limit: i64, mut items: Vec<T>, id: impl Fn(&T) -> i64) -> Self {
        let length = usize::try_from(limit).unwrap_or_default();
        let is_followed = items.len() > length;
        items.truncate(length);
        Timeline { limit, next: items.last().filter(|_| is_followed).map(id), items }
    }
}

/// Where a timeline begins when nothing is said: after whatever may be bound to a statement.
pub const NEWEST: i64 = 1 << 53;
