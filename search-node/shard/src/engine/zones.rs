//! Zones: the least and the greatest value of each run of documents in a column. Most runs tell by them alone whether their documents are
//! meant.

use std::ops::RangeInclusive;
use std::sync::Arc;

use tantivy::DocId;
use tantivy::columnar::{Cardinality, Column};

use super::fielddata::{Charge, Keepable, SegmentFielddata};

/// Documents of a zone. Fewer would tell more and take more; a column of a million documents has a thousand zones, of some twenty kilobytes.
pub(crate) const ZONE: u32 = 1_024;

/// The values of one zone, as numbers in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Zone {
    pub(crate) least: u64,
    pub(crate) greatest: u64,
    /// Values there; none where no document has one.
    pub(crate) values: u32,
}

impl Zone {
    /// The first document of a zone.
    pub(crate) fn start(number: usize) -> DocId {
        number as DocId * ZONE
    }
}

/// How the values of a zone lie to a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lies {
    /// All of its documents have a value, and all values are inside.
    Inside,
    /// Some may be.
    Across,
    Outside,
}

/// The zones of one column of a segment.
#[derive(Debug)]
pub(crate) struct Zones {
    zones: Vec<Zone>,
    documents: u32,
    /// Whether no document has several values.
    is_single: bool,
    /// What it takes of the memory for such things; none while it is made.
    charge: Option<Charge>,
}

impl Keepable for Zones {}

impl Zones {
    /// Those of a column, made once for the segment.
    pub(crate) fn of(kept: &SegmentFielddata, name: &str, column: &Column<u64>) -> Arc<Self> {
        let made = kept.get_or_make(
            &format!("zones {name}"),
            || Ok::<_, std::convert::Infallible>(()),
            |charge| Ok(Self::new(column).charged(charge)),
        );
        match made {
            Ok(zones) => zones,
            Err(never) => match never {},
        }
    }

    fn new(column: &Column<u64>) -> Self {
        let documents = column.num_docs();
        let mut values = Vec::new();
        let zone = |number: u32| {
            let (start, end) = (number * ZONE, (number * ZONE).saturating_add(ZONE).min(documents));
            let rows = column.index.docid_range_to_rowids(start..end);
            values.resize(rows.len(), 0);
            if !rows.is_empty() {
                column.values.get_range(u64::from(rows.start), &mut values);
            }
            let fold = |(least, greatest): (u64, u64), value: &u64| (least.min(*value), greatest.max(*value));
            let (least, greatest) = values.iter().fold((u64::MAX, 0), fold);
            Zone { least, greatest, values: rows.len() as u32 }
        };
        Self {
            zones: (0..documents.div_ceil(ZONE)).map(zone).collect(),
            documents,
            is_single: column.get_cardinality() != Cardinality::Multivalued,
            charge: None,
        }
    }

    fn charged(mut self, mut charge: Charge) -> Self {
        charge.set_in_any_case(self.zones.len() * size_of::<Zone>());
        self.charge = Some(charge);
        self
    }

    pub(crate) fn zones(&self) -> &[Zone] {
        &self.zones
    }

    /// The documents of a zone.
    pub(crate) fn documents(&self, number: usize) -> std::ops::Range<DocId> {
        let start = Zone::start(number);
        start..start.saturating_add(ZONE).min(self.documents)
    }

    /// Whether no document of a zone has several values, and each has one.
    pub(crate) fn is_full(&self, number: usize) -> bool {
        self.is_single && self.zones[number].values as usize == self.documents(number).len()
    }

    /// How the values of a zone lie to a range.
    pub(crate) fn lies(&self, number: usize, range: &RangeInclusive<u64>) -> Lies {
        let zone = self.zones[number];
        if zone.values == 0 || zone.greatest < *range.start() || zone.least > *range.end() {
            return Lies::Outside;
        }
        let is_inside = zone.least >= *range.start() && zone.greatest <= *range.end();
        if is_inside && self.is_full(number) { Lies::Inside } else { Lies::Across }
    }
}
