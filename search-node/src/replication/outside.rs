//! The map and the other nodes, as the copies of this node see them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cluster::state::{ClusterState, Command, CopyId, NodeId, ShardId};
use futures::FutureExt;
use futures::future::BoxFuture;
use shard::Shard;
use transport::{CallError, Lane, Peer};

use crate::coordination::{Action, Coordinator};
use crate::error::ApiError;
use crate::indices::Disagreement;

/// The map and the other nodes.
pub(crate) trait Outside: Send + Sync + 'static {
    /// This process in the map.
    fn own(&self) -> NodeId;

    /// The map as this node knows it.
    fn map(&self) -> Arc<ClusterState>;

    /// Asks another node.
    fn call(
        &self,
        to: NodeId,
        lane: Lane,
        action: Action,
        body: Bytes,
        within: Duration,
    ) -> BoxFuture<'_, Result<Bytes, CallError>>;

    /// Has a command agreed on, and returns once this node follows it.
    fn agree(&self, command: Command) -> BoxFuture<'_, Result<(), Disagreement>>;

    /// Tells whoever leads whether a primary here has found a file of its damaged. Gives whether that is news.
    fn note_damage(&self, shard: &ShardId, copy: CopyId, is_damaged: bool) -> bool;

    /// Returns once this node may tell what its primaries have, by the map as it is then.
    fn wait_may_tell(&self, deadline: Instant) -> BoxFuture<'_, Result<(), ApiError>>;

    /// Whether it may now.
    fn may_tell(&self) -> bool;
}

/// A copy of a shard on the disk of this node. Its shard is open only while somebody needs it.
pub(crate) trait Stored: Send + Sync + 'static {
    /// The shard, opened if it is not.
    fn shard(&self) -> Result<Arc<Shard>, ApiError>;

    /// The shard if it is open.
    fn opened(&self) -> Option<Arc<Shard>>;

    /// How often it was opened again because it had failed: what only memory had may be gone then.
    fn mended(&self) -> u64;

    /// Opens the shard again without what does not count.
    fn roll_back(&self) -> Result<(), ApiError>;

    /// Whether it is the only copy, from now on and whenever it is opened.
    fn set_only_copy(&self, is_only_copy: bool) -> Result<(), ApiError>;

    /// Whether operations are kept for copies that return, from now on and whenever it is opened.
    fn keep_history(&self, is_kept: bool);

    /// Whether a write is durable before anybody is told of it (`index.translog.durability`).
    fn syncs_each_request(&self) -> bool;

    /// A copy that lacks more operations than this share of the documents is filled from files
    /// (`index.recovery.file_based_threshold`).
    fn file_based_threshold(&self) -> f64;

    /// Milliseconds since 1970.
    fn now_millis(&self) -> i64;

    /// The version of its index in the map by which it reads documents.
    fn index_version(&self) -> u64;

    /// Waits until it reads documents by a version of its index, or a later one.
    fn wait_index_version(&self, version: u64) -> BoxFuture<'_, ()>;

    /// What people call its index.
    fn index_name(&self) -> &str;
}

impl Outside for Coordinator {
    fn own(&self) -> NodeId {
        self.origin.process
    }

    fn map(&self) -> Arc<ClusterState> {
        Coordinator::map(self)
    }

    fn call(
        &self,
        to: NodeId,
        lane: Lane,
        action: Action,
        body: Bytes,
        within: Duration,
    ) -> BoxFuture<'_, Result<Bytes, CallError>> {
        async move {
            let map = Coordinator::map(self);
            let Some(entry) = map.nodes.get(&to) else {
                let reason = "the node is not in the cluster any more".to_owned();
                return Err(CallError::NotSent { to: to.to_string(), reason });
            };
            let peer = Peer::process(&entry.transport_address, to.0);
            Coordinator::call(self, &peer, lane, action, body, within).await
        }
        .boxed()
    }

    fn agree(&self, command: Command) -> BoxFuture<'_, Result<(), Disagreement>> {
        self.agree_on(command).boxed()
    }

    fn note_damage(&self, shard: &ShardId, copy: CopyId, is_damaged: bool) -> bool {
        Coordinator::note_damage(self, shard, copy, is_damaged)
    }

    fn wait_may_tell(&self, deadline: Instant) -> BoxFuture<'_, Result<(), ApiError>> {
        Coordinator::wait_may_tell(self, deadline.into()).boxed()
    }

    fn may_tell(&self) -> bool {
        Coordinator::may_tell(self)
    }
}
