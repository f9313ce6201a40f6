//! The words that each word of a text may have been meant to be.

use std::cmp::Ordering;
use std::sync::Arc;

use super::super::request::{Generator, PhraseAsked, SuggestMode};
use super::super::vocabulary::{Frequency, Vocabulary};
use super::super::{named_analyzer, tokens_of};
use crate::analysis::{Analyzer, SYNONYM, Token};
use crate::engine::View;
use crate::query::QueryError;
use crate::search::{AskStop, SearchError};

/// What Lucene calls the type of words that stand together.
const SHINGLE: &str = "shingle";
/// The base of the logarithm by which words that many documents have need more of those that others have.
const LOG_BASE: f64 = 5.0;

/// A word that may be meant.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) text: String,
    /// How often it is there.
    pub(super) frequency: Frequency,
    /// How alike it is to the word that was typed.
    pub(super) likeness: f64,
    score: f64,
    /// Whether it was typed.
    pub(super) is_typed: bool,
}

impl Candidate {
    /// The better one first, and of two that are as good the one that is first in the dictionary.
    fn order(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then_with(|| self.text.cmp(&other.text))
    }
}

/// A word that was typed, and those that it may have been meant to be.
#[derive(Debug)]
pub(super) struct Set {
    pub(super) typed: Candidate,
    pub(super) others: Vec<Candidate>,
}

/// The words of a text.
pub(super) type Sets = Vec<Set>;

/// Where candidates come from.
pub(super) struct Candidates<'a> {
    sources: Vec<Source<'a>>,
}

/// One of the fields that they come from.
struct Source<'a> {
    generator: Generator,
    vocabulary: Vocabulary<'a>,
    pre_filter: Option<Arc<Analyzer>>,
    post_filter: Option<Arc<Analyzer>>,
    likelihood: f64,
    /// Words in so many documents count as rare as those in none.
    plateau: i64,
}

impl<'a> Candidates<'a> {
    pub(super) fn open(
        view: &'a View,
        generators: &[Generator],
        settings: &PhraseAsked,
        stop: AskStop<'a>,
    ) -> Result<Self, SearchError> {
        let mut sources = Vec::new();
        for generator in generators {
            let filter =
                |name: &Option<String>| name.as_deref().map(|name| named_analyzer(view, name)).transpose();
            let (pre_filter, post_filter) = (filter(&generator.pre_filter)?, filter(&generator.post_filter)?);
            let Some(vocabulary) = Vocabulary::open(view, &generator.field, stop)? else { continue };
            let least = generator.spelling.min_doc_freq;
            let plateau =
                if least >= 1.0 { least as i64 } else { (vocabulary.documents as f32 * least) as i64 };
            sources.push(Source {
                generator: generator.clone(),
                vocabulary,
                pre_filter,
                post_filter,
                likelihood: settings.real_word_error_likelihood,
                plateau,
            });
        }
        Ok(Self { sources })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// The words of a text, each with the best candidates; none where there are no words, or too many.
    pub(super) fn of(
        &self,
        tokens: &[Token],
        settings: &PhraseAsked,
        count: usize,
    ) -> Result<Option<Sets>, SearchError> {
        let Some(first) = self.sources.first() else { return Ok(None) };
        let mut sets = Sets::new();
        let is_shingle = |token: &&Token| settings.force_unigrams && token.kind == SHINGLE;
        for token in tokens.iter().filter(|token| !is_shingle(token)) {
            let frequency = first.frequency(&token.text)?;
            match sets.last_mut() {
                Some(set) if token.increment == 0 && token.kind == SYNONYM => {
                    if frequency.documents > 0 {
                        let likelihood = settings.real_word_error_likelihood;
                        set.others.push(first.candidate(&token.text, frequency, likelihood, false));
                    }
                }
                _ => sets.push(Set {
                    typed: first.candidate(&token.text, frequency, 1.0, true),
                    others: Vec::new(),
                }),
            }
        }
        if sets.is_empty() && !tokens.is_empty() {
            return Err(QueryError {
                kind: "illegal_state_exception",
                reason: "At least one unigram is required but all tokens were ngrams".to_owned(),
            }
            .into());
        }
        if sets.is_empty() || sets.len() >= settings.token_limit {
            return Ok(None);
        }
        for set in &mut sets {
            for source in &self.sources {
                source.draw(set)?;
            }
            set.others.truncate(count);
        }
        Ok(Some(sets))
    }
}

impl Source<'_> {
    /// How often a word is there that was typed.
    fn frequency(&self, text: &str) -> Result<Frequency, SearchError> {
        self.vocabulary.frequency(&self.filtered(text))
    }

    fn filtered(&self, text: &str) -> String {
        let last = self.pre_filter.as_ref().and_then(|filter| tokens_of(filter, text).pop());
        last.map_or_else(|| text.to_owned(), |token| token.text)
    }

    fn candidate(&self, text: &str, frequency: Frequency, likeness: f64, is_typed: bool) -> Candidate {
        let share = (frequency.total as f64 + 1.0) / (self.vocabulary.words as f64 + 1.0);
        Candidate { text: text.to_owned(), frequency, likeness, score: likeness * share, is_typed }
    }

    /// Adds what it has for a word.
    fn draw(&self, set: &mut Set) -> Result<(), SearchError> {
        let spelling = &self.generator.spelling;
        let mut threshold = spelling.min_doc_freq;
        if spelling.mode != SuggestMode::Always {
            let least = self.threshold(set.typed.frequency.documents);
            if least == i64::from(i32::MAX) {
                return Ok(());
            }
            threshold = threshold.max(least as f32);
        }
        let word = self.filtered(&set.typed.text);
        let meant = spelling.meant_by(&word, self.generator.size, threshold, &self.vocabulary)?;
        let mut drawn: Vec<Candidate> = Vec::new();
        for meant in meant {
            let frequency = self.vocabulary.frequency(&meant.word)?;
            let found = self.candidate(&meant.word, frequency, f64::from(meant.score), false);
            let Some(filter) = &self.post_filter else {
                add(&mut drawn, found);
                continue;
            };
            for token in tokens_of(filter, &found.text) {
                let is_same = token.increment > 0 && token.text == found.text;
                let likeness = if is_same { found.likeness } else { self.likelihood };
                add(&mut drawn, Candidate { text: token.text, likeness, ..found.clone() });
            }
        }
        // What is new counts where it is known already.
        for known in std::mem::take(&mut set.others) {
            add(&mut drawn, known);
        }
        drawn.sort_by(Candidate::order);
        set.others = drawn;
        Ok(())
    }

    /// More documents than so many must have a word that a known one may be meant to be.
    fn threshold(&self, documents: u64) -> i64 {
        if documents == 0 {
            return 0;
        }
        let documents = documents as f64;
        let rare = (documents - self.plateau as f64).log10() / LOG_BASE.log10();
        let least = (documents * rare + 1.0).round();
        if least.is_nan() { 0 } else { least.clamp(0.0, f64::from(i32::MAX)) as i64 }
    }
}

/// Adds a word that is not there.
fn add(candidates: &mut Vec<Candidate>, new: Candidate) {
    if candidates.iter().all(|known| known.text != new.text) {
        candidates.push(new);
    }
}
