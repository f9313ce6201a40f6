//! The state of the cluster, and how commands change it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::filters::broken_rule;
use super::{
    Answered, Command, CopyError, CopyId, IndexEntry, IndexId, Metadata, NodeEntry, NodeId, ShardCopies,
    ShardId,
};

/// Everything that all nodes agree on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterState {
    /// Rises with each change.
    pub version: u64,
    pub cluster_uuid: String,
    pub nodes: BTreeMap<NodeId, NodeEntry>,
    pub indices: BTreeMap<IndexId, IndexEntry>,
    /// The highest name that a copy had; the next one is higher.
    pub last_copy: u64,
    pub metadata: Metadata,
    /// Rules for all indices about which nodes get copies (`cluster.routing.allocation.{require,include,exclude}.*`).
    #[serde(default)]
    pub filters: BTreeMap<String, String>,
    /// Requests that were applied, so that they are not applied twice.
    pub answered: Answered,
}

/// Why a command was refused. Nothing has changed then, but that the answer to a request is remembered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Refusal {
    /// There is no such node, or there is no more.
    #[error("there is no node {0} in the cluster")]
    NoNode(NodeId),
    /// The cluster has its name.
    #[error("the cluster is {0} already")]
    Named(String),
    /// There is no such index, or there is no more.
    #[error("there is no index {0}")]
    NoIndex(IndexId),
    /// There is no such shard.
    #[error("there is no shard {0}")]
    NoShard(ShardId),
    /// The name is taken.
    #[error("there is an index [{0}] already")]
    NameTaken(String),
    /// The index was changed by somebody else.
    #[error("index {id} is at version {current} and no longer at {seen}")]
    Changed {
        /// The index.
        id: IndexId,
        /// What whoever asks has seen.
        seen: u64,
        /// What it is now.
        current: u64,
    },
    /// The text was changed by somebody else.
    #[error("{kind} [{name}] is {}, and was {} when the change was decided; read it again", shown(*.current), shown(*.seen))]
    MetadataChanged {
        /// What it is.
        kind: String,
        /// What it is called.
        name: String,
        /// What whoever asks has seen; none if there was none.
        seen: Option<u64>,
        /// What it is now.
        current: Option<u64>,
    },
    /// A row of commands, or a request, holds one of its kind.
    #[error("a row of commands and a request hold single commands; propose what is in them by itself")]
    Nested,
    /// The shard has a primary, or is in another term.
    #[error("shard {0} has changed since the primary was chosen")]
    Overtaken(ShardId),
    /// The name of the copy was given before.
    #[error("copy {0} was named before")]
    OldName(CopyId),
    /// The copy is not what it would have to be.
    #[error("shard {shard}: {reason}")]
    Copy {
        /// The shard.
        shard: ShardId,
        /// What is wrong.
        reason: CopyError,
    },
}

fn shown(version: Option<u64>) -> String {
    version.map_or("not there".to_owned(), |version| format!("at version {version}"))
}

impl ClusterState {
    /// The shard, if there is one.
    pub fn shard(&self, id: &ShardId) -> Option<&ShardCopies> {
        self.indices.get(&id.index)?.shards.get(id.number as usize)
    }

    /// Every shard with its name.
    pub fn shards(&self) -> impl Iterator<Item = (ShardId, &ShardCopies)> {
        self.indices.iter().flat_map(|(index, entry)| {
            entry
                .shards
                .iter()
                .enumerate()
                .map(|(number, copies)| (ShardId { index: index.clone(), number: number as u32 }, copies))
        })
    }

    /// The nodes that hold copies.
    pub fn data_nodes(&self) -> impl Iterator<Item = (NodeId, &NodeEntry)> {
        self.nodes.iter().filter(|(_, entry)| entry.holds_data()).map(|(node, entry)| (*node, entry))
    }

    /// How many copies a shard should have, its primary among them.
    pub fn wanted_copies(&self, shard: &ShardId) -> usize {
        self.indices.get(&shard.index).map_or(0, |index| self.wanted_replicas(index) as usize + 1)
    }

    /// How many copies beside its primary each shard of an index should have.
    pub fn wanted_replicas(&self, index: &IndexEntry) -> u32 {
        index.replicas.wanted(self.nodes_for(&index.filters))
    }

    /// How many nodes may hold copies of an index with these rules.
    fn nodes_for(&self, filters: &BTreeMap<String, String>) -> usize {
        let may_hold = |entry: &NodeEntry| {
            broken_rule(&self.filters, entry).is_none() && broken_rule(filters, entry).is_none()
        };
        self.data_nodes().filter(|(_, entry)| may_hold(entry)).count()
    }

    /// Changes the state as a command says, or not at all.
    pub fn apply(&mut self, command: Command) -> Result<(), Refusal> {
        let Command::Once { request, command } = command else { return self.apply_new(command) };
        if let Some(answer) = self.answered.get(request) {
            return answer;
        }
        let answer = self.apply_new(*command);
        self.answered.remember(request, &answer);
        answer
    }

    fn apply_new(&mut self, command: Command) -> Result<(), Refusal> {
        if let Command::Several(commands) = command {
            let mut ahead = self.clone();
            commands.into_iter().try_for_each(|command| ahead.apply_one(command))?;
            *self = ahead;
        } else {
            self.apply_one(command)?;
        }
        self.version += 1;
        Ok(())
    }

    fn apply_one(&mut self, command: Command) -> Result<(), Refusal> {
        match command {
            Command::Join { node, entry } => self.join(node, entry),
            Command::Name { cluster_uuid } if self.cluster_uuid.is_empty() => {
                self.cluster_uuid = cluster_uuid
            }
            Command::Name { .. } => return Err(Refusal::Named(self.cluster_uuid.clone())),
            Command::Leave { node } => self.leave(node)?,
            Command::CreateIndex { id, entry } => self.create_index(id, entry)?,
            Command::DeleteIndex { id } => {
                self.indices.remove(&id).ok_or(Refusal::NoIndex(id))?;
            }
            Command::ChangeIndex { id, seen, parts, replicas, filters, allocation } => {
                let index = self.index_as_seen(id.clone(), seen)?;
                let (replicas_before, filters_before) = (index.replicas, index.filters.clone());
                let replicas = replicas.unwrap_or(replicas_before);
                let filters = filters.unwrap_or_else(|| filters_before.clone());
                let before = replicas_before.wanted(self.nodes_for(&filters_before));
                let is_added = replicas.wanted(self.nodes_for(&filters)) > before;
                let index = self.index_as_seen(id, seen)?;
                index.version += 1;
                index.parts.extend(parts);
                if is_added {
                    index.shards.iter_mut().for_each(ShardCopies::replica_added);
                }
                (index.replicas, index.filters) = (replicas, filters);
                index.allocation = allocation.unwrap_or_else(|| std::mem::take(&mut index.allocation));
            }
            Command::ChangeMetadata { kind, name, seen, text } => {
                self.metadata.change(kind, name, seen, text, self.version + 1)?;
            }
            Command::Expect(expectation) => expectation.check(self)?,
            Command::SetFilters { filters } => self.filters = filters,
            Command::Once { .. } | Command::Several(_) => return Err(Refusal::Nested),
            about_a_shard => return self.apply_to_shard(about_a_shard),
        }
        Ok(())
    }

    fn index_as_seen(&mut self, id: IndexId, seen: u64) -> Result<&mut IndexEntry, Refusal> {
        let Some(index) = self.indices.get_mut(&id) else { return Err(Refusal::NoIndex(id)) };
        if index.version != seen {
            return Err(Refusal::Changed { id, seen, current: index.version });
        }
        Ok(index)
    }

    fn join(&mut self, node: NodeId, entry: NodeEntry) {
        let is_older = |(id, known): &(&NodeId, &NodeEntry)| known.data_id == entry.data_id && **id != node;
        let older: Vec<NodeId> = self.nodes.iter().filter(is_older).map(|(id, _)| *id).collect();
        for older in older {
            self.forget(older);
        }
        self.nodes.insert(node, entry);
    }

    fn leave(&mut self, node: NodeId) -> Result<(), Refusal> {
        self.check_node(node)?;
        self.forget(node);
        Ok(())
    }

    fn forget(&mut self, node: NodeId) {
        let known = self.nodes.remove(&node);
        let called = known.map_or_else(|| node.to_string(), |entry| entry.data_id);
        for shard in self.indices.values_mut().flat_map(|index| &mut index.shards) {
            shard.node_left(node, &called);
        }
    }

    fn create_index(&mut self, id: IndexId, entry: IndexEntry) -> Result<(), Refusal> {
        if self.indices.values().any(|known| known.name == entry.name) || self.indices.contains_key(&id) {
            return Err(Refusal::NameTaken(entry.name));
        }
        // A node that has left since the copies were placed would be waited for in vain.
        entry
            .shards
            .iter()
            .flat_map(|shard| shard.present().values())
            .try_for_each(|copy| self.check_node(copy.node))?;
        let copies = entry.shards.iter().flat_map(|shard| shard.present().keys());
        let (least, most) = (copies.clone().min(), copies.max());
        if let Some(old) = least.filter(|copy| copy.0 <= self.last_copy) {
            return Err(Refusal::OldName(*old));
        }
        self.last_copy = most.map_or(self.last_copy, |copy| copy.0);
        self.indices.insert(id, entry);
        Ok(())
    }

    pub(super) fn check_node(&self, node: NodeId) -> Result<(), Refusal> {
        if self.nodes.contains_key(&node) { Ok(()) } else { Err(Refusal::NoNode(node)) }
    }
}
