//! Words and phrases that count by the similarity of their field: BM25 with other numbers than tantivy's, other models, or each one the
//! same.

use std::sync::Arc;

use tantivy::fieldnorm::FieldNormReader;
use tantivy::index::SegmentReader;
use tantivy::postings::Postings;
use tantivy::query::{Bm25StatisticsProvider, EnableScoring, Explanation, Query, Scorer, TermQuery, Weight};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, DocSet, Score, Searcher, TERMINATED, Term};

use super::lower::{Lowering, constant};
use super::models::{Counts, Model};
use super::similarity::Similarity;
use crate::mapping::FieldMapping;

/// A word or a phrase that counts by a similarity.
pub(super) fn weighed(
    similarity: Similarity,
    query: Box<dyn Query>,
    terms: impl FnOnce() -> Vec<Term>,
) -> Box<dyn Query> {
    match similarity {
        Similarity::USUAL => query,
        Similarity::Boolean => constant(query),
        other => Box::new(Weighed { query, terms: terms(), similarity: other }),
    }
}

impl Lowering<'_> {
    /// How the words of a field count.
    pub(super) fn similarity(&self, mapping: &FieldMapping) -> Similarity {
        self.context.rules.similarities.of(mapping.similarity())
    }

    /// A term of a field, which counts by the field's similarity.
    pub(super) fn weighed(
        &self,
        mapping: &FieldMapping,
        term: &Term,
        kept: IndexRecordOption,
    ) -> Box<dyn Query> {
        let query = Box::new(TermQuery::new(term.clone(), kept));
        weighed(self.similarity(mapping), query, || vec![term.clone()])
    }
}

/// A word or a phrase with its similarity.
#[derive(Debug)]
struct Weighed {
    /// A query of one term or of a phrase.
    query: Box<dyn Query>,
    /// Those that it finds, of one field: one at least.
    terms: Vec<Term>,
    similarity: Similarity,
}

impl Clone for Weighed {
    fn clone(&self) -> Self {
        Self { query: self.query.box_clone(), terms: self.terms.clone(), similarity: self.similarity }
    }
}

/// What tantivy adds to how often something is there, where no text has a length; `k1 * (1 - b)` of its own numbers.
const PLAIN: Score = 1.2 * (1.0 - 0.75);
/// Its factor for that.
const FACTOR: Score = 1.0 + 1.2;

/// Statistics by which each document's score tells how often something is there: texts are so long on average that none has a
/// length, and one document of one has each term.
struct Plain;

impl Bm25StatisticsProvider for Plain {
    fn total_num_tokens(&self, _field: Field) -> tantivy::Result<u64> {
        Ok(u64::MAX)
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        Ok(1)
    }

    fn doc_freq(&self, _term: &Term) -> tantivy::Result<u64> {
        Ok(1)
    }
}

/// How rare a term is, as BM25 counts it.
fn rarity(with_term: u64, documents: u64) -> f64 {
    let (with_term, documents) = (with_term as f64, documents as f64);
    (1.0 + (documents - with_term + 0.5) / (with_term + 0.5)).ln()
}

impl Query for Weighed {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let EnableScoring::Enabled { searcher, statistics_provider } = scoring else {
            return self.query.weight(scoring);
        };
        let Some(field) = self.terms.first().map(Term::field) else { return self.query.weight(scoring) };
        let plain = EnableScoring::enabled_from_statistics_provider(&Plain, searcher);
        Ok(Box::new(Numbers {
            inner: self.query.weight(plain)?,
            field,
            at_most: (self.terms.len() as f64 * rarity(1, 1)) as Score * FACTOR,
            counting: self.counting(searcher, statistics_provider, field)?,
        }))
    }

    fn query_terms<'a>(&'a self, visitor: &mut dyn FnMut(&'a Term, bool)) {
        self.query.query_terms(visitor);
    }
}

impl Weighed {
    fn counting(
        &self,
        searcher: &Searcher,
        statistics: &dyn Bm25StatisticsProvider,
        field: Field,
    ) -> tantivy::Result<Counting> {
        let documents = statistics.total_num_docs()?.max(1);
        let of_all = statistics.total_num_tokens(field)?;
        match self.similarity {
            Similarity::Modelled(model) => {
                let mut counts = Vec::with_capacity(self.terms.len());
                for term in &self.terms {
                    counts.push(Counts {
                        documents: documents as f64,
                        with_term: statistics.doc_freq(term)?.min(documents) as f64,
                        of_term: frequency_in_all(searcher, term)? as f64,
                        of_all: of_all as f64,
                    });
                }
                Ok(Counting::Modelled { model, counts: counts.into() })
            }
            Similarity::Bm25 { k1, b } => {
                let average = (of_all as f64 / documents as f64).max(1.0);
                let mut rarities = 0.0;
                for term in &self.terms {
                    rarities += rarity(statistics.doc_freq(term)?.min(documents), documents);
                }
                Ok(Counting::Bm25 {
                    weight: rarities as Score * (1.0 + k1),
                    of_any: k1 * (1.0 - b),
                    of_length: k1 * b / average as Score,
                })
            }
            Similarity::Boolean => Ok(Counting::Bm25 { weight: 1.0, of_any: 0.0, of_length: 0.0 }),
        }
    }
}

/// How often a term is in all texts; those that were deleted count until a merge, as they do for how many texts have it.
fn frequency_in_all(searcher: &Searcher, term: &Term) -> tantivy::Result<u64> {
    let mut sum = 0;
    for reader in searcher.segment_readers() {
        let postings =
            reader.inverted_index(term.field())?.read_postings(term, IndexRecordOption::WithFreqs)?;
        let Some(mut postings) = postings else { continue };
        while postings.doc() != TERMINATED {
            sum += u64::from(postings.term_freq());
            postings.advance();
        }
    }
    Ok(sum)
}

/// What a word or a phrase counts by how often it is in a text, and how long that is.
#[derive(Clone)]
enum Counting {
    Bm25 {
        weight: Score,
        of_any: f32,
        of_length: f32,
    },
    /// The words of a phrase count each, as often as it is there.
    Modelled {
        model: Model,
        counts: Arc<[Counts]>,
    },
}

impl Counting {
    fn score(&self, often: Score, length: Score) -> Score {
        match self {
            Self::Bm25 { weight, of_any, of_length } => {
                weight * often / (often + of_any + of_length * length)
            }
            Self::Modelled { model, counts } => {
                let each = counts.iter().map(|counts| model.score(*counts, often.into(), length.into()));
                each.sum::<f64>() as Score
            }
        }
    }
}

struct Numbers {
    inner: Box<dyn Weight>,
    field: Field,
    /// What the plain score comes near to the more often something is there.
    at_most: Score,
    counting: Counting,
}

impl Weight for Numbers {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let lengths = reader.fieldnorms_readers().get_field(self.field)?;
        Ok(Box::new(Weighing {
            inner: self.inner.scorer(reader, 1.0)?,
            lengths: lengths.unwrap_or_else(|| FieldNormReader::constant(reader.max_doc(), 1)),
            at_most: self.at_most,
            counting: self.counting.clone(),
            boost,
        }))
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        let mut scorer = self.scorer(reader, 1.0)?;
        if scorer.doc() > document || scorer.seek(document) != document {
            return self.inner.explain(reader, document);
        }
        Ok(Explanation::new("score by the similarity of the field", scorer.score()))
    }
}

struct Weighing {
    inner: Box<dyn Scorer>,
    lengths: FieldNormReader,
    at_most: Score,
    counting: Counting,
    boost: Score,
}

/// How often something is there, by its plain score.
fn frequency(score: Score, at_most: Score) -> Score {
    let part = score / at_most;
    // Where it is so often that no difference is left, that is as good as often.
    (PLAIN * part / (1.0 - part).max(Score::EPSILON)).round().max(1.0)
}

impl DocSet for Weighing {
    fn advance(&mut self) -> DocId {
        self.inner.advance()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        self.inner.seek(target)
    }

    fn doc(&self) -> DocId {
        self.inner.doc()
    }

    fn size_hint(&self) -> u32 {
        self.inner.size_hint()
    }
}

impl Scorer for Weighing {
    fn score(&mut self) -> Score {
        let often = frequency(self.inner.score(), self.at_most);
        let length = self.lengths.fieldnorm(self.inner.doc()) as Score;
        self.boost * self.counting.score(often, length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_score_tells_how_often() {
        let at_most = 3.0 * rarity(1, 1) as Score * FACTOR;
        for often in [1_u16, 2, 3, 10, 100] {
            let often = Score::from(often);
            assert_eq!(frequency(at_most * often / (often + PLAIN), at_most), often);
        }
        assert!(frequency(at_most, at_most).is_finite());
    }
}
