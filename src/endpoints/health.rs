//! `GET /health`

use postern_macros::operation;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    domain::Timestamp,
    error::Error,
    store::{records, schema},
    web::Response,
};

/// The health and version of the service.
#[derive(Serialize, ToSchema)]
pub struct Health<'a> {
    /// Always `ok`. If something is wrong, the response is an error.
    #[schema(example = "ok")]
    status: &'static str,
    /// The version of the code.
    version: &'static str,
    /// A fingerprint of the id of the deployed version of the Worker. Null if the id is unknown.
    #[schema(required)]
    deployment: Option<&'a str>,
    /// The migrations that wrangler has applied, oldest first. Null if they are unknown.
    #[schema(required)]
    migrations: Option<Vec<String>>,
}

/// The number of milliseconds for which an isolate caches a good result.
const GOOD_FOR: i64 = 1_000;

/// Check the health of the service.
///
/// Returns the version of the code, the deployed version of the Worker and the applied migrations, if D1 and KV respond. A good
/// result is cached for a second, so any number of requests costs at most one check per second and isolate.
#[operation(responses((status = 200, body = Health)))]
pub async fn get(app: &App) -> Result<Response, Error> {
    let health = &app.isolate.health;
    let age = |since: Timestamp| app.now.saturating_sub(since);
    // During a check, other requests get the previous result.
    let is_recent = health.began_at.get().is_some_and(|began| age(began) < GOOD_FOR);
    let found = health.found.borrow().clone().filter(|(at, _)| is_recent && age(*at) < 2 * GOOD_FOR);
    let migrations = match found {
        Some((_, migrations)) => migrations,
        None => {
            health.began_at.set(Some(app.now));
            let found = check(app).await;
            *health.found.borrow_mut() = found.as_ref().ok().map(|migrations| (app.now, migrations.clone()));
            found?
        }
    };
    let deployment = app.deployment.as_deref();
    Ok(Response::json(&Health { status: "ok", version: env!("CARGO_PKG_VERSION"), deployment, migrations }))
}

/// Returns the migrations that wrangler has applied.
///
/// # Errors
/// 503 if D1 or KV does not respond.
async fn check(app: &App) -> Result<Option<Vec<String>>, Error> {
    let migrations = schema::check(&app.store).await?;
    records::ping(&app.store).await?;
    Ok(migrations)
}
