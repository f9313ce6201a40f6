//! Filling buckets in one segment.
//!
//! Buckets are numbered; an aggregation below another gets the number of the bucket that a document fell into, so
//! that the tree of collectors stays as small as the request, however many buckets there are.

use std::net::Ipv6Addr;

use hashbrown::HashMap;
use jiff::Timestamp;
use tantivy::DocId;
use tantivy::columnar::Column;
use tantivy::index::SegmentReader;

use super::field_formats::FieldFormats;
use super::hyperloglog::{DistinctCounter, spread, spread_bytes};
use super::members::Members;
use super::partial::{AggPartial, Bucket, Key, State, Sums};
use super::request::{AggRequest, DateHistogram, Interval, Kind, Node};
use crate::engine::{Layout, View};
use crate::json_values::plain;
use crate::mapping::dates::{Resolution, floor_to};
use crate::mapping::{FieldKind, Storage};
use crate::query::QueryContext;
use crate::search::{Meter, Within};
use crate::search::{SearchError, SortValue, Terms, Watch};

/// The collectors of one level in one segment.
pub(crate) struct SegmentAggs<'a> {
    collectors: Vec<Collector<'a>>,
    formats: Option<Box<FieldFormats>>,
}

struct Collector<'a> {
    node: &'a Node,
    values: Values,
    state: Buckets,
    subs: SegmentAggs<'a>,
    /// Where memory for more is asked for. Who gets none goes on until the walk ends, which is soon.
    meter: Meter,
    /// What another bucket takes here, with what stands below it in lists.
    bucket_bytes: usize,
}

/// A field's values in a segment.
enum Values {
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
struct Met {
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

/// Numbered buckets, by the number of the bucket above and a key.
enum Buckets {
    Keyed {
        numbers: HashMap<(u32, u64), u32>,
        counts: Vec<u64>,
        keys: Vec<(u32, u64)>,
    },
    /// One bucket below each above: for documents of a filter, or without a value.
    Single {
        counts: Vec<u64>,
        members: Option<Members>,
    },
    Metric(Vec<Sums>),
    Distinct(Vec<DistinctCounter>),
}

/// What a bucket takes while a segment is gone through, about: its key and count in lists, and its number by its key, where the lists and the
/// table have grown to twice of what they need.
const KEYED_BYTES: usize = 128;

/// What it takes with those of other segments and shards, in a table that is copied as it grows.
pub(super) const JOINED_BYTES: usize = 3 * size_of::<(Key, Bucket)>();

/// What a text takes beside its letters.
const TEXT_BYTES: usize = 32;

/// What a key takes elsewhere.
fn text_bytes(key: &Key) -> usize {
    match key {
        Key::Text(text) | Key::Version(text) => text.len() + TEXT_BYTES,
        _ => 0,
    }
}

impl<'a> SegmentAggs<'a> {
    /// What another bucket above takes in the lists of this level. Those with keys ask for their buckets themselves.
    fn bytes_below(&self) -> usize {
        let bytes_of = |collector: &Collector<'_>| match collector.state {
            Buckets::Keyed { .. } => 0,
            Buckets::Single { .. } => 2 * size_of::<u64>() + collector.subs.bytes_below(),
            Buckets::Metric(_) => 2 * size_of::<Sums>(),
            Buckets::Distinct(_) => 2 * size_of::<DistinctCounter>(),
        };
        self.collectors.iter().map(bytes_of).sum()
    }

    /// What this level takes of another bucket above as it is given to others: a list has room for some before it has them.
    fn shown_bytes(&self) -> usize {
        let own = match self.collectors.len() {
            0 => 0,
            some => some.max(4) * size_of::<State>(),
        };
        let below =
            self.collectors.iter().filter(|collector| matches!(collector.state, Buckets::Single { .. }));
        own + below.map(|collector| collector.subs.shown_bytes()).sum::<usize>()
    }

    /// The collectors of a request.
    pub(crate) fn open(
        request: &'a AggRequest,
        view: &View,
        reader: &SegmentReader,
        context: &QueryContext<'_>,
        watch: &Watch<'_>,
    ) -> Result<Self, SearchError> {
        let formats = Some(Box::new(FieldFormats::of(request, view)));
        Ok(Self { formats, ..Self::open_level(request, &request.room, view, reader, context, watch)? })
    }

    fn open_level(
        request: &'a AggRequest,
        room: &Within,
        view: &View,
        reader: &SegmentReader,
        context: &QueryContext<'_>,
        watch: &Watch<'_>,
    ) -> Result<Self, SearchError> {
        let collectors = request.nodes.iter();
        let collectors = collectors.map(|node| Collector::open(node, room, view, reader, context, watch));
        Ok(Self { collectors: collectors.collect::<Result<_, _>>()?, formats: None })
    }

    /// Counts a match.
    pub(crate) fn collect(&mut self, document: DocId) {
        self.collect_in(document, 0);
    }

    fn collect_in(&mut self, document: DocId, owner: u32) {
        for collector in &mut self.collectors {
            collector.collect(document, owner);
        }
    }

    /// What this segment computed.
    pub(crate) fn finish(self) -> Result<AggPartial, SearchError> {
        let formats = self.formats.clone();
        let mut owners = self.finish_for(1)?;
        Ok(AggPartial { formats, ..owners.pop().unwrap_or_default() })
    }

    /// What was computed below each of `owners` buckets.
    fn finish_for(self, owners: usize) -> Result<Vec<AggPartial>, SearchError> {
        let mut partials = vec![AggPartial::default(); owners];
        for collector in self.collectors {
            for (partial, state) in partials.iter_mut().zip(collector.finish(owners)?) {
                partial.states.push(state);
            }
        }
        Ok(partials)
    }
}

impl<'a> Collector<'a> {
    fn open(
        node: &'a Node,
        room: &Within,
        view: &View,
        reader: &SegmentReader,
        context: &QueryContext<'_>,
        watch: &Watch<'_>,
    ) -> Result<Self, SearchError> {
        let mut meter = room.meter();
        let keyed = || Buckets::Keyed { numbers: HashMap::new(), counts: Vec::new(), keys: Vec::new() };
        let (field, state) = match &node.kind {
            Kind::Terms(terms) => (Some(&terms.field), keyed()),
            Kind::DateHistogram(histogram) => (Some(&histogram.field), keyed()),
            Kind::Histogram(histogram) => (Some(&histogram.field), keyed()),
            Kind::Missing { field } => (Some(field), Buckets::Single { counts: Vec::new(), members: None }),
            Kind::Metric { field, .. } => (Some(field), Buckets::Metric(Vec::new())),
            Kind::Cardinality { field, .. } => (Some(field), Buckets::Distinct(Vec::new())),
            Kind::Filter(query) => {
                let members = Members::open(query, view, reader, context, watch, &mut meter)?;
                (None, Buckets::Single { counts: Vec::new(), members: Some(members) })
            }
        };
        let values = field.map_or(Ok(Values::None), |field| Values::open(field, view, reader, watch))?;
        let subs = SegmentAggs::open_level(&node.subs, room, view, reader, context, watch)?;
        let bucket_bytes = KEYED_BYTES + subs.bytes_below();
        Ok(Self { node, values, state, subs, meter, bucket_bytes })
    }

    fn collect(&mut self, document: DocId, owner: u32) {
        match (&self.node.kind, &mut self.state) {
            (Kind::Metric { missing, .. }, Buckets::Metric(sums)) => {
                let sums = at(sums, owner, Sums::default);
                let before = sums.count;
                self.values.each_number(document, |number| sums.add(number));
                if let (true, Some(number)) = (sums.count == before, missing) {
                    sums.add(*number);
                }
            }
            (Kind::Cardinality { precision, .. }, Buckets::Distinct(counters)) => {
                let counter = at(counters, owner, || DistinctCounter::new(*precision));
                let before = counter.bytes();
                self.values.each_hash(document, |hash| counter.add(hash));
                let grown = counter.bytes();
                // The smaller table that it was copied from is gone.
                if let Some(more @ 1..) = grown.checked_sub(before) {
                    // Who gets none is told by the stop, and ends soon: nothing can be returned from here.
                    let _ = self.meter.take(more);
                }
            }
            (_, Buckets::Single { counts, members }) => {
                let is_in = match members {
                    Some(members) => members.have(document),
                    None => !self.values.has(document),
                };
                if is_in {
                    *at(counts, owner, || 0) += 1;
                    self.subs.collect_in(document, owner);
                }
            }
            (kind, Buckets::Keyed { numbers, counts, keys }) => {
                let (subs, meter, bucket_bytes) = (&mut self.subs, &mut self.meter, self.bucket_bytes);
                let mut last = None;
                self.values.each_key(kind, document, |key| {
                    // Several values of one document may fall into one bucket, which counts it once.
                    if last == Some(key) {
                        return;
                    }
                    last = Some(key);
                    let number = *numbers.entry((owner, key)).or_insert_with(|| {
                        // The same here.
                        let _ = meter.take(bucket_bytes);
                        keys.push((owner, key));
                        counts.push(0);
                        (counts.len() - 1) as u32
                    });
                    counts[number as usize] += 1;
                    subs.collect_in(document, number);
                });
            }
            _ => {}
        }
    }

    fn finish(self, owners: usize) -> Result<Vec<State>, SearchError> {
        let Self { node, values, state, subs, mut meter, .. } = self;
        Ok(match state {
            Buckets::Metric(mut sums) => {
                sums.resize_with(owners, Sums::default);
                sums.into_iter().map(State::Metric).collect()
            }
            Buckets::Distinct(mut counters) => {
                let precision =
                    if let Kind::Cardinality { precision, .. } = &node.kind { *precision } else { 0 };
                counters.resize_with(owners, || DistinctCounter::new(precision));
                counters.into_iter().map(State::Distinct).collect()
            }
            Buckets::Single { mut counts, members } => {
                members.map_or(Ok(()), |members| members.check())?;
                counts.resize(owners, 0);
                let below = subs.finish_for(owners)?;
                let buckets = counts.into_iter().zip(below);
                buckets.map(|(count, subs)| State::Single(Bucket { count, subs })).collect()
            }
            Buckets::Keyed { counts, keys, .. } => {
                meter.take(counts.len() * (size_of::<AggPartial>() + subs.shown_bytes()))?;
                let below = subs.finish_for(counts.len())?;
                let is_terms = matches!(node.kind, Kind::Terms(_));
                let empty = || {
                    if is_terms { State::Terms(HashMap::new()) } else { State::Histogram(Default::default()) }
                };
                let mut states: Vec<State> = (0..owners).map(|_| empty()).collect();
                for (((owner, key), count), subs) in keys.into_iter().zip(counts).zip(below) {
                    let key = values.shown_key(&node.kind, key)?;
                    meter.take(JOINED_BYTES + text_bytes(&key))?;
                    let bucket = Bucket { count, subs };
                    match &mut states[owner as usize] {
                        State::Terms(buckets) => drop(buckets.insert(key, bucket)),
                        State::Histogram(buckets) => drop(buckets.insert(key, bucket)),
                        State::Single(_) | State::Metric(_) | State::Distinct(_) => {}
                    }
                }
                states
            }
        })
    }
}

/// The element at a number, growing the list to it.
fn at<T>(list: &mut Vec<T>, number: u32, make: impl Fn() -> T) -> &mut T {
    let index = number as usize;
    if list.len() <= index {
        list.resize_with(index + 1, make);
    }
    &mut list[index]
}

/// The key of a document without a value, where the request gives such documents one.
const MISSING_KEY: u64 = u64::MAX;

impl Values {
    fn open(path: &str, view: &View, reader: &SegmentReader, watch: &Watch<'_>) -> Result<Self, SearchError> {
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

    fn has(&self, document: DocId) -> bool {
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

    fn each_number(&self, document: DocId, mut act: impl FnMut(f64)) {
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

    fn each_hash(&self, document: DocId, mut act: impl FnMut(u64)) {
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
    fn each_key(&self, kind: &Kind, document: DocId, mut act: impl FnMut(u64)) {
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
            (_, Values::Text(terms)) => match terms.sort_value(key)? {
                SortValue::Version(encoded) => Key::Version(encoded),
                SortValue::Text(text) => Key::Text(text),
                other => Key::Text(other.to_json().to_string()),
            },
        })
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
