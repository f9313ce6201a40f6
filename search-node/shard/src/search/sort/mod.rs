//! Sorting: the keys of a request, a document's place under them, and the order of hits from several shards.
//!
//! Within a segment each key becomes a number whose order is the wanted one, so that most documents cost one
//! comparison; only the winners' values are read out.

mod numbers;

use std::cmp::Ordering;
use std::net::Ipv6Addr;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tantivy::columnar::Column;
use tantivy::index::SegmentReader;

use super::id_key::{Ids, first_place, id_of, places};
use super::{AskStop, Hit, SearchError, SearchRequest, Terms};
use crate::engine::{Layout, SEQ_NO, View, identities_in};
use crate::mapping::dates::{DateFormats, Resolution};
use crate::mapping::{FieldKind, FieldMapping, IGNORED, Storage, decode_version, show_ip};
use crate::query::QueryError;

/// What a key sorts by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortField {
    /// The score.
    Score,
    /// The order in the index, the cheapest one.
    Doc,
    /// The order of operations in the shard.
    SeqNo,
    /// A field.
    Field(String),
}

/// Where documents without a value go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Behind all others.
    Last,
    /// Before all others.
    First,
}

/// Which of several values counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortMode {
    /// The least.
    Min,
    /// The greatest.
    Max,
}

/// One key of the order.
#[derive(Debug, Clone, PartialEq)]
pub struct SortKey {
    /// What it sorts by.
    pub field: SortField,
    /// Whether the greatest comes first.
    pub descending: bool,
    /// Where documents without a value go.
    pub missing: Missing,
    /// Which of several values counts; the least when ascending, the greatest when descending, if not said.
    pub mode: Option<SortMode>,
    /// How dates are shown and read (`format`).
    pub format: Option<DateFormats>,
    /// Whether a field that the mapping lacks counts as having no values.
    pub unmapped_ok: bool,
}

/// A hit's value under a key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum SortValue {
    /// No value.
    Null,
    /// A whole number, a flag, or a date in milliseconds.
    Integer(i64),
    /// A number of `unsigned_long`.
    Unsigned(u64),
    /// A decimal number or a score.
    Float(f64),
    /// A text.
    Text(String),
    /// An address, in the order of its bytes.
    Ip(Ipv6Addr),
    /// A version, in the order of releases.
    Version(String),
    /// A date, in the order of time, as the request has it shown.
    Date {
        /// The moment as the field has it.
        moment: i64,
        /// The text.
        shown: String,
    },
}

impl SortValue {
    /// The value as the API shows it.
    pub fn to_json(&self) -> Value {
        match self {
            SortValue::Null => Value::Null,
            SortValue::Integer(number) => json!(number),
            SortValue::Unsigned(number) => json!(number),
            SortValue::Float(number) => json!(number),
            SortValue::Text(text) => json!(text),
            SortValue::Ip(address) => json!(show_ip(*address)),
            SortValue::Version(encoded) => json!(decode_version(encoded)),
            SortValue::Date { shown, .. } => json!(shown),
        }
    }

    /// A value of `search_after`.
    pub fn from_json(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(SortValue::Null),
            Value::Bool(flag) => Some(SortValue::Integer(i64::from(*flag))),
            Value::Number(number) => {
                let whole = number.as_i64().map(SortValue::Integer);
                let whole = whole.or_else(|| number.as_u64().map(SortValue::Unsigned));
                whole.or_else(|| number.as_f64().map(SortValue::Float))
            }
            Value::String(text) => Some(SortValue::Text(text.clone())),
            Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// The order of two hits, of one shard or several.
pub fn compare_hits(a: &Hit, b: &Hit, keys: &[SortKey]) -> Ordering {
    let by_keys = if keys.is_empty() {
        b.score.unwrap_or_default().total_cmp(&a.score.unwrap_or_default())
    } else {
        keys.iter()
            .zip(a.sort.iter().zip(&b.sort))
            .map(|(key, (a, b))| compare_values(a, b, key))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    };
    by_keys.then_with(|| (a.shard, a.segment, a.document).cmp(&(b.shard, b.segment, b.document)))
}

fn compare_values(a: &SortValue, b: &SortValue, key: &SortKey) -> Ordering {
    let missing_first = key.missing == Missing::First;
    match (a, b) {
        (SortValue::Null, SortValue::Null) => Ordering::Equal,
        (SortValue::Null, _) if missing_first => Ordering::Less,
        (SortValue::Null, _) => Ordering::Greater,
        (_, SortValue::Null) if missing_first => Ordering::Greater,
        (_, SortValue::Null) => Ordering::Less,
        (a, b) => {
            let order = match (a, b) {
                (SortValue::Integer(a), SortValue::Integer(b)) => a.cmp(b),
                (SortValue::Unsigned(a), SortValue::Unsigned(b)) => a.cmp(b),
                (SortValue::Text(a), SortValue::Text(b)) => a.cmp(b),
                (SortValue::Ip(a), SortValue::Ip(b)) => a.cmp(b),
                (SortValue::Version(a), SortValue::Version(b)) => a.cmp(b),
                (SortValue::Date { moment: a, .. }, SortValue::Date { moment: b, .. }) => a.cmp(b),
                (a, b) => as_f64(a).total_cmp(&as_f64(b)),
            };
            if key.descending { order.reverse() } else { order }
        }
    }
}

fn as_f64(value: &SortValue) -> f64 {
    match value {
        SortValue::Integer(number) | SortValue::Date { moment: number, .. } => *number as f64,
        SortValue::Unsigned(number) => *number as f64,
        SortValue::Float(number) => *number,
        SortValue::Text(text) => text.parse().unwrap_or(f64::MAX),
        SortValue::Ip(_) | SortValue::Version(_) | SortValue::Null => f64::MAX,
    }
}

/// The place of a document under one key: smaller comes first. 0 and the greatest are for documents without a value.
pub(in crate::search) type Place = u128;

const FIRST: Place = 0;
const LAST: Place = Place::MAX;

/// A key in one segment.
pub(in crate::search) struct SegmentKey<'a> {
    key: &'a SortKey,
    values: Values<'a>,
    take_max: bool,
    /// How a date may be written in `search_after`.
    dates: Option<(Resolution, &'a DateFormats)>,
}

enum Values<'a> {
    Score,
    Doc,
    None,
    /// The only ones that may take several places.
    Id(Ids<'a>),
    I64(Column<i64>),
    SeqNo(Column<u64>),
    U64(Column<u64>),
    F64(Column<f64>),
    Bool(Column<bool>),
    Ip(Column<Ipv6Addr>),
    Text(Terms),
}

impl<'a> SegmentKey<'a> {
    /// The key's values in a segment; a field that the segment predates has none.
    pub(in crate::search) fn open(
        key: &'a SortKey,
        view: &'a View,
        reader: &SegmentReader,
        stop: AskStop<'_>,
    ) -> Result<Self, SearchError> {
        let layout = &view.layout;
        let values = match &key.field {
            SortField::Score => Values::Score,
            SortField::Doc => Values::Doc,
            SortField::SeqNo => Values::SeqNo(reader.fast_fields().u64(SEQ_NO)?),
            SortField::Field(path) if path == "_id" => {
                Values::Id(Ids::of(&identities_in(&view.identities, reader)?.uids))
            }
            SortField::Field(path) => match view.runtime(reader, path, stop)? {
                Some(values) => open_field(path, &values.layout, &values.reader)?,
                None => open_field(path, layout, reader)?,
            },
        };
        let take_max = key.mode.map_or(key.descending, |mode| mode == SortMode::Max);
        let dates = match &key.field {
            SortField::Field(path) => layout.mapping.searched(path).and_then(|field| field.kind.dates()),
            _ => None,
        };
        Ok(Self { key, values, take_max, dates })
    }

    /// Adds the places of a document: one, but for ids.
    pub(in crate::search) fn push_places(&self, document: u32, score: f32, to: &mut Vec<Place>) {
        match &self.values {
            Values::Id(ids) => {
                ids.with(document, |id| to.extend(places(id).map(|place| self.oriented(Some(place)))));
            }
            _ => to.push(self.place(document, score)),
        }
    }

    /// Why a place is not the document's, if something could not be read.
    pub(in crate::search) fn check(&self) -> Result<(), SearchError> {
        match &self.values {
            Values::Id(ids) => ids.fault().map_or(Ok(()), |fault| Err(fault.into())),
            _ => Ok(()),
        }
    }

    /// The first place of a document.
    pub(in crate::search) fn place(&self, document: u32, score: f32) -> Place {
        match &self.values {
            Values::Id(ids) => ids.with(document, |id| self.oriented(Some(first_place(id)))),
            Values::Score => self.oriented(Some(ordered_f64(f64::from(score)))),
            Values::Doc => self.oriented(Some(u128::from(document))),
            Values::None => self.oriented(None),
            Values::I64(column) => self.chosen(column.values_for_doc(document).map(ordered_i64)),
            Values::SeqNo(column) | Values::U64(column) => {
                self.chosen(column.values_for_doc(document).map(u128::from))
            }
            Values::F64(column) => self.chosen(column.values_for_doc(document).map(ordered_f64)),
            Values::Bool(column) => self.chosen(column.values_for_doc(document).map(u128::from)),
            Values::Ip(column) => self.chosen(column.values_for_doc(document).map(u128::from)),
            Values::Text(terms) => self.chosen(terms.ordinals(document).map(ordinal_place)),
        }
    }

    fn chosen(&self, values: impl Iterator<Item = u128>) -> Place {
        self.oriented(if self.take_max { values.max() } else { values.min() })
    }

    fn oriented(&self, value: Option<u128>) -> Place {
        match value {
            None if self.key.missing == Missing::First => FIRST,
            None => LAST,
            Some(value) => {
                let inside = value.min(LAST - 2) + 1;
                if self.key.descending { LAST - inside } else { inside }
            }
        }
    }

    /// The value behind the first of some places, read out for a winner, and how many places it takes.
    pub(in crate::search) fn value(&self, places: &[Place]) -> Result<(SortValue, usize), SearchError> {
        if let Values::Id(_) = self.values {
            let (id, count) = id_of(places.iter().map(|place| self.raw(*place)));
            return Ok((SortValue::Text(id), count));
        }
        Ok((places.first().map_or(Ok(SortValue::Null), |place| self.value_of(*place))?, 1))
    }

    /// A place without the direction.
    fn raw(&self, place: Place) -> Place {
        (if self.key.descending { LAST - place } else { place }).saturating_sub(1)
    }

    fn value_of(&self, place: Place) -> Result<SortValue, SearchError> {
        if place == FIRST || place == LAST {
            return Ok(SortValue::Null);
        }
        let raw = self.raw(place);
        Ok(match &self.values {
            Values::None | Values::Id(_) => SortValue::Null,
            Values::Score => SortValue::Float(unordered_f64(raw)),
            Values::Doc | Values::SeqNo(_) | Values::Bool(_) => SortValue::Integer(raw as i64),
            Values::U64(_) => SortValue::Unsigned(raw as u64),
            Values::I64(_) => self.shown((raw as u64 ^ (1 << 63)) as i64),
            Values::F64(_) => SortValue::Float(unordered_f64(raw)),
            Values::Ip(_) => SortValue::Ip(Ipv6Addr::from(raw)),
            Values::Text(terms) => terms.sort_value((raw / 2) as u64)?,
        })
    }

    /// A whole number; a date as the request has it shown.
    fn shown(&self, moment: i64) -> SortValue {
        match (&self.key.format, self.dates) {
            (Some(format), Some((resolution, _))) => {
                SortValue::Date { moment, shown: format.show_moment(resolution, moment, &TimeZone::UTC) }
            }
            _ => SortValue::Integer(moment),
        }
    }

    /// Adds the places of a value of `search_after`.
    pub(in crate::search) fn push_places_of(
        &self,
        value: &SortValue,
        to: &mut Vec<Place>,
    ) -> Result<(), SearchError> {
        match (&self.values, value) {
            (Values::Id(_), SortValue::Text(id)) => {
                to.extend(places(id).map(|place| self.oriented(Some(place))));
            }
            (Values::Id(_), SortValue::Integer(number)) => {
                to.extend(places(&number.to_string()).map(|place| self.oriented(Some(place))));
            }
            _ => to.push(self.place_of(value)?),
        }
        Ok(())
    }

    /// The place of a value of `search_after`, which may fall between two terms of the segment.
    fn place_of(&self, value: &SortValue) -> Result<Place, SearchError> {
        let fault = || no_place(self.key);
        let raw = match (&self.values, value) {
            (Values::Id(_), _) => return Err(fault().into()),
            (_, SortValue::Null) => None,
            (Values::None, _) => {
                // No document of this segment has a value: all come after, or all before.
                return Ok(if self.key.missing == Missing::First { LAST } else { FIRST });
            }
            (Values::I64(_), SortValue::Integer(number) | SortValue::Date { moment: number, .. }) => {
                Some(ordered_i64(*number))
            }
            (Values::I64(_), SortValue::Text(text)) => {
                let (resolution, own) = self.dates.ok_or_else(fault)?;
                let formats = self.key.format.as_ref().unwrap_or(own);
                let read = formats.read(text).ok_or_else(fault)?;
                Some(ordered_i64(resolution.moment(read, false)))
            }
            (Values::I64(_), SortValue::Float(number)) => Some(ordered_i64(*number as i64)),
            (Values::U64(_), SortValue::Unsigned(number)) => Some(u128::from(*number)),
            (
                Values::Score | Values::F64(_),
                value @ (SortValue::Integer(_) | SortValue::Unsigned(_) | SortValue::Float(_)),
            ) => Some(ordered_f64(as_f64(value))),
            (
                Values::Doc | Values::SeqNo(_) | Values::U64(_) | Values::Bool(_),
                SortValue::Integer(number),
            ) => Some(u128::try_from(*number).map_err(|_| fault())?),
            (Values::Ip(_), SortValue::Ip(address)) => Some(u128::from(*address)),
            (Values::Ip(_), SortValue::Text(text)) => {
                Some(crate::mapping::parse_ip(text).map(u128::from).ok_or_else(fault)?)
            }
            (Values::Text(terms), SortValue::Text(text)) => Some(place_of_text(terms, text)?),
            (Values::Text(terms), SortValue::Version(encoded)) => {
                Some(place_of_text(terms, &decode_version(encoded))?)
            }
            _ => return Err(fault().into()),
        };
        Ok(self.oriented(raw))
    }
}

fn open_field<'a>(path: &str, layout: &Layout, reader: &SegmentReader) -> Result<Values<'a>, SearchError> {
    if let Some(keyed) = layout.keyed(path) {
        let column = reader.fast_fields().str(layout.schema.get_field_name(keyed.field))?;
        let terms = column.map(|column| Terms::keyed(column, keyed.key)).transpose()?;
        return Ok(terms.map_or(Values::None, Values::Text));
    }
    let Some(mapping) = layout.mapping.leaf(path) else { return Ok(Values::None) };
    let columns = reader.fast_fields();
    let name = layout.stored_name(path);
    Ok(match mapping.kind.storage() {
        Storage::I64 => columns.column_opt::<i64>(name)?.map_or(Values::None, Values::I64),
        Storage::U64 => columns.column_opt::<u64>(name)?.map_or(Values::None, Values::U64),
        Storage::F64 => columns.column_opt::<f64>(name)?.map_or(Values::None, Values::F64),
        Storage::Bool | Storage::Presence => {
            columns.column_opt::<bool>(name)?.map_or(Values::None, Values::Bool)
        }
        Storage::Ip => columns.column_opt::<Ipv6Addr>(name)?.map_or(Values::None, Values::Ip),
        Storage::Keyword | Storage::Text | Storage::Terms => {
            let terms = columns.str(name)?.map(|column| Terms::new(column, &mapping.kind));
            terms.map_or(Values::None, Values::Text)
        }
    })
}

/// Refuses a text whose words are in no column.
pub(crate) fn check_words(layout: &Layout, path: &str, mapping: &FieldMapping) -> Result<(), QueryError> {
    if !mapping.kind.is_text() {
        return Ok(());
    }
    if !mapping.text_options().fielddata {
        return Err(no_column_for_text(path));
    }
    if !layout.has_words(layout.mapping.meant(path)) {
        return Err(QueryError::argument(format!(
            "fielddata of [{path}] was set after the field was mapped, and its words are in no column: write the documents into a new index (_reindex), or use a keyword field"
        )));
    }
    Ok(())
}

/// Refuses keys by which a shard cannot sort, and places to go on from that no document could have; whatever is in the shard.
pub(in crate::search) fn check_keys(request: &SearchRequest, layout: &Layout) -> Result<(), QueryError> {
    for key in &request.sort {
        check_key(key, layout)?;
    }
    let after = request.search_after.iter().flatten();
    let wrong = request.sort.iter().zip(after).find(|(key, value)| !can_follow(key, value, layout));
    wrong.map_or(Ok(()), |(key, _)| Err(no_place(key)))
}

fn check_key(key: &SortKey, layout: &Layout) -> Result<(), QueryError> {
    let SortField::Field(path) = &key.field else { return Ok(()) };
    if path == "_id" {
        return Ok(());
    }
    if let Some(keyed) = layout.keyed(path) {
        return match keyed.mapping.doc_values {
            true => Ok(()),
            false => Err(no_values_in_column(path, &keyed.mapping.type_name)),
        };
    }
    match layout.mapping.searched(path) {
        None if path == IGNORED => Err(no_values_in_column(path, path)),
        None if key.unmapped_ok => Ok(()),
        None => Err(QueryError::shard(format!("No mapping found for [{path}] in order to sort on"))),
        Some(mapping) if mapping.kind.is_text() => check_words(layout, path, mapping),
        Some(mapping)
            if !mapping.doc_values
                || matches!(mapping.kind, FieldKind::Structured(_) | FieldKind::Range { .. }) =>
        {
            Err(no_values_in_column(path, &mapping.type_name))
        }
        Some(_) => Ok(()),
    }
}

/// Whether a value of `search_after` is one of a key's.
fn can_follow(key: &SortKey, value: &SortValue, layout: &Layout) -> bool {
    let is_whole = |value: &SortValue| matches!(value, SortValue::Integer(number) if *number >= 0);
    let is_number = matches!(value, SortValue::Integer(_) | SortValue::Unsigned(_) | SortValue::Float(_));
    let path = match &key.field {
        SortField::Score => return is_number || *value == SortValue::Null,
        SortField::Doc | SortField::SeqNo => return is_whole(value) || *value == SortValue::Null,
        SortField::Field(path) if path == "_id" => {
            return matches!(value, SortValue::Text(_) | SortValue::Integer(_));
        }
        SortField::Field(path) => path,
    };
    if *value == SortValue::Null || layout.keyed(path).is_some() {
        return matches!(value, SortValue::Null | SortValue::Text(_));
    }
    let Some(mapping) = layout.mapping.searched(path) else { return true };
    match (mapping.kind.storage(), value) {
        (Storage::I64, SortValue::Text(text)) => mapping
            .kind
            .dates()
            .is_some_and(|(_, own)| key.format.as_ref().unwrap_or(own).read(text).is_some()),
        (Storage::I64, SortValue::Integer(_) | SortValue::Float(_) | SortValue::Date { .. }) => true,
        (Storage::U64, value) => matches!(value, SortValue::Unsigned(_)) || is_whole(value),
        (Storage::F64, _) => is_number,
        (Storage::Bool | Storage::Presence, value) => is_whole(value),
        (Storage::Ip, SortValue::Ip(_)) => true,
        (Storage::Ip, SortValue::Text(text)) => crate::mapping::parse_ip(text).is_some(),
        (Storage::Keyword | Storage::Text | Storage::Terms, value) => {
            matches!(value, SortValue::Text(_) | SortValue::Version(_))
        }
        _ => false,
    }
}

fn no_place(key: &SortKey) -> QueryError {
    let field = match &key.field {
        SortField::Field(path) => path,
        SortField::Score => "_score",
        SortField::Doc => "_doc",
        SortField::SeqNo => "_seq_no",
    };
    QueryError::argument(format!("Failed to parse search_after value for field [{field}]."))
}

/// What Elasticsearch says when a text field is sorted or aggregated.
fn no_column_for_text(path: &str) -> QueryError {
    QueryError::argument(format!(
        "Text fields are not optimised for operations that require per-document field data like aggregations and sorting, so these operations are disabled by default. Please use a keyword field instead, such as [{path}.keyword]."
    ))
}

/// What Elasticsearch says when a field is sorted or aggregated whose values are in no column.
pub(crate) fn no_values_in_column(path: &str, type_name: &str) -> QueryError {
    QueryError::argument(format!(
        "Can't load fielddata on [{path}] because fielddata is unsupported on fields of type [{type_name}]. Use doc values instead."
    ))
}

/// What is said when ids are aggregated. Elasticsearch says the same unless `indices.id_field_data.enabled`: it would
/// have to keep every id in memory.
pub(crate) fn no_column_for_ids() -> QueryError {
    QueryError::argument(
        "Fielddata access on the _id field is disallowed: every id would have to be kept in memory. Put the id into a keyword field of the document as well, and use that field instead.",
    )
}

fn ordered_i64(number: i64) -> u128 {
    u128::from(number as u64 ^ (1 << 63))
}

fn ordered_f64(number: f64) -> u128 {
    let bits = number.to_bits();
    u128::from(if bits >> 63 == 1 { !bits } else { bits | (1 << 63) })
}

fn unordered_f64(place: u128) -> f64 {
    let bits = place as u64;
    f64::from_bits(if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits })
}

/// Terms take the odd places, so that what lies between two of them has a place too.
fn ordinal_place(ordinal: u64) -> u128 {
    u128::from(ordinal) * 2 + 1
}

fn place_of_text(terms: &Terms, text: &str) -> Result<u128, SearchError> {
    Ok(match terms.find(text)? {
        Ok(ordinal) => ordinal_place(ordinal),
        Err(next) => u128::from(next) * 2,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_order_and_come_back() {
        let numbers = [f64::NEG_INFINITY, -1.5, -0.0, 0.0, 1e-300, 2.5, f64::INFINITY];
        for pair in numbers.windows(2) {
            assert!(ordered_f64(pair[0]) <= ordered_f64(pair[1]), "{pair:?}");
        }
        for number in numbers {
            assert_eq!(unordered_f64(ordered_f64(number)).to_bits(), number.to_bits());
        }
        assert!(ordered_i64(i64::MIN) < ordered_i64(-1) && ordered_i64(-1) < ordered_i64(i64::MAX));
    }
}
