//! The words that one may have been meant to be, as Lucene's `DirectSpellChecker` finds them in a dictionary.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::distances::StringDistance;
use super::near::Near;
use super::request::{Order, Spelling, SuggestMode};
use super::vocabulary::Vocabulary;
use crate::query::edits::edits_between;
use crate::search::SearchError;

/// A word that may have been meant.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Meant {
    pub(super) word: String,
    /// How alike it is.
    pub(super) score: f32,
    /// In how many documents it is.
    pub(super) documents: u64,
    /// By how many edits it is alike.
    likeness: f32,
}

impl Spelling {
    /// The best of the words that `word` may be meant to be. Words in no more than `threshold` documents are none; one below 1 is
    /// a share of all documents.
    pub(super) fn meant_by(
        &self,
        word: &str,
        count: usize,
        threshold: f32,
        vocabulary: &Vocabulary<'_>,
    ) -> Result<Vec<Meant>, SearchError> {
        if word.chars().count() < self.min_word_length {
            return Ok(Vec::new());
        }
        let own = vocabulary.documents_with(word)?;
        if self.mode == SuggestMode::Missing && own > 0 {
            return Ok(Vec::new());
        }
        let documents = vocabulary.documents as f32;
        let too_many = match self.max_term_freq {
            most if most >= 1.0 => own as f32 > most,
            share => own as f32 > (share * documents).ceil(),
        };
        if too_many {
            return Ok(Vec::new());
        }
        let beaten = if self.mode == SuggestMode::Popular { own as i64 } else { 0 };
        let beaten = match threshold {
            least if least >= 1.0 => beaten.max(least as i64),
            share if share > 0.0 => beaten.max((share * documents) as i64 - 1),
            _ => beaten,
        };
        let inspected = count.saturating_mul(self.max_inspections);
        let mut meant = self.within(word, 1, inspected, beaten, vocabulary)?;
        if self.max_edits > 1 && meant.len() < inspected {
            let more = self.within(word, self.max_edits, inspected, beaten, vocabulary)?;
            let known: HashSet<String> = meant.iter().map(|meant| meant.word.clone()).collect();
            meant.extend(more.into_iter().filter(|meant| !known.contains(&meant.word)));
        }
        meant.sort_by(|one, other| self.order(one, other));
        meant.truncate(count);
        Ok(meant)
    }

    /// So many of the most alike words within so many edits, of those that are as alike the first in the dictionary.
    fn within(
        &self,
        word: &str,
        edits: u8,
        most: usize,
        beaten: i64,
        vocabulary: &Vocabulary<'_>,
    ) -> Result<Vec<Meant>, SearchError> {
        let same = self.prefix_length.max(usize::from(edits) - 1);
        let near = vocabulary.near(&Near::new(word, same, edits, true, true))?;
        let letters: Vec<u32> = word.chars().map(u32::from).collect();
        let mut meant = Vec::new();
        for (found, documents) in near {
            if found == word || i64::try_from(documents).unwrap_or(i64::MAX) <= beaten {
                continue;
            }
            let others: Vec<u32> = found.chars().map(u32::from).collect();
            let from = same.min(letters.len());
            let edits = edits_between(&letters[from..], &others[from..], true);
            let likeness = match edits {
                0 => 1.0,
                _ => 1.0 - edits as f32 / letters.len().min(others.len()) as f32,
            };
            let score = match self.distance {
                StringDistance::Internal => likeness,
                distance => distance.of(word, &found).unwrap_or(likeness),
            };
            if score < self.accuracy {
                continue;
            }
            meant.push(Meant { word: found, score, documents, likeness });
        }
        // They came in the order of the dictionary, which stays among equals.
        meant.sort_by(|one, other| other.likeness.total_cmp(&one.likeness));
        meant.truncate(most);
        Ok(meant)
    }

    /// The better one first.
    fn order(&self, one: &Meant, other: &Meant) -> Ordering {
        let by_score = || other.score.total_cmp(&one.score);
        let by_documents = || other.documents.cmp(&one.documents);
        let better = match self.order {
            Order::Score => by_score().then_with(by_documents),
            Order::Frequency => by_documents().then_with(by_score),
        };
        better.then_with(|| one.word.cmp(&other.word))
    }
}
