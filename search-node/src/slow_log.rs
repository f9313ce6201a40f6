//! The slow log: what of searches and writes took longer than an index says (`index.search.slowlog.*`, `index.indexing.slowlog.*`).
//!
//! Each phase of a search is told of each shard by the node that has looked in it, as in Elasticsearch. The lines are those of the
//! program's log with `search_node::slow_log` as their module, whose level is not that of the rest: who names thresholds wants to be
//! told. `logging.level: info,search_node::slow_log=off` silences them.

use std::borrow::Cow;
use std::fmt::Display;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use crate::indices::Index;
use crate::time_span::read_span;

/// How the level of this module stands in that of the log.
pub const DIRECTIVE: &str = "search_node::slow_log=trace";

/// How grave it is that something took so long, gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Warn,
    Info,
    Debug,
    Trace,
}

const LEVELS: [(Level, &str); 4] =
    [(Level::Warn, "warn"), (Level::Info, "info"), (Level::Debug, "debug"), (Level::Trace, "trace")];

/// From when on something is told at each level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Thresholds {
    from: [Option<Duration>; 4],
}

impl Thresholds {
    fn read(flat: &Map<String, Value>, prefix: &str, least_grave: Level) -> Self {
        let from = LEVELS.map(|(level, name)| {
            let key = format!("{prefix}{name}");
            let text = flat.get(&key).and_then(Value::as_str).filter(|_| level <= least_grave)?;
            read_span(&key, text).ok().flatten()
        });
        Self { from }
    }

    fn is_set(&self) -> bool {
        self.from.iter().any(Option::is_some)
    }

    /// At which level something that took so long is told; none where it is not.
    fn level(&self, took: Duration) -> Option<Level> {
        let reached = LEVELS.iter().zip(self.from).find(|(_, from)| from.is_some_and(|from| took >= from));
        reached.map(|((level, _), _)| *level)
    }
}

/// What an index wants to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SlowLogs {
    query: Thresholds,
    fetch: Thresholds,
    write: Thresholds,
    /// How many letters of a document are told.
    source_max: usize,
    /// Whether they stand in one line (`reformat`).
    is_reformatted: bool,
}

impl SlowLogs {
    /// What flat settings say, which were checked when they were given.
    pub(crate) fn read(flat: &Map<String, Value>) -> Self {
        let text = |key: &str| flat.get(key).and_then(Value::as_str);
        let least_grave = |key: &str| {
            let named =
                text(key).and_then(|text| LEVELS.iter().find(|(_, name)| name.eq_ignore_ascii_case(text)));
            named.map_or(Level::Trace, |(level, _)| *level)
        };
        let search = least_grave("search.slowlog.level");
        Self {
            query: Thresholds::read(flat, "search.slowlog.threshold.query.", search),
            fetch: Thresholds::read(flat, "search.slowlog.threshold.fetch.", search),
            write: Thresholds::read(
                flat,
                "indexing.slowlog.threshold.index.",
                least_grave("indexing.slowlog.level"),
            ),
            source_max: match text("indexing.slowlog.source") {
                None => SOURCE_MAX,
                Some("true") => usize::MAX,
                Some("false") => 0,
                Some(number) => number.parse().unwrap_or(0),
            },
            is_reformatted: text("indexing.slowlog.reformat") != Some("false"),
        }
    }

    /// Whether a setting is one of these.
    pub(crate) fn knows(name: &str) -> bool {
        name.starts_with("search.slowlog.") || name.starts_with("indexing.slowlog.")
    }
}

/// Elasticsearch's `index.indexing.slowlog.source`.
const SOURCE_MAX: usize = 1000;

/// Something that may turn out to be slow.
pub(crate) struct Timed {
    /// None where nobody wants to know.
    begun: Option<Instant>,
    thresholds: Thresholds,
}

impl Timed {
    fn begin(thresholds: Thresholds) -> Self {
        Self { begun: thresholds.is_set().then(Instant::now), thresholds }
    }

    /// The search of a shard for hits.
    pub(crate) fn query(index: &Index) -> Self {
        Self::begin(index.settings().slow_logs.query)
    }

    /// A write to a shard.
    pub(crate) fn write(index: &Index) -> Self {
        Self::begin(index.settings().slow_logs.write)
    }

    fn slow(&self) -> Option<(Level, Duration)> {
        let took = self.begun?.elapsed();
        Some((self.thresholds.level(took)?, took))
    }

    /// Tells of a shard in which was looked for hits, if it took long.
    pub(crate) fn end_query(&self, index: &Index, shard: usize, total_hits: u64, source: &dyn Display) {
        if let Some((level, took)) = self.slow() {
            tell_search(level, "query", index, shard, took, Some(total_hits), source);
        }
    }

    /// Tells of a document that was written, if it took long.
    pub(crate) fn end_write(&self, index: &Index, id: &str, routing: Option<&str>, source: Option<&[u8]>) {
        let Some((level, took)) = self.slow() else { return };
        let source = shown_source(&index.settings().slow_logs, source.unwrap_or_default());
        let (name, took_ms) = (index.name.as_str(), took.as_millis() as u64);
        macro_rules! tell {
            ($level:expr) => {
                tracing::event!($level, index = name, id, routing, took_ms, %source, "a write was slow")
            };
        }
        match level {
            Level::Warn => tell!(tracing::Level::WARN),
            Level::Info => tell!(tracing::Level::INFO),
            Level::Debug => tell!(tracing::Level::DEBUG),
            Level::Trace => tell!(tracing::Level::TRACE),
        }
    }
}

/// Whether an index wants to be told how long its documents are read for hits.
pub(crate) fn times_fetch(index: &Index) -> bool {
    index.settings().slow_logs.fetch.is_set()
}

/// Tells of a shard of which documents of hits were read, if that took long.
pub(crate) fn end_fetch(index: &Index, shard: usize, took: Duration, source: &dyn Display) {
    if let Some(level) = index.settings().slow_logs.fetch.level(took) {
        tell_search(level, "fetch", index, shard, took, None, source);
    }
}

fn tell_search(
    level: Level,
    phase: &str,
    index: &Index,
    shard: usize,
    took: Duration,
    total_hits: Option<u64>,
    source: &dyn Display,
) {
    let (name, took_ms) = (index.name.as_str(), took.as_millis() as u64);
    macro_rules! tell {
        ($level:expr) => {
            tracing::event!(
                $level, index = name, shard, phase, took_ms, total_hits, %source, "a search was slow"
            )
        };
    }
    match level {
        Level::Warn => tell!(tracing::Level::WARN),
        Level::Info => tell!(tracing::Level::INFO),
        Level::Debug => tell!(tracing::Level::DEBUG),
        Level::Trace => tell!(tracing::Level::TRACE),
    }
}

/// As much of a document as is told.
fn shown_source(logs: &SlowLogs, source: &[u8]) -> String {
    if logs.source_max == 0 {
        return String::new();
    }
    let text = String::from_utf8_lossy(source);
    let line = match serde_json::from_str::<Value>(&text) {
        Ok(json) if logs.is_reformatted => Cow::Owned(json.to_string()),
        _ => text,
    };
    line.chars().take(logs.source_max).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(settings: &Value) -> SlowLogs {
        SlowLogs::read(settings.as_object().expect("flat"))
    }

    #[test]
    fn the_gravest_level_that_is_reached_counts() {
        let query = |settings: &Value, millis| read(settings).query.level(Duration::from_millis(millis));
        let both = json!({"search.slowlog.threshold.query.warn": "10ms", "search.slowlog.threshold.query.debug": "0ms",
            "search.slowlog.threshold.query.info": "-1"});
        assert_eq!(query(&both, 10), Some(Level::Warn));
        assert_eq!(query(&both, 9), Some(Level::Debug));
        assert!(!read(&both).fetch.is_set() && !read(&json!({})).query.is_set());
        let mut graver = both.clone();
        graver["search.slowlog.level"] = json!("INFO");
        assert_eq!(query(&graver, 9), None, "what is less grave than that is not told");
        assert_eq!(query(&graver, 10), Some(Level::Warn));
    }

    #[test]
    fn so_much_of_a_document_is_told_as_is_wanted() {
        let source = "{\"a\":  1}".as_bytes();
        for (settings, expected) in [
            (json!({}), r#"{"a":1}"#),
            (json!({"indexing.slowlog.source": "4"}), r#"{"a""#),
            (json!({"indexing.slowlog.source": "false"}), ""),
            (
                json!({"indexing.slowlog.source": "true", "indexing.slowlog.reformat": "false"}),
                r#"{"a":  1}"#,
            ),
        ] {
            assert_eq!(shown_source(&read(&settings), source), expected, "{settings}");
        }
    }
}
