//! The way from a path to its endpoint, and what every answer has in common.

use std::{future::ready, pin::Pin};

use http::{Method, header};

use crate::{
    app::App,
    endpoints::{
        admin, config, create_token, deactivate, events, health, jwks, login, logout, me, name, one_time_password,
        openapi, outbox, password, password_reset, send_invite, sessions, signup, tokens, verify_token,
    },
    error::Error,
    telemetry::Label,
    web::{MAX_BODY, REQUEST_ID, Request, Response, cors},
};

/// Seconds after which the burst guard has certainly forgotten: its period in `wrangler.toml`.
const BURST_PERIOD: i64 = 10;

/// An address that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    Token(&'a str),
    Sessions,
    Session(&'a str),
    Events,
    Users,
    User(&'a str),
    UserPasswordResetLink(&'a str),
    UserSessions(&'a str),
    UserSession(&'a str, &'a str),
    UserFreeze(&'a str),
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
                ("me/tokens", token) if !token.is_empty() => Route::Token(token),
                ("me/sessions", id) if !id.is_empty() => Route::Session(id),
                _ => return None,
            },
        })
    }

    fn find_for_admins(path: &'a str) -> Option<Self> {
        let mut parts = path.split('/');
        let parts = [parts.next(), parts.next(), parts.next(), parts.next(), parts.next()];
        if parts.contains(&Some("")) {
            return None;
        }
        Some(match parts {
            [Some("users"), None, ..] => Route::Users,
            [Some("users"), Some(id), None, ..] => Route::User(id),
            [Some("users"), Some(id), Some("send-password-reset-link"), None, _] => Route::UserPasswordResetLink(id),
            [Some("users"), Some(id), Some("sessions"), None, _] => Route::UserSessions(id),
            [Some("users"), Some(id), Some("sessions"), Some(session_id), None] => Route::UserSession(id, session_id),
            [Some("users"), Some(id), Some("freeze"), None, _] => Route::UserFreeze(id),
            [Some("invite-tree"), None, ..] => Route::InviteTree,
            [Some("events"), None, ..] => Route::AllEvents,
            _ => return None,
        })
    }

    fn methods(self) -> &'static [Method] {
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
            Route::Tokens => &[Method::GET, Method::HEAD, Method::POST],
            Route::Jwks
            | Route::OpenApi
            | Route::Config
            | Route::VerifyToken
            | Route::Sessions
            | Route::Events
            | Route::InviteTree
            | Route::AllEvents
            | Route::Health
            | Route::Outbox => &[Method::GET, Method::HEAD],
        }
    }

    /// The path as it may stand in a log: a token in it is not told.
    fn pattern(self) -> &'static str {
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
    fn is_guarded(self) -> bool {
        matches!(
            self,
            Route::Login | Route::Signup | Route::SendPasswordResetLink | Route::VerifyOtp | Route::VerifyToken
        )
    }
}

/// What a request asks for, as it may stand in a log.
pub fn label(method: &Method, path: &str) -> Label {
    Label::new(method, Route::find(path).map_or("unknown", Route::pattern))
}

/// Answers a request, whatever it is.
pub async fn answer(app: &App, request: &Request) -> Response {
    let mut response = match dispatch(app, request).await {
        Ok(response) => response,
        Err(error) => {
            if let Some(cause) = error.cause() {
                let (id, status) = (&app.request_id, error.status().as_u16());
                let Label { method, route } = label(&request.method, &request.path);
                (app.log)(&format!("request {id}: {method} {route} {status}: {cause}"));
            }
            Response::refusal(&error, &app.request_id)
        }
    };
    response.headers.extend(cors::headers(request, &app.settings().cors_origins));
    finish(&mut response, request, &app.request_id);
    response
}

/// The answer while the settings are wrong: everything but the log keeps silent about them.
pub fn answer_without_settings(request: &Request, request_id: &str) -> Response {
    let mut response = Response::refusal(&Error::Unavailable("the settings are wrong".to_owned()), request_id);
    finish(&mut response, request, request_id);
    response
}

/// The answer to a request that could not be read whole.
pub fn answer_unread(error: &Error, request_id: &str) -> Response {
    let mut response = Response::refusal(error, request_id);
    add_headers(&mut response, request_id);
    response
}

fn finish(response: &mut Response, request: &Request, request_id: &str) {
    add_headers(response, request_id);
    if request.method == Method::HEAD {
        response.body = "".into();
    }
}

fn add_headers(response: &mut Response, request_id: &str) {
    response.headers.extend([
        (header::CACHE_CONTROL, "no-store".into()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".into()),
        (REQUEST_ID, request_id.to_owned().into()),
    ]);
}

async fn dispatch(app: &App, request: &Request) -> Result<Response, Error> {
    let route = Route::find(&request.path).ok_or(Error::NotFound)?;
    if !route.methods().contains(&request.method) {
        if let Some(preflight) = cors::preflight(request, &app.settings().cors_origins, route.methods()) {
            return Ok(preflight);
        }
        return Err(Error::MethodNotAllowed(route.methods()));
    }
    if request.body.len() > MAX_BODY {
        return Err(Error::BodyTooLarge(MAX_BODY));
    }
    if route.is_guarded() {
        let key = app.keys().throttle.hash(&["burst", app.address.as_str()]);
        if !app.burst.allow(&key).await? {
            return Err(Error::TooManyRequests(BURST_PERIOD));
        }
    }
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
    fn a_path_is_matched_whole() {
        assert_eq!(Route::find("/api/auth/me/tokens/abc"), Some(Route::Token("abc")));
        for path in [
            "/",
            "/api/auth",
            "/api/auth/",
            "/api/auth/login/",
            "/api/auth/me/tokens/",
            "/api/auth/me/tokens/a/b",
            "/API/auth/login",
            "//api/auth/login",
        ] {
            assert_eq!(Route::find(path), None, "{path}");
        }
    }
}
