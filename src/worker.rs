//! The edge: what the runtime calls. The only file beside `platform/` that names the runtime, and the only one that reads a clock.

use std::{cell::OnceCell, rc::Rc};

use futures_util::StreamExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use worker::{Context, Env, ScheduleContext, ScheduledEvent, event};

use crate::{
    app::{App, Isolate},
    crypto::random,
    domain::{Timestamp, throttle::Address},
    error::Error,
    maintenance,
    platform::{burst::Limiter, d1::D1, kv::WorkersKv, later::WaitUntil, net::FetchNet, send_email::EmailService},
    routes,
    settings::Settings,
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
}

#[event(fetch)]
async fn fetch(request: worker::Request, env: Env, context: Context) -> worker::Result<worker::Response> {
    #[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
    let now = worker::Date::now().as_millis() as i64;
    let request_id: Rc<str> = random::id().map_err(|_| no_randomness())?.into();
    let address = Address::parse(request.headers().get("CF-Connecting-IP")?.as_deref());
    let request = match read(request).await? {
        Ok(request) => request,
        Err(error) => return write(routes::answer_unread(&error, &request_id)),
    };

    let Some(isolate) = isolate(&env) else {
        return write(routes::answer_without_settings(&request, &request_id));
    };
    match app(isolate, &env, WaitUntil::Request(context), now, request_id.clone(), address) {
        Ok(app) => write(routes::answer(&app, &request).await),
        Err(error) => {
            log(&format!("request {request_id}: a binding of wrangler.toml is missing: {error}"));
            write(routes::answer_without_settings(&request, &request_id))
        }
    }
}

#[event(scheduled)]
async fn scheduled(event: ScheduledEvent, env: Env, context: ScheduleContext) {
    let Some(isolate) = isolate(&env) else { return };
    let now = event.schedule() as i64;
    let made = random::id()
        .map_err(|_| no_randomness())
        .and_then(|run_id| app(isolate, &env, WaitUntil::Schedule(context), now, run_id.into(), Address::parse(None)));
    match made {
        Ok(app) => maintenance::run(&app).await,
        Err(error) => log(&format!("the cron trigger cannot work: {error}")),
    }
}

fn app(
    isolate: Rc<Isolate>,
    env: &Env,
    later: WaitUntil,
    now: Timestamp,
    request_id: Rc<str>,
    address: Address,
) -> worker::Result<App> {
    Ok(App {
        isolate,
        sql: Rc::new(D1(env.d1("DB")?)),
        kv: Rc::new(WorkersKv(env.kv("KV")?)),
        net: Rc::new(FetchNet),
        mailer: Rc::new(EmailService(env.send_email("EMAIL").ok())),
        later: Rc::new(later),
        burst: Rc::new(Limiter(env.rate_limiter("BURST")?)),
        log,
        now,
        request_id,
        address,
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
    for name in READ_HEADERS {
        // What is no header value cannot be a good one either: it counts as missing.
        let value = request.headers().get(name.as_str())?.and_then(|value| HeaderValue::try_from(value).ok());
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
    let method = Method::from_bytes(request.inner().method().as_bytes()).unwrap_or(Method::OPTIONS);
    Ok(Ok(Request { method, origin, path: request.path(), query, headers, body }))
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
