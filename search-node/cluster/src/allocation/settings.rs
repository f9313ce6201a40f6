//! The settings of allocation; all of them are dynamic settings of the cluster (`cluster.routing.*`).

use std::collections::{BTreeMap, BTreeSet};

use super::Watermark;
use crate::state::{Enable, RebalanceEnable};

/// Bounds and rules of allocation.
#[derive(Debug, Clone, PartialEq)]
pub struct AllocationSettings {
    /// Which copies may be given a place (`allocation.enable`).
    pub enable: Enable,
    /// Which copies may be moved for the sake of balance (`rebalance.enable`).
    pub rebalance: RebalanceEnable,
    /// When copies may be moved for the sake of balance (`allocation.allow_rebalance`).
    pub allow_rebalance: AllowRebalance,
    /// Copies that may be moved at the same time for the sake of balance (`allocation.cluster_concurrent_rebalance`); none for any
    /// number.
    pub rebalances: Option<usize>,
    /// Copies that may be filled at the same time on a node, and from one (`allocation.node_concurrent_recoveries`).
    pub recoveries: usize,
    /// On a node, where that differs (`allocation.node_concurrent_incoming_recoveries`).
    pub incoming_recoveries: Option<usize>,
    /// From a node, where that differs (`allocation.node_concurrent_outgoing_recoveries`).
    pub outgoing_recoveries: Option<usize>,
    /// First copies that may be filled at the same time on a node with what another index has
    /// (`allocation.node_initial_primaries_recoveries`).
    pub initial_primaries: usize,
    /// Whether nodes of one address count as one (`allocation.same_shard.host`).
    pub is_host_shared: bool,
    /// Attributes of nodes over whose values the copies of a shard are spread (`allocation.awareness.attributes`).
    pub awareness: Vec<String>,
    /// Values that count also while no node has them (`allocation.awareness.force.*.values`).
    pub forced_values: BTreeMap<String, BTreeSet<String>>,
    /// The most copies on one node (`allocation.total_shards_per_node`); none for any number.
    pub shards_per_node: Option<u32>,
    /// How many copies for each node that holds data there may be before no index is made any more (`cluster.max_shards_per_node`).
    pub max_shards_per_node: usize,
    pub disk: DiskSettings,
    /// `allocation.{require,include,exclude}.*`, by the rule's name. `exclude._name` empties a node.
    pub filters: BTreeMap<String, String>,
    pub balance: BalanceSettings,
}

/// When copies may be moved for the sake of balance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AllowRebalance {
    Always,
    /// Once every shard has its primary.
    IndicesPrimariesActive,
    /// Once every shard has all its copies.
    #[default]
    IndicesAllActive,
}

/// What the space on the disks says (`allocation.disk.*`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DiskSettings {
    /// Whether it counts (`threshold_enabled`).
    pub is_enabled: bool,
    /// A node beyond it gets no further copies (`watermark.low`).
    pub low: Watermark,
    /// From a node beyond it copies are moved away (`watermark.high`).
    pub high: Watermark,
    /// Indices with a copy on a node beyond it are not written to (`watermark.flood_stage`).
    pub flood_stage: Watermark,
}

/// What counts for the balance (`allocation.balance.*`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BalanceSettings {
    /// How much the copies of one index on a node count (`index`).
    pub index: f64,
    /// How much all copies on a node count (`shard`).
    pub shard: f64,
    /// How unequal two nodes must be before a copy is moved (`threshold`).
    pub threshold: f64,
}

impl Default for AllocationSettings {
    fn default() -> Self {
        Self {
            enable: Enable::default(),
            rebalance: RebalanceEnable::default(),
            allow_rebalance: AllowRebalance::default(),
            rebalances: Some(2),
            recoveries: 2,
            incoming_recoveries: None,
            outgoing_recoveries: None,
            initial_primaries: 4,
            is_host_shared: false,
            awareness: Vec::new(),
            forced_values: BTreeMap::new(),
            shards_per_node: None,
            max_shards_per_node: 1_000,
            disk: DiskSettings::default(),
            filters: BTreeMap::new(),
            balance: BalanceSettings::default(),
        }
    }
}

impl Default for DiskSettings {
    fn default() -> Self {
        Self {
            is_enabled: true,
            low: Watermark::Used(0.85),
            high: Watermark::Used(0.90),
            flood_stage: Watermark::Used(0.95),
        }
    }
}

impl Default for BalanceSettings {
    fn default() -> Self {
        Self { index: 0.55, shard: 0.45, threshold: 1.0 }
    }
}

impl AllocationSettings {
    pub(super) fn incoming(&self) -> usize {
        self.incoming_recoveries.unwrap_or(self.recoveries)
    }

    pub(super) fn outgoing(&self) -> usize {
        self.outgoing_recoveries.unwrap_or(self.recoveries)
    }
}
