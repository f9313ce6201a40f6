//! What an index holds on this node, in figures.

use std::collections::BTreeMap;

use cluster::state::CopyId;
use shard::{EngineError, Shard, ShardStats};

use super::index::Index;
use super::names::matches;
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

    /// What the copies on this node that are open tell, by the numbers of their shards.
    pub(crate) fn told_by_open<T>(
        &self,
        tell: fn(&Shard) -> Result<T, EngineError>,
    ) -> Result<BTreeMap<u32, T>, ApiError> {
        let numbered = self.copies.iter().enumerate();
        let open = numbered.filter_map(|(number, copy)| Some((number as u32, copy.load_full()?.opened()?)));
        open.map(|(number, shard)| Ok((number, tell(&shard)?))).collect()
    }

    /// What copies that are open keep in memory of each field that one of these patterns means, by the numbers of their shards.
    pub(crate) fn fielddata_of(&self, patterns: &str) -> BTreeMap<u32, BTreeMap<String, u64>> {
        let is_meant = |path: &str| patterns.split(',').any(|pattern| matches(pattern.trim(), path));
        let numbered = self.copies.iter().enumerate();
        let open = numbered.filter_map(|(number, copy)| Some((number as u32, copy.load_full()?.opened()?)));
        let kept = |shard: &Shard| {
            let fields = shard.fielddata_by_field().into_iter().filter(|(path, _)| is_meant(path));
            fields.map(|(path, bytes)| (path, bytes as u64)).collect()
        };
        open.map(|(number, shard)| (number, kept(&shard))).collect()
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
