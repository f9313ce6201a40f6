//! Field counts: how many documents of a segment have a field, and how many words it has there. Scores depend on them.

use std::cmp::Ordering;

use hashbrown::HashMap;
use parking_lot::Mutex;
use tantivy::columnar::{Column, ColumnIndex};
use tantivy::index::{InvertedIndexReader, SegmentReader};
use tantivy::postings::Postings;
use tantivy::schema::{Field, FieldType, IndexRecordOption};
use tantivy::{DocId, DocSet, TERMINATED, Term};

use crate::analysis::RAW;

/// How much there is of a field. Documents that are deleted count until a merge drops them, as in Lucene.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct FieldCounts {
    /// The documents, or nested objects, that have it.
    pub(crate) documents: u64,
    /// The words of all of them together.
    pub(crate) words: u64,
}

/// Terms of one segment whose frequencies are kept.
const TERMS_KEPT: usize = 4_096;

/// The counts of one segment that were asked for: a segment never changes.
#[derive(Debug, Default)]
pub(crate) struct CountedFields {
    fields: Mutex<HashMap<Field, FieldCounts>>,
    /// In how many documents each term is, all together.
    postings: Mutex<HashMap<Field, u64>>,
    /// How often terms are in all texts.
    terms: Mutex<HashMap<Term, u64>>,
}

impl CountedFields {
    /// Those of a field; `column` is what tells documents that have it, where the index does not.
    pub(crate) fn of(
        &self,
        reader: &SegmentReader,
        field: Field,
        column: Option<&str>,
    ) -> tantivy::Result<FieldCounts> {
        if let Some(known) = self.fields.lock().get(&field) {
            return Ok(*known);
        }
        let counted = count(reader, field, column)?;
        self.fields.lock().insert(field, counted);
        Ok(counted)
    }

    /// In how many documents each term of a field is, all together.
    pub(crate) fn postings(&self, reader: &SegmentReader, field: Field) -> tantivy::Result<u64> {
        if let Some(known) = self.postings.lock().get(&field) {
            return Ok(*known);
        }
        let sum = sum_of_documents(&*reader.inverted_index(field)?)?;
        self.postings.lock().insert(field, sum);
        Ok(sum)
    }

    /// How often a term is in all texts, those that were deleted too.
    pub(crate) fn frequency(&self, reader: &SegmentReader, term: &Term) -> tantivy::Result<u64> {
        if let Some(known) = self.terms.lock().get(term) {
            return Ok(*known);
        }
        let mut sum = 0;
        let index = reader.inverted_index(term.field())?;
        if let Some(mut postings) = index.read_postings(term, IndexRecordOption::WithFreqs)? {
            while postings.doc() != TERMINATED {
                sum += u64::from(postings.term_freq());
                postings.advance();
            }
        }
        let mut terms = self.terms.lock();
        if terms.len() >= TERMS_KEPT {
            terms.clear();
        }
        terms.insert(term.clone(), sum);
        Ok(sum)
    }
}

fn count(reader: &SegmentReader, field: Field, column: Option<&str>) -> tantivy::Result<FieldCounts> {
    let entry = reader.schema().get_field_entry(field);
    let index = reader.inverted_index(field)?;
    let words = match entry.field_type().get_index_record_option() {
        // Without frequencies a word counts once for a document.
        Some(IndexRecordOption::Basic) if is_text(entry.field_type()) => sum_of_documents(&index)?,
        _ => index.total_num_tokens(),
    };
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
    Ok(FieldCounts { documents, words: if is_text(entry.field_type()) { words } else { values } })
}

fn is_text(kind: &FieldType) -> bool {
    matches!(kind, FieldType::Str(options)
        if options.get_indexing_options().is_some_and(|indexing| indexing.tokenizer() != RAW))
}

/// The documents of each term, all together.
fn sum_of_documents(index: &InvertedIndexReader) -> tantivy::Result<u64> {
    let mut terms = index.terms().stream()?;
    let mut sum = 0;
    while terms.advance() {
        sum += u64::from(terms.value().doc_freq);
    }
    Ok(sum)
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
