//! Points in time that are kept between finding hits and reading their documents, for whoever asks from another node.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::query::Part;
use crate::error::ApiError;

/// How long hits can be read after they were found. Who found them reads them at once.
const KEPT_MILLIS: i64 = 60_000;

/// Points in time by their numbers.
pub(crate) struct Contexts {
    kept: Mutex<Kept>,
    /// How many are kept; more are refused. A point in time costs the files that were merged away meanwhile.
    most: usize,
}

#[derive(Default)]
struct Kept {
    last: u64,
    by_number: HashMap<u64, (i64, Arc<Vec<Part>>)>,
}

impl Contexts {
    pub(crate) fn new(most: usize) -> Self {
        Self { kept: Mutex::default(), most }
    }

    /// Keeps a point in time for a while; its number.
    pub(super) fn keep(&self, parts: Arc<Vec<Part>>, now_millis: i64) -> Result<u64, ApiError> {
        self.check_room(now_millis)?;
        let mut kept = self.kept.lock();
        kept.last += 1;
        let number = kept.last;
        kept.by_number.insert(number, (now_millis, parts));
        Ok(number)
    }

    /// Whether another one can be kept, before anything is searched for it. Those who search at the same time may still exceed
    /// the limit by as many as they are, which are few: they have places in a pool.
    pub(super) fn check_room(&self, now_millis: i64) -> Result<(), ApiError> {
        if self.kept.lock().by_number.len() < self.most {
            return Ok(());
        }
        self.expire(now_millis);
        if self.kept.lock().by_number.len() < self.most {
            return Ok(());
        }
        Err(ApiError::too_many_contexts(self.most))
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
        let contexts = Contexts::new(10);
        let [first, second] = [0, 1].map(|now| contexts.keep(Arc::default(), now).expect("kept"));
        assert!(contexts.take(first).is_some());
        assert!(contexts.take(first).is_none(), "for the last time");

        contexts.expire(KEPT_MILLIS);
        assert_eq!(contexts.kept.lock().by_number.len(), 1, "its time is not over");
        contexts.expire(KEPT_MILLIS + 1);
        assert!(contexts.take(second).is_none());
    }

    #[test]
    fn no_more_are_kept_than_may_be_and_none_is_lost_for_others() {
        let contexts = Contexts::new(2);
        let [first, second] = [0, 1].map(|now| contexts.keep(Arc::default(), now).expect("kept"));

        let refused = contexts.keep(Arc::default(), 2).expect_err("refused");
        assert_eq!((refused.status, refused.kind.as_str()), (429, "es_rejected_execution_exception"));
        assert!(refused.reason.contains("[2]") && refused.reason.contains("search.max_open_contexts"));
        assert!(contexts.take(first).is_some(), "one under way goes on");
        contexts.keep(Arc::default(), 3).expect("there is room again");

        contexts.keep(Arc::default(), 4).expect_err("refused");
        contexts.keep(Arc::default(), KEPT_MILLIS + 1).expect("one that nobody asked for makes room");
        assert!(contexts.take(second).is_none());
    }
}
