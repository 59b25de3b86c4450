//! The list of users for admins, and what they see of a user.

use serde::Deserialize;

use super::{Store, decode::flag, email_problems, run, run_all};
use crate::{
    domain::{
        Timestamp,
        email_problem::EmailProblem,
        page::{FARTHEST, Page},
        user::{Role, User, UserOrder},
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
    /// The role.
    pub role: Option<Role>,
    /// The tier.
    pub tier: Option<i64>,
    /// Whether the user requires a second factor.
    pub second_factor: Option<bool>,
}

/// A user, with what only admins see.
#[derive(Debug, Deserialize)]
pub struct Listed {
    /// The user.
    #[serde(flatten)]
    pub user: User,
    /// Whether the user requires a second factor.
    #[serde(deserialize_with = "flag")]
    pub second_factor: bool,
    /// The id of the user at the top of the freeze that deactivated this user.
    pub frozen_by: Option<String>,
    /// The time of the last sign-in, to the hour, if there was one since devices are remembered.
    pub last_sign_in_at: Option<Timestamp>,
}

/// Adds the last sign-in to the columns of `found`, which are those of users.
macro_rules! with_last_sign_in {
    () => {
        "SELECT found.*, (SELECT max(last_sign_in_at) FROM devices WHERE user_id = found.id) AS last_sign_in_at"
    };
}

/// The users whom the filters leave, from a table or index.
macro_rules! filtered {
    ($users:literal) => {
        concat!(
            "FROM ", $users,
            " AND (?1 IS NULL OR referrer_id = ?1) AND (?2 IS NULL OR is_active = ?2) AND (?3 IS NULL OR is_verified = ?3)
              AND (?4 IS NULL OR instr(email, ?4) > 0 OR instr(lower(name), ?4) > 0)
              AND (?5 IS NULL OR role = ?5) AND (?6 IS NULL OR tier = ?6) AND (?7 IS NULL OR second_factor = ?7)"
        )
    };
}

/// The statement for a page.
macro_rules! page {
    ($users:literal, $order:literal) => {
        concat!(
            with_last_sign_in!(),
            " FROM (SELECT * ",
            filtered!($users),
            " ORDER BY ",
            $order,
            " LIMIT ?8 OFFSET ?9) AS found ORDER BY ",
            $order
        )
    };
}

/// The statements for a page of users in each order by time, and for the number of users. They use an index in the order of the page with
/// as few other users as possible.
macro_rules! along {
    ($users:literal) => {
        [
            page!($users, "created_at DESC, id DESC"),
            page!($users, "created_at, id"),
            concat!("SELECT count(*) AS total FROM (SELECT 1 ", filtered!($users), " LIMIT ?8)"),
        ]
    };
}

/// The statements for a page of users by email and by name.
macro_rules! sorted {
    ($users:literal) => {
        [
            page!($users, "email"),
            page!($users, "email DESC"),
            page!($users, "name IS NULL, name COLLATE NOCASE, id"),
            page!($users, "name IS NULL, name COLLATE NOCASE DESC, id DESC"),
        ]
    };
}

#[derive(Deserialize)]
struct Count {
    total: i64,
}

/// Returns a page of users, and the number of users, counted up to [`FARTHEST`].
///
/// Reads the users before and on the page, and those that a filter skips: a search may read every user. So may the filters by tier and by
/// second factor, and a role other than admin. By name, it reads every user whom `referrer_id` leaves.
///
/// # Errors
/// [`StoreError`].
pub async fn list(
    store: &Store,
    filter: &Filter,
    order: UserOrder,
    page: Page,
) -> Result<(i64, Vec<Listed>), StoreError> {
    let [newest, oldest, count] = match filter {
        Filter { referrer_id: Some(_), .. } => along!("users INDEXED BY users_by_referrer WHERE referrer_id = ?1"),
        Filter { is_active: Some(false), .. } => along!("users INDEXED BY inactive_users_by_age WHERE is_active = 0"),
        Filter { role: Some(Role::Admin), .. } => along!("users INDEXED BY admins_by_age WHERE role = 'admin'"),
        Filter { is_verified: Some(false), .. } => {
            along!("users INDEXED BY unverified_users_by_age WHERE is_verified = 0")
        }
        _ => along!("users INDEXED BY users_by_age WHERE TRUE"),
    };
    let [email, email_reversed, name, name_reversed] = match filter {
        Filter { referrer_id: Some(_), .. } => sorted!("users INDEXED BY users_by_referrer WHERE referrer_id = ?1"),
        _ => sorted!("users WHERE TRUE"),
    };
    let select = match order {
        UserOrder::Newest => newest,
        UserOrder::Oldest => oldest,
        UserOrder::Email => email,
        UserOrder::EmailReversed => email_reversed,
        UserOrder::Name => name,
        UserOrder::NameReversed => name_reversed,
    };
    let filtered = |sql| {
        Statement::new(sql)
            .bind(filter.referrer_id.as_deref())
            .bind(filter.is_active)
            .bind(filter.is_verified)
            .bind(filter.search.as_deref().map(str::to_ascii_lowercase))
            .bind(filter.role.map(Role::as_str))
            .bind(filter.tier)
            .bind(filter.second_factor)
    };
    let [users, count] =
        run_all(store, [filtered(select).bind(page.limit).bind(page.offset), filtered(count).bind(FARTHEST)]).await?;
    let total = count.first::<Count>()?.map_or(0, |count| count.total);
    Ok((total, users.all()?))
}

/// Returns a user, with the problem of their address.
///
/// # Errors
/// [`StoreError`].
pub async fn find(store: &Store, user_id: &str) -> Result<Option<(Listed, Option<EmailProblem>)>, StoreError> {
    let statement = Statement::new(concat!(with_last_sign_in!(), " FROM users AS found WHERE id = ?1"));
    let rows = run(store, statement.bind(user_id)).await?;
    Ok(rows.first()?.zip(Some(email_problems::Columns::of(&rows)?)))
}
