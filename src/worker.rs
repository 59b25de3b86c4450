//! The entry point. The only file besides `platform/` and `runtime/` that uses the runtime's API, and the only one that reads a
//! clock.

use std::{cell::OnceCell, rc::Rc};

use ::http::header;
use worker::{
    Context, Env, KvStore, ScheduleContext, ScheduledEvent, WorkerVersionMetadata, event,
    js_sys::{Date, Function, Promise},
    wasm_bindgen::{JsValue, prelude::wasm_bindgen},
    web_sys, worker_sys,
};

use crate::{
    app::{Isolate, Lazy, Services, lazily},
    crypto::{fingerprint, random},
    domain::{Timestamp, client::Client, throttle::Address},
    error::Error,
    language::Language,
    language::Phrase,
    maintenance,
    platform::{
        analytics::Counters,
        body, connection,
        d1::{D1, Database},
        http,
        http_client::FetchClient,
        kv::WorkersKv,
        pages::{self, StaticFiles},
        rate_limiter::Limiter,
        send_email::EmailService,
        signatures::WebCrypto,
        wait_until::RequestContext,
    },
    ports::{Assets, Mailer, Pending, RateLimiter, WaitUntil},
    routes,
    runtime::{self, Timeouts},
    settings::Settings,
    store::Store,
    telemetry::{self, Event, Kind, Label, Meter, Outcome},
    web::{Headers, Request, Response},
};

thread_local! {
    /// Prepared by the first request of the isolate. `None` if the settings are wrong.
    static ISOLATE: OnceCell<Option<Rc<Isolate>>> = const { OnceCell::new() };
    /// Looked up by the first request of the isolate that finds all of them.
    static BINDINGS: OnceCell<Bindings> = const { OnceCell::new() };
}

/// The bindings of wrangler.toml, which belong to the isolate.
#[derive(Clone)]
struct Bindings {
    database: Rc<Database>,
    assets: Rc<dyn Assets>,
    namespace: Rc<KvStore>,
    mailer: Rc<dyn Mailer>,
    rate_limiter: Rc<dyn RateLimiter>,
    user_writes: Rc<dyn RateLimiter>,
    counters: Rc<Counters>,
    /// The fingerprint of the deployed version of the Worker.
    deployment: Option<Rc<str>>,
}

/// Handles a request, and settles its promise with `resolve`. Returns whether the request may do more than read. `event(fetch)` of
/// the `worker` crate would do the same with its own queue and copies of the request.
///
/// Takes no strings: after a trap, wasm-bindgen would write them to the memory of the trapped module and call the new one.
#[wasm_bindgen]
pub fn fetch(request: web_sys::Request, env: Env, context: worker_sys::Context, resolve: Function) -> bool {
    let begin = clock();
    let head = http::head(&request);
    let only_reads = head.only_reads();
    runtime::spawn(async move {
        let settings = |is: fn(&Settings) -> bool| isolate(&env).is_some_and(|isolate| is(&isolate.settings));
        let has_captcha = || routes::may_have_captcha(&head.path) && settings(|settings| settings.turnstile.is_some());
        if routes::may_be_page(&head)
            && routes::is_scheme_served(&head, settings(|settings| settings.is_local))
            && let Some(page) = pages::find(&env, &request, has_captcha()).await
        {
            let _ = resolve.call1(&JsValue::UNDEFINED, &page);
            return;
        }
        let (response, line) = respond(request, head, &env, Context::new(context), begin).await;
        if let Err(error) = http::send(&resolve, &response, &line) {
            // Settling a promise never throws.
            let _ = resolve.call1(&JsValue::UNDEFINED, &Promise::reject(&error));
        }
    });
    !only_reads
}

/// Returns the response and its log line.
async fn respond(
    request: web_sys::Request,
    head: Request,
    env: &Env,
    context: Context,
    begin: Timestamp,
) -> (Response, String) {
    let Ok(id) = random::id() else {
        let problem = "there is no randomness";
        let error = Error::Internal(problem.to_owned());
        return (routes::respond_unprepared(&head, error, "unknown"), problem.to_owned());
    };
    let work = Work {
        id: id.into(),
        label: Some(routes::label(&head.method, &head.path)),
        meter: Rc::default(),
        counters: bindings(env).map(|bindings| bindings.counters).unwrap_or_default(),
    };
    let response = answer(request, head, env, RequestContext::Request(context), begin, &work).await;
    let line = work.ended(Kind::Request, Some(Outcome { status: response.status, outcome: response.outcome }), begin);
    (response, line)
}

async fn answer(
    request: web_sys::Request,
    head: Request,
    env: &Env,
    wait_until: RequestContext,
    begin: Timestamp,
    work: &Work,
) -> Response {
    let headers = head.headers.clone();
    let address = lazily(move || Address::parse(headers.get(&http::CONNECTING_IP).as_deref()));
    let Some(isolate) = isolate(env) else { return routes::respond_without_settings(&head, &work.id) };
    let (headers, location) = (head.headers.clone(), isolate.settings.location);
    let language = {
        let headers = headers.clone();
        lazily(move || Language::accepted(&headers.get(&header::ACCEPT_LANGUAGE)?))
    };
    let sender: JsValue = AsRef::<JsValue>::as_ref(&request).clone();
    let client = lazily(move || {
        let user_agent = headers.get(&header::USER_AGENT);
        Client::new(user_agent.as_deref(), connection::of(&sender), location)
    });
    match bindings(env)
        .and_then(|bindings| services(isolate, bindings, wait_until, work, Sender { address, client, language }))
    {
        Ok(services) => {
            let body = receive(request, head.headers.clone(), head.max_body(), services.address.clone(), begin);
            routes::respond(services, head, body, clock).await
        }
        Err(error) => {
            log(&format!("request {}: a binding of wrangler.toml is missing: {error}", work.id));
            routes::respond_without_settings(&head, &work.id)
        }
    }
}

/// Returns the body, or why the request is refused without it.
async fn receive(
    request: web_sys::Request,
    headers: Rc<dyn Headers>,
    max: usize,
    address: Rc<Lazy<Address>>,
    begin: Timestamp,
) -> Result<Vec<u8>, Error> {
    body::receive(request, headers, max, || address.as_str().to_owned(), begin).await.map_err(|problem| match problem {
        body::Problem::Incomplete => Error::UnreadableBody(Phrase::BodyIncomplete),
        body::Problem::Late => Error::RequestTimeout,
        body::Problem::Busy => Error::Unavailable("too many bodies are being read in this isolate".to_owned()),
    })
}

#[event(scheduled)]
async fn scheduled(event: ScheduledEvent, env: Env, context: ScheduleContext) {
    let begin = clock();
    let Some(isolate) = isolate(&env) else { return };
    let Ok(id) = random::id() else { return log("the cron trigger cannot work: there is no randomness") };
    let work = Work { id: id.into(), label: None, meter: Rc::default(), counters: Rc::default() };
    let (wait_until, now) = (RequestContext::Schedule(context), event.schedule() as i64);
    let nobody =
        Sender { address: lazily(|| Address::parse(None)), client: lazily(Client::default), language: lazily(|| None) };
    match bindings(&env).and_then(|bindings| services(isolate, bindings, wait_until, &work, nobody)) {
        Ok(services) => maintenance::run(&services.at(now)).await,
        Err(error) => log(&format!("the cron trigger cannot work: {error}")),
    }
    work.tell(Kind::Cron, begin);
}

/// What the log line of a request or a run contains.
#[derive(Clone)]
struct Work {
    id: Rc<str>,
    label: Option<Label>,
    meter: Rc<Meter>,
    counters: Rc<Counters>,
}

impl Work {
    /// Adds the usage since `begin` to the metrics, and returns the log line.
    fn ended(&self, event: Kind, outcome: Option<Outcome>, begin: Timestamp) -> String {
        let Work { id, label, meter, counters } = self;
        let event = Event { event, id, label: *label, outcome, duration_ms: clock() - begin, usage: meter.take() };
        counters.count(&event);
        event.line()
    }

    /// Logs the usage since `begin`.
    fn tell(&self, event: Kind, begin: Timestamp) {
        web_sys::console::log_1(&self.ended(event, None, begin).into());
    }
}

/// Runs work after the response, with a log line for each piece.
struct LoggedWaitUntil {
    wait_until: RequestContext,
    work: Work,
}

impl WaitUntil for LoggedWaitUntil {
    fn run(&self, piece: Pending<'static, ()>) {
        let work = self.work.clone();
        self.wait_until.run(Box::pin(async move {
            let begin = clock();
            piece.await;
            work.tell(Kind::AfterAnswer, begin);
        }));
    }
}

/// What is known of who sends a request.
struct Sender {
    address: Rc<Lazy<Address>>,
    client: Rc<Lazy<Client>>,
    language: Rc<Lazy<Option<Language>>>,
}

fn services(
    isolate: Rc<Isolate>,
    bindings: Bindings,
    wait_until: RequestContext,
    work: &Work,
    Sender { address, client, language }: Sender,
) -> worker::Result<Services> {
    let Bindings { database, assets, namespace, mailer, rate_limiter, user_writes, deployment, .. } = bindings;
    let d1 = |database| D1 { database, meter: work.meter.clone() };
    Ok(Services {
        store: Store {
            replica: if isolate.settings.reads_replicas {
                Some(Rc::new(d1(Rc::new(database.nearest()?))))
            } else {
                None
            },
            sql: Rc::new(d1(database)),
            kv: Rc::new(WorkersKv { namespace, meter: work.meter.clone() }),
            timer: Rc::new(Timeouts),
        },
        isolate,
        assets,
        http: Rc::new(FetchClient),
        mailer,
        signatures: Rc::new(WebCrypto),
        timer: Rc::new(Timeouts),
        wait_until: Rc::new(LoggedWaitUntil { wait_until, work: work.clone() }),
        rate_limiter,
        user_writes,
        log,
        request_id: work.id.clone(),
        address,
        client,
        language,
        deployment,
    })
}

#[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
fn clock() -> Timestamp {
    Date::now() as i64
}

fn bindings(env: &Env) -> worker::Result<Bindings> {
    BINDINGS.with(|known| match known.get() {
        Some(bindings) => Ok(bindings.clone()),
        None => {
            let found = Bindings {
                database: Rc::new(Database::new(env.d1("DB")?)),
                assets: Rc::new(StaticFiles::new(env)),
                namespace: Rc::new(env.kv("KV")?),
                mailer: Rc::new(EmailService(env.send_email("EMAIL").ok())),
                rate_limiter: Rc::new(Limiter(env.rate_limiter("BURST")?)),
                user_writes: Rc::new(Limiter(env.rate_limiter("USER_WRITES")?)),
                counters: Rc::new(Counters(env.analytics_engine("ANALYTICS").ok())),
                deployment: env
                    .get_binding::<WorkerVersionMetadata>("VERSION")
                    .ok()
                    .map(|found| fingerprint::of(&found.id()).into()),
            };
            Ok(known.get_or_init(|| found).clone())
        }
    })
}

fn log(line: &str) {
    worker::console_error!("{line}");
}

fn isolate(env: &Env) -> Option<Rc<Isolate>> {
    ISOLATE.with(|isolate| {
        isolate
            .get_or_init(|| {
                let lookup = |name: &str| env.var(name).ok().map(|value| value.to_string());
                match Settings::read(lookup) {
                    Ok(settings) => Some(Rc::new(Isolate::new(settings))),
                    Err(problems) => {
                        log(&telemetry::settings_line(&problems));
                        None
                    }
                }
            })
            .clone()
    })
}
