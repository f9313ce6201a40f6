//! What was found, as the API shows it.

use serde_json::{Map, Value, json};
use shard::mapping::{IGNORED, Mapping};
use shard::{Hit, SortValue, StoredDocument, uid_parts};

use super::body::TrackTotal;
use super::failed::{ShardFailure, grouped};
use super::shows::Shows;
use super::spread::Found;
use crate::action::get::{shown_source, stored_fields};
use crate::error::ApiError;

/// A score with the digits that single precision has, not those that it gains on the way to double.
pub(super) fn show_score(score: f32) -> Value {
    score.to_string().parse::<f64>().map_or(Value::Null, |score| json!(score))
}

pub(super) fn show_total(total: u64, track: TrackTotal, as_number: bool) -> Value {
    let (value, relation) = match track {
        TrackTotal::UpTo(most) if total > most => (most, "gte"),
        _ => (total, "eq"),
    };
    if as_number { json!(value) } else { json!({"value": value, "relation": relation}) }
}

/// How many shards there are and were asked; those that could be left out have answered, too.
pub(super) fn show_shards(found: &Found) -> Value {
    let failed = found.failures.len();
    let mut shown = json!({"total": found.shards, "successful": found.answered, "skipped": found.skipped, "failed": failed});
    if failed > 0 {
        shown["failures"] = grouped(&found.failures).into_iter().map(ShardFailure::to_json).collect();
    }
    shown
}

/// A hit with its document, of an index with this mapping.
pub(super) fn show_hit(
    index: &str,
    hit: &Hit,
    stored: &StoredDocument,
    (shows, mapping): (&Shows, &Mapping),
) -> Result<Map<String, Value>, ApiError> {
    let (doc_type, id) = uid_parts(&stored.uid);
    let mut shown = Map::new();
    shown.insert("_index".to_owned(), json!(index));
    if !shows.hides_all() {
        shown.insert("_type".to_owned(), json!(doc_type));
        shown.insert("_id".to_owned(), json!(id));
    }
    if shows.version {
        shown.insert("_version".to_owned(), json!(stored.version));
    }
    if shows.seq_no {
        shown.insert("_seq_no".to_owned(), json!(stored.seq_no));
        shown.insert("_primary_term".to_owned(), json!(stored.term));
    }
    shown.insert("_score".to_owned(), hit.score.map_or(Value::Null, show_score));
    if let Some(routing) = stored.routing.as_ref().filter(|_| !shows.hides_all()) {
        shown.insert("_routing".to_owned(), json!(routing));
    }
    if !stored.ignored.is_empty() && !shows.hides_all() {
        shown.insert(IGNORED.to_owned(), json!(stored.ignored));
    }
    if let Some(source) = shown_source(&stored.source, shows.source()) {
        shown.insert("_source".to_owned(), source);
    }
    let fields = stored_fields(mapping, &stored.source, shows.stored())?;
    if !fields.is_empty() {
        shown.insert("fields".to_owned(), Value::Object(fields));
    }
    Ok(shown)
}

/// Adds values of fields to those that are shown already.
pub(super) fn add_fields(shown: &mut Map<String, Value>, fields: Map<String, Value>) {
    if fields.is_empty() {
        return;
    }
    let all = shown.entry("fields").or_insert_with(|| json!({}));
    if let Value::Object(all) = all {
        all.extend(fields);
    }
}

/// The values by which a hit was sorted.
pub(super) fn add_sort(shown: &mut Map<String, Value>, hit: &Hit) {
    add_sort_values(shown, &hit.sort);
}

/// Values by which a hit was sorted.
pub(super) fn add_sort_values(shown: &mut Map<String, Value>, values: &[SortValue]) {
    if !values.is_empty() {
        shown.insert("sort".to_owned(), Value::Array(values.iter().map(SortValue::to_json).collect()));
    }
}
