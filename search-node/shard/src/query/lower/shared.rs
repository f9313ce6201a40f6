//! What all parts of a query are made ready with: the point in time, where it tells of faults, and what is joined before documents are told.

use std::cell::RefCell;
use std::sync::Arc;

use crate::engine::View;
use crate::query::weights::join::Joining;
use crate::query::{Faults, Profiler};

pub(super) struct Shared<'a> {
    pub(super) view: &'a View,
    pub(super) faults: Faults,
    /// What measures the queries, if anybody wants to know.
    pub(super) profiler: Option<&'a Profiler>,
    /// What is in another one comes before it.
    joinings: RefCell<Vec<Arc<Joining>>>,
}

impl<'a> Shared<'a> {
    pub(super) fn new(view: &'a View, faults: &Faults, profiler: Option<&'a Profiler>) -> Self {
        Self { view, faults: faults.clone(), profiler, joinings: RefCell::default() }
    }

    /// Something to join before documents are told.
    pub(super) fn add(&self, joining: &Arc<Joining>) {
        self.joinings.borrow_mut().push(Arc::clone(joining));
    }

    /// What is to be joined.
    pub(super) fn into_joinings(self) -> Vec<Arc<Joining>> {
        self.joinings.into_inner()
    }
}
