//! The edge: what the runtime calls. The only file beside `platform/` that names the runtime, and the only one that reads a clock.

use std::{cell::OnceCell, rc::Rc};

use futures_util::StreamExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use worker::{Context, Env, KvStore, ScheduleContext, ScheduledEvent, WorkerVersionMetadata, event};

use crate::{
    app::{App, Isolate},
    crypto::random,
    domain::{Timestamp, throttle::Address},
    error::Error,
    maintenance,
    platform::{
        analytics::Counters,
        burst::Limiter,
        d1::{D1, Database},
        kv::WorkersKv,
        later::WaitUntil,
        net::FetchNet,
        send_email::EmailService,
    },
    ports::{Burst, Later, Mailer, Pending},
    routes,
    settings::Settings,
    telemetry::{Event, Kind, Label, Meter, Outcome},
    web::{MAX_BODY, Request, Response, session_cookie},
};

/// The headers that anything here reads.
const READ_HEADERS: [HeaderName; 8] = [
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    header::ACCEPT,
    header::USER_AGENT,
    header::ORIGIN,
    header::ACCESS_CONTROL_REQUEST_METHOD,
    header::COOKIE,
    session_cookie::WANTED,
];

thread_local! {
    /// Prepared by the first request of the isolate; nothing if the settings are wrong.
    static ISOLATE: OnceCell<Option<Rc<Isolate>>> = const { OnceCell::new() };
    /// Looked up by the first request of the isolate that finds them all.
    static BINDINGS: OnceCell<Bindings> = const { OnceCell::new() };
}

/// The bindings of wrangler.toml. They are the isolate's, not a request's.
#[derive(Clone)]
struct Bindings {
    database: Rc<Database>,
    namespace: KvStore,
    mailer: Rc<dyn Mailer>,
    burst: Rc<dyn Burst>,
}

#[event(fetch)]
async fn fetch(request: worker::Request, env: Env, context: Context) -> worker::Result<worker::Response> {
    let begin = clock();
    let work = Work {
        id: random::id().map_err(|_| no_randomness())?.into(),
        label: Some(routes::label(&method(&request), &request.path())),
        meter: Rc::default(),
        counters: Rc::new(Counters(env.analytics_engine("ANALYTICS").ok())),
    };
    let response = respond(request, &env, context, begin, &work).await?;
    work.tell(Kind::Request, Some(Outcome { status: response.status, outcome: response.outcome }), begin);
    write(response)
}

#[event(scheduled)]
async fn scheduled(event: ScheduledEvent, env: Env, context: ScheduleContext) {
    let begin = clock();
    let Some(isolate) = isolate(&env) else { return };
    let Ok(id) = random::id() else { return log("the cron trigger cannot work: there is no randomness") };
    let work = Work { id: id.into(), label: None, meter: Rc::default(), counters: Rc::new(Counters(None)) };
    let now = event.schedule() as i64;
    match app(isolate, &env, WaitUntil::Schedule(context), now, &work, Address::parse(None)) {
        Ok(app) => maintenance::run(&app).await,
        Err(error) => log(&format!("the cron trigger cannot work: {error}")),
    }
    work.tell(Kind::Cron, None, begin);
}

/// What is told of a request or a run when it has ended.
#[derive(Clone)]
struct Work {
    id: Rc<str>,
    label: Option<Label>,
    meter: Rc<Meter>,
    counters: Rc<Counters>,
}

impl Work {
    /// Tells what was done since `begin`.
    fn tell(&self, event: Kind, outcome: Option<Outcome>, begin: Timestamp) {
        let Work { id, label, meter, counters } = self;
        let event = Event { event, id, label: *label, outcome, duration_ms: clock() - begin, usage: meter.take() };
        worker::console_log!("{}", event.line());
        counters.count(&event);
    }
}

/// Work after the answer, each piece of which is told as well.
struct ToldLater {
    later: WaitUntil,
    work: Work,
}

impl Later for ToldLater {
    fn run(&self, piece: Pending<'static, ()>) {
        let work = self.work.clone();
        self.later.run(Box::pin(async move {
            let begin = clock();
            piece.await;
            work.tell(Kind::AfterAnswer, None, begin);
        }));
    }
}

async fn respond(
    request: worker::Request,
    env: &Env,
    context: Context,
    now: Timestamp,
    work: &Work,
) -> worker::Result<Response> {
    let address = Address::parse(request.headers().get("CF-Connecting-IP")?.as_deref());
    let request = match read(request).await? {
        Ok(request) => request,
        Err(error) => return Ok(routes::answer_unread(&error, &work.id)),
    };
    let Some(isolate) = isolate(env) else {
        return Ok(routes::answer_without_settings(&request, &work.id));
    };
    Ok(match app(isolate, env, WaitUntil::Request(context), now, work, address) {
        Ok(app) => routes::answer(&app, &request).await,
        Err(error) => {
            log(&format!("request {}: a binding of wrangler.toml is missing: {error}", work.id));
            routes::answer_without_settings(&request, &work.id)
        }
    })
}

fn app(
    isolate: Rc<Isolate>,
    env: &Env,
    later: WaitUntil,
    now: Timestamp,
    work: &Work,
    address: Address,
) -> worker::Result<App> {
    let Bindings { database, namespace, mailer, burst } = bindings(env)?;
    let d1 = |database| D1 { database, meter: work.meter.clone() };
    Ok(App {
        replica: if isolate.settings.reads_replicas { Some(Rc::new(d1(Rc::new(database.nearest()?)))) } else { None },
        sql: Rc::new(d1(database)),
        isolate,
        kv: Rc::new(WorkersKv { namespace, meter: work.meter.clone() }),
        net: Rc::new(FetchNet),
        mailer,
        later: Rc::new(ToldLater { later, work: work.clone() }),
        burst,
        log,
        now,
        request_id: work.id.clone(),
        address,
        deployment: env.get_binding::<WorkerVersionMetadata>("VERSION").ok().map(|version| version.id().into()),
    })
}

#[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
fn clock() -> Timestamp {
    worker::Date::now().as_millis() as i64
}

fn bindings(env: &Env) -> worker::Result<Bindings> {
    BINDINGS.with(|known| match known.get() {
        Some(bindings) => Ok(bindings.clone()),
        None => {
            let found = Bindings {
                database: Rc::new(Database::new(env.d1("DB")?)),
                namespace: env.kv("KV")?,
                mailer: Rc::new(EmailService(env.send_email("EMAIL").ok())),
                burst: Rc::new(Limiter(env.rate_limiter("BURST")?)),
            };
            Ok(known.get_or_init(|| found).clone())
        }
    })
}

fn no_randomness() -> worker::Error {
    worker::Error::RustError("there is no randomness".to_owned())
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
                        log(&format!("the settings are wrong, every request is refused: {}", problems.join("; ")));
                        None
                    }
                }
            })
            .clone()
    })
}

/// Reads a request whole, but never more of its body than one byte over the limit. A body that breaks off is the client's
/// fault: a refusal, and nothing for the log.
async fn read(mut request: worker::Request) -> worker::Result<Result<Request, Error>> {
    let url = request.inner().url();
    // What stands before the path: the scheme and the host.
    let origin = url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let query = query.split('#').next().unwrap_or_default().to_owned();
    let mut headers = HeaderMap::new();
    let sent = request.headers();
    for name in READ_HEADERS {
        // What is no header value cannot be a good one either: it counts as missing.
        let value = sent.get(name.as_str())?.and_then(|value| HeaderValue::try_from(value).ok());
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
    let mut body = Vec::new();
    if request.inner().body().is_some() {
        let mut stream = request.stream()?;
        while let Some(chunk) = stream.next().await {
            let Ok(chunk) = chunk else { return Ok(Err(Error::UnreadableBody("The body breaks off."))) };
            let room = MAX_BODY + 1 - body.len();
            body.extend(chunk.iter().take(room));
            if chunk.len() >= room {
                break;
            }
        }
    }
    Ok(Ok(Request { method: method(&request), origin, path: request.path(), query, headers, body }))
}

fn method(request: &worker::Request) -> Method {
    Method::from_bytes(request.inner().method().as_bytes()).unwrap_or(Method::OPTIONS)
}

fn write(response: Response) -> worker::Result<worker::Response> {
    let headers = worker::Headers::new();
    for (name, value) in &response.headers {
        headers.append(name.as_str(), value)?;
    }
    // The runtime refuses a body, even an empty one, where the status allows none.
    let whole = if response.body.is_empty() {
        worker::Response::empty()?
    } else {
        worker::Response::from_bytes(response.body)?
    };
    Ok(whole.with_status(response.status.as_u16()).with_headers(headers))
}
