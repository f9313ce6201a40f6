//! `GET /api/home`: what is arriving now, in five parts that fail one by one.

mod hosts;
mod ingest;
mod logs;
mod monitors;
mod network;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::server::Api;

/// How far back Home looks.
const WINDOW_MS: i64 = 15 * 60_000;
/// The step of its small charts.
const STEP_MS: i64 = 30_000;
/// The step as the node reads it.
const STEP: &str = "30s";

/// The moment that all parts of one answer look at.
#[derive(Debug, Clone, Copy)]
struct Window {
    from: i64,
    to: i64,
}

impl Window {
    /// How many steps the small charts have.
    fn steps(self) -> usize {
        usize::try_from((self.to - self.from) / STEP_MS).unwrap_or(0) + 1
    }

    /// The step in which `key` starts; none outside.
    fn step_of(self, key: i64) -> Option<usize> {
        let first = self.from.div_euclid(STEP_MS) * STEP_MS;
        usize::try_from((key - first).div_euclid(STEP_MS)).ok().filter(|step| *step < self.steps())
    }

    fn clause(self) -> Result<Value, ApiError> {
        crate::explore::request::time_range(self.from, self.to)
    }
}

/// Everything that Home shows. Away, the node fails the whole; a part that it refuses fails alone.
pub(crate) async fn home(State(api): State<Api>) -> Result<Json<Value>, ApiError> {
    let now = api.clock.now_millis();
    let window = Window { from: now - WINDOW_MS, to: now };
    let (ingest, hosts, monitors, network, logs) = futures::future::join5(
        ingest::ingest(&api, window),
        hosts::hosts(&api, window),
        monitors::monitors(&api, window),
        network::network(&api, window),
        logs::logs(&api),
    )
    .await;
    Ok(Json(json!({
        "now": now,
        "from": window.from,
        "step": STEP_MS,
        "ingest": part(ingest)?,
        "hosts": part(hosts)?,
        "monitors": part(monitors)?,
        "network": part(network)?,
        "logs": part(logs)?,
    })))
}

fn part(result: Result<Value, ApiError>) -> Result<Value, ApiError> {
    match result {
        Ok(value) => Ok(value),
        Err(away @ (ApiError::NodeAway { .. } | ApiError::TooBusy(_))) => Err(away),
        Err(other) => Ok(other.body()),
    }
}

/// The buckets of an aggregation.
fn buckets<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The key of a bucket as text.
fn key_text(bucket: &Value) -> String {
    bucket.get("key").map(crate::document::plain).unwrap_or_default()
}

/// The key of a time bucket.
fn key_millis(bucket: &Value) -> i64 {
    bucket.get("key").and_then(|key| key.as_i64().or_else(|| key.as_f64().map(|key| key as i64))).unwrap_or(0)
}

/// The value of a metric aggregation.
fn metric(bucket: &Value, name: &str) -> Option<f64> {
    bucket.get(name).and_then(|metric| metric.get("value")).and_then(Value::as_f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_cover_the_window_whatever_its_start() {
        for now in [1_764_000_000_000_i64, 1_764_000_000_001, 1_764_000_029_999] {
            let window = Window { from: now - WINDOW_MS, to: now };
            assert_eq!(window.step_of(window.from.div_euclid(STEP_MS) * STEP_MS), Some(0));
            assert_eq!(window.step_of(now.div_euclid(STEP_MS) * STEP_MS), Some(30));
            assert_eq!(window.step_of(now + 2 * STEP_MS), None);
            assert_eq!(window.step_of(window.from - 2 * STEP_MS), None);
        }
    }
}
