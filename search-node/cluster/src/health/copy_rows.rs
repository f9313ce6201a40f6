//! A row for each copy that there is, or should be.

use crate::allocation::Observed;
use crate::state::{ClusterState, CopyId, NodeId, ShardCopies, ShardId, Stage, Unassigned};

/// How far a copy is, in Elasticsearch's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyState {
    Unassigned,
    Initializing,
    Started,
    /// It serves until another one has taken its place.
    Relocating,
}

/// A copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyRow {
    /// The name of the index.
    pub index: String,
    pub shard: ShardId,
    pub is_primary: bool,
    pub state: CopyState,
    /// Its name and its node, if it is on one.
    pub copy: Option<CopyId>,
    pub node: Option<NodeId>,
    /// Where it moves to.
    pub moves_to: Option<NodeId>,
    /// Why it is on no node, or was before it was begun.
    pub unassigned: Option<Unassigned>,
    /// Since when it has been on no node, as far as is known.
    pub unassigned_since_millis: Option<i64>,
}

impl CopyState {
    /// As `_cat/shards` shows it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unassigned => "UNASSIGNED",
            Self::Initializing => "INITIALIZING",
            Self::Started => "STARTED",
            Self::Relocating => "RELOCATING",
        }
    }
}

impl ShardCopies {
    /// How far a copy is; none if it takes another one's place, and is shown with that.
    pub fn state_of(&self, id: CopyId) -> Option<CopyState> {
        let copy = self.present().get(&id).filter(|copy| copy.replaces.is_none())?;
        Some(match copy.stage {
            Stage::Recovering => CopyState::Initializing,
            Stage::Started if self.replacement_of(id).is_some() => CopyState::Relocating,
            Stage::Started => CopyState::Started,
        })
    }
}

/// All copies, by index and shard, the primary first.
pub fn rows(state: &ClusterState, observed: &Observed) -> Vec<CopyRow> {
    let mut rows = Vec::new();
    for (shard, copies) in state.shards() {
        let Some(index) = state.indices.get(&shard.index) else { continue };
        let mut of_shard = Vec::new();
        for (id, copy) in copies.present() {
            let Some(is) = copies.state_of(*id) else { continue };
            let moves_to = copies.replacement_of(*id).and_then(|to| copies.present().get(&to));
            of_shard.push(CopyRow {
                index: index.name.clone(),
                shard: shard.clone(),
                is_primary: copies.primary() == Some(*id),
                state: is,
                copy: Some(*id),
                node: Some(copy.node),
                moves_to: moves_to.map(|to| to.node),
                unassigned: (is == CopyState::Initializing).then(|| copies.unassigned().clone()),
                unassigned_since_millis: None,
            });
        }
        of_shard.sort_by_key(|row| !row.is_primary);
        let missing = state.wanted_copies(&shard).saturating_sub(copies.standing());
        for number in 0..missing {
            of_shard.push(CopyRow {
                index: index.name.clone(),
                shard: shard.clone(),
                is_primary: number == 0 && copies.primary().is_none(),
                state: CopyState::Unassigned,
                copy: None,
                node: None,
                moves_to: None,
                unassigned: Some(copies.unassigned().clone()),
                unassigned_since_millis: observed.lacking.get(&shard).map(|lacking| lacking.since_millis),
            });
        }
        rows.append(&mut of_shard);
    }
    rows.sort_by(|one, other| one.index.cmp(&other.index).then(one.shard.number.cmp(&other.shard.number)));
    rows
}
