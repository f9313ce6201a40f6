//! The terms of a field in a segment, as sorts and aggregations read them: by their numbers, which are in the order of the terms.

use std::io;

use tantivy::DocId;
use tantivy::columnar::StrColumn;

use super::SortValue;
use crate::mapping::{FieldKind, decode_version, encode_version};

/// The terms of a column, and how their values are written.
pub(crate) struct Terms {
    column: StrColumn,
    are_versions: bool,
}

impl Terms {
    pub(crate) fn new(column: StrColumn, kind: &FieldKind) -> Self {
        Self { column, are_versions: *kind == FieldKind::Version }
    }

    /// The numbers of a document's terms.
    pub(crate) fn ordinals(&self, document: DocId) -> impl Iterator<Item = u64> + '_ {
        self.column.term_ords(document)
    }

    /// The value of a term.
    pub(crate) fn value(&self, ordinal: u64) -> io::Result<String> {
        let mut text = String::new();
        self.column.ord_to_str(ordinal, &mut text)?;
        Ok(if self.are_versions { decode_version(&text) } else { text })
    }

    /// The value of a term, as hits are ordered by it.
    pub(crate) fn sort_value(&self, ordinal: u64) -> io::Result<SortValue> {
        if !self.are_versions {
            return self.value(ordinal).map(SortValue::Text);
        }
        let mut encoded = String::new();
        self.column.ord_to_str(ordinal, &mut encoded)?;
        Ok(SortValue::Version(encoded))
    }

    /// The bytes of a term, which are the same in every segment; whether there is one of this number.
    pub(crate) fn bytes(&self, ordinal: u64, bytes: &mut Vec<u8>) -> bool {
        bytes.clear();
        self.column.dictionary().ord_to_term(ordinal, bytes).unwrap_or(false)
    }

    /// The number of a value, or of the next one that is there.
    pub(crate) fn find(&self, value: &str) -> io::Result<Result<u64, u64>> {
        let encoded = self.are_versions.then(|| encode_version(value));
        let term = encoded.as_deref().unwrap_or(value).as_bytes();
        let dictionary = self.column.dictionary();
        if let Some(ordinal) = dictionary.term_ord(term)? {
            return Ok(Ok(ordinal));
        }
        let mut following = dictionary.range().ge(term).into_stream()?;
        Ok(Err(if following.advance() { following.term_ord() } else { dictionary.num_terms() as u64 }))
    }
}
