//! What the operator is told of the work that is done: one line of JSON for each request, for what follows its answer, and
//! for each run of the cron trigger. It has room for nothing that a client sends: docs/operate.md lists what is never told.

use std::cell::Cell;

use http::{Method, StatusCode};
use serde::Serialize;

/// What the stores were asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Usage {
    /// Waits for D1.
    pub d1_round_trips: u32,
    /// Statements in them.
    pub d1_statements: u32,
    /// Rows that D1 read, by its own account, which is what it bills.
    pub d1_rows_read: u64,
    /// Rows that D1 wrote, those of indexes included, by its own account.
    pub d1_rows_written: u64,
    /// Milliseconds that D1 itself took, by its own account: without the way there and back.
    pub d1_ms: f64,
    /// Reads of KV.
    pub kv_reads: u32,
    /// Writes and deletions in KV.
    pub kv_writes: u32,
}

/// Where the adapters of one request add up what they ask.
#[derive(Debug, Default)]
pub struct Meter(Cell<Usage>);

impl Meter {
    /// Adds to what was asked.
    pub fn add(&self, more: impl FnOnce(&mut Usage)) {
        let mut usage = self.0.get();
        more(&mut usage);
        self.0.set(usage);
    }

    /// What was asked since the last call of this, so that nothing is told twice.
    pub fn take(&self) -> Usage {
        self.0.take()
    }
}

/// What a request asks for, in words that are ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Label {
    /// A method that anything here answers to, or `other`.
    pub method: &'static str,
    /// The pattern of the path, or `unknown`.
    pub route: &'static str,
}

impl Label {
    /// The label of a method at the pattern of a path.
    pub fn new(method: &Method, route: &'static str) -> Self {
        let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        let method = known.into_iter().find(|known| *known == method.as_str()).unwrap_or("other");
        Label { method, route }
    }
}

/// How a request was answered.
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

/// A piece of work that has ended.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Event<'a> {
    /// What it was.
    pub event: Kind,
    /// The id of the request, which is in the answer too, or of the run.
    pub id: &'a str,
    /// What was asked for; nothing of a run.
    #[serde(flatten)]
    pub label: Option<Label>,
    /// How it was answered; nothing of what has no answer.
    #[serde(flatten)]
    pub outcome: Option<Outcome>,
    /// Milliseconds. The clock of the platform stands still while the Worker computes, so these are mostly waits.
    pub duration_ms: i64,
    /// What it asked of the stores.
    #[serde(flatten)]
    pub usage: Usage,
}

/// The kinds of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A request, up to its answer.
    Request,
    /// What a request left to be done after its answer.
    AfterAnswer,
    /// A run of the cron trigger.
    Cron,
}

impl Event<'_> {
    /// The line of the log.
    pub fn line(&self) -> String {
        // Only maps with keys that are no strings and failing `Serialize` impls can fail; we have neither.
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
    fn a_method_that_a_client_made_up_is_not_told() {
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
    fn what_was_told_is_not_told_again() {
        let meter = Meter::default();
        meter.add(|usage| usage.d1_statements += 3);
        meter.add(|usage| usage.d1_statements += 4);
        assert_eq!(meter.take().d1_statements, 7);
        assert_eq!(meter.take(), Usage::default());
    }

    #[test]
    fn a_run_of_the_cron_trigger_tells_no_route() {
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
