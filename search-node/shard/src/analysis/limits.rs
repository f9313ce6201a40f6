//! Bounds of what an analyzer may make of a text: settings of the index.

use super::error::{AnalysisError, Result};

/// `index.max_ngram_diff` and `index.max_shingle_diff`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GramLimits {
    /// By how much `max_gram` may be more than `min_gram`.
    pub ngram_diff: usize,
    /// By how much `max_shingle_size` may be more than `min_shingle_size`.
    pub shingle_diff: usize,
}

impl Default for GramLimits {
    fn default() -> Self {
        Self { ngram_diff: 1, shingle_diff: 3 }
    }
}

impl GramLimits {
    pub(crate) fn check_grams(&self, least: usize, most: usize) -> Result<()> {
        let difference = most - least;
        if difference <= self.ngram_diff {
            return Ok(());
        }
        Err(AnalysisError::argument(format!(
            "The difference between max_gram and min_gram in NGram Tokenizer must be less than or equal to: [{}] but was [{difference}]. This limit can be set by changing the [index.max_ngram_diff] index level setting.",
            self.ngram_diff
        )))
    }

    pub(crate) fn check_shingles(&self, least: usize, most: usize, is_unigrams: bool) -> Result<()> {
        let difference = (most + usize::from(is_unigrams)).saturating_sub(least);
        if difference <= self.shingle_diff {
            return Ok(());
        }
        Err(AnalysisError::argument(format!(
            "In Shingle TokenFilter the difference between max_shingle_size and min_shingle_size (and +1 if outputting unigrams) must be less than or equal to: [{}] but was [{difference}]. This limit can be set by changing the [index.max_shingle_diff] index level setting.",
            self.shingle_diff
        )))
    }
}
