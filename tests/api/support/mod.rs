//! A Postern of one's own for each test.

pub mod authenticator;
pub mod description;
pub mod openapi;
mod ports;
pub mod provider;
pub mod world;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use postern::{
    app::{Isolate, Lazy, Services, lazily},
    crypto::totp::Secret,
    domain::{
        client::{Client, Connection},
        throttle::Address,
    },
    error::Error,
    language::Language,
    ports::{HttpError, HttpResponse, MailMessage, Mailer, Pending, SendResult},
    routes,
    settings::{Mail, Settings},
    store::Store,
    web::{Request, Response},
};
use serde_json::{Value, json};

use ports::{Afterwards, Guard, NativeCrypto, SourceFiles, TestTimer};
pub use ports::{Database, Fault, MemoryKv, Outside, Resend};

pub const SECRET: &str = "a secret for tests, 32 characters";
/// What [`SECRET`] is replaced by when it is rotated out.
pub const NEW_SECRET: &str = "the next secret, of 32 characters";
/// Where the service and its pages are: `APP_URL`.
pub const ORIGIN: &str = "https://app.example.com";
pub const PASSWORD: &str = "correct horse battery staple";

pub const SECOND: i64 = 1_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// Settings with which mail leaves through a provider.
pub const RESEND: [(&str, &str); 3] =
    [("MAIL_PROVIDER", "resend"), ("MAIL_FROM", "Postern <noreply@example.com>"), ("RESEND_API_KEY", "re_test_key")];

/// The password of the webhook of Postmark.
pub const WEBHOOK_PASSWORD: &str = "a password of Postmark";

thread_local! {
    static LOG: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn log(line: &str) {
    LOG.with_borrow_mut(|log| log.push(line.to_owned()));
}

/// A service with its stores, its clock and what it would do after an answer.
pub struct Postern {
    pub sql: Rc<Database>,
    /// A replica, with the state of its last update.
    replica: Rc<Database>,
    pub kv: Rc<MemoryKv>,
    /// Where mail goes with the settings [`RESEND`].
    pub resend: Rc<Resend>,
    /// All of these together.
    pub outside: Rc<Outside>,
    /// Milliseconds since 1970.
    pub now: Rc<Cell<i64>>,
    guard: Rc<Guard>,
    user_writes: Rc<Guard>,
    wait_until: Rc<Afterwards>,
    isolate: RefCell<Rc<Isolate>>,
    address: RefCell<String>,
    connection: RefCell<Connection>,
}

impl Postern {
    pub fn new() -> Postern {
        Self::with_settings(&[])
    }

    /// A local service, with these settings set or changed.
    pub fn with_settings(settings: &[(&str, &str)]) -> Postern {
        LOG.with_borrow_mut(Vec::clear);
        let now = Rc::new(Cell::new(1_800_000_000_000));
        let outside = Rc::new(Outside::default());
        Postern {
            sql: Rc::new(Database::new(outside.clone())),
            replica: Rc::new(Database::new(outside.clone())),
            kv: Rc::new(MemoryKv::new(now.clone(), outside.clone())),
            resend: Rc::new(Resend::new(now.clone(), outside.clone())),
            guard: Rc::new(Guard::new(outside.clone())),
            user_writes: Rc::new(Guard::new(outside.clone())),
            wait_until: Rc::new(Afterwards::default()),
            isolate: RefCell::new(isolate(settings)),
            address: RefCell::new("192.0.2.1".to_owned()),
            connection: RefCell::default(),
            outside,
            now,
        }
    }

    /// Returns another service in the same state, with these settings.
    fn copy(&self, settings: &[(&str, &str)]) -> Postern {
        let copy = Postern::with_settings(settings);
        copy.now.set(self.now.get());
        copy.sql.become_copy_of(&self.sql);
        copy.kv.put_back(self.kv.entries());
        copy.resend.become_copy_of(&self.resend);
        copy.come_from(&self.address.borrow());
        *copy.connection.borrow_mut() = self.connection.borrow().clone();
        let first_account_seen = self.isolate.borrow().first_account_seen.get();
        copy.isolate.borrow().first_account_seen.set(first_account_seen);
        copy
    }

    /// Updates the replica, which is only read if the settings say so.
    pub fn replicate(&self) {
        self.replica.become_copy_of(&self.sql);
    }

    /// Goes on with the same stores as a new deployment with other settings.
    pub fn redeploy(&self, settings: &[(&str, &str)]) {
        *self.isolate.borrow_mut() = isolate(settings);
    }

    pub fn wait(&self, milliseconds: i64) {
        self.now.set(self.now.get() + milliseconds);
    }

    /// What `CF-Connecting-IP` says from here on.
    pub fn come_from(&self, address: &str) {
        *self.address.borrow_mut() = address.to_owned();
    }

    /// What the platform says of the place and the network from here on.
    pub fn connect_from(&self, country: &str, city: &str, network: u32) {
        let (country, city) = (Some(country.to_owned()), Some(city.to_owned()));
        *self.connection.borrow_mut() = Connection { country, city, network: Some(network) };
    }

    /// Makes the platform's burst guard refuse from here on.
    pub fn exhaust_burst_guard(&self) {
        self.guard.is_exhausted.set(true);
    }

    /// Makes the platform's limiter refuse the writes of this user from here on.
    pub fn exhaust_write_budget(&self, user_id: &str) {
        self.user_writes.exhausted_keys.borrow_mut().push(user_id.to_owned());
    }

    /// Begins a request.
    pub fn request(&self, method: Method, path: &str) -> Call<'_> {
        Call {
            postern: self,
            method,
            origin: ORIGIN.to_owned(),
            path: path.to_owned(),
            headers: HeaderMap::new(),
            body: Ok(Vec::new()),
            body_arrives_after: 0,
        }
    }

    pub fn get(&self, path: &str) -> Call<'_> {
        self.request(Method::GET, path)
    }

    pub fn post(&self, path: &str) -> Call<'_> {
        self.request(Method::POST, path)
    }

    pub fn put(&self, path: &str) -> Call<'_> {
        self.request(Method::PUT, path)
    }

    pub fn delete(&self, path: &str) -> Call<'_> {
        self.request(Method::DELETE, path)
    }

    /// Sends several requests so that they take turns at every call to a store: each runs to its first such call, then
    /// each to its second, and so on.
    pub fn at_once(&self, calls: Vec<Call<'_>>) -> Vec<Answer> {
        let (described, futures): (Vec<_>, Vec<_>) =
            calls.into_iter().map(|call| ((call.method.clone(), call.path_alone()), Box::pin(call.answer()))).unzip();
        self.sql.take_turns(true);
        let responses = pollster::block_on(futures_util::future::join_all(futures));
        self.sql.take_turns(false);
        self.wait_until.run_all();
        let answers: Vec<Answer> = responses.into_iter().map(Answer::from).collect();
        for ((method, path), answer) in described.iter().zip(&answers) {
            description::hold(method, path, answer);
        }
        answers
    }

    /// One run of the cron trigger.
    pub fn run_cron(&self) {
        pollster::block_on(postern::maintenance::run(&self.services().at(self.now.get())));
    }

    /// What a request works with, for what no request shows.
    pub fn services(&self) -> Services {
        Services {
            isolate: self.isolate.borrow().clone(),
            store: Store {
                sql: self.sql.clone(),
                replica: if self.isolate.borrow().settings.reads_replicas { Some(self.replica.clone()) } else { None },
                kv: self.kv.clone(),
                timer: self.sql.clone(),
            },
            assets: Rc::new(SourceFiles(self.outside.clone())),
            http: self.resend.clone(),
            mailer: Rc::new(NoMailer),
            signatures: Rc::new(NativeCrypto(self.outside.clone())),
            timer: Rc::new(TestTimer(self.now.clone())),
            wait_until: self.wait_until.clone(),
            rate_limiter: self.guard.clone(),
            user_writes: self.user_writes.clone(),
            log,
            request_id: "test-request".into(),
            address: {
                let address = Address::parse(Some(&self.address.borrow()));
                lazily(move || address)
            },
            client: self.client(None),
            language: lazily(|| None),
            deployment: Some("test-deployment".into()),
        }
    }

    fn client(&self, user_agent: Option<String>) -> Rc<Lazy<Client>> {
        let (connection, location) = (self.connection.borrow().clone(), self.isolate.borrow().settings.location);
        lazily(move || Client::new(user_agent.as_deref(), connection, location))
    }

    /// What the stores were asked so far.
    fn cost(&self) -> Cost {
        Cost {
            round_trips: self.sql.batches.get(),
            statements: self.sql.statements.get(),
            kv_operations: self.kv.operations.get(),
        }
    }

    /// What the service has logged so far.
    pub fn log(&self) -> Vec<String> {
        LOG.with_borrow(Clone::clone)
    }

    pub fn login(&self, email: &str, password: &str) -> Answer {
        self.post("/api/auth/login").json(json!({ "email": email, "password": password })).send()
    }

    /// The session token of a login that must work.
    pub fn token(&self, email: &str, password: &str) -> String {
        self.login(email, password).expect(200)["token"].as_str().unwrap().to_owned()
    }

    pub fn admin_token(&self) -> String {
        self.token("admin", "admin")
    }

    /// A user token of the admin.
    pub fn referrer(&self) -> String {
        self.create_user_token(&self.admin_token())
    }

    pub fn create_user_token(&self, session: &str) -> String {
        let answer = self.post("/api/auth/me/create-token").bearer(session).send().expect(200);
        answer["token"].as_str().unwrap().to_owned()
    }

    pub fn sign_up(&self, email: &str) -> SignedUp {
        let body = json!({ "referrer": self.referrer(), "email": email, "password": PASSWORD });
        let answer = self.post("/api/auth/signup").json(body).send().expect(200);
        SignedUp {
            token: answer["token"].as_str().unwrap().to_owned(),
            id: answer["user"]["id"].as_str().unwrap().to_owned(),
            email: email.to_owned(),
        }
    }

    /// Signs up and counts the email as verified.
    pub fn sign_up_verified(&self, email: &str) -> SignedUp {
        let user = self.sign_up(email);
        self.verify(&user.id);
        user
    }

    /// Counts the email of a user as verified.
    pub fn verify(&self, user_id: &str) {
        self.sql.execute("UPDATE users SET is_verified = 1 WHERE id = ?1", &[user_id.into()]);
    }

    /// What an admin does to a user.
    pub fn set_active(&self, user_id: &str, is_active: bool) {
        self.sql.execute("UPDATE users SET is_active = ?2 WHERE id = ?1", &[user_id.into(), is_active.into()]);
    }

    /// Freezes a user and everybody below: how many that deactivated.
    pub fn freeze(&self, admin: &str, user_id: &str) -> i64 {
        let answer = self.post(&format!("/api/auth/admin/users/{user_id}/freeze")).bearer(admin).send();
        answer.expect(200)["frozen"].as_i64().unwrap()
    }

    /// Undoes a freeze: how many came back.
    pub fn unfreeze(&self, admin: &str, user_id: &str) -> i64 {
        let answer = self.delete(&format!("/api/auth/admin/users/{user_id}/freeze")).bearer(admin).send();
        answer.expect(200)["unfrozen"].as_i64().unwrap()
    }

    /// Makes an admin of a user, past the service.
    pub fn make_admin(&self, user_id: &str) {
        self.sql.execute("UPDATE users SET role = 'admin' WHERE id = ?1", &[user_id.into()]);
    }

    /// The mails to an address, newest first, as `/dev/outbox` shows them.
    pub fn mails(&self, to: &str) -> Vec<Value> {
        if self.isolate.borrow().settings.mail != Mail::Outbox {
            return self.resend.mails(to);
        }
        let answer = self.get(&format!("/dev/outbox?to={to}")).header(header::ACCEPT, "application/json").send();
        answer.expect(200).as_array().unwrap().clone()
    }

    /// Asks for a reset link and takes the token out of the mail.
    pub fn reset_token(&self, email: &str) -> String {
        self.post("/api/auth/send-password-reset-link").json(json!({ "email": email })).send().expect(200);
        let mails = self.mails(email);
        let text = mails[0]["text"].as_str().unwrap();
        let (_, rest) = text.split_once("/reset-password?token=").expect("a reset link in the mail");
        rest.split_whitespace().next().unwrap().to_owned()
    }

    /// Asks for a one-time password: the OTP session token and the code in the mail.
    pub fn one_time_password(&self, session: &str, email: &str) -> (String, String) {
        let answer = self.post("/api/auth/me/send-otp").bearer(session).send().expect(200);
        (answer["token"].as_str().unwrap().to_owned(), self.code(email))
    }

    /// Decides what GitHub says of the user who is signed in there, and of their emails.
    pub fn github_says(&self, user: Value, emails: Value) {
        // https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps
        let tokens = json!({ "access_token": "gho_16C7e42F292c6912E7710c838347Ae178B4a", "scope": "repo,gist", "token_type": "bearer" });
        self.net_answers("https://github.com/login/oauth/access_token", 200, &tokens.to_string());
        self.net_answers("https://api.github.com/user", 200, &user.to_string());
        self.net_answers("https://api.github.com/user/emails", 200, &emails.to_string());
    }

    /// Decides what the net answers at a URL.
    pub fn net_answers(&self, url: &str, status: u16, body: &str) {
        self.resend.answers.borrow_mut().insert(url.to_owned(), HttpResponse { status, body: body.to_owned() });
    }

    /// The six digits in the newest mail to an address.
    pub fn code(&self, email: &str) -> String {
        let mails = self.mails(email);
        let text = mails[0]["text"].as_str().unwrap();
        let mut numbers = text.split(|c: char| !c.is_ascii_digit()).filter(|digits| digits.len() == 6);
        numbers.next().expect("a code in the mail").to_owned()
    }

    /// Asks for a change of the email: the token, and the addresses to which a code was mailed.
    pub fn ask_email_change(&self, session: &str, email: &str) -> (String, Vec<String>) {
        let answer = self.post("/api/auth/me/email").bearer(session).json(json!({ "email": email })).send().expect(200);
        let confirm = answer["confirm"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned());
        (answer["token"].as_str().unwrap().to_owned(), confirm.collect())
    }

    /// The token of the undo link in the newest mail to an address.
    pub fn undo_token(&self, email: &str) -> String {
        let mails = self.mails(email);
        let (_, rest) =
            mails[0]["text"].as_str().unwrap().split_once("/undo-email-change#token=").expect("an undo link");
        rest.split_whitespace().next().unwrap().to_owned()
    }

    /// Begins to add an authenticator app.
    pub fn begin_totp(&self, session: &str) -> Secret {
        let answer = self.post("/api/auth/me/totp").bearer(session).send().expect(200);
        Secret::from_base32(answer["secret"].as_str().unwrap()).unwrap()
    }

    /// Adds an authenticator app: its secret, and the recovery codes. The code of this moment is used.
    pub fn add_totp(&self, session: &str) -> (Secret, Vec<String>) {
        let secret = self.begin_totp(session);
        let body = json!({ "code": totp_code(&secret, self.now.get()) });
        let answer = self.put("/api/auth/me/totp").bearer(session).json(body).send().expect(200);
        let codes = answer["recovery_codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned());
        (secret, codes.collect())
    }

    /// The token of a login that waits for its second step.
    pub fn pending_token(&self, email: &str) -> String {
        let answer = self.login(email, PASSWORD);
        answer.refused(403, "second_factor_required");
        answer.body["detail"]["token"].as_str().unwrap().to_owned()
    }

    /// Whether a session token still opens `GET /me`; the status.
    pub fn me(&self, token: &str) -> u16 {
        self.get("/api/auth/me").bearer(token).send().status
    }
}

/// A deployment without the platform's own mail service.
struct NoMailer;

impl Mailer for NoMailer {
    fn send(&self, _: MailMessage) -> Pending<'_, Result<SendResult, HttpError>> {
        Box::pin(async { Err(HttpError("there is no mail service".to_owned())) })
    }
}

fn isolate(settings: &[(&str, &str)]) -> Rc<Isolate> {
    let defaults = [
        ("ENVIRONMENT", "local"),
        ("AUTH_SECRET", SECRET),
        ("APP_URL", "https://app.example.com"),
        ("POSTMARK_WEBHOOK_PASSWORD", WEBHOOK_PASSWORD),
        ("SECURITY_CONTACT", "security@example.com"),
        ("IDENTITY_PROVIDERS", "github"),
        ("GITHUB_CLIENT_ID", "client"),
        ("GITHUB_CLIENT_SECRET", "secret"),
    ];
    let settings = Settings::read(|name| {
        // The last one counts.
        defaults.iter().chain(settings).rev().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    });
    // The floor of the cost is checked by the settings themselves; here it would cost minutes.
    let mut settings = settings.unwrap();
    if settings.password_cost.memory_kib == 19_456 {
        settings.password_cost.memory_kib = 64;
        settings.password_cost.iterations = 1;
    }
    Rc::new(Isolate::new(settings))
}

/// What an authenticator app shows at this time.
pub fn totp_code(secret: &Secret, now: i64) -> String {
    secret.code(now / (30 * SECOND))
}

/// The claims of a token, unverified, as clients read them.
pub fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&Base64UrlUnpadded::decode_vec(payload).unwrap()).unwrap()
}

/// A user who has just signed up.
#[derive(Clone)]
pub struct SignedUp {
    pub token: String,
    pub id: String,
    pub email: String,
}

/// A request that is being put together.
pub struct Call<'a> {
    postern: &'a Postern,
    method: Method,
    origin: String,
    path: String,
    headers: HeaderMap,
    body: Result<Vec<u8>, fn() -> Error>,
    body_arrives_after: i64,
}

impl<'a> Call<'a> {
    pub fn postern(&self) -> &'a Postern {
        self.postern
    }

    pub fn header(self, name: HeaderName, value: &str) -> Self {
        self.raw_header(name, value.as_bytes())
    }

    pub fn raw_header(mut self, name: HeaderName, value: &[u8]) -> Self {
        self.headers.append(name, HeaderValue::from_bytes(value).unwrap());
        self
    }

    /// Sends the request to another origin than [`ORIGIN`].
    pub fn at_origin(mut self, origin: &str) -> Self {
        self.origin = origin.to_owned();
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header(header::AUTHORIZATION, &format!("Bearer {token}"))
    }

    /// HTTP basic authentication with this password.
    pub fn basic(self, password: &str) -> Self {
        let credentials = Base64::encode_string(format!("postern:{password}").as_bytes());
        self.header(header::AUTHORIZATION, &format!("Basic {credentials}"))
    }

    pub fn json(self, body: Value) -> Self {
        self.body("application/json", body.to_string().as_bytes())
    }

    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.body("application/x-www-form-urlencoded", body.as_bytes())
    }

    pub fn body(mut self, content_type: &str, body: &[u8]) -> Self {
        self.headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        self.body = Ok(body.to_vec());
        self
    }

    /// Holds the body back for so many milliseconds.
    pub fn slowly(mut self, milliseconds: i64) -> Self {
        self.body_arrives_after = milliseconds;
        self
    }

    /// Makes the reading of the body fail, which is also how a test sees that it is read at all.
    pub fn broken(mut self, error: fn() -> Error) -> Self {
        self.body = Err(error);
        self
    }

    pub fn send(self) -> Answer {
        let (later, outside) = (self.postern.wait_until.clone(), self.postern.outside.clone());
        let calls = outside.calls.get();
        let before = self.postern.cost();
        let postern = self.postern;
        let (method, path) = (self.method.clone(), self.path_alone());
        let response = pollster::block_on(self.answer());
        let calls = outside.calls.get() - calls;
        let answered = postern.cost();
        later.run_all();
        let cost = [answered.since(before), postern.cost().since(answered)];
        let answer = Answer { calls, cost, ..Answer::from(response) };
        description::hold(&method, &path, &answer);
        answer
    }

    fn path_alone(&self) -> String {
        self.path.split('?').next().unwrap_or_default().to_owned()
    }

    fn answer(self) -> impl Future<Output = Response> + use<> {
        let user_agent =
            self.headers.get(header::USER_AGENT).and_then(|text| String::from_utf8(text.as_bytes().to_vec()).ok());
        let accepted = self.headers.get(header::ACCEPT_LANGUAGE).and_then(|text| text.to_str().ok());
        let language = accepted.and_then(Language::accepted);
        let (client, language) = (self.postern.client(user_agent), lazily(move || language));
        let services = Services { client, language, ..self.postern.services() };
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let request = Request {
            method: self.method,
            origin: self.origin,
            path: path.to_owned(),
            query: query.to_owned(),
            headers: Rc::new(self.headers),
            body: Vec::new(),
        };
        let now = self.postern.now.clone();
        let (body, arrives) = (self.body, self.body_arrives_after);
        let clock = now.clone();
        let body = async move {
            now.set(now.get() + arrives);
            body.map_err(|error| error())
        };
        routes::respond(services, request, body, move || clock.get())
    }
}

/// An answer, read.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
    pub text: String,
    /// What the log has about it.
    pub outcome: &'static str,
    /// How many calls to the outside came before it; not known of requests sent at once.
    pub calls: u32,
    /// What it cost before the answer and after it; not known of requests sent at once.
    pub cost: [Cost; 2],
}

/// Calls to the stores.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Batches: one after the other, so each is a wait for D1.
    pub round_trips: u32,
    pub statements: u32,
    pub kv_operations: u32,
}

impl Cost {
    fn since(self, before: Cost) -> Cost {
        Cost {
            round_trips: self.round_trips - before.round_trips,
            statements: self.statements - before.statements,
            kv_operations: self.kv_operations - before.kv_operations,
        }
    }
}

impl From<Response> for Answer {
    fn from(response: Response) -> Answer {
        let mut headers = HeaderMap::new();
        for (name, value) in response.headers {
            headers.append(name, value.as_str().parse().unwrap());
        }
        let outcome = response.outcome;
        let text = response.body.into_owned();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status: response.status.as_u16(), headers, body, text, outcome, calls: 0, cost: [Cost::default(); 2] }
    }
}

impl Answer {
    /// Whether the request did what it asks for, now or once an email is proven.
    pub fn is_accepted(&self) -> bool {
        [200, 202].contains(&self.status)
    }

    /// The body of an answer that must have this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    /// Holds a refusal to the contract: its status, its code, and the shape of its body.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{}", self.text);
        assert!(self.body["error"].as_str().is_some_and(|sentence| sentence.ends_with('.')), "{}", self.text);
        let has_detail = ["second_factor_required", "reauthentication_required", "account_exists"].contains(&code);
        assert_eq!(self.body["detail"].is_array(), status == 422, "{}", self.text);
        assert_eq!(self.body["detail"].is_object(), has_detail, "{}", self.text);
        assert_eq!(self.headers.contains_key(header::WWW_AUTHENTICATE), status == 401);
        assert_eq!(self.headers.contains_key(header::RETRY_AFTER), status == 429 || status == 503);
        assert_eq!(self.headers.contains_key(header::ALLOW), status == 405);
    }

    /// The fields that a 422 names, in order.
    #[track_caller]
    pub fn faulty_fields(&self) -> Vec<&str> {
        self.refused(422, "invalid_fields");
        self.body["detail"].as_array().unwrap().iter().map(|problem| problem["loc"][1].as_str().unwrap()).collect()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}
