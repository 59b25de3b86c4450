//! [`Sql`] on D1.
//!
//! D1 itself repeats statements that only read, up to twice, after an error that may pass (its documentation, "Retry queries").
//! What else is run again is decided in `store/repeat.rs`, by what the error says.

use std::{rc::Rc, time::Duration};

use worker::{D1Database, D1PreparedStatement, D1Result, Delay, wasm_bindgen::JsValue};

use crate::{
    ports::{Outage, Pending, Rows, Sql, Statement, Value},
    telemetry::Meter,
};

/// The database of one request.
pub struct D1 {
    /// The binding.
    pub database: D1Database,
    /// Where it notes what it asks.
    pub meter: Rc<Meter>,
}

impl Sql for D1 {
    fn batch(&self, statements: Vec<Statement>) -> Pending<'_, Result<Vec<Rows>, Outage>> {
        Box::pin(async move {
            let prepared: Vec<D1PreparedStatement> =
                statements.into_iter().map(|statement| self.prepare(statement)).collect::<Result<_, _>>()?;
            self.meter.add(|usage| {
                usage.d1_round_trips += 1;
                usage.d1_statements += prepared.len() as u32;
            });
            let results = match prepared.as_slice() {
                // A single statement needs no transaction around it.
                [alone] => vec![alone.all().await.map_err(outage)?],
                _ => self.database.batch(prepared).await.map_err(outage)?,
            };
            results.iter().for_each(|result| self.note(result));
            results.iter().map(rows).collect()
        })
    }

    fn pause(&self, duration: Duration) -> Pending<'_, ()> {
        Box::pin(async move { Delay::from(duration).await })
    }
}

impl D1 {
    fn prepare(&self, statement: Statement) -> Result<D1PreparedStatement, Outage> {
        let values: Vec<JsValue> = statement.values.iter().map(js_value).collect();
        self.database.prepare(statement.sql).bind(&values).map_err(outage)
    }

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
