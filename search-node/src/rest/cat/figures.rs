//! Columns with what copies hold and have done, which several tables have: of a copy, or of many added up.
//!
//! The names are Elasticsearch's. What is 0 always is so because there is none: no warmer, no scroll, and nothing of a
//! segment on the heap. What is not measured is empty.

use super::cell::Cell;
use super::table::{Column, number};
use crate::action::cluster::CopyFigures;

/// A column, and what of the figures stands there.
pub(super) struct Figure {
    pub(super) column: Column,
    pub(super) cell: fn(&CopyFigures) -> Cell,
}

const fn figure(
    name: &'static str,
    aliases: &'static [&'static str],
    about: &'static str,
    cell: fn(&CopyFigures) -> Cell,
) -> Figure {
    Figure { column: number(name, aliases, about).on_demand(), cell }
}

fn span(millis: u64) -> Cell {
    Cell::Span(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// Of the columns that not every table has, the tables that have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Indices,
    Shards,
    Nodes,
}

/// The columns of a table.
pub(super) fn figures_of(table: Of) -> impl Iterator<Item = &'static Figure> {
    FIGURES.iter().filter(move |figure| {
        let name = figure.column.name();
        let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
        match table {
            Of::Indices => !starts(&["query_cache.hit", "query_cache.miss", "seq_no."]),
            Of::Shards => {
                !starts(&["query_cache.hit", "query_cache.miss", "request_cache.", "suggest.", "memory."])
            }
            Of::Nodes => !starts(&["seq_no.", "warmer.", "memory."]),
        }
    })
}

#[rustfmt::skip]
static FIGURES: &[Figure] = &[
    figure("completion.size", &["cs", "completionSize"], "size of completion", |_| Cell::Bytes(0)),
    figure("fielddata.memory_size", &["fm", "fielddataMemory"], "used fielddata cache", |copy| Cell::Bytes(copy.fielddata_bytes)),
    figure("fielddata.evictions", &["fe", "fielddataEvictions"], "fielddata evictions", |copy| copy.fielddata_evictions.into()),
    figure("query_cache.memory_size", &["qcm", "queryCacheMemory"], "used query cache", |copy| Cell::Bytes(copy.queries.bytes)),
    figure("query_cache.evictions", &["qce", "queryCacheEvictions"], "query cache evictions", |copy| copy.queries.evictions.into()),
    figure("query_cache.hit_count", &["qchc", "queryCacheHitCount"], "query cache hit counts", |copy| copy.queries.hits.into()),
    figure("query_cache.miss_count", &["qcmc", "queryCacheMissCount"], "query cache miss counts", |copy| copy.queries.misses.into()),
    figure("request_cache.memory_size", &["rcm", "requestCacheMemory"], "used request cache", |copy| Cell::Bytes(copy.requests.bytes)),
    figure("request_cache.evictions", &["rce", "requestCacheEvictions"], "request cache evictions", |copy| copy.requests.evictions.into()),
    figure("request_cache.hit_count", &["rchc", "requestCacheHitCount"], "request cache hit count", |copy| copy.requests.hits.into()),
    figure("request_cache.miss_count", &["rcmc", "requestCacheMissCount"], "request cache miss count", |copy| copy.requests.misses.into()),
    figure("flush.total", &["ft", "flushTotal"], "number of flushes", |copy| copy.flushes.into()),
    figure("flush.total_time", &["ftt", "flushTotalTime"], "time spent in flush", |copy| span(copy.activity.flush.millis())),
    figure("get.current", &["gc", "getCurrent"], "number of current get ops", |copy| copy.activity.found.current.into()),
    figure("get.time", &["gti", "getTime"], "time spent in get", |copy| span(copy.activity.found.millis() + copy.activity.missing.millis())),
    figure("get.total", &["gto", "getTotal"], "number of get ops", |copy| (copy.activity.found.count + copy.activity.missing.count).into()),
    figure("get.exists_time", &["geti", "getExistsTime"], "time spent in successful gets", |copy| span(copy.activity.found.millis())),
    figure("get.exists_total", &["geto", "getExistsTotal"], "number of successful gets", |copy| copy.activity.found.count.into()),
    figure("get.missing_time", &["gmti", "getMissingTime"], "time spent in failed gets", |copy| span(copy.activity.missing.millis())),
    figure("get.missing_total", &["gmto", "getMissingTotal"], "number of failed gets", |copy| copy.activity.missing.count.into()),
    figure("indexing.delete_current", &["idc", "indexingDeleteCurrent"], "number of current deletions", |copy| copy.activity.delete.current.into()),
    figure("indexing.delete_time", &["idti", "indexingDeleteTime"], "time spent in deletions", |copy| span(copy.activity.delete.millis())),
    figure("indexing.delete_total", &["idto", "indexingDeleteTotal"], "number of delete ops", |copy| copy.removed.into()),
    figure("indexing.index_current", &["iic", "indexingIndexCurrent"], "number of current indexing ops", |copy| copy.activity.index.current.into()),
    figure("indexing.index_time", &["iiti", "indexingIndexTime"], "time spent in indexing", |copy| span(copy.activity.index.millis())),
    figure("indexing.index_total", &["iito", "indexingIndexTotal"], "number of indexing ops", |copy| copy.indexed.into()),
    figure("indexing.index_failed", &["iif", "indexingIndexFailed"], "number of failed indexing ops", |copy| copy.activity.index_failed.into()),
    figure("merges.current", &["mc", "mergesCurrent"], "number of current merges", |copy| copy.activity.merge.current.into()),
    figure("merges.current_docs", &["mcd", "mergesCurrentDocs"], "number of current merging docs", |copy| copy.activity.merging_documents.into()),
    figure("merges.current_size", &["mcs", "mergesCurrentSize"], "size of current merges", |copy| Cell::Bytes(copy.activity.merging_bytes)),
    figure("merges.total", &["mt", "mergesTotal"], "number of completed merge ops", |copy| copy.merges.into()),
    figure("merges.total_docs", &["mtd", "mergesTotalDocs"], "docs merged", |copy| copy.activity.merged_documents.into()),
    figure("merges.total_size", &["mts", "mergesTotalSize"], "size merged", |copy| Cell::Bytes(copy.activity.merged_bytes)),
    figure("merges.total_time", &["mtt", "mergesTotalTime"], "time spent in merges", |copy| span(copy.activity.merge.millis())),
    figure("refresh.total", &["rto", "refreshTotal"], "total refreshes", |copy| copy.refreshes.into()),
    figure("refresh.time", &["rti", "refreshTime"], "time spent in refreshes", |copy| span(copy.activity.refresh.millis())),
    figure("refresh.external_total", &["rto", "refreshTotal"], "total external refreshes", |copy| copy.refreshes.into()),
    figure("refresh.external_time", &["rti", "refreshTime"], "time spent in external refreshes", |copy| span(copy.activity.refresh.millis())),
    figure("refresh.listeners", &["rli", "refreshListeners"], "number of pending refresh listeners", |copy| copy.listeners.into()),
    figure("search.fetch_current", &["sfc", "searchFetchCurrent"], "current fetch phase ops", |copy| copy.activity.fetch.current.into()),
    figure("search.fetch_time", &["sfti", "searchFetchTime"], "time spent in fetch phase", |copy| span(copy.activity.fetch.millis())),
    figure("search.fetch_total", &["sfto", "searchFetchTotal"], "total fetch ops", |copy| copy.activity.fetch.count.into()),
    figure("search.open_contexts", &["so", "searchOpenContexts"], "open search contexts", |copy| copy.held.open().into()),
    figure("search.query_current", &["sqc", "searchQueryCurrent"], "current query phase ops", |copy| copy.activity.query.current.into()),
    figure("search.query_time", &["sqti", "searchQueryTime"], "time spent in query phase", |copy| span(copy.activity.query.millis())),
    figure("search.query_total", &["sqto", "searchQueryTotal"], "total query phase ops", |copy| copy.activity.query.count.into()),
    figure("search.scroll_current", &["scc", "searchScrollCurrent"], "open scroll contexts", |copy| copy.held.scrolls.current.into()),
    figure("search.scroll_time", &["scti", "searchScrollTime"], "time scroll contexts held open", |copy| span(copy.held.scrolls.millis)),
    figure("search.scroll_total", &["scto", "searchScrollTotal"], "completed scroll contexts", |copy| copy.held.scrolls.ended.into()),
    figure("segments.count", &["sc", "segmentsCount"], "number of segments", |copy| copy.segments.into()),
    figure("segments.memory", &["sm", "segmentsMemory"], "memory used by segments", |_| Cell::Bytes(0)),
    figure("segments.index_writer_memory", &["siwm", "segmentsIndexWriterMemory"], "memory used by index writer", |copy| Cell::Bytes(copy.buffered_bytes)),
    figure("segments.version_map_memory", &["svmm", "segmentsVersionMapMemory"], "memory used by version map", |copy| Cell::Bytes(copy.version_bytes)),
    figure("segments.fixed_bitset_memory", &["sfbm", "fixedBitsetMemory"], "memory used by fixed bit sets", |_| Cell::Bytes(0)),
    figure("seq_no.max", &["sqm", "maxSeqNo"], "max sequence number", |copy| copy.max_seq_no.into()),
    figure("seq_no.local_checkpoint", &["sql", "localCheckpoint"], "local checkpoint", |_| Cell::Nothing),
    figure("seq_no.global_checkpoint", &["sqg", "globalCheckpoint"], "global checkpoint", |_| Cell::Nothing),
    figure("warmer.current", &["wc", "warmerCurrent"], "current warmer ops", |_| Cell::Whole(0)),
    figure("warmer.total", &["wto", "warmerTotal"], "total warmer ops", |_| Cell::Whole(0)),
    figure("warmer.total_time", &["wtt", "warmerTotalTime"], "time spent in warmers", |_| Cell::Span(0)),
    figure("suggest.current", &["suc", "suggestCurrent"], "number of current suggest ops", |_| Cell::Whole(0)),
    figure("suggest.time", &["suti", "suggestTime"], "time spend in suggest", |_| Cell::Span(0)),
    figure("suggest.total", &["suto", "suggestTotal"], "number of suggest ops", |_| Cell::Whole(0)),
    figure("memory.total", &["tm", "memoryTotal"], "total used memory", |copy| Cell::Bytes(copy.buffered_bytes + copy.version_bytes)),
    figure("bulk.total_operations", &["bto", "bulkTotalOperations"], "number of bulk shard ops", |copy| copy.activity.bulks.into()),
    figure("bulk.total_time", &["btti", "bulkTotalTime"], "time spend in shard bulk", |copy| span(copy.activity.bulk_millis())),
    figure("bulk.total_size_in_bytes", &["btsi", "bulkTotalSizeInBytes"], "total size in bytes of shard bulk", |copy| Cell::Bytes(copy.activity.bulk_bytes)),
    figure("bulk.avg_time", &["bati", "bulkAvgTime"], "average time spend in shard bulk", |copy| span(copy.activity.bulk_millis() / copy.activity.bulks.max(1))),
    figure("bulk.avg_size_in_bytes", &["basi", "bulkAvgSizeInBytes"], "avg size in bytes of shard bulk", |copy| Cell::Bytes(copy.activity.bulk_bytes / copy.activity.bulks.max(1))),
];
