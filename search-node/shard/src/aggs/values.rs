//! Values: those of a field in a segment, as buckets and figures count them, and the keys that stand for them among other segments.

use std::net::Ipv6Addr;

use hashbrown::HashMap;
use jiff::Timestamp;
use tantivy::DocId;
use tantivy::columnar::Column;
use tantivy::index::SegmentReader;

use super::hyperloglog::{spread, spread_bytes};
use super::partial::Key;
use super::request::{DateHistogram, Interval, Kind};
use crate::engine::{Layout, View};
use crate::json_values::plain;
use crate::mapping::dates::{Resolution, floor_to};
use crate::mapping::{FieldKind, Storage};
use crate::search::{Meter, SearchError, SortValue, Terms, Watch};

/// A field's values in a segment.
pub(super) enum Values {
    None,
    I64(Column<i64>),
    U64(Column<u64>),
    Date(Column<i64>),
    /// Dates in nanoseconds, which buckets and figures know in milliseconds.
    DateNanos(Column<i64>),
    F64(Column<f64>),
    Bool(Column<bool>),
    /// Addresses have more bits than a key: those met are numbered.
    Ip(Column<Ipv6Addr>, std::cell::RefCell<Met>),
    Text(Terms),
}

/// The addresses met so far and their numbers.
#[derive(Default)]
pub(super) struct Met {
    numbers: HashMap<Ipv6Addr, u64>,
    addresses: Vec<Ipv6Addr>,
}

impl Met {
    fn number(&mut self, address: Ipv6Addr) -> u64 {
        *self.numbers.entry(address).or_insert_with(|| {
            self.addresses.push(address);
            self.addresses.len() as u64 - 1
        })
    }
}

/// So many terms are read before memory for their letters is asked for.
const TERMS_AT_ONCE: usize = 4_096;

/// What a text takes beside its letters.
const TEXT_BYTES: usize = 32;

/// What a key takes elsewhere.
fn text_bytes(key: &Key) -> usize {
    match key {
        Key::Text(text) | Key::Version(text) => text.len() + TEXT_BYTES,
        _ => 0,
    }
}

/// The key of a document without a value, where the request gives such documents one.
const MISSING_KEY: u64 = u64::MAX;

impl Values {
    pub(super) fn open(
        path: &str,
        view: &View,
        reader: &SegmentReader,
        watch: &Watch<'_>,
    ) -> Result<Self, SearchError> {
        match view.runtime(reader, path, watch.ask())? {
            Some(values) => Self::open_in(path, &values.layout, &values.reader),
            None => Self::open_in(path, &view.layout, reader),
        }
    }

    fn open_in(path: &str, layout: &Layout, reader: &SegmentReader) -> Result<Self, SearchError> {
        if let Some(keyed) = layout.keyed(path).filter(|keyed| keyed.mapping.doc_values) {
            let column = reader.fast_fields().str(layout.schema.get_field_name(keyed.field))?;
            let terms = column.map(|column| Terms::keyed(column, keyed.key)).transpose()?;
            return Ok(terms.map_or(Values::None, Values::Text));
        }
        let Some(mapping) = layout.mapping.leaf(path) else {
            return Ok(Values::None);
        };
        let columns = reader.fast_fields();
        let name = layout.stored_name(path);
        Ok(match (mapping.kind.storage(), &mapping.kind) {
            (_, _) if !mapping.doc_values => Values::None,
            (Storage::I64, FieldKind::Date(_)) => {
                columns.column_opt::<i64>(name)?.map_or(Values::None, Values::Date)
            }
            (Storage::I64, FieldKind::DateNanos(_)) => {
                columns.column_opt::<i64>(name)?.map_or(Values::None, Values::DateNanos)
            }
            (Storage::I64, _) => columns.column_opt::<i64>(name)?.map_or(Values::None, Values::I64),
            (Storage::U64, _) => columns.column_opt::<u64>(name)?.map_or(Values::None, Values::U64),
            (Storage::F64, _) => columns.column_opt::<f64>(name)?.map_or(Values::None, Values::F64),
            (Storage::Bool | Storage::Presence, _) => {
                columns.column_opt::<bool>(name)?.map_or(Values::None, Values::Bool)
            }
            (Storage::Ip, _) => columns
                .column_opt::<Ipv6Addr>(name)?
                .map_or(Values::None, |column| Values::Ip(column, Default::default())),
            (Storage::Bytes, _) => Values::None,
            (Storage::Keyword | Storage::Text | Storage::Terms, kind) => {
                let terms = columns.str(name)?.map(|column| Terms::new(column, kind));
                terms.map_or(Values::None, Values::Text)
            }
        })
    }

    pub(super) fn has(&self, document: DocId) -> bool {
        match self {
            Values::None => false,
            Values::I64(column) | Values::Date(column) | Values::DateNanos(column) => {
                column.first(document).is_some()
            }
            Values::U64(column) => column.first(document).is_some(),
            Values::F64(column) => column.first(document).is_some(),
            Values::Bool(column) => column.first(document).is_some(),
            Values::Ip(column, _) => column.first(document).is_some(),
            Values::Text(terms) => terms.ordinals(document).next().is_some(),
        }
    }

    pub(super) fn each_number(&self, document: DocId, mut act: impl FnMut(f64)) {
        match self {
            Values::I64(column) | Values::Date(column) => {
                column.values_for_doc(document).for_each(|number| act(number as f64));
            }
            Values::DateNanos(column) => {
                column.values_for_doc(document).for_each(|nanos| act(millis_of(nanos) as f64));
            }
            Values::U64(column) => column.values_for_doc(document).for_each(|number| act(number as f64)),
            Values::F64(column) => column.values_for_doc(document).for_each(act),
            Values::Bool(column) => {
                column.values_for_doc(document).for_each(|flag| act(f64::from(u8::from(flag))))
            }
            // `value_count` counts values of any type; what a text is worth as a number is never shown.
            Values::Text(terms) => terms.ordinals(document).for_each(|_| act(0.0)),
            Values::Ip(column, _) => column.values_for_doc(document).for_each(|_| act(0.0)),
            Values::None => {}
        }
    }

    pub(super) fn each_hash(&self, document: DocId, mut act: impl FnMut(u64)) {
        match self {
            Values::I64(column) | Values::Date(column) => {
                column.values_for_doc(document).for_each(|number| act(spread(number as u64)));
            }
            Values::DateNanos(column) => {
                column.values_for_doc(document).for_each(|nanos| act(spread(millis_of(nanos) as u64)));
            }
            Values::U64(column) => {
                column.values_for_doc(document).for_each(|number| act(spread(number)));
            }
            Values::F64(column) => {
                column.values_for_doc(document).for_each(|number| act(spread(number.to_bits())))
            }
            Values::Bool(column) => {
                column.values_for_doc(document).for_each(|flag| act(spread(u64::from(flag))))
            }
            Values::Ip(column, _) => {
                column.values_for_doc(document).for_each(|address| act(spread_bytes(&address.octets())));
            }
            Values::Text(terms) => {
                let mut bytes = Vec::new();
                for ordinal in terms.ordinals(document) {
                    if terms.bytes(ordinal, &mut bytes) {
                        act(spread_bytes(&bytes));
                    }
                }
            }
            Values::None => {}
        }
    }

    /// The keys of a document's values in this segment.
    pub(super) fn each_key(&self, kind: &Kind, document: DocId, mut act: impl FnMut(u64)) {
        match (kind, self) {
            (Kind::DateHistogram(histogram), Values::Date(column) | Values::I64(column)) => {
                column.values_for_doc(document).for_each(|millis| act(date_bucket(histogram, millis) as u64));
            }
            (Kind::DateHistogram(histogram), Values::DateNanos(column)) => {
                let millis = column.values_for_doc(document).map(millis_of);
                millis.for_each(|millis| act(date_bucket(histogram, millis) as u64));
            }
            (Kind::Histogram(histogram), values) => values.each_number(document, |number| {
                let step = ((number - histogram.offset) / histogram.interval).floor();
                act(order_f64(step * histogram.interval + histogram.offset));
            }),
            (Kind::Terms(terms), values) => {
                let mut any = false;
                values.each_term(document, |key| {
                    any = true;
                    act(key);
                });
                if !any && terms.missing.is_some() {
                    act(MISSING_KEY);
                }
            }
            _ => {}
        }
    }

    fn each_term(&self, document: DocId, mut act: impl FnMut(u64)) {
        match self {
            Values::I64(column) | Values::Date(column) => {
                column.values_for_doc(document).for_each(|number| act(number as u64));
            }
            Values::DateNanos(column) => {
                column.values_for_doc(document).for_each(|nanos| act(millis_of(nanos) as u64));
            }
            Values::U64(column) => column.values_for_doc(document).for_each(act),
            Values::F64(column) => column.values_for_doc(document).for_each(|number| act(order_f64(number))),
            Values::Bool(column) => column.values_for_doc(document).for_each(|flag| act(u64::from(flag))),
            Values::Ip(column, met) => {
                for address in column.values_for_doc(document) {
                    let number = met.borrow_mut().number(address);
                    act(number);
                }
            }
            Values::Text(terms) => terms.ordinals(document).for_each(act),
            Values::None => {}
        }
    }

    /// The key that a bucket is known by outside this segment.
    /// The keys of buckets as others know them.
    pub(super) fn shown_keys(
        &self,
        kind: &Kind,
        keys: &[(u32, u64)],
        meter: &mut Meter,
    ) -> Result<Vec<Key>, SearchError> {
        let Self::Text(terms) = self else {
            return keys.iter().map(|(_, key)| self.shown_key(kind, *key)).collect();
        };
        meter.take(keys.len() * (size_of::<u64>() + 2 * size_of::<Key>()))?;
        let mut ordinals: Vec<u64> =
            keys.iter().map(|(_, key)| *key).filter(|key| *key != MISSING_KEY).collect();
        ordinals.sort_unstable();
        ordinals.dedup();
        let mut texts: Vec<Key> = Vec::with_capacity(ordinals.len());
        for some in ordinals.chunks(TERMS_AT_ONCE) {
            for key in terms.sort_values(some)?.into_iter().map(key_of) {
                meter.take(text_bytes(&key))?;
                texts.push(key);
            }
        }
        let are_once = ordinals.len() == keys.len();
        let mut shown = Vec::with_capacity(keys.len());
        for (_, key) in keys {
            shown.push(match ordinals.binary_search(key) {
                Ok(place) if are_once => std::mem::replace(&mut texts[place], Key::Bool(false)),
                Ok(place) => {
                    meter.take(text_bytes(&texts[place]))?;
                    texts[place].clone()
                }
                Err(_) => self.shown_key(kind, *key)?,
            });
        }
        Ok(shown)
    }

    fn shown_key(&self, kind: &Kind, key: u64) -> Result<Key, SearchError> {
        if let (Kind::Terms(terms), MISSING_KEY) = (kind, key)
            && let Some(missing) = &terms.missing
        {
            return Ok(match missing.as_i64() {
                Some(number) => Key::Integer(number),
                None => Key::Text(plain(missing)),
            });
        }
        Ok(match (kind, self) {
            (Kind::Histogram(_), _) => Key::Float(key),
            (Kind::DateHistogram(_), _) | (_, Values::Date(_) | Values::DateNanos(_)) => {
                Key::Date(key as i64)
            }
            (_, Values::I64(_) | Values::None) => Key::Integer(key as i64),
            (_, Values::U64(_)) => Key::Unsigned(key),
            (_, Values::F64(_)) => Key::Float(key),
            (_, Values::Bool(_)) => Key::Bool(key == 1),
            (_, Values::Ip(_, met)) => {
                let address = met.borrow().addresses.get(key as usize).copied();
                address.map_or_else(|| Key::Text(String::new()), Key::Ip)
            }
            (_, Values::Text(terms)) => key_of(terms.sort_value(key)?),
        })
    }
}

/// The value of a term as the key of its bucket.
fn key_of(value: SortValue) -> Key {
    match value {
        SortValue::Version(encoded) => Key::Version(encoded),
        SortValue::Text(text) => Key::Text(text),
        other => Key::Text(other.to_json().to_string()),
    }
}

fn millis_of(nanos: i64) -> i64 {
    Resolution::Nanos.to_millis(nanos)
}

/// Bits whose order is the order of the numbers.
pub(super) fn order_f64(number: f64) -> u64 {
    // -0.0 and 0.0 are one key.
    let bits = (number + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | (1 << 63) }
}

/// The number behind [`order_f64`].
pub(super) fn unorder_f64(bits: u64) -> f64 {
    f64::from_bits(if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits })
}

/// The start of the bucket that a moment falls into.
pub(super) fn date_bucket(histogram: &DateHistogram, millis: i64) -> i64 {
    let shifted = millis.saturating_sub(histogram.offset);
    let start = match histogram.interval {
        Interval::Fixed(interval) => {
            let local = local_offset(histogram, shifted);
            (shifted + local).div_euclid(interval) * interval - local
        }
        Interval::Calendar(unit) => Timestamp::from_millisecond(shifted)
            .ok()
            .and_then(|moment| floor_to(&moment.to_zoned_datetime(histogram.zone.clone()), unit))
            .map_or(shifted, |start| start.timestamp().as_millisecond()),
    };
    start + histogram.offset
}

fn local_offset(histogram: &DateHistogram, millis: i64) -> i64 {
    if histogram.zone == jiff::tz::TimeZone::UTC {
        return 0;
    }
    Timestamp::from_millisecond(millis)
        .map_or(0, |moment| i64::from(histogram.zone.to_offset(moment).seconds()) * 1000)
}
