//! The settings of one index: what may be said, and what it means.

use std::sync::Arc;
use std::time::Duration;

use cluster::state::Replicas;
use serde_json::{Map, Value};
use shard::mapping::{Leniency, MappingLimits};
use shard::{Analysis, Codec, IndexSort, MergeOptions, QueryRules};

use super::analysis_settings as analysis;
use super::blocks::Blocks;
pub(crate) use super::flat_settings::nest;
pub(super) use super::flat_settings::{flatten, flatten_with_nulls};
use super::known_settings;
use super::merge_settings::MergeSettings;
use super::query_settings;
use super::replicas::CopySettings;
use super::routing::Routing;
use super::sort_settings as sort;
use crate::error::ApiError;
use crate::replication::ActiveCopies;
use crate::slow_log::SlowLogs;
use crate::time_span::read_span;

/// The settings of an index that change what the node does.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexSettings {
    pub routing: Routing,
    /// None for never.
    pub refresh_interval: Option<Duration>,
    /// How long after its last search an index is refreshed by the interval; none if it always is.
    pub search_idle_after: Option<Duration>,
    /// Whether a write is durable before it is answered.
    pub durability_request: bool,
    /// How often the translog is synced where a write is not.
    pub sync_interval: Duration,
    pub flush_threshold_bytes: u64,
    pub gc_deletes: Duration,
    /// What may not be done with it (`index.blocks.*`).
    pub blocks: Blocks,
    pub result_window_max: Option<usize>,
    /// How many inner hits may be asked for.
    pub inner_window_max: usize,
    /// How many fields of hits may be asked for by their columns.
    pub doc_value_fields_max: usize,
    /// How many hits of a shard may be put into another order.
    pub rescore_window_max: usize,
    /// How many fields of hits scripts may compute.
    pub script_fields_max: usize,
    /// In how many slices hits may be gone through.
    pub slices_max: usize,
    /// So many letters of a text are looked through for what is highlighted.
    pub analyzed_offset_max: usize,
    /// How many writers may wait for a refresh before one is done for them.
    pub refresh_listeners_max: usize,
    pub limits: MappingLimits,
    /// How many nested objects a document may have.
    pub nested_objects_max: usize,
    /// Whether a value that does not fit costs its field only, where the field does not say.
    pub ignore_malformed: bool,
    /// Whether texts are read as numbers and fractions are cut off, where the field does not say.
    pub coerce: bool,
    /// Whether new fields beyond the limit are left out, instead of the document being refused.
    pub ignore_dynamic_beyond_limit: bool,
    /// How many copies have to be in sync for a write to be acknowledged (`index.write.min_in_sync`).
    pub min_in_sync: u32,
    /// A copy that lacks more operations than this share of the documents is filled from files.
    pub file_based_threshold: f64,
    /// The analyzers of the index.
    pub analysis: Arc<Analysis>,
    /// How many tokens one request may make of texts.
    pub analyzed_tokens_max: usize,
    /// The order of documents in a segment.
    pub sort: Option<IndexSort>,
    /// How sources are packed.
    pub codec: Codec,
    /// Up to how many bytes the content of a shard's files is checked when it is opened.
    pub check_bytes_max: u64,
    /// When segments are merged, and when writers wait for that.
    pub merge: MergeOptions,
    /// Whether answers without hits are kept for who asks the same (`index.requests.cache.enable`).
    pub keeps_answers: bool,
    /// What is said about queries.
    pub query: Arc<QueryRules>,
    /// How many copies a write waits for where it does not say.
    pub(crate) active: ActiveCopies,
    /// What is told of operations that take long.
    pub(crate) slow_logs: SlowLogs,
}

/// Elasticsearch's `index.recovery.file_based_threshold`.
const FILE_BASED_THRESHOLD: f64 = 0.1;

/// Elasticsearch's `index.mapping.nested_objects.limit`.
const NESTED_OBJECTS_MAX: usize = 10_000;

/// Elasticsearch's `index.max_inner_result_window`.
const INNER_WINDOW_MAX: usize = 100;
const DOC_VALUE_FIELDS_MAX: usize = 100;
const RESCORE_WINDOW_MAX: usize = 10_000;
const SLICES_MAX: usize = 1_024;
const SCRIPT_FIELDS_MAX: usize = 32;
const ANALYZED_OFFSET_MAX: usize = 1_000_000;

/// Elasticsearch's `index.search.idle.after`.
const SEARCH_IDLE_AFTER: Duration = Duration::from_secs(30);

/// Shards up to this size are read through when they are opened, unless `index.shard.check_on_startup` says otherwise: the
/// sum of a gigabyte takes a fraction of a second.
const CHECK_BYTES_MAX: u64 = 1 << 30;

/// More shards than any single node should hold of one index.
const SHARDS_MAX: usize = 1024;

/// Elasticsearch's `index.translog.sync_interval`, and the least that it takes: the clock does not look more often.
const SYNC_INTERVAL: Duration = Duration::from_secs(5);
const SYNC_INTERVAL_LEAST: Duration = Duration::from_millis(100);

/// How many places for routing values an index was made with, where its maker said nothing. Not a setting: kept beside them, and not
/// shown. An index of an older build has none, and a place to a shard.
pub(super) const PLACES: &str = "routing_num_shards";

/// What an index was made of by `_shrink`, `_split` or `_clone`. Nobody says so but whoever makes it.
pub(super) const RESIZE_SOURCE_NAME: &str = "resize.source.name";
/// What an index was called by who made it, where that holds dates: it is called by them now.
pub(super) const PROVIDED_NAME: &str = "provided_name";

pub(super) const RESIZE_SOURCE_UUID: &str = "resize.source.uuid";

/// What Elasticsearch knows as said by the cluster alone.
const PRIVATE: [&str; 6] =
    ["uuid", "history.uuid", PROVIDED_NAME, "search.throttled", "verified_before_close", "version.created"];

pub(super) fn is_private(key: &str) -> bool {
    PRIVATE.contains(&key)
}

/// Refuses settings that only the cluster gives.
pub(super) fn check_public(flat: &Map<String, Value>) -> Result<(), ApiError> {
    let own = [PLACES, RESIZE_SOURCE_NAME, RESIZE_SOURCE_UUID];
    if let Some(key) = own.iter().find(|key| flat.contains_key(**key)) {
        return Err(unknown(key));
    }
    PRIVATE.iter().find(|key| flat.contains_key(**key)).map_or(Ok(()), |key| {
        let error =
            ApiError::validation(format!("private index setting [index.{key}] can not be set explicitly"));
        Err(ApiError { kind: "validation_exception".to_owned(), ..error })
    })
}

fn unknown(key: &str) -> ApiError {
    ApiError::argument(format!(
        "unknown setting [index.{key}] please check that any required plugins are installed, or check the breaking changes documentation for removed settings"
    ))
}

impl IndexSettings {
    /// Refuses names that mean nothing. What their values are worth is not looked at.
    pub(super) fn check_known(flat: &Map<String, Value>) -> Result<(), ApiError> {
        for (key, value) in flat {
            let alone = Map::from_iter([(key.clone(), value.clone())]);
            if let Err(error) = Self::read(&alone)
                && error.reason == unknown(key).reason
            {
                return Err(error);
            }
        }
        Ok(())
    }

    /// What documents are forgiven.
    pub fn leniency(&self) -> Leniency {
        Leniency {
            ignore_malformed: self.ignore_malformed,
            fields_max: self.ignore_dynamic_beyond_limit.then_some(self.limits.total_fields),
            nested_objects_max: Some(self.nested_objects_max),
            is_exact: !self.coerce,
        }
    }

    /// What the flat settings mean; unknown ones and wrong values are refused.
    pub fn read(flat: &Map<String, Value>) -> Result<Self, ApiError> {
        known_settings::check(flat)?;
        let settings = Self::read_stored(flat)?;
        Self::check_codec(flat)?;
        check_active(flat)?;
        CopySettings::read(flat)?;
        query_settings::read(flat)?;
        analysis::check_new(flat)?;
        Ok(settings)
    }

    /// Refuses a codec that there is not. Older builds took any name.
    pub(super) fn check_codec(flat: &Map<String, Value>) -> Result<(), ApiError> {
        flat.get("codec").and_then(Value::as_str).map_or(Ok(()), |text| read_codec(text).map(drop))
    }

    /// The same of settings that were agreed on: those about copies were checked then, and what counts of them now is for
    /// [`CopySettings::read_stored`] to say.
    pub(super) fn read_stored(flat: &Map<String, Value>) -> Result<Self, ApiError> {
        let flat = &known_settings::well(flat);
        let mut settings = Self {
            routing: read_routing(flat)?,
            refresh_interval: Some(Duration::from_secs(1)),
            search_idle_after: Some(SEARCH_IDLE_AFTER),
            durability_request: true,
            sync_interval: SYNC_INTERVAL,
            flush_threshold_bytes: 512 << 20,
            gc_deletes: Duration::from_secs(60),
            blocks: Blocks::default(),
            result_window_max: None,
            inner_window_max: INNER_WINDOW_MAX,
            doc_value_fields_max: DOC_VALUE_FIELDS_MAX,
            rescore_window_max: RESCORE_WINDOW_MAX,
            script_fields_max: SCRIPT_FIELDS_MAX,
            slices_max: SLICES_MAX,
            analyzed_offset_max: ANALYZED_OFFSET_MAX,
            refresh_listeners_max: 1000,
            limits: MappingLimits::default(),
            nested_objects_max: NESTED_OBJECTS_MAX,
            ignore_malformed: false,
            coerce: true,
            ignore_dynamic_beyond_limit: false,
            min_in_sync: 1,
            file_based_threshold: FILE_BASED_THRESHOLD,
            analysis: analysis::read(flat)?,
            analyzed_tokens_max: analysis::tokens_max(flat)?,
            sort: None,
            codec: Codec::Default,
            check_bytes_max: CHECK_BYTES_MAX,
            merge: MergeOptions::default(),
            keeps_answers: query_settings::keeps_answers(flat),
            query: query_settings::read_stored(flat),
            active: active_of(flat).unwrap_or(ActiveCopies::Number(1)),
            slow_logs: SlowLogs::read(flat),
        };
        settings.sort = sort::read(flat)?;
        let mut merging = MergeSettings::default();
        // As in Elasticsearch, who names an interval wants it kept.
        if flat.contains_key("refresh_interval") {
            settings.search_idle_after = None;
        }
        for (key, value) in flat {
            let text = value.as_str().unwrap_or_default();
            let fault = |expected: &str| {
                ApiError::argument(format!(
                    "Failed to parse value [{text}] for setting [index.{key}]: it must be {expected}"
                ))
            };
            let flag = || match text {
                "true" => Ok(true),
                "false" => Ok(false),
                _ => Err(fault("true or false")),
            };
            if let Some(merge) = key.strip_prefix("merge.")
                && let Some(read) = merging.read(merge, text)
            {
                read.map_err(fault)?;
                continue;
            }
            match key.as_str() {
                // Read above, where each is seen beside the other.
                "number_of_shards" | "number_of_routing_shards" | "routing_partition_size" | PLACES => {}
                RESIZE_SOURCE_NAME | RESIZE_SOURCE_UUID | PROVIDED_NAME => {}
                "refresh_interval" if text == "-1" => settings.refresh_interval = None,
                "refresh_interval" => {
                    let span = settings::parse_duration(text)
                        .ok_or_else(|| fault("a time span such as 1s, or -1"))?;
                    settings.refresh_interval = Some(span);
                }
                "search.idle.after" => {
                    let span =
                        settings::parse_duration(text).ok_or_else(|| fault("a time span such as 30s"))?;
                    settings.search_idle_after = settings.search_idle_after.map(|_| span);
                }
                "translog.durability" => {
                    settings.durability_request = !text.eq_ignore_ascii_case("async");
                }
                "translog.sync_interval" => settings.sync_interval = read_sync_interval(text)?,
                "translog.flush_threshold_size" => {
                    let bytes = settings::parse_bytes(text)
                        .ok_or_else(|| fault("an amount of bytes such as 512mb"))?;
                    settings.flush_threshold_bytes = bytes;
                }
                block if Blocks::knows(block) => {
                    settings.blocks.set(block, flag()?);
                }
                // As long as there is memory for them, where nobody says how long.
                "gc_deletes" => {
                    settings.gc_deletes = read_span("index.gc_deletes", text)?.unwrap_or(Duration::MAX);
                }
                "shard.check_on_startup" => {
                    settings.check_bytes_max = match text {
                        "true" | "checksum" => u64::MAX,
                        "false" => 0,
                        _ => {
                            return Err(ApiError::argument(format!(
                                "unknown value for [index.shard.check_on_startup] must be one of [true, false, checksum] but was: {text}"
                            )));
                        }
                    }
                }
                "codec" => settings.codec = read_codec(text).unwrap_or_default(),
                // Files are mapped, whatever is asked for.
                "store.type" => {
                    if !matches!(text, "" | "fs" | "hybridfs" | "mmapfs" | "niofs" | "simplefs") {
                        return Err(ApiError::argument(format!("Unknown store type [{text}]")));
                    }
                }
                "sort.field" | "sort.order" | "sort.mode" | "sort.missing" => {}
                "max_result_window" => {
                    settings.result_window_max = Some(text.parse().map_err(|_| fault("a positive number"))?);
                }
                "max_inner_result_window" => {
                    let number = text.parse().ok().filter(|number| *number >= 1);
                    settings.inner_window_max = number.ok_or_else(|| fault("a number from 1 on"))?;
                }
                "max_docvalue_fields_search" => {
                    settings.doc_value_fields_max = text.parse().map_err(|_| fault("a number from 0 on"))?;
                }
                "max_rescore_window" => {
                    settings.rescore_window_max = text.parse().map_err(|_| fault("a number from 1 on"))?;
                }
                "max_script_fields" => {
                    settings.script_fields_max = text.parse().map_err(|_| fault("a number from 0 on"))?;
                }
                "max_slices_per_scroll" => {
                    settings.slices_max = text.parse().map_err(|_| fault("a number from 1 on"))?;
                }
                "highlight.max_analyzed_offset" => {
                    settings.analyzed_offset_max = text.parse().map_err(|_| fault("a number from 1 on"))?;
                }
                "max_refresh_listeners" => {
                    settings.refresh_listeners_max = text.parse().map_err(|_| fault("a positive number"))?;
                }
                "write.min_in_sync" => {
                    let number = text.parse().ok().filter(|number| *number >= 1);
                    settings.min_in_sync = number.ok_or_else(|| fault("a number of copies from 1 on"))?;
                }
                "recovery.file_based_threshold" => {
                    let share = text.parse().ok().filter(|share: &f64| share.is_finite() && *share >= 0.0);
                    settings.file_based_threshold = share.ok_or_else(|| fault("a number from 0 on"))?;
                }
                "mapping.total_fields.limit" => {
                    settings.limits.total_fields = text.parse().map_err(|_| fault("a positive number"))?;
                }
                "mapping.depth.limit" => {
                    settings.limits.depth = text.parse().map_err(|_| fault("a positive number"))?;
                }
                "mapping.field_name_length.limit" => {
                    settings.limits.name_length = text.parse().map_err(|_| fault("a positive number"))?;
                }
                "mapping.nested_fields.limit" => {
                    settings.limits.nested_fields = text.parse().map_err(|_| fault("a positive number"))?;
                }
                "mapping.nested_objects.limit" => {
                    settings.nested_objects_max = text.parse().map_err(|_| fault("a positive number"))?;
                }
                "mapping.ignore_malformed" => settings.ignore_malformed = flag()?,
                "mapping.coerce" => settings.coerce = flag()?,
                "mapping.total_fields.ignore_dynamic_beyond_limit" => {
                    settings.ignore_dynamic_beyond_limit = flag()?;
                }
                queries if query_settings::NAMES.contains(&queries) => {}
                // Read as one above.
                "max_ngram_diff" | "max_shingle_diff" | "analyze.max_token_count" => {}
                defined if defined.starts_with(analysis::PREFIX) => {}
                defined if defined.starts_with(query_settings::SIMILARITY) => {}
                // Read as one below.
                "number_of_replicas" | "auto_expand_replicas" => {}
                "routing.rebalance.enable" | "allocation.max_retries" => {}
                "unassigned.node_left.delayed_timeout" => {}
                filter if filter.starts_with("routing.allocation.") => {}
                // Read above or elsewhere, or of no effect.
                "write.wait_for_active_shards" | "creation_date" | "hidden" => {}
                slow if SlowLogs::knows(slow) => {}
                other if known_settings::is_without_effect(other) => {}
                _ => return Err(unknown(key)),
            }
        }
        settings.merge = merging.options().map_err(ApiError::argument)?;
        Ok(settings)
    }
}

/// `index.number_of_shards` and `index.number_of_routing_shards`, which is a multiple of the first, and over how many places documents
/// of one routing value are spread.
fn read_routing(flat: &Map<String, Value>) -> Result<Routing, ApiError> {
    let spread = flat.get("routing_partition_size").and_then(|size| size.as_str()?.parse().ok());
    read_places(flat).map(|routing| routing.spread_over(spread.unwrap_or(1)))
}

fn read_places(flat: &Map<String, Value>) -> Result<Routing, ApiError> {
    let text = |key: &str| flat.get(key).and_then(Value::as_str);
    let shards = match text("number_of_shards") {
        None => 1,
        Some(text) => text.parse().ok().filter(|number| (1..=SHARDS_MAX).contains(number)).ok_or_else(|| {
            ApiError::argument(format!(
                "Failed to parse value [{text}] for setting [index.number_of_shards]: it must be a number from 1 to 1024"
            ))
        })?,
    };
    let Some(text) = text("number_of_routing_shards").or_else(|| text(PLACES)) else {
        return Ok(Routing::new(shards, shards));
    };
    let setting = "index.number_of_routing_shards";
    let places: i32 = text.parse().map_err(|_| {
        ApiError::argument(format!("Failed to parse value [{text}] for setting [{setting}]"))
            .caused_by("number_format_exception", format!("For input string: \"{text}\""))
    })?;
    let places = usize::try_from(places).ok().filter(|places| *places >= 1).ok_or_else(|| {
        ApiError::argument(format!("Failed to parse value [{text}] for setting [{setting}] must be >= 1"))
    })?;
    if places < shards {
        return Err(ApiError::argument(format!(
            "{setting} [{places}] must be >= index.number_of_shards [{shards}]"
        )));
    }
    if places % shards != 0 {
        return Err(ApiError::argument(format!(
            "the number of source shards [{shards}] must be a factor of [{places}]"
        )));
    }
    Ok(Routing::new(shards, places))
}

/// `index.write.wait_for_active_shards`; none where a request is to say, or nobody.
fn active_of(flat: &Map<String, Value>) -> Option<ActiveCopies> {
    ActiveCopies::read(flat.get("write.wait_for_active_shards")?.as_str()?).ok()
}

/// Refuses to wait for more copies than there are to be.
pub(super) fn check_active(flat: &Map<String, Value>) -> Result<(), ApiError> {
    let Some(ActiveCopies::Number(wanted)) = active_of(flat) else { return Ok(()) };
    let Replicas::Number(replicas) = CopySettings::read_stored(flat).0.replicas else { return Ok(()) };
    let copies = replicas.saturating_add(1);
    if wanted <= copies {
        return Ok(());
    }
    Err(ApiError::argument(format!(
        "invalid index.write.wait_for_active_shards[{wanted}]: cannot be greater than number of shard copies [{copies}]"
    )))
}

/// Names of Lucene's codecs, and those of OpenSearch, mean the nearest that there is.
fn read_codec(text: &str) -> Result<Codec, ApiError> {
    match text {
        "default" | "lucene_default" | "lz4" => Ok(Codec::Default),
        "best_compression" | "zlib" | "zstd" | "zstd_no_dict" => Ok(Codec::BestCompression),
        _ => Err(ApiError::argument(format!(
            "unknown value for [index.codec] must be one of [default, best_compression] but was: {text}"
        ))),
    }
}

fn read_sync_interval(text: &str) -> Result<Duration, ApiError> {
    let setting = "index.translog.sync_interval";
    match read_span(setting, text)? {
        Some(span) if span >= SYNC_INTERVAL_LEAST => Ok(span),
        _ => Err(ApiError::argument(format!(
            "failed to parse value [{text}] for setting [{setting}], must be >= [100ms]"
        ))),
    }
}

#[cfg(test)]
mod tests;
