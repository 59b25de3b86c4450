//! `GET /api/auth/admin/events`

use postern_macros::{FromFields, operation};

use crate::{
    app::App,
    domain::event::Action,
    error::Error,
    responses::Event,
    store::events::{self, Filter},
    web::{
        Request, Response,
        page::{Timeline, TimelineQuery},
    },
};

/// The filters of the audit log.
#[derive(FromFields)]
pub struct EventQuery {
    /// The id of the user who acted, or on whose account they acted.
    pub user: Option<String>,
    /// The action.
    #[field(example = "login")]
    pub action: Option<Action>,
}

/// List the events of all users.
///
/// Returns the audit log, newest first. An event must match all of the given filters. Deleted users can be found by their id.
#[operation(
    params(EventQuery, TimelineQuery),
    responses((status = 200, body = Timeline<Event>), (status = "4XX", description = "invalid_fields"))
)]
pub async fn list(app: &App, request: &Request) -> Result<Response, Error> {
    let (EventQuery { user, action }, timeline) = request.query::<(_, TimelineQuery)>(app)?;
    let (before, limit) = timeline.range();
    let filter = Filter { user_id: user, action };
    let found = events::list(&app.store, &filter, before, limit + 1).await?;
    let found = found.into_iter().map(Event::from).collect();
    Ok(Response::json(&Timeline::new(limit, found, |event: &Event| event.id)))
}
