//! The settings of what is kept in memory to be there again, over all shards.

use settings::{Kind, Setting, Settings, setting};
use shard::{QueryCacheOptions, RequestCacheOptions};

/// The rows about caches.
pub(crate) const CACHES: &[Setting] = &[
    setting(
        "indices.fielddata.cache.size",
        Kind::BytesOrShare,
        Some("10%"),
        "The memory of what is computed of segments and kept, such as the values of runtime fields, over all shards, as an amount or as a share of memory.limit; beyond it what nobody uses goes, and a search that needs more at once is answered 429.",
    ),
    setting(
        "indices.queries.cache.size",
        Kind::BytesOrShare,
        Some("10%"),
        "The memory of which documents match filters that are asked again and again, over all shards, as an amount or as a share of memory.limit; beyond it the filters go that nobody asked for longest.",
    ),
    setting(
        "indices.queries.cache.all_segments",
        Kind::Bool,
        Some("false"),
        "Whether the matches of filters are kept of small segments too: of those with less than 10000 documents, or with less than a thirty-third of those of their shard.",
    ),
    setting(
        "indices.requests.cache.size",
        Kind::BytesOrShare,
        Some("1%"),
        "The memory of what shards have answered to searches without hits, over all shards, as an amount or as a share of memory.limit; beyond it the answers go that nobody asked for longest.",
    ),
    setting(
        "indices.requests.cache.expire",
        Kind::Duration,
        None,
        "After how long an answer of a shard goes that nobody asked for again; it goes in any case once something new is to be seen.",
    ),
];

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub struct CacheSettings {
    pub fielddata_bytes: usize,
    pub queries: QueryCacheOptions,
    pub requests: RequestCacheOptions,
}

impl CacheSettings {
    /// `part` says how many bytes of the node's memory a setting comes to.
    pub(crate) fn read(settings: &Settings, part: impl Fn(&str) -> usize) -> Self {
        const EXPIRE: &str = "indices.requests.cache.expire";
        let expire = if settings.is_set(EXPIRE) { settings.duration(EXPIRE) } else { None };
        Self {
            fielddata_bytes: part("indices.fielddata.cache.size"),
            queries: QueryCacheOptions {
                bytes_max: part("indices.queries.cache.size"),
                all_segments: settings.bool("indices.queries.cache.all_segments"),
            },
            requests: RequestCacheOptions {
                bytes_max: part("indices.requests.cache.size"),
                expire_millis: expire.map(|expire| i64::try_from(expire.as_millis()).unwrap_or(i64::MAX)),
            },
        }
    }
}
