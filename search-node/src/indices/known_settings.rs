//! Every setting of an index with a plain value: what it may be, what is meant where nobody sets it, and whether it changes while the
//! index is open. `settings` says what the node makes of those that have an effect; those of [`WITHOUT_EFFECT`] are checked, kept and
//! shown, because templates have them.
//!
//! What is stored is not checked again: an older build may have taken it.

use serde_json::{Map, Value as Json, json};

use crate::error::ApiError;
use crate::replication::ActiveCopies;
use crate::time_span::read_span;

/// What a value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    Anything,
    Flag,
    /// A whole number of 32 bits from this one on.
    Int(i32),
    /// The same of 64 bits.
    Long(i64),
    /// A time span.
    Span,
    /// A time span, or -1.
    SpanOrNone,
    /// An amount of bytes from this one on.
    Bytes(u64),
    /// An amount of bytes, or -1.
    BytesOrNone,
    /// Names, in a list or parted by commas.
    Names,
    /// One of these, in small or capital letters.
    OneOf(&'static [&'static str]),
    /// How much of a source a slow log tells: how many letters, all, or none.
    Source,
    /// Whether files of a segment are one: so, or a share from 0 to 1.
    Share,
    /// How many copies a write waits for.
    Copies,
    /// The name of a pipeline, of which there are none.
    NoPipeline,
    /// Whoever reads it says what is wrong.
    Own,
}

/// A setting, by its name without `index.`.
struct Known {
    name: &'static str,
    value: Value,
    /// As `include_defaults` shows it; none for what has no default, or one that depends on the node.
    usual: Option<&'static str>,
    /// Whether it may be changed while the index is open.
    is_dynamic: bool,
}

const fn dynamic(name: &'static str, value: Value, usual: &'static str) -> Known {
    Known { name, value, usual: Some(usual), is_dynamic: true }
}

const fn fixed(name: &'static str, value: Value, usual: &'static str) -> Known {
    Known { name, value, usual: Some(usual), is_dynamic: false }
}

const fn without_default(known: Known) -> Known {
    Known { usual: None, ..known }
}

use Value::{
    Anything, Bytes, BytesOrNone, Copies, Flag, Int, Long, Names, NoPipeline, OneOf, Own, Share, Source,
    Span, SpanOrNone,
};

const LEVELS: Value = OneOf(&["trace", "debug", "info", "warn"]);

/// The least length of a generation of the translog, its header.
const TRANSLOG_LEAST: u64 = 56;

#[rustfmt::skip]
const KNOWN: &[Known] = &[
    dynamic("allocation.max_retries", Own, "5"),
    dynamic("analyze.max_token_count", Int(1), "10000"),
    dynamic("auto_expand_replicas", Own, "false"),
    dynamic("blocks.metadata", Flag, "false"),
    dynamic("blocks.read", Flag, "false"),
    dynamic("blocks.read_only", Flag, "false"),
    dynamic("blocks.read_only_allow_delete", Flag, "false"),
    dynamic("blocks.write", Flag, "false"),
    dynamic("gc_deletes", SpanOrNone, "60s"),
    dynamic("hidden", Flag, "false"),
    fixed("mapping.coerce", Flag, "true"),
    dynamic("mapping.depth.limit", Long(1), "20"),
    dynamic("mapping.field_name_length.limit", Long(1), "9223372036854775807"),
    fixed("mapping.ignore_malformed", Flag, "false"),
    dynamic("mapping.nested_fields.limit", Long(0), "50"),
    dynamic("mapping.nested_objects.limit", Long(0), "10000"),
    dynamic("mapping.total_fields.ignore_dynamic_beyond_limit", Flag, "false"),
    dynamic("mapping.total_fields.limit", Long(0), "1000"),
    dynamic("max_inner_result_window", Int(1), "100"),
    dynamic("max_ngram_diff", Int(0), "1"),
    dynamic("max_refresh_listeners", Int(0), "1000"),
    without_default(dynamic("max_result_window", Int(1), "")),
    dynamic("max_shingle_diff", Int(0), "3"),
    fixed("recovery.file_based_threshold", Own, "0.1"),
    dynamic("refresh_interval", SpanOrNone, "1s"),
    dynamic("routing.allocation.enable", Own, "all"),
    dynamic("routing.allocation.total_shards_per_node", Own, "-1"),
    dynamic("routing.rebalance.enable", Own, "all"),
    fixed("routing_partition_size", Int(1), "1"),
    dynamic("search.idle.after", Span, "30s"),
    // Shards of a usual size are checked where nobody says, which is none of its values.
    without_default(fixed("shard.check_on_startup", Own, "")),
    dynamic("translog.durability", OneOf(&["request", "async"]), "request"),
    dynamic("translog.flush_threshold_size", Bytes(TRANSLOG_LEAST), "512mb"),
    dynamic("translog.sync_interval", Own, "5s"),
    dynamic("unassigned.node_left.delayed_timeout", Own, "1m"),
    dynamic("write.min_in_sync", Own, "1"),
    dynamic("write.wait_for_active_shards", Copies, "1"),
    without_default(dynamic("number_of_replicas", Own, "")),
    without_default(fixed("creation_date", Long(-1), "")),
    dynamic("indexing.slowlog.level", LEVELS, "trace"),
    dynamic("indexing.slowlog.reformat", Flag, "true"),
    dynamic("indexing.slowlog.source", Source, "1000"),
    dynamic("indexing.slowlog.threshold.index.debug", SpanOrNone, "-1"),
    dynamic("indexing.slowlog.threshold.index.info", SpanOrNone, "-1"),
    dynamic("indexing.slowlog.threshold.index.trace", SpanOrNone, "-1"),
    dynamic("indexing.slowlog.threshold.index.warn", SpanOrNone, "-1"),
    dynamic("search.slowlog.level", LEVELS, "trace"),
    dynamic("search.slowlog.threshold.fetch.debug", SpanOrNone, "-1"),
    dynamic("search.slowlog.threshold.fetch.info", SpanOrNone, "-1"),
    dynamic("search.slowlog.threshold.fetch.trace", SpanOrNone, "-1"),
    dynamic("search.slowlog.threshold.fetch.warn", SpanOrNone, "-1"),
    dynamic("search.slowlog.threshold.query.debug", SpanOrNone, "-1"),
    dynamic("search.slowlog.threshold.query.info", SpanOrNone, "-1"),
    dynamic("search.slowlog.threshold.query.trace", SpanOrNone, "-1"),
    dynamic("search.slowlog.threshold.query.warn", SpanOrNone, "-1"),
];

/// Settings that are checked, kept and shown, and are about what is done elsewhere, in another way, or not yet. The page of settings
/// says why of each.
#[rustfmt::skip]
const WITHOUT_EFFECT: &[Known] = &[
    fixed("allocation.existing_shards_allocator", OneOf(&["gateway_allocator"]), "gateway_allocator"),
    dynamic("bloom_filter_for_id_field.enabled", Flag, "true"),
    dynamic("compound_format", Share, "0.1"),
    dynamic("default_pipeline", NoPipeline, "_none"),
    fixed("fielddata.cache", OneOf(&["node", "none"]), "node"),
    dynamic("final_pipeline", NoPipeline, "_none"),
    dynamic("flush_after_merge", Bytes(0), "512mb"),
    fixed("format", Int(i32::MIN), "0"),
    dynamic("highlight.max_analyzed_offset", Int(1), "1000000"),
    dynamic("indexing.slowlog.include.user", Flag, "false"),
    dynamic("lifecycle.indexing_complete", Flag, "false"),
    dynamic("lifecycle.name", Anything, ""),
    dynamic("lifecycle.origination_date", Long(-1), "-1"),
    // Clients that are made of its schema take a flag for it, and no text.
    Known { usual: None, ..dynamic("lifecycle.parse_origination_date", Flag, "false") },
    dynamic("lifecycle.prefer_ilm", Flag, "true"),
    dynamic("lifecycle.rollover_alias", Anything, ""),
    dynamic("lifecycle.step.wait_time_threshold", Span, "12h"),
    fixed("load_fixed_bitset_filters_eagerly", Flag, "true"),
    fixed("mapper.dynamic", Flag, "true"),
    dynamic("mapping.dimension_fields.limit", Long(0), "21"),
    dynamic("max_adjacency_matrix_filters", Int(2), "100"),
    dynamic("max_docvalue_fields_search", Int(0), "100"),
    dynamic("max_rescore_window", Int(1), "10000"),
    dynamic("max_script_fields", Int(0), "32"),
    dynamic("max_slices_per_scroll", Int(1), "1024"),
    fixed("mode", Anything, "standard"),
    fixed("percolator.map_unmapped_fields_as_text", Flag, "false"),
    dynamic("priority", Int(0), "1"),
    fixed("queries.cache.enabled", Flag, "true"),
    fixed("query_string.lenient", Flag, "false"),
    dynamic("recovery.use_snapshots", Flag, "true"),
    dynamic("requests.cache.enable", Flag, "true"),
    dynamic("search.slowlog.include.user", Flag, "false"),
    fixed("soft_deletes.enabled", Flag, "true"),
    dynamic("soft_deletes.retention.operations", Long(0), "0"),
    dynamic("soft_deletes.retention_lease.period", Span, "12h"),
    fixed("store.fs.fs_lock", OneOf(&["native", "simple"]), "native"),
    fixed("store.preload", Names, "[]"),
    fixed("store.stats_refresh_interval", Span, "10s"),
    fixed("store.type", Own, ""),
    dynamic("translog.generation_threshold_size", Bytes(TRANSLOG_LEAST), "64mb"),
    dynamic("translog.retention.age", SpanOrNone, "-1"),
    dynamic("translog.retention.size", BytesOrNone, "-1"),
    dynamic("warmer.enabled", Flag, "true"),
];

fn known(name: &str) -> Option<&'static Known> {
    KNOWN.iter().chain(WITHOUT_EFFECT).find(|known| known.name == name)
}

/// Whether a setting is one that is kept, and no more.
pub(super) fn is_without_effect(name: &str) -> bool {
    WITHOUT_EFFECT.iter().any(|known| known.name == name)
}

/// Whether a setting may be changed while the index is open.
pub(super) fn is_dynamic(name: &str) -> bool {
    known(name).is_some_and(|known| known.is_dynamic)
}

/// Whether a setting has a list of names.
pub(super) fn is_list(name: &str) -> bool {
    known(name).is_some_and(|known| known.value == Names)
}

/// What settings are where nobody sets them, by their names without `index.`.
pub(crate) fn defaults() -> impl Iterator<Item = (&'static str, Json)> {
    let usual = KNOWN.iter().chain(WITHOUT_EFFECT).filter_map(|known| Some((known, known.usual?)));
    usual.map(|(known, usual)| (known.name, if known.value == Names { json!([]) } else { json!(usual) }))
}

/// Refuses values that settings cannot have.
pub(super) fn check(flat: &Map<String, Json>) -> Result<(), ApiError> {
    flat.iter().try_for_each(|(key, value)| match known(key) {
        Some(known) => check_value(known, value.as_str().unwrap_or_default()),
        None => Ok(()),
    })
}

/// Settings that were agreed on without those whose values are refused by now: an older build took them, and they cost themselves
/// alone.
pub(super) fn well(flat: &Map<String, Json>) -> Map<String, Json> {
    let is_well = |(key, value): &(&String, &Json)| {
        known(key).is_none_or(|known| check_value(known, value.as_str().unwrap_or_default()).is_ok())
    };
    flat.iter().filter(is_well).map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn check_value(known: &Known, text: &str) -> Result<(), ApiError> {
    let setting = format!("index.{}", known.name);
    let fault = |what: &str| {
        ApiError::argument(format!("Failed to parse value [{text}] for setting [{setting}]{what}"))
    };
    let no_number =
        || fault("").caused_by("number_format_exception", format!("For input string: \"{text}\""));
    let number_from = |number: Option<i64>, least: i64| match number {
        None => Err(no_number()),
        Some(number) if number < least => Err(fault(&format!(" must be >= {least}"))),
        Some(_) => Ok(()),
    };
    match known.value {
        Anything | Names | Own => Ok(()),
        Flag => check_flag(text),
        Int(least) => number_from(text.parse::<i32>().ok().map(i64::from), least.into()),
        Long(least) => number_from(text.parse().ok(), least),
        SpanOrNone => read_span(&setting, text).map(drop),
        Span => match read_span(&setting, text)? {
            Some(_) => Ok(()),
            None => Err(ApiError::argument(format!(
                "failed to parse value [{text}] for setting [{setting}], must be >= [0ms]"
            ))),
        },
        BytesOrNone if text == "-1" => Ok(()),
        Bytes(_) | BytesOrNone => {
            let least = if let Bytes(least) = known.value { least } else { 0 };
            let bytes = settings::parse_bytes(text).ok_or_else(|| {
                ApiError::argument(format!(
                    "failed to parse setting [{setting}] with value [{text}] as a size in bytes: unit is missing or unrecognized"
                ))
            })?;
            if bytes >= least {
                return Ok(());
            }
            Err(ApiError::argument(format!(
                "failed to parse value [{text}] for setting [{setting}], must be >= [{least}b]"
            )))
        }
        OneOf(names) if names.iter().any(|name| name.eq_ignore_ascii_case(text)) => Ok(()),
        OneOf(names) => Err(fault(&format!(": it must be one of [{}]", names.join(", ")))),
        Source if text.parse::<i32>().is_ok() => Ok(()),
        Source => check_flag(text),
        Share if matches!(text, "true" | "false") => Ok(()),
        Share => match text.parse::<f64>() {
            Ok(share) if (0.0..=1.0).contains(&share) => Ok(()),
            _ => Err(ApiError::argument(format!(
                "Expected a boolean or a value in the interval [0..1] but was: [{text}]"
            ))),
        },
        Copies => ActiveCopies::read(text).map(drop),
        NoPipeline if text == "_none" => Ok(()),
        NoPipeline => Err(fault(": it must be _none: there are no ingest pipelines")),
    }
}

fn check_flag(text: &str) -> Result<(), ApiError> {
    match text {
        "true" | "false" => Ok(()),
        _ => Err(ApiError::argument(format!(
            "Failed to parse value [{text}] as only [true] or [false] are allowed."
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::replicas::CopySettings;
    use super::super::settings::IndexSettings;
    use super::*;

    #[test]
    fn who_sets_the_defaults_changes_nothing() {
        let set = defaults().map(|(key, value)| (key.to_owned(), value));
        // Who names an interval wants it kept, also while nobody searches.
        let set: Map<String, Json> = set.filter(|(key, _)| key != "refresh_interval").collect();

        let read = IndexSettings::read(&set).expect("read");

        assert_eq!(read, IndexSettings::read(&Map::new()).expect("read"));
        let copies = CopySettings::read(&set).expect("read");
        let (filters, replicas) = (copies.filters, copies.replicas);
        let unset = CopySettings::read(&Map::new()).expect("read");
        assert_eq!((filters, replicas), (unset.filters, unset.replicas));
        assert_eq!(copies.allocation.max_retries, unset.allocation.max_retries);
        assert_eq!(copies.allocation.delay_millis, unset.allocation.delay_millis);
    }

    /// As OpenSearch, which has them from Elasticsearch 7.10, refuses them.
    #[test]
    fn values_beyond_their_bounds_are_refused() {
        let of =
            |name: &str, rest: &str| format!("Failed to parse value [{rest}] for setting [index.{name}]");
        let from = |name: &str, text: &str, least: i64| format!("{} must be >= {least}", of(name, text));
        let flag =
            |text: &str| format!("Failed to parse value [{text}] as only [true] or [false] are allowed.");
        for (name, good, bad, reason) in [
            ("max_result_window", "1", "0", from("max_result_window", "0", 1)),
            ("max_inner_result_window", "1", "0", from("max_inner_result_window", "0", 1)),
            ("max_rescore_window", "1", "0", from("max_rescore_window", "0", 1)),
            ("max_adjacency_matrix_filters", "2", "1", from("max_adjacency_matrix_filters", "1", 2)),
            ("max_docvalue_fields_search", "0", "-1", from("max_docvalue_fields_search", "-1", 0)),
            ("max_script_fields", "0", "-1", from("max_script_fields", "-1", 0)),
            ("max_refresh_listeners", "0", "-1", from("max_refresh_listeners", "-1", 0)),
            ("max_slices_per_scroll", "1", "0", from("max_slices_per_scroll", "0", 1)),
            ("highlight.max_analyzed_offset", "1", "0", from("highlight.max_analyzed_offset", "0", 1)),
            ("mapping.depth.limit", "1", "0", from("mapping.depth.limit", "0", 1)),
            ("mapping.total_fields.limit", "0", "-1", from("mapping.total_fields.limit", "-1", 0)),
            ("routing_partition_size", "1", "0", from("routing_partition_size", "0", 1)),
            ("priority", "0", "x", of("priority", "x")),
            ("format", "7", "x", of("format", "x")),
            ("creation_date", "5", "x", of("creation_date", "x")),
            ("soft_deletes.retention.operations", "0", "-1", from("soft_deletes.retention.operations", "-1", 0)),
            ("queries.cache.enabled", "false", "no", flag("no")),
            ("hidden", "true", "yes", flag("yes")),
            ("indexing.slowlog.source", "true", "much", flag("much")),
            (
                "search.idle.after",
                "0",
                "-1",
                "failed to parse value [-1] for setting [index.search.idle.after], must be >= [0ms]".to_owned(),
            ),
            (
                "search.slowlog.threshold.query.warn",
                "-1",
                "soon",
                "failed to parse setting [index.search.slowlog.threshold.query.warn] with value [soon] as a time value: unit is missing or unrecognized".to_owned(),
            ),
            (
                "gc_deletes",
                "-1",
                "-5s",
                "failed to parse setting [index.gc_deletes] with value [-5s] as a time value: negative durations are not supported".to_owned(),
            ),
            (
                "translog.flush_threshold_size",
                "56b",
                "0b",
                "failed to parse value [0b] for setting [index.translog.flush_threshold_size], must be >= [56b]".to_owned(),
            ),
            (
                "translog.retention.size",
                "-1",
                "much",
                "failed to parse setting [index.translog.retention.size] with value [much] as a size in bytes: unit is missing or unrecognized".to_owned(),
            ),
            (
                "compound_format",
                "0.5",
                "2",
                "Expected a boolean or a value in the interval [0..1] but was: [2]".to_owned(),
            ),
            ("search.slowlog.level", "WARN", "loud", format!("{}: it must be one of [trace, debug, info, warn]", of("search.slowlog.level", "loud"))),
            ("write.wait_for_active_shards", "all", "-1", String::new()),
            ("final_pipeline", "_none", "mine", format!("{}: it must be _none: there are no ingest pipelines", of("final_pipeline", "mine"))),
        ] {
            let flat = |text: &str| Map::from_iter([(name.to_owned(), json!(text))]);
            IndexSettings::read(&flat(good)).expect(name);
            let refused = IndexSettings::read(&flat(bad)).expect_err(name);
            assert!(refused.status == 400 && refused.reason.starts_with(&reason), "{name}: {}", refused.reason);
            let stored = IndexSettings::read_stored(&flat(bad));
            assert!(stored.is_ok(), "{name}: of an older build: {stored:?}");
        }
        assert!(known("search.slowlog.threshold.query.loud").is_none());
        assert!(is_dynamic("lifecycle.name") && !is_dynamic("mode"));
    }
}
