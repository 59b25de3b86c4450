//! What a request works with: the settings and keys of the isolate, the ports, and the time.

use std::{
    cell::{Cell, LazyCell, RefCell},
    fmt::Display,
    ops::Deref,
    rc::Rc,
};

use crate::{
    crypto::{jwt::Verified, keys::Keys, token_cache::TokenCache},
    domain::{Timestamp, claims::Claims, password::Policy, throttle::Address},
    ports::{Assets, HttpClient, Mailer, RateLimiter, StoreError, Timer, WaitUntil},
    settings::Settings,
    store::Store,
};

/// What is prepared once and used by every request of an isolate.
pub struct Isolate {
    /// What the deployment is told.
    pub settings: Settings,
    /// Every key, derived from the secret.
    pub keys: Keys,
    /// The session tokens that these keys were found to have signed.
    pub session_tokens: TokenCache<Verified<Claims>>,
    /// Whether this isolate has seen that there is a first account.
    pub first_account_seen: Cell<bool>,
    /// What `GET /health` has found last.
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
    /// When the last good check began, and the applied migrations that it found. None after a check that failed.
    pub found: RefCell<Option<(Timestamp, Option<Vec<String>>)>>,
}

/// An address that is looked at when it is first needed: a session check needs none.
pub type LazyAddress = LazyCell<Address, Box<dyn FnOnce() -> Address>>;

/// The address that `read` tells, if it is needed.
pub fn lazily(read: impl FnOnce() -> Address + 'static) -> Rc<LazyAddress> {
    Rc::new(LazyAddress::new(Box::new(read)))
}

/// Everything a request works with except the time. A clone is cheap.
#[derive(Clone)]
pub struct Services {
    /// What was prepared for the isolate.
    pub isolate: Rc<Isolate>,
    /// D1 and KV.
    pub store: Store,
    /// The static files of the deployment.
    pub assets: Rc<dyn Assets>,
    /// HTTP to the outside.
    pub http: Rc<dyn HttpClient>,
    /// The platform's own mail service.
    pub mailer: Rc<dyn Mailer>,
    /// A timer for work that must end in time.
    pub timer: Rc<dyn Timer>,
    /// Work after the answer.
    pub wait_until: Rc<dyn WaitUntil>,
    /// The platform's rate limiter for calls that are open to strangers, by address.
    pub rate_limiter: Rc<dyn RateLimiter>,
    /// The platform's rate limiter for writes of signed-in users, by user id.
    pub user_writes: Rc<dyn RateLimiter>,
    /// Writes one line to the log.
    pub log: fn(&str),
    /// The request's id, in the answer and in the log.
    pub request_id: Rc<str>,
    /// Who sent it, as far as the platform knows.
    pub address: Rc<LazyAddress>,
    /// A fingerprint of the deployed version's id, if the platform gives one. Its own id is part of the address at which the
    /// platform serves a version, so it is not published.
    pub deployment: Option<Rc<str>>,
}

impl Services {
    /// Adds the time. For a request only `routes` does this, after the body has arrived: a client that holds back its last
    /// byte must not act in the past.
    pub fn at(self, now: Timestamp) -> App {
        App { services: self, now }
    }

    /// What the deployment is told.
    pub fn settings(&self) -> &Settings {
        &self.isolate.settings
    }

    /// Returns the policy for new passwords, without the email of a user.
    pub fn password_policy(&self) -> Policy<'_> {
        let Settings { password_min_length, service_name, .. } = self.settings();
        Policy { min_length: *password_min_length, service_name, email: None }
    }

    /// Every key.
    pub fn keys(&self) -> &Keys {
        &self.isolate.keys
    }
}

/// One request's view of the world. A clone is cheap, and lives on in work after the answer.
#[derive(Clone)]
pub struct App {
    services: Services,
    /// When the request had arrived whole, or when the cron trigger was due.
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

/// Requests are parsed with the policy for new passwords.
impl<'a> From<&'a App> for Policy<'a> {
    fn from(app: &'a App) -> Self {
        app.password_policy()
    }
}
