//! A service in which everything has happened once, and every endpoint that it has.

use base64ct::{Base64UrlUnpadded, Encoding};
use std::cell::RefCell;

use http::Method;
use postern::{
    access::{
        email_proof,
        one_time::{self, Applicant, Ceremony, EmailPurpose, PendingSignIn, ProviderPurpose},
        passkey::{self, Issued},
        provider_visit,
        recent::RecentAuthentication,
    },
    app::App,
    crypto::totp::Secret,
    domain::email::Email,
    routes::{AREAS, Guard},
};
use serde_json::{Value, json};

use super::{
    Call, MINUTE, PASSWORD, Postern, SignedUp, WEBHOOK_PASSWORD, authenticator::Authenticator, claims, totp_code,
};

pub const ADA: &str = "ada@example.com";
pub const GRACE: &str = "grace@example.com";
pub const PIA: &str = "pia@example.com";
pub const TESS: &str = "tess@example.com";
/// The address that Ada has asked for.
pub const NEW_EMAIL: &str = "ada@example.org";
/// The password that [`Endpoint::good`] sets.
pub const NEW_PASSWORD: &str = "another good password";

/// A service with a user, Ada, who has two sessions, and one live token of each kind, and has begun to add an authenticator app; with
/// Grace; with Pia, who has signed in with a passkey; with Tess, who has an authenticator app and recovery codes; and with one who is frozen.
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
    /// The token and the code of a change of Ada's email to [`NEW_EMAIL`], and the token of the link that stops it.
    pub email_change_token: String,
    pub email_change_code: String,
    pub undo_token: String,
    /// A user token of the admin.
    pub referrer: String,
    pub admin_token: String,
    /// Ada's passkey.
    pub passkey: Authenticator,
    /// Ada's authenticator app, which is not confirmed.
    pub new_totp: Secret,
    pub pia: SignedUp,
    pub tess: SignedUp,
    pub totp: Secret,
    pub recovery_codes: Vec<String>,
    /// The token of a login of Tess's that waits for its second step.
    pub pending_token: String,
    /// A token and its code, with which Grace signs in by email.
    pub email_code: Value,
    /// A token and its code, with which the owner of Ada's mailbox takes over her account, because it is not verified.
    pub claim_code: Value,
    /// What someone comes back from GitHub with to sign in.
    pub visit: Value,
}

/// The id of [`World::passkey`] in the API.
pub const PASSKEY_ID: &str = "0198c0de-0000-4000-8000-00000000ada1";

/// The ids of Ada's and Grace's identities at GitHub.
pub const ADAS_IDENTITY: &str = "0198c0de-0000-4000-8000-00000000ada2";
pub const GRACES_IDENTITY: &str = "0198c0de-0000-4000-8000-00000000a2ce";
/// The ids of Ada, Grace and another user of GitHub there.
pub const ADA_AT_GITHUB: i64 = 1;
pub const GRACE_AT_GITHUB: i64 = 2;
pub const OCTOCAT: i64 = 583_231;

/// The id of a request to sign up that waits for an admin.
pub const SIGN_UP_ID: &str = "0198c0de-0000-4000-8000-00000000c1a1";
/// The email of that request.
pub const CLARA: &str = "clara@example.com";

/// Settings, with the world that they give.
type Template = (Vec<(String, String)>, World);

thread_local! {
    static TEMPLATES: RefCell<Vec<Template>> = const { RefCell::new(Vec::new()) };
}

fn copy_of(secret: &Secret) -> Secret {
    Secret::from_base32(&secret.to_base32()).unwrap()
}

impl World {
    pub fn new() -> World {
        Self::with_settings(&[])
    }

    /// A copy of a world that each thread builds once per settings, because a test may need hundreds.
    pub fn with_settings(settings: &[(&str, &str)]) -> World {
        TEMPLATES.with_borrow_mut(|templates| {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            let settings_of_template: Vec<_> = settings.iter().map(owned).collect();
            if let Some((_, template)) = templates.iter().find(|(known, _)| *known == settings_of_template) {
                return template.copy(settings);
            }
            let world = World::build(settings);
            let copy = world.copy(settings);
            templates.push((settings_of_template, world));
            copy
        })
    }

    fn copy(&self, settings: &[(&str, &str)]) -> World {
        World {
            postern: self.postern.copy(settings),
            ada: self.ada.clone(),
            grace: self.grace.clone(),
            frozen: self.frozen.clone(),
            session_id: self.session_id.clone(),
            other_session: self.other_session.clone(),
            other_session_id: self.other_session_id.clone(),
            user_token: self.user_token.clone(),
            reset_token: self.reset_token.clone(),
            otp_token: self.otp_token.clone(),
            code: self.code.clone(),
            email_change_token: self.email_change_token.clone(),
            email_change_code: self.email_change_code.clone(),
            undo_token: self.undo_token.clone(),
            referrer: self.referrer.clone(),
            admin_token: self.admin_token.clone(),
            passkey: self.passkey.clone(),
            new_totp: copy_of(&self.new_totp),
            pia: self.pia.clone(),
            tess: self.tess.clone(),
            totp: copy_of(&self.totp),
            recovery_codes: self.recovery_codes.clone(),
            pending_token: self.pending_token.clone(),
            email_code: self.email_code.clone(),
            claim_code: self.claim_code.clone(),
            visit: self.visit.clone(),
        }
    }

    fn build(settings: &[(&str, &str)]) -> World {
        let postern = Postern::with_settings(settings);
        let ada = postern.sign_up(ADA);
        // Ada is not verified, so that a code can be sent to her; Grace is, so that she may invite by mail.
        let grace = postern.sign_up_verified(GRACE);
        let frozen = postern.sign_up("frozen@example.com");
        let other_session = postern.token(ADA, PASSWORD);
        let user_token = postern.create_user_token(&ada.token);
        let (otp_token, code) = postern.one_time_password(&ada.token, ADA);
        let tess = postern.sign_up(TESS);
        let (totp, recovery_codes) = postern.add_totp(&tess.token);
        let new_totp = postern.begin_totp(&ada.token);
        let (email_change_token, _) = postern.ask_email_change(&ada.token, NEW_EMAIL);
        let (email_change_code, undo_token) = (postern.code(NEW_EMAIL), postern.undo_token(ADA));
        // The next code may be sent, and the mails are not of the same moment.
        postern.wait(MINUTE);
        let reset_token = postern.reset_token(ADA);
        postern.wait(MINUTE);
        let admin_token = postern.admin_token();
        postern.freeze(&admin_token, &frozen.id);
        let passkey = add_passkey(&postern, &ada.id, PASSKEY_ID, 1);
        let pia = user_with_passkey(&postern);
        postern.sql.execute(
            "INSERT INTO sign_ups (id, email, password_hash, name, note, requested_at)
             SELECT ?1, ?2, password_hash, 'Clara', 'I am Clara.', ?3 FROM users WHERE email = ?4",
            &[SIGN_UP_ID.into(), CLARA.into(), postern.now.get().into(), ADA.into()],
        );
        for (user_id, id, subject) in
            [(&ada.id, ADAS_IDENTITY, ADA_AT_GITHUB), (&grace.id, GRACES_IDENTITY, GRACE_AT_GITHUB)]
        {
            postern.sql.execute(
                "INSERT INTO identities (issuer, subject, id, user_id, provider, created_at)
                 VALUES ('https://github.com', ?1, ?2, ?3, 'github', ?4)",
                &[subject.to_string().into(), id.into(), user_id.as_str().into(), postern.now.get().into()],
            );
        }
        let pending_token = postern.pending_token(TESS);
        // Only security notices go to Tess.
        postern.sql.execute(
            "UPDATE users SET email_problem = 'bounce', email_problem_at = 1 WHERE email = ?1",
            &[TESS.into()],
        );
        let id = |token: &str| claims(token)["sid"].as_str().unwrap().to_owned();
        let app = postern.services().at(postern.now.get());
        let applicant = Applicant { name: Some("Ada".to_owned()), ..Applicant::default() };
        World {
            email_code: email_code(&app, GRACE, EmailPurpose::SignIn),
            claim_code: email_code(&app, ADA, EmailPurpose::SignUp(applicant)),
            visit: visit(&app, ProviderPurpose::SignIn { referrer: None }),
            session_id: id(&ada.token),
            other_session_id: id(&other_session),
            referrer: postern.referrer(),
            admin_token,
            passkey,
            postern,
            ada,
            grace,
            frozen,
            other_session,
            user_token,
            reset_token,
            otp_token,
            code,
            email_change_token,
            email_change_code,
            undo_token,
            new_totp,
            pia,
            tess,
            totp,
            recovery_codes,
            pending_token,
        }
    }

    /// What requests work with, to make tokens without a request.
    pub fn app(&self) -> App {
        self.postern.services().at(self.postern.now.get())
    }

    /// The token and the options of a challenge, as an endpoint returns them.
    pub fn passkey_request(&self, ceremony: Ceremony) -> Value {
        let app = self.app();
        serde_json::to_value(passkey::issue(&app, ceremony).unwrap().request(&app, Vec::new())).unwrap()
    }

    /// The token of a login of a user with a new password that waits for its second step.
    pub fn pending(&self, user_id: &str) -> String {
        let (user_id, methods) = (user_id.to_owned(), "password".to_owned());
        one_time::seal(&self.app(), &PendingSignIn { user_id, password_epoch: 0, methods, first_step: None }).unwrap()
    }

    /// Signs a user in at GitHub.
    pub fn github_user(&self, id: i64) {
        let emails = json!([{ "email": "octocat@example.com", "primary": true, "verified": true }]);
        self.postern.github_says(json!({ "id": id, "name": "Octo Cat" }), emails);
    }

    /// What this user comes back from GitHub with.
    pub fn come_back(&self, user: i64, purpose: ProviderPurpose) -> Value {
        self.github_user(user);
        visit(&self.app(), purpose)
    }

    /// What Ada's passkey sends to sign in.
    pub fn passkey_sign_in(&self) -> Value {
        let request = self.passkey_request(Ceremony::SignIn);
        json!({ "token": request["token"], "credential": self.passkey.get(&request["publicKey"]) })
    }

    /// What an authenticator sends that creates another passkey of Ada's.
    pub fn passkey_creation(&self) -> Value {
        let Issued { token, challenge } =
            passkey::issue(&self.app(), Ceremony::Registration { user_id: self.ada.id.clone() }).unwrap();
        let user = json!({ "id": passkey::user_handle_text(&self.ada.id) });
        let options = json!({ "rp": { "id": "app.example.com" }, "user": user, "challenge": challenge });
        json!({ "token": token, "credential": Authenticator::new(2).create(&options), "name": "Laptop" })
    }
}

/// What a user comes back from GitHub with.
fn visit(app: &App, purpose: ProviderPurpose) -> Value {
    let provider = app.settings().identity_providers.find("github").unwrap();
    let begun = pollster::block_on(provider_visit::begin(app, provider, purpose, None)).unwrap();
    json!({ "token": begun.token, "state": begun.id, "code": "a code" })
}

/// The token and the code of an email, as if they had just been asked for.
pub fn email_code(app: &App, email: &str, purpose: EmailPurpose) -> Value {
    let issued = email_proof::issue(app, &Email::parse(email).unwrap(), purpose).unwrap();
    json!({ "token": issued.token, "code": issued.code })
}

/// Adds Pia, past the service, with the password of the others.
fn user_with_passkey(postern: &Postern) -> SignedUp {
    let id = "0198c0de-0000-4000-8000-00000000f1a1";
    postern.sql.execute(
        "INSERT INTO users (id, email, password_hash, created_at, updated_at)
         SELECT ?1, ?2, password_hash, created_at, updated_at FROM users WHERE email = ?3",
        &[id.into(), PIA.into(), ADA.into()],
    );
    let token = postern.token(PIA, PASSWORD);
    postern.sql.execute("UPDATE sessions SET level = 2, methods = 'passkey' WHERE user_id = ?1", &[id.into()]);
    add_passkey(postern, id, "0198c0de-0000-4000-8000-00000000f1a2", 200);
    SignedUp { token, id: id.to_owned(), email: PIA.to_owned() }
}

/// Gives a user a passkey, past the service.
pub fn add_passkey(postern: &Postern, user_id: &str, id: &'static str, number: u8) -> Authenticator {
    let mut passkey = Authenticator::new(number);
    passkey.user_handle = Some(user_id.into());
    let key = Base64UrlUnpadded::encode_string(&passkey.public_key());
    postern.sql.execute(
        "INSERT INTO passkeys (credential_id, id, user_id, algorithm, public_key, sign_count, is_backup_eligible, is_synced, aaguid,
           transports, name, created_at)
         VALUES (?1, ?2, ?3, -7, ?4, 0, 1, 1, '00000000-0000-0000-0000-000000000000', '[\"internal\"]', 'Phone', ?5)",
        &[passkey.credential_id().into(), id.into(), user_id.into(), key.into(), postern.now.get().into()],
    );
    passkey
}

/// Whose bearer opens an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opens {
    Anybody,
    Sessions,
    Resets,
    SessionsAndResets,
    /// Sessions of admins.
    Admins,
}

/// What body an endpoint takes; the functions make a good one.
#[derive(Clone, Copy)]
pub enum Takes {
    Nothing,
    Json(fn(&World) -> Value),
    JsonOrNothing(fn(&World) -> Value),
    Form(fn(&World) -> Vec<(&'static str, String)>),
    /// What a mail provider sends, with its password. It has rules of its own: tests/api/mail_webhooks.rs.
    Webhook(fn() -> Value),
}

/// A method at an address.
#[derive(Clone)]
pub struct Endpoint {
    pub method: Method,
    pub pattern: &'static str,
    pub opens: Opens,
    /// When it needs recent authentication, if it is for users or admins.
    pub recent: Option<RecentAuthentication>,
    pub takes: Takes,
}

impl Endpoint {
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.pattern)
    }

    pub fn path(&self, world: &World) -> String {
        let path = if self.opens == Opens::Admins {
            let session = claims(&world.grace.token)["sid"].as_str().unwrap().to_owned();
            let is_unfreezing = self.method == Method::DELETE && self.pattern.ends_with("/freeze");
            let user = match () {
                () if is_unfreezing => &world.frozen,
                () if self.needs_email_problem() => &world.tess,
                () => &world.grace,
            };
            let id = if self.pattern.contains("/sign-ups/") { SIGN_UP_ID } else { &user.id };
            let path = self.pattern.replace("{id}", id).replace("{session_id}", &session);
            path.replace("{identity_id}", GRACES_IDENTITY)
        } else {
            let id = match () {
                () if self.pattern.contains("/passkeys/") => PASSKEY_ID,
                () if !self.pattern.contains("/identities/") => &world.other_session_id,
                () if self.method == Method::DELETE => ADAS_IDENTITY,
                () => "github",
            };
            let provider = if self.pattern.starts_with("/webhooks/") { "postmark" } else { "github" };
            let path = self.pattern.replace("{token}", &world.user_token).replace("{id}", id);
            path.replace("{provider}", provider)
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

    /// The session of a user who can call it.
    pub fn session<'a>(&self, world: &'a World) -> &'a str {
        match self.opens {
            Opens::Admins => &world.admin_token,
            _ => &self.user(world).token,
        }
    }

    /// The user whom it is about, if it is not for admins.
    pub fn user<'a>(&self, world: &'a World) -> &'a SignedUp {
        match () {
            () if self.is_for_verified() => &world.grace,
            () if self.needs_passkey() => &world.pia,
            () if self.needs_totp() || self.needs_email_problem() => &world.tess,
            () => &world.ada,
        }
    }

    /// Gives Ada what another user has who calls it in [`Endpoint::good`].
    pub fn let_ada_call(&self, world: &World) {
        let sql = &world.postern.sql;
        let ada = || world.ada.id.as_str().into();
        if self.opens == Opens::Admins {
            world.postern.make_admin(&world.ada.id);
        }
        if self.is_for_verified() {
            world.postern.verify(&world.ada.id);
        }
        if self.needs_passkey() || self.needs_totp() {
            sql.execute("UPDATE sessions SET level = 2, methods = 'passkey' WHERE user_id = ?1", &[ada()]);
        }
        if self.needs_totp() {
            sql.execute("UPDATE totp SET confirmed_at = 1 WHERE user_id = ?1", &[ada()]);
            sql.execute("UPDATE users SET second_factor = 1 WHERE id = ?1", &[ada()]);
        }
    }

    /// Whether it takes a verified email.
    pub fn is_for_verified(&self) -> bool {
        ["/api/auth/me/send-invite", "/api/auth/reauthenticate/email"].contains(&self.pattern)
    }

    /// Whether it takes a user with a passkey.
    pub fn needs_passkey(&self) -> bool {
        let endpoint = self.name();
        ["PUT /api/auth/me/second-factor", "DELETE /api/auth/me/password"].contains(&endpoint.as_str())
    }

    /// Whether it takes a user with an authenticator app that is confirmed.
    pub fn needs_totp(&self) -> bool {
        let removes = self.method == Method::DELETE
            && ["/api/auth/me/totp", "/api/auth/me/second-factor"].contains(&self.pattern);
        removes || ["/api/auth/me/recovery-codes", "/api/auth/login/second-factor"].contains(&self.pattern)
    }

    /// Whether it takes a user whose address mail does not reach.
    pub fn needs_email_problem(&self) -> bool {
        self.pattern.ends_with("/email-problem")
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
            Takes::Webhook(body) => call.basic(WEBHOOK_PASSWORD).json(body()),
            Takes::Json(body) | Takes::JsonOrNothing(body) => call.json(body(world)),
            Takes::Form(fields) => {
                let fields = fields(world);
                let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
                call.form(&fields)
            }
        }
    }
}

/// The redirect URIs of providers. They answer everybody with a redirect to a page, ask nothing, and have tests of their own in
/// identities.rs.
pub const REDIRECT: &str = "/api/auth/callback/{provider}";

/// The address where browsers look for the page to change the password. It redirects.
pub const CHANGE_PASSWORD: &str = "/.well-known/change-password";

/// Every route as an endpoint, and HEAD wherever GET is. Without [`REDIRECT`] and [`CHANGE_PASSWORD`].
pub fn endpoints() -> Vec<Endpoint> {
    let routes =
        AREAS.iter().flat_map(|area| area.routes).filter(|route| ![REDIRECT, CHANGE_PASSWORD].contains(&route.pattern));
    let endpoints = routes.map(|route| Endpoint {
        method: route.method.clone(),
        pattern: route.pattern,
        opens: opens(&route.guard),
        recent: recent(&route.guard),
        takes: takes(&route.method, route.pattern),
    });
    let mut endpoints: Vec<Endpoint> = endpoints.collect();
    let heads: Vec<Endpoint> = endpoints
        .iter()
        .filter(|endpoint| endpoint.method == Method::GET)
        .map(|endpoint| Endpoint { method: Method::HEAD, ..endpoint.clone() })
        .collect();
    endpoints.extend(heads);
    endpoints
}

fn recent(guard: &Guard) -> Option<RecentAuthentication> {
    match guard {
        Guard::Session(when, _) | Guard::SessionDuringSetup(when, _) | Guard::SessionBeforePasswordChange(when, _) => {
            Some(*when)
        }
        Guard::Admin(when, _) => Some(*when),
        _ => None,
    }
}

fn opens(guard: &Guard) -> Opens {
    match guard {
        Guard::Open(_) | Guard::RateLimited(_) => Opens::Anybody,
        Guard::Session(..) | Guard::SessionDuringSetup(..) | Guard::SessionBeforePasswordChange(..) => Opens::Sessions,
        Guard::Admin(..) => Opens::Admins,
        Guard::PasswordReset(_) => Opens::Resets,
        Guard::SessionOrPasswordReset(_) => Opens::SessionsAndResets,
    }
}

/// What a good request to a route has as its body. Each POST and PUT route is listed here.
fn takes(method: &Method, pattern: &str) -> Takes {
    use Takes::*;
    let path = pattern.strip_prefix("/api/auth").unwrap_or(pattern);
    match (method.as_str(), path) {
        ("GET" | "DELETE", _) => Nothing,
        ("POST", "/login") => Json(|_| json!({ "email": ADA, "password": PASSWORD })),
        ("POST", "/signup") => Json(|world| {
            let referrer = &world.referrer;
            json!({ "referrer": referrer, "email": "bob@example.com", "password": PASSWORD, "name": "Bob" })
        }),
        ("POST", "/login/email") => Json(|_| json!({ "email": ADA })),
        ("POST", "/login/email/verify") => Json(|world| world.email_code.clone()),
        ("POST", "/signup/verify") => Json(|world| world.claim_code.clone()),
        ("POST", "/reauthenticate/email") => Nothing,
        ("POST", "/admin/sign-ups/{id}/approve" | "/admin/sign-ups/{id}/reject") => Nothing,
        ("POST", "/login/{provider}" | "/me/identities/{id}") => JsonOrNothing(|_| json!({})),
        ("POST", "/login/{provider}/callback") => Json(|world| {
            world.github_user(GRACE_AT_GITHUB);
            world.visit.clone()
        }),
        ("POST", "/me/identities/{id}/callback") => Json(|world| {
            let (user_id, session_id) = (world.ada.id.clone(), world.session_id.clone());
            world.come_back(OCTOCAT, ProviderPurpose::Link { user_id, session_id })
        }),
        ("POST", "/login/passkey/options") => Nothing,
        ("POST", "/login/passkey") => Json(World::passkey_sign_in),
        ("POST", "/logout") => Nothing,
        ("POST", "/reauthenticate") => Json(|_| json!({ "password": PASSWORD })),
        ("POST", "/reauthenticate/passkey/options") => Nothing,
        ("POST", "/me/passkeys/options") => Nothing,
        ("POST", "/me/passkeys") => Json(World::passkey_creation),
        ("PUT", "/me/passkeys/{id}") => Json(|_| json!({ "name": "Ada's phone" })),
        ("POST", "/login/second-factor/passkey/options") => {
            Json(|world| json!({ "token": world.pending(&world.ada.id) }))
        }
        ("POST", "/login/second-factor") => Json(|world| {
            let code = totp_code(&world.totp, world.postern.now.get());
            json!({ "token": world.pending_token, "code": code })
        }),
        ("POST", "/me/totp" | "/me/recovery-codes") | ("PUT", "/me/second-factor") => Nothing,
        ("PUT", "/me/totp") => Json(|world| json!({ "code": totp_code(&world.new_totp, world.postern.now.get()) })),
        ("PUT", "/me/locale") => Json(|_| json!({ "locale": "de" })),
        ("PUT", "/me/name") => Json(|_| json!({ "name": "Ada" })),
        ("PUT", "/me/password") => Json(|_| json!({ "old_password": PASSWORD, "new_password": NEW_PASSWORD })),
        ("POST", "/me/email") => Json(|_| json!({ "email": "ada@example.net" })),
        ("POST", "/me/email/verify") => {
            Json(|world| json!({ "token": world.email_change_token, "code": world.email_change_code }))
        }
        ("POST", "/undo-email-change") => Json(|world| json!({ "token": world.undo_token })),
        ("POST", "/me/send-otp") => Nothing,
        ("POST", "/verify-otp") => Form(|world| vec![("otp", world.code.clone()), ("token", world.otp_token.clone())]),
        ("POST", "/me/send-invite") => Json(|_| json!({ "email": "eve@example.com" })),
        ("POST", "/me/create-token") => JsonOrNothing(|_| json!({ "name": "For Eve", "expires_in_days": 7 })),
        ("POST", "/me/tokens") => Nothing,
        ("POST", "/verify-token" | "/invitation") => Json(|world| json!({ "token": world.user_token })),
        ("POST", "/send-password-reset-link") => Json(|_| json!({ "email": ADA })),
        ("POST", "/reset-password-with-token") => Json(|_| json!({ "password": NEW_PASSWORD })),
        ("POST", "/admin/users") => Json(|_| {
            json!({ "email": "joan@example.com", "password": PASSWORD, "name": "Joan", "role": "user", "tier": 1,
                    "is_verified": true })
        }),
        ("PUT", "/admin/users/{id}") => {
            Json(|_| json!({ "name": "Grace", "role": "user", "tier": 1, "is_active": true }))
        }
        ("POST", "/admin/users/{id}/send-password-reset-link" | "/admin/users/{id}/freeze") => Nothing,
        ("POST", "/webhooks/mail/{provider}") => {
            Webhook(|| json!({ "RecordType": "Bounce", "Type": "HardBounce", "Email": ADA }))
        }
        _ => panic!("add a good body for {method} {pattern} to `takes` in tests/api/support/world.rs"),
    }
}
