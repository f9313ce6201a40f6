//! A copy of an index's shard, as replication works with it.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use shard::Shard;

use super::index::Index;
use crate::error::ApiError;
use crate::replication::Stored;

/// The copy of a shard on this node.
pub(crate) struct IndexCopy {
    index: Arc<Index>,
    number: usize,
}

impl IndexCopy {
    pub(crate) fn new(index: Arc<Index>, number: usize) -> Self {
        Self { index, number }
    }
}

impl Stored for IndexCopy {
    fn shard(&self) -> Result<Arc<Shard>, ApiError> {
        self.index.open_copy(self.number)
    }

    fn opened(&self) -> Option<Arc<Shard>> {
        self.index.copy(self.number).ok()?.opened()
    }

    fn mended(&self) -> u64 {
        self.index.copy(self.number).map_or(0, |copy| copy.mended())
    }

    fn roll_back(&self) -> Result<(), ApiError> {
        self.index.copy(self.number)?.roll_back()
    }

    fn set_only_copy(&self, is_only_copy: bool) -> Result<(), ApiError> {
        self.index.copy(self.number)?.set_only_copy(is_only_copy)
    }

    fn keep_history(&self, is_kept: bool) {
        if let Ok(copy) = self.index.copy(self.number) {
            copy.keep_history(is_kept);
        }
    }

    fn syncs_each_request(&self) -> bool {
        self.index.settings().durability_request
    }

    fn file_based_threshold(&self) -> f64 {
        self.index.settings().file_based_threshold
    }

    fn now_millis(&self) -> i64 {
        self.index.now_millis()
    }

    fn index_version(&self) -> u64 {
        self.index.version_of_copy(self.number)
    }

    fn wait_index_version(&self, version: u64) -> BoxFuture<'_, ()> {
        self.index.wait_version_of_copy(self.number, version).boxed()
    }

    fn index_name(&self) -> &str {
        &self.index.name
    }
}
