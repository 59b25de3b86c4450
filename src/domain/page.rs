//! The limits of lists, and a page of a list.

/// The minimum length of a page.
pub const MIN_LIMIT: i64 = 1;
/// The maximum length of a page.
pub const MAX_LIMIT: i64 = 100;
/// The length of a page if the request has no limit.
pub const DEFAULT_LIMIT: i64 = 20;
/// The maximum offset of a page, and of the number to which a list is counted. It bounds what a page reads, whatever the number of
/// users.
pub const FARTHEST: i64 = 10_000;
/// The start of a timeline if the request has none. Greater than every id that D1 can return exactly.
pub const NEWEST: i64 = 1 << 53;

/// A page of a list.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// The number of items before the page.
    pub offset: i64,
    /// The maximum number of items on the page.
    pub limit: i64,
}
