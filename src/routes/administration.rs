//! Administration.

use http::Method;

use super::table::{Area, Description, Guard, Route, has_segment, routes};
use crate::endpoints::admin::*;

routes! {
    "Administration": "For admins only.";
    GET "/api/auth/admin/users": Admin => users::list(app, request);
    POST "/api/auth/admin/users": Admin => users::create(app, request, caller);
    GET "/api/auth/admin/users/{id}": Admin => users::get(app, id);
    PUT "/api/auth/admin/users/{id}": Admin => users::put(app, request, caller, id);
    DELETE "/api/auth/admin/users/{id}": Admin => users::delete(app, caller, id);
    POST "/api/auth/admin/users/{id}/send-password-reset-link": Admin => password_reset::send_link(app, caller, id);
    GET "/api/auth/admin/users/{id}/sessions": Admin => sessions::list(app, caller, id);
    DELETE "/api/auth/admin/users/{id}/sessions": Admin => sessions::delete_all(app, caller, id);
    DELETE "/api/auth/admin/users/{id}/sessions/{session_id}": Admin => sessions::delete(app, caller, id, session_id);
    GET "/api/auth/admin/invite-tree": Admin => invite_tree::get(app, request);
    POST "/api/auth/admin/users/{id}/freeze": Admin => freeze::post(app, caller, id);
    DELETE "/api/auth/admin/users/{id}/freeze": Admin => freeze::delete(app, request, caller, id);
    GET "/api/auth/admin/events": Admin => events::list(app, request);
}
