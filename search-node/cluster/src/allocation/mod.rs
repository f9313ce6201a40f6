//! Allocation: which commands should come next, so that every shard has a primary and its copies, spread evenly.
//!
//! Decided by whoever leads, from the state and from what it has seen of the nodes. Nothing here changes anything: a decision that
//! was overtaken is refused when it is applied, and made anew. A copy is moved by making one more and then dropping one.

mod balance;
mod deciders;
mod plan;

use std::collections::BTreeMap;

pub use deciders::{Decision, Opinion, opinions};
pub use plan::plan;

use crate::state::{NodeId, ShardId};

/// Bounds of allocation; dynamic settings of the cluster (`cluster.routing.allocation.*`).
#[derive(Debug, Clone, PartialEq)]
pub struct AllocationSettings {
    /// Copies that may be filled on one node at the same time (`node_concurrent_recoveries`).
    pub recoveries_per_node: usize,
    /// A node whose disk is used beyond this share gets no further copies (`disk.watermark.low`).
    pub low_watermark: f64,
    /// How long a copy whose node is gone is waited for before another one is filled (`index.unassigned.node_left.delayed_timeout`).
    pub delay_millis: i64,
    /// Copies that may be moved at the same time for the sake of balance (`cluster_concurrent_rebalance`).
    pub rebalances: usize,
}

impl Default for AllocationSettings {
    fn default() -> Self {
        Self { recoveries_per_node: 2, low_watermark: 0.85, delay_millis: 60_000, rebalances: 2 }
    }
}

/// What whoever leads has seen; none of it is agreed upon.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    pub now_millis: i64,
    /// The used share of each node's disk.
    pub disk_used: BTreeMap<NodeId, f64>,
    /// Since when a shard has lacked a copy because its node is gone.
    pub lacking_since: BTreeMap<ShardId, i64>,
}
