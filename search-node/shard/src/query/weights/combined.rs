//! Words in several fields as if their texts were one: BM25F, as Lucene's combined fields count it.

use tantivy::fieldnorm::FieldNormReader;
use tantivy::index::SegmentReader;
use tantivy::postings::{Postings, SegmentPostings};
use tantivy::query::{EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, DocSet, Score, Searcher, TERMINATED};

use super::blended::InField;
use super::bm25::{Bm25, Bm25Numbers, Rarities};
use super::explained::matched;
use crate::query::similarity::Similarity;

/// One word, or several for the same, in several fields. The boost of a field is how often its words count.
#[derive(Debug, Clone)]
pub(in crate::query) struct Combined {
    pub(in crate::query) fields: Vec<InField>,
}

impl Combined {
    /// The numbers of the text that all fields make together.
    fn bm25(&self, searcher: &Searcher) -> tantivy::Result<Option<Bm25>> {
        let Some(Similarity::Bm25 { k1, b }) = self.fields.first().map(|first| first.field.similarity) else {
            return Ok(None);
        };
        let (mut with_term, mut documents, mut words) = (0, 0, 0.0);
        let mut counted = Vec::new();
        for InField { field, term, boost } in &self.fields {
            with_term = with_term.max(searcher.doc_freq(term)?);
            if counted.contains(&field.field) {
                continue;
            }
            counted.push(field.field);
            let counts = field.counts(searcher)?;
            documents = documents.max(counts.documents);
            words += f64::from(*boost) * counts.words as f64;
        }
        let rarities = Rarities { documents, with_term: vec![with_term.min(documents)] };
        Ok(Some(Bm25::new(Bm25Numbers { k1, b }, rarities, words / documents as f64)))
    }
}

impl Query for Combined {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let bm25 = match scoring.searcher().filter(|_| scoring.is_scoring_enabled()) {
            Some(searcher) => self.bm25(searcher)?,
            None => None,
        };
        Ok(Box::new(CombinedWeight { fields: self.fields.clone(), bm25 }))
    }
}

struct CombinedWeight {
    fields: Vec<InField>,
    /// None where scores are not wanted.
    bm25: Option<Bm25>,
}

impl Weight for CombinedWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let kept = if self.bm25.is_some() { IndexRecordOption::WithFreqs } else { IndexRecordOption::Basic };
        let (mut words, mut lengths) = (Vec::new(), Vec::new());
        let mut known = Vec::new();
        for InField { field, term, boost } in &self.fields {
            if !known.contains(&field.field) {
                known.push(field.field);
                lengths.push((field.lengths(reader)?, *boost));
            }
            let postings = reader.inverted_index(term.field())?.read_postings(term, kept)?;
            words.extend(postings.map(|postings| (postings, *boost)));
        }
        let bm25 = self.bm25.as_ref().map(|bm25| bm25.boosted(boost));
        let mut scorer = CombinedScorer { words, lengths, bm25, document: 0 };
        scorer.first();
        Ok(Box::new(scorer))
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        matched(self, reader, document, "score of the combined fields")
    }
}

struct CombinedScorer {
    /// With how often each of its words counts.
    words: Vec<(SegmentPostings, Score)>,
    lengths: Vec<(FieldNormReader, Score)>,
    bm25: Option<Bm25>,
    document: DocId,
}

impl CombinedScorer {
    fn first(&mut self) -> DocId {
        self.document = self.words.iter().map(|(postings, _)| postings.doc()).min().unwrap_or(TERMINATED);
        self.document
    }

    /// The code of the length of all texts together.
    fn length_code(&self) -> u8 {
        let length =
            |(lengths, boost): &(FieldNormReader, Score)| boost * lengths.fieldnorm(self.document) as Score;
        let words: Score = self.lengths.iter().map(length).sum();
        FieldNormReader::fieldnorm_to_id(words.round() as u32)
    }
}

impl DocSet for CombinedScorer {
    fn advance(&mut self) -> DocId {
        let document = self.document;
        for (postings, _) in self.words.iter_mut().filter(|(postings, _)| postings.doc() == document) {
            postings.advance();
        }
        self.first()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        for (postings, _) in &mut self.words {
            if postings.doc() < target {
                postings.seek(target);
            }
        }
        self.first()
    }

    fn doc(&self) -> DocId {
        self.document
    }

    fn size_hint(&self) -> u32 {
        self.words.iter().map(|(postings, _)| postings.size_hint()).fold(0, u32::saturating_add)
    }
}

impl Scorer for CombinedScorer {
    fn score(&mut self) -> Score {
        let Some(bm25) = &self.bm25 else { return 1.0 };
        let here = self.words.iter().filter(|(postings, _)| postings.doc() == self.document);
        let often = here.map(|(postings, boost)| boost * postings.term_freq() as Score).sum();
        bm25.score(self.length_code(), often)
    }
}
