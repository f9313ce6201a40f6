//! Which of the queries that have names match a hit.

use hashbrown::HashMap;
use tantivy::DocId;
use tantivy::index::SegmentReader;
use tantivy::query::{EnableScoring, Scorer, Weight};

use super::stop::AskStop;
use super::{Hit, SearchError};
use crate::engine::View;
use crate::query::{Asked, Faults, HeldValues, Prepared, Query, QueryContext, passes};

/// The queries with names of one point in time, each made ready once for a segment. Hits in the order in which they lie there cost least.
pub struct NamedSearch<'a> {
    view: &'a View,
    /// Where nested objects are; none for documents.
    path: Option<&'a str>,
    queries: Vec<(&'a str, &'a Query)>,
    context: QueryContext<'a>,
    segments: HashMap<u32, Vec<At>>,
}

/// A query in a segment.
struct At {
    weight: Box<dyn Weight>,
    scorer: Box<dyn Scorer>,
    last: DocId,
    faults: Faults,
    #[expect(dead_code, reason = "held, not read")]
    held: HeldValues,
}

impl<'a> NamedSearch<'a> {
    pub(crate) fn new(
        view: &'a View,
        path: Option<&'a str>,
        queries: Vec<(&'a str, &'a Query)>,
        context: QueryContext<'a>,
    ) -> Self {
        Self { view, path, queries, context, segments: HashMap::new() }
    }

    /// The names of the queries that match a hit.
    pub fn of_hit(&mut self, hit: &Hit, stop: AskStop<'_>) -> Result<Vec<&'a str>, SearchError> {
        let Self { view, path, queries, context, segments } = self;
        let view: &View = view;
        let Some(reader) = view.searcher.segment_readers().get(hit.segment as usize) else {
            return Ok(Vec::new());
        };
        if !segments.contains_key(&hit.segment) {
            let open = |(_, query): &(&str, &Query)| At::open(view, *path, query, context, reader, stop);
            let opened = queries.iter().map(open).collect::<Result<_, SearchError>>()?;
            segments.insert(hit.segment, opened);
        }
        let mut names: Vec<&'a str> = Vec::new();
        let opened = segments.get_mut(&hit.segment).into_iter().flatten();
        for ((name, _), at) in queries.iter().zip(opened) {
            if at.has(reader, hit.document)? && !names.contains(name) {
                names.push(name);
            }
        }
        Ok(names)
    }
}

impl At {
    fn open(
        view: &View,
        path: Option<&str>,
        query: &Query,
        context: &QueryContext<'_>,
        reader: &SegmentReader,
        stop: AskStop<'_>,
    ) -> Result<Self, SearchError> {
        let asked = Asked { nested_in: path, ..Asked::new(query, view, context).until(stop) };
        let mut query = Prepared::new(asked)?;
        query.join(asked, stop)?;
        let (held, _) = query.hold(asked, reader, &[], stop)?;
        let weight = query.query().weight(EnableScoring::disabled_from_searcher(&view.searcher))?;
        let scorer = weight.scorer(reader, 1.0)?;
        Ok(Self { weight, scorer, last: 0, faults: query.faults().clone(), held })
    }

    fn has(&mut self, reader: &SegmentReader, document: DocId) -> Result<bool, SearchError> {
        // Inner hits come in the order of their scores.
        if document < self.last {
            self.scorer = self.weight.scorer(reader, 1.0)?;
        }
        self.last = document;
        let found = passes(&mut *self.scorer, document);
        self.faults.check()?;
        Ok(found)
    }
}
