//! `GET /api/auth/me/events`

use postern_macros::operation;

use crate::{
    access::bearer::Session,
    app::App,
    domain::page::{DEFAULT_LIMIT, LIMITS, NEWEST, Timeline, TimelineQuery},
    error::Error,
    store::events::{self, Filter, Listed},
    web::{Request, Response},
};

/// List the events of your account.
///
/// Returns what you did and what was done to your account, newest first. Other users appear by id only, without their email or
/// address.
#[operation(
    params(TimelineQuery),
    responses((status = 200, body = Timeline<Listed>), (status = "4XX", description = "invalid_fields"))
)]
pub async fn list(app: &App, request: &Request, session: &Session) -> Result<Response, Error> {
    let user = &session.user;
    let mut fields = request.query_fields();
    let before = fields.optional_integer("before", 1..=NEWEST);
    let limit = fields.optional_integer("limit", LIMITS);
    let (before, limit) = (fields.take(before)?.unwrap_or(NEWEST), fields.take(limit)?.unwrap_or(DEFAULT_LIMIT));

    let filter = Filter { user_id: Some(user.id.clone()), action: None };
    let found = events::list(&app.store, &filter, before, limit + 1).await?;
    let found = found.into_iter().map(|event| as_seen_by(&user.id, event)).collect();
    Ok(Response::json(&Timeline::new(limit, found, |event: &Listed| event.id)))
}

fn as_seen_by(user_id: &str, mut event: Listed) -> Listed {
    if event.actor.as_ref().is_some_and(|actor| actor.id != user_id) {
        (event.address, event.session_id) = (None, None);
    }
    for party in [&mut event.actor, &mut event.subject].into_iter().flatten().filter(|party| party.id != user_id) {
        party.email = None;
    }
    event
}
