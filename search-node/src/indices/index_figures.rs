//! What an index holds on this node, in figures.

use cluster::state::CopyId;
use shard::{SegmentFigures, ShardStats};

use super::index::Index;
use super::shard_copy::CopyState;
use crate::error::ApiError;

/// The figures of an index, all shards together.
#[derive(Debug, Clone, Copy, Default)]
pub struct IndexStats {
    pub documents: u64,
    pub deleted: u64,
    pub segments: usize,
    pub bytes: u64,
    pub indexed: u64,
    pub removed: u64,
}

impl Index {
    /// Each copy on this node by the number of its shard: its name, its state, its figures.
    pub(crate) fn copy_figures(&self) -> Vec<(u32, Option<CopyId>, CopyState, ShardStats)> {
        let held = self.held();
        let numbered = self.copies.iter().enumerate().map(|(number, copy)| (number as u32, copy.load_full()));
        let figures = numbered.filter_map(|(number, copy)| {
            let copy = copy?;
            Some((number, held.get(&number).copied(), copy.state(), copy.stats()))
        });
        figures.collect()
    }

    /// The segments of each copy on this node that is open, by the number of its shard.
    pub(crate) fn segment_figures(&self) -> Result<Vec<(u32, Vec<SegmentFigures>)>, ApiError> {
        let numbered = self.copies.iter().enumerate();
        let open = numbered.filter_map(|(number, copy)| Some((number as u32, copy.load_full()?.opened()?)));
        open.map(|(number, shard)| Ok((number, shard.segments()?))).collect()
    }

    pub fn stats(&self) -> IndexStats {
        let add = |sum: IndexStats, shard: ShardStats| IndexStats {
            documents: sum.documents + shard.documents,
            deleted: sum.deleted + shard.deleted,
            segments: sum.segments + shard.segments,
            bytes: sum.bytes + shard.bytes,
            indexed: sum.indexed + shard.indexed,
            removed: sum.removed + shard.removed,
        };
        self.copies().map(|copy| copy.stats()).fold(IndexStats::default(), add)
    }
}
