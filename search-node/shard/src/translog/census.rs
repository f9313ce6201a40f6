//! Which records of a translog count. The last one of a number does: it was written under the newest primary that named it. One that
//! says that the number is dropped leaves none.

use std::collections::HashMap;

use super::operation::{Operation, OperationKind};
use super::terms::Terms;

/// Where a record stands: its generation, and its offset there.
pub(super) type Place = (u64, u64);

/// What the records of some generations come to, noted in their order.
#[derive(Debug, Default)]
pub(super) struct Census {
    terms: Terms,
    /// The last record of each number that has several.
    last: HashMap<u64, Place>,
    operations: u64,
}

impl Census {
    pub(super) fn note(&mut self, operation: &Operation, place: Place) {
        let before = if operation.kind == OperationKind::Void {
            self.operations -= u64::from(self.terms.get(operation.seq_no).is_some());
            self.terms.remove(operation.seq_no)
        } else {
            let before = self.terms.insert(operation.seq_no, operation.term);
            self.operations += u64::from(before.is_none());
            before
        };
        // What follows one that was dropped is its successor too.
        if before.is_some()
            || operation.kind == OperationKind::Void
            || self.last.contains_key(&operation.seq_no)
        {
            self.last.insert(operation.seq_no, place);
        }
    }

    /// Whether a record that was noted counts.
    pub(super) fn counts(&self, operation: &Operation, place: Place) -> bool {
        operation.kind != OperationKind::Void
            && self.last.get(&operation.seq_no).is_none_or(|last| *last == place)
    }

    /// How many count.
    pub(super) fn operations(&self) -> u64 {
        self.operations
    }

    /// Those that count.
    pub(super) fn terms(&self) -> &Terms {
        &self.terms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes records of one number each; gives which of them count.
    fn counted(records: &[(u64, u64, OperationKind)]) -> (Vec<usize>, u64) {
        let operation = |(seq_no, term, kind): (u64, u64, OperationKind)| Operation {
            kind,
            seq_no,
            term,
            version: 1,
            uid: String::new(),
            routing: String::new(),
            source: Vec::new(),
        };
        let mut census = Census::default();
        for (at, record) in records.iter().enumerate() {
            census.note(&operation(*record), (1, at as u64));
        }
        let counts = |at: &usize| census.counts(&operation(records[*at]), (1, *at as u64));
        ((0..records.len()).filter(counts).collect(), census.operations())
    }

    #[test]
    fn the_last_record_of_a_number_counts_whatever_its_term() {
        use OperationKind::{Index, Void};
        assert_eq!(counted(&[(0, 1, Index), (1, 1, Index), (0, 2, Index)]), (vec![1, 2], 2));
        assert_eq!(
            counted(&[(0, 2, Index), (0, 1, Index)]),
            (vec![1], 1),
            "a newer primary named the older one"
        );
        assert_eq!(counted(&[(0, 1, Index), (1, 1, Index), (1, 2, Void)]), (vec![0], 1));
        assert_eq!(counted(&[(1, 1, Index), (1, 2, Void), (1, 2, Index)]), (vec![2], 1));
        assert_eq!(
            counted(&[(1, 2, Void), (1, 2, Index)]),
            (vec![1], 1),
            "what was dropped is in no generation any more"
        );
    }
}
