//! [`Sql`] on D1: on the primary or the nearest replica.
//!
//! D1 itself retries reads up to twice after a transient error (its documentation, "Retry queries"). `store/retry.rs` decides which
//! errors are retried beyond that.
//!
//! Calls D1's JavaScript API directly, because the `worker` crate reads rows value by value, with a call from WebAssembly to
//! JavaScript for each. Here a result is one text with a line of JSON per row, so that the end of a row is found without parsing.

use std::{cell::RefCell, rc::Rc};

use serde::Deserialize;
use worker::{
    js_sys::{self, Array, Promise},
    wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen},
    worker_sys::types::{D1Database, D1PreparedStatement},
};

use crate::{
    ports::{Pending, Rows, Sql, Statement, StoreError, Value},
    runtime::JsFuture,
    telemetry::Meter,
};

/// One copy of the database. That of the primary belongs to the isolate.
pub struct Database {
    binding: D1Database,
    /// The prepared statements, by the address of their static text.
    prepared: RefCell<Vec<(*const str, D1PreparedStatement)>>,
}

/// The database of a request.
pub struct D1 {
    /// The copy to query.
    pub database: Rc<Database>,
    /// Counts the queries.
    pub meter: Rc<Meter>,
}

#[wasm_bindgen(module = "/src/platform/d1.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn ask(statement: &D1PreparedStatement, values: Array) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch)]
    fn text(answer: &JsValue) -> Result<String, JsValue>;
}

/// The metadata of a result (<https://developers.cloudflare.com/d1/worker-api/return-object/#d1result>): the number of rows, and
/// the rows read and written and the milliseconds, if D1 reports them.
#[derive(Deserialize)]
struct Head(usize, Option<u64>, Option<u64>, Option<f64>);

impl Sql for D1 {
    fn batch<'a>(&'a self, statements: &'a [Statement]) -> Pending<'a, Result<Vec<Rows>, StoreError>> {
        Box::pin(async move {
            self.meter.add(|usage| {
                usage.d1_round_trips += 1;
                usage.d1_statements += statements.len() as u32;
            });
            let answers = self.database.ask(statements).await.map_err(|thrown| error(&thrown))?;
            let answers = answers.map_err(|error| StoreError(format!("D1: an unexpected answer: {error}")))?;
            self.meter.add(|usage| {
                for (Head(_, rows_read, rows_written, duration), _) in &answers {
                    usage.d1_rows_read += rows_read.unwrap_or_default();
                    usage.d1_rows_written += rows_written.unwrap_or_default();
                    usage.d1_ms += duration.unwrap_or_default();
                }
            });
            Ok(answers.into_iter().map(|(_, rows)| rows).collect())
        })
    }
}

impl Database {
    /// Returns the primary of a binding.
    pub fn new(binding: worker::D1Database) -> Self {
        Database { binding: JsValue::from(binding).unchecked_into(), prepared: RefCell::default() }
    }

    /// Returns the copy that responds first, for reads. Without replicas, that is the primary.
    ///
    /// # Errors
    /// If the runtime does not support D1 sessions.
    pub fn nearest(&self) -> worker::Result<Database> {
        let session = self.binding.with_session(Some("first-unconstrained"))?;
        // A session has the same methods as a database.
        Ok(Database { binding: JsValue::from(session).unchecked_into(), prepared: RefCell::default() })
    }

    async fn ask(&self, statements: &[Statement]) -> Result<serde_json::Result<Vec<(Head, Rows)>>, JsValue> {
        // A single statement needs no transaction.
        if let [alone] = statements {
            let answer = JsFuture::new(&self.prepared(alone, ask)?).await?;
            return Ok(answers(&text(&answer)?));
        }
        let bound = Array::new();
        for statement in statements {
            bound.push(&self.prepared(statement, D1PreparedStatement::bind)?.into());
        }
        let answered = JsFuture::new(&self.binding.batch(bound)?).await?;
        Ok(answers(&text(&answered)?))
    }

    /// What becomes of the prepared statement and its values.
    fn prepared<T>(
        &self,
        statement: &Statement,
        with: impl FnOnce(&D1PreparedStatement, Array) -> Result<T, JsValue>,
    ) -> Result<T, JsValue> {
        let values: Array = statement.values.iter().map(js_value).collect();
        let place: *const str = statement.sql;
        if let Some((_, prepared)) = self.prepared.borrow().iter().find(|(known, _)| std::ptr::eq(*known, place)) {
            return with(prepared, values);
        }
        // The text is sent to D1 as JSON with each request. Without line breaks, nothing in it needs escaping.
        let prepared = self.binding.prepare(&one_line(statement.sql))?;
        let outcome = with(&prepared, values);
        self.prepared.borrow_mut().push((place, prepared));
        outcome
    }
}

/// Parses the text from `text` in d1.js: for each result a line of metadata, then its rows.
fn answers(text: &str) -> serde_json::Result<Vec<(Head, Rows)>> {
    let mut lines = text.split('\n');
    let mut answers = Vec::new();
    while let Some(line) = lines.next() {
        let head: Head = serde_json::from_str(line)?;
        let rows = Rows(lines.by_ref().take(head.0).map(Box::from).collect());
        answers.push((head, rows));
    }
    Ok(answers)
}

fn one_line(sql: &str) -> String {
    sql.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

fn js_value(value: &Value) -> JsValue {
    match value {
        Value::Null => JsValue::NULL,
        // D1 does not accept BigInt; a JavaScript number is exact up to 2^53.
        Value::Integer(integer) => JsValue::from_f64(*integer as f64),
        Value::Text(text) => JsValue::from_str(text),
    }
}

/// D1 wraps SQLite's error in its own, whose message and stack describe D1's JavaScript.
fn error(error: &JsValue) -> StoreError {
    let error: Option<&js_sys::Error> = error.dyn_ref();
    let cause = error.and_then(|error| error.cause().dyn_into::<js_sys::Error>().ok());
    let told = cause.as_ref().or(error).map_or_else(|| "unknown error".to_owned(), |error| error.message().into());
    StoreError(format!("D1: {told}"))
}
