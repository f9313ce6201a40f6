//! Filling buckets in one segment.
//!
//! Buckets are numbered; an aggregation below another gets the number of the bucket that a document fell into, so
//! that the tree of collectors stays as small as the request, however many buckets there are.

use hashbrown::HashMap;
use tantivy::DocId;
use tantivy::index::SegmentReader;

use super::field_formats::FieldFormats;
use super::hyperloglog::DistinctCounter;
use super::members::Members;
use super::partial::{AggPartial, Bucket, Key, State, Sums};
use super::request::{AggRequest, Kind, Node};
use super::values::Values;
use crate::engine::View;
use crate::query::QueryContext;
use crate::search::{Meter, SearchError, Watch, Within};

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
                    if is_terms {
                        State::Terms(HashMap::with_capacity(keys.len() / owners))
                    } else {
                        State::Histogram(Default::default())
                    }
                };
                let mut states: Vec<State> = (0..owners).map(|_| empty()).collect();
                let shown = values.shown_keys(&node.kind, &keys, &mut meter)?;
                for ((((owner, _), key), count), subs) in keys.into_iter().zip(shown).zip(counts).zip(below) {
                    meter.take(JOINED_BYTES)?;
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
