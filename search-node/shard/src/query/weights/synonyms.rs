//! Several terms for the same at one place of a text: they count as one word that is as frequent as the most frequent of them.

use tantivy::fieldnorm::FieldNormReader;
use tantivy::index::SegmentReader;
use tantivy::query::{EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, DocSet, Score, Term};

use super::any_of::AnyOf;
use super::counting::Counting;
use super::explained::{no_match, shown_term, weight_of};
use super::weighed::ScoredField;

/// Any of several terms of one field, counted as one.
#[derive(Debug, Clone)]
pub(in crate::query) struct Synonyms {
    pub(in crate::query) field: ScoredField,
    pub(in crate::query) terms: Vec<Term>,
    /// How many documents are taken to have any of them; none for as many as have the most frequent one.
    pub(in crate::query) frequency: Option<u64>,
}

impl Query for Synonyms {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let counting = self.field.counting_of_one(&scoring, &self.terms, self.frequency)?;
        Ok(Box::new(SynonymsWeight { field: self.field.clone(), terms: self.terms.clone(), counting }))
    }

    fn query_terms<'a>(&'a self, visitor: &mut dyn FnMut(&'a Term, bool)) {
        self.terms.iter().for_each(|term| visitor(term, false));
    }
}

struct SynonymsWeight {
    field: ScoredField,
    terms: Vec<Term>,
    /// None where scores are not wanted.
    counting: Option<Counting>,
}

impl Weight for SynonymsWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let kept =
            if self.counting.is_some() { IndexRecordOption::WithFreqs } else { IndexRecordOption::Basic };
        Ok(Box::new(SynonymsScorer {
            any: AnyOf::open(reader, &self.terms, kept)?,
            counting: self.counting.as_ref().map(|counting| counting.boosted(boost)),
            lengths: self.field.lengths(reader)?,
        }))
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        let mut any = AnyOf::open(reader, &self.terms, IndexRecordOption::WithFreqs)?;
        let Some(counting) = self.counting.as_ref().filter(|_| any.seek(document) == document) else {
            return Err(no_match(document));
        };
        let code = self.field.lengths(reader)?.fieldnorm_id(document);
        let score = counting.explain(code, any.often() as Score, false);
        let terms: Vec<String> = self.terms.iter().map(|term| shown_term(reader.schema(), term)).collect();
        let what = match terms.as_slice() {
            [only] => only.clone(),
            several => format!("Synonym({})", several.join(" ")),
        };
        Ok(weight_of(&what, document, score))
    }
}

struct SynonymsScorer {
    any: AnyOf,
    counting: Option<Counting>,
    lengths: FieldNormReader,
}

impl DocSet for SynonymsScorer {
    fn advance(&mut self) -> DocId {
        self.any.advance()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        self.any.seek(target)
    }

    fn doc(&self) -> DocId {
        self.any.doc()
    }

    fn size_hint(&self) -> u32 {
        self.any.size_hint()
    }
}

impl Scorer for SynonymsScorer {
    fn score(&mut self) -> Score {
        let code = self.lengths.fieldnorm_id(self.any.doc());
        self.counting.as_ref().map_or(1.0, |counting| counting.score(code, self.any.often() as Score))
    }
}
