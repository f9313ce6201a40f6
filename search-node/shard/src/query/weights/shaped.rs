//! Documents by how their shapes lie to one that is asked for. Most are told by the boxes around them, and whole zones of documents by the
//! least and the greatest sides of those; the shape itself is read of the others.

use std::ops::RangeInclusive;
use std::sync::Arc;

use tantivy::columnar::{BytesColumn, Column, MonotonicallyMappableToU64};
use tantivy::index::SegmentReader;
use tantivy::query::{EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, TERMINATED};

use super::walked::Walked;
use super::weighed::AllSegments;
use crate::engine::{Lies, Zone, Zones, identities_in};
use crate::geometry::{Bounds, Figure, Part, Relation, Spot, relates, unpack};
use crate::mapping::Point;
use crate::query::QueryError;
use crate::query::doc_values::{ValueField, Values};
use crate::query::faults::{Faults, Looks, READING};

/// What is asked for, and how what a document has lies to it.
#[derive(Debug)]
pub(in crate::query) struct Sought {
    figures: Vec<Figure>,
    /// Around all of them.
    bounds: Bounds,
    relation: Relation,
}

impl Sought {
    pub(in crate::query) fn new(figures: Vec<Figure>, relation: Relation) -> Self {
        let bounds = figures.iter().map(|figure| *figure.bounds()).fold(Bounds::NONE, Bounds::and);
        Self { figures, bounds, relation }
    }

    fn lies(&self, document: &[Figure], looks: &mut Looks) -> bool {
        relates(document, &self.figures, self.relation, &mut |work| looks.is_over_after(work))
    }

    /// Whether a document matches as far as the box around its shapes tells that.
    fn lies_around(&self, document: &Bounds) -> Option<bool> {
        let is_near = self.figures.iter().any(|figure| figure.bounds().meets(document));
        let is_in_box = || self.figures.iter().any(|figure| figure.is_box() && figure.bounds().has(document));
        match self.relation {
            Relation::Intersects if !is_near => Some(false),
            Relation::Intersects => is_in_box().then_some(true),
            Relation::Disjoint if !is_near => Some(true),
            Relation::Disjoint => is_in_box().then_some(false),
            Relation::Within if !self.bounds.has(document) => Some(false),
            Relation::Within => is_in_box().then_some(true),
            Relation::Contains => (!document.has(&self.bounds)).then_some(false),
        }
    }

    /// Where the southern, the northern, the western and the eastern side of such a document must be.
    fn sides(&self) -> [RangeInclusive<i64>; 4] {
        let Bounds { west, east, south, north } = self.bounds;
        let [west, east, south, north] = [west, east, south, north].map(i64::from);
        let all = || i64::MIN..=i64::MAX;
        match self.relation {
            Relation::Disjoint => [all(), all(), all(), all()],
            Relation::Intersects => [i64::MIN..=north, south..=i64::MAX, i64::MIN..=east, west..=i64::MAX],
            Relation::Within => [south..=i64::MAX, i64::MIN..=north, west..=i64::MAX, i64::MIN..=east],
            Relation::Contains => [i64::MIN..=south, north..=i64::MAX, i64::MIN..=west, east..=i64::MAX],
        }
    }
}

/// Documents with shapes that lie so.
#[derive(Debug, Clone)]
pub(in crate::query) struct Shaped {
    pub(in crate::query) path: String,
    pub(in crate::query) shape: String,
    /// The columns of the southern, the northern, the western and the eastern side.
    pub(in crate::query) sides: [String; 4],
    pub(in crate::query) sought: Arc<Sought>,
    pub(in crate::query) segments: AllSegments,
    pub(in crate::query) faults: Faults,
}

impl Query for Shaped {
    fn weight(&self, _scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Shaped {
    /// A segment that predates the field has no columns of it.
    fn open(&self, reader: &SegmentReader) -> tantivy::Result<Option<(BytesColumn, Vec<Column<i64>>)>> {
        let columns = reader.fast_fields();
        let sides = self.sides.iter().map(|name| columns.column_opt::<i64>(name));
        let sides = sides.collect::<tantivy::Result<Option<Vec<_>>>>()?;
        Ok(columns.bytes(&self.shape)?.zip(sides))
    }
}

impl Weight for Shaped {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let Some((shapes, sides)) = self.open(reader)? else { return Ok(Box::new(EmptyScorer)) };
        let kept = identities_in(&self.segments.0, reader)?;
        let wanted = self.sought.sides();
        let mut may_match = vec![true; (reader.max_doc() as usize).div_ceil(Zone::start(1) as usize)];
        for ((name, column), wanted) in self.sides.iter().zip(&sides).zip(wanted) {
            let column = column.clone().to_u64_monotonic();
            let zones = Zones::of(kept.fielddata(), name, &column);
            let wanted = wanted.start().to_u64()..=wanted.end().to_u64();
            for (number, may_match) in may_match.iter_mut().enumerate() {
                *may_match &= number < zones.zones().len() && zones.lies(number, &wanted) != Lies::Outside;
            }
        }
        let mut documents = Documents {
            of: self.clone(),
            shapes,
            sides,
            may_match,
            bytes: Vec::new(),
            piece: Vec::new(),
            max_doc: reader.max_doc(),
            at: 0,
            boost,
            looks: self.faults.looks(),
        };
        documents.settle();
        Ok(Box::new(documents))
    }

    fn explain(&self, _reader: &SegmentReader, _document: DocId) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("has a shape that lies so", 1.0))
    }
}

/// Those of a segment, one after the other.
struct Documents {
    of: Shaped,
    shapes: BytesColumn,
    sides: Vec<Column<i64>>,
    /// Whether a document of a zone may match.
    may_match: Vec<bool>,
    bytes: Vec<u8>,
    piece: Vec<u8>,
    max_doc: DocId,
    at: DocId,
    boost: Score,
    looks: Looks,
}

impl Documents {
    /// Moves on to a document that matches.
    fn settle(&mut self) {
        while self.at < self.max_doc && !self.looks.is_over_after(1) {
            let zone = (self.at / Zone::start(1)) as usize;
            if !self.may_match[zone] {
                self.at = Zone::start(zone + 1);
                continue;
            }
            if self.matches(self.at) {
                return;
            }
            self.at += 1;
        }
        self.at = TERMINATED;
    }

    fn matches(&mut self, document: DocId) -> bool {
        let Some(around) = self.bounds(document) else { return false };
        match self.of.sought.lies_around(&around) {
            Some(told) => told,
            None => self.lies(document),
        }
    }

    /// The box around all values of a document.
    fn bounds(&self, document: DocId) -> Option<Bounds> {
        let [south, north, west, east] = &self.sides[..] else { return None };
        let least = |column: &Column<i64>| column.values_for_doc(document).min();
        let greatest = |column: &Column<i64>| column.values_for_doc(document).max();
        let side = |side: Option<i64>| i32::try_from(side?).ok();
        Some(Bounds {
            south: side(least(south))?,
            north: side(greatest(north))?,
            west: side(least(west))?,
            east: side(greatest(east))?,
        })
    }

    fn lies(&mut self, document: DocId) -> bool {
        match self.read(document) {
            Some(parts) => {
                // Reading takes as long as there is to read.
                if self.looks.is_over_after(READING + self.bytes.len() as u32 / 8) {
                    return false;
                }
                let figures: Vec<Figure> = parts.iter().map(Figure::of).collect();
                self.of.sought.lies(&figures, &mut self.looks)
            }
            None => {
                let path = &self.of.path;
                self.of.faults.note(QueryError::shard(format!(
                    "failed to create query: the shape that document [{document}] has in [{path}] cannot be read"
                )));
                false
            }
        }
    }

    fn read(&mut self, document: DocId) -> Option<Vec<Part>> {
        self.bytes.clear();
        for ordinal in self.shapes.term_ords(document) {
            self.piece.clear();
            if !self.shapes.ord_to_bytes(ordinal, &mut self.piece).ok()? {
                return None;
            }
            self.bytes.extend_from_slice(&self.piece);
        }
        unpack(&self.bytes)
    }
}

impl DocSet for Documents {
    fn advance(&mut self) -> DocId {
        if self.at != TERMINATED {
            self.at += 1;
            self.settle();
        }
        self.at
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if self.at < target {
            self.at = target;
            self.settle();
        }
        self.at
    }

    fn doc(&self) -> DocId {
        self.at
    }

    fn size_hint(&self) -> u32 {
        let zones = self.may_match.iter().filter(|may_match| **may_match).count() as u32;
        zones.saturating_mul(Zone::start(1)).min(self.max_doc)
    }
}

impl Scorer for Documents {
    fn score(&mut self) -> Score {
        self.boost
    }
}

/// Documents with points that lie so.
#[derive(Debug, Clone)]
pub(in crate::query) struct PointsShaped {
    pub(in crate::query) field: ValueField,
    pub(in crate::query) sought: Arc<Sought>,
    pub(in crate::query) faults: Faults,
}

impl Query for PointsShaped {
    fn weight(&self, _scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for PointsShaped {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let Values::Points(lat, lon) = self.field.open(reader)? else { return Ok(Box::new(EmptyScorer)) };
        let (sought, mut looks) = (Arc::clone(&self.sought), self.faults.looks());
        let mut figures = Vec::new();
        let matches = move |document| {
            figures.clear();
            let both = lat.values_for_doc(document).zip(lon.values_for_doc(document));
            let spots = both.map(|(lat, lon)| Part::Point(Spot::of_kept(Point { lat, lon })));
            figures.extend(spots.map(|part| Figure::of(&part)));
            sought.lies(&figures, &mut looks)
        };
        let mut matches = matches;
        let look = move |document| matches(document).then_some(boost);
        Ok(Box::new(Walked::new(reader.max_doc(), &self.faults, look)))
    }

    fn explain(&self, _reader: &SegmentReader, _document: DocId) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("has a point that lies so", 1.0))
    }
}
