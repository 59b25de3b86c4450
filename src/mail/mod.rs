//! Mail: what each mail says (`message`), how its bodies are made (`compose`), the queue, and the delivery through providers. The words
//! are in `language`.

mod activity;
mod brand;
mod budget;
mod compose;
mod delivery;
pub mod email_code;
pub mod examples;
pub mod linked_identity;
pub mod message;
pub mod provider;
pub mod queue;
pub mod webhook;

pub use delivery::{Attempts, Unsent};
pub use message::Message;

use crate::{
    app::App,
    domain::mail_budget::REQUESTED_BY_OWNER,
    error::Error,
    settings::{Mail, OUTBOX},
    store::outbox,
};
use delivery::Delivery;

/// Sends a mail that the signed-in owner of the address waits for, if the budget of the recipient allows it.
///
/// # Errors
/// 429 if the recipient got too many mails; 503 if the mail cannot be sent.
pub async fn send_now(app: &App, message: &Message, id: &str) -> Result<(), Error> {
    budget::take(app, &message.to, REQUESTED_BY_OWNER).await?;
    Ok(send(app, message, id).await.map(drop)?)
}

/// Sends a mail through the first provider of the settings that accepts it. If others failed before, logs one line.
///
/// `id` is unique per mail. The idempotency key is a hash of it and the content, because Resend requires that the same key always
/// has the same body. Resend (within 24 hours) and the outbox send a mail once per key. The other providers have no such keys, so
/// a mail can arrive twice if a provider accepted it and the response was lost.
///
/// # Errors
/// [`Unsent`] if no provider accepted it, or the outbox failed.
async fn send(app: &App, message: &Message, id: &str) -> Result<Attempts, Unsent> {
    let idempotency_key = &idempotency_key(app, message, id);
    match &app.settings().mail {
        Mail::Outbox => {
            let Message { to, subject, text, html, .. } = message;
            let inserted = outbox::insert(&app.store, idempotency_key, to.as_str(), subject, text, html, app.now).await;
            match inserted {
                Ok(()) => Ok(Attempts { sent: Some(OUTBOX), failed: Vec::new() }),
                Err(error) => Err(Unsent {
                    cause: format!("the outbox failed: {}", error.0),
                    recipient_is_refused: false,
                    attempts: Attempts { sent: None, failed: vec![OUTBOX] },
                }),
            }
        }
        Mail::Providers { from, providers } => {
            let (http, mailer) = (&*app.http, &*app.mailer);
            let (attempts, failures) =
                Delivery { http, mailer, from, message, idempotency_key }.try_each(providers).await?;
            if !failures.is_empty() {
                let failures = failures.join("; ").replace(char::is_control, " ");
                (app.log)(&format!("request {}: {message:?} needed another try: {failures}", app.request_id));
            }
            Ok(attempts)
        }
    }
}

fn idempotency_key(app: &App, message: &Message, id: &str) -> String {
    let from = match &app.settings().mail {
        Mail::Outbox => String::new(),
        Mail::Providers { from, .. } => from.to_string(),
    };
    let Message { to, subject, text, html, .. } = message;
    app.keys().idempotency.hash(&[id, &from, to.as_str(), subject, text, html])
}
