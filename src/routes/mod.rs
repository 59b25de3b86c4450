//! From a request to its response: finds the route, checks the request, runs the guard and the handler, and adds what all
//! responses share.
//!
//! To add an endpoint, add a row to the file of its area.

mod account;
mod administration;
mod invitations;
mod password_reset;
mod router;
mod service;
mod sign_in;
mod table;
mod verification;

pub use table::{Area, Call, Description, Guard, Handler, ResponseFuture, Route, Segment};

use http::{Method, header};

use self::router::{Resource, find};
use crate::{
    access::{
        bearer::{self, Admin, Bearer, Session},
        recent::{self, RecentAuthentication},
    },
    app::{App, Services},
    domain::Timestamp,
    endpoints::dev_design,
    error::Error,
    language::{Language, quality::prefers_html},
    telemetry::Label,
    web::{REQUEST_ID, Request, Response, cors, declared_length},
};

/// The period of the rate limiter `BURST` in `wrangler.toml`, in seconds. After it, the caller may try again.
const BURST_PERIOD: i64 = 10;

/// Lists the areas, in the order of the API description.
macro_rules! areas {
    ($($area:ident),* $(,)?) => {
        /// All routes, by area.
        pub static AREAS: &[&Area] = &[$(&$area::AREA),*];

        /// Returns every route in the same order, with its area and the description of its handler.
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

/// Returns the method and the pattern of the path of a request, for the log.
pub fn label(method: &Method, path: &str) -> Label {
    Label::new(method, find(path).map_or("unknown", |(resource, _)| resource.pattern))
}

/// A response that is sent before the body is read.
enum Early {
    Response(Response),
    Refusal(Error),
}

impl From<Error> for Early {
    fn from(error: Error) -> Self {
        Early::Refusal(error)
    }
}

/// Returns the response to a request of which only the head has arrived.
///
/// A request that can be refused by its head is refused before `body` is polled. `clock` is read when the body has arrived. Until
/// then there is no [`App`], so a slow client cannot act at an earlier time.
pub async fn respond(
    services: Services,
    mut request: Request,
    body: impl Future<Output = Result<Vec<u8>, Error>>,
    clock: impl FnOnce() -> Timestamp,
) -> Response {
    let (resource, segments) = find(&request.path).unzip();
    let route = match admit(&services, &request, resource).await {
        Ok(route) => route,
        Err(Early::Response(response)) => return conclude(&services, &request, Ok(response)),
        Err(Early::Refusal(error)) => {
            let page = if resource.is_none() { not_found_page(&services, &request).await } else { None };
            return conclude(&services, &request, page.ok_or(error));
        }
    };
    match body.await {
        Ok(body) if body.len() > request.max_body() => {
            let error = Error::BodyTooLarge(request.max_body());
            return conclude(&services, &request, Err(error));
        }
        Ok(body) => request.body = body,
        Err(error) => return conclude(&services, &request, Err(error)),
    }
    let app = services.at(clock());
    let result = dispatch(&app, &request, route, &segments.unwrap_or_default()).await;
    conclude(&app, &request, result)
}

/// Static pages that only the Worker itself reads, for the response to another path.
const INNER_PAGES: [&str; 2] = [NOT_FOUND_PAGE, dev_design::PAGE];
/// The static page for a path that does not exist.
const NOT_FOUND_PAGE: &str = "/not-found";

/// Returns whether the URL of a request can be that of a static page.
pub fn may_be_page(request: &Request) -> bool {
    may_be_opened(request) && !INNER_PAGES.contains(&request.path.as_str())
}

/// Returns whether a browser can have opened the URL of a request that has no route.
fn may_be_opened(request: &Request) -> bool {
    request.only_reads() && !is_api(request) && find(&request.path).is_none()
}

/// Returns whether the page at a path has a captcha, if the settings require one.
pub fn may_have_captcha(path: &str) -> bool {
    ["/signin", "/signup", "/forgot-password"].contains(&path)
}

/// Returns whether the service responds over the scheme of a request.
pub fn is_scheme_served(request: &Request, is_local: bool) -> bool {
    is_local || !request.is_plain_http()
}

fn is_api(request: &Request) -> bool {
    request.path.starts_with("/api/")
}

/// Finds the route, unless the head of the request is enough to respond.
async fn admit(
    services: &Services,
    request: &Request,
    resource: Option<&'static Resource>,
) -> Result<&'static Route, Early> {
    if !is_scheme_served(request, services.settings().is_local) {
        return Err(if request.only_reads() && !is_api(request) {
            Early::Response(to_https(request))
        } else {
            Error::HttpsRequired.into()
        });
    }
    let resource = resource.ok_or(Error::NotFound)?;
    let Some(route) = resource.route(&request.method) else {
        let methods = &resource.methods;
        return Err(match cors::preflight(request, readers(services), methods) {
            Some(preflight) => Early::Response(preflight),
            None => Error::MethodNotAllowed(methods).into(),
        });
    };
    // For GET and HEAD, the size is checked when the body arrives. Reading one more header would slow down every session check.
    if !request.only_reads() && declared_length(&*request.headers).is_some_and(|length| length > request.max_body()) {
        return Err(Error::BodyTooLarge(request.max_body()).into());
    }
    if let Guard::RateLimited(_) = route.guard {
        let key = services.keys().throttle.hash(&["burst", services.address.as_str()]);
        if !services.rate_limiter.allow(&key).await.map_err(Error::from)? {
            return Err(Error::TooManyRequests(BURST_PERIOD).into());
        }
    }
    Ok(route)
}

/// Returns the page for a path that does not exist, if a browser opens it.
async fn not_found_page(services: &Services, request: &Request) -> Option<Response> {
    let is_browser =
        may_be_opened(request) && request.header(&header::ACCEPT).is_some_and(|accept| prefers_html(&accept));
    if !is_browser || !is_scheme_served(request, services.settings().is_local) {
        return None;
    }
    // Without the page, the response is that of the API.
    let page = services.assets.text(NOT_FOUND_PAGE).await.ok()??;
    let error = Error::NotFound;
    Some(Response { status: error.status(), outcome: error.code(), ..Response::page(page) })
}

/// Returns the origins of other pages that can read responses.
fn readers(services: &Services) -> cors::Origins<'_> {
    let settings = services.settings();
    cors::Origins { plain: &settings.cors_origins, apps: &settings.app_origins }
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
            refusal(&error, request, &services.request_id)
        }
    };
    response.headers.extend(cors::headers(request, readers(services)));
    add_common_headers(&mut response, request, &services.request_id, services.settings().is_local);
    response
}

/// Returns the response for an error, in the language that the request asks for.
fn refusal(error: &Error, request: &Request, request_id: &str) -> Response {
    let language = request.language().unwrap_or_default();
    let response = Response::refusal(error, request_id, language);
    if language == Language::default() {
        return response;
    }
    response.header(header::CONTENT_LANGUAGE, language.tag())
}

/// Returns the response while the settings are invalid. Only the log says why.
pub fn respond_without_settings(request: &Request, request_id: &str) -> Response {
    respond_unprepared(request, Error::Unavailable("the settings are wrong".to_owned()), request_id)
}

/// Returns the response to a request for which there are no [`Services`].
pub fn respond_unprepared(request: &Request, error: Error, request_id: &str) -> Response {
    let mut response = refusal(&error, request, request_id);
    add_common_headers(&mut response, request, request_id, request.is_plain_http());
    response
}

/// Browsers use only https for this host for two years. Subdomains are not included, because they can belong to other services.
const HTTPS_ONLY: &str = "max-age=63072000";

fn add_common_headers(response: &mut Response, request: &Request, request_id: &str, is_local: bool) {
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
    let response: ResponseFuture<'_> = match &route.guard {
        Guard::Open(handler) | Guard::RateLimited(handler) => handler(call, &()),
        Guard::Session(when, handler) => {
            Box::pin(
                async move { respond_to_session(call, bearer::session(app, request).await?, *when, *handler).await },
            )
        }
        Guard::SessionDuringSetup(when, handler) => Box::pin(async move {
            respond_to_session(call, bearer::session_during_setup(app, request).await?, *when, *handler).await
        }),
        Guard::SessionBeforePasswordChange(when, handler) => Box::pin(async move {
            respond_to_session(call, bearer::session_before_password_change(app, request).await?, *when, *handler).await
        }),
        Guard::Admin(when, handler) => Box::pin(respond_to_admin(call, *when, *handler)),
        Guard::PasswordReset(handler) => {
            Box::pin(async move { handler(call, &bearer::password_reset(app, request).await?).await })
        }
        Guard::SessionOrPasswordReset(handler) => Box::pin(async move {
            let caller = bearer::session_or_password_reset(app, request).await?;
            let response = handler(call, &caller).await?;
            if let Bearer::Session(session) = &caller {
                bearer::see(app, session);
            }
            Ok(response)
        }),
    };
    response.await
}

/// Runs a handler for a user, unless the call needs recent authentication and the session has none.
async fn respond_to_session(
    call: Call<'_>,
    session: Session,
    when: RecentAuthentication,
    handler: Handler<Session>,
) -> Result<Response, Error> {
    recent::require(call.app, &session, when).await?;
    let response = handler(call, &session).await?;
    bearer::see(call.app, &session);
    Ok(response)
}

/// Runs a handler for an admin. If the stored data decided that a write is refused, the reason can be that the caller is no
/// longer an admin, so this is checked again.
async fn respond_to_admin(
    call: Call<'_>,
    when: RecentAuthentication,
    handler: Handler<Admin>,
) -> Result<Response, Error> {
    let Call { app, request, .. } = call;
    let admin = bearer::admin(app, request).await?;
    recent::require(app, &admin, when).await?;
    match handler(call, &admin).await {
        Ok(response) => {
            bearer::see(app, &admin);
            Ok(response)
        }
        Err(error) if !request.only_reads() && error.depends_on_data() => {
            Err(bearer::refusal_of_admin(app, &admin, error).await)
        }
        refusal => refusal,
    }
}
