//! What an index says about where its copies may be; each is a setting of the index, and stands for itself above that of the cluster.

use serde::{Deserialize, Serialize};

/// Settings of one index about its copies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexAllocation {
    /// `index.routing.allocation.enable`; none where the cluster's setting counts.
    pub enable: Option<Enable>,
    /// `index.routing.rebalance.enable`; none where the cluster's setting counts.
    pub rebalance: Option<RebalanceEnable>,
    /// `index.routing.allocation.total_shards_per_node`: the most copies of this index on one node; none for any number.
    pub shards_per_node: Option<u32>,
    /// `index.allocation.max_retries`: a shard whose copies failed so often in a row gets no further one until somebody asks for it.
    pub max_retries: u32,
    /// `index.unassigned.node_left.delayed_timeout`: how long a copy whose node is gone is waited for before another one is filled.
    pub delay_millis: i64,
}

/// Which copies may be given a place (`*.routing.allocation.enable`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Enable {
    #[default]
    All,
    Primaries,
    NewPrimaries,
    None,
}

/// Which copies may be moved for the sake of balance (`*.routing.rebalance.enable`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RebalanceEnable {
    #[default]
    All,
    Primaries,
    Replicas,
    None,
}

impl Default for IndexAllocation {
    fn default() -> Self {
        Self { enable: None, rebalance: None, shards_per_node: None, max_retries: 5, delay_millis: 60_000 }
    }
}
