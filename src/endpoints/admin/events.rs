//! `GET /api/auth/admin/events`

use postern_macros::{FromFields, operation};

use crate::{
    app::App,
    domain::{email::LoginName, event::Actions},
    error::Error,
    responses::Event,
    store::events::{self, Filter, UserRef},
    web::{
        Integer, Request, Response,
        page::{Timeline, TimelineQuery},
    },
};

/// A time: any integer that D1 can return exactly.
type Time = Integer<0, { 1 << 53 }>;

/// The filters of the audit log.
#[derive(FromFields)]
pub struct EventQuery {
    /// The id or the email of the user who acted, or on whose account they acted.
    pub user: Option<String>,
    /// The action, or several actions, separated by commas.
    #[field(example = "login")]
    pub action: Option<Actions>,
    /// `success`, `failure`, which is everything else, or the code of an error.
    #[field(example = "failure")]
    pub result: Option<String>,
    /// The time of the oldest events.
    pub from: Option<Time>,
    /// The time before which the newest events are.
    pub to: Option<Time>,
}

/// List the events of all users.
///
/// Returns the audit log, newest first. An event must match all of the given filters. Deleted users can be found by their id.
///
/// A request looks at up to 5,000 events. If fewer than `limit` of them match, the page is short, and `next` says where to go on.
#[operation(
    params(EventQuery, TimelineQuery),
    responses((status = 200, body = Timeline<Event>), (status = "4XX", description = "invalid_fields"))
)]
pub async fn list(app: &App, request: &Request) -> Result<Response, Error> {
    let (EventQuery { user, action, result, from, to }, timeline) = request.query::<(_, TimelineQuery)>(app)?;
    let (before, limit) = timeline.range();
    let user = user.map(|user| {
        let email = LoginName::new(&user);
        UserRef::IdOrEmail(user, email)
    });
    let filter = Filter { user, actions: action, result, from: from.map(Integer::get), to: to.map(Integer::get) };
    let found = events::list(&app.store, &filter, before, limit + 1).await?;
    let events = found.events.into_iter().map(Event::from).collect();
    Ok(Response::json(&Timeline::new(limit, events, |event: &Event| event.id).or_after(found.scanned_to)))
}
