//! Shapes on the earth: read from GeoJSON and well-known text, put on the grid that they are kept on, and compared.
//!
//! `mapping` reads what documents have of a `geo_shape`, `query` what is asked for. A [`Geometry`] is a shape as it is written, in
//! degrees; [`place`] makes the [`Part`]s of it, which lie between the date lines and on the grid. All that is told of parts
//! ([`Figure`]) is told in whole numbers, so that two that only touch do so on every machine.
//!
//! # Invariants
//!
//! - Whatever is written gives a shape or a fault, never a panic; work and depth are bounded by what was sent, and by constants with
//!   their reasons.
//! - The bytes of a shape ([`pack`]) are described in `docs/formats/segment.md`.

mod edges;
mod figure;
mod geojson;
mod packed;
mod placed;
mod relation;
mod shown;
mod sphere;
mod split;
mod wkt;

pub(crate) use edges::Bounds;
pub(crate) use figure::Figure;
pub(crate) use packed::{pack, unpack};
pub(crate) use placed::{Validity, envelope, place};
pub(crate) use relation::{Relation, relates};
pub(crate) use shown::{to_geojson, to_wkt};
pub(crate) use sphere::{EARTH_RADIUS, metres_between};

use crate::mapping::Point;

/// What is wrong with a shape: the type and the reason that the API shows.
pub(crate) type Fault = (&'static str, String);

/// What Elasticsearch calls what cannot be read.
const PARSING: &str = "parse_exception";
const ARGUMENT: &str = "illegal_argument_exception";
const INVALID: &str = "invalid_shape_exception";

/// Collections may be in collections, but not in more than this: who reads them goes as deep.
const DEPTH_MAX: usize = 32;

/// A position as it is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Position {
    /// From Greenwich to the east, in degrees.
    pub lon: f64,
    /// From the equator to the north, in degrees.
    pub lat: f64,
    /// How high it is, which is kept in the document alone.
    pub height: Option<f64>,
}

/// Which way round the outer ring of a polygon goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Orientation {
    /// Against the clock, as OGC has it.
    #[default]
    Right,
    /// With the clock.
    Left,
}

impl Orientation {
    pub(crate) fn parse(name: &str) -> Result<Self, Fault> {
        match name.to_ascii_lowercase().as_str() {
            "right" | "counterclockwise" | "ccw" => Ok(Self::Right),
            "left" | "clockwise" | "cw" => Ok(Self::Left),
            _ => Err((ARGUMENT, format!("Unknown orientation [{name}]"))),
        }
    }
}

/// A shape as it is written.
#[derive(Debug, Clone, PartialEq)]
pub enum Geometry {
    /// A place.
    Point(Position),
    /// Places.
    MultiPoint(Vec<Position>),
    /// A line from place to place.
    Line(Vec<Position>),
    /// Lines.
    MultiLine(Vec<Vec<Position>>),
    /// An area.
    Polygon(Polygon),
    /// Areas.
    MultiPolygon(Vec<Polygon>),
    /// The upper left and the lower right corner.
    Envelope(Position, Position),
    /// How far is as it is written: only queries have circles, and know units.
    Circle {
        /// What it is around.
        center: Position,
        /// How far.
        radius: String,
    },
    /// Several of any kind.
    Collection(Vec<Geometry>),
    /// What well-known text calls `EMPTY`.
    Nothing,
}

/// Rings: the outer one and holes.
#[derive(Debug, Clone, PartialEq)]
pub struct Polygon {
    /// Each ends where it began.
    pub rings: Vec<Vec<Position>>,
    /// What it says of its outer ring itself.
    pub orientation: Option<Orientation>,
}

/// How shapes are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Whether a ring that does not end where it began is closed.
    pub(crate) closes_rings: bool,
    /// Whether a height is passed over.
    pub(crate) ignores_height: bool,
}

impl Default for Reading {
    fn default() -> Self {
        Self { closes_rings: false, ignores_height: true }
    }
}

impl Reading {
    /// Reads an object of GeoJSON or a text of well-known text.
    pub(crate) fn read(self, value: &serde_json_borrow::Value<'_>) -> Result<Geometry, Fault> {
        let geometry = match value {
            serde_json_borrow::Value::Str(text) => wkt::read(text, self)?,
            serde_json_borrow::Value::Object(_) => geojson::read(value, self, 0)?,
            _ => {
                return Err((
                    PARSING,
                    "shape must be an object consisting of type and coordinates".to_owned(),
                ));
            }
        };
        match geometry.height().filter(|_| !self.ignores_height) {
            Some(height) => Err((
                ARGUMENT,
                format!("found Z value [{height:?}] but [ignore_z_value] parameter is [false]"),
            )),
            None => Ok(geometry),
        }
    }

    /// A ring with its last position where its first one is.
    fn ring(self, mut ring: Vec<Position>) -> Result<Vec<Position>, Fault> {
        let (Some(first), Some(last)) = (ring.first().copied(), ring.last().copied()) else {
            return Err((ARGUMENT, "at least 4 polygon points required".to_owned()));
        };
        if (first.lon, first.lat) != (last.lon, last.lat) {
            if !self.closes_rings {
                let end = ring.len() - 1;
                return Err((
                    ARGUMENT,
                    format!(
                        "first and last points of the linear ring must be the same (it must close itself): x[0]={:?} x[{end}]={:?} y[0]={:?} y[{end}]={:?}",
                        first.lon, last.lon, first.lat, last.lat
                    ),
                ));
            }
            ring.push(first);
        }
        if ring.len() < 4 {
            return Err((ARGUMENT, "at least 4 polygon points required".to_owned()));
        }
        Ok(ring)
    }
}

impl Geometry {
    /// The height of a position that has one.
    fn height(&self) -> Option<f64> {
        let of = |positions: &[Position]| positions.iter().find_map(|position| position.height);
        let of_polygon = |polygon: &Polygon| polygon.rings.iter().find_map(|ring| of(ring));
        match self {
            Self::Point(position) | Self::Circle { center: position, .. } => position.height,
            Self::MultiPoint(positions) | Self::Line(positions) => of(positions),
            Self::MultiLine(lines) => lines.iter().find_map(|line| of(line)),
            Self::Polygon(polygon) => of_polygon(polygon),
            Self::MultiPolygon(polygons) => polygons.iter().find_map(of_polygon),
            Self::Envelope(top_left, bottom_right) => top_left.height.or(bottom_right.height),
            Self::Collection(geometries) => geometries.iter().find_map(Self::height),
            Self::Nothing => None,
        }
    }

    /// What there is of it, of collections that in them.
    pub(crate) fn each<E>(&self, act: &mut impl FnMut(&Self) -> Result<(), E>) -> Result<(), E> {
        match self {
            Self::Collection(geometries) => geometries.iter().try_for_each(|geometry| geometry.each(act)),
            other => act(other),
        }
    }

    /// Whether a line is in it.
    pub(crate) fn has_lines(&self) -> bool {
        match self {
            Self::Line(_) | Self::MultiLine(_) => true,
            Self::Collection(geometries) => geometries.iter().any(Self::has_lines),
            _ => false,
        }
    }
}

/// A place on the grid, in steps from the equator and from Greenwich: as exact as Lucene keeps points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    pub(crate) x: i32,
    pub(crate) y: i32,
}

impl Spot {
    /// The place of a point on the earth: that below it and to the left.
    pub(crate) fn of(point: Point) -> Self {
        let steps = |degrees: f64, step: f64| (degrees / step).floor() as i32;
        Self { x: steps(point.lon, Point::LONGITUDE_STEP), y: steps(point.lat, Point::LATITUDE_STEP) }
    }

    /// The place of a point that is kept, and so on the grid already.
    pub(crate) fn of_kept(point: Point) -> Self {
        let steps = |degrees: f64, step: f64| (degrees / step).round() as i32;
        Self { x: steps(point.lon, Point::LONGITUDE_STEP), y: steps(point.lat, Point::LATITUDE_STEP) }
    }

    pub(crate) fn point(self) -> Point {
        Point {
            lat: f64::from(self.y) * Point::LATITUDE_STEP,
            lon: f64::from(self.x) * Point::LONGITUDE_STEP,
        }
    }
}

/// A part of a shape on the grid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Point(Spot),
    Line(Vec<Spot>),
    /// What an odd number of rings surrounds; each ends where it began. Of a polygon that was cut at a date line any of them may be
    /// outer ones.
    Area(Vec<Vec<Spot>>),
}

impl Part {
    /// Its places, ring by ring.
    pub(crate) fn runs(&self) -> &[Vec<Spot>] {
        match self {
            Self::Point(_) => &[],
            Self::Line(line) => std::slice::from_ref(line),
            Self::Area(rings) => rings,
        }
    }

    pub(crate) fn bounds(&self) -> Bounds {
        match self {
            Self::Point(spot) => Bounds::of(*spot),
            runs => Bounds::around(runs.runs().iter().flatten().copied()),
        }
    }
}
