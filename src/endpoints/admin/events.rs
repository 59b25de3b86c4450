//! `GET /api/auth/admin/events`

use postern_macros::operation;
use utoipa::IntoParams;

use crate::{
    app::App,
    domain::{
        event::Action,
        page::{DEFAULT_LIMIT, LIMITS, NEWEST, Timeline, TimelineQuery},
    },
    error::Error,
    store::events::{self, Filter},
    web::{Request, Response},
};

/// The filters of the audit log.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// The id of the user who acted, or on whose account they acted.
    pub user: Option<String>,
    /// The action.
    #[param(example = "login")]
    pub action: Option<String>,
}

/// List the events of all users.
///
/// Returns the audit log, newest first. An event must match all of the given filters. Deleted users can be found by their id.
#[operation(
    params(EventQuery, TimelineQuery),
    responses((status = 200, body = Timeline<events::Listed>), (status = "4XX", description = "invalid_fields"))
)]
pub async fn list(app: &App, request: &Request) -> Result<Response, Error> {
    let mut fields = request.query_fields();
    let user_id = fields.optional("user", |text| Ok(text.to_owned()));
    let action = fields.optional("action", Action::parse);
    let before = fields.optional_integer("before", 1..=NEWEST);
    let limit = fields.optional_integer("limit", LIMITS);
    let filter = Filter { user_id: fields.take(user_id)?, action: fields.take(action)? };
    let (before, limit) = (fields.take(before)?.unwrap_or(NEWEST), fields.take(limit)?.unwrap_or(DEFAULT_LIMIT));

    let found = events::list(&app.store, &filter, before, limit + 1).await?;
    Ok(Response::json(&Timeline::new(limit, found, |event| event.id)))
}
