//! How much of a search is answered, for who looks before it is over.

use bytes::Bytes;
use parking_lot::Mutex;

/// What the shards have that have answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Answered {
    /// How many shards have answered, those among them that were skipped, and from how many nodes.
    pub shards: usize,
    pub skipped: usize,
    pub nodes: usize,
    /// How many matches there are in them.
    pub total: u64,
    /// What is computed of these, as JSON, where somebody may look and there is room for it.
    pub aggs: Option<Bytes>,
}

/// The same while it changes.
#[derive(Debug, Default)]
pub(crate) struct AnsweredSoFar(Mutex<Answered>);

impl AnsweredSoFar {
    /// More shards have answered. A search among the hits of the first one has no more of them, and is not told of.
    pub(crate) fn tell(&self, answered: Answered) {
        let mut known = self.0.lock();
        if answered.shards > known.shards {
            *known = answered;
        }
    }

    pub(crate) fn now(&self) -> Answered {
        self.0.lock().clone()
    }

    /// It is over: what was computed so far is of no use any more.
    pub(crate) fn forget_aggs(&self) {
        self.0.lock().aggs = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_grows_and_is_of_the_first_search() {
        let so_far = AnsweredSoFar::default();
        let of = |shards, total| Answered { shards, total, ..Answered::default() };
        for (told, known) in
            [(of(1, 7), of(1, 7)), (of(3, 9), of(3, 9)), (of(3, 2), of(3, 9)), (of(2, 1), of(3, 9))]
        {
            so_far.tell(told);
            assert_eq!(so_far.now(), known);
        }
        so_far.tell(Answered { aggs: Some(Bytes::from_static(b"{}")), ..of(4, 9) });
        assert!(so_far.now().aggs.is_some());
        so_far.forget_aggs();
        assert_eq!(so_far.now(), of(4, 9));
    }
}
