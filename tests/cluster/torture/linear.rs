//! Whether what happened to a register could have happened one operation after another, each at a moment between its request and
//! its answer.
//!
//! The search of Wing and Gong with a memory of what was tried (Lowe): operations are put in an order one by one, each of
//! which began before any that is left was answered. An operation without an outcome may stand anywhere after it
//! began, or nowhere.

use std::collections::HashSet;

use super::history::{Action, Operation};

/// Orders tried before it is given up: a history of one run takes thousands.
const ORDERS_MAX: usize = 3_000_000;

/// Why a history has no order.
#[derive(Debug, PartialEq)]
pub(crate) enum Fault {
    /// No order explains it. With the operation that could not be put behind any of the orders that got furthest.
    Impossible(Operation),
    /// It is too tangled to be decided.
    Undecided,
}

/// Where a search is: what has an order already, and the value after it.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Place {
    /// All operations with an outcome before this one are in the order.
    prefix: usize,
    /// Those beyond that are.
    beyond: Vec<usize>,
    /// Those without an outcome that are.
    open: Vec<usize>,
    value: Option<u64>,
}

/// The operations of a register, in the order of their beginning.
struct Register {
    /// Those that were done.
    done: Vec<Operation>,
    /// Those that may have been.
    open: Vec<Operation>,
}

/// Finds an order that explains a history.
pub(crate) fn explain(history: &[Operation]) -> Result<(), Fault> {
    let register = Register::of(history);
    let begin = Place { prefix: 0, beyond: Vec::new(), open: Vec::new(), value: None };
    let (mut tried, mut furthest) = (HashSet::new(), 0);
    let mut stack = vec![begin];
    while let Some(place) = stack.pop() {
        if place.prefix == register.done.len() {
            return Ok(());
        }
        furthest = furthest.max(place.prefix);
        if tried.len() > ORDERS_MAX {
            return Err(Fault::Undecided);
        }
        for next in register.next(&place) {
            if tried.insert(next.clone()) {
                stack.push(next);
            }
        }
    }
    Err(Fault::Impossible(register.done[furthest]))
}

impl Register {
    fn of(history: &[Operation]) -> Self {
        let mut sorted = history.to_vec();
        sorted.sort_by_key(|operation| operation.began);
        let (done, open) = sorted.into_iter().partition(|operation| operation.ended.is_some());
        Self { done, open }
    }

    /// The places after one more operation.
    fn next(&self, place: &Place) -> Vec<Place> {
        let left = || (place.prefix..self.done.len()).filter(|at| !place.beyond.contains(at));
        // Whatever comes next began before the first answer of those that are left.
        let mut answered = u64::MAX;
        for at in left() {
            let operation = self.done[at];
            if operation.began > answered {
                break;
            }
            answered = answered.min(operation.ended.unwrap_or(u64::MAX));
        }
        left()
            .take_while(|at| self.done[*at].began <= answered)
            .filter_map(|at| {
                let action = self.done[at].action;
                let before = match after(action, place.value) {
                    Some(_) => place.clone(),
                    None => self.lead_to(place, needed(action)?, answered)?,
                };
                let value = after(action, before.value)?;
                Some(Place { value, ..self.with(&before, at) })
            })
            .collect()
    }

    /// The place after the operations without an outcome that make the value what the next one finds. An order that has them
    /// anywhere has them right before whoever sees first what they did, for values are written once.
    fn lead_to(&self, place: &Place, value: Option<u64>, answered: u64) -> Option<Place> {
        let is_free = |at: &usize| self.open[*at].began <= answered && !place.open.contains(at);
        let makes = |at: &usize| match self.open[*at].action {
            Action::Write(written) | Action::Swap { to: written, .. } => Some(written) == value,
            Action::Delete => value.is_none(),
            Action::Read(_) => false,
        };
        let at = (0..self.open.len()).find(|at| is_free(at) && makes(at))?;
        let mut next = place.clone();
        next.open.insert(next.open.partition_point(|known| *known < at), at);
        let action = self.open[at].action;
        if after(action, next.value).is_none() {
            // Each step takes one more of them, so this ends.
            next = self.lead_to(&next, needed(action)?, answered)?;
        }
        next.value = after(action, next.value)?;
        Some(next)
    }

    fn with(&self, place: &Place, at: usize) -> Place {
        let mut next = place.clone();
        next.beyond.insert(next.beyond.partition_point(|known| *known < at), at);
        while next.beyond.first() == Some(&next.prefix) {
            next.beyond.remove(0);
            next.prefix += 1;
        }
        next
    }
}

/// The value that an operation finds, if it tells.
fn needed(action: Action) -> Option<Option<u64>> {
    match action {
        Action::Read(found) => Some(found),
        Action::Swap { from, .. } => Some(Some(from)),
        Action::Write(_) | Action::Delete => None,
    }
}

/// The value after an operation, if it fits the one before.
fn after(action: Action, value: Option<u64>) -> Option<Option<u64>> {
    match action {
        Action::Read(found) => (found == value).then_some(value),
        Action::Write(written) => Some(Some(written)),
        Action::Swap { from, to } => (value == Some(from)).then_some(Some(to)),
        Action::Delete => Some(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(began: u64, ended: u64, action: Action) -> Operation {
        Operation { began, ended: Some(ended), action }
    }

    fn open(began: u64, action: Action) -> Operation {
        Operation { began, ended: None, action }
    }

    const NOTHING: Action = Action::Read(None);

    fn read(value: u64) -> Action {
        Action::Read(Some(value))
    }

    #[test]
    fn histories_that_have_an_order_are_explained() {
        let swap = Action::Swap { from: 1, to: 2 };
        for (name, history) in [
            ("nothing", vec![]),
            (
                "one after another",
                vec![
                    operation(0, 1, NOTHING),
                    operation(2, 3, Action::Write(1)),
                    operation(4, 5, read(1)),
                    operation(6, 7, swap),
                    operation(8, 9, read(2)),
                    operation(10, 11, Action::Delete),
                    operation(12, 13, NOTHING),
                ],
            ),
            (
                "a read beside a write sees either",
                vec![operation(0, 10, Action::Write(1)), operation(1, 2, NOTHING), operation(3, 4, read(1))],
            ),
            (
                "writes side by side in the other order",
                vec![
                    operation(0, 10, Action::Write(1)),
                    operation(0, 10, Action::Write(2)),
                    operation(11, 12, read(1)),
                ],
            ),
            (
                "a write without an outcome is seen late",
                vec![
                    operation(0, 1, Action::Write(1)),
                    open(2, Action::Write(2)),
                    operation(3, 4, read(1)),
                    operation(50, 51, read(2)),
                ],
            ),
            (
                "a write without an outcome is never seen",
                vec![open(0, Action::Write(2)), operation(3, 4, NOTHING), operation(5, 6, NOTHING)],
            ),
            (
                "a delete without an outcome",
                vec![
                    operation(0, 1, Action::Write(1)),
                    open(2, Action::Delete),
                    operation(3, 4, read(1)),
                    operation(5, 6, NOTHING),
                ],
            ),
            (
                "a swap without an outcome that another swap builds on",
                vec![
                    operation(0, 1, Action::Write(1)),
                    open(2, swap),
                    operation(3, 4, Action::Swap { from: 2, to: 3 }),
                    operation(5, 6, read(3)),
                ],
            ),
        ] {
            assert_eq!(explain(&history), Ok(()), "{name}");
        }
    }

    #[test]
    fn histories_without_an_order_are_not() {
        let swap = |to| Action::Swap { from: 1, to };
        for (name, at, history) in [
            (
                "a stale read",
                2,
                vec![
                    operation(0, 1, Action::Write(1)),
                    operation(2, 3, Action::Write(2)),
                    operation(4, 5, read(1)),
                ],
            ),
            (
                "an acknowledged write that is lost",
                1,
                vec![operation(0, 1, Action::Write(1)), operation(2, 3, NOTHING)],
            ),
            ("a value that nobody wrote", 0, vec![operation(0, 1, read(7))]),
            ("a value from the future", 0, vec![operation(0, 1, read(7)), operation(2, 3, Action::Write(7))]),
            (
                "two swaps of one version",
                2,
                vec![operation(0, 1, Action::Write(1)), operation(2, 9, swap(2)), operation(2, 9, swap(3))],
            ),
            (
                "a deleted value that returns",
                2,
                vec![
                    operation(0, 1, Action::Write(1)),
                    operation(2, 3, Action::Delete),
                    operation(4, 5, read(1)),
                ],
            ),
            (
                "reads that go back",
                3,
                vec![
                    operation(0, 1, Action::Write(1)),
                    operation(2, 20, Action::Write(2)),
                    operation(3, 4, read(2)),
                    operation(5, 6, read(1)),
                ],
            ),
            (
                "a write without an outcome is seen, then is not",
                3,
                vec![
                    operation(0, 1, Action::Write(1)),
                    open(2, Action::Write(2)),
                    operation(3, 4, read(2)),
                    operation(5, 6, read(1)),
                ],
            ),
        ] {
            let mut sorted = history.clone();
            sorted.retain(|operation| operation.ended.is_some());
            sorted.sort_by_key(|operation| operation.began);
            let fault = explain(&history).expect_err(name);
            let Fault::Impossible(found) = fault else { panic!("{name}: {fault:?}") };
            assert!(sorted[..=at.min(sorted.len() - 1)].contains(&found), "{name}: {found:?}");
        }
    }

    /// A register that is simulated has an order; one answer of it changed has none.
    #[test]
    fn a_long_history_of_a_real_register_is_explained_and_a_wrong_read_in_it_is_found() {
        use rand::rngs::StdRng;
        use rand::{RngExt, SeedableRng};
        for seed in 0..10 {
            let mut random = StdRng::seed_from_u64(seed);
            let (mut value, mut history, mut written) = (None, Vec::new(), 0);
            for moment in (100..20_000).step_by(20) {
                // The moment lies anywhere between the request and the answer, which overlap those of others.
                let (began, ended) =
                    (moment - random.random_range(0..50), moment + random.random_range(0..50));
                written += 1;
                let action = match (random.random_range(0..10), value) {
                    (0..4, _) => Action::Read(value),
                    (4..8, None) | (4..6, _) => Action::Write(written),
                    (6..8, Some(from)) => Action::Swap { from, to: written },
                    _ => Action::Delete,
                };
                value = after(action, value).expect("fits");
                let is_open = random.random_ratio(1, 40) && !matches!(action, Action::Read(_));
                history.push(Operation { began, ended: (!is_open).then_some(ended), action });
            }
            assert_eq!(explain(&history), Ok(()), "seed {seed}");

            let is_read = |at: &usize| matches!(history[*at].action, Action::Read(_));
            let reads: Vec<usize> = (0..history.len()).filter(is_read).collect();
            let wrong = reads[random.random_range(0..reads.len())];
            history[wrong].action = Action::Read(Some(u64::MAX));
            assert!(matches!(explain(&history), Err(Fault::Impossible(_))), "seed {seed}");
        }
    }
}
