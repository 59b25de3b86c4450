//! Metrics on Analytics Engine

use worker::{AnalyticsEngineDataPointBuilder, AnalyticsEngineDataset};

use crate::telemetry::Event;

/// The binding `ANALYTICS`, if wrangler.toml has one.
#[derive(Default)]
pub struct Counters(pub Option<AnalyticsEngineDataset>);

impl Counters {
    /// Counts a request. The platform accepts the data point without a result, so nothing waits for it, and a lost point is only
    /// missing in the metrics.
    pub fn count(&self, event: &Event<'_>) {
        let (Some(dataset), Some(label), Some(outcome)) = (&self.0, event.label, event.outcome) else { return };
        let usage = event.usage;
        // docs/operate.md documents the columns.
        let point = AnalyticsEngineDataPointBuilder::new()
            .indexes([label.route])
            .blobs([label.route, label.method, outcome.outcome])
            .doubles([
                f64::from(outcome.status.as_u16()),
                event.duration_ms as f64,
                f64::from(usage.d1_statements),
                usage.d1_rows_read as f64,
                usage.d1_rows_written as f64,
                usage.d1_ms,
                f64::from(usage.kv_reads),
                f64::from(usage.kv_writes),
            ])
            .build();
        let _ = dataset.write_data_point(&point);
    }
}
