//! The newest write of each shard that a request wrote to: one sync for each makes them all durable.

use std::collections::HashMap;
use std::sync::Arc;

use shard::{Shard, Written};

use super::write::WriteResult;
use crate::error::ApiError;
use crate::indices::Index;

/// The newest write of each shard.
#[derive(Default)]
pub(crate) struct Newest {
    by_shard: HashMap<usize, (Arc<Shard>, Written, Arc<Index>)>,
}

impl Newest {
    pub(crate) fn note(&mut self, result: &WriteResult) {
        // A shard that was written to is open; one that broke since cannot be synced, and its next use says why.
        if let (Some(written), Ok(shard)) = (result.written, result.shard()) {
            self.note_write(&result.index, &shard, written);
        }
    }

    pub(crate) fn note_write(&mut self, index: &Arc<Index>, shard: &Arc<Shard>, written: Written) {
        let key = Arc::as_ptr(shard) as usize;
        let entry =
            self.by_shard.entry(key).or_insert_with(|| (Arc::clone(shard), written, Arc::clone(index)));
        if written.seq_no > entry.1.seq_no || !entry.1.is_logged() {
            entry.1 = written;
        }
    }

    /// Makes every write durable whose index does not do so by the clock.
    pub(crate) fn sync(&self) -> Result<(), ApiError> {
        for (shard, written, index) in self.by_shard.values() {
            if index.settings.durability_request {
                shard.sync(written)?;
            }
        }
        Ok(())
    }

    /// The indices that were written to, each once.
    pub(crate) fn indices(&self) -> Vec<Arc<Index>> {
        let mut indices: Vec<Arc<Index>> = Vec::new();
        for (_, _, index) in self.by_shard.values() {
            if !indices.iter().any(|known| Arc::ptr_eq(known, index)) {
                indices.push(Arc::clone(index));
            }
        }
        indices
    }
}
