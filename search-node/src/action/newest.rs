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
    /// Fails if the shard has broken since the write: then it cannot be made durable and must not be acknowledged.
    pub(crate) fn note(&mut self, result: &WriteResult) -> Result<(), ApiError> {
        if let Some(written) = result.written {
            self.note_write(&result.index, &result.shard()?, written);
        }
        Ok(())
    }

    pub(crate) fn note_write(&mut self, index: &Arc<Index>, shard: &Arc<Shard>, written: Written) {
        let key = Arc::as_ptr(shard) as usize;
        let entry =
            self.by_shard.entry(key).or_insert_with(|| (Arc::clone(shard), written, Arc::clone(index)));
        // What changed nothing has nothing to sync, and must not stand in the way of what has.
        let is_newer = !entry.1.is_logged() || written.seq_no > entry.1.seq_no;
        if written.is_logged() && is_newer {
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
