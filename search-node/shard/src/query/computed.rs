//! What hits are sorted by that is in no column, in one segment.

use std::sync::Arc;

use serde_json::Value;
use tantivy::DocId;
use tantivy::index::SegmentReader;

use super::ast::{GeoDistance, ScriptSort};
use super::distance::{flat_metres_between, metres_between};
use super::doc_values::{ValueField, Values};
use super::dsl::java_hash;
use super::lower::QueryContext;
use super::weights::lent::Lent;
use super::weights::scripted::{Purpose, ScriptInSegment, Scripted as Script};
use super::{Faults, QueryError, doc_values};
use crate::engine::Layout;
use crate::search::AskStop;

/// How far the points of documents are.
pub(crate) struct Distances<'a> {
    asked: &'a GeoDistance,
    values: Values,
}

impl GeoDistance {
    /// Refuses a field that has no points.
    pub(crate) fn check(&self, layout: &Layout) -> Result<(), QueryError> {
        self.field_in(layout).map(drop)
    }

    fn field_in(&self, layout: &Layout) -> Result<Option<ValueField>, QueryError> {
        let path = &self.field;
        let Some(mapping) = layout.mapping.leaf(path) else {
            return match self.ignore_unmapped {
                true => Ok(None),
                false => Err(QueryError::argument(format!(
                    "failed to find mapper for [{path}] for geo distance based sort"
                ))),
            };
        };
        let no_points = || {
            QueryError::argument(format!(
                "unable to apply geo distance sort to field [{path}] of type [{}]",
                mapping.type_name
            ))
        };
        doc_values::ValueField::of(layout, path)?
            .filter(ValueField::has_points)
            .ok_or_else(no_points)
            .map(Some)
    }
}

impl<'a> Distances<'a> {
    pub(crate) fn open(
        asked: &'a GeoDistance,
        layout: &Layout,
        reader: &SegmentReader,
    ) -> tantivy::Result<Self> {
        // What is wrong with the field was told before.
        let field = asked.field_in(layout).ok().flatten();
        Ok(Self { asked, values: field.map_or(Ok(Values::None), |field| field.open(reader))? })
    }

    /// How far each point of a document is from each of the others.
    pub(crate) fn of(&self, document: DocId) -> impl Iterator<Item = f64> + '_ {
        let GeoDistance { points, unit, is_plane, .. } = self.asked;
        let metres = if *is_plane { flat_metres_between } else { metres_between };
        let own = self.values.points(document).into_iter();
        own.flat_map(move |own| points.iter().map(move |point| metres(*point, own) / unit))
    }
}

/// A text that is no longer is not worth asking for memory.
const SHORT_BYTES: usize = 1 << 10;
/// What is computed of a document is there as the script made it, as it is kept for the next who asks, and as what it is compared by.
const COPIES: usize = 4;

/// What a script computes of the documents of a segment.
pub(crate) struct Scripted {
    script: ScriptInSegment,
    is_text: bool,
    /// How long the longest text was.
    longest: usize,
    last: Option<(DocId, Computed)>,
    /// Why it could not be computed of a document.
    fault: Option<QueryError>,
}

/// What a script has computed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Computed {
    Number(f64),
    Text(String),
}

impl ScriptSort {
    /// Whether it looks at the score.
    pub(crate) fn needs_score(&self) -> bool {
        self.script.program.needs_score()
    }
}

impl Scripted {
    pub(crate) fn open(
        asked: &ScriptSort,
        layout: &Arc<Layout>,
        context: &QueryContext<'_>,
        reader: &SegmentReader,
        stop: AskStop<'_>,
    ) -> Self {
        let faults = Faults::default();
        faults.until(stop);
        let script = Script {
            script: asked.script.clone(),
            layout: Arc::clone(layout),
            now_millis: context.now_millis,
            salt: (java_hash(context.index) as u32) << 10,
            limits: context.rules.script,
            lent: Lent::default(),
            purpose: Purpose::Sort,
            faults,
        };
        Self {
            script: script.in_segment(reader),
            is_text: asked.is_text,
            longest: 0,
            last: None,
            fault: None,
        }
    }

    /// What it computes of a document; something that counts for nothing where that failed.
    pub(crate) fn of(&mut self, document: DocId, score: f32) -> Computed {
        if let Some((last, computed)) = &self.last
            && *last == document
        {
            return computed.clone();
        }
        let computed = if self.fault.is_some() { Ok(self.nothing()) } else { self.compute(document, score) };
        let computed = computed.unwrap_or_else(|fault| {
            if !self.script.has_ended() {
                self.fault = Some(fault);
            }
            self.nothing()
        });
        self.last = Some((document, computed.clone()));
        computed
    }

    fn nothing(&self) -> Computed {
        if self.is_text { Computed::Text(String::new()) } else { Computed::Number(0.0) }
    }

    fn compute(&mut self, document: DocId, score: f32) -> Result<Computed, QueryError> {
        if !self.is_text {
            return self.script.number(document, score).map(Computed::Number);
        }
        let text = match self.script.value(document, score)? {
            Value::String(text) => text,
            Value::Null => return Err(self.script.failed("the script says nothing")),
            // As Java writes them where a text is wanted.
            other => crate::json_values::plain(&other),
        };
        // Whoever gets none is told by the stop, and ends soon.
        match self.holds(text.len()) {
            true => Ok(Computed::Text(text)),
            false => Ok(self.nothing()),
        }
    }

    /// Whether there is memory for copies of so long a text while it is compared with others.
    fn holds(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(self.longest.max(SHORT_BYTES));
        self.longest = self.longest.max(bytes);
        more == 0 || self.script.lend(COPIES * more)
    }

    /// What the script says of a document whose `_source` is known, which it may look at among its parameters.
    pub(crate) fn value_beside(
        &mut self,
        document: DocId,
        score: f32,
        source: &Value,
    ) -> Result<Value, QueryError> {
        self.script.value_beside(document, score, source)
    }

    /// Why it could not be computed of a document, if that happened.
    pub(crate) fn fault(&mut self) -> Option<QueryError> {
        self.fault.take()
    }
}
