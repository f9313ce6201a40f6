//! What a word or a phrase counts by how often it is in a text, and how long that is.

use std::sync::Arc;

use tantivy::Score;
use tantivy::fieldnorm::FieldNormReader;
use tantivy::query::Explanation;

use super::bm25::Bm25;
use super::explained::{made_of, often as shown};
use crate::query::models::{Counts, Model};

/// A similarity with the numbers of the terms that are looked for.
#[derive(Debug, Clone)]
pub(in crate::query) enum Counting {
    /// All terms of a phrase together.
    Bm25(Bm25),
    /// The words of a phrase count each, as often as it is there.
    Modelled { model: Model, counts: Arc<[Counts]>, boost: Score },
}

impl Counting {
    /// The same with every score multiplied.
    pub(in crate::query) fn boosted(&self, by: Score) -> Self {
        match self {
            Self::Bm25(bm25) => Self::Bm25(bm25.boosted(by)),
            Self::Modelled { model, counts, boost } => {
                Self::Modelled { model: *model, counts: Arc::clone(counts), boost: boost * by }
            }
        }
    }

    /// What a score is made of, of a term or of a phrase.
    pub(in crate::query) fn explain(&self, length_code: u8, often: Score, is_phrase: bool) -> Explanation {
        match self {
            Self::Bm25(bm25) => bm25.explain(length_code, often, is_phrase),
            Self::Modelled { boost, .. } => {
                let length = FieldNormReader::id_to_fieldnorm(length_code) as Score;
                made_of(
                    format!("score(freq={}), computed by the similarity of the field from:", shown(often)),
                    self.score(length_code, often),
                    [
                        made_of("boost", *boost, []),
                        made_of("freq, occurrences of term within document", often, []),
                        made_of("dl, length of field", length, []),
                    ],
                )
            }
        }
    }

    pub(in crate::query) fn score(&self, length_code: u8, often: Score) -> Score {
        match self {
            Self::Bm25(bm25) => bm25.score(length_code, often),
            Self::Modelled { model, counts, boost } => {
                let length = f64::from(FieldNormReader::id_to_fieldnorm(length_code));
                let each = counts.iter().map(|counts| model.score(*counts, often.into(), length));
                each.sum::<f64>() as Score * boost
            }
        }
    }
}
