//! [`Sql`] on D1: on its primary, or on the nearest copy.
//!
//! D1 itself repeats statements that only read, up to twice, after an error that may pass (its documentation, "Retry queries").
//! What else is run again is decided in `store/repeat.rs`, by what the error says.

use std::{rc::Rc, time::Duration};

use worker::{
    D1Database, D1DatabaseSession, D1PreparedStatement, D1Result, D1SessionConstraint, Delay, wasm_bindgen::JsValue,
};

use crate::{
    ports::{Outage, Pending, Rows, Sql, Statement, Value},
    telemetry::Meter,
};

/// The database of one request.
pub struct D1 {
    /// Which copy of it is asked.
    pub instance: Instance,
    /// Where it notes what it asks.
    pub meter: Rc<Meter>,
}

/// A copy of the database.
pub enum Instance {
    /// The primary.
    Primary(D1Database),
    /// The one that answers first, for what only reads. Where the database has no replicas that is the primary.
    Nearest(D1DatabaseSession),
}

impl Instance {
    /// The nearest copy of a database.
    ///
    /// # Errors
    /// When the runtime knows no sessions of D1.
    pub fn nearest(database: &D1Database) -> worker::Result<Instance> {
        database.with_session_constraint(D1SessionConstraint::FirstUnconstrained).map(Instance::Nearest)
    }

    fn prepare(&self, statement: &Statement) -> Result<D1PreparedStatement, Outage> {
        let values: Vec<JsValue> = statement.values.iter().map(js_value).collect();
        let prepared = match self {
            Instance::Primary(database) => database.prepare(statement.sql),
            Instance::Nearest(session) => session.prepare(statement.sql),
        };
        prepared.bind(&values).map_err(outage)
    }

    async fn run(&self, prepared: Vec<D1PreparedStatement>) -> Result<Vec<D1Result>, Outage> {
        let results = match (self, prepared.as_slice()) {
            // A single statement needs no transaction around it.
            (_, [alone]) => alone.all().await.map(|result| vec![result]),
            (Instance::Primary(database), _) => database.batch(prepared).await,
            (Instance::Nearest(session), _) => session.batch(prepared).await,
        };
        results.map_err(outage)
    }
}

impl Sql for D1 {
    fn batch(&self, statements: Vec<Statement>) -> Pending<'_, Result<Vec<Rows>, Outage>> {
        Box::pin(async move {
            let prepared: Vec<D1PreparedStatement> =
                statements.iter().map(|statement| self.instance.prepare(statement)).collect::<Result<_, _>>()?;
            self.meter.add(|usage| {
                usage.d1_round_trips += 1;
                usage.d1_statements += prepared.len() as u32;
            });
            let results = self.instance.run(prepared).await?;
            results.iter().for_each(|result| self.note(result));
            results.iter().map(rows).collect()
        })
    }

    fn pause(&self, duration: Duration) -> Pending<'_, ()> {
        Box::pin(async move { Delay::from(duration).await })
    }
}

impl D1 {
    /// Notes what D1 says that a statement took. An answer that does not say it is as good.
    fn note(&self, result: &D1Result) {
        let Ok(Some(meta)) = result.meta() else { return };
        self.meter.add(|usage| {
            usage.d1_rows_read += meta.rows_read.unwrap_or_default() as u64;
            usage.d1_rows_written += meta.rows_written.unwrap_or_default() as u64;
            usage.d1_ms += meta.duration.unwrap_or_default();
        });
    }
}

fn js_value(value: &Value) -> JsValue {
    match value {
        Value::Null => JsValue::NULL,
        // D1 takes no BigInt; a JavaScript number is exact up to 2^53.
        Value::Integer(integer) => JsValue::from_f64(*integer as f64),
        Value::Text(text) => JsValue::from_str(text),
    }
}

fn rows(result: &D1Result) -> Result<Rows, Outage> {
    if let Some(error) = result.error() {
        return Err(Outage(format!("D1: {error}")));
    }
    result.results().map(Rows).map_err(outage)
}

fn outage(error: worker::Error) -> Outage {
    Outage(match error {
        // Its `Display` is the stack of D1's own JavaScript, in many lines.
        worker::Error::D1(error) => format!("D1: {}", error.cause()),
        error => format!("D1: {error}"),
    })
}
