//! The log lines for the operator: one line of JSON for each request, for the work after its response, and for each run of the cron
//! trigger. The types have no field for anything that a client sends. docs/operate.md lists what is never logged.

use std::cell::Cell;

use http::{Method, StatusCode};
use serde::Serialize;

/// The use of D1 and KV.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Usage {
    /// Round trips to D1.
    pub d1_round_trips: u32,
    /// Statements in these round trips.
    pub d1_statements: u32,
    /// Rows read, as D1 reports and bills them.
    pub d1_rows_read: u64,
    /// Rows written, including those of indexes, as D1 reports them.
    pub d1_rows_written: u64,
    /// Milliseconds that D1 reports for its own work, without the network.
    pub d1_ms: f64,
    /// Reads of KV.
    pub kv_reads: u32,
    /// Writes and deletions in KV.
    pub kv_writes: u32,
}

/// Counts the use of D1 and KV by one request.
#[derive(Debug, Default)]
pub struct Meter(Cell<Usage>);

impl Meter {
    /// Adds to the counts.
    pub fn add(&self, more: impl FnOnce(&mut Usage)) {
        let mut usage = self.0.get();
        more(&mut usage);
        self.0.set(usage);
    }

    /// Returns the counts since the last call and resets them, so that nothing is counted twice.
    pub fn take(&self) -> Usage {
        self.0.take()
    }
}

/// The method and route of a request, without any text of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Label {
    /// A known method, or `other`.
    pub method: &'static str,
    /// The pattern of the path, or `unknown`.
    pub route: &'static str,
}

impl Label {
    /// Returns the label for a method and the pattern of a path.
    pub fn new(method: &Method, route: &'static str) -> Self {
        let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        let method = known.into_iter().find(|known| *known == method.as_str()).unwrap_or("other");
        Label { method, route }
    }
}

/// The result of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The HTTP status.
    #[serde(serialize_with = "as_number")]
    pub status: StatusCode,
    /// `success`, or the code of the refusal.
    pub outcome: &'static str,
}

fn as_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

/// Work that has ended.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Event<'a> {
    /// The kind of work.
    pub event: Kind,
    /// The id of the request, which the response also has, or of the run.
    pub id: &'a str,
    /// The method and route; `None` for a run of the cron trigger.
    #[serde(flatten)]
    pub label: Option<Label>,
    /// The result; `None` if there is no response.
    #[serde(flatten)]
    pub outcome: Option<Outcome>,
    /// The duration in milliseconds. The platform's clock stops while the Worker computes, so this is mostly waiting.
    pub duration_ms: i64,
    /// The use of D1 and KV.
    #[serde(flatten)]
    pub usage: Usage,
}

/// The kinds of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A request, up to its response.
    Request,
    /// The work that a request leaves for after its response.
    AfterAnswer,
    /// A run of the cron trigger.
    Cron,
}

impl Event<'_> {
    /// Returns the log line.
    pub fn line(&self) -> String {
        // This cannot fail: there are no maps with keys that are not strings.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Returns the log line about settings that are missing or invalid. `problems` must not quote secrets.
pub fn settings_line(problems: &[impl Serialize]) -> String {
    #[derive(Serialize)]
    struct Line<'a, P> {
        event: &'static str,
        problems: &'a [P],
    }
    serde_json::to_string(&Line { event: "settings", problems }).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_that_a_client_made_up_is_not_logged() {
        let made_up = Method::from_bytes(b"ada-at-example.com").unwrap();
        assert_eq!(Label::new(&made_up, "unknown"), Label { method: "other", route: "unknown" });
        assert_eq!(Label::new(&Method::PUT, "/health").method, "PUT");
    }

    #[test]
    fn problems_of_the_settings_are_one_line() {
        let problems = [serde_json::json!({ "setting": "APP_URL" })];
        assert_eq!(settings_line(&problems), r#"{"event":"settings","problems":[{"setting":"APP_URL"}]}"#);
    }

    #[test]
    fn a_count_is_not_reported_twice() {
        let meter = Meter::default();
        meter.add(|usage| usage.d1_statements += 3);
        meter.add(|usage| usage.d1_statements += 4);
        assert_eq!(meter.take().d1_statements, 7);
        assert_eq!(meter.take(), Usage::default());
    }

    #[test]
    fn a_run_of_the_cron_trigger_has_no_route() {
        let event = Event {
            event: Kind::Cron,
            id: "run",
            label: None,
            outcome: None,
            duration_ms: 5,
            usage: Usage { d1_rows_read: 2, ..Usage::default() },
        };
        let expected = r#"{"event":"cron","id":"run","duration_ms":5,"d1_round_trips":0,"d1_statements":0,"d1_rows_read":2,"d1_rows_written":0,"d1_ms":0.0,"kv_reads":0,"kv_writes":0}"#;
        assert_eq!(event.line(), expected);
    }
}
