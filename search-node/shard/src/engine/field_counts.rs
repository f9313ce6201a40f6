//! Field counts: how many documents of a segment have a field, and how many words it has there. Scores depend on them.

use std::cmp::Ordering;

use hashbrown::HashMap;
use parking_lot::Mutex;
use tantivy::DocId;
use tantivy::columnar::{Column, ColumnIndex};
use tantivy::index::SegmentReader;
use tantivy::schema::{Field, FieldType};

use crate::analysis::RAW;

/// How much there is of a field. Documents that are deleted count until a merge drops them, as in Lucene.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct FieldCounts {
    /// The documents, or nested objects, that have it.
    pub(crate) documents: u64,
    /// The words of all of them together.
    pub(crate) words: u64,
}

/// The counts of the fields of one segment that were asked for: a segment never changes.
#[derive(Debug, Default)]
pub(crate) struct CountedFields(Mutex<HashMap<Field, FieldCounts>>);

impl CountedFields {
    /// Those of a field; `column` is what tells documents that have it, where the index does not.
    pub(crate) fn of(
        &self,
        reader: &SegmentReader,
        field: Field,
        column: Option<&str>,
    ) -> tantivy::Result<FieldCounts> {
        if let Some(known) = self.0.lock().get(&field) {
            return Ok(*known);
        }
        let counted = count(reader, field, column)?;
        self.0.lock().insert(field, counted);
        Ok(counted)
    }
}

fn count(reader: &SegmentReader, field: Field, column: Option<&str>) -> tantivy::Result<FieldCounts> {
    let entry = reader.schema().get_field_entry(field);
    let words = reader.inverted_index(field)?.total_num_tokens();
    if entry.has_fieldnorms() {
        let Some(norms) = reader.fieldnorms_readers().get_field(field)? else {
            return Ok(FieldCounts::default());
        };
        let has_words = |document: &DocId| norms.fieldnorm_id(*document) > 0;
        let documents = (0..reader.max_doc()).filter(has_words).count() as u64;
        return Ok(FieldCounts { documents, words });
    }
    let Some(column) = column else {
        let documents = u64::from(reader.max_doc());
        return Ok(FieldCounts { documents, words: words.max(documents) });
    };
    let columns = reader.fast_fields();
    let (documents, values) = match entry.field_type() {
        FieldType::Str(options) if options.is_fast() => {
            columns.str(column)?.map_or((0, 0), |column| counts_of(column.ords(), reader))
        }
        _ => columns.bool(column).map_or((0, 0), |column| counts_of(&column, reader)),
    };
    // A merge only estimates the words of what is no text, of which its column knows the values. Each counts once for a document.
    let is_text = matches!(entry.field_type(), FieldType::Str(options)
        if options.get_indexing_options().is_some_and(|indexing| indexing.tokenizer() != RAW));
    Ok(FieldCounts { documents, words: if is_text { words } else { values } })
}

/// How many documents have a value in a column, and how many different values they have.
fn counts_of<T: PartialOrd + Copy + std::fmt::Debug + Send + Sync + 'static>(
    column: &Column<T>,
    reader: &SegmentReader,
) -> (u64, u64) {
    let documents = match &column.index {
        ColumnIndex::Empty { .. } => 0,
        ColumnIndex::Full => u64::from(reader.max_doc()),
        ColumnIndex::Optional(present) => u64::from(present.num_non_nulls()),
        ColumnIndex::Multivalued(ranges) => ranges.iter_non_null_docs().count() as u64,
    };
    let ColumnIndex::Multivalued(ranges) = &column.index else {
        return (documents, u64::from(column.values.num_vals()));
    };
    let (mut all, mut of_document) = (0, Vec::new());
    for document in ranges.iter_non_null_docs() {
        of_document.clear();
        of_document.extend(column.values_for_doc(document));
        of_document.sort_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
        of_document.dedup();
        all += of_document.len() as u64;
    }
    (documents, all)
}
