//! What changes the state.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    CopyId, Expectation, IndexAllocation, IndexEntry, IndexId, NodeEntry, NodeId, Replicas, ShardId,
};

/// A change of the state. Each names what it is about, so that it is refused where that is not as it was when it was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// A process takes part. An older process on the same data folder is gone.
    Join {
        node: NodeId,
        entry: NodeEntry,
    },
    /// The cluster gets its name for good.
    Name {
        cluster_uuid: String,
    },
    /// A process is gone.
    Leave {
        node: NodeId,
    },
    /// A new index; its first copies, empty, are where its shards say (`allocation::place_new`).
    CreateIndex {
        id: IndexId,
        entry: IndexEntry,
    },
    DeleteIndex {
        id: IndexId,
    },
    /// What an index is, changed from a version that whoever asks has seen.
    ChangeIndex {
        id: IndexId,
        seen: u64,
        /// Parts that take the place of those of their names.
        parts: BTreeMap<String, String>,
        replicas: Option<Replicas>,
        /// All filters from now on; none leaves them as they are.
        filters: Option<BTreeMap<String, String>>,
        allocation: Option<IndexAllocation>,
    },
    /// A text that only nodes read, changed from a version that whoever asks has seen; `seen: None` if there was none. Without a
    /// text it is deleted.
    ChangeMetadata {
        kind: String,
        name: String,
        seen: Option<u64>,
        text: Option<String>,
    },
    /// Changes nothing. The row that it stands in is refused unless things are as they were when the row was decided.
    Expect(Expectation),
    /// Rules for all indices about which nodes get copies, all of them from now on.
    SetFilters {
        filters: BTreeMap<String, String>,
    },
    /// A request: applied again, it changes nothing and answers as the first time. For whatever creates or changes something
    /// because somebody asked. It holds no further request.
    Once {
        request: u128,
        command: Box<Command>,
    },
    /// All of these, one after the other, or none; the version rises by one. It holds no further row and no request.
    Several(Vec<Command>),
    /// A new shard for whose first copy there was no place gets one, empty and primary.
    PlaceFirst {
        shard: ShardId,
        copy: CopyId,
        node: NodeId,
    },
    /// A further copy begins on a node; in place of another one, if it moves.
    AddCopy {
        shard: ShardId,
        copy: CopyId,
        node: NodeId,
        replaces: Option<CopyId>,
    },
    /// A copy in sync was found on a node, where the shard has no primary.
    Return {
        shard: ShardId,
        copy: CopyId,
        node: NodeId,
    },
    /// A copy becomes primary, where the shard has none and is in the term that was seen.
    Promote {
        shard: ShardId,
        copy: CopyId,
        seen_term: u64,
    },
    /// The primary of a term says that a copy has everything; and of itself, that it serves.
    MarkInSync {
        shard: ShardId,
        copy: CopyId,
        term: u64,
    },
    /// The primary of a term goes on without a copy.
    DropCopy {
        shard: ShardId,
        copy: CopyId,
        term: u64,
    },
    /// The primary of a term is told to hand over to a copy in sync.
    BeginHandOver {
        shard: ShardId,
        to: CopyId,
        term: u64,
    },
    /// The primary of a term has let nobody begin and finished what was begun: the other copy is primary.
    HandOver {
        shard: ShardId,
        to: CopyId,
        term: u64,
        attempt: u64,
    },
    /// The primary of a term goes on.
    AbortHandOver {
        shard: ShardId,
        term: u64,
        attempt: u64,
    },
    /// A copy has failed on its node, which says why, in the term in which it has. A primary has ended before its node says so.
    FailCopy {
        shard: ShardId,
        copy: CopyId,
        term: u64,
        details: String,
    },
    /// Somebody asked to take a copy away that is not primary.
    CancelCopy {
        shard: ShardId,
        copy: CopyId,
        term: u64,
    },
    /// Copies that have failed too often are tried again (`_cluster/reroute?retry_failed`).
    RetryFailed,
    /// Gives up what was acknowledged: the shard, which has no primary, begins anew and empty on a node.
    ForceEmptyPrimary {
        shard: ShardId,
        copy: CopyId,
        node: NodeId,
        seen_term: u64,
    },
    /// Gives up what was acknowledged and is not in a copy that a node has: that becomes the primary, as another copy.
    ForceStalePrimary {
        shard: ShardId,
        copy: CopyId,
        node: NodeId,
        made_of: CopyId,
        seen_term: u64,
    },
}
