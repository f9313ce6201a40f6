//! Points in time that are kept between finding hits and reading their documents, for whoever asks from another node.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::query::Part;

/// How long hits can be read after they were found. Who found them reads them at once.
const KEPT_MILLIS: i64 = 60_000;
/// How many are kept; beyond it the oldest go first. A point in time costs the files that were merged away meanwhile.
const CONTEXTS_MAX: usize = 500;

/// Points in time by their numbers.
#[derive(Default)]
pub(crate) struct Contexts {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    last: u64,
    by_number: HashMap<u64, (i64, Arc<Vec<Part>>)>,
}

impl Contexts {
    /// Keeps a point in time for a while; its number.
    pub(super) fn keep(&self, parts: Arc<Vec<Part>>, now_millis: i64) -> u64 {
        let mut kept = self.kept.lock();
        kept.by_number.retain(|_, (since, _)| now_millis - *since < KEPT_MILLIS);
        if kept.by_number.len() >= CONTEXTS_MAX
            && let Some(oldest) = kept.by_number.keys().min().copied()
        {
            kept.by_number.remove(&oldest);
        }
        kept.last += 1;
        let number = kept.last;
        kept.by_number.insert(number, (now_millis, parts));
        number
    }

    /// The point in time of a number, for the last time.
    pub(super) fn take(&self, number: u64) -> Option<Arc<Vec<Part>>> {
        self.kept.lock().by_number.remove(&number).map(|(_, parts)| parts)
    }
}
