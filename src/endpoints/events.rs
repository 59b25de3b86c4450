//! `GET /api/auth/me/events`

use postern_macros::operation;

use crate::{
    access::bearer::Session,
    app::App,
    error::Error,
    responses::Event,
    store::events::{self, Filter, UserRef},
    web::{
        Request, Response,
        page::{Timeline, TimelineQuery},
    },
};

/// List the events of your account.
///
/// Returns what you did and what was done to your account, newest first. Other users appear by id only, without their email,
/// address, device or place.
#[operation(
    params(TimelineQuery),
    responses((status = 200, body = Timeline<Event>), (status = "4XX", description = "invalid_fields"))
)]
pub async fn list(app: &App, request: &Request, session: &Session) -> Result<Response, Error> {
    let user = &session.user;
    let (before, limit) = request.query::<TimelineQuery>(app)?.range();
    let filter = Filter { user: Some(UserRef::Id(user.id.clone())), ..Filter::default() };
    let found = events::list(&app.store, &filter, before, limit + 1).await?;
    let found = found.events.into_iter().map(|event| Event::from(event).as_seen_by(&user.id)).collect();
    Ok(Response::json(&Timeline::new(limit, found, |event: &Event| event.id)))
}
