//! The writes of one request: each name is looked up once, and one sync for each shard makes them all durable.

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::ApiError;
use crate::indices::{IdMaker, Index, IndexRun, Place};
use crate::node::Node;
use crate::replication::ActiveWait;

/// The indices that a request writes to.
pub(crate) struct Writes {
    /// When they are done: one time for all.
    pub now_millis: i64,
    pub ids: IdMaker,
    /// How many copies of a shard have to be there before anything is written to it.
    pub active: ActiveWait,
    runs: Vec<IndexRun>,
    /// The place in `runs` of a name; creating operations may mean others than those that replace.
    by_name: [HashMap<String, usize>; 2],
}

impl Writes {
    pub(crate) fn new(node: &Node) -> Self {
        let now_millis = node.clock.now_millis();
        Self {
            now_millis,
            ids: IdMaker::at(now_millis),
            active: ActiveWait::default(),
            runs: Vec::new(),
            by_name: Default::default(),
        }
    }

    /// The index that a write to `name` goes to, made if there is none. `is_create` tells whether the operation may go to a
    /// data stream.
    pub(crate) fn run_for(
        &mut self,
        node: &Node,
        name: &str,
        is_create: bool,
    ) -> Result<&mut IndexRun, ApiError> {
        if let Some(at) = self.by_name[usize::from(is_create)].get(name) {
            return Ok(&mut self.runs[*at]);
        }
        let index = node.indices.for_write(name, is_create)?;
        let at = self.position(&index);
        self.by_name[usize::from(is_create)].insert(name.to_owned(), at);
        Ok(&mut self.runs[at])
    }

    /// The same for an index that was looked up already.
    pub(crate) fn run_of(&mut self, index: &Arc<Index>) -> &mut IndexRun {
        let at = self.position(index);
        &mut self.runs[at]
    }

    fn position(&mut self, index: &Arc<Index>) -> usize {
        let known = self.runs.iter().position(|run| Arc::ptr_eq(run.index(), index));
        known.unwrap_or_else(|| {
            self.runs.push(IndexRun::with_active(Arc::clone(index), self.active));
            self.runs.len() - 1
        })
    }

    /// Makes every write durable on every copy that counts, but for indices that do so by the clock.
    pub(crate) fn sync(&mut self) -> Result<(), ApiError> {
        self.sync_each().into_iter().next().map_or(Ok(()), |(_, error)| Err(error))
    }

    /// Waits until the client may be told of what was not written.
    pub(crate) fn confirm(&mut self) -> Result<(), ApiError> {
        self.confirm_each().into_iter().next().map_or(Ok(()), |(_, error)| Err(error))
    }

    /// The same, with the places where it failed: what was written there is not acknowledged.
    pub(crate) fn sync_each(&mut self) -> Vec<(Arc<Place>, ApiError)> {
        // Other copies write while this one does.
        self.runs.iter_mut().for_each(IndexRun::send);
        self.runs.iter_mut().for_each(IndexRun::sync_here);
        self.runs.iter_mut().flat_map(IndexRun::wait).collect()
    }

    /// Waits until the client may be told of what was not written; the places where it may not.
    pub(crate) fn confirm_each(&mut self) -> Vec<(Arc<Place>, ApiError)> {
        self.runs.iter_mut().flat_map(IndexRun::confirm).collect()
    }

    /// The place of which the client will be told by the write before.
    pub(crate) fn take_told(&mut self) -> Option<Arc<Place>> {
        self.runs.iter_mut().find_map(IndexRun::take_told)
    }

    /// The indices that were written to.
    pub(crate) fn indices(&self) -> impl Iterator<Item = &Arc<Index>> {
        self.runs.iter().filter(|run| run.has_written()).map(IndexRun::index)
    }
}
