//! The ways through a text, word by word, each with its costs.

use super::dictionary::{Dictionary, Entry};

/// A word that ends at a place, on the cheapest way to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) cost: i32,
    /// The place where what stands before it ends: before the spaces in front of the word.
    pub(super) from: usize,
    /// Which step to that place the way takes.
    pub(super) before: usize,
    /// The place where the word begins.
    pub(super) start: usize,
    pub(super) word: Entry,
}

/// The words that end at each place since the last one that all ways share.
#[derive(Debug)]
pub(super) struct Lattice {
    places: Vec<Vec<Step>>,
    /// The first place.
    base: usize,
    /// The last place that a word ends at.
    pub(super) furthest: usize,
    /// The words that begin at each place with where they end, while a part is looked at again.
    onward: Vec<Vec<(usize, Entry)>>,
}

/// The cheapest of some steps, with what a cost on top of theirs makes of it.
pub(super) fn cheapest(steps: &[Step], on_top: impl Fn(&Step) -> i32) -> Option<(usize, i32)> {
    let mut found: Option<(usize, i32)> = None;
    for (at, step) in steps.iter().enumerate() {
        let cost = step.cost.saturating_add(on_top(step));
        if found.is_none_or(|(_, least)| cost < least) {
            found = Some((at, cost));
        }
    }
    found
}

impl Lattice {
    pub(super) fn new() -> Self {
        let begin = Step { cost: 0, from: 0, before: 0, start: 0, word: Entry::EDGE };
        Self { places: vec![vec![begin]], base: 0, furthest: 0, onward: Vec::new() }
    }

    pub(super) fn base(&self) -> usize {
        self.base
    }

    pub(super) fn steps(&self, at: usize) -> &[Step] {
        self.places.get(at - self.base).map_or(&[], Vec::as_slice)
    }

    pub(super) fn push(&mut self, at: usize, step: Step) {
        let place = at - self.base;
        while self.places.len() <= place {
            self.places.push(Vec::new());
        }
        self.places[place].push(step);
        self.furthest = self.furthest.max(at);
    }

    /// Adds a word behind the cheapest way to a place.
    pub(super) fn add(
        &mut self,
        dictionary: &Dictionary,
        from: usize,
        start: usize,
        end: usize,
        word: Entry,
        extra: i32,
    ) {
        let costs = dictionary.connections(word.left);
        let connection = |step: &Step| i32::from(costs[usize::from(step.word.right)]);
        if let Some((before, least)) = cheapest(self.steps(from), connection) {
            let cost = least.saturating_add(word.cost).saturating_add(extra);
            self.push(end, Step { cost, from, before, start, word });
        }
    }

    /// The cheapest step from a place on, where ways must be cut short: with its place.
    pub(super) fn cheapest_from(&self, at: usize) -> Option<(usize, usize)> {
        let mut found = None;
        let mut least = i32::MAX;
        for place in at..=self.furthest {
            for (index, step) in self.steps(place).iter().enumerate() {
                if step.cost < least {
                    least = step.cost;
                    found = Some((place, index));
                }
            }
        }
        found
    }

    /// Forgets all ways but that of one step from a place on.
    pub(super) fn keep_only(&mut self, from: usize, at: usize, step: usize) {
        let kept = self.steps(at).get(step).copied();
        for place in from..=self.furthest {
            if let Some(steps) = self.places.get_mut(place - self.base) {
                steps.clear();
            }
        }
        if let Some(kept) = kept {
            self.push(at, kept);
        }
    }

    /// Goes on from a place: what lies before is forgotten, and costs count from there, so that they stay small.
    pub(super) fn go_on(&mut self, at: usize) {
        let place = at - self.base;
        if place > 0 {
            self.places.swap(0, place);
            self.places.iter_mut().skip(1).for_each(Vec::clear);
        }
        if let Some(first) = self.places[0].first_mut() {
            first.cost = 0;
        }
        self.base = at;
        self.furthest = at;
    }

    /// All ways to the first place cost the same from now on.
    pub(super) fn forget_costs(&mut self) {
        self.places[0].iter_mut().for_each(|step| step.cost = 0);
    }

    /// All places are less by so many letters.
    pub(super) fn shift(&mut self, letters: usize) {
        self.base -= letters;
        self.furthest -= letters;
    }

    /// Looks again for the words between two places, of those that lie wholly there, when each costs something on top. The way to the
    /// first place is known.
    pub(super) fn look_again(
        &mut self,
        dictionary: &Dictionary,
        (from, end): (usize, usize),
        before: usize,
        penalty: impl Fn(usize, usize) -> i32,
    ) {
        self.onward.iter_mut().for_each(Vec::clear);
        self.onward.resize_with(self.onward.len().max(end - from), Vec::new);
        for at in (from + 1..=end).rev() {
            for step in std::mem::take(&mut self.places[at - self.base]) {
                if step.from >= from {
                    self.onward[step.from - from].push((at, step.word));
                }
            }
        }
        for at in from..end {
            if at != from && self.steps(at).is_empty() {
                continue;
            }
            for (to, word) in std::mem::take(&mut self.onward[at - from]) {
                if at == from {
                    let first = self.steps(from)[before];
                    let connection =
                        i32::from(dictionary.connections(word.left)[usize::from(first.word.right)]);
                    let cost = first
                        .cost
                        .saturating_add(word.cost)
                        .saturating_add(connection)
                        .saturating_add(penalty(at, to));
                    self.push(to, Step { cost, from: at, before, start: at, word });
                } else {
                    let penalty = if word.is_of_user() { 0 } else { penalty(at, to) };
                    self.add(dictionary, at, at, to, word, penalty);
                }
            }
        }
    }
}
