//! Queries of runtime fields: asked of the values that were read out of the sources of documents.

use std::cell::RefCell;
use std::fmt;
use std::sync::{Arc, OnceLock};

use hashbrown::HashMap;
use tantivy::index::{SegmentId, SegmentReader};
use tantivy::query::{EmptyScorer, EnableScoring, Explanation, Query as TantivyQuery, Scorer, Weight};
use tantivy::{DocId, Score, TantivyError};

use super::shared::Shared;
use super::{Lowered, Lowering, QueryContext, constant};
use crate::engine::{Layout, RuntimeSegment, View};
use crate::query::Faults;
use crate::query::QueryError;
use crate::query::ast::Query;
use crate::query::weights::fuzzy::FuzzyWords;
use crate::search::{AskStop, SearchError, goes_on};

/// What the values of runtime fields are read for: the segments in which a query is asked, who may end it, and which fields are needed there
/// beside its own.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) segments: &'a [&'a SegmentReader],
    pub(crate) stop: AskStop<'a>,
    pub(crate) beside: &'a [String],
    /// Where a query tells that it cannot go on.
    pub(crate) faults: &'a Faults,
}

/// The runtime fields that a query has met.
#[derive(Default)]
pub(super) struct RuntimeValues {
    met: RefCell<HashMap<String, Arc<ValuesOfField>>>,
}

/// The values of one runtime field.
struct ValuesOfField {
    path: String,
    /// A layout that has the field, by which a query is checked.
    layout: Arc<Layout>,
    /// Those of each segment that is asked; read once the query is known as a whole.
    segments: OnceLock<HashMap<SegmentId, Arc<RuntimeSegment>>>,
}

impl ValuesOfField {
    /// The layouts by which its values were read, each once; before they are, the one that checks the query.
    fn layouts(&self) -> Vec<Arc<Layout>> {
        let mut layouts: Vec<Arc<Layout>> = Vec::new();
        for values in self.segments.get().into_iter().flat_map(HashMap::values) {
            if !layouts.iter().any(|known| Arc::ptr_eq(known, &values.layout)) {
                layouts.push(Arc::clone(&values.layout));
            }
        }
        if layouts.is_empty() {
            layouts.push(Arc::clone(&self.layout));
        }
        layouts
    }
}

impl RuntimeValues {
    fn of(&self, path: &str, layout: &Arc<Layout>) -> Arc<ValuesOfField> {
        let mut met = self.met.borrow_mut();
        let values = met.entry_ref(path).or_insert_with(|| {
            let (path, layout) = (path.to_owned(), Arc::clone(layout));
            Arc::new(ValuesOfField { path, layout, segments: OnceLock::new() })
        });
        Arc::clone(values)
    }

    /// The paths of those that were met.
    pub(super) fn into_paths(self) -> Vec<String> {
        self.met.into_inner().into_keys().collect()
    }

    /// Reads the values of all fields that were met, and of those beside. Whether some were read by other layouts than the query was made for, so
    /// that it has to be made again.
    pub(super) fn read(&self, view: &View, asked: Asked<'_>) -> Result<bool, SearchError> {
        let met = self.met.borrow();
        if met.is_empty() {
            return Ok(false);
        }
        let own: Vec<&ValuesOfField> = met.values().map(|values| &**values).collect();
        let beside = asked.beside.iter().map(String::as_str).filter(|path| !met.contains_key(*path));
        let paths: Vec<&str> = own.iter().map(|values| values.path.as_str()).chain(beside).collect();
        let mut segments = vec![HashMap::new(); own.len()];
        for reader in asked.segments {
            goes_on(asked.stop)?;
            let read = view.runtime_fields(reader, &paths, asked.stop)?;
            for (segments, values) in segments.iter_mut().zip(read) {
                segments.insert(reader.segment_id(), values);
            }
        }
        let mut has_others = false;
        for (values, segments) in own.into_iter().zip(segments) {
            has_others |= segments.values().any(|read| !Arc::ptr_eq(&read.layout, &values.layout));
            values.segments.get_or_init(|| segments);
        }
        Ok(has_others)
    }
}

impl Lowering<'_> {
    /// What is made for the field at a path if that is a runtime field. Every match counts the same, as in Elasticsearch.
    pub(super) fn of_runtime(&self, path: &str, make: impl Fn(&Lowering<'_>) -> Lowered) -> Option<Lowered> {
        self.layout.mapping.runtime.get(path)?;
        let values = self.runtime.of(path, self.layout.runtime().of(path)?);
        let made = values.layouts().into_iter().map(|layout| {
            let query = make(&Lowering { layout: &layout, nested_in: None, is_of_index: false, ..*self })?;
            Ok((layout, query))
        });
        let queries = made.collect::<Result<_, QueryError>>();
        Some(queries.map(|queries| constant(Box::new(OfRuntime { queries, values }))))
    }
}

/// The runtime fields that a query asks.
pub(crate) fn runtime_fields_of(
    query: &Query,
    view: &View,
    context: &QueryContext<'_>,
) -> Result<Vec<String>, QueryError> {
    if view.layout.mapping.runtime.count() == 0 {
        return Ok(Vec::new());
    }
    let (fuzzy_words, runtime) = (FuzzyWords::default(), RuntimeValues::default());
    let faults = Faults::default();
    let shared = Shared::new(view, &faults);
    Lowering::new(&shared, context, None, &fuzzy_words, &runtime).query(query)?;
    drop(shared);
    Ok(runtime.into_paths())
}

/// The matches of a query among the values of a runtime field: the query as it is for each layout by which they were read.
struct OfRuntime {
    queries: Vec<(Arc<Layout>, Box<dyn TantivyQuery>)>,
    values: Arc<ValuesOfField>,
}

impl Clone for OfRuntime {
    fn clone(&self) -> Self {
        let queries = self.queries.iter().map(|(layout, query)| (Arc::clone(layout), query.box_clone()));
        Self { queries: queries.collect(), values: Arc::clone(&self.values) }
    }
}

impl fmt::Debug for OfRuntime {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queries = self.queries.iter().map(|(_, query)| query);
        out.debug_struct("OfRuntime")
            .field("path", &self.values.path)
            .field("queries", &queries.collect::<Vec<_>>())
            .finish()
    }
}

impl TantivyQuery for OfRuntime {
    fn weight(&self, _scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let weights = self.queries.iter().map(|(layout, query)| {
            let weight = query.weight(EnableScoring::disabled_from_schema(&layout.schema))?;
            Ok((Arc::clone(layout), weight))
        });
        Ok(Box::new(RuntimeWeight {
            weights: weights.collect::<tantivy::Result<_>>()?,
            values: Arc::clone(&self.values),
        }))
    }
}

struct RuntimeWeight {
    weights: Vec<(Arc<Layout>, Box<dyn Weight>)>,
    values: Arc<ValuesOfField>,
}

impl Weight for RuntimeWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let known = self.values.segments.get();
        // The rest of the query matches nothing there.
        let Some(values) = known.and_then(|segments| segments.get(&reader.segment_id())) else {
            return Ok(Box::new(EmptyScorer));
        };
        let (_, weight) =
            self.weights.iter().find(|(layout, _)| Arc::ptr_eq(layout, &values.layout)).ok_or_else(|| {
                let path = &self.values.path;
                TantivyError::InternalError(format!("the values of [{path}] were read by another layout"))
            })?;
        weight.scorer(&values.reader, boost)
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
