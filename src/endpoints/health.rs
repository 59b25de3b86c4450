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

/// What is running, while it is well.
#[derive(Serialize, ToSchema)]
pub struct Health<'a> {
    /// `ok`; anything else is a refusal.
    #[schema(example = "ok")]
    status: &'static str,
    /// Of the code.
    version: &'static str,
    /// A fingerprint of the id of the deployed version of the Worker; null if the id is unknown.
    #[schema(required)]
    deployment: Option<&'a str>,
    /// What wrangler has applied, oldest first; null where nobody knows.
    #[schema(required)]
    migrations: Option<Vec<String>>,
}

/// For so many milliseconds a good result stands for everybody who asks the same isolate.
const GOOD_FOR: i64 = 1_000;

/// Check the health of the service.
///
/// Returns the version of the code, the deployed version of the Worker and the applied migrations, if D1 and KV respond. A good
/// result is cached for a second, so any number of requests costs at most one check per second and isolate.
#[operation(responses((status = 200, body = Health)))]
pub async fn get(app: &App) -> Result<Response, Error> {
    let health = &app.isolate.health;
    let age = |since: Timestamp| app.now.saturating_sub(since);
    // While the next check is under way, the result before stands in.
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

/// The migrations that wrangler has applied, when D1 and KV answer.
async fn check(app: &App) -> Result<Option<Vec<String>>, Error> {
    let migrations = schema::check(app.sql.as_ref()).await?;
    records::ping(app).await?;
    Ok(migrations)
}
