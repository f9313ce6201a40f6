//! A part of a shape, made ready to be compared with others.

use super::edges::{Bounds, Edges, Place};
use super::sphere::{metres_between, reach};
use super::{Part, Spot};
use crate::mapping::Point;

/// A part of a shape, or a circle.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figure {
    pub(super) kind: Kind,
    bounds: Bounds,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Point(Spot),
    Line(Edges),
    /// With a place of each ring.
    Area(Edges, Vec<Spot>),
    Circle(Circle),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Circle {
    pub(super) center: Point,
    metres: f64,
}

impl Figure {
    pub(crate) fn of(part: &Part) -> Self {
        let bounds = part.bounds();
        let kind = match part {
            Part::Point(spot) => Kind::Point(*spot),
            Part::Line(_) => Kind::Line(Edges::of(part.runs())),
            Part::Area(rings) => {
                Kind::Area(Edges::of(rings), rings.iter().filter_map(|ring| ring.first().copied()).collect())
            }
        };
        Self { kind, bounds }
    }

    /// Around a point that is on the earth.
    pub(crate) fn circle(center: Point, metres: f64) -> Self {
        let (north, east) = reach(center, metres);
        let is_around = center.lon - east < -180.0 || center.lon + east > 180.0;
        let (west, east) = if is_around { (-180.0, 180.0) } else { (center.lon - east, center.lon + east) };
        let at = |lat: f64, lon: f64| Bounds::of(Spot::of(Point { lat, lon }));
        let bounds = at(center.lat - north, west).and(at(center.lat + north, east));
        // What is reckoned with decimals may be a step beside.
        let bounds = Bounds {
            west: bounds.west.saturating_sub(2),
            east: bounds.east.saturating_add(2),
            south: bounds.south.saturating_sub(2),
            north: bounds.north.saturating_add(2),
        };
        Self { kind: Kind::Circle(Circle { center, metres }), bounds }
    }

    pub(crate) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// Whether everything in its bounds is in it.
    pub(crate) fn is_box(&self) -> bool {
        let Kind::Area(edges, _) = &self.kind else { return false };
        let is_side = |from: Spot, to: Spot| (from.x == to.x) != (from.y == to.y);
        let Bounds { west, east, south, north } = self.bounds;
        let is_corner =
            |spot: Spot| (spot.x == west || spot.x == east) && (spot.y == south || spot.y == north);
        let mut corners: Vec<Spot> = edges.all().iter().map(|edge| edge.from).collect();
        corners.sort_unstable();
        corners.dedup();
        edges.all().len() == 4
            && corners.len() == 4
            && edges.all().iter().all(|edge| is_side(edge.from, edge.to) && is_corner(edge.from))
    }
}

impl Circle {
    pub(super) fn has(&self, spot: Spot) -> bool {
        metres_between(self.center, spot.point()) <= self.metres
    }

    /// Whether a line between two places is in it. Between two that are, it may go around the other side of the earth.
    pub(super) fn has_line(&self, from: Spot, to: Spot) -> bool {
        let (one, other) = (from.point(), to.point());
        let middle = Point { lat: f64::midpoint(one.lat, other.lat), lon: f64::midpoint(one.lon, other.lon) };
        self.has(from) && self.has(to) && metres_between(self.center, middle) <= self.metres
    }

    /// Whether some place on a line between two is in it: the one that is nearest on a map around the centre.
    pub(super) fn meets(&self, from: Spot, to: Spot) -> bool {
        let (from, to) = (from.point(), to.point());
        let narrowed = self.center.lat.to_radians().cos();
        // The line may be on the other side of the date line.
        [-360.0, 0.0, 360.0].into_iter().any(|turn| {
            let lon = self.center.lon + turn;
            let (dx, dy) = ((to.lon - from.lon) * narrowed, to.lat - from.lat);
            let along = (lon - from.lon) * narrowed * dx + (self.center.lat - from.lat) * dy;
            let length = dx * dx + dy * dy;
            let part = if length > 0.0 { (along / length).clamp(0.0, 1.0) } else { 0.0 };
            let nearest = Point {
                lat: from.lat + (to.lat - from.lat) * part,
                lon: from.lon + (to.lon - from.lon) * part,
            };
            metres_between(self.center, nearest) <= self.metres
        })
    }

    /// Whether its centre is in an area.
    pub(super) fn is_around(&self, area: &Edges) -> bool {
        area.place(Spot::of(self.center)) != Place::Outside
    }
}
