//! A query made ready for the segments of a search, which are asked one after the other.

use tantivy::index::SegmentReader;
use tantivy::query::Query as TantivyQuery;

use super::runtime::{HeldValues, RuntimeValues};
use super::{Lowered, Lowering, QueryContext};
use crate::engine::View;
use crate::query::QueryError;
use crate::query::ast::Query;
use crate::query::weights::fuzzy::FuzzyWords;
use crate::search::{AskStop, SearchError};

/// A query with what its fields mean.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) query: &'a Query,
    pub(crate) view: &'a View,
    pub(crate) context: &'a QueryContext<'a>,
    /// The path of the nested objects that it looks for; none for documents.
    pub(crate) nested_in: Option<&'a str>,
}

impl<'a> Asked<'a> {
    /// A query that looks for documents.
    pub(crate) fn new(query: &'a Query, view: &'a View, context: &'a QueryContext<'a>) -> Self {
        Self { query, view, context, nested_in: None }
    }

    pub(super) fn lower(self, fuzzy_words: &FuzzyWords, runtime: &RuntimeValues) -> Lowered {
        let Self { query, view, context, nested_in } = self;
        let lowering = Lowering::new(view, context, nested_in, fuzzy_words, runtime);
        Ok(lowering.at_level(lowering.query(query)?))
    }
}

/// A query as tantivy asks it.
pub(crate) struct Prepared {
    query: Box<dyn TantivyQuery>,
    fuzzy_words: FuzzyWords,
    runtime: RuntimeValues,
}

impl Prepared {
    /// Refuses what no segment can be asked.
    pub(crate) fn new(asked: Asked<'_>) -> Result<Self, QueryError> {
        let (fuzzy_words, runtime) = (FuzzyWords::default(), RuntimeValues::default());
        let query = asked.lower(&fuzzy_words, &runtime)?;
        Ok(Self { query, fuzzy_words, runtime })
    }

    pub(crate) fn query(&self) -> &dyn TantivyQuery {
        &*self.query
    }

    /// Reads what a segment has of the runtime fields that the query asks, and of those beside, which whoever asks it needs too: all in
    /// one go. While this is held the segment can be asked. Tells whether the query is another one from now on, as it is where
    /// values were read otherwise than it was made for.
    pub(crate) fn hold(
        &mut self,
        asked: Asked<'_>,
        reader: &SegmentReader,
        beside: &[String],
        stop: AskStop<'_>,
    ) -> Result<(HeldValues, bool), SearchError> {
        let held = self.runtime.hold(asked.view, reader, beside, stop)?;
        let is_otherwise = held.is_otherwise;
        if is_otherwise {
            self.query = asked.lower(&self.fuzzy_words, &self.runtime)?;
        }
        Ok((held, is_otherwise))
    }
}
