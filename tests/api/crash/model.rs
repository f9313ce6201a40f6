//! What one writer knows of its documents: what was acknowledged, and what a crash has left open.

use std::collections::BTreeSet;

/// The value of a document; none if it is deleted or was never written.
pub(super) type Value = Option<u64>;

/// What a document may hold now.
#[derive(Debug, Clone)]
pub(super) enum Expected {
    /// The last change was acknowledged, or what it came to was seen after a start.
    Known(Value),
    /// The answer never came: it holds one of these.
    OneOf(Vec<Value>),
}

/// The documents of one writer, which nobody else changes.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) writer: usize,
    documents: Vec<Expected>,
    /// Those changed since the last check.
    changed: BTreeSet<usize>,
    /// Changes that were acknowledged since the start.
    pub(super) acknowledged: usize,
}

impl Model {
    pub(super) fn new(writer: usize) -> Self {
        Self { writer, documents: Vec::new(), changed: BTreeSet::new(), acknowledged: 0 }
    }

    pub(super) fn id(&self, number: usize) -> String {
        format!("{}-{number}", self.writer)
    }

    pub(super) fn len(&self) -> usize {
        self.documents.len()
    }

    /// A number that no document had.
    pub(super) fn fresh(&mut self) -> usize {
        self.documents.push(Expected::Known(None));
        self.documents.len() - 1
    }

    /// What is known of a document; between two crashes that is everything.
    pub(super) fn value(&self, number: usize) -> Value {
        match &self.documents[number] {
            Expected::Known(value) => *value,
            Expected::OneOf(values) => panic!("document {number} was changed while {values:?} was open"),
        }
    }

    pub(super) fn acknowledge(&mut self, number: usize, value: Value) {
        self.documents[number] = Expected::Known(value);
        self.changed.insert(number);
        self.acknowledged += 1;
    }

    /// The change may have happened or not.
    pub(super) fn leave_open(&mut self, number: usize, wanted: Value) {
        let before = self.value(number);
        self.documents[number] = Expected::OneOf(vec![before, wanted]);
        self.changed.insert(number);
    }

    /// Those changed since the last call.
    pub(super) fn take_changed(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.changed).into_iter().collect()
    }

    /// Holds what was found against what is expected. What a crash had left open is settled by it: from now on it stays so.
    pub(super) fn settle(&mut self, number: usize, found: Value) -> Verdict {
        let allowed: &[Value] = match &self.documents[number] {
            Expected::Known(value) => &[*value],
            Expected::OneOf(values) => values,
        };
        let verdict = match (allowed.contains(&found), found) {
            (true, _) => Verdict::Right,
            (false, None) => Verdict::Missing,
            (false, Some(_)) if allowed == [None] => Verdict::Returned,
            (false, Some(_)) => Verdict::Stale,
        };
        self.documents[number] = Expected::Known(found);
        verdict
    }

    /// How many documents there are, and the sum of their values; exact once everything open is settled.
    pub(super) fn sums(&self) -> (u64, u64) {
        let live = (0..self.len()).filter_map(|number| self.value(number));
        live.fold((0, 0), |(count, sum), value| (count + 1, sum + value))
    }
}

/// How a document that was found compares to what was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Right,
    Missing,
    /// It was deleted, and the delete acknowledged.
    Returned,
    /// An older or a foreign value.
    Stale,
}
