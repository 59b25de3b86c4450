//! Resetting a forgotten password.

use http::Method;

use super::table::{Area, Description, Guard, Route, routes};
use crate::endpoints::*;

routes! {
    "Password reset": "For users who forgot their password.";
    POST "/api/auth/send-password-reset-link": RateLimited => password_reset::send_link(app, request);
    POST "/api/auth/reset-password-with-token": PasswordReset => password_reset::complete(app, request, caller);
}
