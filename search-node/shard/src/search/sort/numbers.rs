//! Keys that sort by a column of numbers: what documents can have at best is known of whole runs of them.

use tantivy::columnar::{Cardinality, Column, MonotonicallyMappableToU64};

use super::{Missing, Place, SegmentKey, SortValue, Values, ordered_f64};
use crate::engine::{SegmentFielddata, Zones};
use crate::search::sorted::Runs;

/// The values of a key as numbers in their order, and how places are made of these.
struct Numbers {
    column: Column<u64>,
    place: fn(u64) -> u128,
}

impl SegmentKey<'_> {
    fn numbers(&self) -> Option<Numbers> {
        Some(match &self.values {
            Values::I64(column) => Numbers { column: column.clone().to_u64_monotonic(), place: u128::from },
            Values::SeqNo(column) | Values::U64(column) => {
                Numbers { column: column.clone(), place: u128::from }
            }
            Values::F64(column) => Numbers {
                column: column.clone().to_u64_monotonic(),
                place: |number| ordered_f64(f64::from_u64(number)),
            },
            _ => return None,
        })
    }

    /// The best place that a document of the segment can have; none where that is not known.
    pub(in crate::search) fn best(&self) -> Option<Place> {
        let Numbers { column, place } = self.numbers()?;
        let is_first = self.key.missing == Missing::First && column.get_cardinality() != Cardinality::Full;
        let value = if self.key.descending { column.max_value() } else { column.min_value() };
        Some(self.oriented((!is_first).then(|| place(value))))
    }

    /// The runs of a segment's documents by what they can have at best; none where that is not known.
    pub(in crate::search) fn runs(&self, kept: &SegmentFielddata, name: &str) -> Option<Runs> {
        let Numbers { column, place } = self.numbers()?;
        let best = |zones: &Zones, number: usize| {
            let zone = zones.zones()[number];
            let value = if self.key.descending { zone.greatest } else { zone.least };
            // A run with several values for some document may have others without one.
            let may_miss = zone.values == 0 || self.key.missing == Missing::First && !zones.is_full(number);
            self.oriented((!may_miss).then(|| place(value)))
        };
        Some(Runs::new(Zones::of(kept, name, &column), best))
    }

    /// The place that a hit of another segment has here.
    pub(in crate::search) fn place_of_hit(&self, value: &SortValue) -> Option<Place> {
        self.place_of(value).ok()
    }
}
