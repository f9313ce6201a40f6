//! Documents by where their points lie.

use tantivy::index::SegmentReader;
use tantivy::query::{EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, Score};

use super::explained::matched;
use super::walked::Walked;
use crate::mapping::Point;
use crate::query::ast::Area;
use crate::query::distance::metres_between;
use crate::query::doc_values::{ValueField, Values};
use crate::query::faults::Faults;

#[derive(Debug, Clone)]
pub(in crate::query) struct Located {
    pub(in crate::query) field: ValueField,
    pub(in crate::query) area: Area,
    pub(in crate::query) faults: Faults,
}

impl Query for Located {
    fn weight(&self, _scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for Located {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let Values::Points(lat, lon) = self.field.open(reader)? else { return Ok(Box::new(EmptyScorer)) };
        let area = self.area.clone();
        let matches = move |document| {
            let both = lat.values_for_doc(document).zip(lon.values_for_doc(document));
            both.into_iter().any(|(lat, lon)| has(&area, Point { lat, lon }))
        };
        let look = move |document| matches(document).then_some(boost);
        Ok(Box::new(Walked::new(reader.max_doc(), &self.faults, look)))
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        matched(self, reader, document, "has a point there")
    }
}

/// Whether a point lies in a part of the earth.
fn has(area: &Area, point: Point) -> bool {
    match area {
        Area::Circle { center, metres } => metres_between(*center, point) <= *metres,
        Area::Box { top_left, bottom_right } => {
            let (left, right) = (top_left.lon, bottom_right.lon);
            let between = if left <= right {
                (left..=right).contains(&point.lon)
            } else {
                point.lon >= left || point.lon <= right
            };
            between && (bottom_right.lat..=top_left.lat).contains(&point.lat)
        }
        Area::Polygon(rings) => match rings.split_first() {
            Some((outer, holes)) => {
                surrounds(outer, point) && !holes.iter().any(|hole| surrounds(hole, point))
            }
            None => false,
        },
        // Shapes are compared elsewhere.
        Area::Shape(_) | Area::Indexed => false,
    }
}

/// Whether a ring surrounds a point, or has it. A ring that is wider than half the earth goes over the date line.
fn surrounds(ring: &[Point], point: Point) -> bool {
    let (least, greatest) =
        ring.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, greatest), point| {
            (least.min(point.lon), greatest.max(point.lon))
        });
    let over_date_line = greatest - least > 180.0;
    let lon = |degrees: f64| if over_date_line && degrees < 0.0 { degrees + 360.0 } else { degrees };
    let (x, y) = (lon(point.lon), point.lat);
    let mut is_inside = false;
    for (from, to) in ring.iter().zip(ring.iter().skip(1)) {
        let (x1, y1, x2, y2) = (lon(from.lon), from.lat, lon(to.lon), to.lat);
        let side = (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1);
        let is_beside = x >= x1.min(x2) && x <= x1.max(x2) && y >= y1.min(y2) && y <= y1.max(y2);
        if side == 0.0 && is_beside {
            return true;
        }
        if (y1 > y) != (y2 > y) && x < (x2 - x1) * (y - y1) / (y2 - y1) + x1 {
            is_inside = !is_inside;
        }
    }
    is_inside
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(points: &[(f64, f64)]) -> Vec<Point> {
        points.iter().map(|(lat, lon)| Point { lat: *lat, lon: *lon }).collect()
    }

    #[test]
    fn points_lie_in_areas_as_on_a_map() {
        let square = ring(&[(0.0, 0.0), (0.0, 10.0), (10.0, 10.0), (10.0, 0.0), (0.0, 0.0)]);
        let hole = ring(&[(4.0, 4.0), (4.0, 6.0), (6.0, 6.0), (6.0, 4.0), (4.0, 4.0)]);
        let pacific = ring(&[(-10.0, 170.0), (-10.0, -170.0), (10.0, -170.0), (10.0, 170.0), (-10.0, 170.0)]);
        let over_line = Area::Box {
            top_left: Point { lat: 10.0, lon: 170.0 },
            bottom_right: Point { lat: -10.0, lon: -170.0 },
        };
        for (area, (lat, lon), wanted) in [
            (Area::Polygon(vec![square.clone()]), (5.0, 5.0), true),
            (Area::Polygon(vec![square.clone()]), (0.0, 5.0), true),
            (Area::Polygon(vec![square.clone()]), (5.0, 11.0), false),
            (Area::Polygon(vec![square, hole]), (5.0, 5.0), false),
            (Area::Polygon(vec![pacific.clone()]), (0.0, 179.0), true),
            (Area::Polygon(vec![pacific]), (0.0, 0.0), false),
            (over_line.clone(), (0.0, -175.0), true),
            (over_line, (0.0, 0.0), false),
            (Area::Circle { center: Point { lat: 0.0, lon: 0.0 }, metres: 112_000.0 }, (0.0, 1.0), true),
            (Area::Circle { center: Point { lat: 0.0, lon: 0.0 }, metres: 111_000.0 }, (0.0, 1.0), false),
        ] {
            assert_eq!(has(&area, Point { lat, lon }), wanted, "{area:?} {lat} {lon}");
        }
    }
}
