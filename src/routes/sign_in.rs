//! Signing in and out.

use http::Method;

use super::table::{Area, Description, Guard, Route, routes};
use crate::endpoints::*;

routes! {
    "Signing in": "Start and end a session.";
    POST "/api/auth/login": RateLimited => login::post(app, request);
    POST "/api/auth/signup": RateLimited => signup::post(app, request);
    POST "/api/auth/reauthenticate": SessionDuringSetup(Never) => reauthenticate::post(app, request, caller);
    POST "/api/auth/logout": SessionBeforePasswordChange(Never) => logout::post(app, caller);
}
