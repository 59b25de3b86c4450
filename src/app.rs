//! What a request works with: the settings and keys of the isolate, the ports, and the time.

use std::{
    cell::{Cell, LazyCell, RefCell},
    collections::HashMap,
    fmt::Display,
    ops::Deref,
    rc::Rc,
};

use serde_json::Value;

use crate::{
    crypto::{jwt::Verified, keys::Keys, token_cache::TokenCache},
    domain::{Timestamp, claims::Claims, client::Client, password::Policy, return_to::Origins, throttle::Address},
    language::Language,
    ports::{Assets, HttpClient, Mailer, RateLimiter, Signatures, StoreError, Timer, WaitUntil},
    settings::Settings,
    store::Store,
};

/// The state that all requests of an isolate share.
pub struct Isolate {
    /// The settings.
    pub settings: Settings,
    /// The keys, derived from the secret.
    pub keys: Keys,
    /// The session tokens with a valid signature.
    pub session_tokens: TokenCache<Verified<Claims>>,
    /// Public documents of identity providers, by URL, with the time at which each was fetched.
    pub provider_documents: RefCell<HashMap<String, (Timestamp, Rc<Value>)>>,
    /// Whether this isolate knows that the first account exists.
    pub first_account_seen: Cell<bool>,
    /// The last result of `GET /health`.
    pub health: HealthCheck,
}

impl Isolate {
    /// Derives the keys.
    pub fn new(settings: Settings) -> Self {
        let keys = Keys::derive(&settings.secrets.current, settings.secrets.previous.as_deref());
        Isolate {
            settings,
            keys,
            session_tokens: TokenCache::default(),
            provider_documents: RefCell::default(),
            first_account_seen: Cell::new(false),
            health: HealthCheck::default(),
        }
    }
}

/// The last health check of the isolate.
#[derive(Default)]
pub struct HealthCheck {
    /// When the last check began.
    pub began_at: Cell<Option<Timestamp>>,
    /// When the last successful check began, and the applied migrations that it found. `None` after a failed check.
    pub found: RefCell<Option<(Timestamp, Option<Vec<String>>)>>,
}

/// What is read from a request when it is first needed. A session check needs none of it.
pub type Lazy<T> = LazyCell<T, Box<dyn FnOnce() -> T>>;

/// Returns a value that `read` returns when it is first needed.
pub fn lazily<T>(read: impl FnOnce() -> T + 'static) -> Rc<Lazy<T>> {
    Rc::new(Lazy::new(Box::new(read)))
}

/// Everything a request works with, except the time. A clone is cheap.
#[derive(Clone)]
pub struct Services {
    /// The state of the isolate.
    pub isolate: Rc<Isolate>,
    /// D1 and KV.
    pub store: Store,
    /// The static files of the deployment.
    pub assets: Rc<dyn Assets>,
    /// Sends HTTP requests to other services.
    pub http: Rc<dyn HttpClient>,
    /// The platform's mail service.
    pub mailer: Rc<dyn Mailer>,
    /// Verifies signatures of others.
    pub signatures: Rc<dyn Signatures>,
    /// The timer for timeouts.
    pub timer: Rc<dyn Timer>,
    /// Runs work after the response.
    pub wait_until: Rc<dyn WaitUntil>,
    /// The platform's rate limiter for requests without a session, by address.
    pub rate_limiter: Rc<dyn RateLimiter>,
    /// The platform's rate limiter for writes of users, by user id.
    pub user_writes: Rc<dyn RateLimiter>,
    /// Writes one line to the log.
    pub log: fn(&str),
    /// The id of the request, which is in the response and in the log.
    pub request_id: Rc<str>,
    /// The client's address.
    pub address: Rc<Lazy<Address>>,
    /// The client's device and place.
    pub client: Rc<Lazy<Client>>,
    /// The language that the client asks for, if the service speaks it.
    pub language: Rc<Lazy<Option<Language>>>,
    /// A fingerprint of the id of the deployed version, if the platform has one. The id itself stays secret, because it is part of the
    /// URL at which the platform serves the version.
    pub deployment: Option<Rc<str>>,
}

impl Services {
    /// Adds the time. `routes` does this after the body has arrived, so that a client cannot act in the past by holding back its last
    /// byte.
    pub fn at(self, now: Timestamp) -> App {
        App { services: self, now }
    }

    /// Returns the settings.
    pub fn settings(&self) -> &Settings {
        &self.isolate.settings
    }

    /// Returns the policy for new passwords, without the email of a user, and for addresses to return to.
    pub fn password_policy(&self) -> Policy<'_> {
        let Settings { password_min_length, service_name, own_origin, app_origins, .. } = self.settings();
        let origins = Origins { own: own_origin.as_str(), apps: app_origins };
        Policy { min_length: *password_min_length, service_name, email: None, origins }
    }

    /// Returns the keys.
    pub fn keys(&self) -> &Keys {
        &self.isolate.keys
    }
}

/// Everything a request works with. A clone is cheap, and can be used in work after the response.
#[derive(Clone)]
pub struct App {
    services: Services,
    /// When the whole request had arrived, or when the cron trigger was due.
    pub now: Timestamp,
}

impl App {
    /// Runs `work` after the response. A failure is logged as `problem` and changes nothing else.
    pub fn after_response<F>(&self, problem: impl Display + 'static, work: impl FnOnce(App) -> F)
    where
        F: Future<Output = Result<(), StoreError>> + 'static,
    {
        let (work, log, request_id) = (work(self.clone()), self.log, self.request_id.clone());
        self.wait_until.run(Box::pin(async move {
            if let Err(error) = work.await {
                log(&format!("request {request_id}: {problem}: {}", error.0));
            }
        }));
    }
}

impl Deref for App {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.services
    }
}

/// So that handlers can pass the app to the parsers of requests.
impl<'a> From<&'a App> for Policy<'a> {
    fn from(app: &'a App) -> Self {
        app.password_policy()
    }
}
