//! The best ways through the candidates of a text's words.

use std::cmp::Ordering;

use super::super::request::PhraseAsked;
use super::candidates::{Candidate, Set, Sets};
use super::likelihood::Likelihood;
use crate::search::{AskStop, SearchError, goes_on};

/// A way through the candidates.
#[derive(Debug, Clone)]
pub(super) struct Correction {
    pub(super) score: f64,
    /// For each word which of its candidates; none for what was typed.
    chosen: Vec<Option<usize>>,
}

impl Set {
    fn word(&self, chosen: Option<usize>) -> &Candidate {
        chosen.and_then(|at| self.others.get(at)).unwrap_or(&self.typed)
    }
}

impl Correction {
    pub(super) fn words<'a>(&'a self, sets: &'a Sets) -> impl Iterator<Item = &'a Candidate> {
        sets.iter().zip(&self.chosen).map(|(set, chosen)| set.word(*chosen))
    }

    /// The better one first, and of two that are as good the one whose words are first in the dictionary.
    fn order(&self, other: &Self, sets: &Sets) -> Ordering {
        let texts = |of: &Self| -> Vec<String> { of.words(sets).map(|word| word.text.clone()).collect() };
        other.score.total_cmp(&self.score).then_with(|| texts(self).cmp(&texts(other)))
    }
}

/// Looks for them.
pub(super) struct Search<'a> {
    pub(super) sets: &'a Sets,
    pub(super) likelihood: &'a Likelihood<'a>,
    /// How many are wanted.
    pub(super) count: usize,
    pub(super) stop: AskStop<'a>,
}

/// What was found so far.
struct Found {
    best: Vec<Correction>,
    cutoff: f64,
}

impl Search<'_> {
    /// The best corrections, and the score that each of them is above.
    pub(super) fn best(&self, settings: &PhraseAsked) -> Result<(Vec<Correction>, f64), SearchError> {
        let typed: Vec<&Candidate> = self.sets.iter().map(|set| &set.typed).collect();
        let mut cutoff = 0.0;
        if settings.confidence > 0.0 {
            let mut score = 0.0;
            for end in 1..=typed.len() {
                score += self.likelihood.of_last(&typed[..end])?;
            }
            cutoff = score.exp() * settings.confidence;
        }
        let errors = match settings.max_errors {
            number if number >= 1.0 => number as usize,
            share => (share * self.sets.len() as f32).round() as usize,
        };
        let mut found = Found { best: Vec::new(), cutoff };
        self.follow(&mut Vec::new(), &mut Vec::new(), errors.max(1), 0.0, &mut found)?;
        Ok((found.best, cutoff))
    }

    /// Every way that goes on from here, with so many words that are others.
    fn follow<'s>(
        &'s self,
        path: &mut Vec<&'s Candidate>,
        chosen: &mut Vec<Option<usize>>,
        errors: usize,
        score: f64,
        found: &mut Found,
    ) -> Result<(), SearchError> {
        let Some(set) = self.sets.get(path.len()) else {
            self.take(chosen, score.exp(), found);
            return Ok(());
        };
        goes_on(self.stop)?;
        let others = if errors > 0 { set.others.len() } else { 0 };
        for choice in std::iter::once(None).chain((0..others).map(Some)) {
            path.push(set.word(choice));
            chosen.push(choice);
            let left = errors - usize::from(choice.is_some());
            let score = score + self.likelihood.of_last(path)?;
            self.follow(path, chosen, left, score, found)?;
            path.pop();
            chosen.pop();
        }
        Ok(())
    }

    fn take(&self, chosen: &[Option<usize>], score: f64, found: &mut Found) {
        let is_worse =
            found.best.len() >= self.count && found.best.last().is_some_and(|worst| worst.score > score);
        if score <= found.cutoff || is_worse {
            return;
        }
        let new = Correction { score, chosen: chosen.to_vec() };
        let at = found.best.partition_point(|known| known.order(&new, self.sets) != Ordering::Greater);
        found.best.insert(at, new);
        found.best.truncate(self.count);
    }
}
