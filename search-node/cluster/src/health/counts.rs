//! Counts of copies, of each shard, each index and all.
//!
//! A copy that moves counts once, where it was: it serves there until the other one is in sync.

use std::collections::BTreeMap;

use crate::allocation::Observed;
use crate::state::{ClusterState, IndexId, ShardCopies, ShardId, Stage};

/// How well it is; the worst counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    #[default]
    Green,
    /// Copies are missing, and no data.
    Yellow,
    /// A shard has no primary, and no first one is being made.
    Red,
}

/// Counts of copies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub active_primaries: usize,
    pub active: usize,
    pub relocating: usize,
    pub initializing: usize,
    pub unassigned: usize,
    /// Those unassigned that may come back with a restarted node, and are waited for.
    pub delayed_unassigned: usize,
}

/// A shard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ShardHealth {
    pub status: Status,
    pub counts: Counts,
}

/// An index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexHealth {
    pub status: Status,
    pub name: String,
    pub replicas: usize,
    pub counts: Counts,
    /// By their numbers.
    pub shards: Vec<ShardHealth>,
}

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterHealth {
    pub status: Status,
    pub nodes: usize,
    pub data_nodes: usize,
    pub counts: Counts,
    pub indices: BTreeMap<IndexId, IndexHealth>,
}

impl Status {
    /// As REST answers show it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Yellow => "yellow",
            Self::Red => "red",
        }
    }
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.active_primaries += other.active_primaries;
        self.active += other.active;
        self.relocating += other.relocating;
        self.initializing += other.initializing;
        self.unassigned += other.unassigned;
        self.delayed_unassigned += other.delayed_unassigned;
    }

    /// How many of a hundred copies serve; all of none.
    pub fn active_percent(&self) -> f64 {
        let all = self.active + self.initializing + self.unassigned;
        if all == 0 { 100.0 } else { self.active as f64 * 100.0 / all as f64 }
    }
}

/// How well the cluster is. What is waited for is known by whoever leads; for others nothing is.
pub fn health(state: &ClusterState, observed: &Observed) -> ClusterHealth {
    let data_nodes = state.data_nodes().count();
    let mut all = ClusterHealth { nodes: state.nodes.len(), data_nodes, ..ClusterHealth::default() };
    for (id, entry) in &state.indices {
        let mut index = IndexHealth {
            name: entry.name.clone(),
            replicas: state.wanted_replicas(entry) as usize,
            ..IndexHealth::default()
        };
        for (number, copies) in entry.shards.iter().enumerate() {
            let shard = ShardId { index: id.clone(), number: number as u32 };
            let delayed = observed.delayed_until(state, &shard, copies).is_some();
            let shard = of_shard(copies, index.replicas + 1, delayed);
            index.status = index.status.max(shard.status);
            index.counts.add(shard.counts);
            index.shards.push(shard);
        }
        all.status = all.status.max(index.status);
        all.counts.add(index.counts);
        all.indices.insert(id.clone(), index);
    }
    all
}

fn of_shard(copies: &ShardCopies, wanted: usize, is_delayed: bool) -> ShardHealth {
    let mut counts = Counts {
        active_primaries: usize::from(copies.is_active()),
        unassigned: wanted.saturating_sub(copies.standing()),
        ..Counts::default()
    };
    for (id, copy) in copies.present().iter().filter(|(_, copy)| copy.replaces.is_none()) {
        match copy.stage {
            Stage::Started => counts.active += 1,
            Stage::Recovering => counts.initializing += 1,
        }
        counts.relocating += usize::from(copies.replacement_of(*id).is_some());
    }
    if is_delayed {
        counts.delayed_unassigned = counts.unassigned.min(copies.unassigned().left.len());
    }
    // A first copy that is being made lacks nothing that ever was.
    let is_begun = copies.primary().is_some_and(|copy| copies.is_begun_by(copy));
    let status = if !(copies.is_active() || is_begun && copies.unassigned().failures == 0) {
        Status::Red
    } else if counts.unassigned + counts.initializing > 0 {
        Status::Yellow
    } else {
        Status::Green
    };
    ShardHealth { status, counts }
}
