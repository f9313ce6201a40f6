//! States that may stand at several places at once (an NFA), and how they become a table of states that stand at one.

use std::collections::HashMap;

use super::table::{Row, Table, Target};
use super::{Expression, LAST, Letters};

/// What one expression may cost. Lucene counts the states that each step stands at; beside that the steps themselves are counted, which bounds the
/// time that is spent, and the states that are made, which bounds the memory.
pub(super) struct Budget {
    effort: u64,
    work: u64,
    states: usize,
}

/// States of one expression: some ten megabytes.
const STATES_MAX: usize = 100_000;
/// Steps for each of the effort that is allowed.
const WORK_PER_EFFORT: u64 = 60;

impl Budget {
    pub(super) fn new(effort: u32) -> Self {
        // A thousand more than is allowed, so that what is small is never refused.
        let effort = u64::from(effort);
        Self { effort: effort * 10, work: (effort.min(100_000) + 1000) * WORK_PER_EFFORT, states: 0 }
    }

    /// How many states were made.
    pub(super) fn states(&self) -> usize {
        self.states
    }

    pub(super) fn work(&mut self, steps: usize) -> Result<(), ()> {
        self.work = self.work.checked_sub(steps as u64).ok_or(())?;
        Ok(())
    }

    fn effort(&mut self, states: usize) -> Result<(), ()> {
        self.effort = self.effort.checked_sub(states as u64).ok_or(())?;
        Ok(())
    }

    fn state(&mut self) -> Result<(), ()> {
        self.states += 1;
        if self.states > STATES_MAX { Err(()) } else { Ok(()) }
    }
}

/// The table of an expression.
pub(super) fn table_of(expression: &Expression, budget: &mut Budget) -> Result<Table, ()> {
    match expression {
        Expression::Both(one, other) => {
            let (one, other) = (table_of(one, budget)?, table_of(other, budget)?);
            one.both(&other, budget)
        }
        Expression::Not(of) => table_of(of, budget)?.opposite(budget),
        _ => {
            let mut steps = Steps { states: Vec::new(), budget };
            let (start, end) = (steps.state()?, steps.state()?);
            steps.lay(expression, start, end)?;
            Subsets::new(steps).table(start, end)
        }
    }
}

#[derive(Default)]
struct State {
    /// Where letters lead.
    letters: Vec<Target>,
    /// Where no letter leads.
    empty: Vec<u32>,
}

struct Steps<'b> {
    states: Vec<State>,
    budget: &'b mut Budget,
}

impl Steps<'_> {
    fn state(&mut self) -> Result<u32, ()> {
        self.budget.state()?;
        self.states.push(State::default());
        Ok(self.states.len() as u32 - 1)
    }

    fn join(&mut self, from: u32, to: u32) {
        self.states[from as usize].empty.push(to);
    }

    fn step(&mut self, from: u32, letters: &[Letters], to: u32) {
        let targets = letters.iter().map(|(first, last)| Target { first: *first, last: *last, to });
        self.states[from as usize].letters.extend(targets);
    }

    /// Ways from one state to another along an expression.
    fn lay(&mut self, expression: &Expression, from: u32, to: u32) -> Result<(), ()> {
        match expression {
            Expression::Nothing => {}
            Expression::Empty => self.join(from, to),
            Expression::Letter(letters) => {
                self.budget.work(letters.len())?;
                self.step(from, letters, to);
            }
            Expression::Sequence(parts) => {
                let mut at = from;
                for part in parts {
                    let next = self.state()?;
                    self.lay(part, at, next)?;
                    at = next;
                }
                self.join(at, to);
            }
            Expression::Any(ways) => {
                for way in ways {
                    // Of its own, as a way may come back to where it begins.
                    let begin = self.state()?;
                    self.join(from, begin);
                    self.lay(way, begin, to)?;
                }
            }
            Expression::Repeated { of, least, most } => self.lay_repeated(of, (*least, *most), from, to)?,
            Expression::Both(..) | Expression::Not(_) => {
                let table = table_of(expression, self.budget)?;
                self.lay_table(&table, from, to)?;
            }
        }
        Ok(())
    }

    fn lay_repeated(
        &mut self,
        of: &Expression,
        (least, most): (u32, Option<u32>),
        from: u32,
        to: u32,
    ) -> Result<(), ()> {
        let mut at = from;
        for _ in 0..least {
            let next = self.state()?;
            self.lay(of, at, next)?;
            at = next;
        }
        let Some(most) = most else {
            let again = self.state()?;
            self.join(at, again);
            let behind = self.state()?;
            self.lay(of, again, behind)?;
            self.join(behind, again);
            self.join(again, to);
            return Ok(());
        };
        for _ in least..most {
            let begin = self.state()?;
            self.join(at, begin);
            self.join(at, to);
            at = self.state()?;
            self.lay(of, begin, at)?;
        }
        self.join(at, to);
        Ok(())
    }

    fn lay_table(&mut self, table: &Table, from: u32, to: u32) -> Result<(), ()> {
        let base = self.states.len() as u32;
        for row in &table.rows {
            let state = self.state()?;
            self.budget.work(row.targets.len())?;
            let moved = |target: &Target| Target { to: target.to + base, ..*target };
            self.states[state as usize].letters = row.targets.iter().map(moved).collect();
            if row.is_match {
                self.join(state, to);
            }
        }
        if !table.rows.is_empty() {
            self.join(from, base);
        }
        Ok(())
    }
}

/// Sets of states, each of which becomes one row.
struct Subsets<'b> {
    steps: Steps<'b>,
    /// When each state was last met.
    met: Vec<u32>,
    round: u32,
    /// By the states that a letter leads to, and by all that these stand for.
    by_targets: HashMap<Vec<u32>, u32>,
    by_members: HashMap<Vec<u32>, u32>,
    sets: Vec<Vec<u32>>,
}

impl<'b> Subsets<'b> {
    fn new(steps: Steps<'b>) -> Self {
        let met = vec![0; steps.states.len()];
        let (by_targets, by_members) = (HashMap::new(), HashMap::new());
        Self { steps, met, round: 0, by_targets, by_members, sets: Vec::new() }
    }

    fn table(mut self, start: u32, end: u32) -> Result<Table, ()> {
        self.set_of(vec![start], end)?;
        let mut rows = Vec::new();
        while let Some(members) = self.sets.get(rows.len()).cloned() {
            // What stands at one place needs no effort.
            if members.len() > 1 {
                self.steps.budget.effort(members.len())?;
            }
            let is_match = members.binary_search(&end).is_ok();
            let targets = self.targets(&members, end)?;
            rows.push(Row { is_match, targets });
        }
        Ok(Table { rows })
    }

    /// The number of the set that some states stand for.
    fn set_of(&mut self, mut targets: Vec<u32>, end: u32) -> Result<u32, ()> {
        targets.sort_unstable();
        targets.dedup();
        self.steps.budget.work(targets.len() + 1)?;
        if let Some(known) = self.by_targets.get(&targets) {
            return Ok(*known);
        }
        self.round += 1;
        let mut members = Vec::new();
        let mut open = targets.clone();
        while let Some(state) = open.pop() {
            if std::mem::replace(&mut self.met[state as usize], self.round) == self.round {
                continue;
            }
            let State { letters, empty } = &self.steps.states[state as usize];
            if !letters.is_empty() || state == end {
                members.push(state);
            }
            self.steps.budget.work(empty.len() + 1)?;
            open.extend(empty);
        }
        members.sort_unstable();
        let next = self.sets.len() as u32;
        let number = *self.by_members.entry(members).or_insert_with_key(|members| {
            self.sets.push(members.clone());
            next
        });
        self.by_targets.insert(targets, number);
        Ok(number)
    }

    /// Where letters lead from a set: between any two bounds of letters the same states are reached.
    fn targets(&mut self, members: &[u32], end: u32) -> Result<Vec<Target>, ()> {
        let mut all: Vec<Target> = Vec::new();
        for state in members {
            all.extend(&self.steps.states[*state as usize].letters);
        }
        self.steps.budget.work(all.len())?;
        let mut bounds: Vec<u32> = all.iter().flat_map(|target| [target.first, target.last + 1]).collect();
        bounds.sort_unstable();
        bounds.dedup();
        all.sort_unstable_by_key(|target| target.first);
        let mut waiting = all.into_iter().peekable();
        let mut here: Vec<Target> = Vec::new();
        let mut made: Vec<Target> = Vec::new();
        for first in bounds {
            here.retain(|target| target.last >= first);
            while let Some(target) = waiting.next_if(|target| target.first <= first) {
                here.push(target);
            }
            if here.is_empty() || first > LAST {
                continue;
            }
            let ends = here.iter().map(|target| target.last).min();
            let begins = waiting.peek().map(|target| target.first - 1);
            let last = ends.into_iter().chain(begins).min().unwrap_or(first);
            let to = self.set_of(here.iter().map(|target| target.to).collect(), end)?;
            match made.last_mut() {
                Some(before) if before.to == to && before.last + 1 == first => before.last = last,
                _ => made.push(Target { first, last, to }),
            }
        }
        Ok(made)
    }
}
