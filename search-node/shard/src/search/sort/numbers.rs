//! Keys that sort by a column of numbers, or of the numbers of terms: what documents can have at best is known of whole runs of them.

use tantivy::columnar::{Cardinality, Column, MonotonicallyMappableToU64};

use super::key::{Values, ordinal_place};
use super::{Place, SegmentKey, SortValue, ordered_f64, ordered_i64};
use crate::engine::{SegmentFielddata, Zones};
use crate::search::sorted::Runs;

/// The values of a key as numbers in their order, and how places are made of these.
struct Numbers {
    column: Column<u64>,
    place: fn(u64) -> u128,
}

impl SegmentKey<'_> {
    fn numbers(&self) -> Option<Numbers> {
        if self.is_converted || self.children.is_some() {
            return None;
        }
        let (column, place): (_, fn(u64) -> u128) = match &self.values {
            Values::I64(column) => (column.clone().to_u64_monotonic(), u128::from),
            Values::U64(column) => (column.clone(), u128::from),
            Values::SeqNo(column) => (column.clone(), |number| ordered_i64(number as i64)),
            Values::F64(column) => {
                (column.clone().to_u64_monotonic(), |number| ordered_f64(f64::from_u64(number)))
            }
            Values::Text(terms) => (terms.all_ordinals()?.clone(), ordinal_place),
            _ => return None,
        };
        // What is made of several values may be beyond all of them.
        let is_one = self.key.mode().takes_one() || column.get_cardinality() != Cardinality::Multivalued;
        is_one.then_some(Numbers { column, place })
    }

    /// The better place of a value's and that of documents without one.
    fn or_missing(&self, place: Place, may_miss: bool) -> Place {
        if may_miss { place.min(self.missing) } else { place }
    }

    /// The best place that a document of the segment can have; none where that is not known.
    pub(in crate::search) fn best(&self) -> Option<Place> {
        let Numbers { column, place } = self.numbers()?;
        // The numbers of terms are those of the segment, and tell nothing beside others.
        if matches!(self.values, Values::Text(_)) {
            return Some(0);
        }
        let value = if self.key.descending { column.max_value() } else { column.min_value() };
        let may_miss = column.get_cardinality() != Cardinality::Full;
        Some(self.or_missing(self.oriented(Some(place(value))), may_miss))
    }

    /// The runs of a segment's documents by what they can have at best; none where that is not known.
    pub(in crate::search) fn runs(&self, kept: &SegmentFielddata, name: &str) -> Option<Runs> {
        let Numbers { column, place } = self.numbers()?;
        let best = |zones: &Zones, number: usize| {
            let zone = zones.zones()[number];
            if zone.values == 0 {
                return self.missing;
            }
            let value = if self.key.descending { zone.greatest } else { zone.least };
            // A run with several values for some document may have others without one.
            self.or_missing(self.oriented(Some(place(value))), !zones.is_full(number))
        };
        Some(Runs::new(Zones::of(kept, name, &column), best))
    }

    /// The place that a hit of another segment has here.
    pub(in crate::search) fn place_of_hit(&self, value: &SortValue) -> Option<Place> {
        self.place_of(value).ok()
    }
}
