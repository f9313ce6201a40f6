//! The bulk request: its lines as they arrive, one outcome per action, one sync for the actions that came together.
//!
//! A body is fed in chunks and need not be in memory as a whole. The actions of a chunk, or as many of them as are done
//! together, are done once every line of them was read, so a line that cannot be read leaves nothing of them behind; what came before it is done,
//! and the error says so.

mod carried;
mod line;
mod named;
mod spread;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;
use shard::SourceFilter;

pub(crate) use self::carried::do_carried;
use self::line::{Action, Head, Op};
pub(crate) use self::named::Named;
use super::update::{UpdateRequest, update};
use super::weight::Weight;
use super::write::{WriteResult, append_json, delete, index};
use super::writes::Writes;
use crate::error::ApiError;
use crate::indices::Index;
use crate::json;
use crate::node::Node;
use crate::replication::ActiveWait;

/// How many actions are done together at most. Each keeps some hundred bytes until all are durable, and one sync for so many
/// costs nothing beside what they cost themselves.
pub(crate) const ACTIONS_MAX: usize = 16 << 10;

/// What a bulk request takes from its path and parameters.
#[derive(Debug, Clone)]
pub(crate) struct BulkOptions {
    pub index: Option<Arc<str>>,
    /// The type where an action names none.
    pub doc_type: Arc<str>,
    pub routing: Option<String>,
    pub require_alias: bool,
    pub pipeline: Option<String>,
    /// Which parts of updated documents the answer shows.
    pub source: Option<SourceFilter>,
    /// Whether a refresh will be done at once for this request.
    pub forces_refresh: bool,
    /// How many copies of a shard have to be there before anything is written to it.
    pub active: ActiveWait,
}

impl Default for BulkOptions {
    fn default() -> Self {
        Self {
            index: None,
            doc_type: "_doc".into(),
            routing: None,
            require_alias: false,
            pipeline: None,
            source: None,
            forces_refresh: false,
            active: ActiveWait::default(),
        }
    }
}

/// Whether a large document has the memory that it takes; the error is its outcome if not.
pub(crate) type Grant = Result<(), ApiError>;

/// What became of the bytes that a bulk request was fed.
pub(crate) enum Fed {
    /// So many of them were done.
    Took(usize),
    /// The first action has a large document, which takes so much memory; nothing was done yet.
    Wants(u64),
}

/// What became of an action on this node.
enum Given<'a> {
    /// Its item of the answer.
    Item { item: &'a [u8], is_error: bool },
    /// Nothing was done: the primary has just moved. Its item, for whoever does not try it elsewhere.
    Elsewhere { item: &'a [u8] },
}

/// A bulk request that is being read.
pub(crate) struct Bulk {
    options: BulkOptions,
    lines: usize,
    actions: usize,
    /// Whether an action failed.
    pub errors: bool,
    /// The indices that were written to.
    pub indices: Vec<Arc<Index>>,
}

impl Bulk {
    pub(crate) fn new(options: BulkOptions) -> Self {
        Self { options, lines: 0, actions: 0, errors: false, indices: Vec::new() }
    }

    /// How many copies there have to be from now on, and what is left to wait for them.
    pub(crate) fn set_active(&mut self, active: ActiveWait) {
        self.options.active = active;
    }

    /// What whole actions in `bytes` say of their indices.
    pub(crate) fn named(&self, bytes: &[u8]) -> BTreeSet<Named> {
        line::named(bytes, &self.options)
    }

    /// Does the actions that are whole in `bytes`, and appends their outcomes to `items` as JSON, each with a comma in
    /// front: a thousand items are written once and never built as a tree. A large document comes by itself, and is done
    /// once it is told with `grant` whether there is memory for it.
    pub(crate) fn feed(
        &mut self,
        node: &Node,
        bytes: &[u8],
        is_end: bool,
        grant: Option<Grant>,
        items: &mut Vec<u8>,
    ) -> Result<Fed, ApiError> {
        let read = line::read(bytes, self.lines, is_end, &self.options);
        let (actions, taken, lines) = read.map_err(|error| self.after_others(error))?;
        if let ([action], None) = (&actions[..], &grant)
            && let Some(need) = action.heavy_need()
        {
            return Ok(Fed::Wants(need));
        }
        if is_end && self.actions + actions.len() == 0 {
            return Err(ApiError::validation("no requests added"));
        }
        self.lines += lines;
        if actions.is_empty() {
            return Ok(Fed::Took(taken));
        }
        self.actions += actions.len();
        let refused = grant.and_then(Result::err);
        match node.others() {
            Some(coordinator) if refused.is_none() => self.spread(node, coordinator, &actions, items),
            _ => {
                let mut moved = 0;
                self.do_here(node, &actions, refused.as_ref(), |given| match given {
                    Given::Item { item, .. } => items.extend_from_slice(item),
                    Given::Elsewhere { item } => {
                        moved += 1;
                        items.extend_from_slice(item);
                    }
                });
                // A node that was alone a moment ago knows nowhere else to try it.
                self.errors |= moved > 0;
                node.counters.bulk_items_failed.inc_by(moved);
            }
        }
        Ok(Fed::Took(taken))
    }

    /// Does actions on this node, and gives what became of each, in their order.
    fn do_here(
        &mut self,
        node: &Node,
        actions: &[Action<'_>],
        refused: Option<&ApiError>,
        mut give: impl FnMut(Given<'_>),
    ) {
        let mut writes = Writes::new(node);
        writes.active = self.options.active;
        let outcomes: Vec<_> = actions
            .iter()
            .map(|action| match refused {
                Some(refused) => (Err(refused.clone()), None),
                None => (act(node, &mut writes, action), writes.take_told()),
            })
            .collect();
        let unsynced = writes.sync_each();
        let unconfirmed = writes.confirm_each();
        self.remember(writes.indices());
        let mut written = 0;
        let mut item = Vec::new();
        for (action, (outcome, told)) in actions.iter().zip(outcomes) {
            // Nothing is acknowledged unless it is durable, and nobody is told what may not be so.
            let told = told.filter(|_| outcome.as_ref().map_or(true, WriteResult::is_noop));
            let place = outcome.as_ref().ok().map(|result| &result.place).or(told.as_ref());
            let failed = place.and_then(|place| {
                let of_told = unconfirmed.iter().filter(|_| told.is_some());
                unsynced.iter().chain(of_told).find(|(failed, _)| Arc::ptr_eq(failed, place))
            });
            let outcome = failed.map_or(outcome, |(_, error)| Err(error.clone()));
            written += u64::from(outcome.is_ok());
            item.clear();
            let (is_error, has_moved) =
                (outcome.is_err(), outcome.as_ref().is_err_and(ApiError::is_not_primary));
            match outcome {
                Err(error) if has_moved => append_error(&action.head, &error, &mut item),
                outcome => self.push(node, action, outcome, &mut item),
            }
            give(if has_moved {
                Given::Elsewhere { item: &item }
            } else {
                Given::Item { item: &item, is_error }
            });
        }
        node.counters.documents_written.inc_by(written);
    }

    /// Actions of earlier chunks stay done: whoever sends the whole again should know.
    pub(crate) fn after_others(&self, mut error: ApiError) -> ApiError {
        if self.actions > 0 {
            let done = self.actions;
            error.reason = format!("{}; the [{done}] actions before these lines were done", error.reason);
        }
        error
    }

    fn remember<'w>(&mut self, indices: impl Iterator<Item = &'w Arc<Index>>) {
        for index in indices {
            if !self.indices.iter().any(|known| Arc::ptr_eq(known, index)) {
                self.indices.push(Arc::clone(index));
            }
        }
    }

    fn push(
        &mut self,
        node: &Node,
        action: &Action<'_>,
        outcome: Result<WriteResult, ApiError>,
        items: &mut Vec<u8>,
    ) {
        match outcome {
            Ok(result) => {
                begin_item(&action.head, items);
                result.append_item(self.options.forces_refresh, items);
                items.push(b'}');
            }
            Err(error) => {
                self.errors = true;
                node.counters.bulk_items_failed.inc();
                append_error(&action.head, &error, items);
            }
        }
    }
}

fn begin_item(head: &Head, items: &mut Vec<u8>) {
    items.extend_from_slice(b",{\"");
    items.extend_from_slice(head.op.name().as_bytes());
    items.extend_from_slice(b"\":");
}

/// Appends the item of an action that failed.
fn append_error(head: &Head, error: &ApiError, items: &mut Vec<u8>) {
    let target = &head.target;
    let shown = json!({
        "_index": &*target.index, "_type": &*target.doc_type, "_id": target.id,
        "status": error.status, "error": error.to_item()
    });
    begin_item(head, items);
    append_json(items, &shown);
    items.push(b'}');
}

impl Action<'_> {
    /// What its document takes, if that is a large one.
    fn heavy_need(&self) -> Option<u64> {
        let weight = Weight::of_heavy(self.source)?;
        Some(if self.head.op == Op::Update { weight.to_update() } else { weight.to_index() })
    }
}

fn act(node: &Node, writes: &mut Writes, action: &Action<'_>) -> Result<WriteResult, ApiError> {
    let head = &*action.head;
    if let Some(fault) = &head.fault {
        return Err(fault.clone());
    }
    match head.op {
        Op::Index | Op::Create => index(node, writes, &head.target, action.source, &head.options),
        Op::Delete => delete(node, writes, &head.target, &head.options),
        Op::Update => {
            let mut body = json::read(action.source).map_err(|error| {
                if json::is_repeat(&error) {
                    return ApiError::json(&error);
                }
                ApiError::parsing(format!("the source of an update cannot be read: {error}"))
            })?;
            if let Some(script) = body.get_mut("script") {
                node.indices.fill_script(script);
            }
            let mut request = UpdateRequest::read(&body)?;
            request.retries = head.retries;
            request.source = request.source.or_else(|| head.update_source.clone());
            update(node, writes, &head.target, &request, &head.options)
        }
    }
}
