//! Settings of an index that are checked, kept and shown, and are about what is done elsewhere or not done yet. Templates of shippers
//! have them; refused, nothing could be sent.

/// What a value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    Anything,
    Flag,
    /// A whole number from 0 on.
    Number,
    /// A time span, or -1.
    Span,
    /// An amount of bytes, or -1.
    Bytes,
    /// The name of a pipeline, of which there are none.
    NoPipeline,
}

/// A setting, by its name without `index.`.
struct Kept {
    name: &'static str,
    value: Value,
    /// Whether it may be changed while the index is there.
    is_dynamic: bool,
}

const fn dynamic(name: &'static str, value: Value) -> Kept {
    Kept { name, value, is_dynamic: true }
}

const fn fixed(name: &'static str, value: Value) -> Kept {
    Kept { name, value, is_dynamic: false }
}

const KEPT: &[Kept] = &[
    dynamic("hidden", Value::Flag),
    fixed("mode", Value::Anything),
    dynamic("mapping.field_name_length.limit", Value::Number),
    dynamic("lifecycle.name", Value::Anything),
    dynamic("lifecycle.rollover_alias", Value::Anything),
    dynamic("lifecycle.indexing_complete", Value::Flag),
    fixed("query_string.lenient", Value::Flag),
    dynamic("default_pipeline", Value::NoPipeline),
    dynamic("final_pipeline", Value::NoPipeline),
    dynamic("max_docvalue_fields_search", Value::Number),
    dynamic("max_rescore_window", Value::Number),
    dynamic("max_script_fields", Value::Number),
    dynamic("max_slices_per_scroll", Value::Number),
    dynamic("highlight.max_analyzed_offset", Value::Number),
    dynamic("priority", Value::Number),
    dynamic("requests.cache.enable", Value::Flag),
    fixed("load_fixed_bitset_filters_eagerly", Value::Flag),
    fixed("soft_deletes.enabled", Value::Flag),
    dynamic("soft_deletes.retention.operations", Value::Number),
    dynamic("soft_deletes.retention_lease.period", Value::Span),
    dynamic("translog.retention.age", Value::Span),
    dynamic("translog.retention.size", Value::Bytes),
    dynamic("translog.generation_threshold_size", Value::Bytes),
    dynamic("indexing.slowlog.level", Value::Anything),
    dynamic("indexing.slowlog.reformat", Value::Flag),
    dynamic("indexing.slowlog.source", Value::Anything),
    dynamic("search.slowlog.level", Value::Anything),
];

/// What the names of the thresholds of slow logs begin with: a time span for each level.
const SLOW_LOGS: [&str; 3] = [
    "indexing.slowlog.threshold.index.",
    "search.slowlog.threshold.query.",
    "search.slowlog.threshold.fetch.",
];
const LEVELS: [&str; 4] = ["warn", "info", "debug", "trace"];

fn kept(name: &str) -> Option<(Value, bool)> {
    let is_threshold =
        SLOW_LOGS.iter().any(|log| name.strip_prefix(log).is_some_and(|level| LEVELS.contains(&level)));
    if is_threshold {
        return Some((Value::Span, true));
    }
    KEPT.iter().find(|kept| kept.name == name).map(|kept| (kept.value, kept.is_dynamic))
}

/// Whether a setting is kept, and may be changed while the index is there.
pub(super) fn is_dynamic(name: &str) -> bool {
    kept(name).is_some_and(|(_, is_dynamic)| is_dynamic)
}

/// None for a setting that is not kept; else what its value must be, if it is something else.
pub(super) fn check(name: &str, text: &str) -> Option<Result<(), &'static str>> {
    let (value, _) = kept(name)?;
    let is_none = text == "-1";
    let (is_well, expected) = match value {
        Value::Anything => (true, ""),
        Value::Flag => (matches!(text, "true" | "false"), "true or false"),
        Value::Number => (text.parse::<u64>().is_ok(), "a whole number from 0 on"),
        Value::Span => {
            (is_none || settings::parse_duration(text).is_some(), "a time span such as 30s, or -1")
        }
        Value::Bytes => {
            (is_none || settings::parse_bytes(text).is_some(), "an amount of bytes such as 512mb, or -1")
        }
        Value::NoPipeline => (text == "_none", "_none: there are no ingest pipelines"),
    };
    Some(if is_well { Ok(()) } else { Err(expected) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked_though_nothing_comes_of_them() {
        for (name, good, bad) in [
            ("hidden", "true", "yes"),
            ("max_docvalue_fields_search", "200", "-1"),
            ("search.slowlog.threshold.query.warn", "10s", "soon"),
            ("search.slowlog.threshold.query.warn", "-1", "-2"),
            ("translog.retention.size", "512mb", "much"),
            ("final_pipeline", "_none", "mine"),
        ] {
            assert_eq!(check(name, good), Some(Ok(())), "{name}: {good}");
            assert!(check(name, bad).is_some_and(|checked| checked.is_err()), "{name}: {bad}");
        }
        for name in ["search.slowlog.threshold.query.loud", "nonsense"] {
            assert_eq!((check(name, "1"), is_dynamic(name)), (None, false), "{name}");
        }
        assert!(is_dynamic("lifecycle.name") && !is_dynamic("mode"));
    }
}
