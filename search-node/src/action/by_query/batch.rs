//! One batch: documents read, changed, written, and made durable together.

use std::sync::Arc;

use serde_json::{Value, json};
use shard::{StoredDocument, uid_parts};

use super::carried::{Changes, writes};
use super::change::{Change, Deed, Destinations, decide};
use super::matches::Matches;
use super::plan::{Plan, Work};
use crate::action::at_primaries::do_at_primaries;
use crate::action::weight::Weight;
use crate::action::writes::Writes;
use crate::coordination::Coordinator;
use crate::error::ApiError;
use crate::memory::Reservation;
use crate::node::Node;
use crate::tasks::{Count, Progress};

/// What memory is reserved for.
const WHAT: &str = "by_query";
/// Writes for several nodes are sent once they have so many bytes, or at the end of the batch: more at once would not be faster.
const GATHERED_BYTES_MAX: usize = 4 << 20;

/// What became of a batch.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// How many documents it had.
    pub documents: usize,
    pub failures: Vec<Value>,
    /// The worst status of its failures.
    pub status: u16,
}

/// Where the writes of a batch are done.
enum Way<'a> {
    /// All primaries are here, as on a node that is alone.
    Here(Writes),
    /// Each where its primary is.
    Spread { coordinator: &'a Arc<Coordinator>, gathered: Vec<Change>, bytes: usize },
}

struct Batching<'a> {
    node: &'a Node,
    plan: &'a Plan,
    progress: &'a Progress,
    way: Way<'a>,
    batch: Batch,
}

/// Does one batch of at most `size` documents.
pub(super) fn run_batch(
    node: &Node,
    plan: &Plan,
    matches: &mut Matches,
    size: usize,
    progress: &Progress,
) -> Result<Batch, ApiError> {
    let way = match node.others() {
        None => Way::Here(writes(node, plan.active)),
        Some(coordinator) => Way::Spread { coordinator, gathered: Vec::new(), bytes: 0 },
    };
    let mut batching = Batching { node, plan, progress, way, batch: Batch::default() };
    let mut destinations = Destinations::new(node);
    while batching.batch.documents < size
        && let Some((index, mut stored)) = matches.next(size - batching.batch.documents)?
    {
        if batching.batch.documents == 0 {
            progress.begin_batch();
        }
        batching.batch.documents += 1;
        let heavy = batching.reserve(&stored);
        let deed = match &heavy {
            Err(error) => Err(error.clone()),
            Ok(_) => decide(plan, &index, &mut stored, &mut destinations),
        };
        match deed {
            Ok(Deed::Counted(count)) => progress.add(count),
            Ok(Deed::Write(change)) => batching.write(change),
            Err(error) => batching.fail(&index.name, &stored.uid, &error),
        }
        if let Ok(Some(_reserved)) = heavy {
            batching.send();
        }
    }
    batching.send();
    if let Way::Here(writes) = &mut batching.way {
        writes.sync()?;
    }
    Ok(batching.batch)
}

impl Batching<'_> {
    /// Promises what a large document takes while it is written again, and waits for it: this thread is there for nothing else.
    fn reserve(&mut self, stored: &StoredDocument) -> Result<Option<Reservation>, ApiError> {
        if matches!(self.plan.work, Work::Delete) {
            return Ok(None);
        }
        let Some(weight) = Weight::of_heavy(&stored.source) else { return Ok(None) };
        // What was gathered is not kept waiting with it.
        self.send();
        let is_parsed = self.plan.script.is_some() || self.plan.source != shard::SourceFilter::All;
        let need = if is_parsed { weight.to_change() } else { weight.to_index() };
        tokio::runtime::Handle::current().block_on(self.node.memory.reserve(need, WHAT)).map(Some)
    }

    fn write(&mut self, change: Change) {
        match &mut self.way {
            Way::Here(writes) => {
                let outcome = change.write(self.node, writes.run_of(&change.index));
                self.settle(&change, outcome);
            }
            Way::Spread { gathered, bytes, .. } => {
                *bytes += change.uid.len() + change.source.as_ref().map_or(0, Vec::len);
                gathered.push(change);
                if *bytes >= GATHERED_BYTES_MAX {
                    self.send();
                }
            }
        }
    }

    /// Has done what was gathered.
    fn send(&mut self) {
        let Way::Spread { coordinator, gathered, bytes } = &mut self.way else { return };
        *bytes = 0;
        let changes = std::mem::take(gathered);
        let outcomes = do_at_primaries(
            self.node,
            coordinator,
            &mut Changes { changes: &changes, active: self.plan.active },
        );
        for (change, outcome) in changes.iter().zip(outcomes) {
            self.settle(change, outcome);
        }
    }

    fn settle(&mut self, change: &Change, outcome: Result<bool, ApiError>) {
        match outcome {
            Ok(existed) => self.progress.add(change.count(existed)),
            Err(error) => self.fail(&change.index.name, &change.uid, &error),
        }
    }

    fn fail(&mut self, index: &str, uid: &str, error: &ApiError) {
        if error.kind == "version_conflict_engine_exception" {
            self.progress.add(Count::VersionConflicts);
            if self.plan.proceeds {
                return;
            }
        }
        let (doc_type, id) = uid_parts(uid);
        let name = match &self.plan.work {
            Work::Reindex(destination) => destination.index.as_str(),
            Work::Update | Work::Delete => index,
        };
        self.batch.status = self.batch.status.max(error.status);
        self.batch.failures.push(json!({
            "index": name, "type": doc_type, "id": id, "cause": error.to_item(), "status": error.status
        }));
    }
}
