//! From a shape as it is written to its parts on the grid.

use super::edges::Edges;
use super::split::{Place, split_area, split_line};
use super::{ARGUMENT, Fault, Geometry, INVALID, Orientation, Part, Polygon, Position, Spot};
use crate::mapping::Point;

/// How many edges are looked at for each edge of a polygon, and at least for all of them, to see whether it goes over itself or has a hole
/// outside. Only edges that are beside each other on their whole length make more; such a polygon is taken as far as it was seen, and what is
/// told of it holds all the same.
const LOOKS_OF_EDGE: usize = 64;
const LOOKS: usize = 1_000_000;

/// How much is asked of a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Validity {
    /// What a document has: areas that do not go over themselves, and points that are around the earth or over a pole where they are meant.
    Kept,
    /// What somebody asks for.
    Asked,
}

/// The parts of a shape, on the grid and between the date lines. Circles have none.
pub(crate) fn place(
    geometry: &Geometry,
    orientation: Orientation,
    validity: Validity,
) -> Result<Vec<Part>, Fault> {
    let mut parts = Vec::new();
    geometry.each(&mut |geometry| {
        match geometry {
            Geometry::Point(position) => parts.push(point(*position, validity)?),
            Geometry::MultiPoint(positions) => {
                for position in positions {
                    parts.push(point(*position, validity)?);
                }
            }
            Geometry::Line(line) => parts.extend(lines(line)?),
            Geometry::MultiLine(all) => {
                for line in all {
                    parts.extend(lines(line)?);
                }
            }
            Geometry::Polygon(polygon) => parts.extend(areas(polygon, orientation, validity)?),
            Geometry::MultiPolygon(polygons) => {
                for polygon in polygons {
                    parts.extend(areas(polygon, orientation, validity)?);
                }
            }
            Geometry::Envelope(top_left, bottom_right) => parts.extend(envelope(*top_left, *bottom_right)?),
            Geometry::Circle { .. } => {
                return Err((
                    "unsupported_operation_exception",
                    "circle geometry is not supported".to_owned(),
                ));
            }
            // Those of collections are shown one by one.
            Geometry::Collection(_) | Geometry::Nothing => {}
        }
        Ok(())
    })?;
    Ok(parts)
}

/// A box between two parallels and two meridians, over the date line where the left one is beyond the right one.
pub(crate) fn envelope(top_left: Position, bottom_right: Position) -> Result<Vec<Part>, Fault> {
    if top_left.lat < bottom_right.lat {
        return Err((ARGUMENT, "max y cannot be less than min y".to_owned()));
    }
    let (left, top, bottom) = (top_left.lon, on_earth(top_left)?.1, on_earth(bottom_right)?.1);
    let right = if bottom_right.lon < left { bottom_right.lon + 360.0 } else { bottom_right.lon };
    let ring = vec![(left, bottom), (right, bottom), (right, top), (left, top), (left, bottom)];
    Ok(split_area(vec![ring])?.into_iter().map(on_grid).collect())
}

fn point(position: Position, validity: Validity) -> Result<Part, Fault> {
    let point = match validity {
        Validity::Kept => Point { lat: position.lat, lon: position.lon },
        Validity::Asked => {
            let (lon, lat) = on_earth(position)?;
            Point { lat, lon }
        }
    };
    Ok(Part::Point(Spot::of(point.normalized())))
}

fn lines(line: &[Position]) -> Result<impl Iterator<Item = Part> + use<>, Fault> {
    let line = line.iter().map(|position| on_earth(*position)).collect::<Result<Vec<_>, _>>()?;
    let run = |line: Vec<Place>| {
        let mut run: Vec<Spot> = line.into_iter().map(spot).collect();
        run.dedup();
        Part::Line(run)
    };
    Ok(split_line(line)?.into_iter().map(run))
}

fn areas(polygon: &Polygon, orientation: Orientation, validity: Validity) -> Result<Vec<Part>, Fault> {
    let orientation = polygon.orientation.unwrap_or(orientation);
    let mut rings = Vec::with_capacity(polygon.rings.len());
    let mut is_translated = false;
    for (number, ring) in polygon.rings.iter().enumerate() {
        let mut ring = ring.iter().map(|position| on_earth(*position)).collect::<Result<Vec<_>, _>>()?;
        if validity == Validity::Kept {
            check_ring(&ring)?;
        }
        let goes_left = doubled_area(&ring) < 0.0;
        if number == 0 {
            // Who goes the wrong way around more than half the earth means the other way, over the date line.
            let (least, greatest) = (ring.iter()).fold((f64::INFINITY, f64::NEG_INFINITY), |ends, place| {
                (ends.0.min(place.0), ends.1.max(place.0))
            });
            let width = greatest - least;
            let is_wrong = goes_left != (orientation == Orientation::Left);
            is_translated = is_wrong && width > 180.0 && width != 360.0;
        }
        if is_translated {
            ring.iter_mut().filter(|place| place.0 < 0.0).for_each(|place| place.0 += 360.0);
        }
        rings.push(ring);
    }
    let parts: Vec<Part> = split_area(rings)?.into_iter().map(on_grid).collect();
    if let [Part::Area(rings)] = &parts[..] {
        check_holes(rings)?;
    }
    if validity == Validity::Kept {
        parts.iter().try_for_each(|part| check_crossings(part.runs()))?;
    }
    Ok(parts)
}

/// Twice what a ring surrounds; less than nothing where it goes with the clock.
fn doubled_area(ring: &[Place]) -> f64 {
    ring.windows(2).map(|two| two[0].0 * two[1].1 - two[1].0 * two[0].1).sum()
}

fn on_earth(position: Position) -> Result<Place, Fault> {
    if position.lat.abs() > 90.0 {
        return Err((
            ARGUMENT,
            format!("invalid latitude {:?}; must be between -90.0 and 90.0", position.lat),
        ));
    }
    Ok((position.lon, position.lat))
}

fn spot((lon, lat): Place) -> Spot {
    Spot::of(Point { lat, lon })
}

fn on_grid(rings: Vec<Vec<Place>>) -> Part {
    let ring = |ring: Vec<Place>| {
        let mut ring: Vec<Spot> = ring.into_iter().map(spot).collect();
        ring.dedup();
        // What is smaller than a step of the grid is a place.
        if ring.len() == 1 {
            ring.push(ring[0]);
        }
        ring
    };
    Part::Area(rings.into_iter().map(ring).collect())
}

/// Refuses rings that surround nothing, stand still or turn back.
fn check_ring(ring: &[Place]) -> Result<(), Fault> {
    let turn = |a: Place, b: Place, c: Place| (b.0 - a.0) * (c.1 - b.1) - (b.1 - a.1) * (c.0 - b.0);
    if ring.windows(3).all(|three| turn(three[0], three[1], three[2]) == 0.0) {
        let (x, y) = ring[0];
        return Err((
            INVALID,
            format!("Cannot determine orientation: edges adjacent to ({x:?},{y:?}) coincide"),
        ));
    }
    if let Some(two) = ring.windows(2).find(|two| two[0] == two[1]) {
        let (x, y) = two[0];
        return Err((
            INVALID,
            format!("Provided shape has duplicate consecutive coordinates at: (POINT ({x:?} {y:?}))"),
        ));
    }
    let turns_back = |a: Place, b: Place, c: Place| {
        let (to, back) = ((b.0 - a.0, b.1 - a.1), (c.0 - b.0, c.1 - b.1));
        turn(a, b, c) == 0.0 && to.0 * back.0 + to.1 * back.1 < 0.0
    };
    match ring.windows(3).find(|three| turns_back(three[0], three[1], three[2])) {
        Some(three) => {
            let (x, y) = three[1];
            Err((INVALID, format!("Self-intersection at or near point [{x:?},{y:?}]")))
        }
        None => Ok(()),
    }
}

/// Refuses holes that are outside of the outer ring.
fn check_holes(rings: &[Vec<Spot>]) -> Result<(), Fault> {
    let [outer, holes @ ..] = rings else { return Ok(()) };
    if holes.is_empty() {
        return Ok(());
    }
    let outer = Edges::of(std::slice::from_ref(outer));
    let mut left = looks(rings.iter().map(Vec::len).sum());
    for hole in holes {
        let is_outside = hole.iter().all(|spot| {
            let (place, looked_at) = outer.look(*spot);
            left = left.saturating_sub(looked_at as usize);
            place == super::edges::Place::Outside && left > 0
        });
        if left == 0 {
            break;
        }
        if is_outside {
            return Err((INVALID, "Invalid shape: Hole is not within polygon".to_owned()));
        }
    }
    Ok(())
}

fn looks(edges: usize) -> usize {
    edges.saturating_mul(LOOKS_OF_EDGE).saturating_add(LOOKS)
}

fn check_crossings(rings: &[Vec<Spot>]) -> Result<(), Fault> {
    let edges = Edges::of(rings);
    let mut left = looks(edges.all().len());
    for (number, edge) in edges.all().iter().enumerate() {
        let bounds = edge.bounds();
        let is_over = edges.any(&|around| around.meets(&bounds), &mut |other, with| {
            left = left.saturating_sub(1);
            left == 0 || (other > number && edge.crosses_well(with))
        });
        if left == 0 {
            break;
        }
        if is_over {
            return Err((
                ARGUMENT,
                "Unable to Tessellate shape. Possible malformed shape detected.".to_owned(),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::geometry::Reading;

    fn placed(text: &str, orientation: Orientation, validity: Validity) -> Result<Vec<Part>, Fault> {
        let geometry = Reading::default().read(&(&json!(text)).into()).expect("a shape");
        place(&geometry, orientation, validity)
    }

    /// The western and the eastern ends of the parts, in degrees.
    fn ends(text: &str, orientation: Orientation) -> Vec<(f64, f64)> {
        let parts = placed(text, orientation, Validity::Kept).expect(text);
        let degrees = |x: i32| (Spot { x, y: 0 }.point().lon * 1e6).round() / 1e6;
        parts.iter().map(Part::bounds).map(|ends| (degrees(ends.west), degrees(ends.east))).collect()
    }

    #[test]
    fn polygons_go_over_the_date_line_where_they_are_meant_to() {
        let against = "POLYGON ((-170 0, 170 0, 170 10, -170 10, -170 0))";
        let with = "POLYGON ((170 0, -170 0, -170 10, 170 10, 170 0))";
        for (text, orientation, expected) in [
            (against, Orientation::Right, vec![(-170.0, 170.0)]),
            (with, Orientation::Right, vec![(170.0, 180.0), (-180.0, -170.0)]),
            (against, Orientation::Left, vec![(170.0, 180.0), (-180.0, -170.0)]),
            (with, Orientation::Left, vec![(-170.0, 170.0)]),
            (
                "POLYGON ((170 0, 190 0, 190 10, 170 10, 170 0))",
                Orientation::Right,
                vec![(170.0, 180.0), (-180.0, -170.0)],
            ),
            ("BBOX (170, -170, 10, 0)", Orientation::Right, vec![(170.0, 180.0), (-180.0, -170.0)]),
            ("BBOX (-180, 180, 90, -90)", Orientation::Right, vec![(-180.0, 180.0)]),
            ("POINT (200 0)", Orientation::Right, vec![(-160.0, -160.0)]),
            ("POINT (0 95)", Orientation::Right, vec![(-180.0, -180.0)]),
            ("LINESTRING (170 0, -170 0)", Orientation::Right, vec![(-170.0, 170.0)]),
        ] {
            assert_eq!(ends(text, orientation), expected, "{text} {orientation:?}");
        }
    }

    #[test]
    fn what_is_no_area_is_refused_of_documents() {
        for (text, reason) in [
            ("POLYGON ((0 0, 10 10, 10 0, 0 10, 0 0))", "Unable to Tessellate shape"),
            ("POLYGON ((5 5, 5 5, 5 5, 5 5))", "edges adjacent to (5.0,5.0) coincide"),
            ("POLYGON ((0 0, 10 10, 10 0, 0 12, 0 0))", "Unable to Tessellate shape"),
            ("POLYGON ((0 0, 10 0, 20 0, 0 0))", "edges adjacent to (0.0,0.0) coincide"),
            (
                "POLYGON ((0 0, 10 0, 10 0, 10 10, 0 0))",
                "duplicate consecutive coordinates at: (POINT (10.0 0.0))",
            ),
            ("POLYGON ((0 0, 10 0, 10 10, 10 20, 10 10, 0 10, 0 0))", "Self-intersection at or near"),
            (
                "POLYGON ((0 0, 10 0, 10 10, 0 10, 0 0), (12 12, 18 12, 18 18, 12 12))",
                "Hole is not within polygon",
            ),
            ("POLYGON ((0 0, 10 0, 10 10, 0 10, 0 0), (5 5, 15 5, 15 8, 5 5))", "Unable to Tessellate shape"),
            ("LINESTRING (0 0, 0 95)", "invalid latitude 95.0; must be between -90.0 and 90.0"),
            ("BBOX (10, 20, 0, 10)", "max y cannot be less than min y"),
            ("CIRCLE (1 2 3)", "circle geometry is not supported"),
        ] {
            let refused = placed(text, Orientation::Right, Validity::Kept);
            assert!(refused.as_ref().is_err_and(|(_, found)| found.contains(reason)), "{text}: {refused:?}");
        }
        // Rings may touch, and what is asked for may go over itself.
        for (text, validity) in [
            ("POLYGON ((0 0, 10 0, 10 10, 0 10, 0 0), (0 0, 5 2, 2 5, 0 0))", Validity::Kept),
            ("POLYGON ((0 0, 10 0, 10 10, 5 0, 0 10, 0 0))", Validity::Kept),
            ("POLYGON ((0 0, 10 10, 10 0, 0 10, 0 0))", Validity::Asked),
            ("POLYGON ((0 0, 0.000000001 0, 0.000000001 0.000000001, 0 0))", Validity::Kept),
        ] {
            assert!(placed(text, Orientation::Right, validity).is_ok(), "{text}");
        }
    }
}
