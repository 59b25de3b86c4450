//! What operators and pages need.

use http::Method;

use super::table::{Area, Description, Guard, Route, has_segment, routes};
use crate::endpoints::*;

routes! {
    "Service": "For operators, for the web pages and for tests.";
    GET "/api/auth/config": Open => config::get(app);
    GET "/.well-known/webauthn": Open => well_known::webauthn(app);
    GET "/.well-known/change-password": Open => well_known::change_password(app);
    GET "/.well-known/security.txt": Open => well_known::security(app);
    GET "/health": Open => health::get(app);
    POST "/webhooks/mail/{provider}": Open => mail_webhooks::post(app, request, provider);
    GET "/dev/design": Open => dev_design::get(app);
    GET "/dev/mails": Open => dev_mails::get(app, request);
    GET "/dev/outbox": Open => outbox::get(app, request);
}
