//! Runtime fields: the values of some in one segment, read out of the sources of the documents.
//!
//! They become an index of their own that lies in memory and has the same documents under the same numbers, so that whatever can be done
//! with a field can be done with them. It is made when they are first asked for, and kept as field data. All that a request needs and that is not
//! kept yet is read in one go.

use std::sync::Arc;

use serde_json_borrow::Value as Json;
use tantivy::directory::RamDirectory;
use tantivy::index::{Index, SegmentReader};
use tantivy::indexer::SingleSegmentIndexWriter;
use tantivy::schema::Value;
use tantivy::{ReloadPolicy, TantivyDocument, TantivyError};

use super::fielddata::{Charge, Keepable, NoRoom};
use super::identities::identities_in;
use super::layout::Slot;
use super::{Layout, View};
use crate::mapping::{SharedValues, Strictness};
use crate::query::QueryError;
use crate::search::{AskStop, SearchError, Stop, goes_on};

/// The first size of the tables of terms; they grow.
const TABLE_BUDGET_BYTES: usize = 1 << 20;

/// What an index of one field takes beside its files: schema, readers, parser. Measured over 7,200 of them that had tables of terms as
/// well, so that it is rather too much.
const SEGMENT_BYTES: usize = 24 << 10;

/// What each further field of it takes.
const FIELD_BYTES: usize = 2 << 10;

/// Documents between two looks at what they take, and whether anybody wants them.
const DOCUMENTS_BETWEEN: u32 = 512;

/// The values of some runtime fields in a segment.
pub(crate) struct RuntimeSegment {
    pub(crate) layout: Arc<Layout>,
    pub(crate) reader: SegmentReader,
    fields: Vec<(String, usize)>,
    #[expect(dead_code, reason = "held, not read")]
    charge: Charge,
}

impl Keepable for RuntimeSegment {
    fn fields(&self) -> &[(String, usize)] {
        &self.fields
    }
}

/// Whether the values of a segment are still wanted. They are read to the end where only the time is up: so the next one who asks has them, and a
/// search with little time gets on.
fn is_wanted(stop: AskStop<'_>) -> Result<(), SearchError> {
    match stop.ask() {
        Some(Stop::Cancelled) => Err(SearchError::Cancelled),
        Some(Stop::TimeIsUp) | None => Ok(()),
    }
}

impl View {
    /// The values of the runtime field at a path in a segment; none if there is no such field.
    pub(crate) fn runtime(
        &self,
        reader: &SegmentReader,
        path: &str,
        stop: AskStop<'_>,
    ) -> Result<Option<Arc<RuntimeSegment>>, SearchError> {
        if self.layout.mapping.runtime.get(path).is_none() {
            return Ok(None);
        }
        Ok(self.runtime_fields(reader, &[path], stop)?.pop())
    }

    /// The values of the runtime fields at some paths in a segment, each path once and in the same order.
    pub(crate) fn runtime_fields(
        &self,
        reader: &SegmentReader,
        paths: &[&str],
        stop: AskStop<'_>,
    ) -> Result<Vec<Arc<RuntimeSegment>>, SearchError> {
        if paths.is_empty() {
            return Ok(Vec::new());
        }
        let layouts = self.layout.runtime();
        let names: Vec<Arc<str>> =
            paths.iter().filter_map(|path| Some(Arc::clone(&layouts.get(path)?.name))).collect();
        let mut found = vec![None; names.len()];
        let kept = &identities_in(&self.identities, reader)?.kept;
        kept.get_or_make_all(
            &names,
            &mut found,
            || goes_on(stop),
            |missing, charge| {
                let missing_paths: Vec<&str> = missing.iter().map(|place| paths[*place]).collect();
                let sets = layouts.of_all(&missing_paths);
                let read = Sources { view: self, reader }.read(&sets, charge, stop)?;
                let places = sets.into_iter().map(|(places, _)| places.into_iter().map(|at| missing[at]));
                Ok(places.map(Iterator::collect).zip(read).collect())
            },
        )?;
        let all: Option<Vec<_>> = found.into_iter().collect();
        Ok(all.ok_or_else(|| {
            TantivyError::InternalError(format!("no values were read of some of [{}]", paths.join(", ")))
        })?)
    }
}

/// The documents of a segment, of which fields are read.
struct Sources<'a> {
    view: &'a View,
    reader: &'a SegmentReader,
}

/// The index that the values of a set of fields go to.
struct Sink {
    layout: Arc<Layout>,
    memory: RamDirectory,
    writer: SingleSegmentIndexWriter<SharedValues>,
    /// What a writer has of pages that nothing is written to yet.
    empty: usize,
    values: SharedValues,
    charge: Charge,
}

impl Sources<'_> {
    /// Goes over the documents once, for all of these sets.
    fn read(
        &self,
        sets: &[(Vec<usize>, Arc<Layout>)],
        charge: &dyn Fn() -> Charge,
        stop: AskStop<'_>,
    ) -> Result<Vec<RuntimeSegment>, SearchError> {
        let sinks = sets.iter().map(|(_, layout)| Sink::new(Arc::clone(layout), charge()));
        let mut sinks = sinks.collect::<Result<Vec<_>, _>>()?;
        let store = self.reader.get_store_reader(1)?;
        // Those that are deleted by now are read as well: an earlier point in time may still have them.
        for document in 0..self.reader.max_doc() {
            if document % DOCUMENTS_BETWEEN == 0 {
                is_wanted(stop)?;
                sinks.iter_mut().try_for_each(Sink::charge_written)?;
            }
            let stored: TantivyDocument = store.get(document)?;
            let source = stored.get_first(self.view.layout.meta.source).and_then(|value| {
                value.as_str().or_else(|| value.as_bytes().and_then(|bytes| std::str::from_utf8(bytes).ok()))
            });
            let source =
                source.and_then(|source| Some((source, serde_json::from_str::<Json<'_>>(source).ok()?)));
            sinks.iter_mut().try_for_each(|sink| sink.add(source.as_ref()))?;
        }
        sinks.into_iter().map(|sink| sink.finish(self.reader)).collect()
    }
}

impl Sink {
    fn new(layout: Arc<Layout>, charge: Charge) -> tantivy::Result<Self> {
        let memory = RamDirectory::create();
        let builder = Index::builder()
            .schema(layout.schema.clone())
            .settings(layout.index_settings())
            .tokenizers(layout.tokenizers())
            .fast_field_tokenizers(layout.tokenizers());
        let writer: SingleSegmentIndexWriter<SharedValues> =
            builder.single_segment_index_writer(memory.clone(), TABLE_BUDGET_BYTES)?;
        let empty = writer.mem_usage();
        Ok(Self { layout, memory, writer, empty, values: SharedValues::default(), charge })
    }

    /// Adds the values in the source of a document; none where it has no source, or one that is no object.
    fn add(&mut self, source: Option<&(&str, Json<'_>)>) -> tantivy::Result<()> {
        let read = source.and_then(|(source, json)| {
            let values = self.values.edit();
            values.begin(source);
            self.layout.parser.parse("", json, values, Strictness::Accepted).ok()
        });
        if read.is_none() {
            self.values.edit().begin("");
        }
        self.writer.add_document(self.values.clone())
    }

    fn charge_written(&mut self) -> Result<(), SearchError> {
        let written = self.writer.mem_usage().saturating_sub(self.empty);
        charge_for(&self.layout, &mut self.charge, written)
    }

    /// The values as they are kept; there must be as many documents as the segment has.
    fn finish(self, of: &SegmentReader) -> Result<RuntimeSegment, SearchError> {
        let Self { layout, memory, writer, mut charge, .. } = self;
        let index = writer.finalize()?;
        charge_for(&layout, &mut charge, memory.total_mem_usage())?;
        let searcher = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?.searcher();
        let reader = searcher.segment_readers().first().filter(|made| made.max_doc() == of.max_doc());
        let reader = reader.cloned().ok_or_else(|| {
            let fields = shown_fields(&layout);
            TantivyError::InternalError(format!("the values of [{fields}] are not those of their segment"))
        })?;
        let fields = shares(&layout, &reader, charge.bytes())?;
        Ok(RuntimeSegment { layout, reader, fields, charge })
    }
}

/// Charges what an index of values takes: what is written of them, and the rest.
fn charge_for(layout: &Layout, charge: &mut Charge, written: usize) -> Result<(), SearchError> {
    let rest = SEGMENT_BYTES + FIELD_BYTES * layout.slots().len().saturating_sub(1);
    charge.set(rest + written).map_err(|NoRoom { wanted, limit }| {
        let fields = shown_fields(layout);
        let reason = format!(
            "[fielddata] Data too large, data for [{fields}] would be [{wanted}b], which is larger than the limit of [{limit}b] (indices.fielddata.cache.size): a runtime field is read out of every document that the rest of the query lets through; ask for a narrower range of time, give the field a type in [properties], or raise the limit"
        );
        QueryError { kind: "circuit_breaking_exception", reason }.into()
    })
}

/// The fields of a layout, as errors name them.
fn shown_fields(layout: &Layout) -> String {
    let paths: Vec<&str> = layout.slots().iter().map(Slot::path).collect();
    match paths.as_slice() {
        [first, second, third, rest @ ..] if !rest.is_empty() => {
            format!("{first}, {second}, {third} and {} more", rest.len())
        }
        few => few.join(", "),
    }
}

/// What each field takes of so many bytes: its column, and as much of the rest as every other one.
fn shares(layout: &Layout, reader: &SegmentReader, bytes: usize) -> tantivy::Result<Vec<(String, usize)>> {
    let mut shares = Vec::with_capacity(layout.slots().len());
    let mut of_columns = 0;
    for slot in layout.slots() {
        let column = reader.fast_fields().column_num_bytes(layout.stored_name(slot.path()))?;
        let column = usize::try_from(column.get_bytes()).unwrap_or(usize::MAX);
        of_columns += column;
        shares.push((slot.path().to_owned(), column));
    }
    let rest = bytes.saturating_sub(of_columns) / shares.len().max(1);
    shares.iter_mut().for_each(|(_, share)| *share += rest);
    Ok(shares)
}
