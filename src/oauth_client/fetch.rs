//! Requests to providers: within limits of time and size, without redirects, and JSON only.

use std::{rc::Rc, time::Duration};

use serde_json::Value;

use super::unavailable;
use crate::{
    app::App,
    domain::Timestamp,
    error::Error,
    ports::{HttpRequest, HttpResponse, Limits},
    settings::IdentityProvider,
};

/// The user waits for the provider. Documents of providers have a few kilobytes.
const LIMITS: Limits = Limits { time: Duration::from_secs(5), bytes: 64 * 1024 };
/// GitHub refuses requests without it.
const USER_AGENT: (&str, &str) = ("User-Agent", "Postern");
const JSON: (&str, &str) = ("Accept", "application/json");

/// How long a document of a provider is kept, in milliseconds.
pub(super) const HOUR: i64 = 3_600_000;
/// How long an old one is used while the provider cannot be reached.
const DAY: i64 = 86_400_000;

/// Sends a POST. Returns the status and the JSON object.
pub(super) async fn post(
    app: &App,
    provider: &IdentityProvider,
    url: &str,
    mut headers: Vec<(&'static str, String)>,
    body: String,
) -> Result<(u16, Value), Error> {
    headers.extend([USER_AGENT, JSON].map(|(name, value)| (name, value.to_owned())));
    let request = HttpRequest { url: url.to_owned().into(), headers, body };
    let response = app.http.post(request, LIMITS).await.map_err(|error| unavailable(provider, &error.0))?;
    if (300..400).contains(&response.status) {
        return Err(unavailable(provider, "the token endpoint redirects"));
    }
    Ok((response.status, json(provider, &response)?))
}

/// Returns the JSON at a URL that takes an access token.
pub(super) async fn get(app: &App, provider: &IdentityProvider, url: &str, token: &str) -> Result<Value, Error> {
    let authorization = format!("Bearer {token}");
    fetch(app, provider, url, &[USER_AGENT, JSON, ("Authorization", &authorization)]).await
}

/// Returns a public JSON document, which the isolate keeps for `max_age` milliseconds. If it cannot be fetched or fails the check, the last
/// one is used for a day.
pub(super) async fn document(
    app: &App,
    provider: &IdentityProvider,
    url: &str,
    max_age: i64,
    check: impl Fn(&Value) -> Result<(), &'static str>,
) -> Result<Rc<Value>, Error> {
    let kept = kept(app, url);
    if let Some((_, document)) = kept.as_ref().filter(|(fetched_at, _)| app.now - fetched_at < max_age) {
        return Ok(document.clone());
    }
    let fetched = fetch(app, provider, url, &[USER_AGENT, JSON]).await;
    // A document that is wrong for a moment, for example during maintenance, must not be kept.
    let fetched = fetched.and_then(|document| match check(&document) {
        Ok(()) => Ok(document),
        Err(why) => Err(unavailable(provider, why)),
    });
    match (fetched, kept) {
        (Ok(document), _) => {
            let document = Rc::new(document);
            let mut documents = app.isolate.provider_documents.borrow_mut();
            documents.insert(url.to_owned(), (app.now, document.clone()));
            Ok(document)
        }
        (Err(_), Some((fetched_at, document))) if app.now - fetched_at < DAY => Ok(document),
        (Err(error), _) => Err(error),
    }
}

fn kept(app: &App, url: &str) -> Option<(Timestamp, Rc<Value>)> {
    app.isolate.provider_documents.borrow().get(url).cloned()
}

async fn fetch(
    app: &App,
    provider: &IdentityProvider,
    url: &str,
    headers: &[(&'static str, &str)],
) -> Result<Value, Error> {
    let response = app.http.get(url, headers, LIMITS).await.map_err(|error| unavailable(provider, &error.0))?;
    if response.status != 200 {
        return Err(unavailable(provider, &format!("a request responds with {}", response.status)));
    }
    json(provider, &response)
}

fn json(provider: &IdentityProvider, response: &HttpResponse) -> Result<Value, Error> {
    serde_json::from_str(&response.body).map_err(|_| unavailable(provider, "a response is not JSON"))
}
