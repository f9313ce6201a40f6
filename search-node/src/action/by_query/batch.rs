//! One batch: documents read, changed, written, and made durable together.

use std::sync::Arc;

use serde_json::{Value, json};
use shard::{Condition, StoredDocument, WriteRequest, uid, uid_parts};

use super::plan::{Destination, Plan, Routing, Work};
use super::walk::Walk;
use crate::action::condition::VersionType;
use crate::action::get::shown_source;
use crate::action::target::{Target, typed};
use crate::action::weight::Weight;
use crate::action::writes::Writes;
use crate::error::ApiError;
use crate::indices::{Index, IndexRun};
use crate::memory::Reservation;
use crate::node::Node;
use crate::script::{Context, Op};
use crate::tasks::{Count, Progress};

/// What memory is reserved for.
const WHAT: &str = "by_query";

/// What became of a batch.
pub(super) struct Batch {
    /// How many documents it had.
    pub documents: usize,
    pub failures: Vec<Value>,
    /// The worst status of its failures.
    pub status: u16,
}

/// Does one batch of at most `size` documents.
pub(super) fn run_batch(
    node: &Node,
    plan: &Plan,
    walk: &mut Walk,
    size: usize,
    progress: &Progress,
) -> Result<Batch, ApiError> {
    let mut batch = Batch { documents: 0, failures: Vec::new(), status: 200 };
    let mut writes = Writes::new(node);
    // A whole step of hits may belong to the slices of other requests.
    while batch.documents == 0 {
        let hits = walk.next_hits(size)?;
        if hits.is_empty() {
            break;
        }
        for hit in &hits {
            let Some(stored) = walk.fetch(hit)? else { continue };
            if batch.documents == 0 {
                progress.begin_batch();
            }
            batch.documents += 1;
            let index = &walk.parts[hit.shard].index;
            let done = reserve(node, plan, &stored)
                .and_then(|_reserved| one(node, plan, index, &stored, &mut writes));
            match done {
                Ok(count) => progress.add(count),
                Err(error) => batch.fail(plan, progress, index, &stored, &error),
            }
        }
    }
    writes.sync()?;
    Ok(batch)
}

impl Batch {
    fn fail(
        &mut self,
        plan: &Plan,
        progress: &Progress,
        index: &Index,
        stored: &StoredDocument,
        error: &ApiError,
    ) {
        if error.kind == "version_conflict_engine_exception" {
            progress.add(Count::VersionConflicts);
            if plan.proceeds {
                return;
            }
        }
        let (doc_type, id) = uid_parts(&stored.uid);
        let name = match &plan.work {
            Work::Reindex(destination) => destination.index.as_str(),
            Work::Update | Work::Delete => index.name.as_str(),
        };
        self.status = self.status.max(error.status);
        self.failures.push(json!({
            "index": name, "type": doc_type, "id": id, "cause": error.to_item(), "status": error.status
        }));
    }
}

/// Promises what a large document takes while it is written again, and waits for it: this thread is there for nothing else.
fn reserve(node: &Node, plan: &Plan, stored: &StoredDocument) -> Result<Option<Reservation>, ApiError> {
    if matches!(plan.work, Work::Delete) {
        return Ok(None);
    }
    let Some(weight) = Weight::of_heavy(&stored.source) else { return Ok(None) };
    let is_parsed = plan.script.is_some() || plan.source != shard::SourceFilter::All;
    let need = if is_parsed { weight.to_change() } else { weight.to_index() };
    tokio::runtime::Handle::current().block_on(node.memory.reserve(need, WHAT)).map(Some)
}

fn one(
    node: &Node,
    plan: &Plan,
    index: &Arc<Index>,
    stored: &StoredDocument,
    writes: &mut Writes,
) -> Result<Count, ApiError> {
    let unchanged = Condition::SeqNo { seq_no: stored.seq_no, term: stored.term };
    let (doc_type, id) = uid_parts(&stored.uid);
    let in_place = Target {
        index: index.name.as_str().into(),
        doc_type: doc_type.into(),
        id: Some(id.to_owned()),
        routing: stored.routing.clone(),
    };
    match &plan.work {
        Work::Delete => write(node, writes.run_of(index), &in_place, None, unchanged).map(|_| Count::Deleted),
        Work::Update => match scripted(node, plan, index, stored, stored.source.clone())? {
            None => write(node, writes.run_of(index), &in_place, Some(&stored.source), unchanged)
                .map(|_| Count::Updated),
            Some(changed) if changed.id != id || changed.index != index.name => {
                Err(ApiError::argument("Modifying [_id] or [_index] not allowed"))
            }
            Some(changed) => match changed.op {
                Op::None => Ok(Count::Noops),
                Op::Delete => {
                    write(node, writes.run_of(index), &in_place, None, unchanged).map(|_| Count::Deleted)
                }
                Op::Index => {
                    let source = changed.source.to_string().into_bytes();
                    write(node, writes.run_of(index), &in_place, Some(&source), unchanged)
                        .map(|_| Count::Updated)
                }
            },
        },
        Work::Reindex(destination) => copy(node, plan, destination, index, stored, writes),
    }
}

fn copy(
    node: &Node,
    plan: &Plan,
    destination: &Destination,
    index: &Arc<Index>,
    stored: &StoredDocument,
    writes: &mut Writes,
) -> Result<Count, ApiError> {
    let (doc_type, id) = uid_parts(&stored.uid);
    let mut target = Target {
        index: destination.index.as_str().into(),
        doc_type: destination.doc_type.as_deref().unwrap_or(doc_type).into(),
        id: Some(id.to_owned()),
        routing: match &destination.routing {
            Routing::Keep => stored.routing.clone(),
            Routing::Discard => None,
            Routing::Set(value) => Some(value.clone()),
        },
    };
    let mut source = match &plan.source {
        shard::SourceFilter::All => stored.source.clone(),
        filter => shown_source(&stored.source, filter).unwrap_or_else(|| json!({})).to_string().into_bytes(),
    };
    if let Some(changed) = scripted(node, plan, index, stored, source.clone())? {
        match changed.op {
            Op::None => return Ok(Count::Noops),
            Op::Delete => {
                let Ok(index) = target.existing_index(node) else { return Ok(Count::Deleted) };
                return write(node, writes.run_of(&index), &target, None, Condition::None)
                    .map(|_| Count::Deleted);
            }
            Op::Index => {}
        }
        source = changed.source.to_string().into_bytes();
        if changed.index != index.name {
            target.index = changed.index.into();
        }
        if changed.routing != stored.routing {
            target.routing = changed.routing;
        }
        target.id = Some(changed.id);
    }
    let condition = match destination.version_type {
        _ if destination.is_create => Condition::Absent,
        VersionType::Internal => Condition::None,
        VersionType::External => Condition::External { version: stored.version, or_equal: false },
        VersionType::ExternalGte => Condition::External { version: stored.version, or_equal: true },
    };
    let into = writes.run_for(node, &target.index, destination.is_create)?;
    let existed = write(node, into, &target, Some(&source), condition)?;
    Ok(if existed { Count::Updated } else { Count::Created })
}

/// The document as the script leaves it; none without a script.
fn scripted(
    node: &Node,
    plan: &Plan,
    index: &Index,
    stored: &StoredDocument,
    source: Vec<u8>,
) -> Result<Option<Context>, ApiError> {
    let Some(script) = &plan.script else { return Ok(None) };
    let (doc_type, id) = uid_parts(&stored.uid);
    let source: Value = serde_json::from_slice(&source)
        .map_err(|error| ApiError::internal(format!("the source of [{id}] cannot be read: {error}")))?;
    let mut context = Context::of(&index.name, doc_type, id, source, node.clock.now_millis());
    context.version = Some(stored.version);
    context.routing = stored.routing.clone();
    script.run(&mut context)?;
    Ok(Some(context))
}

/// Writes, and tells whether a document was there.
fn write(
    node: &Node,
    run: &mut IndexRun,
    target: &Target,
    source: Option<&[u8]>,
    condition: Condition,
) -> Result<bool, ApiError> {
    let id = target.required_id()?;
    target.check_routing(run.index(), id)?;
    let request = WriteRequest {
        uid: &uid(&target.doc_type, id),
        doc_type: typed(&target.doc_type),
        id,
        routing: target.routing.as_deref(),
        source,
        condition,
        is_new_id: false,
        now_millis: node.clock.now_millis(),
    };
    let (written, _) = run.write(&request)?;
    node.counters.documents_written.inc();
    Ok(written.existed)
}
