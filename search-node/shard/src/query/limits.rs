//! How large a query may be, on all of a process: it is looked at before any index is known.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::QueryError;

/// The bounds of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryLimits {
    /// How many clauses a bool may have, and how many terms a word may stand for (`indices.query.bool.max_clause_count`).
    pub clauses: usize,
    /// How deep queries may stand in queries (`indices.query.bool.max_nested_depth`).
    pub depth: usize,
}

static CLAUSES: AtomicUsize = AtomicUsize::new(QueryLimits::USUAL.clauses);
static DEPTH: AtomicUsize = AtomicUsize::new(QueryLimits::USUAL.depth);

impl QueryLimits {
    /// Those of Elasticsearch.
    pub const USUAL: Self = Self { clauses: 1024, depth: 30 };

    /// Those that hold.
    pub(in crate::query) fn now() -> Self {
        Self { clauses: CLAUSES.load(Ordering::Relaxed), depth: DEPTH.load(Ordering::Relaxed) }
    }

    /// Lets them hold in this process from now on.
    pub fn set(self) {
        CLAUSES.store(self.clauses, Ordering::Relaxed);
        DEPTH.store(self.depth, Ordering::Relaxed);
    }

    pub(in crate::query) fn check_clauses(self, count: usize) -> Result<(), QueryError> {
        if count <= self.clauses {
            return Ok(());
        }
        Err(QueryError::argument(format!("maxClauseCount is set to {}", self.clauses)))
    }

    pub(in crate::query) fn check_depth(self, depth: usize) -> Result<(), QueryError> {
        if depth <= self.depth {
            return Ok(());
        }
        Err(QueryError::argument(format!(
            "The nested depth of the query exceeds the maximum nested depth for queries set in [indices.query.bool.max_nested_depth] ([{}])",
            self.depth
        )))
    }
}
