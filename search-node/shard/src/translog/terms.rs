//! Which operations there are, and the term of each, as ranges: operations come mostly in order, and a million of them are one range.

/// The terms of operations by their numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    /// In order, without overlaps; neighbours of one term are joined.
    runs: Vec<Run>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    first: u64,
    last: u64,
    term: u64,
}

impl Terms {
    /// The term of an operation, if it is there.
    pub(crate) fn get(&self, seq_no: u64) -> Option<u64> {
        let run = self.runs.get(self.place(seq_no))?;
        (run.first <= seq_no).then_some(run.term)
    }

    /// Notes an operation in the place of the one that had its number; gives the term of that.
    pub(crate) fn insert(&mut self, seq_no: u64, term: u64) -> Option<u64> {
        if let Some(newest) = self.runs.last_mut()
            && newest.last + 1 == seq_no
            && newest.term == term
        {
            newest.last = seq_no;
            return None;
        }
        let before = self.remove(seq_no);
        let at = self.place(seq_no);
        let joins_lower = at > 0 && self.runs[at - 1].last + 1 == seq_no && self.runs[at - 1].term == term;
        let joins_upper = self.runs.get(at).is_some_and(|run| run.first == seq_no + 1 && run.term == term);
        match (joins_lower, joins_upper) {
            (true, true) => {
                self.runs[at - 1].last = self.runs[at].last;
                self.runs.remove(at);
            }
            (true, false) => self.runs[at - 1].last = seq_no,
            (false, true) => self.runs[at].first = seq_no,
            (false, false) => self.runs.insert(at, Run { first: seq_no, last: seq_no, term }),
        }
        before
    }

    /// Takes an operation out; gives its term.
    pub(crate) fn remove(&mut self, seq_no: u64) -> Option<u64> {
        let at = self.place(seq_no);
        let run = *self.runs.get(at).filter(|run| run.first <= seq_no)?;
        let lower = (run.first < seq_no).then(|| Run { last: seq_no - 1, ..run });
        let upper = (seq_no < run.last).then(|| Run { first: seq_no + 1, ..run });
        self.runs.splice(at..=at, lower.into_iter().chain(upper));
        Some(run.term)
    }

    /// Those up to a number are no longer of interest.
    pub(crate) fn forget_up_to(&mut self, seq_no: i64) {
        let Ok(seq_no) = u64::try_from(seq_no) else { return };
        self.runs.drain(..self.place(seq_no));
        if let Some(run) = self.runs.first_mut().filter(|run| run.first <= seq_no) {
            run.first = seq_no + 1;
            if run.first > run.last {
                self.runs.remove(0);
            }
        }
    }

    /// The highest number; -1 when there is none.
    pub(crate) fn highest(&self) -> i64 {
        self.runs.last().map_or(-1, |run| run.last as i64)
    }

    /// The highest number up to which all are there that come after `seq_no`.
    pub(crate) fn all_after(&self, seq_no: i64) -> i64 {
        let mut reached = seq_no;
        for run in &self.runs {
            if run.last as i64 <= reached {
                continue;
            }
            if run.first as i64 > reached + 1 {
                break;
            }
            reached = run.last as i64;
        }
        reached
    }

    /// Every operation, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.runs.iter().flat_map(|run| (run.first..=run.last).map(|seq_no| (seq_no, run.term)))
    }

    /// The run that holds a number, or the first above it.
    fn place(&self, seq_no: u64) -> usize {
        self.runs.partition_point(|run| run.last < seq_no)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Ranges say what a map of single numbers says.
        #[test]
        fn ranges_agree_with_a_map(steps in proptest::collection::vec((0..3u8, 0..24u64, 1..3u64), 0..120)) {
            let (mut terms, mut model) = (Terms::default(), BTreeMap::new());
            for (step, seq_no, term) in steps {
                match step {
                    0 => {
                        prop_assert_eq!(terms.remove(seq_no), model.remove(&seq_no));
                    }
                    1 if seq_no % 5 == 0 => {
                        terms.forget_up_to(seq_no as i64 / 2);
                        model.retain(|known, _| *known > seq_no / 2);
                    }
                    _ => {
                        prop_assert_eq!(terms.insert(seq_no, term), model.insert(seq_no, term));
                    }
                }
                prop_assert_eq!(terms.iter().collect::<Vec<_>>(), model.clone().into_iter().collect::<Vec<_>>());
                prop_assert_eq!(terms.highest(), model.keys().last().map_or(-1, |seq_no| *seq_no as i64));
                prop_assert_eq!(terms.get(seq_no), model.get(&seq_no).copied());
                let all = (0..).find(|next| !model.contains_key(next)).map_or(-1, |next| next as i64 - 1);
                prop_assert_eq!(terms.all_after(-1), all);
            }
        }

        /// Neighbours of one term are one range, so that what is held in memory does not grow with the operations.
        #[test]
        fn what_fills_a_gap_joins_its_neighbours(order in Just((0..40u64).collect::<Vec<_>>()).prop_shuffle()) {
            let mut terms = Terms::default();
            for seq_no in order {
                terms.insert(seq_no, 7);
            }
            prop_assert_eq!(terms.runs, [Run { first: 0, last: 39, term: 7 }]);
        }
    }
}
