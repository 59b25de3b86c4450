//! A page of a list: where it begins and how long it is.

use std::ops::RangeInclusive;

use serde::Serialize;

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

/// A page as it is answered.
#[derive(Debug, Serialize)]
pub struct Listing<T> {
    /// Items in the whole list, counted up to [`FARTHEST`].
    total: i64,
    offset: i64,
    limit: i64,
    items: Vec<T>,
}

impl<T> Listing<T> {
    /// The page with its items.
    pub fn new(total: i64, page: Page, items: Vec<T>) -> Self {
        Listing { total, offset: page.offset, limit: page.limit, items }
    }
}

/// A page of a list of what happened, newest first. What is added meanwhile moves nothing on it.
#[derive(Debug, Serialize)]
pub struct Timeline<T> {
    limit: i64,
    items: Vec<T>,
    /// The `before` of the page that follows; none when nothing does.
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
