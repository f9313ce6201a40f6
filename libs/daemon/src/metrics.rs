//! Metrics in Prometheus's text format, one registry a program.

use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::encoding::text::encode;
pub use prometheus_client::metrics::counter::Counter;
pub use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A program's metrics; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
}

impl Metrics {
    /// A counter that only grows; `name` without the `_total` that the format adds.
    pub fn counter(&self, name: &str, help: &str) -> Counter {
        let counter = Counter::default();
        self.with(|registry| registry.register(name, help, counter.clone()));
        counter
    }

    /// A value that goes up and down.
    pub fn gauge(&self, name: &str, help: &str) -> Gauge {
        let gauge = Gauge::default();
        self.with(|registry| registry.register(name, help, gauge.clone()));
        gauge
    }

    /// All metrics as text.
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a String fails only if a metric's own encoder does; what was written so far is still true.
        if self.with(|registry| encode(&mut text, registry)).is_err() {
            tracing::error!("a metric could not be written");
        }
        text
    }

    fn with<T>(&self, act: impl FnOnce(&mut Registry) -> T) -> T {
        act(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_and_gauges_are_rendered() {
        let metrics = Metrics::default();
        let events = metrics.counter("events", "Events read");
        metrics.gauge("queue_depth", "Events waiting").set(3);

        events.inc_by(2);

        let text = metrics.render();
        assert!(text.contains("events_total 2"), "{text}");
        assert!(text.contains("queue_depth 3"), "{text}");
    }
}
