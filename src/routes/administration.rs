//! Administration.

use http::Method;

use super::table::{Area, Description, Guard, Route, has_segment, routes};
use crate::endpoints::admin::*;

routes! {
    "Administration": "For admins only.";
    GET "/api/auth/admin/users": Admin(Never) => users::list(app, request);
    POST "/api/auth/admin/users": Admin(WithSecondFactor) => users::create(app, request, caller);
    GET "/api/auth/admin/users/{id}": Admin(Never) => users::get(app, id);
    PUT "/api/auth/admin/users/{id}": Admin(WithSecondFactor) => users::put(app, request, caller, id);
    DELETE "/api/auth/admin/users/{id}": Admin(WithSecondFactor) => users::delete(app, caller, id);
    POST "/api/auth/admin/users/{id}/send-password-reset-link": Admin(WithSecondFactor) => password_reset::send_link(app, caller, id);
    DELETE "/api/auth/admin/users/{id}/second-factors": Admin(Always) => second_factors::delete(app, caller, id);
    DELETE "/api/auth/admin/users/{id}/email-problem": Admin(WithSecondFactor) => email_problem::delete(app, caller, id);
    GET "/api/auth/admin/users/{id}/sessions": Admin(Never) => sessions::list(app, caller, id);
    DELETE "/api/auth/admin/users/{id}/sessions": Admin(WithSecondFactor) => sessions::delete_all(app, caller, id);
    DELETE "/api/auth/admin/users/{id}/sessions/{session_id}": Admin(WithSecondFactor) => sessions::delete(app, caller, id, session_id);
    GET "/api/auth/admin/users/{id}/identities": Admin(Never) => identities::list(app, id);
    DELETE "/api/auth/admin/users/{id}/identities/{identity_id}": Admin(WithSecondFactor) => identities::delete(app, caller, id, identity_id);
    GET "/api/auth/admin/users/{id}/invitation": Admin(Never) => invitation::get(app, id);
    GET "/api/auth/admin/sign-ups": Admin(Never) => sign_ups::list(app, request);
    POST "/api/auth/admin/sign-ups/{id}/approve": Admin(WithSecondFactor) => sign_ups::approve(app, caller, id);
    POST "/api/auth/admin/sign-ups/{id}/reject": Admin(WithSecondFactor) => sign_ups::reject(app, caller, id);
    GET "/api/auth/admin/invite-tree": Admin(Never) => invite_tree::get(app, request);
    GET "/api/auth/admin/users/{id}/referrers": Admin(Never) => invite_tree::referrers(app, id);
    GET "/api/auth/admin/users/{id}/freeze": Admin(Never) => freeze::get(app, id);
    POST "/api/auth/admin/users/{id}/freeze": Admin(WithSecondFactor) => freeze::post(app, caller, id);
    DELETE "/api/auth/admin/users/{id}/freeze": Admin(WithSecondFactor) => freeze::delete(app, request, caller, id);
    GET "/api/auth/admin/overview": Admin(Never) => overview::get(app, request);
    GET "/api/auth/admin/events": Admin(Never) => events::list(app, request);
}
