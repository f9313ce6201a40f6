//! How far the copies are that are filled here, for whoever looks at recoveries.

use std::collections::BTreeMap;
use std::time::Instant;

use cluster::state::{CopyId, NodeId, ShardId};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RecoveryStage {
    Init,
    /// Files are on their way.
    Index,
    /// Operations are on their way.
    Translog,
    Done,
}

impl RecoveryStage {
    /// As Elasticsearch's tables show it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Index => "index",
            Self::Translog => "translog",
            Self::Done => "done",
        }
    }
}

/// How much there is of something, and how much of it has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Portion {
    pub(crate) total: u64,
    /// What was there already.
    pub(crate) reused: u64,
    pub(crate) recovered: u64,
}

impl Portion {
    /// What had to come.
    pub(crate) fn wanted(&self) -> u64 {
        self.total.saturating_sub(self.reused)
    }

    /// All of it where nothing has to come.
    pub(crate) fn percent(&self) -> f64 {
        match self.wanted() {
            0 => 100.0,
            wanted => self.recovered as f64 * 100.0 / wanted as f64,
        }
    }
}

/// One copy that is filled here, or was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recovery {
    pub(crate) shard: ShardId,
    pub(crate) copy: CopyId,
    pub(crate) stage: RecoveryStage,
    /// Whether files are copied, and not operations alone.
    pub(crate) is_by_files: bool,
    pub(crate) source: NodeId,
    pub(crate) files: Portion,
    pub(crate) bytes: Portion,
    /// Operations that come from history; what is written meanwhile is none of them.
    pub(crate) operations: Portion,
    /// Milliseconds since 1970.
    pub(crate) began_millis: i64,
    pub(crate) took_millis: u64,
    /// How long pieces of files have waited for the bound on bytes over time, all of them together.
    #[serde(default)]
    pub(crate) throttle_millis: u64,
}

impl Recovery {
    /// When it ended, once it has.
    pub(crate) fn stopped_millis(&self) -> i64 {
        self.began_millis.saturating_add_unsigned(self.took_millis)
    }
}

/// A recovery, and what it is measured by.
struct Known {
    recovery: Recovery,
    began: Instant,
    /// The operations that come from history, by the first and the last of their numbers.
    operations: (i64, i64),
}

impl Known {
    fn is_over(&self) -> bool {
        self.recovery.stage == RecoveryStage::Done
    }

    /// Says how long it takes and how many operations have come; `local` is up to where the copy has everything.
    fn measure(&mut self, local: Option<i64>) {
        if self.is_over() {
            return;
        }
        self.recovery.took_millis = self.began.elapsed().as_millis() as u64;
        let (first, last) = self.operations;
        let recovered = local.map_or(0, |local| local.min(last) - first + 1);
        self.recovery.operations.recovered = u64::try_from(recovered).unwrap_or(0);
    }
}

/// The recoveries of this node, of copies that are still here.
#[derive(Default)]
pub(crate) struct Recoveries {
    known: Mutex<BTreeMap<(ShardId, CopyId), Known>>,
}

impl Recoveries {
    /// All of them; `local` tells up to where a copy has everything.
    pub(super) fn all(&self, local: impl Fn(&ShardId, CopyId) -> Option<i64>) -> Vec<Recovery> {
        let mut known = self.known.lock();
        let measured = known.iter_mut().map(|((shard, copy), known)| {
            known.measure(local(shard, *copy));
            known.recovery.clone()
        });
        measured.collect()
    }

    pub(super) fn begin(&self, shard: &ShardId, copy: CopyId, source: NodeId, now_millis: i64) {
        let recovery = Recovery {
            shard: shard.clone(),
            copy,
            stage: RecoveryStage::Init,
            is_by_files: false,
            source,
            files: Portion::default(),
            bytes: Portion::default(),
            operations: Portion::default(),
            began_millis: now_millis,
            took_millis: 0,
            throttle_millis: 0,
        };
        let known = Known { recovery, began: Instant::now(), operations: (0, -1) };
        self.known.lock().insert((shard.clone(), copy), known);
    }

    pub(super) fn change(&self, shard: &ShardId, copy: CopyId, change: impl FnOnce(&mut Recovery)) {
        if let Some(known) = self.known.lock().get_mut(&(shard.clone(), copy)) {
            change(&mut known.recovery);
        }
    }

    /// From now on operations come, of these numbers from history.
    pub(super) fn expect(&self, shard: &ShardId, copy: CopyId, first: i64, last: i64) {
        if let Some(known) = self.known.lock().get_mut(&(shard.clone(), copy)) {
            known.operations = (first, last);
            known.recovery.operations.total = u64::try_from(last - first + 1).unwrap_or(0);
            known.recovery.stage = RecoveryStage::Translog;
        }
    }

    /// A copy is in sync.
    pub(super) fn end(&self, shard: &ShardId, copy: CopyId) {
        if let Some(known) = self.known.lock().get_mut(&(shard.clone(), copy)) {
            known.measure(Some(i64::MAX));
            known.recovery.stage = RecoveryStage::Done;
        }
    }

    pub(super) fn forget(&self, shard: &ShardId, copy: CopyId) {
        self.known.lock().remove(&(shard.clone(), copy));
    }
}

#[cfg(test)]
mod tests {
    use cluster::state::IndexId;

    use super::*;

    #[test]
    fn a_recovery_tells_how_far_it_is_until_it_is_over() {
        let (recoveries, copy) = (Recoveries::default(), CopyId(7));
        let shard = ShardId { index: IndexId("i".to_owned()), number: 0 };
        let look = |local: Option<i64>| recoveries.all(|_, _| local).remove(0);
        recoveries.begin(&shard, copy, NodeId(1), 5);

        assert_eq!((look(None).stage, look(None).operations.percent()), (RecoveryStage::Init, 100.0));
        recoveries.change(&shard, copy, |recovery| {
            recovery.bytes = Portion { total: 100, reused: 60, recovered: 10 };
        });
        assert_eq!((look(None).bytes.wanted(), look(None).bytes.percent()), (40, 25.0));
        recoveries.expect(&shard, copy, 10, 29);
        assert_eq!((look(Some(9)).operations.recovered, look(Some(14)).operations.percent()), (0, 25.0));
        assert_eq!(look(Some(500)).operations.recovered, 20, "what was written meanwhile is none of them");
        recoveries.end(&shard, copy);
        assert_eq!((look(None).stage, look(None).operations.recovered), (RecoveryStage::Done, 20));
        recoveries.forget(&shard, copy);
        assert_eq!(recoveries.all(|_, _| None), []);
    }
}
