//! Phrases and spans: where words stand in a text as one thing that is looked for, and which words are of it.

use std::collections::HashMap;

use super::content::Place;
use super::needles::Needle;
use crate::query::{Faults, SpanJoin, Spanned};

/// Words that are looked for by where they stand.
#[derive(Debug)]
pub(super) enum SpanTree {
    /// One word of a field.
    Word {
        field: String,
        needle: Needle,
        /// Whether it is shown; words of other fields are only looked for.
        is_marked: bool,
    },
    /// Several, joined.
    Joined { how: SpanJoin, parts: Vec<SpanTree> },
}

/// Spans with the names that they have as spans of other fields.
#[derive(Debug)]
pub(super) struct Spans {
    pub(super) tree: SpanTree,
    pub(super) masks: Vec<String>,
}

impl Spans {
    /// Whether a word is shown where it stands in one of them.
    pub(super) fn has(&self, term: &str) -> bool {
        self.tree.marks().iter().any(|needle| needle.is_word(term))
    }

    /// Whether all of their fields are meant.
    pub(super) fn is_within(&self, is_meant: &impl Fn(&str) -> bool) -> bool {
        self.masks.iter().all(|mask| is_meant(mask)) && self.tree.is_within(is_meant)
    }
}

impl SpanTree {
    pub(super) fn word(field: &str, needle: Needle) -> Self {
        Self::Word { field: field.to_owned(), needle, is_marked: true }
    }

    pub(super) fn any(mut parts: Vec<Self>) -> Self {
        if parts.len() == 1 { parts.remove(0) } else { Self::Joined { how: SpanJoin::Or, parts } }
    }

    /// The parts whose words are looked for; those that must not be near are none.
    fn sought(&self) -> &[Self] {
        match self {
            Self::Word { .. } => &[],
            Self::Joined { how: SpanJoin::Not { .. }, parts } => &parts[..parts.len().min(1)],
            Self::Joined { parts, .. } => parts,
        }
    }

    fn is_within(&self, is_meant: &impl Fn(&str) -> bool) -> bool {
        match self {
            Self::Word { field, .. } => is_meant(field),
            Self::Joined { parts, .. } => parts.iter().all(|part| part.is_within(is_meant)),
        }
    }

    /// What is shown of it.
    pub(super) fn marks(&self) -> Vec<&Needle> {
        let (mut marks, mut open) = (Vec::new(), vec![self]);
        while let Some(tree) = open.pop() {
            match tree {
                Self::Word { needle, is_marked: true, .. } => marks.push(needle),
                other => open.extend(other.sought()),
            }
        }
        marks
    }

    /// Shows the words of some fields alone.
    pub(super) fn mark_only(&mut self, is_meant: &impl Fn(&str) -> bool) {
        match self {
            Self::Word { field, is_marked, .. } => *is_marked &= is_meant(field),
            Self::Joined { parts, .. } => parts.iter_mut().for_each(|part| part.mark_only(is_meant)),
        }
    }

    /// The words of some fields by themselves, wherever they stand.
    pub(super) fn into_words(self, is_meant: &impl Fn(&str) -> bool, words: &mut Vec<(String, Needle)>) {
        match self {
            Self::Word { field, needle, .. } if is_meant(&field) => words.push((field, needle)),
            Self::Word { .. } => {}
            Self::Joined { how, parts } => {
                let most = if matches!(how, SpanJoin::Not { .. }) { 1 } else { parts.len() };
                parts.into_iter().take(most).for_each(|part| part.into_words(is_meant, words));
            }
        }
    }

    /// Where it stands among words.
    pub(super) fn found(&self, standing: &Standing<'_>) -> Vec<Found> {
        match self {
            Self::Word { needle, is_marked, .. } => standing.found(needle, *is_marked),
            Self::Joined { how, parts } => {
                let found: Vec<Vec<Found>> = parts.iter().map(|part| part.found(standing)).collect();
                let found: Vec<&[Found]> = found.iter().map(Vec::as_slice).collect();
                how.joined(&found, &mut Faults::default().looks())
            }
        }
    }
}

/// A part of a text that was found, with the words that are of it.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) start: i64,
    /// Behind its last word.
    pub(super) end: i64,
    pub(super) words: Vec<Place>,
}

impl Spanned for Found {
    fn start(&self) -> i64 {
        self.start
    }

    fn end(&self) -> i64 {
        self.end
    }

    fn of(parts: &[&Self], start: i64, end: i64, _width: i64) -> Self {
        let words = parts.iter().flat_map(|part| part.words.iter().copied()).collect();
        Self { start, end, words }
    }

    fn beside(&self, other: &Self) -> Self {
        Self { words: [self.words.as_slice(), &other.words].concat(), ..*self }
    }
}

/// Words by where they stand.
pub(super) struct Standing<'c> {
    /// In the order of their positions.
    words: Vec<(i64, Place)>,
    /// Which of them each term is.
    terms: HashMap<&'c str, Vec<usize>>,
}

impl<'c> Standing<'c> {
    pub(super) fn new(mut words: Vec<(i64, Place, &'c str)>) -> Self {
        words.sort_by_key(|(position, place, _)| (*position, *place));
        let mut terms: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, (_, _, term)) in words.iter().enumerate() {
            terms.entry(*term).or_default().push(at);
        }
        Self { words: words.into_iter().map(|(position, place, _)| (position, place)).collect(), terms }
    }

    fn found(&self, needle: &Needle, is_marked: bool) -> Vec<Found> {
        let mut at: Vec<usize> = match needle {
            Needle::Word(word) => self.terms.get(word.as_str()).cloned().unwrap_or_default(),
            other => {
                let like = self.terms.iter().filter(|(term, _)| other.is_word(term));
                like.flat_map(|(_, at)| at.iter().copied()).collect()
            }
        };
        at.sort_unstable();
        let one = |at: usize| {
            let (position, place) = self.words[at];
            let words = if is_marked { vec![place] } else { Vec::new() };
            Found { start: position, end: position + 1, words }
        };
        at.into_iter().map(one).collect()
    }

    /// The words from one place to before another.
    pub(super) fn between(&self, start: i64, end: i64) -> impl Iterator<Item = Place> {
        let from = self.words.partition_point(|(position, _)| *position < start);
        let inside = self.words[from..].iter().take_while(move |(position, _)| *position < end);
        inside.map(|(_, place)| *place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(term: &str) -> SpanTree {
        SpanTree::word("t", Needle::Word(term.to_owned()))
    }

    fn joined(how: SpanJoin, parts: Vec<SpanTree>) -> SpanTree {
        SpanTree::Joined { how, parts }
    }

    fn near(slop: i64, in_order: bool, parts: Vec<SpanTree>) -> SpanTree {
        joined(SpanJoin::Near { slop, in_order, gaps: Vec::new() }, parts)
    }

    /// The places of the words of each span.
    fn places(tree: &SpanTree, text: &str) -> Vec<Vec<usize>> {
        let words = text.split(' ').enumerate();
        let words = words.map(|(at, word)| (at as i64, Place { text: 0, word: at }, word));
        let found = tree.found(&Standing::new(words.collect()));
        found.into_iter().map(|found| found.words.iter().map(|place| place.word).collect()).collect()
    }

    #[test]
    fn spans_know_the_words_that_they_are_made_of() {
        let text = "quick brown fox fox quick";
        assert_eq!(places(&near(1, true, vec![word("quick"), word("fox")]), text), [[0, 2]]);
        assert_eq!(places(&near(0, false, vec![word("quick"), word("fox")]), text), [[4, 3]]);
        assert_eq!(places(&joined(SpanJoin::Or, vec![word("brown"), word("quick")]), text), [[0], [1], [4]]);
        assert_eq!(places(&joined(SpanJoin::First { end: 3 }, vec![word("fox")]), text), [[2]]);
        let big = || near(1, true, vec![word("quick"), word("fox")]);
        assert_eq!(places(&joined(SpanJoin::Containing, vec![big(), word("brown")]), text), [[0, 2, 1]]);
        assert_eq!(places(&joined(SpanJoin::Within, vec![big(), word("brown")]), text), [[1, 0, 2]]);
        let not = joined(SpanJoin::Not { before: 1, after: 0 }, vec![word("fox"), word("brown")]);
        assert_eq!(places(&not, text), [[3]]);
        assert_eq!(not.marks().len(), 1, "what must not be near is not shown");
    }

    #[test]
    fn only_words_of_fields_that_are_meant_are_shown() {
        let other = SpanTree::word("u", Needle::Word("fox".to_owned()));
        let mut tree = near(1, true, vec![word("quick"), other]);
        let is_meant = |field: &str| field == "t";
        assert!(!tree.is_within(&is_meant));
        tree.mark_only(&is_meant);
        assert_eq!(places(&tree, "quick brown fox"), [[0]]);
        let mut words = Vec::new();
        tree.into_words(&is_meant, &mut words);
        assert_eq!(words.len(), 1);
    }
}
