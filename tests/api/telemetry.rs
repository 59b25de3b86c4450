//! The log line of each request.

use http::Method;
use postern::{
    routes,
    telemetry::{Event, Kind, Label, Outcome, Usage},
};

use crate::support::world::{World, endpoints};

#[test]
fn a_log_line_has_the_method_and_the_path_pattern() {
    for endpoint in endpoints() {
        let world = World::new();
        let path = endpoint.path(&world);
        let (path, _) = path.split_once('?').unwrap_or((&path, ""));
        let label = routes::label(&endpoint.method, path);
        assert_eq!(label, Label { method: label.method, route: endpoint.pattern }, "{path}");
        assert_eq!(label.method, endpoint.method.as_str());
    }
    let unknown = Label { method: "other", route: "unknown" };
    assert_eq!(routes::label(&Method::from_bytes(b"ada").unwrap(), "/ada@example.com"), unknown);
}

#[test]
fn a_log_line_has_the_status_and_the_error_code() {
    for endpoint in endpoints().into_iter().filter(|endpoint| endpoint.method != Method::HEAD) {
        let world = World::new();
        assert_eq!(endpoint.good(&world).send().outcome, "success", "{}", endpoint.name());
        let refused = endpoint.locked(&world).body("text/plain", b"ada@example.com").send();
        let expected = refused.body["code"].as_str().unwrap_or("success");
        assert_eq!(refused.outcome, expected, "{}: {}", endpoint.name(), refused.text);
    }
}

#[test]
fn a_log_line_has_exactly_these_fields() {
    let event = Event {
        event: Kind::Request,
        id: "test-request",
        label: Some(routes::label(&Method::DELETE, "/api/auth/me/tokens/abcdefghij")),
        outcome: Some(Outcome { status: http::StatusCode::CONFLICT, outcome: "email_taken" }),
        duration_ms: 12,
        usage: Usage {
            d1_round_trips: 1,
            d1_statements: 2,
            d1_rows_read: 3,
            d1_rows_written: 4,
            d1_ms: 0.5,
            kv_reads: 5,
            kv_writes: 6,
        },
    };
    let expected = concat!(
        r#"{"event":"request","id":"test-request","method":"DELETE","route":"/api/auth/me/tokens/{token}","#,
        r#""status":409,"outcome":"email_taken","duration_ms":12,"d1_round_trips":1,"d1_statements":2,"#,
        r#""d1_rows_read":3,"d1_rows_written":4,"d1_ms":0.5,"kv_reads":5,"kv_writes":6}"#,
    );
    assert_eq!(event.line(), expected);
}
