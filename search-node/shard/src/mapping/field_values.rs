//! The typed values of one document, as tantivy takes them. Texts that stand in the JSON as they are stay there.
//!
//! Indexing reads every value several times and keeps none, so nothing is copied for each of them: a text is a place in the
//! document's own bytes. The buffers serve one document after the other.

use std::cmp::Ordering;
use std::net::Ipv6Addr;
use std::sync::Arc;

use tantivy::schema::Field;
use tantivy::schema::document::{Document, ReferenceValue, ReferenceValueLeaf, Value};

use crate::analysis::begin_document;

/// The typed values of one document.
#[derive(Debug, Clone, Default)]
pub(crate) struct FieldValues {
    /// The document's JSON, as it came.
    source: String,
    /// Where the caller's copy of it stands in memory, which tells texts of the document from others.
    origin: usize,
    /// Texts that do not stand in the JSON: unescaped ones, numbers as keywords, ids.
    made: String,
    /// Bytes, which never stand in the JSON.
    bytes: Vec<u8>,
    /// Those of the document that is read just now: of a nested object while that is open.
    values: Values,
    /// Those of the documents around it, outermost first.
    around: Vec<Values>,
    /// Those of the nested objects that were read, in the order in which they are written.
    nested: Vec<Values>,
}

type Values = Vec<(Field, Held)>;

/// A value, or the place of its text.
#[derive(Debug, Clone, Copy)]
enum Held {
    Source,
    InSource(usize, usize),
    Made(usize, usize),
    I64(i64),
    U64(u64),
    F64(f64),
    Bool(bool),
    Ip(Ipv6Addr),
    Bytes(usize, usize),
}

impl FieldValues {
    /// Forgets the document before and begins with another.
    pub(crate) fn begin(&mut self, source: &str) {
        self.source.clear();
        self.source.push_str(source);
        self.origin = source.as_ptr() as usize;
        self.made.clear();
        self.bytes.clear();
        self.values.clear();
        self.around.clear();
        self.nested.clear();
    }

    /// Begins with a nested object: what is added from now on is its own.
    pub(crate) fn begin_nested(&mut self) {
        self.around.push(std::mem::take(&mut self.values));
    }

    /// Ends a nested object and goes on with what is around it. Those in it were ended before, so that each stands behind them.
    pub(crate) fn end_nested(&mut self) {
        let around = self.around.pop().unwrap_or_default();
        self.nested.push(std::mem::replace(&mut self.values, around));
    }

    /// The same, and nothing is kept of it.
    pub(crate) fn discard_nested(&mut self) {
        self.values = self.around.pop().unwrap_or_default();
    }

    /// Gives the values of the open nested object to one of the documents around it, too, outermost first; but for one field.
    pub(crate) fn include(&mut self, around: usize, without: Option<Field>) {
        if let Some(target) = self.around.get_mut(around) {
            target.extend(self.values.iter().filter(|(field, _)| Some(*field) != without));
        }
    }

    /// Goes over to one of the documents around, outermost first; a second time goes back.
    pub(crate) fn go_over(&mut self, around: usize) {
        if let Some(other) = self.around.get_mut(around) {
            std::mem::swap(other, &mut self.values);
        }
    }

    /// How many nested objects there are, at every depth.
    pub(crate) fn nested(&self) -> usize {
        self.nested.len()
    }

    /// Gives every nested object a value.
    pub(crate) fn add_u64_to_nested(&mut self, field: Field, value: u64) {
        self.nested.iter_mut().for_each(|values| values.push((field, Held::U64(value))));
    }

    /// Begins with a document whose values cannot be read. What is no text is kept as far as it is one: no such document
    /// was ever accepted.
    pub(crate) fn begin_unread(&mut self, source: &[u8]) {
        self.begin(&String::from_utf8_lossy(source));
    }

    /// The JSON itself.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// The JSON itself as a value, a text: tantivy's store writes and reads bytes one by one. Gives its size.
    pub(crate) fn add_source(&mut self, field: Field) -> usize {
        self.values.push((field, Held::Source));
        self.source.len()
    }

    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// The texts of a field.
    pub(crate) fn texts_of(&self, field: Field) -> impl Iterator<Item = &str> {
        let of_field = self.values.iter().filter(move |(known, _)| *known == field);
        of_field.filter_map(|(_, held)| match self.value(*held) {
            FieldValue::Text(text) => Some(text),
            _ => None,
        })
    }

    /// The whole numbers of a field.
    #[cfg(test)]
    pub(super) fn i64s_of(&self, field: Field) -> Vec<i64> {
        let of_field = self.values.iter().filter(|(known, _)| *known == field);
        let numbers = of_field.filter_map(|(_, held)| match held {
            Held::I64(number) => Some(*number),
            _ => None,
        });
        numbers.collect()
    }

    /// Puts the values from `from` on before the others. tantivy sorts them by field, and those that are in order already
    /// cost it nothing.
    pub(crate) fn put_first(&mut self, from: usize) {
        let added = self.values.len().saturating_sub(from);
        self.values.rotate_right(added);
    }

    /// Puts the least or the greatest value of a field before its others: tantivy orders documents by the first.
    pub(crate) fn put_leading(&mut self, field: Field, is_greatest: bool) {
        let mut places = (0..self.values.len()).filter(|at| self.values[*at].0 == field);
        let Some(first) = places.next() else { return };
        let leading = places.fold(first, |leading, at| {
            let order = self.value(self.values[at].1).compare(self.value(self.values[leading].1));
            let is_better = if is_greatest { order.is_gt() } else { order.is_lt() };
            if is_better { at } else { leading }
        });
        self.values.swap(first, leading);
    }

    pub(crate) fn add_text(&mut self, field: Field, text: &str) {
        let held = match self.place(text) {
            Some((from, to)) => Held::InSource(from, to),
            None => {
                let from = self.made.len();
                self.made.push_str(text);
                Held::Made(from, self.made.len())
            }
        };
        self.values.push((field, held));
    }

    pub(crate) fn add_i64(&mut self, field: Field, value: i64) {
        self.values.push((field, Held::I64(value)));
    }

    pub(crate) fn add_u64(&mut self, field: Field, value: u64) {
        self.values.push((field, Held::U64(value)));
    }

    pub(crate) fn add_f64(&mut self, field: Field, value: f64) {
        self.values.push((field, Held::F64(value)));
    }

    pub(crate) fn add_bool(&mut self, field: Field, value: bool) {
        self.values.push((field, Held::Bool(value)));
    }

    pub(crate) fn add_ip(&mut self, field: Field, value: Ipv6Addr) {
        self.values.push((field, Held::Ip(value)));
    }

    pub(crate) fn add_bytes(&mut self, field: Field, value: &[u8]) {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.values.push((field, Held::Bytes(from, self.bytes.len())));
    }

    /// Where a text stands in the document, if it is a part of it.
    fn place(&self, text: &str) -> Option<(usize, usize)> {
        let from = (text.as_ptr() as usize).checked_sub(self.origin)?;
        let to = from.checked_add(text.len())?;
        // An address alone proves nothing once the caller's copy is gone.
        (self.source.get(from..to)? == text).then_some((from, to))
    }

    fn value(&self, held: Held) -> FieldValue<'_> {
        match held {
            Held::Source => FieldValue::Text(&self.source),
            Held::InSource(from, to) => FieldValue::Text(&self.source[from..to]),
            Held::Made(from, to) => FieldValue::Text(&self.made[from..to]),
            Held::I64(value) => FieldValue::I64(value),
            Held::U64(value) => FieldValue::U64(value),
            Held::F64(value) => FieldValue::F64(value),
            Held::Bool(value) => FieldValue::Bool(value),
            Held::Ip(value) => FieldValue::Ip(value),
            Held::Bytes(from, to) => FieldValue::Bytes(&self.bytes[from..to]),
        }
    }
}

/// One value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FieldValue<'a> {
    Text(&'a str),
    I64(i64),
    U64(u64),
    F64(f64),
    Bool(bool),
    Ip(Ipv6Addr),
    Bytes(&'a [u8]),
}

impl FieldValue<'_> {
    /// The order of two values of one field, which are of one kind.
    fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::I64(a), Self::I64(b)) => a.cmp(&b),
            (Self::U64(a), Self::U64(b)) => a.cmp(&b),
            (Self::F64(a), Self::F64(b)) => a.total_cmp(&b),
            (Self::Bool(a), Self::Bool(b)) => a.cmp(&b),
            (Self::Ip(a), Self::Ip(b)) => a.cmp(&b),
            _ => Ordering::Equal,
        }
    }
}

impl<'a> Value<'a> for FieldValue<'a> {
    type ArrayIter = std::iter::Empty<Self>;
    type ObjectIter = std::iter::Empty<(&'a str, Self)>;

    fn as_value(&self) -> ReferenceValue<'a, Self> {
        ReferenceValue::Leaf(match *self {
            FieldValue::Text(value) => ReferenceValueLeaf::Str(value),
            FieldValue::I64(value) => ReferenceValueLeaf::I64(value),
            FieldValue::U64(value) => ReferenceValueLeaf::U64(value),
            FieldValue::F64(value) => ReferenceValueLeaf::F64(value),
            FieldValue::Bool(value) => ReferenceValueLeaf::Bool(value),
            FieldValue::Ip(value) => ReferenceValueLeaf::IpAddr(value),
            FieldValue::Bytes(value) => ReferenceValueLeaf::Bytes(value),
        })
    }
}

/// The values as a document that can be given away and had back: tantivy takes documents for good.
#[derive(Debug, Clone, Default)]
pub(crate) struct SharedValues(Arc<FieldValues>);

impl SharedValues {
    /// The values, to be filled. Should somebody still hold them, it is given new ones.
    pub(crate) fn edit(&mut self) -> &mut FieldValues {
        if Arc::get_mut(&mut self.0).is_none() {
            self.0 = Arc::default();
        }
        Arc::make_mut(&mut self.0)
    }

    /// How many nested objects there are, at every depth.
    pub(crate) fn nested(&self) -> usize {
        self.0.nested()
    }

    /// One of the nested objects as a document of its own.
    pub(crate) fn nested_at(&self, at: usize) -> NestedValues {
        NestedValues { of: Arc::clone(&self.0), at }
    }
}

/// The values of one nested object.
#[derive(Debug)]
pub(crate) struct NestedValues {
    of: Arc<FieldValues>,
    at: usize,
}

impl Document for NestedValues {
    type Value<'a> = FieldValue<'a>;
    type FieldsValuesIter<'a> = FieldsAndValues<'a>;

    fn iter_fields_and_values(&self) -> FieldsAndValues<'_> {
        begin_document();
        let values = self.of.nested.get(self.at).map_or(&[][..], Vec::as_slice);
        FieldsAndValues { of: &self.of, rest: values.iter() }
    }
}

impl Document for SharedValues {
    type Value<'a> = FieldValue<'a>;
    type FieldsValuesIter<'a> = FieldsAndValues<'a>;

    fn iter_fields_and_values(&self) -> FieldsAndValues<'_> {
        begin_document();
        FieldsAndValues { of: &self.0, rest: self.0.values.iter() }
    }
}

/// Every field with one of its values, in the order of the document.
pub(crate) struct FieldsAndValues<'a> {
    of: &'a FieldValues,
    rest: std::slice::Iter<'a, (Field, Held)>,
}

impl<'a> Iterator for FieldsAndValues<'a> {
    type Item = (Field, FieldValue<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (field, held) = *self.rest.next()?;
        Some((field, self.of.value(held)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rest.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(values: &SharedValues) -> Vec<String> {
        values.iter_fields_and_values().map(|(_, value)| value.as_str().unwrap_or("?").to_owned()).collect()
    }

    #[test]
    fn a_text_of_the_document_is_a_place_in_it_and_any_other_is_kept() {
        let field = Field::from_field_id(0);
        let source = r#"{"a":"naïve","b":""}"#.to_owned();
        let mut values = SharedValues::default();

        values.edit().begin(&source);
        let copy = source[6..12].to_owned();
        for text in [&source[6..12], &source[18..18], "elsewhere", copy.as_str()] {
            values.edit().add_text(field, text);
        }

        assert_eq!(values.edit().made, "elsewherenaïve");
        drop(source);
        assert_eq!(texts(&values), ["naïve", "", "elsewhere", "naïve"]);
    }

    #[test]
    fn the_value_that_counts_comes_first_of_its_field() {
        let (sorted, other) = (Field::from_field_id(1), Field::from_field_id(0));
        for (is_greatest, expected) in [(false, ["b", "z", "a", "y"]), (true, ["b", "z", "y", "a"])] {
            let mut values = SharedValues::default();
            values.edit().begin("{}");
            for (field, text) in [(other, "b"), (other, "z"), (sorted, "y"), (sorted, "a")] {
                values.edit().add_text(field, text);
            }

            values.edit().put_leading(sorted, is_greatest);

            assert_eq!(texts(&values), expected, "{is_greatest}");
        }
    }

    /// The buffers are used again, unless somebody still reads them.
    #[test]
    fn the_next_document_does_not_change_the_one_that_was_given_away() {
        let field = Field::from_field_id(0);
        let mut values = SharedValues::default();
        values.edit().begin("{}");
        values.edit().add_text(field, "first");
        let given = values.clone();

        values.edit().begin("{}");
        values.edit().add_text(field, "second");

        assert_eq!((texts(&given), texts(&values)), (vec!["first".to_owned()], vec!["second".to_owned()]));
    }
}
