//! The histogram: how many documents in each step of time, broken down by level where there is one.

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::explore::request::{SearchRequest, TIME_FIELD};
use crate::fields::Fields;
use crate::node::Node;

/// Steps that people read easily, in milliseconds.
const STEPS: &[i64] = &[
    1,
    10,
    100,
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    30_000,
    60_000,
    120_000,
    300_000,
    600_000,
    1_800_000,
    3_600_000,
    10_800_000,
    21_600_000,
    43_200_000,
    86_400_000,
    604_800_000,
    2_592_000_000,
    31_536_000_000,
];

/// Fields that break the bars down, the first that a source has.
const BREAKDOWNS: &[&str] = &["log.level", "level", "severity", "monitor.status"];

/// How many parts a bar has at most; a level has seven.
const PARTS_MAX: usize = 10;

/// A search for the histogram and the total.
#[derive(Debug)]
pub(crate) struct HistogramPlan {
    query: Value,
    /// The step in milliseconds; none if the source has no time.
    pub(crate) step: Option<i64>,
    /// The field that breaks the bars down.
    pub(crate) by: Option<String>,
    from: i64,
    to: i64,
}

impl HistogramPlan {
    /// Plans the histogram of `request`, whose documents are those of `query`.
    pub(crate) fn new(request: &SearchRequest, query: Value, fields: &Fields, buckets: usize) -> Self {
        let (from, to) = (request.scope.from, request.scope.to);
        let timed = fields.get(TIME_FIELD).is_some();
        let by = BREAKDOWNS.iter().find(|name| fields.countable(name).is_some());
        Self {
            query,
            step: timed.then(|| step(to.saturating_sub(from), buckets)),
            by: by.map(|name| (*name).to_owned()),
            from,
            to,
        }
    }

    /// Asks the node and makes the `histogram` frame.
    pub(crate) async fn run(
        &self,
        node: &Node,
        request: &SearchRequest,
        fields: &Fields,
    ) -> Result<Value, ApiError> {
        let mut body = json!({"query": self.query, "size": 0, "track_total_hits": true});
        if let Some(step) = self.step {
            body["aggs"] = json!({"time": self.aggregation(step, fields)});
        }
        let answer = node.search(&request.scope.source, &body).await?;
        Ok(self.frame(&answer))
    }

    fn aggregation(&self, step: i64, fields: &Fields) -> Value {
        let mut time = json!({"date_histogram": {
            "field": TIME_FIELD,
            "fixed_interval": format!("{step}ms"),
            "min_doc_count": 0,
            "extended_bounds": {"min": self.from, "max": self.to},
        }});
        if let Some(exact) = self.by.as_ref().and_then(|by| fields.countable(by)) {
            time["aggs"] = json!({"by": {"terms": {"field": exact, "size": PARTS_MAX}}});
        }
        time
    }

    fn frame(&self, answer: &Value) -> Value {
        let empty = Vec::new();
        let buckets =
            answer.pointer("/aggregations/time/buckets").and_then(Value::as_array).unwrap_or(&empty);
        let mut series: Vec<(String, Vec<u64>)> = Vec::new();
        let mut rest = vec![0; buckets.len()];
        for (at, bucket) in buckets.iter().enumerate() {
            let mut known = 0;
            let parts = bucket.pointer("/by/buckets").and_then(Value::as_array);
            for part in parts.unwrap_or(&empty) {
                let name = part.get("key").map(crate::document::plain).unwrap_or_default();
                let count = count_of(part);
                known += count;
                match series.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, counts)) => counts[at] = count,
                    None => {
                        let mut counts = vec![0; buckets.len()];
                        counts[at] = count;
                        series.push((name, counts));
                    }
                }
            }
            rest[at] = count_of(bucket).saturating_sub(known);
        }
        if series.is_empty() || rest.iter().any(|count| *count > 0) {
            series.push((String::new(), rest));
        }
        let keys: Vec<&Value> = buckets.iter().filter_map(|bucket| bucket.get("key")).collect();
        let series: Vec<Value> =
            series.into_iter().map(|(name, counts)| json!({"name": name, "counts": counts})).collect();
        json!({
            "frame": "histogram",
            "keys": keys,
            "step": self.step,
            "by": self.by,
            "series": series,
            "total": total(answer),
        })
    }
}

fn count_of(bucket: &Value) -> u64 {
    bucket.get("doc_count").and_then(Value::as_u64).unwrap_or(0)
}

/// The total of an answer, whether it is an object or, as older nodes write it, a number.
pub(crate) fn total(answer: &Value) -> u64 {
    let total = answer.pointer("/hits/total");
    total.and_then(|total| total.get("value").unwrap_or(total).as_u64()).unwrap_or(0)
}

/// The smallest step that keeps within `buckets` bars.
pub(crate) fn step(span: i64, buckets: usize) -> i64 {
    let buckets = i64::try_from(buckets.max(1)).unwrap_or(i64::MAX);
    let least = span / buckets;
    let longest = STEPS[STEPS.len() - 1];
    STEPS.iter().copied().find(|step| *step >= least).unwrap_or_else(|| {
        // Centuries: as many of the longest step as it takes.
        longest.saturating_mul(least / longest + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_keep_within_the_bars() {
        for (span, expected) in [
            (15 * 60_000, 10_000),
            (60 * 60_000, 60_000),
            (24 * 3_600_000, 1_800_000),
            (7 * 86_400_000, 10_800_000),
            (0, 1),
        ] {
            assert_eq!(step(span, 100), expected, "{span}");
        }
        for span in [1, 999, 86_400_000_i64 * 365 * 50, i64::MAX] {
            assert!(span / step(span, 100) <= 100, "{span}");
        }
    }

    #[test]
    fn documents_without_a_level_get_a_part_of_their_own() {
        let plan = HistogramPlan {
            query: Value::Null,
            step: Some(1),
            by: Some("log.level".to_owned()),
            from: 0,
            to: 1,
        };
        let answer = json!({
            "hits": {"total": {"value": 5, "relation": "eq"}},
            "aggregations": {"time": {"buckets": [
                {"key": 0, "doc_count": 3, "by": {"buckets": [{"key": "error", "doc_count": 2}]}},
                {"key": 1, "doc_count": 2, "by": {"buckets": [{"key": "info", "doc_count": 2}]}},
            ]}},
        });

        let frame = plan.frame(&answer);

        assert_eq!(frame["total"], 5);
        assert_eq!(
            frame["series"],
            json!([
                {"name": "error", "counts": [2, 0]},
                {"name": "info", "counts": [0, 2]},
                {"name": "", "counts": [1, 0]},
            ])
        );
    }
}
