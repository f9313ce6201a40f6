//! Words and phrases that count by the similarity of their field.

use std::fmt;
use std::sync::Arc;

use tantivy::fieldnorm::FieldNormReader;
use tantivy::index::SegmentReader;
use tantivy::query::{
    Bm25StatisticsProvider, Bm25Weight, BoostQuery, EnableScoring, Explanation, Query, Scorer, Weight,
};
use tantivy::schema::Field;
use tantivy::{DocId, Score, Searcher, Term};

use super::bm25::{Bm25, Bm25Numbers, Rarities, rarity};
use super::constant::constant;
use super::counting::Counting;
use super::explained::{no_match, shown_value, weight_of};
use super::passes::score_at;
use super::stepped::Stepped;
use super::synonyms::Synonyms;
use crate::engine::{AllIdentities, FieldCounts, identities_in};
use crate::query::faults::{COMPUTING, Faults};
use crate::query::models::Counts;
use crate::query::similarity::Similarity;

/// A field whose words count, with what tells how much.
#[derive(Debug, Clone)]
pub(in crate::query) struct ScoredField {
    pub(in crate::query) field: Field,
    pub(in crate::query) similarity: Similarity,
    pub(in crate::query) identities: AllSegments,
    /// The column that tells which documents have the field, where the index does not.
    pub(in crate::query) column: Option<String>,
    /// What says whether the search goes on.
    pub(in crate::query) faults: Faults,
}

impl ScoredField {
    /// A query for a word or a phrase of the field, which counts by its similarity; its terms are one at least.
    pub(in crate::query) fn weighed(&self, query: Box<dyn Query>, terms: Vec<Term>) -> Box<dyn Query> {
        self.weighed_by(query, terms, None)
    }

    /// The same for a term that counts as if so many documents had it.
    pub(in crate::query) fn weighed_as_frequent(
        &self,
        query: Box<dyn Query>,
        term: Term,
        frequency: u64,
    ) -> Box<dyn Query> {
        self.weighed_by(query, vec![term], Some(frequency))
    }

    fn weighed_by(&self, query: Box<dyn Query>, terms: Vec<Term>, frequency: Option<u64>) -> Box<dyn Query> {
        let field = self.clone();
        match self.similarity {
            Similarity::Boolean => constant(query),
            Similarity::USUAL => Box::new(Weighed { query, terms, field, frequency, boost: 1.0 }),
            _ if terms.len() == 1 => Box::new(Synonyms { field, terms, frequency }),
            _ => query,
        }
    }

    /// What scores terms that are found together, or none where no scores are wanted.
    pub(in crate::query) fn counting<'t>(
        &self,
        scoring: &EnableScoring<'_>,
        terms: impl IntoIterator<Item = &'t Term> + Clone,
    ) -> tantivy::Result<Option<Counting>> {
        let EnableScoring::Enabled { searcher, statistics_provider } = scoring else { return Ok(None) };
        let statistics = *statistics_provider;
        if !matches!(self.similarity, Similarity::Modelled(_)) {
            let (rarities, counts) = self.rarities(searcher, statistics, terms)?;
            return Ok(self.by_rarities(rarities, counts));
        }
        let counts = self.counts(searcher)?;
        let (mut counted, mut looks) = (Vec::new(), self.faults.looks());
        for term in terms {
            // Of a search that ends nothing is scored.
            if looks.is_over_after(COMPUTING) {
                break;
            }
            let with_term = statistics.doc_freq(term)?.min(counts.documents);
            if with_term > 0 {
                counted.push(of_term(counts, with_term, self.frequency(searcher, term)?));
            }
        }
        Ok(self.modelled(counted))
    }

    /// The same for terms that count as one, which may count as if so many documents had it.
    pub(in crate::query) fn counting_of_one(
        &self,
        scoring: &EnableScoring<'_>,
        terms: &[Term],
        frequency: Option<u64>,
    ) -> tantivy::Result<Option<Counting>> {
        let EnableScoring::Enabled { searcher, statistics_provider } = scoring else { return Ok(None) };
        let counts = self.counts(searcher)?;
        let mut with_any = frequency.unwrap_or(0);
        if frequency.is_none() {
            for term in terms {
                with_any = with_any.max(statistics_provider.doc_freq(term)?);
            }
        }
        let with_any = with_any.min(counts.documents);
        if !matches!(self.similarity, Similarity::Modelled(_)) {
            let rarities = Rarities { documents: counts.documents, with_term: vec![with_any] };
            return Ok(self.by_rarities(rarities, counts));
        }
        let mut often = 0;
        for term in terms {
            often += self.frequency(searcher, term)?;
        }
        Ok(self.modelled(vec![of_term(counts, with_any, often)]))
    }

    fn by_rarities(&self, rarities: Rarities, counts: FieldCounts) -> Option<Counting> {
        Some(Counting::Bm25(self.bm25(rarities, counts)?))
    }

    fn bm25(&self, rarities: Rarities, counts: FieldCounts) -> Option<Bm25> {
        let Similarity::Bm25 { k1, b } = self.similarity else { return None };
        let average = counts.words as f64 / counts.documents as f64;
        Some(Bm25::new(Bm25Numbers { k1, b }, rarities, average))
    }

    fn modelled(&self, counts: Vec<Counts>) -> Option<Counting> {
        let Similarity::Modelled(model) = self.similarity else { return None };
        Some(Counting::Modelled { model, counts: counts.into(), boost: 1.0 })
    }

    /// How rare terms are, those that are there at all; and how much there is of the field.
    fn rarities<'t>(
        &self,
        searcher: &Searcher,
        statistics: &dyn Bm25StatisticsProvider,
        terms: impl IntoIterator<Item = &'t Term>,
    ) -> tantivy::Result<(Rarities, FieldCounts)> {
        let counts = self.counts(searcher)?;
        let mut rarities = Rarities { documents: counts.documents, with_term: Vec::new() };
        let mut looks = self.faults.looks();
        for term in terms {
            if looks.is_over_after(COMPUTING) {
                break;
            }
            let with_term = statistics.doc_freq(term)?.min(counts.documents);
            if with_term > 0 {
                rarities.with_term.push(with_term);
            }
        }
        Ok((rarities, counts))
    }

    /// The lengths of the field's texts in a segment.
    pub(in crate::query) fn lengths(&self, reader: &SegmentReader) -> tantivy::Result<FieldNormReader> {
        let lengths = reader.fieldnorms_readers().get_field(self.field)?;
        Ok(lengths.unwrap_or_else(|| FieldNormReader::constant(reader.max_doc(), 1)))
    }

    /// How often a term is in all texts.
    fn frequency(&self, searcher: &Searcher, term: &Term) -> tantivy::Result<u64> {
        let of_segment =
            |reader: &SegmentReader| identities_in(&self.identities.0, reader)?.frequency(reader, term);
        searcher.segment_readers().iter().map(of_segment).sum()
    }

    /// How much there is of the field in all segments; one of each where there is nothing, as nothing is divided by it then.
    pub(in crate::query) fn counts(&self, searcher: &Searcher) -> tantivy::Result<FieldCounts> {
        let mut all = FieldCounts::default();
        for reader in searcher.segment_readers() {
            let identities = identities_in(&self.identities.0, reader)?;
            let counts = identities.counts(reader, self.field, self.column.as_deref())?;
            all.documents += counts.documents;
            all.words += counts.words;
        }
        Ok(FieldCounts { documents: all.documents.max(1), words: all.words.max(1) })
    }
}

fn of_term(field: FieldCounts, with_term: u64, often: u64) -> Counts {
    Counts {
        documents: field.documents as f64,
        with_term: with_term as f64,
        of_term: often as f64,
        of_all: field.words as f64,
    }
}

/// The identities of every segment.
#[derive(Clone)]
pub(in crate::query) struct AllSegments(pub(in crate::query) Arc<AllIdentities>);

impl fmt::Debug for AllSegments {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} segments", self.0.len())
    }
}

/// A word or a phrase with its numbers.
#[derive(Debug)]
pub(in crate::query) struct Weighed {
    /// A query of one term or of a phrase.
    query: Box<dyn Query>,
    terms: Vec<Term>,
    field: ScoredField,
    /// How many documents are taken to have a term; none for as many as have it.
    frequency: Option<u64>,
    /// What scores are multiplied by.
    boost: Score,
}

impl Clone for Weighed {
    fn clone(&self) -> Self {
        Self {
            query: self.query.box_clone(),
            terms: self.terms.clone(),
            field: self.field.clone(),
            frequency: self.frequency,
            boost: self.boost,
        }
    }
}

/// A query whose scores are multiplied; one that counts by the similarity of its field stays one.
pub(in crate::query) fn boosted(query: Box<dyn Query>, boost: Score) -> Box<dyn Query> {
    if boost == 1.0 {
        return query;
    }
    match query.downcast_ref::<Weighed>() {
        Some(weighed) => Box::new(Weighed { boost: weighed.boost * boost, ..weighed.clone() }),
        None => Box::new(BoostQuery::new(query, boost)),
    }
}

impl Weighed {
    /// The terms, each of which a match has.
    pub(in crate::query) fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// The term, if it is one, with its field.
    pub(in crate::query) fn single(&self) -> Option<(&Term, &ScoredField)> {
        if let [term] = self.terms.as_slice() { Some((term, &self.field)) } else { None }
    }

    /// What its scores are computed from.
    fn numbers(
        &self,
        searcher: &Searcher,
        statistics: &dyn Bm25StatisticsProvider,
    ) -> tantivy::Result<Numbers> {
        let (rarities, counts) = match self.frequency {
            Some(frequency) => {
                let counts = self.field.counts(searcher)?;
                let with_term = vec![frequency.min(counts.documents)];
                (Rarities { documents: counts.documents, with_term }, counts)
            }
            None => self.field.rarities(searcher, statistics, &self.terms)?,
        };
        let by = rarities.sum() / (self.terms.len() as f64 * rarity(1, counts.documents));
        Ok(Numbers { rarities, counts, by: by as Score * self.boost })
    }

    /// How much its term counts, if it is one and scores are wanted.
    pub(super) fn bm25(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Option<Bm25Weight>> {
        let EnableScoring::Enabled { searcher, statistics_provider } = scoring else { return Ok(None) };
        let Some((term, _)) = self.single() else { return Ok(None) };
        let Numbers { counts, by, .. } = self.numbers(searcher, statistics_provider)?;
        let one_each = OneEach { documents: counts.documents, words: counts.words };
        Ok(Some(Bm25Weight::for_terms(&one_each, std::slice::from_ref(term))?.boost_by(by)))
    }

    /// Many documents may have the words of a phrase otherwise, before one has the phrase.
    fn stepped(&self, inner: Box<dyn Weight>) -> Box<dyn Weight> {
        match self.single() {
            Some(_) => inner,
            None => Box::new(Stepped { inner, faults: self.field.faults.clone() }),
        }
    }
}

/// How rare terms are, how much there is of their field, and what scores by [`OneEach`] are multiplied by.
struct Numbers {
    rarities: Rarities,
    counts: FieldCounts,
    by: Score,
}

/// Statistics in which one document has each term: how rare terms really are is multiplied in afterwards, as tantivy counts that with
/// too few digits for terms that nearly all documents have.
struct OneEach {
    documents: u64,
    words: u64,
}

impl Bm25StatisticsProvider for OneEach {
    fn total_num_tokens(&self, _field: Field) -> tantivy::Result<u64> {
        Ok(self.words)
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        Ok(self.documents)
    }

    fn doc_freq(&self, _term: &Term) -> tantivy::Result<u64> {
        Ok(1)
    }
}

impl Query for Weighed {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let EnableScoring::Enabled { searcher, statistics_provider } = scoring else {
            return Ok(self.stepped(self.query.weight(scoring)?));
        };
        let Numbers { rarities, counts, by } = self.numbers(searcher, statistics_provider)?;
        let one_each = OneEach { documents: counts.documents, words: counts.words };
        let one_each = EnableScoring::enabled_from_statistics_provider(&one_each, searcher);
        let inner = self.stepped(self.query.weight(one_each)?);
        let (boost, field, terms) = (self.boost, self.field.clone(), self.terms.clone());
        Ok(Box::new(Multiplied { inner, by, boost, field, terms, rarities, counts }))
    }

    fn query_terms<'a>(&'a self, visitor: &mut dyn FnMut(&'a Term, bool)) {
        self.query.query_terms(visitor);
    }
}

/// A weight with its scores multiplied. What it makes are the scorers of the weight in it, so that unions of them know their bounds.
struct Multiplied {
    inner: Box<dyn Weight>,
    by: Score,
    /// What the scores come from.
    boost: Score,
    field: ScoredField,
    terms: Vec<Term>,
    rarities: Rarities,
    counts: FieldCounts,
}

impl Multiplied {
    /// How often a document has the word or the phrase, as tantivy tells it.
    fn often(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Option<Score>> {
        let told = serde_json::to_value(self.inner.explain(reader, document)?).unwrap_or_default();
        let mut open = vec![&told];
        while let Some(part) = open.pop() {
            if part["description"].as_str().is_some_and(|text| text.starts_with("freq,")) {
                return Ok(part["value"].as_f64().map(|often| often as Score));
            }
            open.extend(part["details"].as_array().into_iter().flatten());
        }
        Ok(None)
    }
}

impl Weight for Multiplied {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        self.inner.scorer(reader, boost * self.by)
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        // tantivy's own does not bear to be asked for another document.
        if score_at(&mut *self.inner.scorer(reader, 1.0)?, document).is_none() {
            return Err(no_match(document));
        }
        let often = self.often(reader, document)?;
        let bm25 = self.field.bm25(self.rarities.clone(), self.counts);
        let (Some(often), Some(bm25)) = (often, bm25) else { return self.inner.explain(reader, document) };
        let code = self.field.lengths(reader)?.fieldnorm_id(document);
        let is_phrase = self.terms.len() > 1;
        let score = bm25.boosted(self.boost).explain(code, often, is_phrase);
        let words: Vec<String> = self.terms.iter().map(shown_value).collect();
        let name = reader.schema().get_field_name(self.field.field);
        let what = if is_phrase {
            format!("{name}:\"{}\"", words.join(" "))
        } else {
            format!("{name}:{}", words.join(" "))
        };
        Ok(weight_of(&what, document, score))
    }

    fn count(&self, reader: &SegmentReader) -> tantivy::Result<u32> {
        self.inner.count(reader)
    }
}
