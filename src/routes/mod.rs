//! The way from a path to its endpoint, and what every answer has in common.

mod account;
mod administration;
mod invitations;
mod password_reset;
mod router;
mod service;
mod sign_in;
mod table;
mod verification;

pub use table::{Answer, Area, Call, Description, Guard, Handler, Route, Segment};

use http::{Method, header};

use self::router::{Resource, find};
use crate::{
    access::bearer::{self, Admin},
    app::{App, Services},
    domain::Timestamp,
    error::Error,
    telemetry::Label,
    web::{MAX_BODY, REQUEST_ID, Request, Response, cors, declared_length},
};

/// Seconds after which the burst guard has certainly forgotten: its period in `wrangler.toml`.
const BURST_PERIOD: i64 = 10;

/// Lists the areas, in the order of the API description.
macro_rules! areas {
    ($($area:ident),* $(,)?) => {
        /// Every route there is, by area.
        pub static AREAS: &[&Area] = &[$(&$area::AREA),*];

        /// Describes every route, in the same order. The description is what its handler says of itself.
        pub fn descriptions() -> Vec<(&'static Area, &'static Route, Description)> {
            let mut all = Vec::new();
            $(
                let routes = $area::AREA.routes.iter().zip($area::descriptions());
                all.extend(routes.map(|(route, description)| (&$area::AREA, route, description)));
            )*
            all
        }
    };
}

areas! {
    sign_in,
    account,
    invitations,
    password_reset,
    administration,
    verification,
    service,
}

/// What a request asks for, as it may stand in a log.
pub fn label(method: &Method, path: &str) -> Label {
    Label::new(method, find(path).map_or("unknown", |(resource, _)| resource.pattern))
}

/// Why a request is answered before its body is read.
enum Early {
    Answer(Response),
    Refusal(Error),
}

impl From<Error> for Early {
    fn from(error: Error) -> Self {
        Early::Refusal(error)
    }
}

/// Answers a request of which only the head has arrived.
///
/// Whatever can be refused by the head alone is refused before `body` is polled. `clock` is read when the body has arrived:
/// until then there is no [`App`], and so no time that a client could make stale.
pub async fn answer(
    services: Services,
    mut request: Request,
    body: impl Future<Output = Result<Vec<u8>, Error>>,
    clock: impl FnOnce() -> Timestamp,
) -> Response {
    let (resource, segments) = find(&request.path).unzip();
    let route = match admit(&services, &request, resource).await {
        Ok(route) => route,
        Err(Early::Answer(response)) => return conclude(&services, &request, Ok(response)),
        Err(Early::Refusal(error)) => return conclude(&services, &request, Err(error)),
    };
    match body.await {
        Ok(body) if body.len() > MAX_BODY => return conclude(&services, &request, Err(Error::BodyTooLarge(MAX_BODY))),
        Ok(body) => request.body = body,
        Err(error) => return conclude(&services, &request, Err(error)),
    }
    let app = services.at(clock());
    let result = dispatch(&app, &request, route, &segments.unwrap_or_default()).await;
    conclude(&app, &request, result)
}

/// Whether a page may be at the address of a request, as far as its head tells.
pub fn may_be_page(request: &Request) -> bool {
    request.only_reads() && !is_api(request) && find(&request.path).is_none()
}

/// Whether a request may be answered over the scheme that it came with.
pub fn is_scheme_served(request: &Request, is_local: bool) -> bool {
    is_local || !request.is_plain_http()
}

fn is_api(request: &Request) -> bool {
    request.path.starts_with("/api/")
}

/// Finds the route, if the head of the request is good enough for its body to be read.
async fn admit(
    services: &Services,
    request: &Request,
    resource: Option<&'static Resource>,
) -> Result<&'static Route, Early> {
    if !is_scheme_served(request, services.settings().is_local) {
        return Err(if request.only_reads() && !is_api(request) {
            Early::Answer(to_https(request))
        } else {
            Error::HttpsRequired.into()
        });
    }
    let resource = resource.ok_or(Error::NotFound)?;
    let Some(route) = resource.route(&request.method) else {
        let methods = &resource.methods;
        return Err(match cors::preflight(request, &services.settings().cors_origins, methods) {
            Some(preflight) => Early::Answer(preflight),
            None => Error::MethodNotAllowed(methods).into(),
        });
    };
    // Of a request that only reads, the body is counted as it arrives: to ask for one more header would cost every session check.
    if !request.only_reads() && declared_length(&*request.headers).is_some_and(|length| length > MAX_BODY) {
        return Err(Error::BodyTooLarge(MAX_BODY).into());
    }
    if let Guard::RateLimited(_) = route.guard {
        let key = services.keys().throttle.hash(&["burst", services.address.as_str()]);
        if !services.rate_limiter.allow(&key).await.map_err(Error::from)? {
            return Err(Error::TooManyRequests(BURST_PERIOD).into());
        }
    }
    Ok(route)
}

fn to_https(request: &Request) -> Response {
    let host = request.origin.split_once("://").map_or("", |(_, host)| host);
    let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
    Response::permanent_redirect(format!("https://{host}{}{query}", request.path))
}

fn conclude(services: &Services, request: &Request, result: Result<Response, Error>) -> Response {
    let mut response = match result {
        Ok(response) => response,
        Err(error) => {
            if let Some(cause) = error.cause() {
                let (id, status) = (&services.request_id, error.status().as_u16());
                let Label { method, route } = label(&request.method, &request.path);
                (services.log)(&format!("request {id}: {method} {route} {status}: {cause}"));
            }
            Response::refusal(&error, &services.request_id)
        }
    };
    response.headers.extend(cors::headers(request, &services.settings().cors_origins));
    finish(&mut response, request, &services.request_id, services.settings().is_local);
    response
}

/// The answer while the settings are wrong: everything but the log keeps silent about them.
pub fn answer_without_settings(request: &Request, request_id: &str) -> Response {
    answer_unprepared(request, &Error::Unavailable("the settings are wrong".to_owned()), request_id)
}

/// The answer when not even the settings can be asked.
pub fn answer_unprepared(request: &Request, error: &Error, request_id: &str) -> Response {
    let mut response = Response::refusal(error, request_id);
    finish(&mut response, request, request_id, request.is_plain_http());
    response
}

/// For two years browsers use nothing but https for this host. Not for its subdomains, which may belong to other services.
const HTTPS_ONLY: &str = "max-age=63072000";

fn finish(response: &mut Response, request: &Request, request_id: &str, is_local: bool) {
    response.headers.extend([
        (header::CACHE_CONTROL, "no-store".into()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".into()),
        (REQUEST_ID, request_id.to_owned().into()),
    ]);
    if !is_local {
        response.headers.push((header::STRICT_TRANSPORT_SECURITY, HTTPS_ONLY.into()));
    }
    if request.method == Method::HEAD {
        response.body = "".into();
    }
}

/// Runs the guard of a route, then its handler.
async fn dispatch(app: &App, request: &Request, route: &Route, segments: &[Segment<'_>]) -> Result<Response, Error> {
    let call = Call { app, request, segments };
    let answer: Answer<'_> = match &route.guard {
        Guard::Open(handler) | Guard::RateLimited(handler) => handler(call, &()),
        Guard::Session(handler) => Box::pin(async move { handler(call, &bearer::session(app, request).await?).await }),
        Guard::SessionBeforePasswordChange(handler) => {
            Box::pin(async move { handler(call, &bearer::session_before_password_change(app, request).await?).await })
        }
        Guard::Admin(handler) => Box::pin(answer_admin(call, *handler)),
        Guard::PasswordReset(handler) => {
            Box::pin(async move { handler(call, &bearer::password_reset(app, request).await?).await })
        }
        Guard::SessionOrPasswordReset(handler) => {
            Box::pin(async move { handler(call, &bearer::session_or_password_reset(app, request).await?).await })
        }
    };
    answer.await
}

/// Runs a handler for an admin. If the stored data decided that a write is refused, the reason can be that the caller is no
/// longer an admin, so this is checked again.
async fn answer_admin(call: Call<'_>, handler: Handler<Admin>) -> Result<Response, Error> {
    let Call { app, request, .. } = call;
    let admin = bearer::admin(app, request).await?;
    match handler(call, &admin).await {
        Err(error) if !request.only_reads() && error.depends_on_data() => {
            Err(bearer::refusal_of_admin(app, &admin, error).await)
        }
        answer => answer,
    }
}
