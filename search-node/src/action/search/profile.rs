//! What a search took in each shard, as `profile` shows it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use shard::{Profiler, SearchRequest};

use super::query::Part;

/// What is measured of a search in one shard; nothing where nobody asks.
pub(super) struct Profiling {
    profiler: Option<Arc<Profiler>>,
}

/// How long documents of a shard took to read, and how many there were.
pub(super) type Fetching = BTreeMap<usize, (Duration, u64)>;

impl Profiling {
    pub(super) fn new(is_wanted: bool) -> Self {
        Self { profiler: is_wanted.then(Arc::default) }
    }

    /// The search, measured if that is wanted.
    pub(super) fn request(&self, request: &SearchRequest) -> Option<SearchRequest> {
        let profiler = self.profiler.clone();
        profiler.map(|profiler| SearchRequest { profiler: Some(profiler), ..request.clone() })
    }

    /// What was measured in a part that the search took so long in.
    pub(super) fn end(
        self,
        part: &Part,
        request: &SearchRequest,
        took: Duration,
    ) -> Option<(usize, Vec<u8>)> {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let searched = self.profiler?.to_json(collector(request), nanos);
        let shown = json!({"id": part.id(), "searches": [searched], "aggregations": []});
        Some((part.place, shown.to_string().into_bytes()))
    }
}

/// What Lucene calls whoever takes the matches, and why there is one.
fn collector(request: &SearchRequest) -> (&'static str, &'static str) {
    match request {
        request if !request.aggs.is_empty() => ("MultiCollector", "search_multi"),
        SearchRequest { hits: 0, .. } => ("EarlyTerminatingCollector", "search_count"),
        request if request.sort.is_empty() => ("SimpleTopScoreDocCollector", "search_top_hits"),
        _ => ("SimpleFieldCollector", "search_top_hits"),
    }
}

/// The profiles of all shards, in the order of these.
pub(super) fn show(mut profiles: Vec<(usize, Vec<u8>)>, fetched: &Fetching) -> Value {
    profiles.sort_by_key(|(place, _)| *place);
    let shown = profiles.into_iter().filter_map(|(place, profile)| {
        let mut shown: Value = serde_json::from_slice(&profile).ok()?;
        if let Some((took, count)) = fetched.get(&place) {
            let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
            shown["fetch"] = json!({
                "type": "fetch",
                "description": "",
                "time_in_nanos": nanos,
                "breakdown": {"load_stored_fields": nanos, "load_stored_fields_count": count}
            });
        }
        Some(shown)
    });
    json!({"shards": shown.collect::<Vec<_>>()})
}
