//! What segments and shards compute, and how it is joined: `reduce(a, b)` is `reduce(b, a)`.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::collect::JOINED_BYTES;
use super::field_formats::FieldFormats;
use super::hyperloglog::DistinctCounter;
use super::request::AggRequest;

/// The key of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Key {
    Integer(i64),
    Unsigned(u64),
    /// A decimal number by the order of its bits.
    Float(u64),
    Bool(bool),
    /// Milliseconds.
    Date(i64),
    Text(String),
    /// A version, in the order of releases.
    Version(String),
    /// An address, in the order of its bytes.
    Ip(Ipv6Addr),
}

/// One bucket: how many documents, and what is below.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Bucket {
    pub(super) count: u64,
    pub(super) subs: AggPartial,
}

/// The sums of a metric.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Sums {
    pub(super) count: u64,
    pub(super) sum: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Default for Sums {
    fn default() -> Self {
        Self { count: 0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY }
    }
}

impl Sums {
    pub(super) fn add(&mut self, value: f64) {
        self.count += 1;
        self.sum += value;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }
}

/// The state of one aggregation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum State {
    Terms(HashMap<Key, Bucket>),
    /// Buckets by the order of their keys.
    Histogram(BTreeMap<Key, Bucket>),
    Single(Bucket),
    Metric(Sums),
    Distinct(DistinctCounter),
}

/// The states of one level, in the order of the request; empty before anything was collected.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct AggPartial {
    pub(super) states: Vec<State>,
    /// How dates are written; of the outermost level only.
    pub(super) formats: Option<Box<FieldFormats>>,
}

impl AggPartial {
    /// How many buckets with keys there are in the outermost level.
    fn buckets(&self) -> usize {
        let of_state = |state: &State| match state {
            State::Terms(buckets) => buckets.len(),
            State::Histogram(buckets) => buckets.len(),
            State::Single(_) | State::Metric(_) | State::Distinct(_) => 0,
        };
        self.states.iter().map(of_state).sum()
    }
}

/// Joins what two segments or shards computed. Where there is no room for both, the one is kept as it is: whoever gives the room knows.
pub fn reduce(request: &AggRequest, a: AggPartial, b: AggPartial) -> AggPartial {
    if a.states.is_empty() {
        return b;
    }
    if b.states.is_empty() || request.room.meter().take(b.buckets() * JOINED_BYTES).is_err() {
        return a;
    }
    let formats = match (a.formats, b.formats) {
        (Some(a), Some(b)) => Some(Box::new(a.join(*b))),
        (a, b) => a.or(b),
    };
    let joined = request.nodes.iter().zip(a.states.into_iter().zip(b.states));
    AggPartial { states: joined.map(|(node, (a, b))| join(&node.subs, a, b)).collect(), formats }
}

fn join(subs: &AggRequest, a: State, b: State) -> State {
    match (a, b) {
        (State::Terms(mut a), State::Terms(b)) => {
            for (key, bucket) in b {
                match a.entry(key) {
                    hashbrown::hash_map::Entry::Occupied(mut known) => {
                        join_bucket(subs, known.get_mut(), bucket)
                    }
                    hashbrown::hash_map::Entry::Vacant(free) => {
                        free.insert(bucket);
                    }
                }
            }
            State::Terms(a)
        }
        (State::Histogram(mut a), State::Histogram(b)) => {
            for (key, bucket) in b {
                match a.entry(key) {
                    std::collections::btree_map::Entry::Occupied(mut known) => {
                        join_bucket(subs, known.get_mut(), bucket)
                    }
                    std::collections::btree_map::Entry::Vacant(free) => {
                        free.insert(bucket);
                    }
                }
            }
            State::Histogram(a)
        }
        (State::Single(mut a), State::Single(b)) => {
            join_bucket(subs, &mut a, b);
            State::Single(a)
        }
        (State::Metric(a), State::Metric(b)) => State::Metric(Sums {
            count: a.count + b.count,
            sum: a.sum + b.sum,
            min: a.min.min(b.min),
            max: a.max.max(b.max),
        }),
        (State::Distinct(mut a), State::Distinct(b)) => {
            a.merge(b);
            State::Distinct(a)
        }
        // States of one request are of one kind; should they ever differ, the first is kept rather than a panic.
        (a, _) => a,
    }
}

fn join_bucket(subs: &AggRequest, a: &mut Bucket, b: Bucket) {
    a.count += b.count;
    a.subs = reduce(subs, std::mem::take(&mut a.subs), b.subs);
}
