//! Queries for points and shapes on the earth.

use serde_json::{Map, Value};

use super::members::Members;
use crate::geometry::{Geometry, Reading, Relation};
use crate::json_values::plain;
use crate::mapping::{Point, geohash_cell};
use crate::query::QueryError;
use crate::query::ast::{Area, GeoQuery, Query};

/// Units of distance with their metres.
const UNITS: [(&str, f64); 22] = [
    ("nauticalmiles", 1852.0),
    ("kilometers", 1000.0),
    ("centimeters", 0.01),
    ("millimeters", 0.001),
    ("meters", 1.0),
    ("nmi", 1852.0),
    ("NM", 1852.0),
    ("miles", 1609.344),
    ("mi", 1609.344),
    ("yards", 0.9144),
    ("yd", 0.9144),
    ("feet", 0.3048),
    ("ft", 0.3048),
    ("inch", 0.0254),
    ("in", 0.0254),
    ("km", 1000.0),
    ("cm", 0.01),
    ("mm", 0.001),
    ("m", 1.0),
    ("metres", 1.0),
    ("kilometres", 1000.0),
    ("M", 1.0),
];

/// What is done with coordinates that are not on the earth.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Validation {
    Strict,
    IgnoreMalformed,
    Coerce,
}

impl Validation {
    fn take(members: &mut Members<'_>) -> Result<Self, QueryError> {
        members.pass_over(&["type", "optimize_bbox"]);
        Ok(members.read("validation_method", Self::read)?.unwrap_or(Self::Strict))
    }

    /// What a sort says of it, also in the words that were there before.
    pub(super) fn of_sort(members: &Map<String, Value>) -> Result<Self, QueryError> {
        let is_set = |name: &str| members.get(name).is_some_and(|value| plain(value) == "true");
        match members.get("validation_method") {
            Some(value) => Self::read(value),
            None if is_set("coerce") => Ok(Self::Coerce),
            None if is_set("ignore_malformed") => Ok(Self::IgnoreMalformed),
            None => Ok(Self::Strict),
        }
    }

    fn read(value: &Value) -> Result<Self, QueryError> {
        match plain(value).to_ascii_uppercase().as_str() {
            "STRICT" => Ok(Self::Strict),
            "IGNORE_MALFORMED" => Ok(Self::IgnoreMalformed),
            "COERCE" => Ok(Self::Coerce),
            other => Err(QueryError::argument(format!(
                "operator needs to be either STRICT, IGNORE_MALFORMED or COERCE, but not [{other}]"
            ))),
        }
    }

    pub(super) fn checked(self, query: &str, point: Point) -> Result<Point, QueryError> {
        match self {
            _ if point.is_valid() => Ok(point),
            Self::IgnoreMalformed => Ok(point),
            Self::Coerce => Ok(point.normalized()),
            Self::Strict => {
                let (name, degrees) =
                    if point.lat.abs() > 90.0 { ("latitude", point.lat) } else { ("longitude", point.lon) };
                Err(QueryError::shard(format!("illegal {name} value [{degrees:?}] for [{query}]")))
            }
        }
    }
}

/// The metres of a unit.
pub(super) fn unit_named(unit: &str) -> Result<f64, QueryError> {
    let known = UNITS.iter().find(|(known, _)| *known == unit);
    known
        .map(|(_, metres)| *metres)
        .ok_or_else(|| QueryError::argument(format!("No distance unit match [{unit}]")))
}

/// A length such as `12km`; a bare number has the unit that is usual.
pub(in crate::query) fn read_distance(text: &str, usual: f64) -> Result<f64, QueryError> {
    let text = text.trim();
    let unit = UNITS.iter().find_map(|(unit, metres)| Some((text.strip_suffix(unit)?, *metres)));
    let (number, metres) = unit.unwrap_or((text, usual));
    let number: Option<f64> = number.trim().parse().ok().filter(|number: &f64| number.is_finite());
    number.map(|number| number * metres).ok_or_else(|| QueryError {
        kind: "number_format_exception",
        reason: format!("For input string: \"{text}\" as a distance"),
    })
}

/// A point, however it is written.
pub(in crate::query) fn read_point(value: &Value) -> Result<Point, QueryError> {
    Point::of_value(value).ok_or_else(|| QueryError {
        kind: "parse_exception",
        reason: format!("geo_point expected: field must be either [lat], [lon] or [geohash], not [{value}]"),
    })
}

/// The one field that is left among members.
fn only_field<'a>(members: &mut Members<'a>) -> Result<(String, &'a Value), QueryError> {
    let query = members.query;
    let beside = ["boost", "_name"].map(|key| members.take(key).map(|value| (key, value)));
    let Some((field, value)) = members.next() else {
        return Err(QueryError::parsing(format!("[{query}] query doesn't have a field")));
    };
    if let Some((second, _)) = members.next() {
        return Err(QueryError::parsing(format!(
            "[{query}] query doesn't support multiple fields, found [{field}] and [{second}]"
        )));
    }
    members.put_back(beside);
    Ok((field.to_owned(), value))
}

fn geo(name: &'static str, field: String, area: Area, ignore_unmapped: bool) -> Query {
    Query::Geo(Box::new(GeoQuery {
        name,
        field,
        area,
        ignore_unmapped,
        relation: Relation::Intersects,
        is_boosted: false,
    }))
}

pub(super) fn parse_distance(body: &Value) -> Result<Query, QueryError> {
    const NAME: &str = "geo_distance";
    let mut members = Members::of(NAME, body)?;
    let validation = Validation::take(&mut members)?;
    let ignore_unmapped = members.flag("ignore_unmapped")?.unwrap_or(false);
    // Distances are those on the sphere either way, as in Elasticsearch.
    members.read("distance_type", |value| match plain(value).as_str() {
        "arc" | "plane" => Ok(()),
        other => Err(QueryError::argument(format!("No geo distance for [{other}]"))),
    })?;
    let unit = match members.text("unit") {
        None => 1.0,
        Some(unit) => unit_named(&unit)?,
    };
    let distance = members.text("distance");
    let distance =
        distance.ok_or_else(|| QueryError::parsing("geo_distance requires 'distance' to be specified"))?;
    let metres = read_distance(&distance, unit)?;
    if metres <= 0.0 {
        return Err(QueryError::argument("distance must be greater than zero"));
    }
    let (field, value) = only_field(&mut members)?;
    let center = validation.checked(NAME, read_point(value)?)?;
    members.end(geo(NAME, field, Area::Circle { center, metres }, ignore_unmapped))
}

pub(super) fn parse_bounding_box(body: &Value) -> Result<Query, QueryError> {
    const NAME: &str = "geo_bounding_box";
    let mut members = Members::of(NAME, body)?;
    let validation = Validation::take(&mut members)?;
    let ignore_unmapped = members.flag("ignore_unmapped")?.unwrap_or(false);
    let (field, value) = only_field(&mut members)?;
    let (top_left, bottom_right) = read_box(value)?;
    let top_left = validation.checked(NAME, top_left)?;
    let bottom_right = validation.checked(NAME, bottom_right)?;
    if top_left.lat < bottom_right.lat && validation != Validation::IgnoreMalformed {
        return Err(QueryError::argument(format!(
            "top is below bottom corner: {:?} vs. {:?}",
            top_left.lat, bottom_right.lat
        )));
    }
    members.end(geo(NAME, field, Area::Box { top_left, bottom_right }, ignore_unmapped))
}

/// The upper left and the lower right corner of a box.
fn read_box(value: &Value) -> Result<(Point, Point), QueryError> {
    let mut members = Members::of("geo_bounding_box", value)?;
    let incomplete = || QueryError {
        kind: "parse_exception",
        reason: "failed to parse bounding box. Conflicting or missing definition of its corners".to_owned(),
    };
    if let Some(text) = members.text("wkt") {
        members.done()?;
        return read_bbox(&text).ok_or_else(incomplete);
    }
    // A geohash stands for its cell: of that the corner that is meant.
    let corner = |value: &Value, is_top: bool, is_left: bool| match value.as_str().and_then(geohash_cell) {
        Some((low, high)) if !value.as_str().is_some_and(|text| text.contains([',', '('])) => Ok(Point {
            lat: if is_top { high.lat } else { low.lat },
            lon: if is_left { low.lon } else { high.lon },
        }),
        _ => read_point(value),
    };
    let degrees =
        |value: &Value| value.as_f64().or_else(|| value.as_str()?.parse().ok()).ok_or_else(incomplete);
    let top_left = members.read("top_left", |value| corner(value, true, true))?;
    let bottom_right = members.read("bottom_right", |value| corner(value, false, false))?;
    let top_right = members.read("top_right", |value| corner(value, true, false))?;
    let bottom_left = members.read("bottom_left", |value| corner(value, false, true))?;
    let top = members.read("top", degrees)?;
    let left = members.read("left", degrees)?;
    let bottom = members.read("bottom", degrees)?;
    let right = members.read("right", degrees)?;
    members.done()?;
    let lat = |sides: [Option<f64>; 3]| sides.into_iter().flatten().next();
    let of = |point: Option<Point>, lat: bool| point.map(|point| if lat { point.lat } else { point.lon });
    let top = lat([top, of(top_left, true), of(top_right, true)]);
    let left = lat([left, of(top_left, false), of(bottom_left, false)]);
    let bottom = lat([bottom, of(bottom_right, true), of(bottom_left, true)]);
    let right = lat([right, of(bottom_right, false), of(top_right, false)]);
    match (top, left, bottom, right) {
        (Some(top), Some(left), Some(bottom), Some(right)) => {
            Ok((Point { lat: top, lon: left }, Point { lat: bottom, lon: right }))
        }
        _ => Err(incomplete()),
    }
}

/// `BBOX (left, right, top, bottom)`.
fn read_bbox(text: &str) -> Option<(Point, Point)> {
    let upper = text.trim().to_ascii_uppercase();
    let inside = upper.strip_prefix("BBOX").or_else(|| upper.strip_prefix("ENVELOPE"))?;
    let inside = inside.trim().strip_prefix('(')?.strip_suffix(')')?;
    let sides: Option<Vec<f64>> = inside.split(',').map(|side| side.trim().parse().ok()).collect();
    match sides?[..] {
        [left, right, top, bottom] => {
            Some((Point { lat: top, lon: left }, Point { lat: bottom, lon: right }))
        }
        _ => None,
    }
}

pub(super) fn parse_polygon(body: &Value) -> Result<Query, QueryError> {
    const NAME: &str = "geo_polygon";
    let mut members = Members::of(NAME, body)?;
    let validation = Validation::take(&mut members)?;
    let ignore_unmapped = members.flag("ignore_unmapped")?.unwrap_or(false);
    let (field, value) = only_field(&mut members)?;
    let mut inner = Members::of(NAME, value)?;
    let points = inner.take("points").and_then(Value::as_array);
    let points =
        points.ok_or_else(|| QueryError::parsing("[geo_polygon] query requires [points], an array"))?;
    inner.done()?;
    let checked = |value| validation.checked(NAME, read_point(value)?);
    let mut ring = points.iter().map(checked).collect::<Result<Vec<_>, _>>()?;
    if ring.is_empty() {
        return Err(QueryError::argument("no points defined for geo_polygon query"));
    }
    if ring.first() != ring.last() {
        ring.push(ring[0]);
    }
    if ring.len() < 4 {
        return Err(QueryError::argument("too few points defined for geo_polygon query"));
    }
    members.end(geo(NAME, field, Area::Polygon(vec![ring]), ignore_unmapped))
}

pub(super) fn parse_shape(body: &Value) -> Result<Query, QueryError> {
    const NAME: &str = "geo_shape";
    let mut members = Members::of(NAME, body)?;
    let is_boosted = members.peek("boost").is_some();
    let ignore_unmapped = members.flag("ignore_unmapped")?.unwrap_or(false);
    let (field, value) = only_field(&mut members)?;
    let mut inner = Members::of(NAME, value)?;
    let relation = inner.read("relation", |value| match plain(value).to_ascii_lowercase().as_str() {
        "intersects" => Ok(Relation::Intersects),
        "disjoint" => Ok(Relation::Disjoint),
        "within" => Ok(Relation::Within),
        "contains" => Ok(Relation::Contains),
        _ => Err(QueryError::parsing(format!("Unknown shape operation [{} ]", plain(value)))),
    })?;
    // How shapes were kept in prefix trees said more.
    inner.pass_over(&["strategy"]);
    let missing = || QueryError::argument("either shape or indexedShapeId is required");
    let area = match (inner.take("shape"), inner.take("indexed_shape")) {
        (Some(shape), _) if !shape.is_null() => Area::Shape(read_shape(shape)?),
        (_, Some(Value::Object(named))) if named.get("id").is_some_and(|id| !id.is_null()) => Area::Indexed,
        _ => return Err(missing()),
    };
    inner.done()?;
    if let Area::Shape(Geometry::Nothing) = area {
        return Err(missing());
    }
    let relation = relation.unwrap_or(Relation::Intersects);
    members.end(Query::Geo(Box::new(GeoQuery {
        name: NAME,
        field,
        area,
        ignore_unmapped,
        relation,
        is_boosted,
    })))
}

/// A shape in GeoJSON or as well-known text.
fn read_shape(value: &Value) -> Result<Geometry, QueryError> {
    let shape = Reading::default().read(&value.into());
    let shape = shape.map_err(|(kind, reason)| QueryError { kind, reason })?;
    // A circle is as large as its text says, if that says anything.
    shape.each(&mut |shape| match shape {
        Geometry::Circle { radius, .. } => match read_distance(radius, 1.0)? {
            metres if metres < 0.0 => {
                Err(QueryError::argument(format!("Circle radius [{metres:?}] cannot be negative")))
            }
            _ => Ok(()),
        },
        _ => Ok(()),
    })?;
    Ok(shape)
}
