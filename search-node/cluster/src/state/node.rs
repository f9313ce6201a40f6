//! A node of the cluster.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// A process that takes part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeEntry {
    /// `node.name`.
    pub name: String,
    /// The name of its data folder, which outlives the process.
    pub data_id: String,
    /// Where other nodes reach it, `host:port`.
    pub transport_address: String,
    /// Where its REST API is, `host:port`.
    pub http_address: String,
    pub roles: BTreeSet<Role>,
    /// `node.attr.*`.
    pub attributes: BTreeMap<String, String>,
}

/// What a node does (`node.roles`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It may lead, and vote who does.
    Master,
    /// It holds copies of shards.
    Data,
    /// It runs pipelines.
    Ingest,
}

impl NodeEntry {
    /// Its name in the consensus, which its data folder is called after.
    pub fn consensus_id(&self) -> Option<u64> {
        u64::from_str_radix(&self.data_id, 16).ok()
    }

    pub fn holds_data(&self) -> bool {
        self.roles.contains(&Role::Data)
    }
}
