//! The user's own account.

use http::Method;

use super::table::{Area, Description, Guard, Route, has_segment, routes};
use crate::endpoints::*;

routes! {
    "My account": "For the current user.";
    GET "/api/auth/me": SessionOrPasswordReset => me::get(app, caller);
    DELETE "/api/auth/me": Session(WithSecondFactor) => deactivate::delete(app, caller);
    GET "/api/auth/me/security": SessionDuringSetup(Never) => security::get(app, caller);
    POST "/api/auth/me/totp": SessionDuringSetup(Always) => totp::post(app, caller);
    PUT "/api/auth/me/totp": SessionDuringSetup(Always) => totp::put(app, request, caller);
    DELETE "/api/auth/me/totp": Session(Always) => totp::delete(app, caller);
    POST "/api/auth/me/recovery-codes": Session(Always) => recovery_codes::post(app, caller);
    PUT "/api/auth/me/second-factor": SessionDuringSetup(Always) => second_factor::put(app, caller);
    DELETE "/api/auth/me/second-factor": Session(Always) => second_factor::delete(app, caller);
    PUT "/api/auth/me/name": Session(Never) => name::put(app, request, caller);
    GET "/api/auth/me/locale": Session(Never) => locale::get(app, caller);
    PUT "/api/auth/me/locale": Session(Never) => locale::put(app, request, caller);
    PUT "/api/auth/me/password": SessionBeforePasswordChange(Never) => password::put(app, request, caller);
    DELETE "/api/auth/me/password": Session(Always) => password::delete(app, caller);
    POST "/api/auth/me/passkeys/options": SessionDuringSetup(Always) => passkeys::options(app, caller);
    GET "/api/auth/me/passkeys": SessionDuringSetup(Never) => passkeys::list(app, caller);
    POST "/api/auth/me/passkeys": SessionDuringSetup(Always) => passkeys::add(app, request, caller);
    PUT "/api/auth/me/passkeys/{id}": Session(Never) => passkeys::rename(app, request, caller, id);
    DELETE "/api/auth/me/passkeys/{id}": Session(Always) => passkeys::delete(app, caller, id);
    GET "/api/auth/me/identities": Session(Never) => identities::list(app, caller);
    POST "/api/auth/me/identities/{id}": Session(Always) => identities::begin(app, request, caller, id);
    POST "/api/auth/me/identities/{id}/callback": Session(Always) => identities::link(app, request, caller, id);
    DELETE "/api/auth/me/identities/{id}": Session(Always) => identities::delete(app, caller, id);
    DELETE "/api/auth/me/email-problem": Session(Never) => email_problem::delete(app, caller);
    GET "/api/auth/me/email": Session(Never) => email_change::get(app, caller);
    POST "/api/auth/me/email": Session(Always) => email_change::post(app, request, caller);
    DELETE "/api/auth/me/email": Session(Never) => email_change::delete(app, caller);
    POST "/api/auth/me/email/verify": Session(Never) => email_change::verify(app, request, caller);
    POST "/api/auth/undo-email-change": RateLimited => email_change::undo(app, request);
    POST "/api/auth/me/send-otp": Session(Never) => one_time_password::send(app, caller);
    POST "/api/auth/verify-otp": RateLimited => one_time_password::verify(app, request);
    GET "/api/auth/me/sessions": Session(Never) => sessions::list(app, caller);
    DELETE "/api/auth/me/sessions/{id}": Session(Never) => sessions::delete(app, caller, id);
    GET "/api/auth/me/events": Session(Never) => events::list(app, request, caller);
    GET "/api/auth/me/export": Session(Always) => export::get(app, caller);
}
