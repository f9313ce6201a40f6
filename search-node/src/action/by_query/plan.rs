//! What was asked of a task by query.

use std::sync::Arc;

use daemon::CancellationToken;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shard::{Query, Slice, SortKey, SourceFilter, parse_query};

use crate::action::condition::VersionType;
use crate::action::search::{Scope, read_sort};
use crate::error::ApiError;
use crate::indices::{Index, Routing};
use crate::node::Node;
use crate::replication::ActiveCopies;
use crate::script::Script;
use crate::tasks::TaskKind;

/// What is done with each match.
#[derive(Debug, Clone)]
pub(crate) enum Work {
    Update,
    Delete,
    Reindex(Destination),
}

/// Where a reindex writes to.
#[derive(Debug, Clone)]
pub(crate) struct Destination {
    pub index: String,
    pub doc_type: Option<String>,
    pub is_create: bool,
    pub version_type: VersionType,
    pub routing: CopyRouting,
}

/// The routing value of a copied document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CopyRouting {
    Keep,
    Discard,
    Set(String),
}

/// In how many parts a task runs at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slices {
    Count(u32),
    Auto,
}

/// Which documents, and in which order.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub query: Query,
    pub sort: Vec<SortKey>,
    pub doc_type: Option<String>,
    /// The one slice that this request is to do; others are asked for by requests of their own.
    pub only: Option<Slice>,
    /// Only documents that belong to one shard of an index that is like this.
    pub routed: Option<(Routing, usize)>,
    /// What the query means by now.
    pub now_millis: i64,
    /// Query and order as they were sent, for other nodes.
    pub sent: Sent,
    /// The id of the task; empty until there is one.
    pub task: String,
    /// Ends what is done for it.
    pub cancel: CancellationToken,
}

/// Query and order as JSON; null for what was not said.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Sent {
    pub query: Value,
    pub sort: Value,
}

/// The whole of it.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub work: Work,
    pub scope: Scope,
    pub wish: Wish,
    /// Which parts of a document are copied.
    pub source: SourceFilter,
    pub script: Option<Script>,
    /// Only the shards that this value leads to.
    pub routing: Option<String>,
    pub slices: Slices,
    pub max_docs: Option<u64>,
    pub batch: usize,
    /// Documents a second; infinite without a brake.
    pub rate: f64,
    /// Whether a document that somebody else changed meanwhile is counted and passed over.
    pub proceeds: bool,
    pub refresh: bool,
    /// How many copies of a shard have to be there before anything is written to it.
    pub active: ActiveCopies,
    pub description: String,
}

impl Wish {
    /// Every document.
    pub(crate) fn all(doc_type: Option<String>, now_millis: i64) -> Self {
        let (query, sort, sent) = (Query::MatchAll, Vec::new(), Sent::default());
        Self {
            query,
            sort,
            doc_type,
            only: None,
            routed: None,
            now_millis,
            sent,
            task: String::new(),
            cancel: CancellationToken::new(),
        }
    }

    pub(crate) fn set_query(&mut self, query: &Value) -> Result<(), ApiError> {
        self.query = parse_query(query)?;
        self.sent.query = query.clone();
        Ok(())
    }

    pub(crate) fn set_sort(&mut self, sort: &Value) -> Result<(), ApiError> {
        self.sort = read_sort(sort)?;
        self.sent.sort = sort.clone();
        Ok(())
    }
}

impl Work {
    pub(crate) fn kind(&self) -> TaskKind {
        match self {
            Self::Update => TaskKind::UpdateByQuery,
            Self::Delete => TaskKind::DeleteByQuery,
            Self::Reindex(_) => TaskKind::Reindex,
        }
    }
}

impl Plan {
    /// Refuses what would never end or never begin.
    pub(super) fn check(&self, node: &Node, indices: &[Arc<Index>]) -> Result<(), ApiError> {
        let Work::Reindex(destination) = &self.work else { return Ok(()) };
        let target = node.indices.resolve(
            &destination.index,
            crate::indices::NameOptions { ignore_unavailable: true, ..Default::default() },
        )?;
        if let Some(same) = indices.iter().find(|index| target.iter().any(|other| Arc::ptr_eq(other, index)))
        {
            return Err(ApiError::validation(format!(
                "reindex cannot write into an index its reading from [{}]",
                same.name
            )));
        }
        Ok(())
    }

    /// How many documents a slice may do.
    pub(super) fn share(&self, slice: Slice) -> u64 {
        let Some(most) = self.max_docs else { return u64::MAX };
        let of = u64::from(slice.of.max(1));
        most / of + u64::from(u64::from(slice.number) < most % of)
    }

    /// The indices that were written to.
    pub(super) fn written_indices(&self, node: &Node, read: Vec<Arc<Index>>) -> Vec<Arc<Index>> {
        match &self.work {
            Work::Update | Work::Delete => read,
            Work::Reindex(destination) => node
                .indices
                .resolve(
                    &destination.index,
                    crate::indices::NameOptions { ignore_unavailable: true, ..Default::default() },
                )
                .unwrap_or_default(),
        }
    }
}
