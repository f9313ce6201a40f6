//! A table of states, each of which a letter leads to one other from (a DFA).

use std::collections::HashMap;

use super::LAST;
use super::steps::Budget;

/// Letters that lead to a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) to: u32,
}

/// A state.
#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    /// Whether a term may end here.
    pub(super) is_match: bool,
    /// Where letters lead, in order; what is left out leads nowhere.
    pub(super) targets: Vec<Target>,
}

/// States, the first of which is where terms begin.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    pub(super) rows: Vec<Row>,
}

impl Table {
    /// Takes what this one does not take.
    pub(super) fn opposite(mut self, budget: &mut Budget) -> Result<Self, ()> {
        let everything = self.rows.len() as u32;
        for row in &mut self.rows {
            budget.work(row.targets.len() + 1)?;
            row.is_match = !row.is_match;
            let mut filled = Vec::with_capacity(row.targets.len() + 1);
            let mut next = 0;
            for target in &row.targets {
                if target.first > next {
                    filled.push(Target { first: next, last: target.first - 1, to: everything });
                }
                filled.push(*target);
                next = target.last + 1;
            }
            if next <= LAST {
                filled.push(Target { first: next, last: LAST, to: everything });
            }
            row.targets = filled;
        }
        let all = Target { first: 0, last: LAST, to: everything };
        self.rows.push(Row { is_match: true, targets: vec![all] });
        Ok(self)
    }

    /// Takes what both take.
    pub(super) fn both(&self, other: &Self, budget: &mut Budget) -> Result<Self, ()> {
        let mut numbers = HashMap::from([((0, 0), 0)]);
        let mut pairs = vec![(0, 0)];
        let mut rows = Vec::new();
        while let Some((one, two)) = pairs.get(rows.len()).copied() {
            let (one, two): (&Row, &Row) = (&self.rows[one as usize], &other.rows[two as usize]);
            let mut targets = Vec::new();
            let (mut at, mut with) = (0, 0);
            while let (Some(a), Some(b)) = (one.targets.get(at), two.targets.get(with)) {
                budget.work(1)?;
                let (first, last) = (a.first.max(b.first), a.last.min(b.last));
                if first <= last {
                    let next = pairs.len() as u32;
                    let to = *numbers.entry((a.to, b.to)).or_insert_with(|| {
                        pairs.push((a.to, b.to));
                        next
                    });
                    targets.push(Target { first, last, to });
                }
                if a.last < b.last { at += 1 } else { with += 1 }
            }
            budget.work(2)?;
            rows.push(Row { is_match: one.is_match && two.is_match, targets });
        }
        Ok(Self { rows })
    }

    /// The same without what leads to no match.
    pub(super) fn trimmed(mut self) -> Self {
        let mut before: Vec<Vec<u32>> = vec![Vec::new(); self.rows.len()];
        for (from, row) in self.rows.iter().enumerate() {
            for target in &row.targets {
                before[target.to as usize].push(from as u32);
            }
        }
        let mut is_useful = vec![false; self.rows.len()];
        let mut open: Vec<u32> =
            (0..self.rows.len() as u32).filter(|state| self.rows[*state as usize].is_match).collect();
        while let Some(state) = open.pop() {
            if !std::mem::replace(&mut is_useful[state as usize], true) {
                open.extend(&before[state as usize]);
            }
        }
        for row in &mut self.rows {
            row.targets.retain(|target| is_useful[target.to as usize]);
        }
        self
    }
}
