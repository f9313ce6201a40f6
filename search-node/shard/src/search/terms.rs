//! The terms of a field in a segment, as sorts and aggregations read them: by their numbers, which are in the order of the terms.

use std::io;
use std::ops::Range;

use tantivy::DocId;
use tantivy::columnar::{Column, Dictionary, StrColumn};

use super::SortValue;
use crate::mapping::{FieldKind, encode_version, keyed_term};

/// The terms of a column, and how their values are written.
pub(crate) struct Terms {
    column: StrColumn,
    values: Written,
}

enum Written {
    /// As they are.
    Plain,
    Versions,
    /// Behind a key: what stands in front of them, and the numbers of its terms.
    Keyed(String, Range<u64>),
}

impl Terms {
    pub(crate) fn new(column: StrColumn, kind: &FieldKind) -> Self {
        let values = if *kind == FieldKind::Version { Written::Versions } else { Written::Plain };
        Self { column, values }
    }

    /// The values under a key of a flattened object.
    pub(crate) fn keyed(column: StrColumn, key: &str) -> io::Result<Self> {
        let dictionary = column.dictionary();
        let (first, behind) = (keyed_term(key, ""), format!("{key}\u{1}"));
        let range = first_from(dictionary, first.as_bytes())?..first_from(dictionary, behind.as_bytes())?;
        Ok(Self { column, values: Written::Keyed(first, range) })
    }

    /// The numbers of a document's terms.
    pub(crate) fn ordinals(&self, document: DocId) -> impl Iterator<Item = u64> + '_ {
        let is_meant = |ordinal: &u64| match &self.values {
            Written::Keyed(_, range) => range.contains(ordinal),
            Written::Plain | Written::Versions => true,
        };
        self.column.term_ords(document).filter(is_meant)
    }

    /// The numbers of all terms of all documents; none of those of a key, which are some of them.
    pub(crate) fn all_ordinals(&self) -> Option<&Column<u64>> {
        match &self.values {
            Written::Plain | Written::Versions => Some(self.column.ords()),
            Written::Keyed(..) => None,
        }
    }

    fn term(&self, ordinal: u64) -> io::Result<String> {
        let mut text = String::new();
        self.column.ord_to_str(ordinal, &mut text)?;
        Ok(text)
    }

    /// The value of a term, as hits are ordered by it.
    pub(crate) fn sort_value(&self, ordinal: u64) -> io::Result<SortValue> {
        Ok(self.value_of(self.term(ordinal)?))
    }

    /// The values of many terms, whose numbers rise: blocks of terms are read once, and not again for each of them.
    pub(crate) fn sort_values(&self, rising: &[u64]) -> io::Result<Vec<SortValue>> {
        let (mut values, mut fault) = (Vec::with_capacity(rising.len()), None);
        self.column.dictionary().sorted_ords_to_term_cb(rising, |term| match std::str::from_utf8(term) {
            Ok(text) => values.push(self.value_of(text.to_owned())),
            Err(error) => fault = Some(io::Error::new(io::ErrorKind::InvalidData, error)),
        })?;
        match fault {
            Some(fault) => Err(fault),
            None if values.len() < rising.len() => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "a column has fewer terms than it says"))
            }
            None => Ok(values),
        }
    }

    fn value_of(&self, mut text: String) -> SortValue {
        match &self.values {
            Written::Plain => SortValue::Text(text),
            Written::Versions => SortValue::Version(text),
            Written::Keyed(before, _) => SortValue::Text(text.split_off(before.len().min(text.len()))),
        }
    }

    /// The bytes of a term, which are the same in every segment; whether there is one of this number.
    pub(crate) fn bytes(&self, ordinal: u64, bytes: &mut Vec<u8>) -> bool {
        bytes.clear();
        self.column.dictionary().ord_to_term(ordinal, bytes).unwrap_or(false)
    }

    /// The number of a value, or of the next one that is there.
    pub(crate) fn find(&self, value: &str) -> io::Result<Result<u64, u64>> {
        let made = match &self.values {
            Written::Plain => value.to_owned(),
            Written::Versions => encode_version(value),
            Written::Keyed(before, _) => format!("{before}{value}"),
        };
        let dictionary = self.column.dictionary();
        match dictionary.term_ord(made.as_bytes())? {
            Some(ordinal) => Ok(Ok(ordinal)),
            None => first_from(dictionary, made.as_bytes()).map(Err),
        }
    }
}

/// The number of the first term that is not before one.
fn first_from(dictionary: &Dictionary, term: &[u8]) -> io::Result<u64> {
    let mut following = dictionary.range().ge(term).into_stream()?;
    Ok(if following.advance() { following.term_ord() } else { dictionary.num_terms() as u64 })
}
