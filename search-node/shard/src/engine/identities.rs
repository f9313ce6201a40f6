//! Identities: what a segment keeps of each document beside its fields. Its uid, and the numbers of the operation that wrote it.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

use hashbrown::HashMap;
use tantivy::columnar::Column;
use tantivy::index::{Index, SegmentId, SegmentMeta, SegmentReader};
use tantivy::schema::Field;
use tantivy::{DocId, TantivyError, Term};

use super::field_counts::{CountedFields, FieldCounts};
use super::fielddata::{Fielddata, SegmentFielddata};
use super::levels::{Level, level};
use super::query_cache::{SegmentFilters, ShardQueries};
use super::request_cache::ShardRequests;
use super::write::Numbers;
use super::{FIRST, SEQ_NO, TERM, VERSION};
use crate::uids::UidIndex;

/// What segments keep beside their files: within the bounds of the node.
#[derive(Clone)]
pub(super) struct Keeping {
    pub(super) fielddata: Arc<Fielddata>,
    /// How often field data of the shard had to go for others.
    pub(super) evictions: Arc<AtomicU64>,
    pub(super) queries: Arc<ShardQueries>,
    pub(super) requests: Arc<ShardRequests>,
}

/// The identities of each segment.
pub(crate) type AllIdentities = HashMap<SegmentId, Arc<Identities>>;

/// The identities of the segment that `reader` reads, which is of the same point in time.
pub(crate) fn identities_in<'a>(
    all: &'a AllIdentities,
    reader: &SegmentReader,
) -> tantivy::Result<&'a Identities> {
    let missing = || TantivyError::InternalError("the uids of a segment are not open".to_owned());
    Ok(all.get(&reader.segment_id()).ok_or_else(missing)?)
}

/// The nested objects at a path of the segment that `reader` reads, or its documents; none if it has nothing but documents. `paths`
/// is the field that has the paths.
pub(crate) fn level_in(
    all: &AllIdentities,
    reader: &SegmentReader,
    paths: Field,
    path: Option<&str>,
) -> tantivy::Result<Option<Arc<Level>>> {
    level(&identities_in(all, reader)?.kept, reader, paths, path)
}

/// The identities of one segment's documents.
pub(crate) struct Identities {
    pub(crate) uids: UidIndex,
    /// Opened with the first document that is asked for: most segments of most shards are never asked.
    columns: OnceLock<Columns>,
    /// What else was computed of the segment, such as which of its documents are nested objects.
    pub(super) kept: SegmentFielddata,
    filters: SegmentFilters,
    counted: CountedFields,
}

/// The columns of the numbers. Opening one reads its description, which takes longer than reading a number.
struct Columns {
    seq_no: Column<u64>,
    version: Option<Column<u64>>,
    term: Option<Column<u64>>,
}

impl Identities {
    pub(super) fn open(index: &Index, meta: &SegmentMeta, keeping: &Keeping) -> tantivy::Result<Self> {
        Ok(Self {
            uids: UidIndex::open(&index.segment(meta.clone()))?,
            columns: OnceLock::new(),
            kept: SegmentFielddata::new(&keeping.fielddata, &keeping.evictions),
            filters: keeping.queries.of_segment(),
            counted: CountedFields::default(),
        })
    }

    /// What else was computed of the segment.
    pub(crate) fn fielddata(&self) -> &SegmentFielddata {
        &self.kept
    }

    /// Which documents match filters that were asked before.
    pub(crate) fn filters(&self) -> &SegmentFilters {
        &self.filters
    }

    /// How much there is of a field in the segment that `reader` reads; `column` tells documents that have it, where the index does not.
    pub(crate) fn counts(
        &self,
        reader: &SegmentReader,
        field: Field,
        column: Option<&str>,
    ) -> tantivy::Result<FieldCounts> {
        self.counted.of(reader, field, column)
    }

    /// How often a term is in all texts of the segment that `reader` reads.
    pub(crate) fn frequency(&self, reader: &SegmentReader, term: &Term) -> tantivy::Result<u64> {
        self.counted.frequency(reader, term)
    }

    /// In how many documents each word of a field is, all together, in the segment that `reader` reads.
    pub(crate) fn postings(&self, reader: &SegmentReader, field: Field) -> tantivy::Result<u64> {
        self.counted.postings(reader, field)
    }

    /// The numbers of a document of the segment that `reader` reads.
    pub(super) fn numbers(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Numbers> {
        let columns = match self.columns.get() {
            Some(columns) => columns,
            None => {
                let opened = Columns::open(reader)?;
                self.columns.get_or_init(|| opened)
            }
        };
        let number = |column: &Option<Column<u64>>, absent| {
            column.as_ref().and_then(|column| column.first(document)).unwrap_or(absent)
        };
        Ok(Numbers {
            seq_no: columns.seq_no.first(document).unwrap_or_default(),
            version: number(&columns.version, FIRST),
            term: number(&columns.term, FIRST),
        })
    }
}

impl Columns {
    fn open(reader: &SegmentReader) -> tantivy::Result<Self> {
        let columns = reader.fast_fields();
        Ok(Self {
            seq_no: columns.u64(SEQ_NO)?,
            version: columns.column_opt(VERSION)?,
            term: columns.column_opt(TERM)?,
        })
    }
}
