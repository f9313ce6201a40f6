//! Queries of runtime fields: asked of the values that were read out of the sources of documents.
//!
//! Values are there for one segment at a time: a search reads those of a segment, asks it, and lets them go for those of the next.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use tantivy::index::{SegmentId, SegmentReader};
use tantivy::query::{EnableScoring, Explanation, Query as TantivyQuery, Scorer, Weight};
use tantivy::{DocId, Score, TantivyError};

use super::prepared::Asked;
use super::{Lowered, Lowering, constant};
use crate::engine::{Layout, RuntimeSegment, View};
use crate::query::weights::explained::matched;
use crate::query::weights::fuzzy::FuzzyWords;
use crate::query::{Faults, QueryError};
use crate::search::{AskStop, SearchError};

/// The runtime fields that a query has met.
#[derive(Default)]
pub(super) struct RuntimeValues {
    met: RefCell<BTreeMap<String, Arc<ValuesOfField>>>,
}

/// The values of one runtime field.
struct ValuesOfField {
    path: String,
    /// A layout that has the field, by which a query is checked.
    layout: Arc<Layout>,
    /// The layouts by which its values were read so far.
    read_by: Mutex<Vec<Arc<Layout>>>,
    /// Those of the segment that is asked now.
    held: Mutex<Option<(SegmentId, Arc<RuntimeSegment>)>>,
}

impl ValuesOfField {
    /// The layouts by which its values were read, each once; before they are, the one that checks the query.
    fn layouts(&self) -> Vec<Arc<Layout>> {
        let read_by = self.read_by.lock();
        if read_by.is_empty() { vec![Arc::clone(&self.layout)] } else { read_by.clone() }
    }

    /// Has these values until they are let go; whether the query was made for their layout.
    fn hold(&self, segment: SegmentId, values: &Arc<RuntimeSegment>) -> bool {
        *self.held.lock() = Some((segment, Arc::clone(values)));
        let mut read_by = self.read_by.lock();
        let is_known = |known: &Arc<Layout>| Arc::ptr_eq(known, &values.layout);
        let is_made_for = match read_by.as_slice() {
            [] => is_known(&self.layout),
            known => known.iter().any(is_known),
        };
        if !read_by.iter().any(is_known) {
            read_by.push(Arc::clone(&values.layout));
        }
        is_made_for
    }
}

/// Values of runtime fields in the segment that is asked: they can be given up for others once this is dropped.
#[must_use]
pub(crate) struct HeldValues {
    of: Vec<Arc<ValuesOfField>>,
    #[expect(dead_code, reason = "held, not read")]
    values: Vec<Arc<RuntimeSegment>>,
    /// Whether some were read by other layouts than the query was made for.
    pub(super) is_otherwise: bool,
}

impl Drop for HeldValues {
    fn drop(&mut self) {
        self.of.iter().for_each(|values| *values.held.lock() = None);
    }
}

impl RuntimeValues {
    fn of(&self, path: &str, layout: &Arc<Layout>) -> Arc<ValuesOfField> {
        if let Some(known) = self.met.borrow().get(path) {
            return Arc::clone(known);
        }
        let (read_by, held) = (Mutex::default(), Mutex::default());
        let values = ValuesOfField { path: path.to_owned(), layout: Arc::clone(layout), read_by, held };
        let values = Arc::new(values);
        self.met.borrow_mut().insert(path.to_owned(), Arc::clone(&values));
        values
    }

    /// Whether none was met.
    pub(super) fn is_empty(&self) -> bool {
        self.met.borrow().is_empty()
    }

    /// The paths of those that were met.
    pub(super) fn into_paths(self) -> Vec<String> {
        self.met.into_inner().into_keys().collect()
    }

    /// Reads the values that all fields which were met have in a segment, and those beside, in one go.
    pub(super) fn hold(
        &self,
        view: &View,
        reader: &SegmentReader,
        beside: &[String],
        stop: AskStop<'_>,
    ) -> Result<HeldValues, SearchError> {
        let met = self.met.borrow();
        let of: Vec<Arc<ValuesOfField>> = met.values().cloned().collect();
        let beside = beside.iter().map(String::as_str).filter(|path| !met.contains_key(*path));
        let paths: Vec<&str> = met.keys().map(String::as_str).chain(beside).collect();
        let values = view.runtime_fields(reader, &paths, stop)?;
        let mut is_otherwise = false;
        for (of, values) in of.iter().zip(&values) {
            is_otherwise |= !of.hold(reader.segment_id(), values);
        }
        Ok(HeldValues { of, values, is_otherwise })
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
pub(crate) fn runtime_fields_of(asked: Asked<'_>) -> Result<Vec<String>, QueryError> {
    if asked.view.layout.mapping.runtime.count() == 0 {
        return Ok(Vec::new());
    }
    let (fuzzy_words, runtime) = (FuzzyWords::default(), RuntimeValues::default());
    asked.lower(&fuzzy_words, &runtime, &Faults::default())?;
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
        let path = &self.values.path;
        let held = self.values.held.lock().clone();
        let held = held.filter(|(segment, _)| *segment == reader.segment_id());
        let (_, values) = held.ok_or_else(|| {
            TantivyError::InternalError(format!("the values of [{path}] were not read for the segment"))
        })?;
        let (_, weight) =
            self.weights.iter().find(|(layout, _)| Arc::ptr_eq(layout, &values.layout)).ok_or_else(|| {
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

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        matched(self, reader, document, "has the value in its source")
    }
}
