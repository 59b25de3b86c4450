//! `GET` and `POST /api/auth/admin/users`; `GET`, `PUT` and `DELETE /api/auth/admin/users/{id}`

use postern_macros::{FromFields, operation};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    access::{audit, bearer::Admin, new_password, reset_token},
    app::App,
    crypto::{password_hash, random},
    domain::{
        Timestamp,
        email::Email,
        event::Action,
        name::Name,
        password::NewPassword,
        user::{self, MAX_TIER, Role, UserOrder},
    },
    error::{Current, Error, FieldProblem},
    language::Phrase,
    mail::queue::QueuedMail,
    responses::{EmailProblem, User},
    store::{
        administration::{self, Change},
        second_factors,
        user_list::{self, Filter},
        users,
    },
    web::{
        Integer, Patch, Request, Response, True,
        page::{Listing, ListingQuery},
        path::UserId,
        version,
    },
};

/// A user's `updated_at`: any integer that D1 can return exactly.
type Version = Integer<0, { 1 << 53 }>;

/// A tier.
type Tier = Integer<0, MAX_TIER>;

/// The filters of the list of users.
#[derive(FromFields)]
pub struct UserQuery {
    /// A part of the email or name.
    pub search: Option<String>,
    /// Whether the account is active.
    pub is_active: Option<bool>,
    /// Whether the email is verified.
    pub is_verified: Option<bool>,
    /// The id of the user who invited them.
    pub referrer: Option<String>,
    /// The role.
    pub role: Option<Role>,
    /// The tier.
    pub tier: Option<Tier>,
    /// Whether the user requires a second factor to sign in.
    pub second_factor: Option<bool>,
    /// The order. The default is `-created_at`, which is newest first.
    pub sort: Option<UserOrder>,
}

/// The account to create.
#[derive(FromFields)]
pub struct NewUser {
    /// An email address without an account.
    #[field(password_owner)]
    pub email: Email,
    /// The password. If it is missing, the user gets an email with a link to set one.
    pub password: Option<NewPassword>,
    /// The name of the user.
    pub name: Option<Name>,
    /// The default is `user`.
    pub role: Option<Role>,
    /// The tier, for use in your applications. The default is 0.
    pub tier: Option<Tier>,
    /// Whether the email counts as verified. The default is false.
    pub is_verified: Option<bool>,
}

/// The change. At least one of `name`, `role`, `tier`, `is_active` and `is_verified` is required.
#[derive(FromFields)]
pub struct UserChange {
    /// The new name. Null removes it.
    pub name: Patch<Name>,
    /// The new role.
    pub role: Option<Role>,
    /// The new tier, for use in your applications.
    pub tier: Option<Tier>,
    /// False deactivates the account, true activates it. The current value changes nothing, so a frozen user stays frozen.
    pub is_active: Option<bool>,
    /// Whether the email counts as verified. False ends no session.
    pub is_verified: Option<bool>,
    /// The `updated_at` of the user on which the change is based. If the user has changed since, the response is 412 and
    /// nothing is saved. The header `If-Match` does the same.
    pub updated_at: Option<Version>,
}

/// List users.
///
/// Returns users, newest first by default. A user must match all of the given filters.
#[operation(
    params(UserQuery, ListingQuery),
    responses((status = 200, body = Listing<UserSummary>), (status = "4XX", description = "invalid_fields"))
)]
pub async fn list(app: &App, request: &Request) -> Result<Response, Error> {
    let (query, listing) = request.query::<(UserQuery, ListingQuery)>(app)?;
    let UserQuery { search, is_active, is_verified, referrer, role, tier, second_factor, sort } = query;
    let search = search.map(|search| search.trim().to_owned()).filter(|search| !search.is_empty());
    let tier = tier.map(Integer::get);
    let filter = Filter { search, referrer_id: referrer, is_active, is_verified, role, tier, second_factor };
    let page = listing.page();
    let (total, items) = user_list::list(&app.store, &filter, sort.unwrap_or_default(), page).await?;
    Ok(Response::json(&Listing::new(total, page, items.iter().map(UserSummary::from).collect())))
}

/// Create a user.
///
/// The admin becomes the user's referrer. Without a password, the user gets an email with a link to set one, which is valid for
/// 7 days.
#[operation(
    request_body = NewUser,
    responses((status = 200, body = User), (status = "4XX", description = "email_taken too_many_requests"))
)]
pub async fn create(app: &App, request: &Request, admin: &Admin) -> Result<Response, Error> {
    let NewUser { email, password, name, role, tier, is_verified } = request.json(app)?;

    let (id, reset) = (random::id()?, reset_token::new(app)?);
    let (password, queued) = match password {
        Some(password) => {
            new_password::refuse_breached(app, "password", &password).await?;
            (password.as_str().to_owned(), None)
        }
        None => (random::token()?, Some(QueuedMail::account_invitation(app, &email, &reset).await?)),
    };
    let new = administration::New {
        id: &id,
        email: &email,
        password_hash: &password_hash::hash(&password, app.settings().password_cost)?,
        name: name.as_ref().map(Name::as_str),
        role: role.unwrap_or(Role::User),
        tier: tier.map_or(0, Integer::get),
        is_verified: is_verified.unwrap_or(false),
        password_reset: queued.as_ref().map(|queued| (reset.id.as_str(), &queued.mail)),
    };
    let event = audit::by_admin(app, Action::UserCreated, admin, &id);
    let Some(user) = administration::create(&app.store, new, &event).await? else {
        return Err(Error::EmailTaken);
    };
    if let Some(queued) = queued {
        queued.deliver_later(app);
    }
    Ok(Response::json(&User::from(&user)))
}

/// A user, with what only admins see.
#[derive(Serialize, ToSchema)]
pub struct UserSummary<'a> {
    #[serde(flatten)]
    user: User<'a>,
    /// Whether the user requires a second factor to sign in.
    second_factor: bool,
    /// The id of the user at the top of the freeze that deactivated this user.
    #[schema(required)]
    frozen_by: Option<&'a str>,
    /// The time of the last sign-in, to the hour. Null if the user has not signed in for 400 days, or since devices are remembered.
    #[schema(required)]
    last_sign_in_at: Option<Timestamp>,
}

impl<'a> From<&'a user_list::Listed> for UserSummary<'a> {
    fn from(listed: &'a user_list::Listed) -> Self {
        UserSummary {
            user: User::from(&listed.user),
            second_factor: listed.second_factor,
            frozen_by: listed.frozen_by.as_deref(),
            last_sign_in_at: listed.last_sign_in_at,
        }
    }
}

/// A user, with what only admins see, and the state of the address.
#[derive(Serialize, ToSchema)]
pub struct UserDetails<'a> {
    #[serde(flatten)]
    user: UserSummary<'a>,
    /// Why emails do not reach the address, or null if they do.
    #[schema(required)]
    email_problem: Option<EmailProblem>,
}

/// Get a user.
///
/// `ETag` is the version for `If-Match` in a change.
#[operation(
    params(UserId),
    responses(
        (status = 200, body = UserDetails, headers(("ETag" = String, description = "The version of the user, which is its `updated_at`."))),
        (status = "4XX", description = "not_found"),
    )
)]
pub async fn get(app: &App, id: &str) -> Result<Response, Error> {
    let (found, problem) = user_list::find(&app.store, id).await?.ok_or(Error::NotFound)?;
    let details = UserDetails { user: UserSummary::from(&found), email_problem: problem.map(EmailProblem::from) };
    Ok(Response::json(&details).headers([version::etag(found.user.updated_at)]))
}

fn versioned(user: &user::User) -> Response {
    Response::json(&User::from(user)).headers([version::etag(user.updated_at)])
}

/// Change a user.
///
/// Changes those of `name`, `role`, `tier`, `is_active` and `is_verified` that are given. When you deactivate a user, all endpoints answer 403 to
/// the user's sessions, and the reset link stops working. When you activate the user again, they do not come back.
///
/// With `updated_at` in the body or with `If-Match`, the change is saved only if the user has not changed since that version.
/// Otherwise the response is 412 with the current state in `current`.
#[operation(
    params(UserId, version::IfMatch),
    request_body = UserChange,
    responses(
        (status = 200, body = User, headers(("ETag" = String, description = "The version of the user, which is its `updated_at`."))),
        (status = "4XX", description = "not_found own_account last_admin user_has_second_factor precondition_failed"),
    )
)]
pub async fn put(app: &App, request: &Request, admin: &Admin, id: &str) -> Result<Response, Error> {
    let admin_id = &admin.user.id;
    let UserChange { name: Patch(name), role, tier, is_active, is_verified, updated_at } = request.json(app)?;
    let change = Change {
        name: name.as_ref().map(|name| name.as_ref().map(Name::as_str)),
        role,
        tier: tier.map(Integer::get),
        is_active,
        is_verified,
        based_on: match (updated_at.map(Integer::get), version::required(request)) {
            (Some(in_body), Some(in_header)) if in_body != in_header => Some(version::NONE),
            (in_body, in_header) => in_body.or(in_header),
        },
    };
    if let Change { name: None, role: None, tier: None, is_active: None, is_verified: None, .. } = change {
        return Err(Error::Invalid(vec![FieldProblem {
            loc: vec!["body"],
            phrase: Phrase::AtLeastOne { others: "name, role, tier, is_active".to_owned(), last: "is_verified" },
            kind: "missing",
        }]));
    }
    if id == admin_id && (change.role == Some(Role::User) || change.is_active == Some(false)) {
        return Err(Error::OwnAccount);
    }

    // The owner of the mailbox takes over an account without a verified email, with whatever protects it.
    if change.is_verified == Some(false) {
        let ways = second_factors::find(&app.store, id).await?;
        if ways.is_some_and(|ways| ways.is_verified && ways.requires_second_factor) {
            return Err(Error::UserHasSecondFactor);
        }
    }

    let event = |action| audit::by_admin(app, action, admin, id);
    match administration::change(&app.store, id, admin_id, &change, app.now, event).await? {
        Some(user) => Ok(versioned(&user)),
        None => {
            let refusal = match users::find(&app.store, id).await? {
                Some(user) if change.based_on.is_some() => Error::PreconditionFailed(Box::new(current(&user)?)),
                _ => Error::NotFound,
            };
            Err(refusal)
        }
    }
}

fn current(user: &user::User) -> Result<Current, Error> {
    let state = serde_json::to_value(User::from(user)).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(Current { state, etag: version::tag(user.updated_at) })
}

/// Delete a user.
///
/// Deletes the account and everything that belongs to it. Users that they invited stay, without a referrer. The audit log keeps
/// only the id.
#[operation(
    params(UserId),
    responses((status = 200, body = True), (status = "4XX", description = "not_found own_account last_admin"))
)]
pub async fn delete(app: &App, admin: &Admin, id: &str) -> Result<Response, Error> {
    let admin_id = &admin.user.id;
    if id == admin_id {
        return Err(Error::OwnAccount);
    }
    let event = audit::by_admin(app, Action::UserDeleted, admin, id);
    if !administration::delete(&app.store, id, &event).await? {
        return Err(Error::NotFound);
    }
    Ok(Response::ok())
}
