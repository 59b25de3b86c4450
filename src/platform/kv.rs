//! [`Kv`] on Workers KV.

use worker::{KvError, KvStore};

use crate::ports::{Kv, Outage, Pending};

/// The platform refuses to store anything for less, in seconds.
const SHORTEST: i64 = 60;

/// The namespace of one request.
pub struct WorkersKv(pub KvStore);

impl Kv for WorkersKv {
    fn get<'a>(&'a self, key: &'a str) -> Pending<'a, Result<Option<String>, Outage>> {
        Box::pin(async move { self.0.get(key).text().await.map_err(outage) })
    }

    fn put<'a>(&'a self, key: &'a str, value: String, seconds: i64) -> Pending<'a, Result<(), Outage>> {
        Box::pin(async move {
            let put = self.0.put(key, value).map_err(outage)?;
            put.expiration_ttl(seconds.max(SHORTEST).unsigned_abs()).execute().await.map_err(outage)
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> Pending<'a, Result<(), Outage>> {
        Box::pin(async move { self.0.delete(key).await.map_err(outage) })
    }
}

fn outage(error: KvError) -> Outage {
    Outage(match error {
        // As a `KvError` it would tell the stack of KV's own JavaScript.
        KvError::JavaScript(value) => format!("KV: {}", worker::Error::from(value)),
        error => format!("KV: {error}"),
    })
}
