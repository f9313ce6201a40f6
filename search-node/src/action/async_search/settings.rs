//! The settings of asynchronous searches.

use settings::{Kind, Setting, Settings, setting};

/// How large one answer may be that is kept; the cluster's setting of this name counts more.
pub(crate) const RESPONSE_SIZE: &str = "search.max_async_search_response_size";

/// The rows about them.
pub(crate) const ASYNC_SEARCH: &[Setting] = &[
    setting(
        RESPONSE_SIZE,
        Kind::Bytes,
        Some("10mb"),
        "How large the answer of an asynchronous search may be that is kept; of a larger one only the error is. The cluster's setting of this name counts more.",
    ),
    setting(
        "async_search.responses_size",
        Kind::Bytes,
        Some("64mb"),
        "How much the answers of asynchronous searches may take together that a node keeps; of what is beyond only the error is kept.",
    ),
    setting(
        "async_search.max_kept",
        Kind::Integer(1, 1_000_000),
        Some("1000"),
        "How many asynchronous searches a node may run and keep the answers of; more are answered 429.",
    ),
];

/// What may be kept of asynchronous searches.
#[derive(Debug, Clone, Copy)]
pub struct AsyncSearchSettings {
    pub response_bytes_max: u64,
    pub responses_bytes_max: u64,
    pub kept_max: usize,
}

impl AsyncSearchSettings {
    pub(crate) fn read(settings: &Settings) -> Self {
        Self {
            response_bytes_max: settings.bytes(RESPONSE_SIZE),
            responses_bytes_max: settings.bytes("async_search.responses_size"),
            kept_max: settings.count("async_search.max_kept"),
        }
    }
}
