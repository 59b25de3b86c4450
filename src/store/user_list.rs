//! The list of users for admins.

use serde::Deserialize;

use super::{Store, run_all};
use crate::{
    domain::{
        page::{FARTHEST, Page},
        user::User,
    },
    ports::{Statement, StoreError},
};

/// The filters of the list. All of them apply.
#[derive(Debug, Default)]
pub struct Filter {
    /// Users whom this user invited.
    pub referrer_id: Option<String>,
    /// Whether the user is active.
    pub is_active: Option<bool>,
    /// Whether the email is verified.
    pub is_verified: Option<bool>,
    /// A part of the email or name. ASCII letters match in either case, and no character is a wildcard.
    pub search: Option<String>,
}

/// The statements for a page and for the number of users. They use an index in the order of the page with as few other users as
/// possible.
macro_rules! along {
    ($index:literal, $condition:literal) => {
        [
            concat!("SELECT * ", along!(from $index, $condition), " ORDER BY created_at DESC, id DESC LIMIT ?5 OFFSET ?6"),
            concat!("SELECT count(*) AS total FROM (SELECT 1 ", along!(from $index, $condition), " LIMIT ?5)"),
        ]
    };
    (from $index:literal, $condition:literal) => {
        concat!(
            "FROM users INDEXED BY ", $index, " WHERE ", $condition,
            " AND (?1 IS NULL OR referrer_id = ?1) AND (?2 IS NULL OR is_active = ?2) AND (?3 IS NULL OR is_verified = ?3)
              AND (?4 IS NULL OR instr(email, ?4) > 0 OR instr(lower(name), ?4) > 0)",
        )
    };
}

#[derive(Deserialize)]
struct Count {
    total: i64,
}

/// Returns a page of users, newest first, and the number of users, counted up to [`FARTHEST`].
///
/// Reads the users before and on the page, and those that a filter skips: a search may read every user.
///
/// # Errors
/// [`StoreError`].
pub async fn list(store: &Store, filter: &Filter, page: Page) -> Result<(i64, Vec<User>), StoreError> {
    let [select, count] = match filter {
        Filter { referrer_id: Some(_), .. } => along!("users_by_referrer", "referrer_id = ?1"),
        Filter { is_active: Some(false), .. } => along!("inactive_users_by_age", "is_active = 0"),
        Filter { is_verified: Some(false), .. } => along!("unverified_users_by_age", "is_verified = 0"),
        _ => along!("users_by_age", "TRUE"),
    };
    let filtered = |sql| {
        Statement::new(sql)
            .bind(filter.referrer_id.as_deref())
            .bind(filter.is_active)
            .bind(filter.is_verified)
            .bind(filter.search.as_deref().map(str::to_ascii_lowercase))
    };
    let [users, count] =
        run_all(store, [filtered(select).bind(page.limit).bind(page.offset), filtered(count).bind(FARTHEST)]).await?;
    let total = count.first::<Count>()?.map_or(0, |count| count.total);
    Ok((total, users.all()?))
}
