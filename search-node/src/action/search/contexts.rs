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
        self.expire(now_millis);
        let mut kept = self.kept.lock();
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

    /// Lets go of those that were not asked for in time: whoever found the hits is gone.
    pub(crate) fn expire(&self, now_millis: i64) {
        let is_due = |since: i64| now_millis - since >= KEPT_MILLIS;
        let due: Vec<_> = self.kept.lock().by_number.extract_if(|_, (since, _)| is_due(*since)).collect();
        // Files are let go of outside of the lock.
        drop(due);
    }

    /// The point in time of a number, for the last time.
    pub(super) fn take(&self, number: u64) -> Option<Arc<Vec<Part>>> {
        self.kept.lock().by_number.remove(&number).map(|(_, parts)| parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_in_time_is_kept_until_it_is_asked_for_or_nobody_does() {
        let contexts = Contexts::default();
        let [first, second] = [0, 1].map(|now| contexts.keep(Arc::default(), now));
        assert!(contexts.take(first).is_some());
        assert!(contexts.take(first).is_none(), "for the last time");

        contexts.expire(KEPT_MILLIS);
        assert_eq!(contexts.kept.lock().by_number.len(), 1, "its time is not over");
        contexts.expire(KEPT_MILLIS + 1);
        assert!(contexts.take(second).is_none());
    }

    #[test]
    fn the_oldest_goes_where_too_many_are_kept() {
        let contexts = Contexts::default();
        let numbers: Vec<u64> = (0..=CONTEXTS_MAX).map(|_| contexts.keep(Arc::default(), 0)).collect();
        assert!(contexts.take(numbers[0]).is_none());
        assert!(contexts.take(numbers[1]).is_some());
    }
}
