//! [`Kv`] on Workers KV.

use std::rc::Rc;

use worker::{KvError, KvStore};

use crate::{
    ports::{Kv, Outage, Pending},
    telemetry::Meter,
};

/// The platform refuses to store anything for less, in seconds.
const SHORTEST: i64 = 60;

/// The namespace of one request.
pub struct WorkersKv {
    /// The binding.
    pub namespace: Rc<KvStore>,
    /// Where it notes what it asks.
    pub meter: Rc<Meter>,
}

impl Kv for WorkersKv {
    fn get<'a>(&'a self, key: &'a str) -> Pending<'a, Result<Option<String>, Outage>> {
        self.meter.add(|usage| usage.kv_reads += 1);
        Box::pin(async move { self.namespace.get(key).text().await.map_err(outage) })
    }

    fn put<'a>(&'a self, key: &'a str, value: String, seconds: i64) -> Pending<'a, Result<(), Outage>> {
        self.meter.add(|usage| usage.kv_writes += 1);
        Box::pin(async move {
            let put = self.namespace.put(key, value).map_err(outage)?;
            put.expiration_ttl(seconds.max(SHORTEST).unsigned_abs()).execute().await.map_err(outage)
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> Pending<'a, Result<(), Outage>> {
        self.meter.add(|usage| usage.kv_writes += 1);
        Box::pin(async move { self.namespace.delete(key).await.map_err(outage) })
    }
}

fn outage(error: KvError) -> Outage {
    Outage(match error {
        // As a `KvError` it would tell the stack of KV's own JavaScript.
        KvError::JavaScript(value) => format!("KV: {}", worker::Error::from(value)),
        error => format!("KV: {error}"),
    })
}
