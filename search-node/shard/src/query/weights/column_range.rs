//! Documents with a value of a range in a column of numbers. By the zones of the column most documents are told without a look at their
//! values.

use std::ops::{Bound, RangeInclusive};
use std::sync::Arc;

use tantivy::columnar::{Column, MonotonicallyMappableToU64};
use tantivy::index::SegmentReader;
use tantivy::query::{
    AllScorer, ConstScorer, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight,
};
use tantivy::{DocId, DocSet, Score, TERMINATED, Term};

use super::explained::matched;
use super::weighed::AllSegments;
use crate::engine::{Lies, Zone, Zones, identities_in};
use crate::mapping::Storage;
use crate::query::faults::{Faults, Looks};

/// What a look at the documents of a zone takes, told in single documents.
const WORK_OF_ZONE: u32 = 32;

/// Documents with a value of a range.
#[derive(Debug, Clone)]
pub(in crate::query) struct ColumnRange {
    column: String,
    kind: Kind,
    /// The values as numbers in their order.
    range: RangeInclusive<u64>,
    segments: AllSegments,
    faults: Faults,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    I64,
    U64,
    F64,
}

impl ColumnRange {
    /// None for a column that has no numbers.
    pub(in crate::query) fn new(
        column: &str,
        storage: Storage,
        (lower, upper): (&Bound<Term>, &Bound<Term>),
        (segments, faults): (AllSegments, Faults),
    ) -> Option<Self> {
        let kind = match storage {
            Storage::I64 => Kind::I64,
            Storage::U64 => Kind::U64,
            Storage::F64 => Kind::F64,
            Storage::Text
            | Storage::Keyword
            | Storage::Bool
            | Storage::Ip
            | Storage::Terms
            | Storage::Presence
            | Storage::Bytes => return None,
        };
        let number = |term: &Term| match kind {
            Kind::I64 => term.value().as_i64().map(MonotonicallyMappableToU64::to_u64),
            Kind::U64 => term.value().as_u64(),
            Kind::F64 => term.value().as_f64().map(MonotonicallyMappableToU64::to_u64),
        };
        // A range without a number is empty, and so is one above the greatest.
        let nothing = RangeInclusive::new(1, 0);
        let from = match lower {
            Bound::Unbounded => Some(0),
            Bound::Included(term) => Some(number(term)?),
            Bound::Excluded(term) => number(term)?.checked_add(1),
        };
        let to = match upper {
            Bound::Unbounded => Some(u64::MAX),
            Bound::Included(term) => Some(number(term)?),
            Bound::Excluded(term) => number(term)?.checked_sub(1),
        };
        let range = from.zip(to).map_or(nothing, |(from, to)| from..=to);
        Some(Self { column: column.to_owned(), kind, range, segments, faults })
    }
}

impl ColumnRange {
    /// How many documents of a segment have such a value, about and at most.
    pub(in crate::query) fn most(&self, reader: &SegmentReader) -> tantivy::Result<u64> {
        let Some((_, zones)) = self.open(reader)? else { return Ok(0) };
        let meant = (0..zones.zones().len()).filter(|zone| zones.lies(*zone, &self.range) != Lies::Outside);
        Ok(meant.map(|zone| zones.documents(zone).len() as u64).sum())
    }

    /// The column with its zones; none in a segment that lacks it.
    fn open(&self, reader: &SegmentReader) -> tantivy::Result<Option<(Column<u64>, Arc<Zones>)>> {
        let Self { column: name, kind, range, segments, .. } = self;
        let columns = reader.fast_fields();
        let column = match kind {
            Kind::I64 => columns.column_opt::<i64>(name)?.map(Column::to_u64_monotonic),
            Kind::U64 => columns.column_opt::<u64>(name)?,
            Kind::F64 => columns.column_opt::<f64>(name)?.map(Column::to_u64_monotonic),
        };
        let Some(column) = column.filter(|column| !range.is_empty() && column.values.num_vals() > 0) else {
            return Ok(None);
        };
        if *range.start() > column.max_value() || *range.end() < column.min_value() {
            return Ok(None);
        }
        let zones = Zones::of(identities_in(&segments.0, reader)?.fielddata(), name, &column);
        Ok(Some((column, zones)))
    }
}

impl Query for ColumnRange {
    fn weight(&self, _scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(RangeWeight(self.clone())))
    }
}

struct RangeWeight(ColumnRange);

impl Weight for RangeWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let Some((column, zones)) = self.0.open(reader)? else { return Ok(Box::new(EmptyScorer)) };
        let range = self.0.range.clone();
        if (0..zones.zones().len()).all(|number| zones.lies(number, &range) == Lies::Inside) {
            return Ok(Box::new(ConstScorer::new(AllScorer::new(reader.max_doc()), boost)));
        }
        let looks = self.0.faults.looks();
        let mut documents =
            InRange { column, zones, range, zone: 0, found: Vec::new(), at: 0, inside: 0..0, looks };
        documents.enter(0);
        Ok(Box::new(ConstScorer::new(documents, boost)))
    }

    fn count(&self, reader: &SegmentReader) -> tantivy::Result<u32> {
        if let Some(alive) = reader.alive_bitset() {
            return Ok(self.scorer(reader, 1.0)?.count(alive));
        }
        let Some((column, zones)) = self.0.open(reader)? else { return Ok(0) };
        let (mut found, mut looks) = (Vec::new(), self.0.faults.looks());
        let zones_met = (0..zones.zones().len()).take_while(|_| !looks.is_over_after(WORK_OF_ZONE));
        let count = |number: usize| match zones.lies(number, &self.0.range) {
            Lies::Outside => 0,
            Lies::Inside => zones.documents(number).len() as u32,
            Lies::Across => {
                look(&column, &self.0.range, zones.documents(number), &mut found);
                found.len() as u32
            }
        };
        Ok(zones_met.map(count).sum())
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        matched(self, reader, document, "has a value of the range")
    }
}

/// Finds the documents of a run that have a value of a range, each once.
fn look(
    column: &Column<u64>,
    range: &RangeInclusive<u64>,
    documents: std::ops::Range<DocId>,
    found: &mut Vec<DocId>,
) {
    found.clear();
    column.get_docids_for_value_range(range.clone(), documents, found);
    found.dedup();
}

/// The documents of a range, zone by zone.
struct InRange {
    column: Column<u64>,
    zones: Arc<Zones>,
    range: RangeInclusive<u64>,
    /// The zone that is gone through.
    zone: usize,
    /// Its documents, where some of them are meant, and which of them is next.
    found: Vec<DocId>,
    at: usize,
    /// Its documents, where all of them are meant.
    inside: std::ops::Range<DocId>,
    looks: Looks,
}

impl InRange {
    /// Goes to the first document of a zone or one behind it.
    fn enter(&mut self, zone: usize) -> DocId {
        self.zone = zone;
        self.found.clear();
        self.at = 0;
        self.inside = 0..0;
        while self.zone < self.zones.zones().len() {
            if self.looks.is_over_after(WORK_OF_ZONE) {
                self.zone = self.zones.zones().len();
                break;
            }
            match self.zones.lies(self.zone, &self.range) {
                Lies::Outside => {}
                Lies::Inside => {
                    self.inside = self.zones.documents(self.zone);
                    return self.inside.start;
                }
                Lies::Across => {
                    look(&self.column, &self.range, self.zones.documents(self.zone), &mut self.found);
                    if let Some(first) = self.found.first() {
                        return *first;
                    }
                }
            }
            self.zone += 1;
        }
        TERMINATED
    }
}

impl DocSet for InRange {
    fn advance(&mut self) -> DocId {
        if !self.inside.is_empty() {
            self.inside.start += 1;
        } else {
            self.at += 1;
        }
        match self.doc() {
            TERMINATED if self.zone < self.zones.zones().len() => self.enter(self.zone + 1),
            document => document,
        }
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if self.doc() >= target {
            return self.doc();
        }
        if target >= self.zones.documents(self.zone).end {
            let zone = (target as usize / Zone::start(1) as usize).min(self.zones.zones().len());
            if self.enter(zone) >= target {
                return self.doc();
            }
        }
        if !self.inside.is_empty() {
            self.inside.start = target;
            return target;
        }
        self.at += self.found[self.at..].partition_point(|document| *document < target);
        match self.doc() {
            TERMINATED if self.zone < self.zones.zones().len() => self.enter(self.zone + 1),
            document => document,
        }
    }

    fn doc(&self) -> DocId {
        if self.inside.is_empty() {
            self.found.get(self.at).copied().unwrap_or(TERMINATED)
        } else {
            self.inside.start
        }
    }

    fn size_hint(&self) -> u32 {
        let of = |number: usize| match self.zones.lies(number, &self.range) {
            Lies::Outside => 0,
            Lies::Inside => self.zones.documents(number).len() as u32,
            Lies::Across => self.zones.documents(number).len() as u32 / 2,
        };
        (self.zone..self.zones.zones().len()).map(of).sum()
    }
}
