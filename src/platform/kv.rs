//! [`Kv`] on Workers KV.

use std::rc::Rc;

use worker::{KvError, KvStore};

use crate::{
    ports::{Kv, Pending, StoreError},
    telemetry::Meter,
};

/// The minimum lifetime of an entry, in seconds.
const SHORTEST: i64 = 60;

/// The namespace of a request.
pub struct WorkersKv {
    /// The binding.
    pub namespace: Rc<KvStore>,
    /// Counts the operations.
    pub meter: Rc<Meter>,
}

impl Kv for WorkersKv {
    fn get<'a>(&'a self, key: &'a str) -> Pending<'a, Result<Option<String>, StoreError>> {
        self.meter.add(|usage| usage.kv_reads += 1);
        Box::pin(async move { self.namespace.get(key).text().await.map_err(error) })
    }

    fn put<'a>(&'a self, key: &'a str, value: String, seconds: i64) -> Pending<'a, Result<(), StoreError>> {
        self.meter.add(|usage| usage.kv_writes += 1);
        Box::pin(async move {
            let put = self.namespace.put(key, value).map_err(error)?;
            put.expiration_ttl(seconds.max(SHORTEST).unsigned_abs()).execute().await.map_err(error)
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> Pending<'a, Result<(), StoreError>> {
        self.meter.add(|usage| usage.kv_writes += 1);
        Box::pin(async move { self.namespace.delete(key).await.map_err(error) })
    }
}

fn error(error: KvError) -> StoreError {
    StoreError(match error {
        // A `KvError` would contain the stack of KV's JavaScript.
        KvError::JavaScript(value) => format!("KV: {}", worker::Error::from(value)),
        error => format!("KV: {error}"),
    })
}
