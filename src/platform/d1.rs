//! [`Sql`] on D1.
//!
//! D1 itself repeats statements that only read, up to twice, after an error that may pass (its documentation, "Retry queries").
//! What else is run again is decided in `store/repeat.rs`, by what the error says.

use std::time::Duration;

use worker::{D1Database, D1PreparedStatement, D1Result, Delay, wasm_bindgen::JsValue};

use crate::ports::{Outage, Pending, Rows, Sql, Statement, Value};

/// The database of one request.
pub struct D1(pub D1Database);

impl Sql for D1 {
    fn batch(&self, statements: Vec<Statement>) -> Pending<'_, Result<Vec<Rows>, Outage>> {
        Box::pin(async move {
            let prepared: Vec<D1PreparedStatement> =
                statements.into_iter().map(|statement| self.prepare(statement)).collect::<Result<_, _>>()?;
            let results = match prepared.as_slice() {
                // A single statement needs no transaction around it.
                [alone] => vec![alone.all().await.map_err(outage)?],
                _ => self.0.batch(prepared).await.map_err(outage)?,
            };
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
        self.0.prepare(statement.sql).bind(&values).map_err(outage)
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
