//! Lucene's regular expressions over terms: an expression as a tree, and the automaton that takes the terms which are like it.
//!
//! Terms are matched as a whole. `syntax` reads expressions, `shapes` makes those of wildcards, beginnings and numbers, `steps` makes
//! states of them that may stand at several places at once, `table` those that stand at one, and `automaton` walks over the bytes of terms.

mod automaton;
mod shapes;
mod steps;
mod syntax;
mod table;

pub(crate) use automaton::TermAutomaton;
pub(in crate::query) use shapes::{beginning, exactly, wildcard};
pub(in crate::query) use syntax::{Flags, parse};

/// What making an automaton may cost where nothing is said; Elasticsearch's `max_determinized_states`.
pub(in crate::query) const EFFORT_USUAL: u32 = 10_000;

/// The last letter of Unicode.
const LAST: u32 = 0x0010_FFFF;

/// Letters from the first to the last.
type Letters = (u32, u32);

/// What terms are like.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::query) enum Expression {
    /// No term.
    Nothing,
    /// The term without letters.
    Empty,
    /// One letter of these, in order and apart from one another.
    Letter(Vec<Letters>),
    /// One after the other.
    Sequence(Vec<Expression>),
    /// Any of several.
    Any(Vec<Expression>),
    /// Both of two.
    Both(Box<Expression>, Box<Expression>),
    /// Everything else.
    Not(Box<Expression>),
    /// So often.
    Repeated { of: Box<Expression>, least: u32, most: Option<u32> },
}

impl Expression {
    /// Any letter.
    pub(in crate::query) fn any_letter() -> Self {
        Self::Letter(vec![(0, LAST)])
    }

    /// Any text, the empty one among them.
    pub(in crate::query) fn any_text() -> Self {
        Self::Repeated { of: Box::new(Self::any_letter()), least: 0, most: None }
    }

    /// This one behind a text.
    pub(in crate::query) fn behind(self, text: &str) -> Self {
        Self::Sequence(vec![exactly(text, false), self])
    }

    /// The automaton of it; none where that costs more than `effort`.
    pub(in crate::query) fn automaton(&self, effort: u32) -> Result<TermAutomaton, TooComplex> {
        let mut budget = steps::Budget::new(effort);
        let made = steps::table_of(self, &mut budget);
        made.map(TermAutomaton::new).map_err(|()| TooComplex { states: budget.states(), effort })
    }
}

/// An expression whose automaton costs more than is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Determinizing automaton with {states} states would require more than {effort} effort.")]
pub(in crate::query) struct TooComplex {
    states: usize,
    effort: u32,
}

/// Letters in order, those that touch joined.
fn in_order(mut letters: Vec<Letters>) -> Vec<Letters> {
    letters.sort_unstable();
    let mut joined: Vec<Letters> = Vec::with_capacity(letters.len());
    for (first, last) in letters {
        match joined.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            _ => joined.push((first, last)),
        }
    }
    joined
}

/// All other letters.
fn all_but(letters: &[Letters]) -> Vec<Letters> {
    let mut others = Vec::with_capacity(letters.len() + 1);
    let mut next = 0;
    for (first, last) in letters {
        if *first > next {
            others.push((next, first - 1));
        }
        next = last + 1;
    }
    if next <= LAST {
        others.push((next, LAST));
    }
    others
}
