//! A machine's disk: what is synced stays, whatever happens; what is not may be gone after a crash.

use std::collections::BTreeMap;

use cluster::state::CopyId;

/// An operation as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) term: u64,
    pub(crate) value: u64,
}

/// A copy of the shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) copy: CopyId,
    pub(crate) term: u64,
    pub(crate) global: i64,
    pub(crate) operations: BTreeMap<i64, Stored>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    pub(crate) synced: Option<Content>,
    pub(crate) written: Option<Content>,
}

impl Disk {
    pub(crate) fn sync(&mut self) {
        self.synced.clone_from(&self.written);
    }

    pub(crate) fn crash(&mut self) {
        self.written.clone_from(&self.synced);
    }
}

impl Content {
    pub(crate) fn empty(copy: CopyId) -> Self {
        Self { copy, term: 0, global: -1, operations: BTreeMap::new() }
    }

    /// The terms of what is beyond the global checkpoint.
    pub(crate) fn held(&self) -> BTreeMap<i64, u64> {
        self.operations.range(self.global + 1..).map(|(seq_no, stored)| (*seq_no, stored.term)).collect()
    }
}
