//! The ports on real SQLite and in memory, with a place to let them fail.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    time::Duration,
};

use p256::{
    ecdsa::signature::{Signer, Verifier},
    elliptic_curve::sec1::ToSec1Point,
    pkcs8::DecodePrivateKey,
};
use postern::ports::{
    Algorithm, Assets, HttpClient, HttpError, HttpRequest, HttpResponse, Kv, Limits, Pending, RateLimiter, Rows,
    Signatures, Sql, Statement, StoreError, Timer, Value, WaitUntil,
};
use rusqlite::{Connection, StatementStatus, backup::Backup, types::ValueRef};

/// How a call to the outside fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing has happened.
    Before,
    /// It has happened, but the answer is lost or late.
    After,
    /// Nothing has happened, nor does it from here on.
    Down,
    /// As [`Fault::Before`], with an error that D1 says will pass.
    PassingBefore,
    /// As [`Fault::After`], with an error that D1 says will pass.
    PassingAfter,
}

impl Fault {
    /// Every one.
    pub const ALL: [Fault; 5] = [Fault::Before, Fault::After, Fault::Down, Fault::PassingBefore, Fault::PassingAfter];

    /// Whether D1 says that it will pass.
    pub fn is_passing(self) -> bool {
        matches!(self, Fault::PassingBefore | Fault::PassingAfter)
    }
}

/// What D1 says of a failure that will pass.
const PASSING: &str = "D1: Network connection lost.";

/// Every call to a store, the limiter and the net passes here, and one of them may be made to fail.
#[derive(Default)]
pub struct Outside {
    /// Calls so far.
    pub calls: Cell<u32>,
    /// Which call from now fails (1 is the next), and how. Nothing once it has.
    pub fault: Cell<Option<(u32, Fault)>>,
    /// Whether every call fails.
    pub is_out: Cell<bool>,
}

impl Outside {
    fn call<T>(&self, effect: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.calls.set(self.calls.get() + 1);
        let fault = self.fault.get().map(|(calls, fault)| (calls - 1, fault));
        self.fault.set(fault.filter(|(calls, _)| *calls > 0));
        let fails_now = fault.filter(|(calls, _)| *calls == 0).map(|(_, fault)| fault);
        self.is_out.set(self.is_out.get() || fails_now == Some(Fault::Down));
        if self.is_out.get() || fails_now == Some(Fault::Before) {
            return Err(StoreError("the test lets a call fail before its effect".to_owned()));
        }
        if fails_now == Some(Fault::PassingBefore) {
            return Err(StoreError(PASSING.to_owned()));
        }
        let value = effect()?;
        if fails_now == Some(Fault::After) {
            return Err(StoreError("the test lets a call fail after its effect".to_owned()));
        }
        if fails_now == Some(Fault::PassingAfter) {
            return Err(StoreError(PASSING.to_owned()));
        }
        Ok(value)
    }
}

/// SQLite with the migrations of this repository, one transaction a batch, as D1.
pub struct Database {
    connection: RefCell<Connection>,
    takes_turns: Cell<bool>,
    outside: Rc<Outside>,
    /// Batches so far.
    pub batches: Cell<u32>,
    /// Statements so far.
    pub statements: Cell<u32>,
    /// Pauses so far: how often a batch was run again.
    pub retries: Cell<u32>,
    /// Steps of SQLite's virtual machine in batches so far: they grow with the rows that are read.
    pub steps: Cell<i64>,
}

impl Database {
    pub fn new(outside: Rc<Outside>) -> Database {
        let connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "foreign_keys", true).unwrap();
        let mut files: Vec<_> = std::fs::read_dir("migrations").unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(!files.is_empty());
        for file in files {
            connection.execute_batch(&std::fs::read_to_string(file).unwrap()).unwrap();
        }
        Database {
            connection: RefCell::new(connection),
            takes_turns: Cell::new(false),
            outside,
            batches: Cell::new(0),
            statements: Cell::new(0),
            retries: Cell::new(0),
            steps: Cell::new(0),
        }
    }

    /// Makes this a copy of another one, as it is now.
    pub fn become_copy_of(&self, other: &Database) {
        let (source, mut target) = (other.connection.borrow(), self.connection.borrow_mut());
        let backup = Backup::new(&source, &mut target).unwrap();
        backup.run_to_completion(100, Duration::ZERO, None).unwrap();
    }

    /// Whether each batch lets the other requests go first.
    pub fn take_turns(&self, takes_turns: bool) {
        self.takes_turns.set(takes_turns);
    }

    /// Runs a statement as somebody with access to the database would.
    pub fn execute(&self, sql: &'static str, values: &[Value]) {
        run(&self.connection.borrow(), &Statement { sql, values: values.to_vec() }, &Cell::new(0)).unwrap();
    }

    /// The rows of a query.
    pub fn query(&self, sql: &'static str, values: &[Value]) -> Vec<serde_json::Value> {
        run(&self.connection.borrow(), &Statement { sql, values: values.to_vec() }, &Cell::new(0))
            .unwrap()
            .all()
            .unwrap()
    }

    /// Everything in the database, as text: to look for what must not be there.
    pub fn dump(&self) -> String {
        let tables = self.query("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name", &[]);
        let mut dump = String::new();
        for table in tables {
            let table = table["name"].as_str().unwrap().to_owned();
            let connection = self.connection.borrow();
            let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
            let columns = statement.column_count();
            let mut rows = statement.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                let values: Vec<_> = (0..columns).map(|at| readable(row.get_ref(at).unwrap())).collect();
                dump.push_str(&format!("{table}: {}\n", values.join(", ")));
            }
        }
        dump
    }

    fn batch_now(&self, statements: &[Statement]) -> Result<Vec<Rows>, StoreError> {
        self.batches.set(self.batches.get() + 1);
        self.statements.set(self.statements.get() + statements.len() as u32);
        self.outside.call(|| {
            let mut connection = self.connection.borrow_mut();
            let transaction = connection.transaction().unwrap();
            let rows: Result<Vec<_>, _> =
                statements.iter().map(|statement| run(&transaction, statement, &self.steps)).collect();
            let rows = rows.map_err(|error| StoreError(error.to_string()))?;
            transaction.commit().map_err(|error| StoreError(error.to_string()))?;
            Ok(rows)
        })
    }
}

impl Sql for Database {
    fn batch<'a>(&'a self, statements: &'a [Statement]) -> Pending<'a, Result<Vec<Rows>, StoreError>> {
        Box::pin(async move {
            if self.takes_turns.get() {
                yield_once().await;
            }
            self.batch_now(statements)
        })
    }
}

/// Counts the waits before a retry, and does not wait.
impl Timer for Database {
    fn sleep(&self, _: Duration) -> Pending<'static, ()> {
        self.retries.set(self.retries.get() + 1);
        Box::pin(async {})
    }
}

async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

fn run(connection: &Connection, statement: &Statement, steps: &Cell<i64>) -> rusqlite::Result<Rows> {
    let mut prepared = connection.prepare_cached(statement.sql)?;
    let values = statement.values.iter().map(|value| match value {
        Value::Null => rusqlite::types::Value::Null,
        // D1 binds every number as a JavaScript number, so a double.
        Value::Integer(integer) => rusqlite::types::Value::Real(*integer as f64),
        Value::Text(text) => rusqlite::types::Value::Text(text.clone()),
    });
    let names: Vec<String> = prepared.column_names().map(str::to_owned).collect();
    let mut rows = prepared.query(rusqlite::params_from_iter(values))?;
    let mut read = Vec::new();
    while let Some(row) = rows.next()? {
        let mut object = serde_json::Map::new();
        for (at, name) in names.iter().enumerate() {
            let value = match row.get_ref(at)? {
                ValueRef::Null => serde_json::Value::Null,
                ValueRef::Integer(integer) => integer.into(),
                ValueRef::Real(real) => real.into(),
                ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned().into(),
                ValueRef::Blob(_) => unreachable!("no column holds a blob"),
            };
            object.insert(name.clone(), value);
        }
        read.push(serde_json::to_string(&object).unwrap().into());
    }
    drop(rows);
    steps.set(steps.get() + i64::from(prepared.reset_status(StatementStatus::VmStep)));
    Ok(Rows(read))
}

fn readable(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(integer) => integer.to_string(),
        ValueRef::Real(real) => real.to_string(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// KV: forgets by the clock of the test.
pub struct MemoryKv {
    outside: Rc<Outside>,
    entries: RefCell<HashMap<String, (String, i64)>>,
    now: Rc<Cell<i64>>,
    /// Whether every call fails.
    pub is_out: Cell<bool>,
    /// Reads and writes so far.
    pub operations: Cell<u32>,
}

impl MemoryKv {
    pub fn new(now: Rc<Cell<i64>>, outside: Rc<Outside>) -> MemoryKv {
        MemoryKv { outside, entries: RefCell::default(), now, is_out: Cell::new(false), operations: Cell::new(0) }
    }

    /// All entries, to look at or to put back.
    pub fn entries(&self) -> HashMap<String, (String, i64)> {
        self.entries.borrow().clone()
    }

    /// Loses everything.
    pub fn clear(&self) {
        self.entries.borrow_mut().clear();
    }

    /// Puts old entries back, as a location that has not heard of their end yet would show them.
    pub fn put_back(&self, entries: HashMap<String, (String, i64)>) {
        self.entries.borrow_mut().extend(entries);
    }

    /// Keeps entries beyond their end, which KV may do.
    pub fn forget_to_expire(&self) {
        for entry in self.entries.borrow_mut().values_mut() {
            entry.1 = i64::MAX;
        }
    }

    fn call<T>(&self, effect: impl FnOnce() -> T) -> Result<T, StoreError> {
        self.operations.set(self.operations.get() + 1);
        self.outside
            .call(|| if self.is_out.get() { Err(StoreError("the test lets KV fail".to_owned())) } else { Ok(effect()) })
    }
}

impl Kv for MemoryKv {
    fn get<'a>(&'a self, key: &'a str) -> Pending<'a, Result<Option<String>, StoreError>> {
        Box::pin(async move {
            self.call(|| {
                let entries = self.entries.borrow();
                entries.get(key).filter(|(_, end)| *end > self.now.get()).map(|(value, _)| value.clone())
            })
        })
    }

    fn put<'a>(&'a self, key: &'a str, value: String, seconds: i64) -> Pending<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let end = self.now.get() + seconds.max(60) * 1_000;
            self.call(|| drop(self.entries.borrow_mut().insert(key.to_owned(), (value, end))))
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> Pending<'a, Result<(), StoreError>> {
        Box::pin(async move { self.call(|| drop(self.entries.borrow_mut().remove(key))) })
    }
}

/// A GET that was asked for.
#[derive(Debug)]
pub struct Get {
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
}

/// Resend as its documentation describes it, and whatever was mailed through it.
pub struct Resend {
    outside: Rc<Outside>,
    now: Rc<Cell<i64>>,
    mails: RefCell<Vec<serde_json::Value>>,
    /// Whether it answers 503 to everything.
    pub is_down: Cell<bool>,
    /// The address that it refuses as suppressed.
    pub refuses: RefCell<Option<String>>,
    /// How much time passes with each mail, in milliseconds.
    pub takes: Cell<i64>,
    /// Each idempotency key with the body that came under it.
    pub posts: RefCell<Vec<(String, String)>>,
    /// What the net answers to a GET: nothing, unless a test says so.
    pub answer_to_get: RefCell<Option<HttpResponse>>,
    /// What the net answers, by URL.
    pub answers: RefCell<HashMap<String, HttpResponse>>,
    /// What was posted to these URLs so far.
    pub forms: RefCell<Vec<HttpRequest>>,
    /// Each GET so far.
    pub gets: RefCell<Vec<Get>>,
    /// What Turnstile was asked so far.
    pub captchas: RefCell<Vec<serde_json::Value>>,
}

impl Resend {
    /// Takes over the mails of another one.
    pub fn become_copy_of(&self, other: &Resend) {
        self.mails.replace(other.mails.borrow().clone());
        self.posts.replace(other.posts.borrow().clone());
    }

    pub fn new(now: Rc<Cell<i64>>, outside: Rc<Outside>) -> Resend {
        Resend {
            outside,
            now,
            mails: RefCell::default(),
            is_down: Cell::new(false),
            refuses: RefCell::default(),
            takes: Cell::new(0),
            posts: RefCell::default(),
            answer_to_get: RefCell::default(),
            answers: RefCell::default(),
            forms: RefCell::default(),
            gets: RefCell::default(),
            captchas: RefCell::default(),
        }
    }

    /// The mails to an address, newest first, in the shape of `/dev/outbox`.
    pub fn mails(&self, to: &str) -> Vec<serde_json::Value> {
        self.mails.borrow().iter().rev().filter(|mail| mail["to"] == to).cloned().collect()
    }

    /// Turnstile as its documentation describes it. A token is its action and host, such as `signup@app.example.com`, and what makes it
    /// unique.
    fn siteverify(&self, request: &HttpRequest) -> HttpResponse {
        let asked: serde_json::Value = serde_json::from_str(&request.body).unwrap();
        let token = asked["response"].as_str().unwrap().to_owned();
        let is_used = self.captchas.borrow().iter().any(|earlier| earlier["response"] == asked["response"]);
        self.captchas.borrow_mut().push(asked.clone());
        let refused = |code: &str| serde_json::json!({ "success": false, "error-codes": [code], "messages": [] });
        let answer = match token.split_once('@') {
            _ if asked["secret"] != "0x4AAAAAAAsecret" => refused("invalid-input-secret"),
            _ if is_used => refused("timeout-or-duplicate"),
            Some((action, rest)) => serde_json::json!({
                "success": true,
                "challenge_ts": "2027-01-15T08:00:00.000Z",
                "hostname": rest.split('#').next(),
                "error-codes": [],
                "action": action,
                "cdata": "",
            }),
            None => refused("invalid-input-response"),
        };
        HttpResponse { status: 200, body: answer.to_string() }
    }

    fn take(&self, request: &HttpRequest) -> HttpResponse {
        self.now.set(self.now.get() + self.takes.get());
        let key = request.headers.iter().find(|(name, _)| *name == "Idempotency-Key").map(|(_, key)| key.clone());
        self.posts.borrow_mut().push((key.unwrap_or_default(), request.body.clone()));
        if self.is_down.get() {
            let body = r#"{"statusCode":503,"name":"service_unavailable","message":"Down."}"#;
            return HttpResponse { status: 503, body: body.to_owned() };
        }
        let mut mail: serde_json::Value = serde_json::from_str(&request.body).unwrap();
        let key = request.headers.iter().find(|(name, _)| *name == "Idempotency-Key");
        mail["key"] = key.unwrap().1.clone().into();
        mail["to"] = mail["to"][0].take();
        if self.refuses.borrow().as_deref() == mail["to"].as_str() {
            let body = r#"{"statusCode":422,"name":"validation_error","message":"Invalid `to` field."}"#;
            return HttpResponse { status: 422, body: body.to_owned() };
        }
        mail["sent_at"] = self.now.get().into();
        let mut mails = self.mails.borrow_mut();
        if !mails.iter().any(|taken| taken["key"] == mail["key"]) {
            mails.push(mail);
        }
        HttpResponse { status: 200, body: r#"{"id":"49a3999c-0ce1-4ea6-ab68-afcd6dc2e794"}"#.to_owned() }
    }
}

impl HttpClient for Resend {
    fn post(&self, request: HttpRequest, limits: Limits) -> Pending<'_, Result<HttpResponse, HttpError>> {
        if request.url == "https://challenges.cloudflare.com/turnstile/v0/siteverify" {
            assert_eq!(limits.time, Duration::from_secs(5));
            let answer = self.siteverify(&request);
            return Box::pin(async move { self.outside.call(|| Ok(answer)).map_err(|error| HttpError(error.0)) });
        }
        let answer = self.answers.borrow().get(&*request.url).cloned();
        if let Some(answer) = answer {
            self.forms.borrow_mut().push(request);
            return Box::pin(async move { self.outside.call(|| Ok(answer)).map_err(|error| HttpError(error.0)) });
        }
        Box::pin(async move { self.outside.call(|| Ok(self.take(&request))).map_err(|error| HttpError(error.0)) })
    }

    fn get<'a>(
        &'a self,
        url: &'a str,
        headers: &'a [(&'static str, &'a str)],
        _limits: Limits,
    ) -> Pending<'a, Result<HttpResponse, HttpError>> {
        self.gets.borrow_mut().push(Get {
            url: url.to_owned(),
            headers: headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
        });
        let answer = self.answers.borrow().get(url).cloned().or_else(|| self.answer_to_get.borrow().clone());
        Box::pin(async move {
            let result = self.outside.call(|| answer.ok_or_else(|| StoreError("nothing responds".to_owned())));
            result.map_err(|error| HttpError(error.0))
        })
    }
}

/// What is to be done after the answer.
#[derive(Default)]
pub struct Afterwards(RefCell<Vec<Pending<'static, ()>>>);

impl Afterwards {
    pub fn run_all(&self) {
        loop {
            let works = std::mem::take(&mut *self.0.borrow_mut());
            if works.is_empty() {
                return;
            }
            works.into_iter().for_each(pollster::block_on);
        }
    }
}

/// A timer by the clock of the test.
pub struct TestTimer(pub Rc<Cell<i64>>);

impl Timer for TestTimer {
    fn sleep(&self, duration: Duration) -> Pending<'static, ()> {
        let now = self.0.clone();
        let end = now.get() + duration.as_millis() as i64;
        Box::pin(std::future::poll_fn(move |_| {
            if now.get() >= end { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        }))
    }
}

impl WaitUntil for Afterwards {
    fn run(&self, work: Pending<'static, ()>) {
        self.0.borrow_mut().push(work);
    }
}

/// A rate limiter of the platform.
pub struct Guard {
    outside: Rc<Outside>,
    /// Whether it refuses every key.
    pub is_exhausted: Cell<bool>,
    /// The keys that it refuses.
    pub exhausted_keys: RefCell<Vec<String>>,
}

impl Guard {
    pub fn new(outside: Rc<Outside>) -> Guard {
        Guard { outside, is_exhausted: Cell::new(false), exhausted_keys: RefCell::default() }
    }
}

impl RateLimiter for Guard {
    fn allow<'a>(&'a self, key: &'a str) -> Pending<'a, Result<bool, StoreError>> {
        let is_refused = self.is_exhausted.get() || self.exhausted_keys.borrow().iter().any(|refused| refused == key);
        Box::pin(async move { self.outside.call(|| Ok(!is_refused)) })
    }
}

/// Signatures, made and verified by crates that the Worker does not have.
pub struct NativeCrypto(pub Rc<Outside>);

impl Signatures for NativeCrypto {
    fn verify<'a>(
        &'a self,
        algorithm: Algorithm,
        key: &'a [u8],
        message: &'a [u8],
        signature: &'a [u8],
    ) -> Pending<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            self.0.call(|| {
                Ok(match algorithm {
                    Algorithm::Es256 => is_signed_on_p256(key, message, signature),
                    Algorithm::Rs256 => is_signed_with_rsa(key, message, signature),
                }
                .unwrap_or(false))
            })
        })
    }

    fn sign_es256<'a>(&'a self, key: &'a [u8], message: &'a [u8]) -> Pending<'a, Result<[u8; 64], StoreError>> {
        Box::pin(async move {
            self.0.call(|| {
                let key = p256::ecdsa::SigningKey::from(private_key(key)?);
                let signature: p256::ecdsa::Signature = key.sign(message);
                Ok(signature.to_bytes().into())
            })
        })
    }

    fn p256_point<'a>(&'a self, key: &'a [u8]) -> Pending<'a, Result<[u8; 65], StoreError>> {
        Box::pin(async move {
            self.0.call(|| {
                let point = private_key(key)?.public_key().to_sec1_point(false);
                Ok(point.as_bytes().try_into().unwrap())
            })
        })
    }
}

fn private_key(pkcs8: &[u8]) -> Result<p256::SecretKey, StoreError> {
    p256::SecretKey::from_pkcs8_der(pkcs8).map_err(|error| StoreError(error.to_string()))
}

fn is_signed_on_p256(point: &[u8], message: &[u8], signature: &[u8]) -> Option<bool> {
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()?;
    let signature = p256::ecdsa::Signature::from_slice(signature).ok()?;
    Some(key.verify(message, &signature).is_ok())
}

fn is_signed_with_rsa(modulus: &[u8], message: &[u8], signature: &[u8]) -> Option<bool> {
    let modulus = rsa::BoxedUint::from_be_slice_vartime(modulus);
    let key = rsa::PublicKey::new(modulus, rsa::BoxedUint::from(65_537_u32)).ok()?;
    let key = rsa::pkcs1v15::VerifyingKey::<sha2::Sha256>::new(key);
    let signature = rsa::pkcs1v15::Signature::try_from(signature).ok()?;
    Some(key.verify(message, &signature).is_ok())
}

/// The static files, as the build makes them from the source.
pub struct SourceFiles(pub Rc<Outside>);

impl Assets for SourceFiles {
    fn text<'a>(&'a self, path: &'a str) -> Pending<'a, Result<Option<String>, StoreError>> {
        let file = match path {
            "/assets/openapi.json" => "src/endpoints/openapi.json",
            "/design" | "/not-found" => "pages/layout.html",
            _ => panic!("no static file has the path {path}"),
        };
        Box::pin(async move { self.0.call(|| Ok(Some(std::fs::read_to_string(file).unwrap()))) })
    }
}
