//! The way from a path to its endpoint, and what every answer has in common.

use std::{borrow::Cow, future::ready, pin::Pin};

use http::{Method, header};
use percent_encoding::percent_decode_str;

use crate::{
    app::{App, Services},
    domain::Timestamp,
    endpoints::{
        admin, config, create_token, deactivate, events, health, jwks, login, logout, me, name, one_time_password,
        openapi, outbox, password, password_reset, send_invite, sessions, signup, tokens, verify_token,
    },
    error::Error,
    telemetry::Label,
    web::{MAX_BODY, REQUEST_ID, Request, Response, cors, declared_length},
};

/// Seconds after which the burst guard has certainly forgotten: its period in `wrangler.toml`.
const BURST_PERIOD: i64 = 10;

/// A segment of a path, decoded.
type Segment<'a> = Cow<'a, str>;

/// Decodes a segment of a path (RFC 3986, section 2.1). This is the one place where that is done, so `a%2Fb` is always `a/b`
/// and never the text `a%2Fb`. Nothing if it is empty, has a malformed escape, or is not UTF-8.
fn decode(segment: &str) -> Option<Segment<'_>> {
    let mut escapes = segment.split('%').skip(1).map(str::as_bytes);
    let is_well_formed =
        escapes.all(|rest| matches!(rest, [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit()));
    if segment.is_empty() || !is_well_formed {
        return None;
    }
    percent_decode_str(segment).decode_utf8().ok()
}

/// An address that exists.
#[derive(Debug, PartialEq, Eq)]
enum Route<'a> {
    Login,
    Signup,
    Logout,
    Jwks,
    OpenApi,
    Config,
    SendPasswordResetLink,
    ResetPasswordWithToken,
    VerifyOtp,
    VerifyToken,
    Me,
    Name,
    Password,
    SendOtp,
    SendInvite,
    CreateToken,
    Tokens,
    Token(Segment<'a>),
    Sessions,
    Session(Segment<'a>),
    Events,
    Users,
    User(Segment<'a>),
    UserPasswordResetLink(Segment<'a>),
    UserSessions(Segment<'a>),
    UserSession(Segment<'a>, Segment<'a>),
    UserFreeze(Segment<'a>),
    InviteTree,
    AllEvents,
    Health,
    Outbox,
}

impl<'a> Route<'a> {
    fn find(path: &'a str) -> Option<Self> {
        let Some(path) = path.strip_prefix("/api/auth/") else {
            return match path {
                "/health" => Some(Route::Health),
                "/dev/outbox" => Some(Route::Outbox),
                _ => None,
            };
        };
        if let Some(path) = path.strip_prefix("admin/") {
            return Route::find_for_admins(path);
        }
        Some(match path {
            "login" => Route::Login,
            "signup" => Route::Signup,
            "logout" => Route::Logout,
            "jwks" => Route::Jwks,
            "openapi.json" => Route::OpenApi,
            "config" => Route::Config,
            "send-password-reset-link" => Route::SendPasswordResetLink,
            "reset-password-with-token" => Route::ResetPasswordWithToken,
            "verify-otp" => Route::VerifyOtp,
            "verify-token" => Route::VerifyToken,
            "me" => Route::Me,
            "me/name" => Route::Name,
            "me/password" => Route::Password,
            "me/send-otp" => Route::SendOtp,
            "me/send-invite" => Route::SendInvite,
            "me/create-token" => Route::CreateToken,
            "me/tokens" => Route::Tokens,
            "me/sessions" => Route::Sessions,
            "me/events" => Route::Events,
            _ => match path.rsplit_once('/')? {
                ("me/tokens", token) => Route::Token(decode(token)?),
                ("me/sessions", id) => Route::Session(decode(id)?),
                _ => return None,
            },
        })
    }

    fn find_for_admins(path: &'a str) -> Option<Self> {
        let mut parts = path.split('/');
        let parts = [parts.next(), parts.next(), parts.next(), parts.next(), parts.next()];
        Some(match parts {
            [Some("users"), None, ..] => Route::Users,
            [Some("users"), Some(id), None, ..] => Route::User(decode(id)?),
            [Some("users"), Some(id), Some("send-password-reset-link"), None, _] => {
                Route::UserPasswordResetLink(decode(id)?)
            }
            [Some("users"), Some(id), Some("sessions"), None, _] => Route::UserSessions(decode(id)?),
            [Some("users"), Some(id), Some("sessions"), Some(session_id), None] => {
                Route::UserSession(decode(id)?, decode(session_id)?)
            }
            [Some("users"), Some(id), Some("freeze"), None, _] => Route::UserFreeze(decode(id)?),
            [Some("invite-tree"), None, ..] => Route::InviteTree,
            [Some("events"), None, ..] => Route::AllEvents,
            _ => return None,
        })
    }

    fn methods(&self) -> &'static [Method] {
        match self {
            Route::Login
            | Route::Signup
            | Route::Logout
            | Route::SendPasswordResetLink
            | Route::ResetPasswordWithToken
            | Route::VerifyOtp
            | Route::SendOtp
            | Route::SendInvite
            | Route::CreateToken
            | Route::UserPasswordResetLink(_) => &[Method::POST],
            Route::Name | Route::Password => &[Method::PUT],
            Route::Token(_) | Route::Session(_) | Route::UserSession(..) => &[Method::DELETE],
            Route::Users => &[Method::GET, Method::HEAD, Method::POST],
            Route::User(_) => &[Method::GET, Method::HEAD, Method::PUT, Method::DELETE],
            Route::UserSessions(_) => &[Method::GET, Method::HEAD, Method::DELETE],
            Route::UserFreeze(_) => &[Method::POST, Method::DELETE],
            Route::Me => &[Method::GET, Method::HEAD, Method::DELETE],
            Route::Tokens | Route::VerifyToken => &[Method::GET, Method::HEAD, Method::POST],
            Route::Jwks
            | Route::OpenApi
            | Route::Config
            | Route::Sessions
            | Route::Events
            | Route::InviteTree
            | Route::AllEvents
            | Route::Health
            | Route::Outbox => &[Method::GET, Method::HEAD],
        }
    }

    /// The path as it may stand in a log: a token in it is not told.
    fn pattern(&self) -> &'static str {
        match self {
            Route::Login => "/api/auth/login",
            Route::Signup => "/api/auth/signup",
            Route::Logout => "/api/auth/logout",
            Route::Jwks => "/api/auth/jwks",
            Route::OpenApi => "/api/auth/openapi.json",
            Route::Config => "/api/auth/config",
            Route::SendPasswordResetLink => "/api/auth/send-password-reset-link",
            Route::ResetPasswordWithToken => "/api/auth/reset-password-with-token",
            Route::VerifyOtp => "/api/auth/verify-otp",
            Route::VerifyToken => "/api/auth/verify-token",
            Route::Me => "/api/auth/me",
            Route::Name => "/api/auth/me/name",
            Route::Password => "/api/auth/me/password",
            Route::SendOtp => "/api/auth/me/send-otp",
            Route::SendInvite => "/api/auth/me/send-invite",
            Route::CreateToken => "/api/auth/me/create-token",
            Route::Tokens => "/api/auth/me/tokens",
            Route::Token(_) => "/api/auth/me/tokens/{token}",
            Route::Sessions => "/api/auth/me/sessions",
            Route::Session(_) => "/api/auth/me/sessions/{id}",
            Route::Events => "/api/auth/me/events",
            Route::Users => "/api/auth/admin/users",
            Route::User(_) => "/api/auth/admin/users/{id}",
            Route::UserPasswordResetLink(_) => "/api/auth/admin/users/{id}/send-password-reset-link",
            Route::UserSessions(_) => "/api/auth/admin/users/{id}/sessions",
            Route::UserSession(..) => "/api/auth/admin/users/{id}/sessions/{session_id}",
            Route::UserFreeze(_) => "/api/auth/admin/users/{id}/freeze",
            Route::InviteTree => "/api/auth/admin/invite-tree",
            Route::AllEvents => "/api/auth/admin/events",
            Route::Health => "/health",
            Route::Outbox => "/dev/outbox",
        }
    }

    /// Open to strangers, and dear or worth guessing at: the platform's limiter stands before it.
    fn is_guarded(&self) -> bool {
        matches!(
            self,
            Route::Login | Route::Signup | Route::SendPasswordResetLink | Route::VerifyOtp | Route::VerifyToken
        )
    }
}

/// What a request asks for, as it may stand in a log.
pub fn label(method: &Method, path: &str) -> Label {
    Label::new(method, Route::find(path).map_or("unknown", |route| route.pattern()))
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
    let route = Route::find(&request.path);
    let route = match admit(&services, &request, route.as_ref()).await {
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
    let result = dispatch(&app, &request, route).await;
    conclude(&app, &request, result)
}

/// Whether a page may be at the address of a request, as far as its head tells.
pub fn may_be_page(request: &Request) -> bool {
    request.only_reads() && !is_api(request) && Route::find(&request.path).is_none()
}

/// Whether a request may be answered over the scheme that it came with.
pub fn is_scheme_served(request: &Request, is_local: bool) -> bool {
    is_local || !request.is_plain_http()
}

fn is_api(request: &Request) -> bool {
    request.path.starts_with("/api/")
}

/// Finds the route, if the head of the request is good enough for its body to be read.
async fn admit<'a>(
    services: &Services,
    request: &Request,
    route: Option<&'a Route<'a>>,
) -> Result<&'a Route<'a>, Early> {
    if !is_scheme_served(request, services.settings().is_local) {
        return Err(if request.only_reads() && !is_api(request) {
            Early::Answer(to_https(request))
        } else {
            Error::HttpsRequired.into()
        });
    }
    let route = route.ok_or(Error::NotFound)?;
    let methods = route.methods();
    if !methods.contains(&request.method) {
        return Err(match cors::preflight(request, &services.settings().cors_origins, methods) {
            Some(preflight) => Early::Answer(preflight),
            None => Error::MethodNotAllowed(methods).into(),
        });
    }
    // Of a request that only reads, the body is counted as it arrives: to ask for one more header would cost every session check.
    if !request.only_reads() && declared_length(&*request.headers).is_some_and(|length| length > MAX_BODY) {
        return Err(Error::BodyTooLarge(MAX_BODY).into());
    }
    if route.is_guarded() {
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

async fn dispatch(app: &App, request: &Request, route: &Route<'_>) -> Result<Response, Error> {
    // Each endpoint is a function of its own in the module. As one future they would be a single one of hundreds of kilobytes,
    // all of which the first request of an isolate would wait to be compiled.
    let answer: Pin<Box<dyn Future<Output = Result<Response, Error>> + '_>> = match route {
        Route::Login => Box::pin(login::post(app, request)),
        Route::Signup => Box::pin(signup::post(app, request)),
        Route::Logout => Box::pin(logout::post(app, request)),
        Route::Jwks => Box::pin(ready(Ok(jwks::get(app)))),
        Route::OpenApi => Box::pin(ready(Ok(openapi::get()))),
        Route::Config => Box::pin(ready(Ok(config::get(app)))),
        Route::SendPasswordResetLink => Box::pin(password_reset::send_link(app, request)),
        Route::ResetPasswordWithToken => Box::pin(password_reset::complete(app, request)),
        Route::VerifyOtp => Box::pin(one_time_password::verify(app, request)),
        Route::VerifyToken if request.method == Method::POST => Box::pin(verify_token::post(app, request)),
        Route::VerifyToken => Box::pin(verify_token::get(app, request)),
        Route::Me if request.method == Method::DELETE => Box::pin(deactivate::delete(app, request)),
        Route::Me => Box::pin(me::get(app, request)),
        Route::Name => Box::pin(name::put(app, request)),
        Route::Password => Box::pin(password::put(app, request)),
        Route::SendOtp => Box::pin(one_time_password::send(app, request)),
        Route::SendInvite => Box::pin(send_invite::post(app, request)),
        Route::CreateToken => Box::pin(create_token::post(app, request)),
        Route::Tokens => Box::pin(tokens::list(app, request)),
        Route::Token(token) => Box::pin(tokens::delete(app, request, token)),
        Route::Sessions => Box::pin(sessions::list(app, request)),
        Route::Session(id) => Box::pin(sessions::delete(app, request, id)),
        Route::Events => Box::pin(events::list(app, request)),
        Route::Users if request.method == Method::POST => Box::pin(admin::users::create(app, request)),
        Route::Users => Box::pin(admin::users::list(app, request)),
        Route::User(id) => match request.method {
            Method::PUT => Box::pin(admin::users::put(app, request, id)),
            Method::DELETE => Box::pin(admin::users::delete(app, request, id)),
            _ => Box::pin(admin::users::get(app, request, id)),
        },
        Route::UserPasswordResetLink(id) => Box::pin(admin::password_reset::send_link(app, request, id)),
        Route::UserSessions(id) if request.method == Method::DELETE => {
            Box::pin(admin::sessions::delete_all(app, request, id))
        }
        Route::UserSessions(id) => Box::pin(admin::sessions::list(app, request, id)),
        Route::UserSession(id, session_id) => Box::pin(admin::sessions::delete(app, request, id, session_id)),
        Route::UserFreeze(id) if request.method == Method::DELETE => Box::pin(admin::freeze::delete(app, request, id)),
        Route::UserFreeze(id) => Box::pin(admin::freeze::post(app, request, id)),
        Route::InviteTree => Box::pin(admin::invite_tree::get(app, request)),
        Route::AllEvents => Box::pin(admin::events::list(app, request)),
        Route::Health => Box::pin(health::get(app)),
        Route::Outbox => Box::pin(outbox::get(app, request)),
    };
    answer.await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_decoded_once() {
        for (path, id) in [
            ("a%2Fb", "a/b"),
            ("a%252Fb", "a%2Fb"),
            ("auth0|5f7c", "auth0|5f7c"),
            ("auth0%7C5f7c", "auth0|5f7c"),
            ("with%20space", "with space"),
            ("with+plus", "with+plus"),
            ("%C3%BC", "\u{fc}"),
        ] {
            assert_eq!(Route::find(&format!("/api/auth/admin/users/{path}")), Some(Route::User(id.into())), "{path}");
            assert_eq!(Route::find(&format!("/api/auth/me/tokens/{path}")), Some(Route::Token(id.into())), "{path}");
            let session = format!("/api/auth/admin/users/{path}/sessions/{path}");
            assert_eq!(Route::find(&session), Some(Route::UserSession(id.into(), id.into())), "{path}");
        }
        for segment in ["%", "%2", "a%zzb", "%+1", "%FF", "%C3", "%%41"] {
            assert_eq!(Route::find(&format!("/api/auth/admin/users/{segment}")), None, "{segment}");
            assert_eq!(Route::find(&format!("/api/auth/me/sessions/{segment}")), None, "{segment}");
        }
    }

    #[test]
    fn a_path_is_matched_whole() {
        assert_eq!(Route::find("/api/auth/me/tokens/abc"), Some(Route::Token("abc".into())));
        for path in [
            "/",
            "/api/auth",
            "/api/auth/",
            "/api/auth/login/",
            "/api/auth/me/tokens/",
            "/api/auth/me/tokens/a/b",
            "/api/auth/admin/users/",
            "/api/auth/admin/users//sessions",
            "/api/auth/admin/users/a/sessions/",
            "/API/auth/login",
            "//api/auth/login",
        ] {
            assert_eq!(Route::find(path), None, "{path}");
        }
    }
}
