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
    /// What the sum lacks of digits that did not fit into it: so it is the same in whatever order values are added, but for the last digit.
    lacks: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Default for Sums {
    fn default() -> Self {
        Self { count: 0, sum: 0.0, lacks: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY }
    }
}

impl Sums {
    pub(super) fn add(&mut self, value: f64) {
        self.count += 1;
        self.add_to_sum(value);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }
}

impl Sums {
    /// The sum with what it lacks.
    pub(super) fn sum(&self) -> f64 {
        if self.lacks.is_finite() { self.sum + self.lacks } else { self.sum }
    }

    /// The same as if the values of both had been added to one.
    fn and(mut self, other: Self) -> Self {
        self.add_to_sum(other.sum);
        self.add_to_sum(other.lacks);
        self.count += other.count;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self
    }

    /// Neumaier's way of summing up.
    fn add_to_sum(&mut self, value: f64) {
        let sum = self.sum + value;
        self.lacks += match self.sum.abs() >= value.abs() {
            true => (self.sum - sum) + value,
            false => (value - sum) + self.sum,
        };
        self.sum = sum;
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
        (State::Metric(a), State::Metric(b)) => State::Metric(a.and(b)),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl Iterator<Item = f64>) -> Sums {
        values.fold(Sums::default(), |mut sums, value| {
            sums.add(value);
            sums
        })
    }

    /// Segments, and parts of them, are joined in whatever order they are done.
    #[test]
    fn sums_are_the_same_in_whatever_order_values_come() {
        let values: Vec<f64> =
            (0..30_000).map(|n| f64::from(n % 700) / 10.0 + 1e6 * f64::from(n % 3)).collect();
        let whole = of(values.iter().copied());
        let exact = values.iter().map(|value| (value * 10.0).round() as i64).sum::<i64>() as f64 / 10.0;
        assert_eq!(whole.sum(), exact);
        for parts in [2, 7, 1_000] {
            let joined = values.chunks(parts).rev().map(|part| of(part.iter().copied()));
            let joined = joined.fold(Sums::default(), Sums::and);
            assert_eq!((joined.sum(), joined.count), (exact, whole.count), "{parts}");
        }
        assert_eq!(of(std::iter::repeat_n(0.1, 240_000)).sum(), 24_000.0);
        assert_eq!(of([f64::INFINITY, 1.0].into_iter()).sum(), f64::INFINITY);
    }
}
