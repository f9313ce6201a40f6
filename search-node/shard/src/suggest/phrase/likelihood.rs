//! How likely a word follows those before it, by how often they stand together.

use super::super::request::{PhraseAsked, Smoothing};
use super::super::vocabulary::Vocabulary;
use super::candidates::Candidate;
use crate::search::SearchError;

/// Keeps a count that may be 0 from being divided by.
const NEARLY_NOTHING: f64 = 0.000_000_000_01;

/// What tells it.
pub(super) struct Likelihood<'a> {
    words: &'a Vocabulary<'a>,
    smoothing: Smoothing,
    separator: &'a str,
    gram_size: usize,
    real_word: f64,
    /// How many words there are, and how many different ones.
    all: f64,
    different: f64,
}

impl<'a> Likelihood<'a> {
    pub(super) fn new(words: &'a Vocabulary<'a>, settings: &'a PhraseAsked, gram_size: usize) -> Self {
        Self {
            words,
            smoothing: settings.smoothing,
            separator: &settings.separator,
            gram_size,
            real_word: settings.real_word_error_likelihood,
            all: words.words as f64,
            different: words.different() as f64,
        }
    }

    /// The logarithm of how likely the last word of a path is where it stands, and was typed as it was.
    pub(super) fn of_last(&self, path: &[&Candidate]) -> Result<f64, SearchError> {
        let [before @ .., word] = path else { return Ok(0.0) };
        let channel = if word.likeness == 1.0 { self.real_word } else { word.likeness };
        let likely = match (before, self.gram_size) {
            ([], _) | (_, 1) => self.alone(word)?,
            ([.., last], 2) | ([last], _) => self.behind(word, last)?,
            ([.., first, last], _) => self.behind_two(word, last, first)?,
        };
        Ok((channel * likely).log10())
    }

    fn alone(&self, word: &Candidate) -> Result<f64, SearchError> {
        let count = self.count(&[word])?;
        Ok(match self.smoothing {
            Smoothing::Laplace { alpha } => (alpha + count) / (self.all + alpha * self.different),
            _ => (1.0 + count) / (self.all + self.different),
        })
    }

    fn behind(&self, word: &Candidate, last: &Candidate) -> Result<f64, SearchError> {
        let count = self.count(&[last, word])?;
        let of_last = last.frequency.total as f64;
        Ok(match self.smoothing {
            Smoothing::StupidBackoff { discount } if count < 1.0 => discount * self.alone(word)?,
            Smoothing::StupidBackoff { .. } => count / (of_last + NEARLY_NOTHING),
            Smoothing::Laplace { alpha } => (alpha + count) / (of_last + alpha * self.different),
            Smoothing::LinearInterpolation { unigram, .. } if count < 1.0 => {
                unigram / self.lambdas() * self.alone(word)?
            }
            Smoothing::LinearInterpolation { bigram, unigram, .. } => {
                let sum = self.lambdas();
                bigram / sum * (count / (0.5 + of_last)) + unigram / sum * self.alone(word)?
            }
        })
    }

    fn behind_two(&self, word: &Candidate, last: &Candidate, first: &Candidate) -> Result<f64, SearchError> {
        match self.smoothing {
            Smoothing::StupidBackoff { discount } => {
                let two = self.count(&[last, word])?;
                if two < 1.0 {
                    return Ok(discount * self.alone(word)?);
                }
                let three = self.count(&[first, last, word])?;
                if three < 1.0 {
                    return Ok(discount * (two / (last.frequency.total as f64 + NEARLY_NOTHING)));
                }
                Ok(three / (two + NEARLY_NOTHING))
            }
            Smoothing::Laplace { alpha } => {
                let three = self.count(&[first, last, word])?;
                Ok((alpha + three) / (self.count(&[last, word])? + alpha * self.different))
            }
            Smoothing::LinearInterpolation { trigram, .. } => {
                // The words stand the other way round here, in Elasticsearch too.
                let three = self.count(&[word, last, first])?;
                let of_two = self.behind(word, last)?;
                if three < 1.0 {
                    return Ok(of_two);
                }
                let two = self.count(&[word, last])?;
                Ok(trigram / self.lambdas() * (three / (1.0 + two)) + of_two)
            }
        }
    }

    fn lambdas(&self) -> f64 {
        match self.smoothing {
            Smoothing::LinearInterpolation { trigram, bigram, unigram } => unigram + bigram + trigram,
            _ => 1.0,
        }
    }

    /// How often words stand together.
    fn count(&self, words: &[&Candidate]) -> Result<f64, SearchError> {
        if let [word] = words {
            return Ok(self.words.frequency(&word.text)?.total as f64);
        }
        let mut text = String::new();
        for (at, word) in words.iter().enumerate() {
            if at > 0 {
                text.push_str(self.separator);
            }
            text.push_str(&word.text);
        }
        Ok(self.words.frequency(&text)?.total as f64)
    }
}
