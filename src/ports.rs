//! The traits for everything outside, and the plain data that passes through them.
//!
//! `platform/` implements them on Cloudflare's bindings, `tests/api/support` on SQLite and memory. D1 is SQLite, so both run the
//! same SQL on the same migrations.

use std::{borrow::Cow, future::Future, pin::Pin, time::Duration};

use serde::de::DeserializeOwned;

use crate::error::Error;

/// A future on the single thread of an isolate.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// D1, KV, a static file or the runtime's cryptography failed. `0` is for the log only: it may quote SQL.
#[derive(Debug, Clone)]
pub struct StoreError(pub String);

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Error::Unavailable(error.0)
    }
}

/// An HTTP request, or the platform's mail service, failed. `0` is for the log only: it may quote a URL, but never an address.
#[derive(Debug, Clone)]
pub struct HttpError(pub String);

/// A value bound to a [`Statement`].
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// Exact up to 2^53, because D1 uses JavaScript numbers.
    Integer(i64),
    /// UTF-8 text.
    Text(String),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Value::Integer(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Integer(value.into())
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Value::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Value::Text(value)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

/// An SQL statement with its values. The text is `'static`, so input cannot become part of it.
#[derive(Debug, Clone)]
pub struct Statement {
    /// SQL with the parameters `?1`, `?2`, ….
    pub sql: &'static str,
    /// The values, in the order of the parameters.
    pub values: Vec<Value>,
}

impl Statement {
    /// Creates a statement without values.
    pub fn new(sql: &'static str) -> Self {
        Statement { sql, values: Vec::new() }
    }

    /// Binds the next parameter.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }
}

/// The result of a statement: each row as unparsed JSON.
#[derive(Debug, Clone, Default)]
pub struct Rows(pub Vec<Box<str>>);

impl Rows {
    /// Returns whether there is a row. With `RETURNING`, that shows whether the statement had an effect.
    pub fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// Returns the first row, if there is one.
    ///
    /// # Errors
    /// [`StoreError`] if the row does not match `T`: the schema differs from that of this build.
    pub fn first<T: DeserializeOwned>(&self) -> Result<Option<T>, StoreError> {
        self.0.first().map(|row| decode(row)).transpose()
    }

    /// Returns all rows.
    ///
    /// # Errors
    /// As [`Rows::first`].
    pub fn all<T: DeserializeOwned>(&self) -> Result<Vec<T>, StoreError> {
        self.0.iter().map(|row| decode(row)).collect()
    }
}

fn decode<T: DeserializeOwned>(row: &str) -> Result<T, StoreError> {
    serde_json::from_str(row).map_err(|error| StoreError(format!("a row has an unexpected shape: {error}")))
}

/// The SQL database.
pub trait Sql {
    /// Runs the statements in order in one transaction and one round trip: all of them take effect, or none.
    fn batch<'a>(&'a self, statements: &'a [Statement]) -> Pending<'a, Result<Vec<Rows>, StoreError>>;
}

/// The key-value store: eventually consistent, without compare-and-swap. It decides nothing.
pub trait Kv {
    /// Returns the value of `key`, if it exists and has not expired.
    fn get<'a>(&'a self, key: &'a str) -> Pending<'a, Result<Option<String>, StoreError>>;
    /// Stores `value` for at least `seconds`. The adapter applies the platform's minimum of 60 s.
    fn put<'a>(&'a self, key: &'a str, value: String, seconds: i64) -> Pending<'a, Result<(), StoreError>>;
    /// Deletes `key`, if it exists.
    fn delete<'a>(&'a self, key: &'a str) -> Pending<'a, Result<(), StoreError>>;
}

/// An outgoing HTTP request.
#[derive(Debug, Clone)]
pub struct HttpRequest {
    /// An absolute `https` URL.
    pub url: Cow<'static, str>,
    /// Header names and values.
    pub headers: Vec<(&'static str, String)>,
    /// The body of the POST.
    pub body: String,
}

/// The response of another server.
#[derive(Debug, Clone)]
pub struct HttpResponse {
    /// The HTTP status.
    pub status: u16,
    /// The body, as text.
    pub body: String,
}

/// How much of a response is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The time until the whole response has arrived.
    pub time: Duration,
    /// The size of the body, in bytes. A larger one is an [`HttpError`], and the rest of it is not read.
    pub bytes: usize,
}

/// Sends HTTP requests to other services.
pub trait HttpClient {
    /// Sends a POST. Does not follow redirects.
    fn post(&self, request: HttpRequest, limits: Limits) -> Pending<'_, Result<HttpResponse, HttpError>>;
    /// Sends a GET for an absolute URL. Does not follow redirects.
    fn get<'a>(
        &'a self,
        url: &'a str,
        headers: &'a [(&'static str, &'a str)],
        limits: Limits,
    ) -> Pending<'a, Result<HttpResponse, HttpError>>;
}

/// A mail for the platform's own mail service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailMessage {
    /// The name of the sender, if there is one.
    pub from_name: Option<String>,
    /// The address of the sender, at a domain that the service has verified.
    pub from: String,
    /// The address of the recipient.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The body in plain text.
    pub text: String,
    /// The body in HTML.
    pub html: String,
    /// A header in addition to those that the service writes.
    pub header: (&'static str, &'static str),
}

/// The result of the platform's mail service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendResult {
    /// It accepted the mail.
    Taken,
    /// It rejected the mail. The code of the error, such as `E_SENDER_NOT_VERIFIED`; its message may quote an address.
    Refused(String),
}

/// The platform's own mail service.
pub trait Mailer {
    /// Sends a mail and waits at most ten seconds for the result. The [`HttpError`] quotes no address. A deployment without this
    /// service also gets one.
    fn send(&self, letter: MailMessage) -> Pending<'_, Result<SendResult, HttpError>>;
}

/// An algorithm for signatures of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256. The key is the uncompressed point, 65 bytes, and the signature r and s, 32 bytes each.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256. The key is the modulus; the exponent is 65537.
    Rs256,
}

/// Signs and verifies with the runtime's cryptography. Ed25519 is in `crypto/`.
pub trait Signatures {
    /// Returns whether `signature` is that of `message` by `key`. A point that is not on the curve signs nothing.
    fn verify<'a>(
        &'a self,
        algorithm: Algorithm,
        key: &'a [u8],
        message: &'a [u8],
        signature: &'a [u8],
    ) -> Pending<'a, Result<bool, StoreError>>;
    /// Signs `message` with ES256. Returns r and s, 32 bytes each. The key is a private key on P-256 in PKCS #8 (RFC 5958), in DER. It
    /// need not contain the public key. Any other key is a [`StoreError`].
    fn sign_es256<'a>(&'a self, key: &'a [u8], message: &'a [u8]) -> Pending<'a, Result<[u8; 64], StoreError>>;
    /// Returns the public key of a private key as for [`Signatures::sign_es256`]: the uncompressed point (SEC 1, section 2.3.3).
    fn p256_point<'a>(&'a self, key: &'a [u8]) -> Pending<'a, Result<[u8; 65], StoreError>>;
}

/// A timer. It limits the time of a run of the cron trigger; no rule reads a clock from it.
pub trait Timer {
    /// Completes after `duration`.
    fn sleep(&self, duration: Duration) -> Pending<'static, ()>;
}

/// Runs work after the response.
pub trait WaitUntil {
    /// Runs `work` when the response has been sent.
    fn run(&self, work: Pending<'static, ()>);
}

/// The platform's rate limiter, which counts per location.
pub trait RateLimiter {
    /// Returns whether one more call under `key` is within the limit.
    fn allow<'a>(&'a self, key: &'a str) -> Pending<'a, Result<bool, StoreError>>;
}

/// The static files that are deployed with the Worker.
pub trait Assets {
    /// Returns the text of a file by its absolute path, or `None` if there is no such file.
    fn text<'a>(&'a self, path: &'a str) -> Pending<'a, Result<Option<String>, StoreError>>;
}
