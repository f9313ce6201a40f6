//! Which shards a search looks in, and which copies of each may be asked, the best one first.

use std::collections::BTreeSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use cluster::state::{ClusterState, CopyId, IndexId, NodeId, ShardId, Stage};
use serde_json::Value;

use super::Manner;
use crate::action::cluster::{View, chosen_nodes};
use crate::coordination::DynamicSettings;
use crate::error::ApiError;
use crate::indices::{Index, Searched};
use crate::node::Node;

/// A shard, and the nodes with copies of it that have everything.
#[derive(Clone)]
pub(crate) struct Target {
    pub index: Arc<Index>,
    pub number: usize,
    /// What of the index is meant, where an alias says so.
    filter: Option<Arc<Value>>,
    /// In the order in which they are asked; none where this node has all copies there are.
    pub nodes: Vec<NodeId>,
    /// The map by which they were chosen.
    pub map: Option<Arc<ClusterState>>,
}

impl Target {
    /// A shard that a node holds as it was, which knows what of it is meant.
    pub(super) fn held(
        index: Arc<Index>,
        number: usize,
        nodes: Vec<NodeId>,
        map: Option<Arc<ClusterState>>,
    ) -> Self {
        Self { index, number, filter: None, nodes, map }
    }

    /// What of the index is meant, as JSON.
    pub(crate) fn filter(&self) -> Option<String> {
        self.filter.as_ref().map(|filter| filter.to_string())
    }

    /// The copy that was chosen on a node.
    pub(crate) fn copy_on(&self, node: Option<NodeId>) -> Option<CopyId> {
        let shard = ShardId { index: IndexId(self.index.uuid.clone()), number: self.number as u32 };
        self.map.as_ref()?.shard(&shard)?.on(node?)
    }

    /// No other copy is asked than the primary.
    pub(crate) fn ask_primary_only(&mut self) {
        let Some(map) = &self.map else { return };
        let shard = ShardId { index: IndexId(self.index.uuid.clone()), number: self.number as u32 };
        let primary = map.shard(&shard).and_then(|copies| copies.present().get(&copies.primary()?));
        self.nodes = primary.map(|copy| copy.node).into_iter().collect();
    }

    /// The shards of the indices that a search looks in.
    pub(crate) fn all(node: &Node, searched: &[Searched], manner: &Manner) -> Result<Vec<Self>, ApiError> {
        let map = node.coordinator.as_ref().map(|coordinator| coordinator.map());
        let own = node.coordinator.as_ref().map(|coordinator| coordinator.origin.process);
        let mut wish = Wish::read(manner.preference.as_deref())?;
        wish.find_nodes(node);
        let turn = node.search_turn.fetch_add(1, Ordering::Relaxed);
        let mut targets = Vec::new();
        for Searched { index, filter, routing } in searched {
            for number in 0..index.number_of_shards() {
                let leads_to = |routing: &String| index.leads_to(routing, number);
                let is_led_to = routing.as_ref().is_none_or(|values| values.iter().any(leads_to));
                if !is_led_to || wish.shards.as_ref().is_some_and(|shards| !shards.contains(&number)) {
                    continue;
                }
                let nodes = match (&map, own) {
                    (Some(map), Some(own)) => wish.order(map, own, index, number, turn),
                    _ => Vec::new(),
                };
                wish.check_found(index, number)?;
                let (index, filter) = (Arc::clone(index), filter.clone());
                targets.push(Self { index, number, filter, nodes, map: map.clone() });
            }
        }
        if let Some(map) =
            map.filter(|map| wish.is_soonest_first && DynamicSettings::of(map).chooses_soonest())
        {
            let nodes = targets.iter_mut().map(|target| &mut target.nodes);
            node.soonest.order(nodes, |node| map.nodes.contains_key(node));
        }
        Ok(targets)
    }
}

/// What `preference` says.
#[derive(Debug, Clone, Default)]
struct Wish {
    /// Only these shards (`_shards:0,1`).
    shards: Option<Vec<usize>>,
    /// Whoever is likely to answer soonest.
    is_soonest_first: bool,
    is_local_first: bool,
    is_local_only: bool,
    /// The nodes that are named, as they were written and as the map has them.
    nodes: Option<String>,
    found: BTreeSet<NodeId>,
    is_nodes_only: bool,
    /// A text of the client's own: the same one always leads to the same copies.
    key: Option<u64>,
}

impl Wish {
    fn read(preference: Option<&str>) -> Result<Self, ApiError> {
        let Some(mut text) = preference else {
            return Ok(Self { is_soonest_first: true, ..Self::default() });
        };
        let mut wish = Self::default();
        if let Some(rest) = text.strip_prefix("_shards:") {
            let (numbers, rest) = rest.split_once('|').unwrap_or((rest, ""));
            let parsed: Option<Vec<usize>> =
                numbers.split(',').map(|number| number.trim().parse().ok()).collect();
            wish.shards = Some(parsed.ok_or_else(|| {
                ApiError::argument(format!("no valid shards in preference [{text}]; say e.g. _shards:0,1"))
            })?);
            text = rest;
        }
        match text {
            "" => wish.is_soonest_first = true,
            "_local" => wish.is_local_first = true,
            "_only_local" => wish.is_local_only = true,
            _ if text.starts_with("_only_nodes:") => {
                wish.nodes = Some(text["_only_nodes:".len()..].to_owned());
                wish.is_nodes_only = true;
            }
            _ if text.starts_with("_prefer_nodes:") => {
                wish.nodes = Some(text["_prefer_nodes:".len()..].to_owned());
            }
            _ if text.starts_with('_') => {
                return Err(ApiError::argument(format!("no Preference for [{text}]")));
            }
            own => {
                let mut hasher = DefaultHasher::new();
                own.hash(&mut hasher);
                wish.key = Some(hasher.finish());
            }
        }
        Ok(wish)
    }

    /// Looks for the nodes that are named: by ids, names, addresses and attributes, with wildcards.
    fn find_nodes(&mut self, node: &Node) {
        if let Some(names) = self.nodes.as_deref().filter(|names| !names.trim().is_empty()) {
            self.found = chosen_nodes(&View::of(node), Some(names));
        }
    }

    /// Where only some nodes may be asked and none of them is there, the request is wrong.
    fn check_found(&self, index: &Index, number: usize) -> Result<(), ApiError> {
        let Some(names) = self.nodes.as_deref().filter(|_| self.is_nodes_only && self.found.is_empty())
        else {
            return Ok(());
        };
        let reason =
            format!("no data nodes with criteria [{names}] found for shard: [{}][{number}]", index.name);
        Err(ApiError::argument(reason))
    }

    fn order(&self, map: &ClusterState, own: NodeId, index: &Index, number: usize, turn: u64) -> Vec<NodeId> {
        let shard = ShardId { index: IndexId(index.uuid.clone()), number: number as u32 };
        let Some(copies) = map.shard(&shard) else { return Vec::new() };
        let has_all = copies
            .present()
            .iter()
            .filter(|(id, copy)| copy.stage == Stage::Started && copies.in_sync().contains(id));
        let mut nodes: Vec<NodeId> = has_all.map(|(_, copy)| copy.node).collect();
        let is_named = |node: &NodeId| self.found.contains(node);
        if self.is_local_only {
            nodes.retain(|node| *node == own);
        }
        if self.is_nodes_only {
            nodes.retain(is_named);
        }
        nodes.sort_unstable();
        let turn = self.key.unwrap_or(turn);
        let by = usize::try_from(turn % nodes.len().max(1) as u64).unwrap_or(0);
        nodes.rotate_left(by);
        if self.is_local_first {
            nodes.sort_by_key(|node| *node != own);
        }
        if self.nodes.is_some() {
            nodes.sort_by_key(|node| !is_named(node));
        }
        nodes
    }
}
