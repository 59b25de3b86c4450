//! What other services need.

use http::Method;

use super::table::{Area, Description, Guard, Route, routes};
use crate::endpoints::*;

routes! {
    "Verifying": "For other services.";
    GET "/api/auth/jwks": Open => jwks::get(app);
    GET "/api/auth/openapi.json": Open => openapi::get(app);
}
