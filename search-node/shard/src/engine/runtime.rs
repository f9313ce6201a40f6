//! Runtime fields: the values of one in one segment, read out of the sources of the documents.
//!
//! They become an index of their own that lies in memory and has the same documents under the same numbers, so that whatever can be done
//! with a field can be done with them. It is made when it is first asked for, and kept as field data.

use std::sync::Arc;

use serde_json_borrow::Value as Json;
use tantivy::directory::RamDirectory;
use tantivy::index::{Index, SegmentReader};
use tantivy::indexer::SingleSegmentIndexWriter;
use tantivy::schema::Value;
use tantivy::{ReloadPolicy, TantivyDocument, TantivyError};

use super::fielddata::{Charge, NoRoom};
use super::identities::identities_in;
use super::{Layout, View};
use crate::analysis::Analysis;
use crate::mapping::{FieldMapping, Mapping, SharedValues, Strictness};
use crate::query::QueryError;
use crate::search::{AskStop, SearchError, Stop, goes_on};

/// The first size of the tables of terms; they grow.
const TABLE_BUDGET_BYTES: usize = 1 << 20;

/// What an index of one field takes beside its files: schema, readers, parser. Measured over 7,200 of them that had tables of terms as
/// well, so that it is rather too much.
const SEGMENT_BYTES: usize = 24 << 10;

/// Documents between two looks at what they take, and whether anybody wants them.
const DOCUMENTS_BETWEEN: u32 = 512;

/// The values of a runtime field in a segment.
pub(crate) struct RuntimeSegment {
    pub(crate) layout: Arc<Layout>,
    pub(crate) reader: SegmentReader,
    #[expect(dead_code, reason = "held, not read")]
    charge: Charge,
}

/// Whether the values of a segment are still wanted. They are read to the end where only the time is up: so the next one who asks has them, and a
/// search with little time gets on.
fn is_wanted(stop: AskStop<'_>) -> Result<(), SearchError> {
    match stop() {
        Some(Stop::Cancelled) => Err(SearchError::Cancelled),
        Some(Stop::TimeIsUp) | None => Ok(()),
    }
}

/// The layout of a runtime field. The same definition always gives the same.
pub(crate) fn runtime_layout(path: &str, field: &FieldMapping) -> Layout {
    Layout::of_columns(Arc::new(Mapping::of_runtime_field(path, field)), Analysis::plain())
}

impl View {
    /// The values of the runtime field at a path in a segment.
    pub(crate) fn runtime(
        &self,
        reader: &SegmentReader,
        (path, field): (&str, &FieldMapping),
        stop: AskStop<'_>,
    ) -> Result<Arc<RuntimeSegment>, SearchError> {
        let kept = &identities_in(&self.identities, reader)?.kept;
        let name = Mapping::identity_of_runtime_field(path, field);
        kept.get_or_make(
            &name,
            || goes_on(stop),
            |charge| {
                let layout = Arc::new(runtime_layout(path, field));
                Sources { view: self, reader, path }.read(layout, charge, stop)
            },
        )
    }
}

/// The documents of a segment, of which one field is read.
struct Sources<'a> {
    view: &'a View,
    reader: &'a SegmentReader,
    path: &'a str,
}

impl Sources<'_> {
    fn read(
        &self,
        layout: Arc<Layout>,
        mut charge: Charge,
        stop: AskStop<'_>,
    ) -> Result<RuntimeSegment, SearchError> {
        let memory = RamDirectory::create();
        let builder = Index::builder()
            .schema(layout.schema.clone())
            .settings(layout.index_settings())
            .tokenizers(layout.tokenizers())
            .fast_field_tokenizers(layout.tokenizers());
        let mut writer: SingleSegmentIndexWriter<SharedValues> =
            builder.single_segment_index_writer(memory.clone(), TABLE_BUDGET_BYTES)?;
        let store = self.reader.get_store_reader(1)?;
        // What a writer has of pages that nothing is written to yet.
        let empty = writer.mem_usage();
        let mut values = SharedValues::default();
        // Those that are deleted by now are read as well: an earlier point in time may still have them.
        for document in 0..self.reader.max_doc() {
            if document % DOCUMENTS_BETWEEN == 0 {
                is_wanted(stop)?;
                self.charge(&mut charge, SEGMENT_BYTES + writer.mem_usage().saturating_sub(empty))?;
            }
            let stored: TantivyDocument = store.get(document)?;
            self.read_values(&layout, &stored, &mut values);
            writer.add_document(values.clone())?;
        }
        let index = writer.finalize()?;
        self.charge(&mut charge, SEGMENT_BYTES + memory.total_mem_usage())?;
        let searcher = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?.searcher();
        let reader =
            searcher.segment_readers().first().filter(|made| made.max_doc() == self.reader.max_doc());
        let reader = reader.cloned().ok_or_else(|| {
            TantivyError::InternalError(format!(
                "the values of [{}] are not those of their segment",
                self.path
            ))
        })?;
        Ok(RuntimeSegment { layout, reader, charge })
    }

    /// The values in the source of a document; none where it has no source, or one that is another thing at the path.
    fn read_values(&self, layout: &Layout, stored: &TantivyDocument, values: &mut SharedValues) {
        let source = stored.get_first(self.view.layout.meta.source).and_then(|value| {
            value.as_str().or_else(|| value.as_bytes().and_then(|bytes| std::str::from_utf8(bytes).ok()))
        });
        let read = source.and_then(|source| {
            let json: Json<'_> = serde_json::from_str(source).ok()?;
            let values = values.edit();
            values.begin(source);
            layout.parser.parse("", &json, values, Strictness::Accepted).ok()
        });
        if read.is_none() {
            values.edit().begin("");
        }
    }

    fn charge(&self, charge: &mut Charge, bytes: usize) -> Result<(), SearchError> {
        charge.set(bytes).map_err(|NoRoom { wanted, limit }| {
            let reason = format!(
                "[fielddata] Data too large, data for [{}] would be [{wanted}b], which is larger than the limit of [{limit}b] (indices.fielddata.cache.size): a runtime field is read out of every document that the rest of the query lets through; ask for a narrower range of time, give the field a type in [properties], or raise the limit",
                self.path
            );
            QueryError { kind: "circuit_breaking_exception", reason }.into()
        })
    }
}
