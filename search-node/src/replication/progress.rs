//! How far the copies are that are filled here, for whoever looks at recoveries.

use std::collections::BTreeMap;
use std::time::Instant;

use cluster::state::{CopyId, NodeId, ShardId};
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::{Value, json};

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RecoveryStage {
    Init,
    /// Files are on their way.
    Index,
    /// Operations are on their way.
    Translog,
    Done,
}

/// One copy that is filled here, or was.
#[derive(Debug, Clone)]
pub(crate) struct Recovery {
    pub(crate) index: String,
    pub(crate) shard: u32,
    pub(crate) copy: CopyId,
    pub(crate) stage: RecoveryStage,
    /// Whether files are copied, and not operations alone.
    pub(crate) is_by_files: bool,
    pub(crate) source: Option<NodeId>,
    pub(crate) target: NodeId,
    pub(crate) files_total: u64,
    pub(crate) files_done: u64,
    pub(crate) bytes_total: u64,
    pub(crate) bytes_done: u64,
    /// Files that were there already.
    pub(crate) bytes_reused: u64,
    /// The number up to which operations come from history.
    pub(crate) operations_to: i64,
    pub(crate) operations_from: i64,
    pub(crate) began: Instant,
    pub(crate) ended: Option<Instant>,
}

impl Recovery {
    /// As diagnostics show it.
    pub(crate) fn to_json(&self) -> Value {
        let took = self.ended.unwrap_or_else(Instant::now).saturating_duration_since(self.began);
        json!({
            "index": self.index, "shard": self.shard, "copy": self.copy.to_string(), "stage": self.stage,
            "type": if self.is_by_files { "files" } else { "operations" },
            "source": self.source.map(|node| node.to_string()), "target": self.target.to_string(),
            "files": {"total": self.files_total, "done": self.files_done},
            "bytes": {"total": self.bytes_total, "done": self.bytes_done, "reused": self.bytes_reused},
            "operations": {"from": self.operations_from, "to": self.operations_to},
            "took_ms": took.as_millis() as u64,
        })
    }
}

/// The recoveries of this node, of copies that are still here.
#[derive(Default)]
pub(crate) struct Recoveries {
    known: Mutex<BTreeMap<(ShardId, CopyId), Recovery>>,
}

impl Recoveries {
    /// All of them.
    pub(crate) fn all(&self) -> Vec<Recovery> {
        self.known.lock().values().cloned().collect()
    }

    pub(super) fn begin(&self, shard: &ShardId, recovery: Recovery) {
        self.known.lock().insert((shard.clone(), recovery.copy), recovery);
    }

    pub(super) fn change(&self, shard: &ShardId, copy: CopyId, change: impl FnOnce(&mut Recovery)) {
        if let Some(recovery) = self.known.lock().get_mut(&(shard.clone(), copy)) {
            change(recovery);
        }
    }

    /// A copy is in sync.
    pub(super) fn end(&self, shard: &ShardId, copy: CopyId) {
        self.change(shard, copy, |recovery| {
            if recovery.ended.is_none() {
                (recovery.stage, recovery.ended) = (RecoveryStage::Done, Some(Instant::now()));
            }
        });
    }

    pub(super) fn forget(&self, shard: &ShardId, copy: CopyId) {
        self.known.lock().remove(&(shard.clone(), copy));
    }
}
