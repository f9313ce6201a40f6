//! What is written of a match: decided from the document and what was asked, before anything is done.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};
use shard::{Condition, SourceFilter, StoredDocument, uid, uid_parts};

use super::plan::{CopyRouting, Destination, Plan, Work};
use crate::action::condition::VersionType;
use crate::action::get::shown_source;
use crate::action::target::{Target, check_routing};
use crate::error::ApiError;
use crate::indices::Index;
use crate::memory::Memory;
use crate::node::Node;
use crate::script::{Context, Op};
use crate::tasks::Count;

/// What is to be done.
pub(super) enum Deed {
    /// Nothing is written; it is counted so.
    Counted(Count),
    Write(Change),
}

/// One write.
pub(super) struct Change {
    pub index: Arc<Index>,
    pub uid: String,
    pub routing: Option<String>,
    /// None to delete.
    pub source: Option<Vec<u8>>,
    pub condition: Condition,
}

impl Change {
    /// What it is counted as once it is done.
    pub(super) fn count(&self, existed: bool) -> Count {
        match (&self.source, existed) {
            (None, _) => Count::Deleted,
            (Some(_), true) => Count::Updated,
            (Some(_), false) => Count::Created,
        }
    }
}

/// The indices that documents are copied into, each looked up once for a batch.
pub(super) struct Destinations<'a> {
    node: &'a Node,
    by_name: HashMap<String, Arc<Index>>,
}

impl<'a> Destinations<'a> {
    pub(super) fn new(node: &'a Node) -> Self {
        Self { node, by_name: HashMap::new() }
    }

    /// The index that a write to `name` goes to, made if there is none.
    fn index(&mut self, name: &str, is_create: bool) -> Result<Arc<Index>, ApiError> {
        if let Some(index) = self.by_name.get(name) {
            return Ok(Arc::clone(index));
        }
        let index = self.node.indices.for_write(name, is_create)?;
        self.by_name.insert(name.to_owned(), Arc::clone(&index));
        Ok(index)
    }
}

/// Decides what is done with a document that was found in `index`. Its source may be taken.
pub(super) fn decide(
    plan: &Plan,
    index: &Arc<Index>,
    stored: &mut StoredDocument,
    destinations: &mut Destinations<'_>,
) -> Result<Deed, ApiError> {
    let (now_millis, memory) = (destinations.node.clock.now_millis(), &destinations.node.memory);
    let source = match &plan.work {
        Work::Delete => None,
        Work::Update => match scripted((plan, memory), index, stored, None, now_millis)? {
            None => Some(std::mem::take(&mut stored.source)),
            Some(changed) if changed.id != uid_parts(&stored.uid).1 || changed.index != index.name => {
                return Err(ApiError::argument("Modifying [_id] or [_index] not allowed"));
            }
            Some(changed) => match changed.op {
                Op::None => return Ok(Deed::Counted(Count::Noops)),
                Op::Delete => None,
                Op::Index => Some(changed.source.to_string().into_bytes()),
            },
        },
        Work::Reindex(destination) => {
            return copy(plan, destination, index, stored, destinations, now_millis);
        }
    };
    let (doc_type, id) = uid_parts(&stored.uid);
    check_routing(index, doc_type, id, stored.routing.as_deref())?;
    Ok(Deed::Write(Change {
        index: Arc::clone(index),
        uid: stored.uid.clone(),
        routing: stored.routing.clone(),
        source,
        condition: Condition::SeqNo { seq_no: stored.seq_no, term: stored.term },
    }))
}

fn copy(
    plan: &Plan,
    destination: &Destination,
    index: &Arc<Index>,
    stored: &mut StoredDocument,
    destinations: &mut Destinations<'_>,
    now_millis: i64,
) -> Result<Deed, ApiError> {
    let shown = match &plan.source {
        SourceFilter::All => None,
        filter => Some(shown_source(&stored.source, filter).unwrap_or_else(|| json!({}))),
    };
    let (doc_type, id) = uid_parts(&stored.uid);
    let mut target = Target {
        index: destination.index.as_str().into(),
        doc_type: destination.doc_type.as_deref().unwrap_or(doc_type).into(),
        id: Some(id.to_owned()),
        routing: match &destination.routing {
            CopyRouting::Keep => stored.routing.clone(),
            CopyRouting::Discard => None,
            CopyRouting::Set(value) => Some(value.clone()),
        },
    };
    let changed = scripted((plan, &destinations.node.memory), index, stored, shown.as_ref(), now_millis)?;
    let source = match changed {
        None => {
            shown.map_or_else(|| std::mem::take(&mut stored.source), |shown| shown.to_string().into_bytes())
        }
        Some(Context { op: Op::None, .. }) => return Ok(Deed::Counted(Count::Noops)),
        Some(Context { op: Op::Delete, .. }) => {
            return match target.existing_index(destinations.node) {
                Ok(index) => write(index, &target, None, Condition::None),
                Err(_) => Ok(Deed::Counted(Count::Deleted)),
            };
        }
        Some(changed) => {
            if changed.index != index.name {
                target.index = changed.index.into();
            }
            if changed.routing != stored.routing {
                target.routing = changed.routing;
            }
            target.id = Some(changed.id);
            changed.source.to_string().into_bytes()
        }
    };
    let condition = match destination.version_type {
        _ if destination.is_create => Condition::Absent,
        VersionType::Internal => Condition::None,
        VersionType::External => Condition::External { version: stored.version, or_equal: false },
        VersionType::ExternalGte => Condition::External { version: stored.version, or_equal: true },
    };
    let into = destinations.index(&target.index, destination.is_create)?;
    destinations.node.indices.check_stream_routing(&target.index, target.routing.as_deref())?;
    let target = target.routed(destinations.node, &into)?;
    write(Arc::clone(&into), &target, Some(source), condition)
}

fn write(
    index: Arc<Index>,
    target: &Target,
    source: Option<Vec<u8>>,
    condition: Condition,
) -> Result<Deed, ApiError> {
    let id = target.required_id()?;
    target.check_routing(&index, id)?;
    let (uid, routing) = (uid(&target.doc_type, id).into_owned(), target.routing.clone());
    Ok(Deed::Write(Change { index, uid, routing, source, condition }))
}

/// The document as the script leaves it; none without a script. `shown` is what of its source it gets, if not all.
fn scripted(
    (plan, memory): (&Plan, &Memory),
    index: &Index,
    stored: &StoredDocument,
    shown: Option<&Value>,
    now_millis: i64,
) -> Result<Option<Context>, ApiError> {
    let Some(script) = &plan.script else { return Ok(None) };
    let (doc_type, id) = uid_parts(&stored.uid);
    let source = match shown {
        Some(shown) => shown.clone(),
        None => serde_json::from_slice(&stored.source)
            .map_err(|error| ApiError::internal(format!("the source of [{id}] cannot be read: {error}")))?,
    };
    let mut context = Context::of(&index.name, doc_type, id, source, now_millis);
    context.version = Some(stored.version);
    context.routing = stored.routing.clone();
    script.run(&mut context, index.settings().query.script, memory)?;
    Ok(Some(context))
}
