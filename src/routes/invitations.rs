//! User tokens and invitations.

use http::Method;

use super::table::{Area, Description, Guard, Route, has_segment, routes};
use crate::endpoints::*;

routes! {
    "Invitations": "User tokens, which users give to the people they invite.";
    POST "/api/auth/me/create-token": Session(WithSecondFactor) => create_token::post(app, request, caller);
    GET "/api/auth/me/tokens": Session(Never) => tokens::list(app, caller);
    POST "/api/auth/me/tokens": Session(Never) => tokens::list(app, caller);
    DELETE "/api/auth/me/tokens/{token}": Session(WithSecondFactor) => tokens::delete(app, caller, token);
    GET "/api/auth/me/tokens/{token}/users": Session(Never) => tokens::users(app, caller, token);
    GET "/api/auth/verify-token": RateLimited => verify_token::get(app, request);
    POST "/api/auth/verify-token": RateLimited => verify_token::post(app, request);
    POST "/api/auth/invitation": RateLimited => invitation::post(app, request);
    POST "/api/auth/me/send-invite": Session(WithSecondFactor) => send_invite::post(app, request, caller);
}
