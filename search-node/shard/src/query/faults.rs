//! Where a query tells, once its documents are looked at, that it cannot go on: who finds documents cannot return an error for one of them.

use std::sync::{Arc, OnceLock};

use super::QueryError;

/// The first fault of a query, if there is one. Whoever walks over its matches looks for it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults(Arc<OnceLock<QueryError>>);

impl Faults {
    pub(in crate::query) fn note(&self, fault: QueryError) {
        self.0.get_or_init(|| fault);
    }

    /// Whether the rest of the matches is of no use.
    pub(in crate::query) fn any(&self) -> bool {
        self.0.get().is_some()
    }

    pub(crate) fn check(&self) -> Result<(), QueryError> {
        self.0.get().map_or(Ok(()), |fault| Err(fault.clone()))
    }
}
