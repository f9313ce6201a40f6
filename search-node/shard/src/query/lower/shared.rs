//! What all parts of a query are made ready with: the point in time, where it tells of faults, and what is joined before documents are told.

use std::cell::RefCell;
use std::sync::Arc;

use crate::engine::View;
use crate::query::Faults;
use crate::query::weights::join::Joining;

pub(super) struct Shared<'a> {
    pub(super) view: &'a View,
    pub(super) faults: Faults,
    /// What is in another one comes before it.
    joinings: RefCell<Vec<Arc<Joining>>>,
}

impl<'a> Shared<'a> {
    pub(super) fn new(view: &'a View, faults: &Faults) -> Self {
        Self { view, faults: faults.clone(), joinings: RefCell::default() }
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
