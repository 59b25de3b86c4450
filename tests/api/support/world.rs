//! A service in which everything has happened once, and every door that it has.

use http::Method;
use serde_json::{Value, json};

use super::{Call, MINUTE, PASSWORD, Postern, SignedUp, claims};

pub const ADA: &str = "ada@example.com";
pub const GRACE: &str = "grace@example.com";
/// The password that [`Door::good`] sets.
pub const NEW_PASSWORD: &str = "another good password";

/// A service with a user, Ada, who has two sessions, and one live token of each kind; with another, Grace;
/// and with one who is frozen.
pub struct World {
    pub postern: Postern,
    pub ada: SignedUp,
    pub grace: SignedUp,
    pub frozen: SignedUp,
    /// The id of the session of `ada.token`.
    pub session_id: String,
    /// Ada's other session, and its id.
    pub other_session: String,
    pub other_session_id: String,
    pub user_token: String,
    pub reset_token: String,
    pub otp_token: String,
    pub code: String,
    /// A user token of the admin.
    pub referrer: String,
    pub admin_token: String,
}

impl World {
    pub fn new() -> World {
        Self::with_settings(&[])
    }

    pub fn with_settings(settings: &[(&str, &str)]) -> World {
        let postern = Postern::with_settings(settings);
        let ada = postern.sign_up(ADA);
        // Ada is not verified, so that a code can be sent to her; Grace is, so that she may invite by mail.
        let grace = postern.sign_up_verified(GRACE);
        let frozen = postern.sign_up("frozen@example.com");
        let other_session = postern.token(ADA, PASSWORD);
        let user_token = postern.create_user_token(&ada.token);
        let (otp_token, code) = postern.one_time_password(&ada.token, ADA);
        // The next code may be sent, and the mails are not of the same moment.
        postern.wait(MINUTE);
        let reset_token = postern.reset_token(ADA);
        postern.wait(MINUTE);
        let admin_token = postern.admin_token();
        postern.freeze(&admin_token, &frozen.id);
        let id = |token: &str| claims(token)["sid"].as_str().unwrap().to_owned();
        World {
            session_id: id(&ada.token),
            other_session_id: id(&other_session),
            referrer: postern.referrer(),
            admin_token,
            postern,
            ada,
            grace,
            frozen,
            other_session,
            user_token,
            reset_token,
            otp_token,
            code,
        }
    }
}

/// Whose bearer opens a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opens {
    Anybody,
    Sessions,
    Resets,
    SessionsAndResets,
    /// Sessions of admins.
    Admins,
}

/// What body a door takes; the functions make a good one.
#[derive(Clone, Copy)]
pub enum Takes {
    Nothing,
    Json(fn(&World) -> Value),
    JsonOrNothing(fn(&World) -> Value),
    Form(fn(&World) -> Vec<(&'static str, String)>),
}

/// A method at an address.
#[derive(Clone)]
pub struct Door {
    pub method: Method,
    pub pattern: &'static str,
    pub opens: Opens,
    pub takes: Takes,
}

impl Door {
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.pattern)
    }

    pub fn path(&self, world: &World) -> String {
        let path = if self.opens == Opens::Admins {
            let session = claims(&world.grace.token)["sid"].as_str().unwrap().to_owned();
            let is_unfreezing = self.method == Method::DELETE && self.pattern.ends_with("/freeze");
            let user = if is_unfreezing { &world.frozen } else { &world.grace };
            self.pattern.replace("{id}", &user.id).replace("{session_id}", &session)
        } else {
            self.pattern.replace("{token}", &world.user_token).replace("{id}", &world.other_session_id)
        };
        if path == "/api/auth/verify-token" && self.method != Method::POST {
            format!("{path}?token={}", world.user_token)
        } else {
            path
        }
    }

    /// Without a bearer or a body.
    pub fn bare<'a>(&self, world: &'a World) -> Call<'a> {
        world.postern.request(self.method.clone(), &self.path(world))
    }

    /// The bearer that opens it, if it needs one.
    pub fn key<'a>(&self, world: &'a World) -> Option<&'a str> {
        match self.opens {
            Opens::Anybody => None,
            Opens::Sessions | Opens::SessionsAndResets => Some(self.session(world)),
            Opens::Resets => Some(&world.reset_token),
            Opens::Admins => Some(&world.admin_token),
        }
    }

    /// The session of whoever may open it.
    pub fn session<'a>(&self, world: &'a World) -> &'a str {
        match self.opens {
            Opens::Admins => &world.admin_token,
            _ if self.is_for_verified() => &world.grace.token,
            _ => &world.ada.token,
        }
    }

    /// Whether it takes a verified email.
    pub fn is_for_verified(&self) -> bool {
        self.pattern == "/api/auth/me/send-invite"
    }

    /// With the bearer that opens it, but without a body.
    pub fn unlocked<'a>(&self, world: &'a World) -> Call<'a> {
        let call = self.bare(world);
        match self.key(world) {
            Some(token) => call.bearer(token),
            None => call,
        }
    }

    /// With a good body, but without a bearer.
    pub fn locked<'a>(&self, world: &'a World) -> Call<'a> {
        self.with_body(self.bare(world), world)
    }

    /// A request that is answered with 200.
    pub fn good<'a>(&self, world: &'a World) -> Call<'a> {
        self.with_body(self.unlocked(world), world)
    }

    fn with_body<'a>(&self, call: Call<'a>, world: &World) -> Call<'a> {
        match self.takes {
            Takes::Nothing => call,
            Takes::Json(body) | Takes::JsonOrNothing(body) => call.json(body(world)),
            Takes::Form(fields) => {
                let fields = fields(world);
                let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
                call.form(&fields)
            }
        }
    }
}

/// Every door.
pub fn doors() -> Vec<Door> {
    use Opens::*;
    use Takes::*;
    let door = |method, pattern, opens, takes| Door { method, pattern, opens, takes };
    let mut doors = vec![
        door(Method::POST, "/api/auth/login", Anybody, Json(|_| json!({ "email": ADA, "password": PASSWORD }))),
        door(
            Method::POST,
            "/api/auth/signup",
            Anybody,
            Json(|world| {
                let referrer = &world.referrer;
                json!({ "referrer": referrer, "email": "bob@example.com", "password": PASSWORD, "name": "Bob" })
            }),
        ),
        door(Method::POST, "/api/auth/logout", Sessions, Nothing),
        door(Method::GET, "/api/auth/jwks", Anybody, Nothing),
        door(Method::GET, "/api/auth/openapi.json", Anybody, Nothing),
        door(Method::GET, "/api/auth/config", Anybody, Nothing),
        door(Method::POST, "/api/auth/send-password-reset-link", Anybody, Json(|_| json!({ "email": ADA }))),
        door(
            Method::POST,
            "/api/auth/reset-password-with-token",
            Resets,
            Json(|_| json!({ "password": NEW_PASSWORD })),
        ),
        door(
            Method::POST,
            "/api/auth/verify-otp",
            Anybody,
            Form(|world| vec![("otp", world.code.clone()), ("token", world.otp_token.clone())]),
        ),
        door(Method::GET, "/api/auth/verify-token", Anybody, Nothing),
        door(Method::POST, "/api/auth/verify-token", Anybody, Json(|world| json!({ "token": world.user_token }))),
        door(Method::GET, "/api/auth/me", SessionsAndResets, Nothing),
        door(Method::DELETE, "/api/auth/me", Sessions, Nothing),
        door(Method::PUT, "/api/auth/me/name", Sessions, Json(|_| json!({ "name": "Ada" }))),
        door(
            Method::PUT,
            "/api/auth/me/password",
            Sessions,
            Json(|_| json!({ "old_password": PASSWORD, "new_password": NEW_PASSWORD })),
        ),
        door(Method::POST, "/api/auth/me/send-otp", Sessions, Nothing),
        door(Method::POST, "/api/auth/me/send-invite", Sessions, Json(|_| json!({ "email": "eve@example.com" }))),
        door(
            Method::POST,
            "/api/auth/me/create-token",
            Sessions,
            JsonOrNothing(|_| json!({ "name": "For Eve", "expires_in_days": 7 })),
        ),
        door(Method::GET, "/api/auth/me/tokens", Sessions, Nothing),
        door(Method::POST, "/api/auth/me/tokens", Sessions, Nothing),
        door(Method::DELETE, "/api/auth/me/tokens/{token}", Sessions, Nothing),
        door(Method::GET, "/api/auth/me/sessions", Sessions, Nothing),
        door(Method::DELETE, "/api/auth/me/sessions/{id}", Sessions, Nothing),
        door(Method::GET, "/api/auth/me/events", Sessions, Nothing),
        door(Method::GET, "/api/auth/admin/users", Admins, Nothing),
        door(
            Method::POST,
            "/api/auth/admin/users",
            Admins,
            Json(|_| {
                json!({ "email": "joan@example.com", "password": PASSWORD, "name": "Joan", "role": "user", "tier": 1,
                        "is_verified": true })
            }),
        ),
        door(Method::GET, "/api/auth/admin/users/{id}", Admins, Nothing),
        door(
            Method::PUT,
            "/api/auth/admin/users/{id}",
            Admins,
            Json(|_| json!({ "name": "Grace", "role": "user", "tier": 1, "is_active": true })),
        ),
        door(Method::DELETE, "/api/auth/admin/users/{id}", Admins, Nothing),
        door(Method::POST, "/api/auth/admin/users/{id}/send-password-reset-link", Admins, Nothing),
        door(Method::GET, "/api/auth/admin/users/{id}/sessions", Admins, Nothing),
        door(Method::DELETE, "/api/auth/admin/users/{id}/sessions", Admins, Nothing),
        door(Method::DELETE, "/api/auth/admin/users/{id}/sessions/{session_id}", Admins, Nothing),
        door(Method::POST, "/api/auth/admin/users/{id}/freeze", Admins, Nothing),
        door(Method::DELETE, "/api/auth/admin/users/{id}/freeze", Admins, Nothing),
        door(Method::GET, "/api/auth/admin/invite-tree", Admins, Nothing),
        door(Method::GET, "/api/auth/admin/events", Admins, Nothing),
        door(Method::GET, "/health", Anybody, Nothing),
        door(Method::GET, "/dev/outbox", Anybody, Nothing),
    ];
    let heads: Vec<Door> = doors
        .iter()
        .filter(|door| door.method == Method::GET)
        .map(|door| Door { method: Method::HEAD, ..door.clone() })
        .collect();
    doors.extend(heads);
    doors
}
