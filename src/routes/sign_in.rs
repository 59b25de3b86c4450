//! Signing in and out.

use http::Method;

use super::table::{Area, Description, Guard, Route, has_segment, routes};
use crate::endpoints::*;

routes! {
    "Signing in": "Start and end a session.";
    POST "/api/auth/login": RateLimited => login::post(app, request);
    POST "/api/auth/login/email": RateLimited => email_sign_in::post(app, request);
    POST "/api/auth/login/email/verify": RateLimited => email_sign_in::verify(app, request);
    POST "/api/auth/login/passkey/options": RateLimited => passkey_sign_in::options(app);
    POST "/api/auth/login/passkey": RateLimited => passkey_sign_in::post(app, request);
    POST "/api/auth/login/second-factor/passkey/options": RateLimited => second_step::passkey_options(app, request);
    POST "/api/auth/login/second-factor": RateLimited => second_step::post(app, request);
    POST "/api/auth/login/{provider}": RateLimited => provider_sign_in::begin(app, request, provider);
    POST "/api/auth/login/{provider}/callback": RateLimited => provider_sign_in::callback(app, request, provider);
    GET "/api/auth/callback/{provider}": Open => provider_sign_in::redirect(app, request, provider);
    POST "/api/auth/callback/{provider}": Open => provider_sign_in::redirect_form(app, request, provider);
    POST "/api/auth/signup": RateLimited => signup::post(app, request);
    POST "/api/auth/signup/verify": RateLimited => email_sign_in::verify_sign_up(app, request);
    POST "/api/auth/reauthenticate": SessionDuringSetup(Never) => reauthenticate::post(app, request, caller);
    POST "/api/auth/reauthenticate/passkey/options": SessionDuringSetup(Never) => reauthenticate::passkey_options(app, caller);
    POST "/api/auth/reauthenticate/email": SessionDuringSetup(Never) => reauthenticate::send_email_code(app, caller);
    POST "/api/auth/logout": SessionBeforePasswordChange(Never) => logout::post(app, caller);
}
