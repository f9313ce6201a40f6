//! A query made ready for the segments of a search, which are asked one after the other.

use std::sync::Arc;

use tantivy::index::SegmentReader;
use tantivy::query::Query as TantivyQuery;

use super::runtime::{HeldValues, RuntimeValues};
use super::shared::Shared;
use super::{Lowering, QueryContext};
use crate::engine::View;
use crate::query::ast::Query;
use crate::query::weights::fuzzy::FuzzyWords;
use crate::query::weights::join::Joining;
use crate::query::{Faults, Profiler, QueryError};
use crate::search::{AskStop, SearchError};

/// A query with what its fields mean.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) query: &'a Query,
    pub(crate) view: &'a View,
    pub(crate) context: &'a QueryContext<'a>,
    /// The path of the nested objects that it looks for; none for documents.
    pub(crate) nested_in: Option<&'a str>,
    /// Whether nothing is wanted but which documents match.
    pub(crate) is_filter: bool,
    /// What measures it, if anybody wants to know.
    pub(crate) profiler: Option<&'a Profiler>,
    /// What says whether it is still wanted, where it is asked and not only read.
    pub(crate) stop: Option<AskStop<'a>>,
}

impl<'a> Asked<'a> {
    /// A query that looks for documents.
    pub(crate) fn new(query: &'a Query, view: &'a View, context: &'a QueryContext<'a>) -> Self {
        Self { query, view, context, nested_in: None, is_filter: false, profiler: None, stop: None }
    }

    /// The same, where nothing is wanted but which documents match.
    pub(crate) fn as_filter(self, is_filter: bool) -> Self {
        Self { is_filter, ..self }
    }

    /// The same, asked by a search that may end.
    pub(crate) fn until(self, stop: AskStop<'a>) -> Self {
        Self { stop: Some(stop), ..self }
    }

    pub(super) fn lower(
        self,
        fuzzy_words: &FuzzyWords,
        runtime: &RuntimeValues,
        faults: &Faults,
    ) -> Result<Lowered, QueryError> {
        let Self { query, view, context, nested_in, is_filter, profiler, stop } = self;
        stop.into_iter().for_each(|stop| faults.until(stop));
        let shared = Shared::new(view, faults, profiler);
        let lowering = Lowering::new(&shared, context, nested_in, fuzzy_words, runtime);
        let query = if is_filter { lowering.filter(query)? } else { lowering.query(query)? };
        let query = lowering.at_level(query);
        Ok(Lowered { query, joinings: shared.into_joinings() })
    }
}

/// A query as tantivy asks it, with what has to be joined before.
pub(super) struct Lowered {
    query: Box<dyn TantivyQuery>,
    /// What is in another one comes before it.
    joinings: Vec<Arc<Joining>>,
}

/// A query that is ready to be asked, once what it joins is.
pub(crate) struct Prepared {
    lowered: Lowered,
    fuzzy_words: FuzzyWords,
    runtime: RuntimeValues,
    faults: Faults,
}

impl Prepared {
    /// Refuses what no segment can be asked.
    pub(crate) fn new(asked: Asked<'_>) -> Result<Self, QueryError> {
        let (fuzzy_words, runtime, faults) =
            (FuzzyWords::default(), RuntimeValues::default(), Faults::default());
        let lowered = asked.lower(&fuzzy_words, &runtime, &faults)?;
        Ok(Self { lowered, fuzzy_words, runtime, faults })
    }

    pub(crate) fn query(&self) -> &dyn TantivyQuery {
        &*self.lowered.query
    }

    /// Where the query tells, once documents are looked at, that it cannot go on.
    pub(crate) fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Whether it is the same for every segment, and nothing has to be read for one.
    pub(crate) fn is_steady(&self) -> bool {
        self.lowered.joinings.is_empty() && self.runtime.is_empty()
    }

    /// Joins what has to be known of all segments before any is asked.
    pub(crate) fn join(&mut self, asked: Asked<'_>, stop: AskStop<'_>) -> Result<(), SearchError> {
        self.faults.until(stop);
        if self.lowered.joinings.is_empty() {
            return Ok(());
        }
        // What is joined asks every segment: it is made for all layouts of their values.
        if !self.runtime.is_empty() {
            for reader in asked.view.searcher.segment_readers() {
                if self.runtime.hold(asked.view, reader, &[], stop)?.is_otherwise {
                    self.lowered = asked.lower(&self.fuzzy_words, &self.runtime, &self.faults)?;
                }
            }
        }
        let hold = |reader: &SegmentReader| self.runtime.hold(asked.view, reader, &[], stop);
        for joining in &self.lowered.joinings {
            joining.run(asked.view, stop, &hold)?;
        }
        self.faults.check()
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
        self.faults.until(stop);
        let held = self.runtime.hold(asked.view, reader, beside, stop)?;
        if !held.is_otherwise {
            return Ok((held, false));
        }
        self.lowered = asked.lower(&self.fuzzy_words, &self.runtime, &self.faults)?;
        if self.lowered.joinings.is_empty() {
            return Ok((held, true));
        }
        // Values are held of one segment at a time, and what is joined asks them all.
        drop(held);
        self.join(asked, stop)?;
        Ok((self.runtime.hold(asked.view, reader, beside, stop)?, true))
    }
}
