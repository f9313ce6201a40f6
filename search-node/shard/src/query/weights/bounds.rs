//! Bounds: how much a block of a term's documents can score at most, by which documents are passed over that cannot be among the best.

use tantivy::Score;
use tantivy::index::SegmentReader;
use tantivy::query::{BooleanQuery, Occur, Query, Weight};
use tantivy::schema::IndexRecordOption;
use tantivy::{Searcher, Term};

use super::constant::Constant;
use super::expanded::Expanded;
use super::impacts::Impacts;
use super::weighed::{ScoredField, Weighed};

/// Where more of all documents than one in so many can match any of several terms, meeting each of them is quicker than passing over, and
/// several threads can.
const RARE: u64 = 4;

/// What a query finds whose matches all count the same, and how much.
pub(crate) fn constant_inside(query: &dyn Query) -> Option<(&dyn Query, Score)> {
    query.downcast_ref::<Constant>().map(Constant::inside)
}

/// The terms of a query that can be bounded.
pub(crate) struct Bounds {
    terms: Vec<Bounded>,
}

pub(super) struct Bounded {
    pub(super) term: Term,
    pub(super) field: ScoredField,
    /// How many words a text of the field has on average.
    average: f64,
}

impl Bounds {
    /// Those of a query for one term or any of several, in the form in which it is bounded.
    pub(crate) fn of(
        query: &dyn Query,
        searcher: &Searcher,
    ) -> tantivy::Result<Option<(Box<dyn Query>, Self)>> {
        if let Some(weighed) = query.downcast_ref::<Weighed>() {
            let Some(term) = Bounded::of(weighed, searcher)? else { return Ok(None) };
            // On its own a weight does not know its bounds.
            let alone = vec![(Occur::Should, query.box_clone())];
            let alone = BooleanQuery::with_minimum_required_clauses(alone, 0);
            return Ok(Some((Box::new(alone), Self { terms: vec![term] })));
        }
        if let Some(expanded) = query.downcast_ref::<Expanded>() {
            let each = expanded.each(searcher)?;
            return each.map_or(Ok(None), |each| Self::of(&each, searcher));
        }
        let Some(joined) = query.downcast_ref::<BooleanQuery>() else { return Ok(None) };
        let (clauses, minimum) = (joined.clauses(), joined.get_minimum_number_should_match());
        if minimum > 1 || clauses.iter().any(|(occur, _)| *occur != Occur::Should) {
            return Ok(None);
        }
        let mut terms = Vec::with_capacity(clauses.len());
        for (_, clause) in clauses {
            let weighed = clause.downcast_ref::<Weighed>();
            let Some(weighed) = weighed else { return Ok(None) };
            let Some(term) = Bounded::of(weighed, searcher)? else { return Ok(None) };
            terms.push(term);
        }
        let bounds = Self { terms };
        if bounds.terms.len() > 1 && bounds.matches_most(searcher)? > searcher.num_docs() / RARE {
            return Ok(None);
        }
        Ok(Some((query.box_clone(), bounds)))
    }

    /// How many documents can match at most.
    fn matches_most(&self, searcher: &Searcher) -> tantivy::Result<u64> {
        let mut any = 0;
        for bounded in &self.terms {
            any += searcher.doc_freq(&bounded.term)?;
        }
        Ok(any)
    }

    /// How many matches a segment has, where that is known without meeting them.
    pub(crate) fn count(&self, reader: &SegmentReader) -> tantivy::Result<Option<u64>> {
        let [Bounded { term, .. }] = self.terms.as_slice() else { return Ok(None) };
        if reader.alive_bitset().is_some() {
            return Ok(None);
        }
        Ok(Some(u64::from(reader.inverted_index(term.field())?.doc_freq(term)?)))
    }

    /// By how much a score may be above the bound of its block: the bounds were made for texts of the average length of the
    /// segment, and a document counts by that of all texts which have the field.
    pub(crate) fn looseness(&self, reader: &SegmentReader) -> tantivy::Result<Score> {
        let mut most = 1.0_f64;
        for term in &self.terms {
            most = most.max(term.looseness(reader)?);
        }
        // The bound of one term with the same average is exact: whoever only equals the worst of the best is no better. Sums are rounded, and so
        // are bounds of another average.
        Ok(if most == 1.0 && self.terms.len() == 1 { 1.0 } else { (most * 1.000_01) as Score })
    }
}

impl Bounds {
    /// How much the best document of a segment scores, if it is one term whose bounds are loose, and that is kept.
    pub(crate) fn kept_ceiling(
        &self,
        matches: &dyn Weight,
        reader: &SegmentReader,
    ) -> tantivy::Result<Option<Score>> {
        let [Bounded { term, field, .. }] = self.terms.as_slice() else { return Ok(None) };
        let kept = Impacts::kept(field, term, reader)?;
        kept.map(|impacts| impacts.ceiling(matches, reader)).transpose()
    }

    /// The same, and it is kept from now on; none where `is_over` says so, which is told how many documents went by.
    pub(crate) fn ceiling(
        &self,
        matches: &dyn Weight,
        reader: &SegmentReader,
        is_over: &dyn Fn(u32) -> bool,
    ) -> tantivy::Result<Option<Score>> {
        let [Bounded { term, field, .. }] = self.terms.as_slice() else { return Ok(None) };
        let made = Impacts::of(field, term, reader, is_over)?;
        made.map(|impacts| impacts.ceiling(matches, reader)).transpose()
    }
}

impl Bounded {
    /// By how much what a document counts may be above the bound of its block.
    pub(super) fn looseness(&self, reader: &SegmentReader) -> tantivy::Result<f64> {
        let words = reader.inverted_index(self.field.field)?.total_num_tokens() as f64;
        let bounded_by = words / f64::from(reader.max_doc().max(1));
        let is_known = bounded_by > 0.0;
        Ok(if is_known { (self.average / bounded_by).max(bounded_by / self.average).max(1.0) } else { 1.0 })
    }

    /// None of a term whose index does not tell how often it is in a text.
    pub(super) fn of(weighed: &Weighed, searcher: &Searcher) -> tantivy::Result<Option<Self>> {
        let Some((term, field)) = weighed.single() else { return Ok(None) };
        let entry = searcher.schema().get_field_entry(term.field());
        let kept = entry.field_type().get_index_record_option();
        if kept.is_none_or(|kept| kept == IndexRecordOption::Basic) || !entry.has_fieldnorms() {
            return Ok(None);
        }
        let counts = field.counts(searcher)?;
        let average = counts.words as f64 / counts.documents as f64;
        Ok(Some(Self { term: term.clone(), field: field.clone(), average }))
    }
}
