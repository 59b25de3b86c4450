//! The cron trigger: sends queued mail, counts events, deletes expired rows, writes the heartbeat for replicas, and encrypts second factors again after
//! a rotation of the secret.

use crate::{
    access::second_factor,
    app::App,
    crypto::random,
    error::Error,
    mail::queue,
    store::{
        cleanup::{self, Deleted, Places},
        daily_counts, heartbeat,
    },
};

/// The maximum number of rows of a table that one run deletes or scans.
const ROWS_A_RUN: i64 = 5_000;
/// Milliseconds in a day.
const DAY: i64 = 86_400_000;

/// Runs all parts. A part that fails does not stop the others; the next run does the rest.
pub async fn run(app: &App) {
    if app.settings().reads_replicas {
        log_failure(app, "the heartbeat", heartbeat::beat(&app.store, app.now).await.map_err(Error::from));
    }
    log_failure(app, "mail", queue::deliver_due(app).await);
    log_failure(app, "cleaning up", clean_up(app).await);
    log_failure(app, "counting", daily_counts::roll_up(&app.store, app.now).await.map_err(Error::from));
    log_failure(app, "second factors", second_factor::reseal(app).await);
}

async fn clean_up(app: &App) -> Result<(), Error> {
    let oldest_event = app.now - app.settings().event_retention_days * DAY;
    // Without randomness every run starts at the beginning, which is better than not running.
    let places = Places {
        session: random::id().unwrap_or_default(),
        throttle: random::token().unwrap_or_default(),
        spent: random::id().unwrap_or_default(),
    };
    let Deleted { mails, .. } = cleanup::delete(&app.store, app.now, oldest_event, ROWS_A_RUN, places).await?;
    if mails > 0 {
        (app.log)(&format!("run {}: {mails} mails could not be sent while they were of use", app.request_id));
    }
    Ok(())
}

fn log_failure(app: &App, part: &str, outcome: Result<(), Error>) {
    if let Err(error) = outcome {
        (app.log)(&format!("run {}: {part}: {}", app.request_id, error.cause().unwrap_or_else(|| error.code())));
    }
}
