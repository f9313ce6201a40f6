//! Queries of runtime fields: asked of the values that were read out of the sources of documents.

use std::cell::RefCell;
use std::fmt;
use std::sync::{Arc, OnceLock};

use hashbrown::HashMap;
use tantivy::index::{SegmentId, SegmentReader};
use tantivy::query::{EmptyScorer, EnableScoring, Explanation, Query as TantivyQuery, Scorer, Weight};
use tantivy::{DocId, Score};

use super::{Lowered, Lowering, constant};
use crate::engine::{Layout, RuntimeSegment, View, runtime_layout};
use crate::mapping::FieldMapping;
use crate::search::{AskStop, SearchError, goes_on};

/// What the values of runtime fields are read for: the segments in which a query is asked, and who may end it.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) segments: &'a [&'a SegmentReader],
    pub(crate) stop: AskStop<'a>,
}

/// The runtime fields that a query has met.
#[derive(Default)]
pub(in crate::query) struct RuntimeValues {
    met: RefCell<Vec<Arc<ValuesOfField>>>,
}

/// The values of one runtime field.
struct ValuesOfField {
    path: String,
    field: FieldMapping,
    layout: Layout,
    /// Those of each segment that is asked; read once the query is known as a whole.
    segments: OnceLock<HashMap<SegmentId, Arc<RuntimeSegment>>>,
}

impl RuntimeValues {
    fn of(&self, path: &str, field: &FieldMapping) -> Arc<ValuesOfField> {
        let mut met = self.met.borrow_mut();
        if let Some(known) = met.iter().find(|known| known.path == path) {
            return Arc::clone(known);
        }
        let values = Arc::new(ValuesOfField {
            path: path.to_owned(),
            field: field.clone(),
            layout: runtime_layout(path, field),
            segments: OnceLock::new(),
        });
        met.push(Arc::clone(&values));
        values
    }

    /// Reads the values of all fields that were met.
    pub(in crate::query) fn read(&self, view: &View, asked: Asked<'_>) -> Result<(), SearchError> {
        for values in self.met.borrow().iter() {
            let of_segment = |reader: &&SegmentReader| {
                goes_on(asked.stop)?;
                let made = view.runtime(reader, (&values.path, &values.field), asked.stop)?;
                Ok((reader.segment_id(), made))
            };
            let segments = asked.segments.iter().map(of_segment).collect::<Result<_, SearchError>>()?;
            values.segments.get_or_init(|| segments);
        }
        Ok(())
    }
}

impl Lowering<'_> {
    /// What is made for the field at a path if that is a runtime field. Every match counts the same, as in Elasticsearch.
    pub(in crate::query) fn of_runtime(
        &self,
        path: &str,
        make: impl FnOnce(&Lowering<'_>) -> Lowered,
    ) -> Option<Lowered> {
        let field = self.layout.mapping.runtime.get(path)?;
        let values = self.runtime.of(path, field);
        let made = make(&Lowering { layout: &values.layout, nested_in: None, ..*self });
        Some(made.map(|query| constant(Box::new(OfRuntime { query, values }))))
    }
}

/// The matches of a query among the values of a runtime field.
struct OfRuntime {
    query: Box<dyn TantivyQuery>,
    values: Arc<ValuesOfField>,
}

impl Clone for OfRuntime {
    fn clone(&self) -> Self {
        Self { query: self.query.box_clone(), values: Arc::clone(&self.values) }
    }
}

impl fmt::Debug for OfRuntime {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("OfRuntime").field("path", &self.values.path).field("query", &self.query).finish()
    }
}

impl TantivyQuery for OfRuntime {
    fn weight(&self, _scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let matches = self.query.weight(EnableScoring::disabled_from_schema(&self.values.layout.schema))?;
        Ok(Box::new(RuntimeWeight { matches, values: Arc::clone(&self.values) }))
    }
}

struct RuntimeWeight {
    matches: Box<dyn Weight>,
    values: Arc<ValuesOfField>,
}

impl Weight for RuntimeWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let known = self.values.segments.get();
        match known.and_then(|segments| segments.get(&reader.segment_id())) {
            Some(values) => self.matches.scorer(&values.reader, boost),
            // The rest of the query matches nothing there.
            None => Ok(Box::new(EmptyScorer)),
        }
    }

    /// Which documents are deleted the values do not know.
    fn count(&self, reader: &SegmentReader) -> tantivy::Result<u32> {
        let mut scorer = self.scorer(reader, 1.0)?;
        Ok(match reader.alive_bitset() {
            Some(alive) => scorer.count(alive),
            None => scorer.count_including_deleted(),
        })
    }

    fn explain(&self, _reader: &SegmentReader, _document: DocId) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("has the value in its source", 1.0))
    }
}
