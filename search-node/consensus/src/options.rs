//! How a node takes part.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use disk::Disk;
use openraft::{Config, SnapshotPolicy};

use crate::error::StartError;

/// What a node is started with.
#[derive(Clone)]
pub struct Options {
    /// Its id. Whoever lost the folder needs another one: the others rely on what this one promised.
    pub node: u64,
    /// Where the others reach it.
    pub address: String,
    /// Its folder, made if it is not there.
    pub folder: PathBuf,
    /// The disk on which that is.
    pub disk: Arc<dyn Disk>,
    /// When it grows impatient.
    pub timing: Timing,
    /// After so many entries the state is written as a snapshot, and the log before it may go.
    pub entries_per_snapshot: u64,
    /// So many entries before a snapshot are kept, for nodes that are a little behind.
    pub entries_kept: u64,
}

impl Options {
    /// A node with what is usual for the rest.
    pub fn new(
        node: u64,
        address: impl Into<String>,
        folder: impl Into<PathBuf>,
        disk: Arc<dyn Disk>,
    ) -> Self {
        Self {
            node,
            address: address.into(),
            folder: folder.into(),
            disk,
            timing: Timing::default(),
            entries_per_snapshot: 5_000,
            entries_kept: 1_000,
        }
    }
}

/// When a node grows impatient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// How often the leader says that it is there.
    pub heartbeat: Duration,
    /// A node that has not heard of a leader for so long, chosen at random in between, wants to become it.
    pub election: std::ops::Range<Duration>,
    /// How long a part of a snapshot may take.
    pub snapshot_part: Duration,
}

impl Default for Timing {
    /// An abrupt stop of the leader costs two or three seconds; a pause of a second costs nothing.
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_millis(300),
            election: Duration::from_millis(1_500)..Duration::from_millis(3_000),
            snapshot_part: Duration::from_secs(10),
        }
    }
}

/// The most that a message with a part of a snapshot holds.
const SNAPSHOT_PART_BYTES: u64 = 1 << 20;
/// The most entries in a message; its bytes have a bound of their own.
const ENTRIES_PER_MESSAGE: u64 = 300;

/// The options as the library wants them.
pub(crate) fn config(options: &Options) -> Result<Config, StartError> {
    let millis = |duration: Duration| duration.as_millis() as u64;
    let timing = &options.timing;
    let config = Config {
        cluster_name: "weir".to_owned(),
        heartbeat_interval: millis(timing.heartbeat),
        election_timeout_min: millis(timing.election.start),
        election_timeout_max: millis(timing.election.end),
        install_snapshot_timeout: millis(timing.snapshot_part),
        max_payload_entries: ENTRIES_PER_MESSAGE,
        snapshot_policy: SnapshotPolicy::LogsSinceLast(options.entries_per_snapshot),
        snapshot_max_chunk_size: SNAPSHOT_PART_BYTES,
        max_in_snapshot_log_to_keep: options.entries_kept,
        // A node that is further behind than the log reaches gets a snapshot.
        replication_lag_threshold: options.entries_per_snapshot.saturating_add(options.entries_kept).max(1),
        ..Config::default()
    };
    config.validate().map_err(|error| StartError::Timing(error.to_string()))
}
