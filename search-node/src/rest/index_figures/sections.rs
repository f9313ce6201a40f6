//! The sections of figures: documents, searches, merges and so on, of a copy or of many together.
//!
//! A section is whole or not there. What is 0 in it always is so because there is none: no cache, no warmer, and
//! nothing but field data of a segment on the heap, for its files are mapped.

use serde_json::{Map, Value, json};

use crate::action::cluster::{CopyFigures, FiguresWish};
use crate::rest::call::Call;

/// A section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rest) enum Section {
    Docs,
    Store,
    Indexing,
    Get,
    Search,
    Merge,
    Refresh,
    Flush,
    Warmer,
    QueryCache,
    Fielddata,
    Completion,
    Segments,
    RequestCache,
}

/// The sections by the names that requests give them, and by those that answers do.
const SECTIONS: [(&str, &str, Section); 14] = [
    ("docs", "docs", Section::Docs),
    ("store", "store", Section::Store),
    ("indexing", "indexing", Section::Indexing),
    ("get", "get", Section::Get),
    ("search", "search", Section::Search),
    ("merge", "merges", Section::Merge),
    ("refresh", "refresh", Section::Refresh),
    ("flush", "flush", Section::Flush),
    ("warmer", "warmer", Section::Warmer),
    ("query_cache", "query_cache", Section::QueryCache),
    ("fielddata", "fielddata", Section::Fielddata),
    ("completion", "completion", Section::Completion),
    ("segments", "segments", Section::Segments),
    ("request_cache", "request_cache", Section::RequestCache),
];

/// Those that may be asked for and are not measured.
const UNTOLD: [&str; 3] = ["translog", "recovery", "suggest"];

impl Section {
    pub(in crate::rest) fn all() -> Vec<Self> {
        SECTIONS.iter().map(|(_, _, section)| *section).collect()
    }

    /// The sections that a list of names means, or the first name that means none.
    pub(in crate::rest) fn named(text: &str) -> Result<Vec<Self>, &str> {
        let names: Vec<&str> = text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        let find = |name: &str| SECTIONS.iter().find(|(asked, shown, _)| [asked, shown].contains(&&name));
        let is_all = |name: &&str| matches!(*name, "_all" | "*");
        let is_known = |name: &str| find(name).is_some() || UNTOLD.contains(&name);
        match names.iter().find(|name| !is_all(name) && !is_known(name)) {
            Some(unknown) => Err(unknown),
            None if names.iter().any(is_all) => Ok(Self::all()),
            None => Ok(names.iter().filter_map(|name| find(name)).map(|(_, _, section)| *section).collect()),
        }
    }

    pub(in crate::rest) fn names() -> impl Iterator<Item = &'static str> {
        SECTIONS.iter().map(|(name, _, _)| *name).chain(UNTOLD)
    }
}

/// Figures of copies added up.
pub(in crate::rest) fn total_of<'a>(copies: impl IntoIterator<Item = &'a CopyFigures>) -> CopyFigures {
    copies.into_iter().fold(CopyFigures::default(), |mut total, copy| {
        total.add(copy);
        total
    })
}

/// What statistics need to be told beside the usual: which fields of what is kept in memory, as the request names them.
pub(in crate::rest) fn stats_wish(call: &Call, with_files: bool) -> FiguresWish {
    let fielddata_of = call.param("fielddata_fields").or(call.param("fields")).map(str::to_owned);
    FiguresWish { fielddata_of, ..FiguresWish::segments(with_files) }
}

/// Sections of figures.
pub(in crate::rest) fn sections_of(
    copy: &CopyFigures,
    wanted: &[Section],
    with_files: bool,
) -> Map<String, Value> {
    let told = SECTIONS.iter().filter(|(_, _, section)| wanted.contains(section));
    told.map(|(_, name, section)| ((*name).to_owned(), shown(copy, *section, with_files))).collect()
}

fn shown(copy: &CopyFigures, section: Section, with_files: bool) -> Value {
    let done = &copy.activity;
    match section {
        Section::Docs => json!({"count": copy.documents, "deleted": copy.deleted}),
        Section::Store => json!({"size_in_bytes": copy.bytes, "reserved_in_bytes": 0}),
        Section::Indexing => json!({
            "index_total": done.index.count, "index_time_in_millis": done.index.millis(),
            "index_current": done.index.current, "index_failed": done.index_failed,
            "delete_total": done.delete.count, "delete_time_in_millis": done.delete.millis(),
            "delete_current": done.delete.current, "noop_update_total": done.noops,
            "is_throttled": copy.is_throttled, "throttle_time_in_millis": copy.throttle_millis
        }),
        Section::Get => json!({
            "total": done.found.count + done.missing.count,
            "time_in_millis": done.found.millis() + done.missing.millis(),
            "exists_total": done.found.count, "exists_time_in_millis": done.found.millis(),
            "missing_total": done.missing.count, "missing_time_in_millis": done.missing.millis(),
            "current": done.found.current
        }),
        Section::Search => json!({
            "open_contexts": copy.held.open(),
            "query_total": done.query.count, "query_time_in_millis": done.query.millis(),
            "query_current": done.query.current, "fetch_total": done.fetch.count,
            "fetch_time_in_millis": done.fetch.millis(), "fetch_current": done.fetch.current,
            "scroll_total": copy.held.scrolls.ended, "scroll_time_in_millis": copy.held.scrolls.millis,
            "scroll_current": copy.held.scrolls.current, "point_in_time_total": copy.held.points.ended,
            "point_in_time_time_in_millis": copy.held.points.millis,
            "point_in_time_current": copy.held.points.current,
            "suggest_total": 0, "suggest_time_in_millis": 0, "suggest_current": 0
        }),
        Section::Merge => json!({
            "current": done.merge.current, "current_docs": done.merging_documents,
            "current_size_in_bytes": done.merging_bytes, "total": copy.merges,
            "total_time_in_millis": done.merge.millis(), "total_docs": done.merged_documents,
            "total_size_in_bytes": done.merged_bytes, "total_stopped_time_in_millis": 0,
            "total_throttled_time_in_millis": 0, "total_auto_throttle_in_bytes": 0
        }),
        Section::Refresh => json!({
            "total": copy.refreshes, "total_time_in_millis": done.refresh.millis(),
            "external_total": copy.refreshes, "external_total_time_in_millis": done.refresh.millis(),
            "listeners": copy.listeners
        }),
        Section::Flush => json!({
            "total": copy.flushes, "periodic": done.periodic_flushes,
            "total_time_in_millis": done.flush.millis()
        }),
        Section::Warmer => json!({"current": 0, "total": 0, "total_time_in_millis": 0}),
        Section::QueryCache => json!({
            "memory_size_in_bytes": copy.queries.bytes, "total_count": copy.queries.hits + copy.queries.misses,
            "hit_count": copy.queries.hits, "miss_count": copy.queries.misses, "cache_size": copy.queries.entries,
            "cache_count": copy.queries.made, "evictions": copy.queries.evictions
        }),
        Section::Fielddata => {
            let mut shown =
                json!({"memory_size_in_bytes": copy.fielddata_bytes, "evictions": copy.fielddata_evictions});
            // Only those that were asked for are told.
            if !copy.fielddata.is_empty() {
                let fields = copy.fielddata.iter();
                let fields =
                    fields.map(|(path, bytes)| (path.clone(), json!({"memory_size_in_bytes": bytes})));
                shown["fields"] = Value::Object(fields.collect());
            }
            shown
        }
        Section::Completion => json!({"size_in_bytes": 0}),
        Section::RequestCache => json!({
            "memory_size_in_bytes": copy.requests.bytes, "evictions": copy.requests.evictions,
            "hit_count": copy.requests.hits, "miss_count": copy.requests.misses
        }),
        Section::Segments => segments(copy, with_files),
    }
}

fn segments(copy: &CopyFigures, with_files: bool) -> Value {
    let mut files = Map::new();
    for segment in copy.file_segments.iter().filter(|_| with_files) {
        for (kind, bytes) in &segment.files {
            let entry = files
                .entry(kind.clone())
                .or_insert_with(|| json!({"size_in_bytes": 0, "description": described(kind)}));
            entry["size_in_bytes"] = json!(entry["size_in_bytes"].as_u64().unwrap_or(0) + bytes);
        }
    }
    json!({
        "count": copy.segments, "memory_in_bytes": 0, "terms_memory_in_bytes": 0,
        "stored_fields_memory_in_bytes": 0, "term_vectors_memory_in_bytes": 0, "norms_memory_in_bytes": 0,
        "points_memory_in_bytes": 0, "doc_values_memory_in_bytes": 0,
        "index_writer_memory_in_bytes": copy.buffered_bytes,
        "version_map_memory_in_bytes": copy.version_bytes, "fixed_bit_set_memory_in_bytes": 0,
        "max_unsafe_auto_id_timestamp": -1, "file_sizes": files
    })
}

/// What is in files whose names end so.
fn described(kind: &str) -> &'static str {
    match kind {
        "term" => "Term Dictionary",
        "idx" => "Postings",
        "pos" => "Positions",
        "fast" => "DocValues",
        "fieldnorm" => "Norms",
        "store" => "Field Data",
        "del" => "Live Documents",
        "uids" => "Ids",
        _ => "Others",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_named_and_unknown_ones_are_told() {
        assert_eq!(Section::named("docs, merge"), Ok(vec![Section::Docs, Section::Merge]));
        assert_eq!(Section::named("merges"), Ok(vec![Section::Merge]));
        assert_eq!(Section::named("_all").map(|all| all.len()), Ok(SECTIONS.len()));
        assert_eq!(Section::named("translog"), Ok(Vec::new()));
        assert_eq!(Section::named("docs,fieldata"), Err("fieldata"));
    }

    #[test]
    fn figures_are_added_up() {
        let copy = CopyFigures { documents: 3, bytes: 10, merges: 1, ..CopyFigures::default() };
        let total = total_of([&copy, &copy]);
        let shown = sections_of(&total, &[Section::Docs, Section::Store], false);
        let expected = json!({"docs": {"count": 6, "deleted": 0}, "store": {"size_in_bytes": 20, "reserved_in_bytes": 0}});
        assert_eq!(Value::Object(shown), expected);
    }
}
