//! Pages of lists: the parameters of a query, and the responses.

use postern_macros::FromFields;
use serde::Serialize;
use utoipa::ToSchema;

use super::Integer;
use crate::domain::page::{DEFAULT_LIMIT, FARTHEST, MAX_LIMIT, MIN_LIMIT, NEWEST, Page};

/// The number of items before a page.
pub type Offset = Integer<0, FARTHEST>;
/// The maximum number of items on a page.
pub type Limit = Integer<MIN_LIMIT, MAX_LIMIT>;

/// Which page of a list to return.
#[derive(FromFields)]
pub struct ListingQuery {
    /// The number of items to skip. The default is 0.
    pub offset: Option<Offset>,
    /// The maximum number of items to return. The default is 20.
    pub limit: Option<Limit>,
}

impl ListingQuery {
    /// Returns the page, with defaults for what the query does not say.
    pub fn page(&self) -> Page {
        Page { offset: self.offset.map_or(0, Integer::get), limit: self.limit.map_or(DEFAULT_LIMIT, Integer::get) }
    }
}

/// Which page of a timeline to return.
#[derive(FromFields)]
pub struct TimelineQuery {
    /// The `next` of the previous page. The default is the newest page.
    pub before: Option<Integer<1, NEWEST>>,
    /// The maximum number of items to return. The default is 20.
    pub limit: Option<Limit>,
}

impl TimelineQuery {
    /// Returns the id before which the page starts, and its maximum length.
    pub fn range(&self) -> (i64, i64) {
        (self.before.map_or(NEWEST, Integer::get), self.limit.map_or(DEFAULT_LIMIT, Integer::get))
    }
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Listing<T> {
    /// The number of items in the whole list, counted up to 10,000.
    total: i64,
    /// The number of items before this page.
    offset: i64,
    /// The maximum number of items on this page.
    limit: i64,
    /// The items.
    items: Vec<T>,
}

impl<T> Listing<T> {
    /// Builds the response from its items.
    pub fn new(total: i64, page: Page, items: Vec<T>) -> Self {
        Listing { total, offset: page.offset, limit: page.limit, items }
    }
}

/// A page of events, newest first. New events do not move the items of a page. A page can have fewer items than `limit`, even none, and
/// still have a `next`, if few events match the filters.
#[derive(Debug, Serialize, ToSchema)]
pub struct Timeline<T> {
    /// The maximum number of items on this page.
    limit: i64,
    /// The items.
    items: Vec<T>,
    /// The `before` of the next page, or null on the last page.
    #[schema(required)]
    next: Option<i64>,
}

impl<T> Timeline<T> {
    /// Builds the response from `limit + 1` items, or fewer if there are no more. `id` returns the id of an item.
    pub fn new(limit: i64, mut items: Vec<T>, id: impl Fn(&T) -> i64) -> Self {
        let length = usize::try_from(limit).unwrap_or_default();
        let is_followed = items.len() > length;
        items.truncate(length);
        Timeline { limit, next: items.last().filter(|_| is_followed).map(id), items }
    }

    /// Goes on after the last item that was looked at, if there is no other way to go on.
    #[must_use]
    pub fn or_after(self, scanned_to: Option<i64>) -> Self {
        Timeline { next: self.next.or(scanned_to), ..self }
    }
}
