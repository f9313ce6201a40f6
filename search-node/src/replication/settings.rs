//! The settings of replication and recovery.

use std::time::Duration;

use settings::{Kind, Setting, Settings, setting};

/// The rows about copies of shards.
pub(crate) const REPLICATION: &[Setting] = &[
    setting(
        TIMEOUT,
        Kind::Duration,
        Some("10s"),
        "How long a write waits for a copy of its shard; one that does not answer is taken out of the copies in sync, and filled anew.",
    ),
    setting(
        BYTES_PER_SECOND,
        Kind::Bytes,
        Some("40mb"),
        "How many bytes a second this node takes at most for all copies together that are filled from other nodes; 0 for no bound.",
    ),
    setting(
        CONCURRENT_PIECES,
        Kind::Integer(1, 16),
        Some("2"),
        "How many pieces of a file a copy that is filled asks for at the same time.",
    ),
];

const TIMEOUT: &str = "cluster.replication.timeout";
const BYTES_PER_SECOND: &str = "indices.recovery.max_bytes_per_sec";
const CONCURRENT_PIECES: &str = "indices.recovery.max_concurrent_file_chunks";

/// What is set about replication and recovery.
#[derive(Debug, Clone)]
pub struct ReplicationSettings {
    /// How long a write waits for a copy.
    pub timeout: Duration,
    /// What all recoveries together may take in a second; none for no bound.
    pub bytes_per_second: Option<u64>,
    pub concurrent_pieces: usize,
}

impl ReplicationSettings {
    pub(crate) fn read(settings: &Settings) -> Self {
        Self {
            timeout: settings.span(TIMEOUT),
            bytes_per_second: Some(settings.bytes(BYTES_PER_SECOND)).filter(|bytes| *bytes > 0),
            concurrent_pieces: settings.count(CONCURRENT_PIECES),
        }
    }
}
